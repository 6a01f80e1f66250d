"""Moments at which a process dies: around a request that it sends to Slack or to Tines.

The local services run in the harness, outlive the process, and kill it themselves: before they did what was asked,
after they did it but before they say so, or right after they said so. The product needs no hook for that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.playground.serving import reset_connection


class Moment(StrEnum):
    """When the process dies, as seen by the service that it calls."""

    ARRIVES = "arrives"  # asked, not done
    APPLIED = "applied"  # done, not answered
    ANSWERED = "answered"  # done and answered


@dataclass(frozen=True, slots=True)
class Point:
    """A request and a moment of it; `nth` counts the requests that match, from 1."""

    method: str
    path: str  # a glob
    moment: Moment
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.moment}"


class Trap:
    """Holds at most one armed point, and springs once."""

    def __init__(self) -> None:
        self._point: Point | None = None
        self._left = 0
        self._kill: Callable[[], None] = _nobody

    def arm(self, point: Point, kill: Callable[[], None]) -> None:
        """Kill at the point."""
        self._point, self._left, self._kill = point, point.nth, kill

    def disarm(self) -> None:
        """Kill nobody any more."""
        self._point = None

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the app with the trap around it."""

        async def trapped(scope: Scope, receive: Receive, send: Send) -> None:
            moment = self._meets(scope)
            if moment is None:
                await app(scope, receive, send)
            elif moment is Moment.ARRIVES:
                self._spring()
                reset_connection(scope)
            elif moment is Moment.APPLIED:
                await app(scope, receive, _unheard)
                self._spring()
                reset_connection(scope)
            else:
                await app(scope, receive, send)
                self._spring()

        return trapped

    def _meets(self, scope: Scope) -> Moment | None:
        point = self._point
        if point is None or scope["type"] != "http":
            return None
        if scope["method"] != point.method or not fnmatchcase(scope["path"], point.path):
            return None
        self._left -= 1
        if self._left:
            return None
        self._point = None
        return point.moment

    def _spring(self) -> None:
        self._kill()


def _nobody() -> None:
    """Kill nobody: no point was armed yet."""


async def _unheard(_message: Message) -> None:
    """Take an answer that will never leave."""
