"""Answers that say "done" and show something else, or not everything: no success is claimed from them, nothing is sent twice."""

from dataclasses import replace
from typing import Any, Final

import pytest

from bot.playground.tines.faults import Fault, Kind
from bot.playground.tines.records import Destination
from handlers.models import State
from handlers.operations.create import CreateWork
from handlers.operations.remove_stories import RemoveFacts
from handlers.operations.rotate_key import RotateParams
from handlers.requests import Invalid, Submission, submit
from handlers.routes import OperationPolicy
from tests.unit.requests.harness import RINA, ROUTE, STORIES

from .conftest import OpenExecution
from .harness import DESTINATIONS, ExecutionHarness, no_answer

MODE: Final = {"mode": "manual"}


def shown(there: Destination, **differs: object) -> dict[str, object]:
    """Return a sync destination as Tines shows it, but for some of its fields."""
    subscriptions = [
        {"story": {"id": each.story_id, "name": each.name}, "status": "synced", "error_message": None}
        for each in there.subscriptions.values()
    ]
    own: dict[str, object] = {
        "id": there.id,
        "destination_tenant_url": there.url,
        "destination_team_id": there.destination_team_id,
        "origin_team_id": there.team_id,
        "manual_sync_only": there.manual_only,
        "subscriptions": subscriptions,
    }
    return {"sync_destination": own | differs}


def turns_odd(execution: ExecutionHarness) -> None:
    """Let one story of each sync destination, and one record of the listing, be odd from now on."""
    execution.harness.dev.switches = replace(execution.harness.dev.switches, odd_records=True)


@pytest.mark.parametrize(
    ("operation", "asked", "what"),
    [
        ("set_mode", MODE, "the sync mode is as it was"),
        ("remove_stories", {"story_ids": [STORIES[0]]}, "1 story is still in it"),
    ],
)
async def test_an_update_that_changed_nothing_is_no_success(
    open_execution: OpenExecution, operation: str, asked: dict[str, Any], what: str
) -> None:
    """Where Tines accepts an update and answers with what was there before, the request fails and says so."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    request = await execution.approved_on(there, operation, asked)
    path = f"{DESTINATIONS}/{there.id}"
    execution.line.says["PATCH", path] = shown(there)
    ended = await execution.harness.finishes(request.id)
    assert ended.state is State.FAILED
    assert ended.problem is not None
    assert what in ended.problem.what
    assert ended.problem.advice
    assert execution.line.tries("PATCH", path) == 1


async def test_an_update_that_does_not_tell_the_mode_is_looked_at(open_execution: OpenExecution) -> None:
    """Where the answer leaves the mode out, the destination is looked at before anything is claimed."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    request = await execution.approved_on(there, "set_mode", MODE)
    path = f"{DESTINATIONS}/{there.id}"
    execution.line.says["PATCH", path] = shown(there, manual_sync_only=None)

    async def applies() -> None:
        there.manual_only = True

    execution.line.before("PATCH", path, applies)
    assert (await execution.harness.works(request.id)).state is State.RUNNING
    execution.harness.clock.passes(minutes=5)
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.line.tries("PATCH", path) == 1


@pytest.mark.parametrize(("operation", "asked"), [("set_mode", MODE), ("delete", {"keep_stories": True})])
async def test_an_answer_about_another_destination_is_not_believed(
    open_execution: OpenExecution, operation: str, asked: dict[str, Any]
) -> None:
    """A cache that answers for another destination decides nothing: nothing is sent after such a look."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    request = await execution.approved_on(there, operation, asked)
    path = f"{DESTINATIONS}/{there.id}"
    execution.line.says["GET", path] = shown(there, id=there.id + 1, manual_sync_only=True)
    ended = await execution.harness.works(request.id)
    assert ended.state is not State.SUCCEEDED
    assert ended.problem is not None
    assert f"about number {there.id + 1}" in ended.problem.words
    assert (execution.line.tries("PATCH", path), execution.line.tries("DELETE", path)) == (0, 0)


async def test_a_create_answered_with_other_teams_is_looked_for(open_execution: OpenExecution) -> None:
    """A 201 about other teams is no answer to this create: the listing tells, and nothing is created twice."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()

    async def created_by_hand() -> None:
        there = execution.somebody_creates(*STORIES)
        execution.line.says["POST", DESTINATIONS] = shown(there, id=4711, origin_team_id=4711)

    execution.line.before("POST", DESTINATIONS, created_by_hand)
    assert (await harness.works(request.id)).destination_id != 4711
    harness.clock.passes(minutes=5)
    ended = await harness.finishes(request.id)
    assert ended.state is State.SUCCEEDED
    assert ended.destination_id in harness.dev.destinations
    assert execution.line.tries("POST") == 1


