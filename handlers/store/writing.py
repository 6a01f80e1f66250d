"""One transaction: state, record, announcements and jobs change together or not at all.

This is the product's first promise in code. A listener answers Slack only after the transaction has committed, so
nothing that was acknowledged can be missing; and nothing was announced or queued for a change that rolled back.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.jobs import ADVANCE, DELIVER, INTENT, Job
from handlers.models import MOVES, Decision, State, SyncRequest
from handlers.policy import Freeze
from handlers.store import tables as t
from handlers.store.reading import Reader
from handlers.store.rows import Posted, request_columns
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


class Transaction(Reader):
    """Changes to the store within one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime, *, executor: str) -> None:
        super().__init__(connection, now)
        self._executor = executor
        self.recorded: list[dict[str, Any]] = []  # events, to be chained at the commit
        self.freezes_changed = False
        self.jobs: dict[Job, None] = {}  # a set that keeps its order

    # ---- requests

    async def add_request(self, request: SyncRequest) -> None:
        """Insert a new request."""
        fields = {name: getattr(request, name) for name in SyncRequest.model_fields if name != "decisions"}
        fields["trace"] = current_trace() or request.trace
        await self._connection.execute(_ADD_REQUEST, request_columns(fields))

    async def change(self, request: SyncRequest, **changes: Any) -> SyncRequest:  # noqa: ANN401 - fields of SyncRequest
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

    async def make_due(self, request_id: str) -> None:
        """Let the engine look at a request now."""
        await self._connection.execute(
            sa.update(t.requests).where(t.requests.c.id == request_id).values(due_at=self.now)
        )
        self.advance(request_id)

    async def claim_request(self, request_id: str) -> SyncRequest | None:
        """Take a request to work on it. None when it is gone or another live executor has it."""
        if not await self._claim(t.requests, t.requests.c.id, request_id):
            return None
        return await self.request(request_id, lock=True)

    async def hold_request(self, request: SyncRequest) -> SyncRequest | None:
        """Return a claimed request, locked, if it is still claimed by this process and where it was; else None.

        Asked before every effect and every change that follows one: another process may have taken the request over.
        """
        held = await self._connection.execute(
            sa.select(t.requests.c.claimed_by).where(t.requests.c.id == request.id).with_for_update()
        )
        if held.scalar_one_or_none() != self._executor:
            return None
        current = await self.request(request.id)
        if current is None or (current.state, current.revision) != (request.state, request.revision):
            return None
        return current

    async def begun_since(self, request: SyncRequest, since: datetime) -> bool:
        """Whether a create for the same two teams was begun by another request since a moment."""
        content = request.content
        begun = await self._connection.execute(
            sa.select(t.requests.c.id)
            .where(
                t.requests.c.source_team_id == content.source_team.id,
                t.requests.c.destination_team_id == content.destination_team.id,
                t.requests.c.id != request.id,
                t.requests.c.posted_at >= since,
            )
            .limit(1)
        )
        return begun.first() is not None

    async def release_request(self, request_id: str) -> None:
        """Give a claimed request back."""
        await self._release(t.requests, t.requests.c.id, request_id)

    async def lock_teams(self, request: SyncRequest) -> None:
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

    async def withdraw_approval(self, request: SyncRequest, actor: str) -> None:
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
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        said = freeze.model_dump()
        await self._connection.execute(
            insert(t.freezes).values(said).on_conflict_do_update(index_elements=["route"], set_=said)
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

    # ---- announcements

    async def announce(
        self,
        key: str,
        kind: str,
        lane: str,
        *,
        request_id: str | None = None,
        thread_key: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Order a message to be shown. A key that exists already is left as it is: it was ordered before."""
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        await self._connection.execute(
            insert(t.announcements)
            .values(
                key=key,
                kind=kind,
                lane=lane,
                request_id=request_id,
                thread_key=thread_key,
                data=dict(data or {}),
                wanted=1,
                created_at=self.now,
            )
            .on_conflict_do_nothing(index_elements=["key"])
        )
        self.enqueue(Job(DELIVER, lane))

    async def touch(self, key: str) -> None:
        """Order an announcement to be shown as its request stands now. Nothing happens for a key not announced."""
        changed = await self._connection.execute(
            sa.update(t.announcements)
            .where(t.announcements.c.key == key)
            .values(wanted=t.announcements.c.wanted + 1, failure=None)  # what could not be delivered is tried anew
            .returning(t.announcements.c.lane)
        )
        lane = changed.scalar_one_or_none()
        if lane is not None:
            self.enqueue(Job(DELIVER, lane))

    async def touch_route(self, route: str, lane: str, prefix: str) -> None:
        """Order the approval messages of a route's waiting requests to be shown anew; their keys begin with `prefix`."""
        waiting = sa.select(sa.literal(prefix) + t.requests.c.id).where(
            t.requests.c.route == route, t.requests.c.state.in_([State.PENDING.value, State.APPROVED.value])
        )
        await self._connection.execute(
            sa.update(t.announcements)
            .where(t.announcements.c.key.in_(waiting))
            .values(wanted=t.announcements.c.wanted + 1)
        )
        self.enqueue(Job(DELIVER, lane))

    async def update_announcement(self, key: str, **columns: Any) -> None:  # noqa: ANN401 - columns of announcements
        """Note how far a delivery is."""
        messages: tuple[Posted, ...] | None = columns.get("messages")
        if messages is not None:
            columns["messages"] = [posted.model_dump() for posted in messages]
        await self._connection.execute(sa.update(t.announcements).where(t.announcements.c.key == key).values(**columns))

    async def claim_lane(self, lane: str) -> bool:
        """Take a lane to deliver what it holds. False when it must wait, or another live executor has it."""
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        await self._connection.execute(
            insert(t.lanes).values(lane=lane).on_conflict_do_nothing(index_elements=["lane"])
        )
        return await self._claim(
            t.lanes, t.lanes.c.lane, lane, sa.or_(t.lanes.c.not_before.is_(None), t.lanes.c.not_before <= self.now)
        )

    async def release_lane(self, lane: str, *, wait: timedelta | None = None) -> None:
        """Give a lane back, to be served again after `wait`."""
        not_before = None if wait is None else self.now + wait
        await self._connection.execute(
            sa.update(t.lanes)
            .where(t.lanes.c.lane == lane, t.lanes.c.claimed_by == self._executor)
            .values(claimed_by=None, not_before=not_before)
        )

    # ---- intents

    async def add_intent(self, intent_id: str, kind: str, actor: str, data: Mapping[str, Any]) -> None:
        """Keep a form or decision that still has to be checked."""
        await self._connection.execute(
            sa.insert(t.intents).values(
                id=intent_id, kind=kind, actor=actor, data=dict(data), created_at=self.now, due_at=self.now
            )
        )
        self.enqueue(Job(INTENT, intent_id))

    async def claim_intent(self, intent_id: str) -> bool:
        """Take an intent to check it."""
        return await self._claim(t.intents, t.intents.c.id, intent_id, t.intents.c.due_at.is_not(None))

    async def finish_intent(self, intent_id: str, outcome: str) -> bool:
        """Mark an intent as done; False when somebody did so before."""
        changed = await self._connection.execute(
            sa.update(t.intents)
            .where(t.intents.c.id == intent_id, t.intents.c.due_at.is_not(None))
            .values(due_at=None, claimed_by=None, outcome=outcome)
            .returning(t.intents.c.id)
        )
        return changed.one_or_none() is not None

    # ---- jobs and claims

    def enqueue(self, job: Job) -> None:
        """Hand a job over with this transaction."""
        self.jobs[job] = None

    def advance(self, request_id: str) -> None:
        """Hand over the job that looks at a request."""
        self.enqueue(Job(ADVANCE, request_id))

    async def _claim(
        self, table: sa.Table, key: sa.Column[str], value: str, *conditions: sa.ColumnElement[bool]
    ) -> bool:
        alive = sa.select(t.executors.c.id).where(t.executors.c.lease_until > self.now)
        claimed_by = table.c.claimed_by
        claimed = await self._connection.execute(
            sa.update(table)
            .where(
                key == value,
                sa.or_(claimed_by.is_(None), claimed_by == self._executor, claimed_by.not_in(alive)),
                *conditions,
            )
            .values(claimed_by=self._executor)
            .returning(key)
        )
        return claimed.one_or_none() is not None

    async def _release(self, table: sa.Table, key: sa.Column[str], value: str) -> None:
        await self._connection.execute(
            sa.update(table).where(key == value, table.c.claimed_by == self._executor).values(claimed_by=None)
        )


def event_hash(seq: int, previous: str, event: Mapping[str, Any]) -> str:
    """Return the hash that chains an event to the one before it: 64 hexadecimal characters."""
    at: datetime = event["at"]
    body = [seq, at.isoformat(), event["request_id"], event["actor"], event["kind"], event["data"]]
    return hashlib.sha256((previous + t.pack(body)).encode()).hexdigest()
