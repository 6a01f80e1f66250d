from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.playground.launch import Setup

from .harness import SHORT_TIMES, FlowHarness, database, opened

OpenHarness = Callable[..., Awaitable[FlowHarness]]


@pytest.fixture
async def open_harness(tmp_path: Path) -> AsyncIterator[OpenHarness]:
    """Return what opens a harness whose playground differs from the usual one.

    It takes the fields of `Setup`, as in `open_harness(route={"approvals": 2})`. Only one harness at a time: the engine
    allows one in a process.
    """
    async with AsyncExitStack() as stack:

        async def start(**differs: Any) -> FlowHarness:  # noqa: ANN401 - the fields of `Setup`
            setup = Setup(**{"database_url": database(tmp_path), "overrides": SHORT_TIMES, **differs})
            return await stack.enter_async_context(opened(setup))

        yield start


@pytest.fixture
async def harness(open_harness: OpenHarness) -> FlowHarness:
    """Return the usual harness: one route from dev to prod, on which anybody may ask and Ada or Ben approves."""
    return await open_harness()
