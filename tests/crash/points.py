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
        self._strike: Callable[[], None] = _nobody

    def arm(self, point: Point, strike: Callable[[], None]) -> None:
        """Strike at the point, such as by killing the process or by freezing it."""
        self._point, self._left, self._strike = point, point.nth, strike

    def disarm(self) -> None:
        """Strike nobody any more."""
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
                await app(scope, receive, self._sprung_before(send))
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

    def _sprung_before(self, send: Send) -> Send:
        """Spring before the answer leaves: a dead process never reads it, a frozen one does when it is unfrozen."""
        sprung = False

        async def late(message: Message) -> None:
            nonlocal sprung
            if not sprung:
                self._spring()
            sprung = True
            await send(message)

        return late

    def _spring(self) -> None:
        self._strike()


def _nobody() -> None:
    """Strike nobody: no point was armed yet."""
