"""Whether the bot has its Socket Mode connection, for `/readyz`, figures and the log.

Without a connection nothing that people do reaches the bot, and nobody would notice by an error: only by silence.
"""

from collections.abc import Callable
from typing import Final

import structlog

from bot.metrics import Metrics

_GRACE_SECONDS: Final = 10.0  # without a connection until the process counts as not ready


class SocketState:
    """The connections of one process. `monotonic` tells seconds that never go back."""

    def __init__(self, metrics: Metrics, monotonic: Callable[[], float]) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._in_use = False
        self._open = 0
        self._lost_at: float | None = None  # None: connected, or not in use
        self._reason = ""
        self._log = structlog.get_logger(__name__)

    def starts(self) -> None:
        """Count as in use, and as not connected yet."""
        self._in_use = True
        self._missing("not connected yet")

    def opened(self) -> None:
        """Count a connection."""
        self._open += 1
        if self._lost_at is not None:
            self._log.info("Socket Mode is connected", after_seconds=round(self._monotonic() - self._lost_at, 1))
        self._lost_at, self._reason = None, ""
        self._metrics.socket_connected(connected=True)

    def closed(self, reason: str) -> None:
        """Count a connection that ended, and why."""
        self._open -= 1
        if not self._in_use:
            return
        self._metrics.socket_lost(reason)
        if self._open:
            self._log.info("a Socket Mode connection was replaced", reason=reason)
            return
        self._log.warning("the Socket Mode connection is lost", reason=reason)
        self._missing(reason)

    def failed(self, reason: str, *, advice: str, next_in: float) -> None:
        """Count an attempt to connect that did not work; each reason is an error in the log once, while it lasts."""
        self._metrics.socket_lost(reason)
        level = self._log.warning if reason == self._reason else self._log.error
        level("Socket Mode cannot connect", reason=reason, advice=advice, next_in_seconds=round(next_in, 1))
        if not self._open:
            self._missing(reason)

    def stops(self) -> None:
        """Count as not in use any more."""
        self._in_use = False
        self._lost_at, self._reason = None, ""
        self._metrics.socket_connected(connected=False)

    def wrong(self) -> str:
        """Return what is wrong, "" when nothing is, or when it may be over in some seconds."""
        if self._lost_at is None:
            return ""
        seconds = self._monotonic() - self._lost_at
        if seconds < _GRACE_SECONDS:
            return ""
        return f"no Socket Mode connection for {seconds:.0f} seconds ({self._reason})"

    def _missing(self, reason: str) -> None:
        self._reason = reason
        if self._lost_at is None:
            self._lost_at = self._monotonic()
        self._metrics.socket_connected(connected=False)
