"""What can be asked of the store. Every query here has an index that it uses, whatever the number of rows."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.models import Request, State
from handlers.policy import Freeze
from handlers.store import tables as t
from handlers.store.rows import (
    Announcement,
    DeferredCommand,
    Event,
    read_announcement,
    read_deferred,
    read_event,
    read_request,
)

_OPEN: Final = sa.and_(
    t.announcements.c.desired_version > t.announcements.c.delivered_version, t.announcements.c.failure.is_(None)
)


class Reader:
    """Questions to the store within one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime, *, freezes_turn: int = 0) -> None:
        self._connection = connection
        self.now = now
        self.freezes_turn = freezes_turn  # how many changes of freezes the process had made before

    async def request(self, request_id: str, *, lock: bool = False) -> Request | None:
        """Return a request with its decisions; with `lock`, nobody else changes it until the transaction ends."""
        query = sa.select(t.requests).where(t.requests.c.id == request_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
        if row is None:
            return None
        decisions = await self._connection.execute(
            sa.select(t.decisions).where(t.decisions.c.request_id == request_id).order_by(t.decisions.c.id)
        )
        return read_request(row, decisions.mappings())

    async def request_of_draft(self, draft_id: str) -> Request | None:
        """Return the request that a form became, if it did."""
        found = await self._connection.execute(sa.select(t.requests.c.id).where(t.requests.c.draft_id == draft_id))
        request_id = found.scalar_one_or_none()
        return None if request_id is None else await self.request(request_id)

    async def requested_by(self, person: str, *, limit: int, offset: int = 0) -> tuple[tuple[Request, ...], int]:
        """Return a person's requests, newest first, and how many there are in all."""
        return await self._some(t.requests.c.requester == person, limit=limit, offset=offset)

    async def waiting_on(
        self, routes: Collection[str], *, but_not: str, limit: int, offset: int = 0
    ) -> tuple[tuple[Request, ...], int]:
        """Return pending requests of some routes that `but_not` did not ask for, newest first, and their number."""
        if not routes:
            return (), 0
        where = sa.and_(
            t.requests.c.state == State.PENDING.value,
            t.requests.c.route.in_(routes),
            t.requests.c.requester != but_not,
        )
        return await self._some(where, limit=limit, offset=offset)

    async def _some(self, where: sa.ColumnElement[bool], *, limit: int, offset: int) -> tuple[tuple[Request, ...], int]:
        total = (
            await self._connection.execute(sa.select(sa.func.count()).select_from(t.requests).where(where))
        ).scalar_one()
        if not total:
            return (), 0
        rows = await self._connection.execute(
            sa.select(t.requests).where(where).order_by(t.requests.c.created_at.desc()).limit(limit).offset(offset)
        )
        found = rows.mappings().all()
        decisions: dict[str, list[sa.RowMapping]] = {}
        given = await self._connection.execute(
            sa.select(t.decisions)
            .where(t.decisions.c.request_id.in_([row["id"] for row in found]))
            .order_by(t.decisions.c.id)
        )
        for decision in given.mappings():
            decisions.setdefault(decision["request_id"], []).append(decision)
        return tuple(read_request(row, decisions.get(row["id"], ())) for row in found), total

    async def same_teams(self, request: Request, states: Collection[State]) -> tuple[str, ...]:
        """Return the ids of other requests for the same two teams in some states, oldest first."""
        content = request.content
        rows = await self._connection.execute(
            sa.select(t.requests.c.id)
            .where(
                t.requests.c.source_team_id == content.source_team.id,
                t.requests.c.destination_team_id == content.destination_team.id,
                t.requests.c.state.in_([state.value for state in states]),
                t.requests.c.source == content.source,
                t.requests.c.destination == content.destination,
                t.requests.c.id != request.id,
            )
            .order_by(t.requests.c.updated_at, t.requests.c.id)
        )
        return tuple(rows.scalars())

    async def held_up_on(self, route: str) -> tuple[str, ...]:
        """Return the ids of a route's requests that were approved and have nothing under way, or may have to send anew."""
        rows = await self._connection.execute(
            sa.select(t.requests.c.id).where(
                t.requests.c.state.in_([State.APPROVED.value, State.RUNNING.value]), t.requests.c.route == route
            )
        )
        return tuple(rows.scalars())

    async def counts(self) -> dict[str, int]:
        """Return how many requests are in each state."""
        rows = await self._connection.execute(
            sa.select(t.requests.c.state, sa.func.count()).group_by(t.requests.c.state)
        )
        return {row[0]: row[1] for row in rows}

    async def oldest_waiting(self) -> tuple[float, float]:
        """Return for how many seconds the longest-due job and the oldest open announcement wait; 0 for none."""
        both = sa.union_all(
            sa.select(sa.func.min(t.requests.c.next_run_at).label("next_run_at")).where(
                t.requests.c.next_run_at.is_not(None)
            ),
            sa.select(sa.func.min(t.deferred_commands.c.next_run_at).label("next_run_at")).where(
                t.deferred_commands.c.next_run_at.is_not(None)
            ),
        ).subquery()
        due = (await self._connection.execute(sa.select(sa.func.min(both.c.next_run_at)))).scalar_one_or_none()
        said = (
            await self._connection.execute(sa.select(sa.func.min(t.announcements.c.ordered_at)).where(_OPEN))
        ).scalar_one_or_none()
        return self._age(due), self._age(said)

    def _age(self, moment: datetime | None) -> float:
        return 0.0 if moment is None else max(0.0, (self.now - moment).total_seconds())

    async def freeze(self, route: str) -> Freeze | None:
        """Return who froze the route and why, or None."""
        return (await self.freezes()).get(route)

    async def freezes(self) -> dict[str, Freeze]:
        """Return every frozen route."""
        rows = await self._connection.execute(sa.select(t.freezes))
        return {row["route"]: Freeze.model_validate(dict(row)) for row in rows.mappings()}

    async def announcement(self, key: str) -> Announcement | None:
        """Return an announcement by its key."""
        row = await self._connection.execute(sa.select(t.announcements).where(t.announcements.c.key == key))
        found = row.mappings().one_or_none()
        return None if found is None else read_announcement(found)

    async def open_announcements(self, conversation: str, *, limit: int = 20) -> tuple[Announcement, ...]:
        """Return what a conversation still has to deliver, in order."""
        rows = await self._connection.execute(
            sa.select(t.announcements)
            .where(t.announcements.c.conversation == conversation, _OPEN)
            .order_by(t.announcements.c.id)
            .limit(limit)
        )
        return tuple(read_announcement(row) for row in rows.mappings())

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

    async def chain_head(self) -> tuple[int, str]:
        """Return the number and hash of the chain's last event; (0, "") for an empty chain."""
        row = (await self._connection.execute(sa.select(t.chain.c.seq, t.chain.c.hash))).one_or_none()
        return (0, "") if row is None else (row.seq, row.hash)

    async def deferred(self, deferred_id: str) -> DeferredCommand | None:
        """Return a deferred command that is not done yet."""
        row = await self._connection.execute(
            sa.select(t.deferred_commands).where(
                t.deferred_commands.c.id == deferred_id, t.deferred_commands.c.next_run_at.is_not(None)
            )
        )
        found = row.mappings().one_or_none()
        return None if found is None else read_deferred(found)

    async def conversation_rest(self, conversation: str, *, but_for: str) -> timedelta | None:
        """Return how long a conversation still has to wait, zero when it is free, None while another executor than `but_for` has it.

        An executor whose lease ended has nothing.
        """
        alive = sa.select(t.executors.c.id).where(t.executors.c.lease_until > self.now, t.executors.c.id != but_for)
        found = await self._connection.execute(
            sa.select(t.conversations.c.not_before, sa.not_(_free(t.conversations.c.claimed_by, alive))).where(
                t.conversations.c.conversation == conversation
            )
        )
        not_before, taken = found.one_or_none() or (None, False)
        if not_before is not None and not_before > self.now:
            rest: timedelta = not_before - self.now
            return rest
        return None if taken else timedelta()

    async def due(self, executor: str, *, limit: int = 200) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Return the ids of requests, conversations and deferred commands that are due and that no other live executor works on."""
        alive = sa.select(t.executors.c.id).where(t.executors.c.lease_until > self.now, t.executors.c.id != executor)
        requests = await self._connection.execute(
            sa.select(t.requests.c.id)
            .where(t.requests.c.next_run_at <= self.now, _free(t.requests.c.claimed_by, alive))
            .order_by(t.requests.c.next_run_at)
            .limit(limit)
        )
        conversations = await self._connection.execute(
            sa.select(t.announcements.c.conversation)
            .outerjoin(t.conversations, t.conversations.c.conversation == t.announcements.c.conversation)
            .where(
                _OPEN,
                sa.or_(t.conversations.c.not_before.is_(None), t.conversations.c.not_before <= self.now),
                _free(t.conversations.c.claimed_by, alive),
            )
            .distinct()
            .limit(limit)
        )
        deferred = await self._connection.execute(
            sa.select(t.deferred_commands.c.id)
            .where(t.deferred_commands.c.next_run_at <= self.now, _free(t.deferred_commands.c.claimed_by, alive))
            .order_by(t.deferred_commands.c.next_run_at)
            .limit(limit)
        )
        return tuple(requests.scalars()), tuple(conversations.scalars()), tuple(deferred.scalars())


def _free(claimed_by: sa.Column[str], alive: sa.Select[tuple[str]]) -> sa.ColumnElement[bool]:
    return sa.or_(claimed_by.is_(None), claimed_by.not_in(alive))
