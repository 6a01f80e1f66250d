from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest

from handlers.engine import Handler

from .processes import Process, StartProcess


@pytest.fixture
async def start(prepared_database: str) -> AsyncIterator[StartProcess]:
    """Give what starts a process with handlers; all are stopped in the end."""
    async with AsyncExitStack() as stack:

        async def started(handlers: Mapping[str, Handler], executor: str = "", sweep_seconds: float = 0.03) -> Process:
            process = Process(prepared_database, executor, sweep_seconds=sweep_seconds)
            stack.push_async_callback(process.close)
            await process.engine.start(handlers)
            stack.push_async_callback(process.stop)
            return process

        yield started
