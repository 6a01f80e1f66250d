import asyncio
from itertools import chain, repeat

import pytest

from bot.playground.tines.records import Destination
from bot.playground.tines.syncing import delete_destination
from handlers.models import State
from handlers.requests import Refused, cancel
from handlers.routes import Existing
from tests.unit.requests.room import RINA, STORIES

from .conftest import OpenShop
from .workshop import DESTINATIONS, NO, YES, Workshop, no_answer

OTHER = "Isolate host with CrowdStrike"


async def _shop(open_shop: OpenShop) -> tuple[Workshop, Destination, str]:
    """Open a workshop whose route adds to a destination that holds one story, and return its path as well."""
    shop = await open_shop(existing=Existing.ADD)
    there = shop.somebody_creates(STORIES[0])
    return shop, there, f"{DESTINATIONS}/{there.id}"


async def test_two_additions_at_once_both_arrive(open_shop: OpenShop) -> None:
    """Two requests for one destination, carried out at the same time, run one after the other: no story gets lost."""
    shop, there, _ = await _shop(open_shop)
    first = await shop.approved(story_ids=(shop.room.story(STORIES[1]),))
    second = await shop.approved(story_ids=(shop.room.story(OTHER),))
    await asyncio.gather(shop.room.works(first.id), shop.room.works(second.id))
    for request in (first, second):
        assert (await shop.room.finishes(request.id)).state is State.SUCCEEDED
    assert shop.synced() == [{STORIES[0], STORIES[1], OTHER}]
    assert shop.line.tries("POST") == 0
    assert [await shop.room.kinds(each.id) for each in (first, second)] == [
        ["asked", "approved", "adding", "added", "status", "succeeded"]
    ] * 2
    assert shop.line.tries("PATCH", f"{DESTINATIONS}/{there.id}") == 2


async def test_an_addition_waits_for_a_slow_one(open_shop: OpenShop) -> None:
    """While an update is under way, however long it takes, nobody else works on the same two teams."""
    shop, _, path = await _shop(open_shop)
    room = shop.room
    first = await shop.approved(story_ids=(room.story(STORIES[1]),))
    second = await shop.approved(story_ids=(room.story(OTHER),))

    async def the_second_tries() -> None:
        room.clock.passes(seconds=30)
        waiting = await room.works(second.id)
        assert (waiting.state, waiting.note) == (
            State.APPROVED,
            f"Waits for {first.id}, which is for the same two teams.",
        )

    shop.line.before("PATCH", path, the_second_tries)
    for request in (first, second):
        assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert shop.synced() == [{*STORIES, OTHER}]


async def test_an_addition_that_was_begun_is_not_called_off(open_shop: OpenShop) -> None:
    """Who cancels while the stories are being added reads that it is too late."""
    shop, _, path = await _shop(open_shop)
    request = await shop.approved(story_ids=(shop.room.story(STORIES[1]),))
    answers: list[object] = []

    async def cancels() -> None:
        answers.append(await cancel(shop.room.desk, RINA, request.id, "Never mind"))

    shop.line.before("PATCH", path, cancels)
    assert (await shop.room.finishes(request.id)).state is State.SUCCEEDED
    assert isinstance(answers[0], Refused)
    assert "is being carried out" in answers[0].reasons[0]


async def test_stories_that_are_there_already_are_not_sent(open_shop: OpenShop) -> None:
    """When every story is in the destination already, nothing is sent, and the record says so."""
    shop, _, path = await _shop(open_shop)
    request = await shop.approved(story_ids=(shop.room.story(STORIES[0]),))
    assert (await shop.room.finishes(request.id)).state is State.SUCCEEDED
    assert await shop.room.kinds(request.id) == ["asked", "approved", "adding", "found", "status", "succeeded"]
    assert (shop.line.tries("PATCH", path), shop.line.tries("POST")) == (0, 0)


