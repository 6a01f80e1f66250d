"""The errors that the app gets from the Web API, in Slack's form."""

from collections.abc import Sequence
from typing import NoReturn

from bot.playground.slack.shapes import Json


class ApiError(Exception):
    """A Web API method refuses: `{"ok": false, "error": code}`, with details where Slack gives them."""

    def __init__(self, code: str, *, messages: Sequence[str] = (), **extra: str) -> None:
        super().__init__(code)
        self.code = code
        self._messages = tuple(messages)
        self._extra = extra

    def body(self) -> Json:
        """Return the answer's body. Faults of blocks come twice, as in Slack: bare, and with `[ERROR]` before them."""
        body: Json = {"ok": False, "error": self.code} | self._extra
        if self._messages:
            body["errors"] = list(self._messages)
            body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self._messages]}
        return body


def refuse(code: str, *, messages: Sequence[str] = (), **extra: str) -> NoReturn:
    """Raise an `ApiError`."""
    raise ApiError(code, messages=messages, **extra)


class RateLimitedError(Exception):
    """The answer is 429: too many calls, or messages too soon after each other in one channel."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after  # seconds
