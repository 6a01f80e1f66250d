from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from .workshop import Workshop, equipped

OpenShop = Callable[..., Awaitable[Workshop]]


@pytest.fixture
async def open_shop(prepared_database: str) -> AsyncIterator[OpenShop]:
    """Give what opens a workshop; it takes the fields of the route that differ, and what `equipped` takes."""
    async with AsyncExitStack() as stack:

        async def start(**differs: Any) -> Workshop:  # noqa: ANN401 - see `equipped`
            return await stack.enter_async_context(equipped(prepared_database, **differs))

        yield start
