"""What changed on people's screens, as pages and tests hear of it, and waiting for it without polling."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bot.playground.slack.pubsub import Hub, Subscription
from bot.playground.slack.shapes import Json

T = TypeVar("T")


class ChangeKind(StrEnum):
    """What kind of thing changed."""

    MESSAGE_POSTED = "message_posted"
    MESSAGE_CHANGED = "message_changed"
    MESSAGE_DELETED = "message_deleted"
    EPHEMERAL_POSTED = "ephemeral_posted"
    EPHEMERAL_CHANGED = "ephemeral_changed"
    EPHEMERAL_DELETED = "ephemeral_deleted"
    VIEW_OPENED = "view_opened"
    VIEW_UPDATED = "view_updated"
    VIEW_CLOSED = "view_closed"
    HOME_PUBLISHED = "home_published"
    CHANNEL_CHANGED = "channel_changed"
    GROUP_CHANGED = "group_changed"
    USER_CHANGED = "user_changed"
    APP_CHANGED = "app_changed"
    SOCKET_CHANGED = "socket_changed"  # a Socket Mode connection came or went


@dataclass(frozen=True, slots=True)
class Change:
    """One change. Empty fields do not apply to its kind."""

    seq: int  # grows by one with each change
    kind: ChangeKind
    channel: str = ""
    user: str = ""  # who alone sees it: of an ephemeral message, a view, a home
    ts: str = ""
    thread_ts: str = ""
    view_id: str = ""
    body: Json | None = None  # the message or view as it is now; None when it is gone


class Changes:
    """Publishes changes and lets others wait for a state that a change will bring."""

    def __init__(self) -> None:
        self._hub: Hub[Change] = Hub()
        self._seq = itertools.count(1)

    def tell(
        self,
        kind: ChangeKind,
        *,
        channel: str = "",
        user: str = "",
        ts: str = "",
        thread_ts: str = "",
        view_id: str = "",
        body: Json | None = None,
    ) -> None:
        """Publish one change."""
        self._hub.publish(Change(next(self._seq), kind, channel, user, ts, thread_ts, view_id, body))

    def subscribe(self) -> Subscription[Change]:
        """Listen from now on."""
        return self._hub.subscribe()

    async def until(self, condition: Callable[[], T | None], seconds: float) -> T:
        """Return the condition's first true value, asked now and after every change.

        Raises `TimeoutError` when it stays false or None for that many seconds.
        """
        with self._hub.subscribe() as news:
            async with asyncio.timeout(seconds):
                while not (value := condition()):
                    await anext(news)
        return value

    def close(self) -> None:
        """End every subscription."""
        self._hub.close()
