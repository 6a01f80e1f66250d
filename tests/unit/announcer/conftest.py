from collections.abc import AsyncIterator

import pytest

from .newsroom import Newsroom, newsroom


@pytest.fixture
async def news(prepared_database: str) -> AsyncIterator[Newsroom]:
    """Give a newsroom with an empty channel, on SQLite and on PostgreSQL."""
    async with newsroom(prepared_database) as room:
        yield room
