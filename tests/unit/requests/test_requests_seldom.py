import asyncio

import pytest
import sqlalchemy as sa

from handlers.requests import Seldom
from handlers.store import StoreUnavailableError
from handlers.store.database import open_engine, parse_url

from .conftest import OpenRoom
from .room import ADA, RINA, Room


async def refusals(room: Room) -> list[str]:
    """Return who was refused, as the record has it."""
    async with room.store.reading() as reader:
        return [event.actor for event in await reader.events_after(0)]


async def test_what_typing_repeats_is_recorded_once_an_hour(open_room: OpenRoom) -> None:
    """The same refusal at every key is one row; an hour later it is one again."""
    room = await open_room()
    seldom = Seldom(room.desk)
    await asyncio.gather(*(seldom.refuse(RINA, "No", what="search") for _ in range(5)))
    room.clock.passes(minutes=59)
    await seldom.refuse(RINA, "No", what="search")
    assert await refusals(room) == [RINA]
    room.clock.passes(minutes=1)
    await seldom.refuse(RINA, "No", what="search")
    assert await refusals(room) == [RINA, RINA]


async def test_other_people_and_reasons_are_rows_of_their_own(open_room: OpenRoom) -> None:
    """Nobody's refusal hides another's, and none hides one for another reason."""
    room = await open_room()
    seldom = Seldom(room.desk)
    for actor, why in ((RINA, "No"), (ADA, "No"), (RINA, "Gone"), (RINA, "No")):
        await seldom.refuse(actor, why, what="search")
    assert await refusals(room) == [RINA, ADA, RINA]


async def test_what_could_not_be_recorded_is_recorded_with_the_next_key(
    open_room: OpenRoom, prepared_database: str
) -> None:
    """A refusal while the record cannot be written is not taken for one that is in it."""
    room = await open_room()
    seldom = Seldom(room.desk)
    engine = open_engine(parse_url(prepared_database))
    async with engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE chain RENAME TO chain_lost"))
    with pytest.raises((StoreUnavailableError, sa.exc.ProgrammingError)):
        await seldom.refuse(RINA, "No", what="search")
    async with engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE chain_lost RENAME TO chain"))
    await engine.dispose()
    await seldom.refuse(RINA, "No", what="search")
    assert await refusals(room) == [RINA]
