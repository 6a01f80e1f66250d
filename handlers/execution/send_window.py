"""The send window: how long after "about to send" was committed the bytes may still leave.

A process can be stopped at any instruction, by the system or with its machine, and go on minutes later as if nothing
had been. Whoever took its work over meanwhile has looked, found nothing, and sent. So whoever sends commits first that it
is about to send and reads a clock that counts suspension; when the bytes would leave later than the window allows, they do
not, and the row is looked at anew. And whoever finds a call that somebody else began waits, by its own clock, for longer
than the window and the longest call together before it sends again. No two clocks are ever compared.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from handlers.clock import uptime

WINDOW: Final = 10.0
"""Seconds from the commit of "about to send" within which the bytes must leave."""

_MOST_WATCHED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Opened:
    """One permission to send, from the moment that "about to send" was about to be committed."""

    at: float
    clock: Callable[[], float]
    seconds: float

    @property
    def open(self) -> bool:
        """Whether the bytes may still leave. Asked right before they would."""
        return self.clock() - self.at <= self.seconds


@dataclass(slots=True)
class SendWindow:
    """Gives permissions to send, and tells for how long this process has seen a call without an outcome."""

    seconds: float = WINDOW
    clock: Callable[[], float] = uptime
    _seen: dict[Hashable, float] = field(default_factory=dict)

    def opened(self) -> Opened:
        """Open the window. Called before the commit of "about to send", so that its time counts as well."""
        return Opened(self.clock(), self.clock, self.seconds)

    def seen_for(self, attempt: Hashable) -> float:
        """Return for how many seconds this process has known of an attempt, whoever made it; 0 the first time."""
        now = self.clock()
        since = self._seen.setdefault(attempt, now)
        if len(self._seen) > _MOST_WATCHED:  # memory follows use: the oldest are forgotten, and waited for anew
            del self._seen[next(iter(self._seen))]
        return now - since

    def ended(self, attempt: Hashable) -> None:
        """Note that this process made an attempt and that its call has ended, so that nothing is under way any more."""
        self._seen[attempt] = float("-inf")
