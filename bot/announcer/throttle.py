"""How fast a lane may speak: short bursts, then about one message a second, as Slack allows for a channel.

Waiting here rather than being turned away keeps edits together: while the lane waits, newer states of a request
replace older ones, and readers see one edit instead of five.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MANY: Final = 1000  # lanes remembered before the quiet ones are forgotten


@dataclass(frozen=True, slots=True)
class Pace:
    """A burst of messages, and how many a second after that."""

    burst: float = 8.0
    per_second: float = 1.0


class Throttle:
    """Token buckets, one a lane. `clock` gives seconds that only grow."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._pace = pace
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # lane → what was left, when

    def take(self, lane: str) -> float:
        """Take leave to send one message; returns 0, or the seconds to wait before asking again."""
        now = self._clock()
        left, at = self._buckets.get(lane, (self._pace.burst, now))
        left = min(self._pace.burst, left + (now - at) * self._pace.per_second)
        if left < 1:
            self._buckets[lane] = (left, now)
            return (1 - left) / self._pace.per_second
        self._buckets[lane] = (left - 1, now)
        if len(self._buckets) > _MANY:
            self._forget_full(now)
        return 0.0

    def _forget_full(self, now: float) -> None:
        """Drop lanes that have been quiet for long enough to be full again, so that memory follows use."""
        refill = self._pace.burst / self._pace.per_second
        self._buckets = {lane: (left, at) for lane, (left, at) in self._buckets.items() if now - at < refill}
