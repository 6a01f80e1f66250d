from collections.abc import AsyncIterator

import pytest

from .harness import DeliveryHarness, opened


@pytest.fixture
async def harness(prepared_database: str) -> AsyncIterator[DeliveryHarness]:
    """Give a harness with an empty channel, on SQLite and on PostgreSQL."""
    async with opened(prepared_database) as ready:
        yield ready
