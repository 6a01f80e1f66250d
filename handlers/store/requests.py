"""Requests and their decisions: reading them, and changing them by compare-and-swap."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.models import MOVES, ApiCall, Decision, DestinationChange, Frozen, Request, State, Verdict
from handlers.store import tables as t
from handlers.store.jobs_ordered import OrderedJobs
from handlers.store.rows import RowTypes, read_request, read_result, request_columns
from handlers.tracing import current_trace

# Built once: to build a statement of thirty columns costs more than to run it.
_ADD_REQUEST: Final = sa.insert(t.requests)
_ADD_DECISION: Final = sa.insert(t.decisions)

DUE: Final = sa.select(t.requests.c.id.label("key"), t.requests.c.next_run_at.label("at")).where(
    t.requests.c.next_run_at <= t.NOW
)
"""The ids of requests whose time has come."""


_DECISIONS: Final = (
    sa.select(t.decisions)
    .where(t.decisions.c.request_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(t.decisions.c.id)
)
_MADE: Final = (
    sa.select(t.requests)
    .where(
        t.requests.c.state.in_([state.value for state in State]),  # the index begins with it
        t.requests.c.route == sa.bindparam("route"),
        t.requests.c.created_at >= sa.bindparam("since"),
        t.requests.c.created_at < sa.bindparam("until"),
    )
    .order_by(t.requests.c.created_at.desc())
    .limit(sa.bindparam("limit"))
)


class _Listing:
    """The statements of a list that is shown a page at a time, newest first; built once, as they cost more than a look.

    `page` reads `limit` of them from `offset` on, each with the `total`; `total` only how many there are.
    """

    def __init__(self, *where: sa.ColumnElement[bool]) -> None:
        self.total = sa.select(sa.func.count()).select_from(t.requests).where(*where).correlate(None)
        self.page = (
            sa.select(t.requests, self.total.scalar_subquery().label("total"))
            .where(*where)
            .order_by(t.requests.c.created_at.desc())
            .limit(sa.bindparam("limit"))
            .offset(sa.bindparam("offset"))
        )


_OWN: Final = _Listing(
    t.requests.c.requester.in_(sa.bindparam("ids", expanding=True)),
    t.requests.c.route.not_in(sa.bindparam("but_on", expanding=True)),
)
_WAITING: Final = _Listing(
    t.requests.c.state == State.PENDING.value,
    t.requests.c.route.in_(sa.bindparam("routes", expanding=True)),
    sa.tuple_(t.requests.c.route, t.requests.c.operation).in_(sa.bindparam("policies", expanding=True)),
    t.requests.c.requester.not_in(sa.bindparam("ids", expanding=True)),
    ~sa.exists()
    .where(
        t.decisions.c.request_id == t.requests.c.id,
        t.decisions.c.actor.in_(sa.bindparam("ids", expanding=True)),
        t.decisions.c.verdict == Verdict.APPROVE.value,
        t.decisions.c.digest == t.requests.c.digest,
        t.decisions.c.withdrawn_at.is_(None),
    )
    .correlate(t.requests),
)


class ConflictError(Exception):
    """The row changed meanwhile: read it again and decide again. Nothing of the transaction was kept."""


class RequestsReader:
    """Requests as they are in one transaction. Every query here has an index that it uses, whatever the number of rows."""

    def __init__(self, connection: AsyncConnection, now: datetime, types: Mapping[str, RowTypes]) -> None:
        self._connection = connection
        self._now = now
        self._types = types  # what the store knows of the operations, by name

    async def get(self, request_id: str) -> Request | None:
        """Return a request with its decisions."""
        return await self._read(sa.select(t.requests).where(t.requests.c.id == request_id))

    async def _read(self, query: sa.Select[Any]) -> Request | None:
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        decisions = await self._connection.execute(
            sa.select(t.decisions).where(t.decisions.c.request_id == row["id"]).order_by(t.decisions.c.id)
        )
        return read_request(row, self._types, decisions.mappings())

    async def of_draft(self, draft_id: str) -> Request | None:
        """Return the request that a form became, if it did."""
        found = await self._connection.execute(sa.select(t.requests.c.id).where(t.requests.c.draft_id == draft_id))
        request_id = found.scalar_one_or_none()
        return None if request_id is None else await self.get(request_id)

    async def requested_by(
        self, *ids: str, but_on: Collection[str] = (), limit: int, offset: int = 0
    ) -> tuple[tuple[Request, ...], int]:
        """Return the requests of a person, given by all ids of theirs, newest first, and how many there are in all.

        Those `but_on` some routes are left out. `limit` 0: only their number.
        """
        return await self._page(_OWN, {"ids": ids, "but_on": tuple(but_on)}, limit, offset)

    async def waiting_on(
        self, policies: Collection[tuple[str, str]], *, but_not: Collection[str], limit: int, offset: int = 0
    ) -> tuple[tuple[Request, ...], int]:
        """Return pending requests by route and operation, newest first, and their number.

        Left out is what `but_not`, the ids of a person, asked for, or approved as it is now. `limit` 0: only their number.
        """
        if not policies:
            return (), 0
        routes = tuple({route for route, _ in policies})
        values = {"ids": tuple(but_not), "routes": routes, "policies": tuple(policies)}
        return await self._page(_WAITING, values, limit, offset)

    async def made_between(self, route: str, since: datetime, until: datetime, *, limit: int) -> tuple[Request, ...]:
        """Return the requests that were made on a route from one moment on and before another, newest first."""
        rows = await self._connection.execute(_MADE, {"route": route, "since": since, "until": until, "limit": limit})
        return await self._decided(rows.mappings().all())

    async def _page(
        self, listing: "_Listing", values: Mapping[str, Any], limit: int, offset: int
    ) -> tuple[tuple[Request, ...], int]:
        if limit:
            rows = await self._connection.execute(listing.page, {**values, "limit": limit, "offset": offset})
            if found := rows.mappings().all():
                return await self._decided(found), found[0]["total"]
        return (), (await self._connection.execute(listing.total, values)).scalar_one()

    async def _decided(self, found: Sequence[sa.RowMapping]) -> tuple[Request, ...]:
        """Return the requests of some rows, each with its decisions."""
        decisions: dict[str, list[sa.RowMapping]] = {}
        given = await self._connection.execute(_DECISIONS, {"ids": [row["id"] for row in found]})
        for decision in given.mappings():
            decisions.setdefault(decision["request_id"], []).append(decision)
        return tuple(read_request(row, self._types, decisions.get(row["id"], ())) for row in found)

    async def same_resource(self, request: Request, states: Collection[State]) -> tuple[str, ...]:
        """Return the ids of other requests for the same resource in some states, oldest first."""
        rows = await self._connection.execute(
            sa.select(t.requests.c.id)
            .where(
                t.requests.c.resource == request.resource,
                t.requests.c.state.in_([state.value for state in states]),
                t.requests.c.id != request.id,
            )
            .order_by(t.requests.c.updated_at, t.requests.c.id)
        )
        return tuple(rows.scalars())

    async def of_destinations(
        self, source: str, destination_ids: Collection[int], *, limit: int = 100, creating: bool = False
    ) -> tuple[Request, ...]:
        """Return requests about some sync destinations of a source tenant, newest first, without their decisions.

        `creating`: only those that may have created them.
        """
        where = [t.requests.c.destination_id.in_(destination_ids), t.requests.c.source == source]
        if creating:
            where.append(self._may(DestinationChange.CREATED))
        return await self._bare(sa.and_(*where), limit)

    async def rotations(self, source: str) -> tuple[Request, ...]:
        """Return the latest requests that sent keys to sync destinations of a source tenant, without their decisions."""
        ended = [State.SUCCEEDED.value, State.PARTIAL.value]
        return await self._bare(
            sa.and_(self._may(DestinationChange.KEY), t.requests.c.source == source, t.requests.c.state.in_(ended)),
            200,
        )

    def _may(self, change: DestinationChange) -> sa.ColumnElement[bool]:
        names = [name for name, each in self._types.items() if change in each.destination_changes]
        return t.requests.c.operation.in_(names)

    async def on_resources(
        self, resources: Collection[str], states: Collection[State], *, limit: int = 100
    ) -> tuple[Request, ...]:
        """Return requests for some resources in some states, newest first, without their decisions."""
        where = sa.and_(t.requests.c.resource.in_(resources), t.requests.c.state.in_([state.value for state in states]))
        return await self._bare(where, limit)

    async def results_on(self, resource: str, *, limit: int) -> tuple[Frozen, ...]:
        """Return what requests for a resource came to, of those that were done at least in part, newest first."""
        done = [State.SUCCEEDED.value, State.PARTIAL.value]
        rows = await self._connection.execute(
            sa.select(t.requests.c.operation, t.requests.c.result)
            .where(t.requests.c.resource == resource, t.requests.c.state.in_(done), t.requests.c.result.is_not(None))
            .order_by(t.requests.c.created_at.desc())
            .limit(limit)
        )
        found = (read_result(row, self._types) for row in rows.mappings())
        return tuple(result for result in found if result is not None)

    async def at_work_since(self, resources: Collection[str], since: datetime) -> tuple[Request, ...]:
        """Return requests for some resources that are being carried out, or were since a moment, without decisions."""
        at_work = [State.RUNNING.value, State.FOLLOWING.value, State.UNCERTAIN.value]
        where = sa.and_(
            t.requests.c.resource.in_(resources),
            sa.or_(
                t.requests.c.state.in_(at_work),
                t.requests.c.attempted_at >= since,
                t.requests.c.finished_at >= since,
            ),
        )
        rows = await self._connection.execute(sa.select(t.requests).where(where).order_by(t.requests.c.created_at))
        return tuple(read_request(row, self._types) for row in rows.mappings())

    async def _bare(self, where: sa.ColumnElement[bool], limit: int) -> tuple[Request, ...]:
        rows = await self._connection.execute(
            sa.select(t.requests).where(where).order_by(t.requests.c.created_at.desc()).limit(limit)
        )
        return tuple(read_request(row, self._types) for row in rows.mappings())

    async def held_up_on(self, route: str) -> tuple[str, ...]:
        """Return the ids of a route's requests that were approved and have nothing under way, or may have to send anew."""
        rows = await self._connection.execute(
            sa.select(t.requests.c.id).where(
                t.requests.c.state.in_([State.APPROVED.value, State.RUNNING.value]), t.requests.c.route == route
            )
        )
        return tuple(rows.scalars())

    async def pending_with_approvals(self, routes: Collection[str]) -> tuple[str, ...]:
        """Return the ids of pending requests that somebody approved, and of all pending ones of some routes."""
        approved = sa.exists().where(
            t.decisions.c.request_id == t.requests.c.id,
            t.decisions.c.verdict == Verdict.APPROVE.value,
            t.decisions.c.withdrawn_at.is_(None),
        )
        rows = await self._connection.execute(
            sa.select(t.requests.c.id).where(
                t.requests.c.state == State.PENDING.value, sa.or_(t.requests.c.route.in_(routes), approved)
            )
        )
        return tuple(rows.scalars())

    async def counts(self) -> dict[str, int]:
        """Return how many requests are in each state."""
        rows = await self._connection.execute(
            sa.select(t.requests.c.state, sa.func.count()).group_by(t.requests.c.state)
        )
        return {row[0]: row[1] for row in rows}

    async def oldest_due(self) -> datetime | None:
        """Return since when the longest-due request is due, None when none ever will be by itself."""
        found = await self._connection.execute(
            sa.select(sa.func.min(t.requests.c.next_run_at)).where(t.requests.c.next_run_at.is_not(None))
        )
        oldest: datetime | None = found.scalar_one_or_none()
        return oldest


