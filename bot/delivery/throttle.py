"""How fast a conversation may speak: short bursts, then about one message a second, as Slack allows for a channel.

Waiting here rather than being refused by Slack keeps edits together: while the conversation waits, newer states of a request
replace older ones, and readers see one edit instead of five.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_DOUBLINGS: Final = 16
_REFUSED_LONGER: Final = 60  # times the longest wait of other failures
_MANY: Final = 1000  # conversations remembered before the quiet ones are forgotten
_ROUNDING: Final = 1e-6  # seconds: who waited as long as told need not wait for the rest of a float


@dataclass(frozen=True, slots=True)
class RateLimit:
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

    def wait_after_refusal(self, attempts: int) -> float:
        """Return how long to wait after a refusal that can pass: first as after other failures, then up to an hour."""
        return min(self.first_wait * 2.0 ** min(attempts, _DOUBLINGS), _REFUSED_LONGER * self.longest_wait)


class Throttle:
    """What each conversation may still take. `clock` gives seconds that only grow.

    One number a conversation says it all: when its burst will be whole again. Each message puts that off by its share. So it is
    easily handed on with the conversation, and several processes together are no faster than one.
    """

    def __init__(self, rate_limit: RateLimit, clock: Callable[[], float]) -> None:
        self.rate_limit = rate_limit
        self._clock = clock
        self._whole_at: dict[str, float] = {}

    def take(self, conversation: str) -> float:
        """Take leave to send one message; returns 0, or the seconds to wait before asking again."""
        each = 1 / self.rate_limit.per_second
        debt = self.debt(conversation)
        if (wait := debt - (self.rate_limit.burst - 1) * each) > _ROUNDING:
            return wait
        self._set_debt(conversation, debt + each)
        return 0.0

    def debt(self, conversation: str) -> float:
        """Return in how many seconds a conversation may take a whole burst again."""
        return max(0.0, self._whole_at.get(conversation, 0.0) - self._clock())

    def learn(self, conversation: str, debt: float) -> None:
        """Take over the debt, in seconds, that the process which spoke in the conversation before has noted."""
        if debt > self.debt(conversation):
            self._set_debt(conversation, debt)

    def _set_debt(self, conversation: str, seconds: float) -> None:
        now = self._clock()
        self._whole_at[conversation] = now + seconds
        if len(self._whole_at) > _MANY:  # memory follows use: quiet conversations are forgotten
            self._whole_at = {
                conversation: whole_at for conversation, whole_at in self._whole_at.items() if whole_at > now
            }
