import asyncio
from dataclasses import replace
from itertools import chain, repeat

import pytest

from bot.playground.tines.records import Destination
from bot.playground.tines.syncing import delete_destination
from handlers.models import State
from handlers.requests import Refused, cancel
from handlers.routes import Existing
from tests.unit.requests.harness import RINA, STORIES

from .conftest import OpenExecution
from .harness import DESTINATIONS, ExecutionHarness, no_answer

OTHER = "Isolate host with CrowdStrike"


async def _opened(open_execution: OpenExecution) -> tuple[ExecutionHarness, Destination, str]:
    """Open an execution harness whose route adds to a destination that holds one story, and return its path as well."""
    execution = await open_execution(existing=Existing.ADD)
    there = execution.somebody_creates(STORIES[0])
    return execution, there, f"{DESTINATIONS}/{there.id}"


async def test_two_additions_at_once_both_arrive(open_execution: OpenExecution) -> None:
    """Two requests for one destination, carried out at the same time, run one after the other: no story gets lost."""
    execution, there, _ = await _opened(open_execution)
    first = await execution.approved(story_ids=(execution.harness.story(STORIES[1]),))
    second = await execution.approved(story_ids=(execution.harness.story(OTHER),))
    await asyncio.gather(execution.harness.works(first.id), execution.harness.works(second.id))
    for request in (first, second):
        assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.synced() == [{STORIES[0], STORIES[1], OTHER}]
    assert execution.line.tries("POST") == 0
    assert [await execution.harness.kinds(each.id) for each in (first, second)] == [
        ["asked", "approved", "add_begun", "added", "status", "succeeded"]
    ] * 2
    assert execution.line.tries("PATCH", f"{DESTINATIONS}/{there.id}") == 2


async def test_an_addition_waits_for_a_slow_one(open_execution: OpenExecution) -> None:
    """While an update is under way, however long it takes, nobody else works on the same two teams."""
    execution, _, path = await _opened(open_execution)
    harness = execution.harness
    first = await execution.approved(story_ids=(harness.story(STORIES[1]),))
    second = await execution.approved(story_ids=(harness.story(OTHER),))

    async def the_second_tries() -> None:
        harness.clock.passes(seconds=30)
        waiting = await harness.works(second.id)
        assert (waiting.state, waiting.note) == (
            State.APPROVED,
            f"Waiting for {first.id}, which works on the same in Tines.",
        )

    execution.line.before("PATCH", path, the_second_tries)
    for request in (first, second):
        assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.synced() == [{*STORIES, OTHER}]


async def test_an_addition_that_was_begun_is_not_called_off(open_execution: OpenExecution) -> None:
    """Who cancels while the stories are being added reads that it is too late."""
    execution, _, path = await _opened(open_execution)
    request = await execution.approved(story_ids=(execution.harness.story(STORIES[1]),))
    answers: list[object] = []

    async def cancels() -> None:
        answers.append(await cancel(execution.harness.services, RINA, request.id, "Never mind"))

    execution.line.before("PATCH", path, cancels)
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED
    assert isinstance(answers[0], Refused)
    assert "is being carried out" in answers[0].reasons[0]


async def test_stories_that_are_there_already_are_not_sent(open_execution: OpenExecution) -> None:
    """When every story is in the destination already, nothing is sent, and the record says so."""
    execution, _, path = await _opened(open_execution)
    request = await execution.approved(story_ids=(execution.harness.story(STORIES[0]),))
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED
    assert await execution.harness.kinds(request.id) == [
        "asked",
        "approved",
        "add_begun",
        "found",
        "status",
        "succeeded",
    ]
    assert (execution.line.tries("PATCH", path), execution.line.tries("POST")) == (0, 0)


@pytest.mark.parametrize("moment", ["while looking", "between two looks", "after an update without an answer"])
async def test_a_freeze_stops_an_addition_before_the_update(open_execution: OpenExecution, moment: str) -> None:
    """A freeze is asked for right before the update, also when a first one was lost; the unfreeze goes on with it."""
    execution, _, path = await _opened(open_execution)
    harness = execution.harness
    request = await execution.approved(story_ids=(harness.story(STORIES[1]),))
    match moment:
        case "while looking":
            execution.line.after("GET", DESTINATIONS, execution.freezes)
        case "between two looks":
            execution.line.after("GET", path, execution.freezes)
        case _:

            async def frozen_and_lost() -> None:
                await execution.freezes()
                await no_answer()

            execution.line.before("PATCH", path, frozen_and_lost)
    await harness.works(request.id)
    harness.clock.passes(minutes=5)
    await harness.works(request.id)
    harness.clock.passes(minutes=5)
    held = await harness.works(request.id)
    assert held.note == "The route is frozen. This runs when the route is unfrozen."
    assert held.next_run_at is not None
    assert held.next_run_at > harness.clock()
    assert execution.synced() == [{STORIES[0]}]
    assert execution.line.tries("PATCH", path) == (1 if "without" in moment else 0)
    await execution.unfreezes()
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.synced() == [set(STORIES)]


