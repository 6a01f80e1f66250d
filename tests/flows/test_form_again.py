from dataclasses import replace

from bot.playground.stage import APPROVALS, GENERAL, RINA
from bot.playground.tines import Fault, Kind
from handlers.models import State

from .conftest import OpenOffice
from .office import HURRIED, OTHER_STORY, STORY, Office


async def opens_edit(office: Office, request_id: str) -> None:
    """Open the form of a pending request from its status."""
    await office.rina.types(GENERAL, f"status {request_id}")
    await office.rina.clicks("Edit", office.stage.slack.ephemerals(RINA, GENERAL)[-1], GENERAL)
    await office.rina.sees_view(lambda view: view.get("submit") is not None)


async def test_a_pending_request_can_be_edited(office: Office) -> None:
    """The form comes filled in; saved, the approval message shows the new content as a new revision."""
    request = await office.asks(STORY)
    await opens_edit(office, request.id)
    assert STORY in office.rina.reads()
    await office.rina.picks("Stories", STORY, OTHER_STORY)
    await office.rina.writes("Reason", "Two are better")
    await office.rina.submits()
    assert "was changed and waits for approval" in office.rina.reads()
    edited = await office.request(request.id)
    assert edited.revision == 2
    assert [story.name for story in edited.content.stories] == [STORY, OTHER_STORY]
    await office.approval_message(request, pattern="Two are better")


async def test_an_edit_of_what_was_decided_meanwhile_is_refused(office: Office) -> None:
    """Whoever saves a change too late reads what has happened, and nothing changes."""
    request = await office.asks(STORY)
    await opens_edit(office, request.id)
    await office.approves(request)
    await office.rests(request, State.SUCCEEDED)
    await office.rina.submits()
    assert "was carried out" in office.rina.reads()
    assert (await office.request(request.id)).revision == 1


async def test_a_slow_edit_goes_on_by_itself(open_office: OpenOffice) -> None:
    """An edit that Tines holds up is kept, and saved once."""
    office = await open_office(outside=replace(HURRIED, fresh_seconds=0, click_patience=0.1))
    request = await office.asks(STORY)
    await opens_edit(office, request.id)
    await office.rina.writes("Reason", "Slowly")
    office.stage.dev.faults.add(Fault(Kind.SLOW, path="/stories*", seconds=0.4))
    await office.rina.submits()
    await office.rina.reads_in_view("was changed and waits for approval")
    edited = await office.request(request.id)
    assert (edited.revision, edited.content.reason) == (2, "Slowly")


async def test_a_request_that_ended_can_be_asked_for_again(office: Office) -> None:
    """The button of an ended request opens its form as a new one, with everything filled in."""
    request = await office.asks(STORY, reason="First try")
    review = await office.opens_review(request)
    await review.presses("Reject")
    await review.writes("", "Not now")
    await review.submits()
    await office.rests(request, State.REJECTED)
    direct = office.stage.slack.open_dm(RINA)
    await office.rina.clicks("Ask again", await office.told(office.rina, "Not now"), direct)
    await office.rina.sees_view(lambda view: view.get("submit") is not None)
    await office.rina.submits()
    await office.rina.reads_in_view(r"TS-\w{8} waits")
    message = await office.ada.sees_message(APPROVALS, r"(?s)First try.*\[Review\]")
    assert request.id not in office.stage.slack.render(message)
