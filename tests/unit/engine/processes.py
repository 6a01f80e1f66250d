"""Processes with an engine, with rows that are due and a time that a test can move on; and handlers that note their keys."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from handlers.engine import Engine, Handlers, open_job_engine
from handlers.jobs import Job
from handlers.store.database import parse_url

LONG = 8.0  # seconds until something that must happen counts as missing
NEVER = 600.0


class Process:
    """What one process runs: an engine, and rows that are due until a test says that they are not."""

    def __init__(self, url: str, due: Iterable[Job] = (), *, sweep_seconds: float = 0.03, **options: float) -> None:
        self.due = dict.fromkeys(due)
        self.ahead = 0.0
        self.sweeps = 0
        self.stopped = False
        self.engine: Engine = open_job_engine(
            parse_url(url), sweep_seconds=sweep_seconds, monotonic=self._monotonic, **options
        )

    def _monotonic(self) -> float:
        return time.monotonic() + self.ahead

    async def _find_due(self) -> Sequence[Job]:
        self.sweeps += 1
        return list(self.due)

    async def start(self, handlers: Handlers) -> None:
        """Start the engine."""
        await self.engine.start(handlers, self._find_due)

    async def swept(self, times: int = 2) -> None:
        """Wait until so many sweeps have begun from now on."""
        until = self.sweeps + times
        async with asyncio.timeout(LONG):
            while self.sweeps < until:  # noqa: ASYNC110 - a sweep tells nobody
                await asyncio.sleep(0.005)

    async def stop(self, grace: float = 1.0) -> None:
        """Stop the engine, unless a test has done so."""
        if not self.stopped:
            self.stopped = True
            await self.engine.stop(grace=grace)


StartProcess = Callable[..., Awaitable[Process]]


class Seen:
    """A handler that notes what it was given, and does what a test wants."""

    def __init__(self, then: Callable[[str], Awaitable[None]] | None = None) -> None:
        self.keys: list[str] = []
        self.ended: list[str] = []
        self.at_once: list[str] = []
        self.overlaps: list[str] = []
        self._then = then
        self._news = asyncio.Event()

    async def __call__(self, key: str) -> None:
        """Run a job."""
        if key in self.at_once:
            self.overlaps.append(key)
        self.keys.append(key)
        self.at_once.append(key)
        self._news.set()
        try:
            if self._then is not None:
                await self._then(key)
            self.ended.append(key)
        finally:
            self.at_once.remove(key)
            self._news.set()

    async def times(self, number: int) -> None:
        """Wait until it was called so often."""
        await self._until(lambda: len(self.keys) >= number)

    async def ends(self, number: int) -> None:
        """Wait until so many calls have ended well."""
        await self._until(lambda: len(self.ended) >= number)

    async def ended_with(self, key: str) -> None:
        """Wait until a call with a key has ended well."""
        await self._until(lambda: key in self.ended)

    async def _until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONG):
            while not met():
                self._news.clear()
                await self._news.wait()
