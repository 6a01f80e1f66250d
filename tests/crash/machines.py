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


@asynccontextmanager
async def machines(harness: CrashHarness, **names: str) -> AsyncIterator[dict[str, Process]]:
    """Start a process of each name, with its command, and wait until all are ready."""
    processes = {name: harness.process(name) for name in names}
    async with closed(*processes.values()):
        for name, process in processes.items():
            await process.start(names[name])
        for process in processes.values():
            assert await process.ready(), process.log()[-3000:]
        harness.listen_to(next(iter(processes.values())))
        yield processes


async def holder(harness: CrashHarness, processes: dict[str, Process]) -> Process:
    """Return the process that works on the one approved request: its claim names it."""
    engine = open_engine(parse_url(harness.database_url), pool_size=1)
    try:
        async with engine.connect() as connection:
            claimed = await connection.execute(
                sa.select(t.requests.c.claimed_by).where(t.requests.c.claimed_by.is_not(None))
            )
            executor = claimed.scalar_one()
    finally:
        await engine.dispose()
    return next(process for process in processes.values() if f"-{process.child.pid}-" in executor)


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
