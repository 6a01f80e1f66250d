"""Conversations: until when each must wait, and how much of its burst was spent, whichever process spent it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.store import tables as t

_INSERT: Final[Mapping[str, postgresql.Insert | sqlite.Insert]] = MappingProxyType(
    {"postgresql": postgresql.insert(t.conversations), "sqlite": sqlite.insert(t.conversations)}
)
_NOTHING: Final = timedelta()


class ConversationState(NamedTuple):
    """How long a conversation must still wait, and how long until it may take a whole burst again."""

    wait: timedelta = _NOTHING
    debt: timedelta = _NOTHING


class ConversationsReader:
    """Conversations as they are in one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def get(self, conversation: str) -> ConversationState:
        """Return the state of a conversation; one that nothing is known of may speak."""
        row = await self._connection.execute(
            sa.select(t.conversations.c.not_before, t.conversations.c.whole_at).where(
                t.conversations.c.conversation == conversation
            )
        )
        found = row.one_or_none()
        return ConversationState() if found is None else ConversationState(*map(self._left, found))

    def _left(self, moment: datetime | None) -> timedelta:
        return _NOTHING if moment is None else max(_NOTHING, moment - self._now)


class Conversations(ConversationsReader):
    """Conversations, and what one transaction notes of them."""

    async def note(self, conversation: str, state: ConversationState) -> None:
        """Note the state of a conversation for whoever delivers it next."""
        values = {
            "not_before": self._now + state.wait if state.wait else None,
            "whole_at": self._now + state.debt,
        }
        await self._connection.execute(
            _INSERT[self._connection.dialect.name]
            .values(conversation=conversation, **values)
            .on_conflict_do_update(index_elements=["conversation"], set_=values)
        )
