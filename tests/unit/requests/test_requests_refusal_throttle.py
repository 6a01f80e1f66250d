import asyncio

import pytest
import sqlalchemy as sa

from handlers.requests import RefusalThrottle
from handlers.store import StoreUnavailableError
from handlers.store.database import open_engine, parse_url

from .conftest import OpenHarness
from .harness import ADA, RINA, RequestHarness


async def refusals(harness: RequestHarness) -> list[str]:
    """Return who was refused, as the record has it."""
    async with harness.store.reading() as reader:
        return [event.actor for event in await reader.audit.events_after(0)]


async def test_what_typing_repeats_is_recorded_once_an_hour(open_harness: OpenHarness) -> None:
    """The same refusal at every key is one row; an hour later it is one again."""
    harness = await open_harness()
    throttle = RefusalThrottle(harness.services)
    await asyncio.gather(*(throttle.refuse(RINA, "No", what="search") for _ in range(5)))
    harness.clock.passes(minutes=59)
    await throttle.refuse(RINA, "No", what="search")
    assert await refusals(harness) == [RINA]
    harness.clock.passes(minutes=1)
    await throttle.refuse(RINA, "No", what="search")
    assert await refusals(harness) == [RINA, RINA]


async def test_other_people_and_reasons_are_rows_of_their_own(open_harness: OpenHarness) -> None:
    """Nobody's refusal hides another's, and none hides one for another reason."""
    harness = await open_harness()
    throttle = RefusalThrottle(harness.services)
    for actor, why in ((RINA, "No"), (ADA, "No"), (RINA, "Gone"), (RINA, "No")):
        await throttle.refuse(actor, why, what="search")
    assert await refusals(harness) == [RINA, ADA, RINA]


async def test_what_could_not_be_recorded_is_recorded_with_the_next_key(
    open_harness: OpenHarness, prepared_database: str
) -> None:
    """A refusal while the record cannot be written is not taken for one that is in it."""
    harness = await open_harness()
    throttle = RefusalThrottle(harness.services)
    engine = open_engine(parse_url(prepared_database))
    async with engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE chain RENAME TO chain_lost"))
    with pytest.raises((StoreUnavailableError, sa.exc.ProgrammingError)):
        await throttle.refuse(RINA, "No", what="search")
    async with engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE chain_lost RENAME TO chain"))
    await engine.dispose()
    await throttle.refuse(RINA, "No", what="search")
    assert await refusals(harness) == [RINA]