@pytest.mark.parametrize("looks", [2, 3, 6, 7])  # how often it looked at the time before
async def test_a_process_that_stood_still_adds_nothing(open_execution: OpenExecution, looks: int) -> None:
    """A process that was stopped for longer than the send window updates nothing; whoever goes on begins with a look."""
    execution, _, path = await _opened(open_execution)
    harness = execution.harness
    request = await execution.approved(story_ids=(harness.story(STORIES[1]),))
    execution.standstills = chain([0.0] * looks, [60.0], repeat(0.0))
    assert (await harness.works(request.id, rounds=1)).state is State.APPROVED
    assert execution.line.tries("PATCH", path) == 0
    harness.clock.passes(minutes=5)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.synced() == [set(STORIES)]


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
async def test_an_update_without_an_answer_is_looked_at(open_execution: OpenExecution, *, applied: bool) -> None:
    """Nobody says that nothing was sent when an update got no answer: it is looked at, and sent again if need be."""
    execution, _, path = await _opened(open_execution)
    harness = execution.harness
    request = await execution.approved(story_ids=(harness.story(STORIES[1]),))
    (execution.line.after if applied else execution.line.before)("PATCH", path, no_answer)
    lost = await harness.works(request.id)
    assert lost.state is State.RUNNING
    assert lost.problem is not None
    assert "unclear whether" in lost.problem.what
    assert "Nothing was sent" not in lost.problem.advice
    harness.clock.passes(minutes=5)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.synced() == [set(STORIES)]
    assert execution.line.tries("PATCH", path) == (1 if applied else 2)
    assert "added" in await harness.kinds(request.id)


async def test_a_destination_that_was_deleted_meanwhile_is_decided_anew(open_execution: OpenExecution) -> None:
    """When somebody deletes the destination right before its stories are looked at, creating one is asked about anew."""
    execution, there, path = await _opened(open_execution)
    harness = execution.harness
    request = await execution.approved(story_ids=(harness.story(STORIES[1]),))

    async def deletes() -> None:
        delete_destination(harness.dev, there.id, {"keep_stories": True})

    execution.line.before("GET", path, deletes)
    assert (await harness.finishes(request.id)).state is State.PENDING
    assert execution.line.tries("POST") == 0
    kinds = await harness.kinds(request.id)
    assert kinds[2:] == ["add_begun", "not_reached", "existing_found"]


async def test_a_destination_that_somebody_else_is_changing_is_left_alone_for_a_moment(
    open_execution: OpenExecution,
) -> None:
    """When the stories of a destination change between two looks, nothing is sent over them; a moment later it is."""
    execution, there, path = await _opened(open_execution)
    harness = execution.harness
    request = await execution.approved(story_ids=(harness.story(STORIES[1]),))

    async def somebody_adds() -> None:
        harness.dev.destinations[there.id].subscriptions.update(execution.somebody_creates(OTHER).subscriptions)
        delete_destination(harness.dev, max(harness.dev.destinations), {"keep_stories": True})

    execution.line.after("GET", path, somebody_adds)
    waiting = await harness.works(request.id)
    assert execution.line.tries("PATCH", path) == 0
    assert waiting.problem is not None
    assert waiting.problem.what.startswith("Somebody else is changing")
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.synced() == [{*STORIES, OTHER}]


async def test_stories_that_cannot_be_read_are_never_taken_out(open_execution: OpenExecution) -> None:
    """An update replaces the whole set: where not all of it can be read, nothing is sent, and people are told why."""
    execution, there, path = await _opened(open_execution)
    harness = execution.harness
    request = await execution.approved(story_ids=(harness.story(STORIES[1]),))

    async def turns_odd() -> None:
        harness.dev.switches = replace(harness.dev.switches, odd_records=True)

    execution.line.before("GET", path, turns_odd)
    failed = await harness.finishes(request.id)
    assert failed.state is State.FAILED
    assert failed.problem is not None
    assert failed.problem.what == f"1 story of sync destination {there.id} could not be read"
    assert execution.line.tries("PATCH", path) == 0
    assert execution.synced() == [{STORIES[0]}]
