from collections.abc import AsyncIterator

import pytest

from .shelf import Shelf


@pytest.fixture
async def shelf(prepared_database: str) -> AsyncIterator[Shelf]:
    """Give an empty database, on SQLite and on PostgreSQL."""
    shelf = Shelf(prepared_database)
    async with shelf.stack:
        yield shelf
