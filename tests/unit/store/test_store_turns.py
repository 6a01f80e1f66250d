"""Writers of one process take turns, one on SQLite and a few on PostgreSQL; nobody is overtaken for ever."""

import asyncio
from contextlib import AsyncExitStack

from handlers.store import Store

from .harness import StoreHarness


async def write(store: Store, number: int, begun: list[int]) -> None:
    """Record a number in a transaction of its own, and note when that has begun."""
    async with store.transaction() as transaction:
        begun.append(number)
        transaction.audit.record("written", "U0RINA", None, number=number)


async def test_writers_of_one_process_are_served_in_the_order_in_which_they_came(harness: StoreHarness) -> None:
    """On SQLite the one who waits longest is next, however many want to write; elsewhere a few write side by side."""
    store = harness.store()
    served: list[int] = []
    async with store.transaction() as first:
        first.audit.record("written", "U0RINA", None, number=0)
        waiting = [asyncio.create_task(write(store, number, served)) for number in range(1, 9)]
        await asyncio.sleep(0)  # each of them begins, and waits
    await asyncio.gather(*waiting)
    async with store.reading() as reader:
        written = [event.data["number"] for event in await reader.audit.events_after(0)]
    assert sorted(written) == list(range(9))
    if harness.url.startswith("sqlite"):
        assert served == list(range(1, 9))
        assert written == list(range(9))


async def test_a_writer_that_was_cancelled_gives_its_turn_to_the_next(harness: StoreHarness) -> None:
    """Cancelled while it waits or while it writes, a writer holds nobody up, and nothing of it is kept."""
    store = harness.store()
    inside = asyncio.Event()

    async def write_for_ever() -> None:
        async with store.transaction() as transaction:
            transaction.audit.record("lost", "U0RINA")
            inside.set()
            await asyncio.Event().wait()

    writing = asyncio.create_task(write_for_ever())
    await inside.wait()
    waiting = asyncio.create_task(write_for_ever())
    await asyncio.sleep(0)
    for task in (waiting, writing):
        task.cancel()
    await asyncio.gather(writing, waiting, return_exceptions=True)
    async with asyncio.timeout(10), store.transaction() as transaction:
        transaction.audit.record("kept", "U0RINA")
    async with store.reading() as reader:
        assert [event.kind for event in await reader.audit.events_after(0)] == ["kept"]


async def test_writers_that_wait_leave_connections_to_readers(prepared_postgres: str) -> None:
    """Four write at the same time, the fifth waits its turn, and who only reads does not wait at all."""
    harness = StoreHarness(prepared_postgres)
    store = harness.store()
    begun: list[int] = []
    async with harness.stack:
        async with AsyncExitStack() as four:
            for _ in range(4):
                await four.enter_async_context(store.transaction())
            waiting = [asyncio.create_task(write(store, number, begun)) for number in range(20)]
            async with asyncio.timeout(5):
                for _ in range(20):
                    async with store.reading() as reader:
                        assert not await reader.audit.events_after(0)
            assert begun == []
        await asyncio.gather(*waiting)
    assert sorted(begun) == list(range(20))
