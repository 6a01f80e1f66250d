from collections.abc import AsyncIterator

import pytest

from .harness import StoreHarness


@pytest.fixture
async def harness(prepared_database: str) -> AsyncIterator[StoreHarness]:
    """Give an empty database, on SQLite and on PostgreSQL."""
    harness = StoreHarness(prepared_database)
    async with harness.stack:
        yield harness
