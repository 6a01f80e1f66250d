"""The record of what happened: appended, and chained by hashes, so that a change of it shows."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.store import tables as t
from handlers.store.rows import Event, read_event

SYSTEM: Final = "tines-sync"
"""The actor of what the bot does by itself."""

_ADD_EVENT: Final = sa.insert(t.events)
_CHAIN_HEAD: Final = sa.select(t.chain).where(t.chain.c.id == 1).with_for_update()
_MOVE_CHAIN: Final = sa.update(t.chain).where(t.chain.c.id == 1)


class AuditReader:
    """The record as it is in one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def events(self, request_id: str) -> tuple[Event, ...]:
        """Return everything that happened to a request, oldest first."""
        rows = await self._connection.execute(
            sa.select(t.events).where(t.events.c.request_id == request_id).order_by(t.events.c.seq)
        )
        return tuple(read_event(row) for row in rows.mappings())

    async def events_after(self, seq: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """Return up to `limit` events after a place in the chain, oldest first."""
        rows = await self._connection.execute(
            sa.select(t.events).where(t.events.c.seq > seq).order_by(t.events.c.seq).limit(limit)
        )
        return tuple(read_event(row) for row in rows.mappings())

    async def events_between(self, since: datetime | None, until: datetime | None) -> tuple[int, int] | None:
        """Return the lowest and the highest number of the events from `since` on and before `until`; None for none.

        Between them there may be others: the clocks of several machines differ.
        """
        query = sa.select(sa.func.min(t.events.c.seq), sa.func.max(t.events.c.seq))
        if since is not None:
            query = query.where(t.events.c.at >= since)
        if until is not None:
            query = query.where(t.events.c.at < until)
        lowest, highest = (await self._connection.execute(query)).one()
        return None if lowest is None else (lowest, highest)

    async def data_of(self, kinds: Collection[str], since: datetime, until: datetime) -> tuple[dict[str, Any], ...]:
        """Return the data of the events of some kinds from one moment on and before another, oldest first."""
        rows = await self._connection.execute(
            sa.select(t.events.c.data)
            .where(t.events.c.at >= since, t.events.c.at < until, t.events.c.kind.in_(kinds))
            .order_by(t.events.c.seq)
        )
        return tuple(rows.scalars())

    async def data_about(self, request_id: str, kind: str) -> tuple[dict[str, Any], ...]:
        """Return the data of the events of one kind that happened to a request, oldest first."""
        rows = await self._connection.execute(
            sa.select(t.events.c.data)
            .where(t.events.c.request_id == request_id, t.events.c.kind == kind)
            .order_by(t.events.c.seq)
        )
        return tuple(rows.scalars())

    async def head(self) -> tuple[int, str]:
        """Return the number and hash of the chain's last event; (0, "") for an empty chain."""
        row = (await self._connection.execute(sa.select(t.chain.c.seq, t.chain.c.hash))).one_or_none()
        return (0, "") if row is None else (row.seq, row.hash)

    async def repeated(self, request_id: str, kind: str, *, most: int = 20) -> int:
        """Return how many of the latest events of a request, up to `most`, are of one kind and no other."""
        found = await self._connection.execute(
            sa.select(t.events.c.kind)
            .where(t.events.c.request_id == request_id)
            .order_by(t.events.c.seq.desc())
            .limit(most)
        )
        return sum(1 for _ in takewhile(lambda each: each == kind, found.scalars()))

    async def latest(self, request_id: str, kind: str) -> datetime | None:
        """Return when something of a kind happened to a request last, None when it did not."""
        found = await self._connection.execute(
            sa.select(sa.func.max(t.events.c.at)).where(t.events.c.request_id == request_id, t.events.c.kind == kind)
        )
        at: datetime | None = found.scalar_one_or_none()
        return at


class Audit(AuditReader):
    """The record, and what one transaction appends to it."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        super().__init__(connection, now)
        self.recorded: list[dict[str, Any]] = []  # events, to be chained at the commit

    def record(self, kind: str, actor: str, request_id: str | None = None, **data: Any) -> None:  # noqa: ANN401 - JSON
        """Append an event to the chain when the transaction commits. `data` must be JSON and hold no secret."""
        self.recorded.append({"at": self._now, "request_id": request_id, "actor": actor, "kind": kind, "data": data})

    async def write(self) -> None:
        """Chain the recorded events. Called last, since the chain's head is a lock that everybody needs."""
        if not self.recorded:
            return
        head = (await self._connection.execute(_CHAIN_HEAD)).one()
        seq, previous = head.seq, head.hash
        for event in self.recorded:
            seq += 1
            event.update(seq=seq, previous=previous, hash=event_hash(seq, previous, event))
            previous = event["hash"]
        await self._connection.execute(_ADD_EVENT, self.recorded)
        await self._connection.execute(_MOVE_CHAIN, {"seq": seq, "hash": previous})


def event_hash(seq: int, previous: str, event: Mapping[str, Any]) -> str:
    """Return the hash that chains an event to the one before it: 64 hexadecimal characters."""
    at: datetime = event["at"]
    body = [seq, at.isoformat(), event["request_id"], event["actor"], event["kind"], event["data"]]
    return hashlib.sha256((previous + t.pack(body)).encode()).hexdigest()
