from dataclasses import replace

from bot.playground.launch import APPROVALS, GENERAL, RINA
from bot.playground.tines import Fault, Kind
from handlers.models import State

from .conftest import OpenHarness
from .harness import OTHER_STORY, SHORT_TIMES, STORY, FlowHarness, create_of


async def opens_edit(harness: FlowHarness, request_id: str) -> None:
    """Open the form of a pending request from its status."""
    await harness.rina.types(GENERAL, f"status {request_id}")
    await harness.rina.clicks("Edit", harness.playground.slack.ephemerals(RINA, GENERAL)[-1], GENERAL)
    await harness.rina.sees_view(lambda view: view.get("submit") is not None)


async def test_a_pending_request_can_be_edited(harness: FlowHarness) -> None:
    """The form comes filled in; saved, the approval message shows the new content as a new revision."""
    request = await harness.asks(STORY)
    await opens_edit(harness, request.id)
    assert STORY in harness.rina.reads()
    await harness.rina.picks("Stories", STORY, OTHER_STORY)
    await harness.rina.writes("Reason", "Two are better")
    await harness.rina.submits()
    assert "is changed and waiting for approval" in harness.rina.reads()
    edited = await harness.request(request.id)
    assert edited.revision == 2
    assert [story.name for story in create_of(edited).stories] == [STORY, OTHER_STORY]
    await harness.approval_message(request, pattern="Two are better")


async def test_an_edit_of_what_was_decided_meanwhile_is_refused(harness: FlowHarness) -> None:
    """Whoever saves a change too late reads what has happened, and nothing changes."""
    request = await harness.asks(STORY)
    await opens_edit(harness, request.id)
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
    await harness.rina.submits()
    assert "was carried out" in harness.rina.reads()
    assert (await harness.request(request.id)).revision == 1


async def test_a_slow_edit_goes_on_by_itself(open_harness: OpenHarness) -> None:
    """An edit that Tines holds up is kept, and saved once."""
    harness = await open_harness(overrides=replace(SHORT_TIMES, fresh_seconds=0, click_budget=0.1))
    request = await harness.asks(STORY)
    await opens_edit(harness, request.id)
    await harness.rina.writes("Reason", "Slowly")
    harness.playground.dev.faults.add(Fault(Kind.SLOW, path="/stories*", seconds=0.4))
    await harness.rina.submits()
    await harness.rina.reads_in_view("is changed and waiting for approval")
    edited = await harness.request(request.id)
    assert (edited.revision, edited.reason) == (2, "Slowly")


async def test_a_request_that_ended_can_be_asked_for_again(harness: FlowHarness) -> None:
    """The button of an ended request opens its form as a new one, with everything filled in."""
    request = await harness.asks(STORY, reason="First try")
    review = await harness.opens_review(request)
    await review.presses("Reject")
    await review.writes("", "Not now")
    await review.submits()
    await harness.rests(request, State.REJECTED)
    direct = harness.playground.slack.open_dm(RINA)
    await harness.rina.clicks("Request again", await harness.told(harness.rina, "Not now"), direct)
    await harness.rina.sees_view(lambda view: view.get("submit") is not None)
    await harness.rina.submits()
    await harness.rina.reads_in_view(r"TS-\w{8} is waiting")
    message = await harness.ada.sees_message(APPROVALS, r"(?s)First try.*\[Review\]")
    assert request.id not in harness.playground.slack.render(message)