@pytest.mark.parametrize("moment", ["while looking", "between two looks", "after an update without an answer"])
async def test_a_freeze_stops_an_addition_before_the_update(open_shop: OpenShop, moment: str) -> None:
    """A freeze is asked for right before the update, also when a first one was lost; the thaw goes on with it."""
    shop, _, path = await _shop(open_shop)
    room = shop.room
    request = await shop.approved(story_ids=(room.story(STORIES[1]),))
    match moment:
        case "while looking":
            shop.line.after("GET", DESTINATIONS, shop.freezes)
        case "between two looks":
            shop.line.after("GET", path, shop.freezes)
        case _:

            async def frozen_and_lost() -> None:
                await shop.freezes()
                await no_answer()

            shop.line.before("PATCH", path, frozen_and_lost)
    await room.works(request.id)
    room.clock.passes(minutes=2)
    held = await room.works(request.id)
    assert held.note == "The route is frozen; this runs when it is thawed."
    assert held.due_at is not None
    assert held.due_at > room.clock()
    assert shop.synced() == [{STORIES[0]}]
    assert shop.line.tries("PATCH", path) == (1 if "without" in moment else 0)
    await shop.thaws()
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert shop.synced() == [set(STORIES)]


@pytest.mark.parametrize("asked", [1, 2])  # how often it still had it
async def test_without_its_lease_a_process_adds_nothing(open_shop: OpenShop, asked: int) -> None:
    """A process that was stopped for longer than its lease updates nothing; whoever goes on begins with a look."""
    shop, _, path = await _shop(open_shop)
    room = shop.room
    request = await shop.approved(story_ids=(room.story(STORIES[1]),))
    shop.lease = chain([YES] * asked, repeat(NO))
    assert (await room.works(request.id, rounds=1)).state is State.CREATING
    assert shop.line.tries("PATCH", path) == 0
    shop.lease = repeat(YES)
    room.clock.passes(minutes=5)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert shop.synced() == [set(STORIES)]


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
async def test_an_update_without_an_answer_is_looked_at(open_shop: OpenShop, *, applied: bool) -> None:
    """Nobody says that nothing was sent when an update got no answer: it is looked at, and sent again if need be."""
    shop, _, path = await _shop(open_shop)
    room = shop.room
    request = await shop.approved(story_ids=(room.story(STORIES[1]),))
    (shop.line.after if applied else shop.line.before)("PATCH", path, no_answer)
    lost = await room.works(request.id)
    assert lost.state is State.CREATING
    assert lost.problem is not None
    assert "not known" in lost.problem.what
    assert "Nothing was sent" not in lost.problem.advice
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert shop.synced() == [set(STORIES)]
    assert shop.line.tries("PATCH", path) == (1 if applied else 2)
    assert ("found" if applied else "added") in await room.kinds(request.id)


async def test_a_destination_that_was_deleted_meanwhile_is_decided_anew(open_shop: OpenShop) -> None:
    """When somebody deletes the destination right before its stories are looked at, one is created instead."""
    shop, there, path = await _shop(open_shop)
    room = shop.room
    request = await shop.approved(story_ids=(room.story(STORIES[1]),))

    async def deletes() -> None:
        delete_destination(room.dev, there.id, {"keep_stories": True})

    shop.line.before("GET", path, deletes)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert shop.synced() == [{STORIES[1]}]
    assert shop.line.tries("POST") == 1
    kinds = await room.kinds(request.id)
    assert kinds[2:6] == ["adding", "not_reached", "creating", "created"]


async def test_a_destination_that_somebody_else_is_changing_is_left_alone_for_a_moment(open_shop: OpenShop) -> None:
    """When the stories of a destination change between two looks, nothing is sent over them; a moment later it is."""
    shop, there, path = await _shop(open_shop)
    room = shop.room
    request = await shop.approved(story_ids=(room.story(STORIES[1]),))

    async def somebody_adds() -> None:
        room.dev.destinations[there.id].subscriptions.update(shop.somebody_creates(OTHER).subscriptions)
        delete_destination(room.dev, max(room.dev.destinations), {"keep_stories": True})

    shop.line.after("GET", path, somebody_adds)
    waiting = await room.works(request.id)
    assert shop.line.tries("PATCH", path) == 0
    assert waiting.problem is not None
    assert waiting.problem.what.startswith("Somebody else is changing")
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert shop.synced() == [{*STORIES, OTHER}]
