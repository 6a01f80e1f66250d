from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack

import pytest

from handlers.engine import Handlers
from handlers.jobs import Job

from .processes import Process, StartProcess


@pytest.fixture
async def start(prepared_database: str) -> AsyncIterator[StartProcess]:
    """Give what starts a process with handlers; all are stopped in the end."""
    async with AsyncExitStack() as stack:

        async def started(
            handlers: Handlers, due: Iterable[Job] = (), *, url: str = prepared_database, **options: float
        ) -> Process:
            process = Process(url, due, **options)
            await process.start(handlers)
            stack.push_async_callback(process.stop)
            return process

        yield started