class Requests(RequestsReader):
    """Requests, and what one transaction changes of them."""

    def __init__(
        self, connection: AsyncConnection, now: datetime, types: Mapping[str, RowTypes], jobs: OrderedJobs
    ) -> None:
        super().__init__(connection, now, types)
        self._jobs = jobs

    async def locked(self, request_id: str) -> Request | None:
        """Return a request with its decisions; nobody else changes it until the transaction ends."""
        return await self._read(sa.select(t.requests).where(t.requests.c.id == request_id).with_for_update())

    async def hold(self, request: Request) -> Request | None:
        """Return a request, locked, if it still is where it was seen; else None.

        Asked before every effect and every change that follows one: another process may have gone on with the request.
        """
        current = await self.locked(request.id)
        if current is None or _place(current) != _place(request):
            return None
        return current

    async def add(self, request: Request) -> None:
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
        changes["updated_at"] = self._now
        changes["trace"] = current_trace() or request.trace
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
        """Let the engine look at the next approved request for the same resource, which may have waited for this one."""
        for waiting in (await self.same_resource(request, {State.APPROVED}))[:1]:
            await self.wake({State.APPROVED}, waiting)

    async def wake(self, states: Collection[State], request_id: str) -> None:
        """Let the engine look at a request now, if it is still in one of the states when this is written."""
        woken = await self._connection.execute(
            sa.update(t.requests)
            .where(t.requests.c.id == request_id, t.requests.c.state.in_([state.value for state in states]))
            .values(next_run_at=self._now)
            .returning(t.requests.c.id)
        )
        if woken.one_or_none() is not None:
            self._jobs.advance(request_id)

    async def keep_calls(self, request_id: str, calls: Sequence[ApiCall]) -> None:
        """Keep calls of which nothing new came on a request's row, until something is recorded that they belong before."""
        await self._connection.execute(
            sa.update(t.requests).where(t.requests.c.id == request_id).values(request_columns({"calls": calls}))
        )

    async def begun_since(self, request: Request, since: datetime) -> bool:
        """Whether a call for the same resource was begun by another request since a moment."""
        begun = await self._connection.execute(
            sa.select(t.requests.c.id)
            .where(
                t.requests.c.resource == request.resource,
                t.requests.c.id != request.id,
                t.requests.c.attempted_at >= since,
            )
            .limit(1)
        )
        return begun.first() is not None

    async def lock_resource(self, request: Request) -> None:
        """Let no other transaction begin a call for the same resource until this one ends."""
        if self._connection.dialect.name == "postgresql":
            number = int.from_bytes(hashlib.sha256(request.resource.encode()).digest()[:8], signed=True)
            await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

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
            .values(withdrawn_at=self._now)
        )


def _place(request: Request) -> tuple[object, ...]:
    """Return where a request is: what changes when somebody goes on with it."""
    return request.state, request.revision, request.attempts, request.attempted_at
