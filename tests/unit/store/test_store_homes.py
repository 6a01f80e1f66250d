"""Which App Homes are looked at again, and when."""

from datetime import timedelta

from handlers.jobs import HOME, Job
from handlers.store import HomePages, Store
from handlers.store.homes import OPENED_FOR

from .harness import StoreHarness

RINA, TOM = "U0RINA", "U0TOM"


async def drawn(store: Store, person: str) -> None:
    """Do what the job does for a home that is due, and look again in five seconds."""
    async with store.reading() as reader:
        home, mark = await reader.homes.get(person), await reader.homes.mark()
    assert home is not None
    async with store.transaction() as transaction:
        again_at = transaction.now + timedelta(seconds=5)
        await transaction.homes.drawn(home, mark=mark, shown="hash", unchanged=0, again_at=again_at)


async def due(store: Store) -> tuple[str, ...]:
    """Return whose homes are due."""
    async with store.reading() as reader:
        found = tuple(job.key for job in await reader.due() if job.kind == HOME)
        assert [each for each in (RINA, TOM) if await reader.homes.get(each) is not None] == sorted(found)
    return found


async def something_happens(store: Store) -> None:
    """Let the record grow."""
    async with store.transaction() as transaction:
        transaction.audit.record("something", RINA, None)


async def test_a_home_is_looked_at_when_something_happened_and_not_too_often(harness: StoreHarness) -> None:
    """It is due when it was opened, and after a change, but not before its pause is over, and not after a day."""
    store = harness.store()
    assert await due(store) == ()
    async with store.transaction() as transaction:
        await transaction.homes.opened(RINA, HomePages())
    assert harness.jobs.woken == [Job(HOME, RINA)]
    assert await due(store) == (RINA,)
    await drawn(store, RINA)
    harness.now += timedelta(seconds=6)
    assert await due(store) == ()  # nothing has happened
    await something_happens(store)
    assert await due(store) == (RINA,)
    await drawn(store, RINA)
    await something_happens(store)
    harness.now += timedelta(seconds=4)
    assert await due(store) == ()  # too soon
    harness.now += timedelta(seconds=2)
    assert await due(store) == (RINA,)
    harness.now += OPENED_FOR
    assert await due(store) == ()  # nobody looks any more


async def test_a_page_that_is_turned_meanwhile_is_not_forgotten(harness: StoreHarness) -> None:
    """What is noted of a home that was drawn before the person turned a page does not hold up the new page."""
    store = harness.store()
    async with store.transaction() as transaction:
        await transaction.homes.opened(TOM, HomePages())
    async with store.reading() as reader:
        before, mark = await reader.homes.get(TOM), await reader.homes.mark()
    async with store.transaction() as transaction:
        await transaction.homes.opened(TOM, HomePages(mine=3))
    assert before is not None
    async with store.transaction() as transaction:
        again_at = transaction.now + timedelta(seconds=5)
        await transaction.homes.drawn(before, mark=mark, shown="hash", unchanged=0, again_at=again_at)
    async with store.reading() as reader:
        now = await reader.homes.get(TOM)
    assert now is not None
    assert (now.pages.mine, now.shown, now.version) == (3, "", before.version + 1)
