from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from .harness import ExecutionHarness, equipped

OpenExecution = Callable[..., Awaitable[ExecutionHarness]]


@pytest.fixture
async def open_execution(prepared_database: str) -> AsyncIterator[OpenExecution]:
    """Give what opens an execution harness; it takes the fields of the route that differ, and what `equipped` takes."""
    async with AsyncExitStack() as stack:

        async def start(**differs: Any) -> ExecutionHarness:  # noqa: ANN401 - see `equipped`
            return await stack.enter_async_context(equipped(prepared_database, **differs))

        yield start
