"""Announcements: ordered with the change they tell of, and how far their delivery is.

A message that was ordered cannot be missing, and a change that rolled back is not told.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.jobs import DELIVER, Job
from handlers.models import State
from handlers.store import tables as t
from handlers.store.jobs_ordered import OrderedJobs
from handlers.store.rows import Announcement, Posted, read_announcement

# Built once, by the database's name: to build such a statement costs more than to run it.
_ADD: Final[Mapping[str, postgresql.Insert | sqlite.Insert]] = MappingProxyType(
    {
        "postgresql": postgresql.insert(t.announcements).on_conflict_do_nothing(index_elements=["key"]),
        "sqlite": sqlite.insert(t.announcements).on_conflict_do_nothing(index_elements=["key"]),
    }
)
_REFUSED: Final = sa.and_(t.UNDELIVERED, t.announcements.c.failure.is_not(None))  # for now: it is tried again

DUE: Final = (
    sa.select(t.announcements.c.conversation.label("key"), sa.func.min(t.announcements.c.ordered_at).label("at"))
    .outerjoin(t.conversations, t.conversations.c.conversation == t.announcements.c.conversation)
    .where(t.UNDELIVERED, sa.or_(t.conversations.c.not_before.is_(None), t.conversations.c.not_before <= t.NOW))
    .group_by(t.announcements.c.conversation)
)
"""The conversations that have something to deliver and need not wait."""


class OutboxReader:
    """Announcements as they are in one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def get(self, key: str) -> Announcement | None:
        """Return an announcement by its key."""
        return await self._read(sa.select(t.announcements).where(t.announcements.c.key == key))

    async def _read(self, query: sa.Select[Any]) -> Announcement | None:
        found = (await self._connection.execute(query)).mappings().one_or_none()
        return None if found is None else read_announcement(found)

    async def undelivered(self, conversation: str, *, limit: int = 20) -> tuple[Announcement, ...]:
        """Return what a conversation still has to deliver, in order."""
        rows = await self._connection.execute(
            sa.select(t.announcements)
            .where(t.announcements.c.conversation == conversation, t.UNDELIVERED)
            .order_by(t.announcements.c.id)
            .limit(limit)
        )
        return tuple(read_announcement(row) for row in rows.mappings())

    async def oldest_undelivered(self) -> datetime | None:
        """Return since when the oldest undelivered announcement is ordered, None when everything is delivered.

        Conversations that wait because Slack refuses what is posted do not count: see `refused_conversations`.
        """
        refused = (
            sa.select(t.announcements.c.conversation)
            .join(t.conversations, t.conversations.c.conversation == t.announcements.c.conversation)
            .where(_REFUSED, t.conversations.c.not_before > self._now)
        )
        found = await self._connection.execute(
            sa.select(sa.func.min(t.announcements.c.ordered_at)).where(
                t.UNDELIVERED, t.announcements.c.conversation.not_in(refused)
            )
        )
        oldest: datetime | None = found.scalar_one_or_none()
        return oldest

    async def refused_conversations(self) -> dict[str, int]:
        """Return in how many conversations Slack refuses what is posted for now, by its error code."""
        rows = await self._connection.execute(
            sa.select(t.announcements.c.failure, sa.func.count(t.announcements.c.conversation.distinct()))
            .where(_REFUSED)
            .group_by(t.announcements.c.failure)
        )
        return {row[0]: row[1] for row in rows}


class Outbox(OutboxReader):
    """Announcements, and what one transaction orders or notes of them."""

    def __init__(self, connection: AsyncConnection, now: datetime, jobs: OrderedJobs) -> None:
        super().__init__(connection, now)
        self._jobs = jobs

    async def locked(self, key: str) -> Announcement | None:
        """Return an announcement by its key; nobody else changes it until the transaction ends."""
        return await self._read(sa.select(t.announcements).where(t.announcements.c.key == key).with_for_update())

    async def announce(
        self,
        key: str,
        kind: str,
        conversation: str,
        *,
        request_id: str | None = None,
        thread_key: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Order a message to be shown. A key that exists already is left as it is: it was ordered before.

        A message of a thread goes to where the thread is, even if the configuration names another channel by now.
        """
        root = await self.get(thread_key) if thread_key is not None else None
        conversation = conversation if root is None else root.conversation
        await self._connection.execute(
            _ADD[self._connection.dialect.name],
            {
                "key": key,
                "kind": kind,
                "conversation": conversation,
                "request_id": request_id,
                "thread_key": thread_key,
                "data": dict(data or {}),
                "desired_version": 1,
                "created_at": self._now,
                "ordered_at": self._now,
            },
        )
        self._jobs.add(Job(DELIVER, conversation))

    async def refresh(self, key: str) -> None:
        """Order an announcement to be shown as its request stands now. Nothing happens for a key not announced."""
        changed = await self._connection.execute(
            sa.update(t.announcements)
            .where(t.announcements.c.key == key)
            .values(self._anew())
            .returning(t.announcements.c.conversation)
        )
        conversation = changed.scalar_one_or_none()
        if conversation is not None:
            self._jobs.add(Job(DELIVER, conversation))

    async def revise(self, key: str, data: Mapping[str, Any]) -> None:
        """Let an announcement say something else from now on. Nothing happens for a key not announced."""
        await self._connection.execute(
            sa.update(t.announcements).where(t.announcements.c.key == key).values(data=dict(data))
        )
        await self.refresh(key)

    async def refresh_thread(self, head: str, *, but_not: str) -> None:
        """Order what stands in the thread of a head anew, as the head has another place by now.

        Those of the kind `but_not` stay where they are.
        """
        await self._connection.execute(
            sa.update(t.announcements)
            .where(
                t.announcements.c.thread_key == head,
                t.announcements.c.kind != but_not,
                t.announcements.c.delivered_version > 0,
            )
            .values(self._anew())
        )

    async def refresh_waiting(self, route: str, prefix: str) -> None:
        """Order the messages of a route's waiting requests to be shown anew: those whose key is `prefix` and the id."""
        waiting = sa.select(sa.literal(prefix) + t.requests.c.id).where(
            t.requests.c.route == route, t.requests.c.state.in_([State.PENDING.value, State.APPROVED.value])
        )
        refreshed = await self._connection.execute(
            sa.update(t.announcements)
            .where(t.announcements.c.key.in_(waiting))
            .values(self._anew())
            .returning(t.announcements.c.conversation)
        )
        for conversation in dict.fromkeys(refreshed.scalars()):
            self._jobs.add(Job(DELIVER, conversation))

    async def update(self, key: str, **columns: Any) -> None:  # noqa: ANN401 - columns of announcements
        """Note how far a delivery is."""
        messages: tuple[Posted, ...] | None = columns.get("messages")
        if messages is not None:
            columns["messages"] = [posted.model_dump() for posted in messages]
        await self._connection.execute(sa.update(t.announcements).where(t.announcements.c.key == key).values(**columns))

    def _anew(self) -> dict[str, Any]:
        """Return what orders an announcement anew: also one that was given up before."""
        return {"desired_version": t.announcements.c.desired_version + 1, "ordered_at": self._now}
