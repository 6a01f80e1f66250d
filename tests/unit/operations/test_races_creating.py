from datetime import timedelta
from itertools import chain, repeat

import pytest

from bot.playground.tines.faults import Fault, Kind
from handlers.models import State
from handlers.operations.pacing import Pacing
from handlers.requests import cancel, check_again
from tests.unit.requests.room import RINA, STORIES

from .conftest import OpenShop
from .workshop import DESTINATIONS, NO, YES, no_answer, no_connection


async def test_something_else_that_appeared_is_left_to_a_person(open_shop: OpenShop) -> None:
    """After a lost create, a new destination with other stories is not ours and no proof either: nothing more is sent."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()

    async def rival() -> None:
        shop.somebody_creates(STORIES[0])
        await no_answer()

    shop.line.before("POST", DESTINATIONS, rival)
    assert (await room.works(request.id)).state is State.CREATING
    room.clock.passes(minutes=5)
    unsure = await room.works(request.id)
    assert (unsure.state, unsure.due_at, unsure.destination_id) == (State.UNCERTAIN, None, None)
    assert (shop.line.tries("POST"), room.creates()) == (1, 1)
    await check_again(room.desk, RINA, request.id)
    assert (await room.works(request.id)).state is State.UNCERTAIN
    assert shop.line.tries("POST") == 1
    assert [each["kind"] for each in await room.told(f"@{RINA}")] == ["uncertain"]


@pytest.mark.parametrize("trouble", ["429", "no connection"])
async def test_a_create_that_was_turned_away_is_sent_once_and_later_again(open_shop: OpenShop, trouble: str) -> None:
    """A create is never repeated within a try; turned away, the request can be cancelled, and is sent again later."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    if trouble == "429":
        room.dev.faults.add(Fault(Kind.ANSWER, "POST", DESTINATIONS, times=1, status=429, retry_after=20))
    else:
        shop.line.before("POST", DESTINATIONS, no_connection)
    waiting = await room.works(request.id)
    assert (waiting.state, waiting.posts, waiting.posted_at, waiting.known_ids) == (State.APPROVED, 0, None, None)
    assert waiting.problem is not None
    assert waiting.due_at is not None
    assert (waiting.due_at - room.clock()).total_seconds() >= (20 if trouble == "429" else 1)
    assert shop.line.tries("POST") == 1
    room.clock.passes(minutes=1)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert (shop.line.tries("POST"), room.creates()) == (2, 1)


async def test_a_create_that_was_turned_away_can_be_called_off(open_shop: OpenShop) -> None:
    """Between two tries of a create that surely was not applied, a cancellation wins and nothing more is sent."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    shop.line.before("POST", DESTINATIONS, no_connection)
    await room.works(request.id)
    await cancel(room.desk, RINA, request.id, "Never mind")
    room.clock.passes(minutes=10)
    assert (await room.works(request.id)).state is State.CANCELLED
    assert (shop.line.tries("POST"), room.creates()) == (1, 0)


async def test_a_create_that_is_turned_away_for_long_fails_in_words(open_shop: OpenShop) -> None:
    """Creates that are turned away again and again are sent less and less often, and given up in the end."""
    shop = await open_shop(pacing=Pacing(give_up_reaching=timedelta(minutes=10)))
    room = shop.room
    request = await shop.approved()
    room.dev.faults.add(Fault(Kind.ANSWER, "POST", DESTINATIONS, status=429, message="Too Many Requests"))
    began = room.clock()
    while not (await room.works(request.id)).state.final:
        assert room.clock() - began < timedelta(hours=1), "it was never given up"
        room.clock.passes(seconds=30)
    failed = await room.now(request.id)
    assert failed.problem is not None
    assert (failed.state, failed.problem.words) == (State.FAILED, "Too Many Requests")
    assert failed.problem.advice.startswith("Nothing was sent.")
    assert timedelta(minutes=10) < room.clock() - began <= timedelta(minutes=12)
    assert shop.line.tries("POST") <= 20
    assert room.creates() == 0


async def test_a_tenant_that_cannot_be_looked_at_for_an_hour_fails_the_request(open_shop: OpenShop) -> None:
    """The hour of a look that does not work is counted from its first failure; nothing was sent, and that is said."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    room.clock.passes(hours=2)  # waited for its turn: not the tenant's trouble
    room.dev.faults.add(
        Fault(Kind.ANSWER, "GET", DESTINATIONS, status=429, retry_after=300, message="Too Many Requests")
    )
    began = room.clock()
    while not (await room.works(request.id)).state.final:
        assert room.clock() - began < timedelta(hours=2), "it was never given up"
        room.clock.passes(minutes=5)
    failed = await room.now(request.id)
    assert failed.problem is not None
    assert (failed.state, failed.problem.advice[:17]) == (State.FAILED, "Nothing was sent.")
    assert room.clock() - began > timedelta(hours=1)
    assert shop.line.tries("POST") == 0


async def test_the_same_trouble_begins_anew_after_it_was_over(open_shop: OpenShop) -> None:
    """When a lost create follows on creates that were turned away, looking has its own time before a person is asked."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    shop.line.before("POST", DESTINATIONS, no_connection, no_answer)
    await room.works(request.id)
    room.clock.passes(minutes=50)
    lost = await room.works(request.id)
    assert (lost.state, lost.posts, lost.troubled_at) == (State.CREATING, 1, room.clock())


async def test_absurd_waits_are_not_waited_for(open_shop: OpenShop) -> None:
    """A tenant that asks to wait for years is asked again within the hour."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    room.dev.faults.add(Fault(Kind.ANSWER, "GET", DESTINATIONS, times=1, status=429, retry_after=1e12))
    waiting = await room.works(request.id)
    assert waiting.due_at is not None
    assert waiting.due_at - room.clock() == timedelta(hours=1)


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
async def test_without_its_lease_a_process_sends_nothing(open_shop: OpenShop, moment: str) -> None:
    """A process that was stopped for longer than its lease sends nothing, whenever it was stopped; another one goes on."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    if moment == "before the commit":
        shop.line.after("GET", DESTINATIONS, shop.loses_its_lease)
    else:
        shop.lease = chain([YES], repeat(NO))
    stopped = await room.works(request.id, rounds=1)
    assert shop.line.tries("POST") == 0
    begun = moment == "after the commit"
    assert (stopped.state, stopped.posts) == ((State.CREATING, 1) if begun else (State.APPROVED, 0))
    shop.lease = repeat(YES)
    room.clock.passes(minutes=5)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert (shop.line.tries("POST"), room.creates()) == (1, 1)
