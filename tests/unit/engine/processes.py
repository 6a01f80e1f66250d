"""Processes with an engine and a time that a test can move on, and handlers that note what they were given."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from handlers.engine import DurableJobs, Engine, new_executor_id
from handlers.jobs import Job
from handlers.store import Store
from handlers.store.database import open_engine, parse_url

LONG = 8.0  # seconds until something that must happen counts as missing


class Process:
    """What one process runs: a store and an engine, with a time that a test can move on."""

    def __init__(self, url: str, executor: str = "", *, sweep_seconds: float = 0.03) -> None:
        self.url = parse_url(url)
        self.ahead = timedelta()
        self.asked = 0  # how often for the seconds
        self.stopped = False
        self.jobs = DurableJobs(parse_url(url), head_start=0.1, leave_for=0.2)
        self.store = Store(
            open_engine(parse_url(url)), self.jobs, executor=executor or new_executor_id(), clock=self._clock
        )
        self.engine = Engine(
            self.jobs, self.store, sweep_seconds=sweep_seconds, poll_seconds=0.1, monotonic=self._monotonic
        )

    def _clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def _monotonic(self) -> float:
        self.asked += 1
        return time.monotonic() + self.ahead.total_seconds()

    async def orders(self, *jobs: Job) -> None:
        """Commit jobs."""
        async with self.store.transaction() as transaction:
            for job in jobs:
                transaction.jobs.add(job)

    async def intends(self, *ids: str) -> None:
        """Commit rows that are due until they are finished, with their jobs."""
        async with self.store.transaction() as transaction:
            for deferred in ids:
                await transaction.deferred.add(deferred, "submit", "U0RINA", {})

    async def stop(self, grace: float = 1.0) -> None:
        """Stop the engine, unless a test has done so."""
        if not self.stopped:
            self.stopped = True
            await self.engine.stop(grace=grace)

    async def close(self) -> None:
        """Close the connections."""
        await self.store.close()
        self.jobs.close()


StartProcess = Callable[..., Awaitable[Process]]


class Seen:
    """A handler that notes what it was given, and does what a test wants."""

    def __init__(self, then: Callable[[str], Awaitable[None]] | None = None) -> None:
        self.keys: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._then = then
        self._news = asyncio.Event()

    async def __call__(self, key: str) -> None:
        """Run a job."""
        self.keys.append(key)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self._news.set()
        try:
            if self._then is not None:
                await self._then(key)
        finally:
            self.at_once -= 1

    async def times(self, number: int) -> None:
        """Wait until it was called so often."""
        async with asyncio.timeout(LONG):
            while len(self.keys) < number:
                self._news.clear()
                await self._news.wait()
