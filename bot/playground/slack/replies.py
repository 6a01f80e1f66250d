"""Response URLs: five answers within thirty minutes to something that a person did, and no more.

See https://docs.slack.dev/interactivity/handling-user-interaction. They prevent an app from talking for ever through
an address that a workspace would have closed.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.playground.slack.errors import refuse

USES_MOST: Final = 5
SECONDS_MOST: Final = 30 * 60.0


@dataclass(slots=True)
class ReplyTo:
    """Whom and what a response URL answers."""

    user: str
    channel: str
    issued: float
    message_ts: str = ""  # of the message whose element was used; empty for a command
    ephemeral: bool = False  # whether that message is for the user alone
    thread_ts: str = ""
    uses: int = 0


class ResponseUrls:
    """Issues response URLs and counts their uses."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[str, ReplyTo] = {}

    def issue(
        self, user: str, channel: str, *, message_ts: str = "", ephemeral: bool = False, thread_ts: str = ""
    ) -> str:
        """Return the secret part of a new response URL."""
        token = secrets.token_urlsafe(18)
        self._issued[token] = ReplyTo(user, channel, self._clock(), message_ts, ephemeral, thread_ts)
        return token

    def use(self, token: str) -> ReplyTo:
        """Use it once. Raises `ApiError` (invalid_url, expired_url, used_url)."""
        reply = self._issued.get(token)
        if reply is None:
            refuse("invalid_url")
        if self._clock() - reply.issued > SECONDS_MOST:
            refuse("expired_url")
        if reply.uses >= USES_MOST:
            refuse("used_url")
        reply.uses += 1
        return reply
