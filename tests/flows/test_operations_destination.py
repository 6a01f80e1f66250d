"""Every operation on a sync destination, from the request to the thread: good, refused, unanswered, and in company."""

from dataclasses import dataclass, replace
from typing import Final

import pytest
from pydantic import JsonValue

from bot.playground.launch import APPROVALS, GENERAL
from bot.playground.tines.faults import Fault, Kind
from bot.playground.tines.switches import ManualSync, UrlForm
from bot.playground.tines.syncing import update_destination
from handlers.models import Request, State
from handlers.operations.remove_stories import RemoveParams
from handlers.operations.rotate_key import RotateParams
from handlers.requests import Done, Invalid, Submission, submit

from .conftest import OpenHarness
from .harness import OTHER_STORY, STORY, FlowHarness

DESTINATION: Final = "/admin/sync_destinations/"


@dataclass(frozen=True)
class Case:
    """An operation, what is asked of it, and the call that it makes."""

    name: str
    method: str
    path: str = ""  # below the destination
    thread: str = ""  # what the thread says at the end

    def __str__(self) -> str:
        """Return the operation's name."""
        return self.name


CASES: Final = (
    Case("add_stories", "PATCH", thread="1 story: 1 synced"),
    Case("remove_stories", "PATCH", thread="Removed 1 story from sync destination"),
    Case("sync", "POST", "/manual_sync", thread="Started a sync of sync destination"),
    Case("set_mode", "PATCH", thread="manual: only when someone starts it"),
    Case("rotate_key", "PATCH", thread="was sent to 1 sync destination"),
    Case("delete", "DELETE", thread="is gone"),
)
every = pytest.mark.parametrize("case", CASES, ids=str)


def story_id(harness: FlowHarness, name: str) -> int:
    """Return the id of a story of the source tenant."""
    return next(story.id for story in harness.playground.dev.stories.values() if story.name == name)


def wanted(harness: FlowHarness, case: Case) -> dict[str, JsonValue]:
    """Return what the form of an operation asks for."""
    own: dict[str, dict[str, JsonValue]] = {
        "add_stories": {"story_ids": [story_id(harness, OTHER_STORY)]},
        "remove_stories": {"story_ids": [story_id(harness, STORY)]},
        "sync": {"which": "all"},
        "set_mode": {"mode": "manual"},
        "rotate_key": {"everywhere": False},
        "delete": {"keep_stories": True},
    }
    return own[case.name]


async def asks(harness: FlowHarness, case: Case, destination: int, **differs: JsonValue) -> Request:
    """Ask for an operation as its form does, and return the request."""
    draft = f"{case.name}-{len(await harness.events())}"
    submission = submission_of(harness, case, destination, draft, **differs)
    answer = await submit(harness.playground.bot.services, harness.rina.user, submission, budget=None)
    assert isinstance(answer, Done), answer
    assert answer.request is not None
    return answer.request


def submission_of(harness: FlowHarness, case: Case, destination: int, draft: str, **differs: JsonValue) -> Submission:
    """Return what the form of an operation hands in."""
    asked = {"destination_id": destination, **wanted(harness, case), **differs}
    return Submission(operation=case.name, route="dev-to-prod", asked=asked, reason="Incident 42", draft_id=draft)


def calls(harness: FlowHarness, case: Case, destination: int) -> int:
    """Return how many calls of the operation reached the source tenant."""
    return len(list(harness.playground.dev.calls.of(case.method, f"{DESTINATION}{destination}{case.path}")))


def stories_in(harness: FlowHarness, destination: int) -> set[int]:
    """Return the stories that are in a destination."""
    return set(harness.playground.dev.destinations[destination].subscriptions)


@every
async def test_it_is_approved_and_done(harness: FlowHarness, case: Case) -> None:
    """A request is reviewed, approved and done with one call, and the thread says what it came to."""
    number = harness.somebody_creates(STORY)
    request = await asks(harness, case, number)
    await harness.approves(request)
    done = await harness.rests(request, State.SUCCEEDED)
    assert calls(harness, case, number) == 1
    await harness.in_thread(done, case.thread)
    await harness.told(harness.rina, done.id)
    kinds = await harness.kinds(done)
    assert kinds.index("asked") < kinds.index("approved") < kinds.index(f"{case.name}_begun")


