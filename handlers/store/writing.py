"""One transaction: state, record, announcements and jobs change together or not at all.

This is the product's first promise in code. A listener answers Slack only after the transaction has committed, so
nothing that was acknowledged can be missing; and nothing was announced or queued for a change that rolled back.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.models import MOVES, ApiCall, Decision, Request, State
from handlers.policy import Freeze
from handlers.store import tables as t
from handlers.store.outbox import Outbox
from handlers.store.rows import request_columns
from handlers.tracing import current_trace

SYSTEM = "tines-sync"
"""The actor of what the bot does by itself."""

# Built once: to build a statement of thirty columns costs more than to run it.
_ADD_REQUEST: Final = sa.insert(t.requests)
_ADD_DECISION: Final = sa.insert(t.decisions)
_ADD_EVENT: Final = sa.insert(t.events)
_CHAIN_HEAD: Final = sa.select(t.chain).where(t.chain.c.id == 1).with_for_update()
_MOVE_CHAIN: Final = sa.update(t.chain).where(t.chain.c.id == 1)


class ConflictError(Exception):
    """The row changed meanwhile: read it again and decide again. Nothing of the transaction was kept."""


class Transaction(Outbox):
    """Changes to the store within one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime, *, executor: str) -> None:
        super().__init__(connection, now, executor=executor)
        self.recorded: list[dict[str, Any]] = []  # events, to be chained at the commit
        self.freezes_changed = False

    # ---- requests

    async def add_request(self, request: Request) -> None:
        """Insert a new request. Raises `ConflictError` when its form was turned into a request meanwhile."""
        fields = {name: getattr(request, name) for name in Request.model_fields if name != "decisions"}
        fields["trace"] = current_trace() or request.trace
        try:
            await self._connection.execute(_ADD_REQUEST, request_columns(fields))
        except sa.exc.IntegrityError:
            raise ConflictError(request.id) from None

    async def change(self, request: Request, **changes: Any) -> Request:  # noqa: ANN401 - fields of Request
        """Change fields of a request by compare-and-swap on its state and revision, and return it as it is now.

        Raises `ConflictError` when the row is no longer in that state and revision, and `ValueError` for a move that
        `MOVES` does not allow.
        """
        target = State(changes.get("state", request.state))
        if target is not request.state and target not in MOVES[request.state]:
            message = f"a request cannot move from {request.state} to {target}"
            raise ValueError(message)
        changes["updated_at"] = self.now
        changes["trace"] = current_trace() or request.trace
        if "content" in changes:
            changes["digest"] = changes["content"].digest()
        updated = await self._connection.execute(
            sa.update(t.requests)
            .where(
                t.requests.c.id == request.id,
                t.requests.c.state == request.state.value,
                t.requests.c.revision == request.revision,
            )
            .values(request_columns(changes))
            .returning(t.requests.c.id)
        )
        if updated.one_or_none() is None:
            raise ConflictError(request.id)
        return request.model_copy(update=changes)

    async def wake_next(self, request: Request) -> None:
        """Let the engine look at the next approved request for the same two teams, which may have waited for this one."""
        for waiting in (await self.same_teams(request, {State.APPROVED}))[:1]:
            await self.wake({State.APPROVED}, waiting)

    async def wake(self, states: Collection[State], request_id: str) -> None:
        """Let the engine look at a request now, if it is still in one of the states when this is written."""
        woken = await self._connection.execute(
            sa.update(t.requests)
            .where(t.requests.c.id == request_id, t.requests.c.state.in_([state.value for state in states]))
            .values(next_run_at=self.now)
            .returning(t.requests.c.id)
        )
        if woken.one_or_none() is not None:
            self.advance(request_id)

    async def keep_calls(self, request_id: str, calls: Sequence[ApiCall]) -> None:
        """Keep calls of which nothing new came on a request's row, until something is recorded that they belong before."""
        await self._connection.execute(
            sa.update(t.requests).where(t.requests.c.id == request_id).values(request_columns({"calls": calls}))
        )

    async def begun_since(self, request: Request, since: datetime) -> bool:
        """Whether a create for the same two teams was begun by another request since a moment."""
        content = request.content
        begun = await self._connection.execute(
            sa.select(t.requests.c.id)
            .where(
                t.requests.c.source_team_id == content.source_team.id,
                t.requests.c.destination_team_id == content.destination_team.id,
                t.requests.c.id != request.id,
                t.requests.c.attempted_at >= since,
            )
            .limit(1)
        )
        return begun.first() is not None

    async def lock_teams(self, request: Request) -> None:
        """Let no other transaction begin a create for the same two teams until this one ends."""
        if self._connection.dialect.name == "postgresql":
            content = request.content
            pair = f"{content.source}/{content.source_team.id}/{content.destination}/{content.destination_team.id}"
            number = int.from_bytes(hashlib.sha256(pair.encode()).digest()[:8], signed=True)
            await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

    # ---- decisions

    async def add_decision(self, decision: Decision) -> None:
        """Insert a decision."""
        await self._connection.execute(_ADD_DECISION, decision.model_dump(mode="python"))

    async def withdraw_approval(self, request: Request, actor: str) -> None:
        """Mark a person's standing approvals of a request as withdrawn."""
        await self._connection.execute(
            sa.update(t.decisions)
            .where(
                t.decisions.c.request_id == request.id,
                t.decisions.c.actor == actor,
                t.decisions.c.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=self.now)
        )

    # ---- freezes

    async def put_freeze(self, freeze: Freeze) -> None:
        """Freeze a route, or say anew why it is frozen."""
        self.freezes_changed = True
        said = freeze.model_dump()
        await self._connection.execute(
            self._insert(t.freezes).values(said).on_conflict_do_update(index_elements=["route"], set_=said)
        )

    async def drop_freeze(self, route: str) -> None:
        """Thaw a route."""
        self.freezes_changed = True
        await self._connection.execute(sa.delete(t.freezes).where(t.freezes.c.route == route))

    # ---- the record

    def record(self, kind: str, actor: str, request_id: str | None = None, **data: Any) -> None:  # noqa: ANN401 - JSON
        """Append an event to the chain when the transaction commits. `data` must be JSON and hold no secret."""
        self.recorded.append({"at": self.now, "request_id": request_id, "actor": actor, "kind": kind, "data": data})

    async def write_events(self) -> None:
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
