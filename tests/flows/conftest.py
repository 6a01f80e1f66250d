from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.playground.stage import Play

from .office import HURRIED, Office, database, opened

OpenOffice = Callable[..., Awaitable[Office]]


@pytest.fixture
async def open_office(tmp_path: Path) -> AsyncIterator[OpenOffice]:
    """Return what opens an office whose stage differs from the usual one.

    It takes the fields of `Play`, as in `open_office(route={"approvals": 2})`. Only one office at a time: the engine
    allows one in a process.
    """
    async with AsyncExitStack() as stack:

        async def start(**differs: Any) -> Office:  # noqa: ANN401 - the fields of Play
            play = Play(**{"database_url": database(tmp_path), "outside": HURRIED, **differs})
            return await stack.enter_async_context(opened(play))

        yield start


@pytest.fixture
async def office(open_office: OpenOffice) -> Office:
    """Return the usual office: one route from dev to prod, on which anybody may ask and Ada or Ben approves."""
    return await open_office()