@every
async def test_a_refusal_by_tines_ends_it(open_harness: OpenHarness, case: Case) -> None:
    """What Tines refuses, with whatever status, fails with its words and what to do.

    Only what may be a stray refusal of a proxy is tried again for a while; what surely is Tines's is sent once.
    """
    harness = await open_harness(route={"operations": {case.name: {"approvals": 0}}})
    dev = harness.playground.dev
    for status in (400, 401, 403, 404, 409, 422):
        number, words = harness.somebody_creates(STORY), f"That is refused with {status}"
        # requests for one pair of teams wait for each other
        team = harness.playground.prod.add_team(f"Team {status}").id
        dev.destinations[number].destination_team_id = team
        path = f"{DESTINATION}{number}{case.path}"
        dev.faults.add(Fault(Kind.ANSWER, case.method, path, status=status, message=words))
        failed = await harness.rests(await asks(harness, case, number), State.FAILED)
        assert failed.problem is not None
        assert (failed.problem.status, failed.problem.words) == (status, words)
        assert failed.problem.advice
        assert (calls(harness, case, number) == 1) is (status in {400, 409, 422})
        assert number in dev.destinations
    await harness.in_thread(failed, words)


@every
async def test_a_lost_answer_is_found_out(harness: FlowHarness, case: Case) -> None:
    """After an answer that was lost, Tines is looked at, or asked again where that is harmless; the effect is one."""
    number = harness.somebody_creates(STORY)
    path = f"{DESTINATION}{number}{case.path}"
    harness.playground.dev.faults.add(Fault(Kind.RESET_AFTER, case.method, path, times=1))
    request = await asks(harness, case, number)
    await harness.approves(request)
    done = await harness.rests(request, State.SUCCEEDED)
    assert "unknown_outcome" in await harness.kinds(done)
    harmless = case.name in {"sync", "rotate_key"}
    assert calls(harness, case, number) == (2 if harmless else 1)


@every
async def test_without_approvals_it_runs_at_once(open_harness: OpenHarness, case: Case) -> None:
    """Where the operation needs no approval, it runs after the form, with record, thread and notice."""
    harness = await open_harness(route={"operations": {case.name: {"approvals": 0}}})
    number = harness.somebody_creates(STORY)
    request = await asks(harness, case, number)
    done = await harness.rests(request, State.SUCCEEDED)
    assert done.decisions == ()
    await harness.in_thread(done, case.thread)
    await harness.told(harness.rina, done.id)
    assert (await harness.kinds(done))[0] == "asked"
    assert calls(harness, case, number) == 1


@pytest.mark.parametrize("case", CASES[:2], ids=str)
async def test_what_somebody_else_adds_in_between_stays(harness: FlowHarness, case: Case) -> None:
    """A story that somebody adds after the approval was asked for stays in the destination."""
    number = harness.somebody_creates(STORY)
    request = await asks(harness, case, number)
    view = await harness.opens_review(request)
    third = next(
        story.id
        for story in harness.playground.dev.stories.values()
        if story.change_control
        and story.name not in {STORY, OTHER_STORY}
        and story.team_id == harness.playground.dev.destinations[number].team_id
    )
    update_destination(harness.playground.dev, number, {"story_ids": [*stories_in(harness, number), third]})
    await view.submits()
    await harness.rests(request, State.SUCCEEDED, State.PARTIAL)
    there = stories_in(harness, number)
    assert third in there
    assert (story_id(harness, OTHER_STORY) in there) is (case.name == "add_stories")


async def test_a_destination_that_is_gone_is_said(harness: FlowHarness) -> None:
    """Where somebody deletes the destination before the approval, the review says so and nothing can be approved."""
    number = harness.somebody_creates(STORY)
    request = await asks(harness, CASES[2], number)
    message = await harness.approval_message(request)
    del harness.playground.dev.destinations[number]
    await harness.ada.clicks("Review", message, APPROVALS)
    await harness.ada.reads_in_view("no longer exists")
    assert harness.ada.view().get("submit") is None


async def test_a_delete_waits_for_a_sync(open_harness: OpenHarness) -> None:
    """Two requests for one destination run one after the other: the delete is sent when the sync has ended."""
    operations = {"sync": {"approvals": 0}, "delete": {"approvals": 0}}
    harness = await open_harness(route={"operations": operations})
    number = harness.somebody_creates(STORY)
    path = f"{DESTINATION}{number}/manual_sync"
    harness.playground.dev.faults.add(Fault(Kind.SLOW, "POST", path, times=1, seconds=0.6))
    first = await asks(harness, CASES[2], number)
    await harness.comes_to(first, State.RUNNING, State.FOLLOWING, State.SUCCEEDED)
    second = await asks(harness, CASES[5], number)
    await harness.rests(first, State.SUCCEEDED)
    gone = await harness.rests(second, State.SUCCEEDED)
    ended = (await harness.request(first.id)).finished_at
    assert ended is not None
    assert gone.attempted_at is not None
    assert gone.attempted_at >= ended


