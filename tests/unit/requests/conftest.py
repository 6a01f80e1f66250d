from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from .harness import RequestHarness, opened

OpenHarness = Callable[..., Awaitable[RequestHarness]]


@pytest.fixture
async def open_harness(prepared_database: str) -> AsyncIterator[OpenHarness]:
    """Give what opens a harness; it takes the fields of the route that differ, and what `opened` takes."""
    async with AsyncExitStack() as stack:

        async def start(**differs: Any) -> RequestHarness:  # noqa: ANN401 - see `opened`
            return await stack.enter_async_context(opened(prepared_database, **differs))

        yield start
