from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from .room import Room, opened

OpenRoom = Callable[..., Awaitable[Room]]


@pytest.fixture
async def open_room(prepared_database: str) -> AsyncIterator[OpenRoom]:
    """Give what opens a room; it takes the fields of the route that differ, and what `opened` takes."""
    async with AsyncExitStack() as stack:

        async def start(**differs: Any) -> Room:  # noqa: ANN401 - see `opened`
            return await stack.enter_async_context(opened(prepared_database, **differs))

        yield start
