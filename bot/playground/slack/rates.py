"""Slack's rate limits: so many calls a minute for each method, and one message a second in each channel.

The figures are of https://docs.slack.dev/apis/web-api/rate-limits; short bursts are allowed, as they are there. An
app that ignores `Retry-After` does not get through here either.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

_MINUTE: Final = 60.0
TIERS: Final[Mapping[int, int]] = MappingProxyType({1: 1, 2: 20, 3: 50, 4: 100})  # tier → calls a minute


@dataclass(frozen=True, slots=True)
class Rates:
    """How strictly calls are counted."""

    tiers: Mapping[int, int] = field(default_factory=lambda: TIERS)  # calls a minute; a missing tier is unlimited
    posts_a_second: float | None = 1.0  # messages in one channel; None: unlimited
    posts_burst: int = 4  # messages in one channel that may follow each other at once


STRICT_RATES: Final = Rates()
NO_RATES: Final = Rates(tiers=MappingProxyType({}), posts_a_second=None)


@dataclass(slots=True)
class _Bucket:
    """A token bucket: `size` calls at once, refilled by `rate` a second."""

    size: float
    rate: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Take one token; returns 0, or the seconds until there is one."""
        self.tokens = min(self.size, self.tokens + max(0.0, now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


class RateLimiter:
    """Counts calls by method and posts by channel."""

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        self._buckets: dict[str, _Bucket] = {}

    def method(self, name: str, tier: int, now: float) -> int:
        """Count a call of a method. Returns 0, or whole seconds for `Retry-After`."""
        allowed = self.rates.tiers.get(tier)
        if allowed is None:
            return 0
        return self._take(name, size=allowed, rate=allowed / _MINUTE, now=now)

    def post(self, channel: str, now: float) -> int:
        """Count a message into a channel. Returns 0, or whole seconds for `Retry-After`."""
        if self.rates.posts_a_second is None:
            return 0
        return self._take(f"post {channel}", size=self.rates.posts_burst, rate=self.rates.posts_a_second, now=now)

    def _take(self, key: str, *, size: float, rate: float, now: float) -> int:
        bucket = self._buckets.setdefault(key, _Bucket(size, rate, size, now))
        return math.ceil(bucket.take(now))
