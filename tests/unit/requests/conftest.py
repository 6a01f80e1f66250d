from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from handlers.store import migrate

from .room import Room, opened

OpenRoom = Callable[..., Awaitable[Room]]


@pytest.fixture
async def open_room(database_url: str) -> AsyncIterator[OpenRoom]:
    """Give what opens a room; it takes the fields of the route that differ, and what `opened` takes."""
    await migrate(database_url)
    async with AsyncExitStack() as stack:

        async def start(**differs: Any) -> Room:  # noqa: ANN401 - see `opened`
            return await stack.enter_async_context(opened(database_url, **differs))

        yield start
