"""Who works on what: rows are claimed by a process, for as long as it renews its lease.

Claims keep apart what must not happen at the same time in two processes. They hold no lock: a process that dies lets
its lease end, and what it had claimed is free. So they are asked again right before every effect.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.models import Request
from handlers.store import tables as t

_ADD_CONVERSATION: Final[Mapping[str, postgresql.Insert | sqlite.Insert]] = MappingProxyType(
    {
        "postgresql": postgresql.insert(t.conversations).on_conflict_do_nothing(index_elements=["conversation"]),
        "sqlite": sqlite.insert(t.conversations).on_conflict_do_nothing(index_elements=["conversation"]),
    }
)
_NOTHING: Final = timedelta()


class ConversationClaim(NamedTuple):
    """What whoever takes a conversation has to know: how long until it may take a whole burst again, whoever spent it."""

    debt: timedelta


class ClaimsReader:
    """What is due and free in one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def conversation_rest(self, conversation: str, *, but_for: str) -> timedelta | None:
        """Return how long a conversation still has to wait, zero when it is free, None while another executor than `but_for` has it.

        An executor whose lease ended has nothing.
        """
        alive = sa.select(t.executors.c.id).where(t.executors.c.lease_until > self._now, t.executors.c.id != but_for)
        found = await self._connection.execute(
            sa.select(t.conversations.c.not_before, sa.not_(_free(t.conversations.c.claimed_by, alive))).where(
                t.conversations.c.conversation == conversation
            )
        )
        not_before, taken = found.one_or_none() or (None, False)
        if not_before is not None and not_before > self._now:
            rest: timedelta = not_before - self._now
            return rest
        return None if taken else timedelta()

    async def due(self, executor: str, *, limit: int = 200) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Return the ids of requests, conversations and deferred commands that are due and that no other live executor works on."""
        alive = sa.select(t.executors.c.id).where(t.executors.c.lease_until > self._now, t.executors.c.id != executor)
        requests = await self._connection.execute(
            sa.select(t.requests.c.id)
            .where(t.requests.c.next_run_at <= self._now, _free(t.requests.c.claimed_by, alive))
            .order_by(t.requests.c.next_run_at)
            .limit(limit)
        )
        conversations = await self._connection.execute(
            sa.select(t.announcements.c.conversation)
            .outerjoin(t.conversations, t.conversations.c.conversation == t.announcements.c.conversation)
            .where(
                t.UNDELIVERED,
                sa.or_(t.conversations.c.not_before.is_(None), t.conversations.c.not_before <= self._now),
                _free(t.conversations.c.claimed_by, alive),
            )
            .distinct()
            .limit(limit)
        )
        deferred = await self._connection.execute(
            sa.select(t.deferred_commands.c.id)
            .where(t.deferred_commands.c.next_run_at <= self._now, _free(t.deferred_commands.c.claimed_by, alive))
            .order_by(t.deferred_commands.c.next_run_at)
            .limit(limit)
        )
        return tuple(requests.scalars()), tuple(conversations.scalars()), tuple(deferred.scalars())


class Claims(ClaimsReader):
    """Claims on requests, conversations and deferred commands. `load` reads a request and locks it."""

    def __init__(
        self,
        connection: AsyncConnection,
        now: datetime,
        *,
        executor: str,
        load: Callable[[str], Awaitable[Request | None]],
    ) -> None:
        super().__init__(connection, now)
        self._executor = executor
        self._load = load

    async def take_request(self, request_id: str) -> Request | None:
        """Take a request to work on it. None when it is gone or another live executor has it."""
        if await self._claim(t.requests, t.requests.c.id, request_id) is None:
            return None
        return await self._load(request_id)

    async def hold_request(self, request: Request) -> Request | None:
        """Return a claimed request, locked, if it is still claimed by this process and where it was; else None.

        Asked before every effect and every change that follows one: another process may have taken the request over.
        """
        held = await self._connection.execute(
            sa.select(t.requests.c.claimed_by).where(t.requests.c.id == request.id).with_for_update()
        )
        if held.scalar_one_or_none() != self._executor:
            return None
        current = await self._load(request.id)
        if current is None or (current.state, current.revision) != (request.state, request.revision):
            return None
        return current

    async def release_request(self, request_id: str) -> None:
        """Give a claimed request back."""
        await self._release(t.requests, t.requests.c.id, request_id)

    async def take_requests(self, request_ids: Collection[str]) -> frozenset[str]:
        """Take those of some requests that are still due and that nobody else works on, or is just about to take.

        Several processes that look at the same rows at the same moment divide them among themselves.
        """
        free = (
            sa.select(t.requests.c.id)
            .where(
                t.requests.c.id.in_(request_ids),
                t.requests.c.next_run_at <= self._now,
                self._free(t.requests.c.claimed_by),
            )
            .with_for_update(skip_locked=True)
        )
        claimed = await self._connection.execute(
            sa.update(t.requests)
            .where(t.requests.c.id.in_(free))
            .values(claimed_by=self._executor)
            .returning(t.requests.c.id)
        )
        return frozenset(claimed.scalars())

    async def take_deferred(self, deferred_id: str) -> bool:
        """Take a deferred command to check it."""
        return (
            await self._claim(
                t.deferred_commands,
                t.deferred_commands.c.id,
                deferred_id,
                t.deferred_commands.c.next_run_at.is_not(None),
            )
            is not None
        )

    async def take_conversation(self, conversation: str) -> ConversationClaim | None:
        """Take a conversation to deliver what it holds. None when it must wait, or another live executor has it."""
        await self._connection.execute(_ADD_CONVERSATION[self._connection.dialect.name], {"conversation": conversation})
        may_speak = sa.or_(t.conversations.c.not_before.is_(None), t.conversations.c.not_before <= self._now)
        taken = await self._claim(
            t.conversations, t.conversations.c.conversation, conversation, may_speak, answer=t.conversations.c.whole_at
        )
        return None if taken is None else ConversationClaim(max(_NOTHING, (taken.whole_at or self._now) - self._now))

    async def hold_conversation(self, conversation: str) -> bool:
        """Whether this process still has the conversation, which nobody takes over until the transaction ends."""
        held = await self._connection.execute(
            sa.select(t.conversations.c.claimed_by)
            .where(t.conversations.c.conversation == conversation)
            .with_for_update()
        )
        return held.scalar_one_or_none() == self._executor

    async def release_conversation(
        self, conversation: str, *, wait: timedelta | None = None, debt: timedelta = _NOTHING
    ) -> None:
        """Give a conversation back, to be served again after `wait`, and tell the next one what is `debt` (see `ConversationClaim`)."""
        not_before = None if wait is None else self._now + wait
        await self._connection.execute(
            sa.update(t.conversations)
            .where(t.conversations.c.conversation == conversation, t.conversations.c.claimed_by == self._executor)
            .values(claimed_by=None, not_before=not_before, whole_at=self._now + debt)
        )

    async def _claim(
        self,
        table: sa.Table,
        key: sa.Column[str],
        value: str,
        *conditions: sa.ColumnElement[bool],
        answer: sa.Column[Any] | None = None,
    ) -> sa.Row[Any] | None:
        """Take a row, and return what is asked of it; None when it is not free, or not as the conditions say."""
        claimed = await self._connection.execute(
            sa.update(table)
            .where(key == value, self._free(table.c.claimed_by), *conditions)
            .values(claimed_by=self._executor)
            .returning(key if answer is None else answer)
        )
        taken: sa.Row[Any] | None = claimed.one_or_none()
        return taken

    def _free(self, claimed_by: sa.Column[str]) -> sa.ColumnElement[bool]:
        """Whether nobody else alive has a row."""
        alive = sa.select(t.executors.c.id).where(t.executors.c.lease_until > self._now)
        return sa.or_(claimed_by.is_(None), claimed_by == self._executor, claimed_by.not_in(alive))

    async def _release(self, table: sa.Table, key: sa.Column[str], value: str) -> None:
        await self._connection.execute(
            sa.update(table).where(key == value, table.c.claimed_by == self._executor).values(claimed_by=None)
        )


def _free(claimed_by: sa.Column[str], alive: sa.Select[tuple[str]]) -> sa.ColumnElement[bool]:
    return sa.or_(claimed_by.is_(None), claimed_by.not_in(alive))
