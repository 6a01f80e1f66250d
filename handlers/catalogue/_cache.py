"""Keep one thing that is slow to get: hand out what is there, and renew it behind everybody's back.

It prevents the stampede: however many people type at once, one renewal at a time is under way, and nobody who could
have had a slightly older answer waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from handlers.tines import TinesError

T = TypeVar("T")


class Cached(Generic[T]):
    """A value, how old it is, and the one renewal that may be under way.

    Times are seconds. After a renewal has failed, the next one that nobody waits for starts no sooner than `pause` later.
    """

    def __init__(
        self, name: str, load: Callable[[], Awaitable[T]], clock: Callable[[], float], *, fresh_for: float, pause: float
    ) -> None:
        self._name = name
        self._load = load
        self._clock = clock
        self._fresh_for = fresh_for
        self._pause = pause
        self._value: T | None = None
        self._as_of = 0.0
        self._not_before = clock()
        self._renewal: asyncio.Task[T] | None = None
        self.failure: TinesError | None = None  # of the latest renewal that ended, if it failed at Tines

    def fresh(self) -> T | None:
        """Return the value if it is younger than `fresh_for`, else None."""
        return self._value if self._clock() - self._as_of < self._fresh_for else None

    def at_once(self) -> T | None:
        """Return the value whatever its age, and have it renewed in the background when it is no longer fresh."""
        if self._value is not None:
            self.warm()
        return self._value

    def warm(self) -> None:
        """Have the value loaded, or renewed when it is no longer fresh, in the background."""
        if self.fresh() is None and self._clock() >= self._not_before:
            self.renew()

    def renew(self) -> "asyncio.Task[T]":
        """Return the renewal under way, having started it if there was none. Do not cancel it: others wait, too."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.get_running_loop().create_task(self._renew(), name=f"renew {self._name}")
            self._renewal.add_done_callback(self._ended)
        return self._renewal

    @property
    def is_loading(self) -> bool:
        """Whether a renewal is under way."""
        return self._renewal is not None and not self._renewal.done()

    async def settled(self) -> None:
        """Wait for the renewal that may be under way, however it ends."""
        if self._renewal is not None and not self._renewal.done():
            await asyncio.wait([self._renewal])

    async def close(self) -> None:
        """End the renewal that may be under way."""
        if self._renewal is not None and not self._renewal.done():
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    async def _renew(self) -> T:
        as_of = self._clock()  # what changes while it is read may not be in it
        value = await self._load()
        self._value, self._as_of, self.failure = value, as_of, None
        return value

    def _ended(self, renewal: "asyncio.Task[T]") -> None:
        """Tell of a failure here, because nobody may be waiting for it."""
        if renewal.cancelled() or (error := renewal.exception()) is None:
            return
        self.failure = error if isinstance(error, TinesError) else None
        wait = error.retry_after if isinstance(error, TinesError) else None
        self._not_before = self._clock() + max(self._pause, wait or 0.0)
        mistake = None if isinstance(error, TinesError) else error  # of ours: where it happened matters then
        log = structlog.get_logger(__name__)
        log.warning("catalogue not renewed", what=self._name, error=str(error), exc_info=mistake)
