"""How fast a lane may speak: short bursts, then about one message a second, as Slack allows for a channel.

Waiting here rather than being turned away keeps edits together: while the lane waits, newer states of a request
replace older ones, and readers see one edit instead of five.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_DOUBLINGS: Final = 16
_MANY: Final = 1000  # lanes remembered before the quiet ones are forgotten


@dataclass(frozen=True, slots=True)
class Pace:
    """A burst of messages, and how many a second after that; then how long to wait, in seconds, when Slack is away."""

    burst: float = 8.0
    per_second: float = 1.0
    first_wait: float = 1.0  # doubled with each attempt
    longest_wait: float = 60.0
    token_wait: float = 30.0  # until the next try with a token that Slack does not take

    def wait_after(self, attempts: int) -> float:
        """Return how long to wait after an attempt that failed, when so many had failed before."""
        doubled = min(attempts, _DOUBLINGS)  # an outage of days must not become a number that no float can hold
        return min(self.first_wait * 2.0**doubled, self.longest_wait)


class Throttle:
    """Token buckets, one a lane. `clock` gives seconds that only grow."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self.pace = pace
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # lane → what was left, when

    def take(self, lane: str) -> float:
        """Take leave to send one message; returns 0, or the seconds to wait before asking again."""
        now = self._clock()
        left, at = self._buckets.get(lane, (self.pace.burst, now))
        left = min(self.pace.burst, left + (now - at) * self.pace.per_second)
        if left < 1:
            self._buckets[lane] = (left, now)
            return (1 - left) / self.pace.per_second
        self._buckets[lane] = (left - 1, now)
        if len(self._buckets) > _MANY:
            self._forget_full(now)
        return 0.0

    def _forget_full(self, now: float) -> None:
        """Drop lanes that have been quiet for long enough to be full again, so that memory follows use."""
        refill = self.pace.burst / self.pace.per_second
        self._buckets = {lane: (left, at) for lane, (left, at) in self._buckets.items() if now - at < refill}
