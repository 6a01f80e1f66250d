"""The local tenants together: who lives at which origin, and one time for all of them.

Nothing here sleeps or runs in the background. What happens later (a sync, a late create) waits on a schedule that is
caught up with whenever a tenant is looked at, so a test steps through an hour in no time and a crash leaves no task.
"""

import heapq
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from bot.playground.tines.tenant import LocalTines


def _system_clock() -> datetime:
    return datetime.now(UTC)


class World:
    """Maps origins to local tenants and keeps their common time."""

    def __init__(self, clock: Callable[[], datetime] = _system_clock) -> None:
        self._clock = clock
        self._ahead = timedelta()
        self._schedule: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._tenants: dict[str, LocalTines] = {}

    def now(self) -> datetime:
        """Return the clock's time and what was advanced."""
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass, and everything happen that falls into it."""
        self._ahead += timedelta(seconds=seconds)
        self.settle()

    def schedule(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later; with 0 seconds, now."""
        heapq.heappush(self._schedule, (self.now() + timedelta(seconds=seconds), next(self._order), action))
        self.settle()

    def settle(self) -> None:
        """Do everything that is due, in order."""
        while self._schedule and self._schedule[0][0] <= self.now():
            heapq.heappop(self._schedule)[2]()

    @property
    def waiting(self) -> int:
        """How many things are still to happen."""
        return len(self._schedule)

    def settle_all(self) -> None:
        """Let as much time pass as everything scheduled needs."""
        while self._schedule:
            self.advance(max(0.0, (self._schedule[0][0] - self.now()).total_seconds()))

    def register(self, url: str, tines: "LocalTines") -> None:
        """Let a tenant live at an origin (e.g. "http://127.0.0.1:8001"); a tenant may have several."""
        self._tenants[origin(url)] = tines

    def at(self, url: str) -> "LocalTines | None":
        """Return the tenant that lives at the URL's origin."""
        return self._tenants.get(origin(url))

    def url_of(self, tines: "LocalTines") -> str:
        """Return the origin that a tenant was last registered at; empty when it lives nowhere yet."""
        return next((url for url, other in reversed(self._tenants.items()) if other is tines), "")

    def secrets(self) -> Iterator[str]:
        """Return the secret of every key of every tenant, to mask them."""
        for tines in set(self._tenants.values()):
            yield from tines.keys


def origin(url: str) -> str:
    """Reduce a URL to scheme, host and port, as tenants are compared."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
