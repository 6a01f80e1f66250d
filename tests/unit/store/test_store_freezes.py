"""What the form shows of frozen routes comes from memory, and may not be older than three seconds."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers.policy import Freeze
from handlers.store import Store, migrate
from handlers.store.database import open_engine, parse_url

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FROZEN = Freeze(route="dev-to-prod", by="U0ADA", reason="change week", at=NOON)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Return the present moment."""
        return self.now


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Store, Store, Clock]]:
    """Give two processes' stores on one database, and their clock."""
    url, clock = f"sqlite:///{tmp_path}/freezes.sqlite", Clock()
    await migrate(url)
    async with AsyncExitStack() as stack:
        stores = [Store(open_engine(parse_url(url)), lambda _: None, clock=clock) for _ in range(2)]
        for store in stores:
            stack.push_async_callback(store.close)
        yield stores[0], stores[1], clock


async def put(store: Store) -> None:
    """Freeze the route."""
    async with store.transaction() as transaction:
        await transaction.freezes.put(FROZEN)


async def test_own_changes_are_seen_at_once(two: tuple[Store, Store, Clock]) -> None:
    """Who freezes or unfreezes a route and opens the form right after it sees it frozen, or unfrozen."""
    store, _, _ = two
    assert await store.freezes() == {}
    await put(store)
    assert await store.freezes() == {"dev-to-prod": FROZEN}
    async with store.transaction() as transaction:
        await transaction.freezes.drop("dev-to-prod")
    assert await store.freezes() == {}


async def test_changes_of_others_are_seen_within_three_seconds(two: tuple[Store, Store, Clock]) -> None:
    """A route that another process froze is shown as frozen three seconds later at the latest."""
    store, other, clock = two
    assert await store.freezes() == {}
    await put(other)
    clock.now += timedelta(seconds=3)
    assert await store.freezes() == {"dev-to-prod": FROZEN}


async def test_the_sweep_keeps_the_memory_fresh(two: tuple[Store, Store, Clock]) -> None:
    """What a sweep has just read is shown without another question to the database."""
    store, other, _ = two
    await put(other)
    async with store.reading() as reader:
        await store.note_freezes(reader)
    async with other.transaction() as transaction:
        await transaction.freezes.drop("dev-to-prod")
    assert await store.freezes() == {"dev-to-prod": FROZEN}


async def test_a_read_that_a_change_overtook_is_not_remembered(two: tuple[Store, Store, Clock]) -> None:
    """Freezes that were read before this process changed them are not shown after the change."""
    store, _, _ = two
    async with store.reading() as reader:
        await reader.freezes.all()  # the snapshot that everything in this transaction sees
        await put(store)
        old = await store.note_freezes(reader)
    assert old == {}
    assert await store.freezes() != old