async def test_the_form_searches_what_is_in_the_destination(harness: FlowHarness) -> None:
    """A pending request is edited in its form, which finds the stories of its destination, and keeps the route."""
    number = harness.somebody_creates(STORY, OTHER_STORY)
    request = await asks(harness, CASES[1], number)
    message = await harness.approval_message(request, who=harness.rina)
    await harness.rina.clicks("Review", message, APPROVALS)
    await harness.rina.reads_in_view("Edit…")
    await harness.rina.presses("Edit…")
    await harness.rina.sees_view(lambda view: view["title"]["text"].startswith("Edit"))
    found = await harness.rina.searches("Stories to remove", OTHER_STORY[:5].upper())
    assert [option["text"]["text"] for option in found.all_options] == [OTHER_STORY]
    await harness.rina.picks("Stories to remove", OTHER_STORY)
    outcome = await harness.rina.submits()
    assert not outcome.errors
    edited = await harness.request(request.id)
    assert isinstance(edited.params, RemoveParams)
    assert edited.params.destination.id == number
    assert OTHER_STORY in {story.name for story in edited.params.stories}


@pytest.mark.parametrize("case", [CASES[3], CASES[5]], ids=str)
async def test_what_was_not_shown_is_not_done(harness: FlowHarness, case: Case) -> None:
    """Where somebody changes the mode or the stories after they were shown, the approval is refused and nothing is sent."""
    number = harness.somebody_creates(STORY)
    request = await asks(harness, case, number)
    view = await harness.opens_review(request)
    dev, more = harness.playground.dev, story_id(harness, OTHER_STORY)
    change = (
        {"manual_sync_only": True} if case.name == "set_mode" else {"story_ids": [*stories_in(harness, number), more]}
    )
    update_destination(dev, number, change)
    await view.submits()
    await harness.ada.reads_in_view("(?i)changed|already|review it again|this mode")
    assert (await harness.request(request.id)).state is State.PENDING
    assert calls(harness, case, number) == 0


async def test_an_older_tenant_has_no_mode_to_change(harness: FlowHarness) -> None:
    """Where the tenant knows no sync modes, the form says so, and a request for one is refused at its field."""
    number = harness.somebody_creates(STORY)
    harness.playground.dev.switches = replace(harness.playground.dev.switches, manual_sync=ManualSync.IGNORED)
    answer = await submit(
        harness.playground.bot.services, harness.rina.user, submission_of(harness, CASES[3], number, "no"), budget=None
    )
    assert isinstance(answer, Invalid)
    assert "does not support sync modes" in answer.fields["mode"]


@pytest.mark.parametrize(("form", "said"), [(UrlForm.OTHER_HOST, "is http"), (UrlForm.NULL, "is not told")])
async def test_an_address_that_is_written_differently_stops_nobody(
    harness: FlowHarness, form: UrlForm, said: str
) -> None:
    """Where Tines writes another host name or none, the destination is shown, reviewed and synced, with a warning.

    The key is not sent to one that only its team tells: it may belong to somebody else. To our own it is.
    """
    number = harness.somebody_creates(STORY)
    other = harness.playground.prod.add_team("Another team").id  # so that nothing waits for the create
    harness.playground.dev.destinations[number].destination_team_id = other
    made = (await harness.rests(await harness.asked_and_approved(OTHER_STORY), State.SUCCEEDED)).destination_id
    assert made is not None
    harness.playground.dev.switches = replace(harness.playground.dev.switches, url_form=form)
    await harness.rina.types(GENERAL, "destinations")
    assert f"#{number} " in await harness.rina.reads_in_view("2 sync destinations")
    await harness.rina.types(GENERAL, f"destination {made}")
    assert "Its address" not in await harness.rina.reads_in_view("Open the thread")
    await harness.rina.types(GENERAL, f"destination {number}")
    await harness.rina.reads_in_view(f"Its address on Tines {said}")
    sync, rotate = CASES[2], CASES[4]
    request = await asks(harness, sync, number)
    view = await harness.opens_review(request)
    await harness.ada.reads_in_view(f"Its address on Tines {said}")
    await view.submits()
    await harness.rests(request, State.SUCCEEDED)
    refused = await submit(
        harness.playground.bot.services, harness.rina.user, submission_of(harness, rotate, number, "no"), budget=None
    )
    assert isinstance(refused, Invalid)
    assert "A key is sent only to where it belongs" in refused.fields["destination"]
    rotated = await asks(harness, rotate, made, everywhere=True)
    assert isinstance(rotated.params, RotateParams)
    assert [each.id for each in rotated.params.every] == [made]