async def test_a_creation_that_cannot_be_read_is_not_made_again(open_execution: OpenExecution) -> None:
    """After a create without an answer, a new record that cannot be read may be it: a person looks, nothing is sent."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()

    async def created_and_odd() -> None:
        harness.dev.destinations.clear()
        turns_odd(execution)
        await no_answer()

    execution.line.after("POST", DESTINATIONS, created_and_odd)
    await harness.works(request.id)
    harness.clock.passes(minutes=5)
    ended = await harness.works(request.id)
    assert ended.state is State.UNCERTAIN
    assert ended.problem is not None
    assert "could not be read" in f"{ended.problem.what} {ended.problem.words}"
    assert execution.line.tries("POST") == 1


async def test_a_record_that_was_odd_before_stops_no_second_try(open_execution: OpenExecution) -> None:
    """What could not be read before the create is not what it made: after a call that surely made nothing, it is sent again."""
    execution = await open_execution()
    harness = execution.harness
    turns_odd(execution)
    request = await execution.approved()
    execution.line.before("POST", DESTINATIONS, no_answer)
    lost = await harness.works(request.id)
    assert isinstance(lost.work, CreateWork)
    assert lost.work.unreadable > 0
    harness.clock.passes(minutes=5)
    await harness.works(request.id)
    assert execution.line.tries("POST") == 2


@pytest.mark.parametrize("status", [404, 429])
async def test_a_create_that_was_applied_and_refused_is_not_made_again(
    open_execution: OpenExecution, status: int
) -> None:
    """A proxy may pass a create on and then say no: where nobody has to approve, too, what it made is not made twice."""
    execution = await open_execution(operations={"create": OperationPolicy(approvals=0)})
    harness = execution.harness
    fault = Fault(Kind.APPLIED_THEN_ANSWER, "POST", DESTINATIONS, times=1, status=status, message="Stray")
    harness.dev.faults.add(fault)
    request = await harness.asks()
    await harness.works(request.id)
    harness.clock.passes(minutes=5)
    ended = await harness.finishes(request.id)
    assert (ended.state, harness.creates()) == (State.FAILED, 1)
    assert "existing_found" in await execution.notes(request)


@pytest.mark.parametrize("operation", ["add_stories", "remove_stories"])
async def test_stories_that_cannot_be_read_are_said_in_the_form(open_execution: OpenExecution, operation: str) -> None:
    """Where some stories of a destination cannot be read, its set is not changed, which its form says already."""
    execution = await open_execution()
    there = execution.somebody_creates(STORIES[0])
    turns_odd(execution)
    asked: dict[str, Any] = {"destination_id": there.id, "story_ids": [execution.harness.story(STORIES[1])]}
    form = Submission(operation=operation, route=ROUTE, asked=asked, reason="Ready", draft_id="odd")
    answer = await submit(execution.harness.services, RINA, form, budget=None)
    assert isinstance(answer, Invalid)
    assert f"1 story of sync destination {there.id} could not be read" in answer.fields["stories"]


@pytest.mark.parametrize("lost", [False, True], ids=["before the call", "after a lost answer"])
async def test_stories_that_cannot_be_read_are_not_said_to_be_removed(
    open_execution: OpenExecution, *, lost: bool
) -> None:
    """A story that is not seen may be one that cannot be read: nobody says that it was removed."""
    execution = await open_execution()
    harness = execution.harness
    there = execution.somebody_creates(*STORIES)
    path = f"{DESTINATIONS}/{there.id}"
    request = await execution.approved_on(there, "remove_stories", {"story_ids": [STORIES[0]]})

    async def only_the_other_is_seen() -> None:
        answer = shown(there)
        subscriptions: Any = answer["sync_destination"]["subscriptions"]  # type: ignore[index]
        subscriptions[0] = {"story": None, "status": "synced"}
        execution.line.says["GET", path] = answer
        if lost:
            await no_answer()

    execution.line.before(*(("PATCH", path) if lost else ("GET", path)), only_the_other_is_seen)
    await harness.works(request.id)
    harness.clock.passes(minutes=5)
    ended = await harness.works(request.id)
    assert ended.state is (State.UNCERTAIN if lost else State.FAILED)
    assert ended.problem is not None
    assert "could not be read" in f"{ended.problem.what} {ended.problem.words}"
    assert execution.line.tries("PATCH", path) == (1 if lost else 0)


def test_facts_of_which_some_could_not_be_read_allow_no_change_of_the_set() -> None:
    """A change of the whole set is possible only where all of it can be read."""
    assert RemoveFacts().possible
    assert not RemoveFacts(unreadable=1).possible
    assert not RemoveFacts(missing=True).possible


async def test_a_key_for_all_tells_what_was_left_out(open_execution: OpenExecution) -> None:
    """A rotation of all destinations says how many records could not be read: those do not get the key."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    turns_odd(execution)
    request = await execution.approved_on(there, "rotate_key", {"everywhere": True})
    assert isinstance(request.params, RotateParams)
    assert request.params.unread > 0
