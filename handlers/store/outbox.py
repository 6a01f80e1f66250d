"""Announcements and the conversations they travel in: written with the change they tell of, claimed conversation by conversation.

A message that was ordered cannot be missing, and a change that rolled back is not told.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from handlers.jobs import DELIVER, Job
from handlers.models import State
from handlers.store import tables as t
from handlers.store.claims import Claims
from handlers.store.rows import Posted

# Built once, by the database's name: to build such a statement costs more than to run it.
_ADD: Final[Mapping[str, postgresql.Insert | sqlite.Insert]] = MappingProxyType(
    {
        "postgresql": postgresql.insert(t.announcements).on_conflict_do_nothing(index_elements=["key"]),
        "sqlite": sqlite.insert(t.announcements).on_conflict_do_nothing(index_elements=["key"]),
    }
)
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


class Outbox(Claims):
    """Ordering announcements, and noting how far their delivery is."""

    def _insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """Return an insert that can say what to do about a row that is there already."""
        return postgresql.insert(table) if self._connection.dialect.name == "postgresql" else sqlite.insert(table)

    def _anew(self) -> dict[str, Any]:
        """Return what orders an announcement anew: also one that could not be delivered before."""
        return {"desired_version": t.announcements.c.desired_version + 1, "failure": None, "ordered_at": self.now}

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
        root = await self.announcement(thread_key) if thread_key is not None else None
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
                "created_at": self.now,
                "ordered_at": self.now,
            },
        )
        self.enqueue(Job(DELIVER, conversation))

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
            self.enqueue(Job(DELIVER, conversation))

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
            self.enqueue(Job(DELIVER, conversation))

    async def update_announcement(self, key: str, **columns: Any) -> None:  # noqa: ANN401 - columns of announcements
        """Note how far a delivery is."""
        messages: tuple[Posted, ...] | None = columns.get("messages")
        if messages is not None:
            columns["messages"] = [posted.model_dump() for posted in messages]
        await self._connection.execute(sa.update(t.announcements).where(t.announcements.c.key == key).values(**columns))

    async def claim_conversation(self, conversation: str) -> ConversationClaim | None:
        """Take a conversation to deliver what it holds. None when it must wait, or another live executor has it."""
        await self._connection.execute(_ADD_CONVERSATION[self._connection.dialect.name], {"conversation": conversation})
        may_speak = sa.or_(t.conversations.c.not_before.is_(None), t.conversations.c.not_before <= self.now)
        taken = await self._claim(
            t.conversations, t.conversations.c.conversation, conversation, may_speak, told=t.conversations.c.whole_at
        )
        return None if taken is None else ConversationClaim(max(_NOTHING, (taken.whole_at or self.now) - self.now))

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
        not_before = None if wait is None else self.now + wait
        await self._connection.execute(
            sa.update(t.conversations)
            .where(t.conversations.c.conversation == conversation, t.conversations.c.claimed_by == self._executor)
            .values(claimed_by=None, not_before=not_before, whole_at=self.now + debt)
        )
