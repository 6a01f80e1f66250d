"""Several processes on one database, and what the database says of their work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa

from handlers.models import State
from handlers.store import tables as t
from handlers.store.database import open_engine, parse_url

from .harness import CrashHarness
from .process import Process, closed

_RUNS = "SELECT worker_id FROM procrastinate_jobs WHERE status = 'doing' AND lock LIKE 'advance:%'"


@asynccontextmanager
async def machines(harness: CrashHarness, **names: str) -> AsyncIterator[dict[str, Process]]:
    """Start a process of each name, with its command, and wait until all are ready."""
    processes = {name: harness.process(name) for name in names}
    async with closed(*processes.values()):
        for name, process in processes.items():  # one after the other: the workers' numbers tell who is who
            await process.start(names[name])
            assert await process.ready(), process.log()[-3000:]
            process.worker = await _newest_worker(harness)
        harness.listen_to(next(iter(processes.values())))
        yield processes


async def holder(harness: CrashHarness, processes: dict[str, Process]) -> Process:
    """Return the process that works on the one approved request: the job says whose worker runs it."""
    engine = open_engine(parse_url(harness.database_url), pool_size=1)
    try:
        async with engine.connect() as connection:
            worker = (await connection.execute(sa.text(_RUNS))).scalar_one()
    finally:
        await engine.dispose()
    return next(process for process in processes.values() if process.worker == worker)


async def _newest_worker(harness: CrashHarness) -> int:
    engine = open_engine(parse_url(harness.database_url), pool_size=1)
    try:
        async with engine.connect() as connection:
            found: int = (await connection.execute(sa.text("SELECT max(id) FROM procrastinate_workers"))).scalar_one()
            return found
    finally:
        await engine.dispose()


async def comes_to(harness: CrashHarness, state: State, seconds: float) -> None:
    """Wait until the one request is in a state."""
    engine = open_engine(parse_url(harness.database_url), pool_size=1)
    try:
        async with asyncio.timeout(seconds):
            found = None
            while found != state:
                async with engine.connect() as connection:
                    found = (await connection.execute(sa.select(t.requests.c.state))).scalar_one_or_none()
                await asyncio.sleep(0.1)
    finally:
        await engine.dispose()
