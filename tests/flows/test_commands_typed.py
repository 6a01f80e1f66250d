import re

import pytest

from bot.playground.actor import Actor
from bot.playground.slack import Fault, FaultKind, Json
from bot.playground.stage import APPROVALS, APPROVERS, GENERAL
from handlers.models import State

from .conftest import OpenOffice
from .office import OTHER_STORY, STORY, Office


async def answer(office: Office, who: Actor, text: str) -> str:
    """Type after the command, and return the answer that this person alone sees."""
    outcome = await who.types(GENERAL, text)
    assert len(outcome.ephemerals) == 1
    assert office.stage.slack.messages(GENERAL) == []
    return office.stage.slack.render(outcome.ephemerals[0])


def latest(office: Office, who: Actor) -> Json:
    """Return the latest message that this person alone sees."""
    return office.stage.slack.ephemerals(who.user, GENERAL)[-1]


async def test_help_lists_what_can_be_typed(office: Office) -> None:
    """`help` names every word that the command knows."""
    said = await answer(office, office.tom, "help")
    for word in ("list", "status", "history", "cancel", "freeze", "thaw"):
        assert f"/tines-sync {word}" in said


async def test_an_unknown_word_leads_to_help(office: Office) -> None:
    """A word that does not exist is answered with where to find those that do."""
    said = await answer(office, office.tom, "<!channel> launch")
    assert "There is no" in said
    assert "help" in said


@pytest.mark.parametrize("word", ["status", "cancel", "history"])
@pytest.mark.parametrize(
    ("typed", "words"),
    [("TS-ZZZZZZZZ", "There is no request TS-ZZZZZZZZ"), ("", "Say which"), ("nope", "Say which")],
)
async def test_ids_that_do_not_exist_are_said(office: Office, word: str, typed: str, words: str) -> None:
    """An id of nothing, or no id, is answered with what to type."""
    assert words in await answer(office, office.rina, f"{word} {typed}".strip())


async def test_the_list_shows_mine_and_what_waits_for_me(office: Office) -> None:
    """The requester's list holds the request as theirs, the approver's as waiting, the onlooker's not at all."""
    request = await office.asks()
    mine = await answer(office, office.rina, "list")
    assert "YOUR REQUESTS" in mine
    assert request.id in mine
    waiting = await answer(office, office.ada, "list")
    assert "WAITING FOR YOU" in waiting
    assert request.id in waiting
    assert "Nothing here" in await answer(office, office.tom, "list")


async def test_a_long_list_has_pages_that_turn_in_place(office: Office) -> None:
    """More requests than fit on a page are reached by buttons, which put the next page in the place of the last.

    Where Slack does not replace it, the next page comes as a message of its own; and a page can be typed, one that is
    not there becomes the nearest.
    """
    asked = [(await office.asks()).id for _ in range(9)]
    first = await answer(office, office.rina, "list")
    assert "Page 1 of 2" in first
    await office.rina.clicks("Later", latest(office, office.rina), GENERAL)
    second = latest(office, office.rina)
    said = office.stage.slack.render(second)
    assert "Page 2 of 2" in said
    assert len(office.stage.slack.ephemerals(office.rina.user, GENERAL)) == 1
    assert set(re.findall(r"TS-\w{8}", first + said)) == set(asked)
    office.stage.slack.faults.inject("response_url", Fault(FaultKind.SERVER_ERROR))
    await office.rina.clicks("◀", second, GENERAL)
    assert "Page 1 of 2" in office.stage.slack.render(latest(office, office.rina))
    assert len(office.stage.slack.ephemerals(office.rina.user, GENERAL)) == 2
    for typed, page in (("list 2", 2), ("list 99", 2), ("list nine", 1)):
        assert f"Page {page} of 2" in await answer(office, office.rina, typed)


async def test_status_says_where_a_request_stands(office: Office) -> None:
    """The status names stories and state, from asking to the end, with the buttons that then make sense."""
    request = await office.asks(STORY)
    said = await answer(office, office.rina, f"status {request.id}")
    assert STORY in said
    assert "Cancel" in said
    await office.approves(request)
    await office.rests(request, State.SUCCEEDED)
    said = await answer(office, office.rina, f"status {request.id.lower()}")
    assert "Cancel" not in said
    assert f"{request.id} is synced" in said


async def test_the_details_button_shows_the_same(office: Office) -> None:
    """The button beside a request in the list shows its status."""
    request = await office.asks()
    await office.rina.types(GENERAL, "list")
    await office.rina.clicks("Details", latest(office, office.rina), GENERAL)
    assert f"{request.id} is" in office.stage.slack.render(latest(office, office.rina))


async def test_others_cannot_read_a_request(open_office: OpenOffice) -> None:
    """Somebody who may neither ask nor decide on the route is told that there is nothing for them."""
    office = await open_office(route={"requesters": ("U0RINA",)})
    request = await office.asks()
    for word in ("status", "history"):
        assert "that you may see" in await answer(office, office.tom, f"{word} {request.id}")
    assert request.id in await answer(office, office.ada, f"status {request.id}")


async def test_history_tells_all_that_happened(office: Office) -> None:
    """The history lists who asked and who approved, what was called and how it ended."""
    request = await office.asked_and_approved()
    await office.rests(request, State.SUCCEEDED)
    said = await answer(office, office.rina, f"history {request.id}")
    for word in ("rina", "ada", "asked", "approved"):
        assert word in said.casefold()


async def test_a_long_history_has_pages(office: Office) -> None:
    """A history that fills several pages turns by buttons."""
    request = await office.asked_and_approved("All 17 stories")
    await office.rests(request, State.SUCCEEDED, State.PARTIAL)
    said = await answer(office, office.rina, f"history {request.id}")
    pages = re.search(r"Page 1 of ([2-9])", said)
    assert pages is not None
    await office.rina.clicks("Later", latest(office, office.rina), GENERAL)
    assert f"Page 2 of {pages[1]}" in office.stage.slack.render(latest(office, office.rina))
    assert f"Page 2 of {pages[1]}" in await answer(office, office.rina, f"history {request.id} 2")


async def test_cancel_asks_why_and_calls_the_request_off(office: Office) -> None:
    """`cancel ID` opens a view; once submitted, the approval message says so and has no button any more."""
    request = await office.asks()
    await office.rina.types(GENERAL, f"cancel {request.id}")
    await office.rina.sees_view(lambda view: view.get("submit") is not None)
    await office.rina.submits()
    await office.rests(request, State.CANCELLED)
    message = await office.approval_message(request, pattern="Cancelled")
    assert "[Review]" not in office.stage.slack.render(message)
    assert office.creates() == []
    assert await office.kinds(request) == ["asked", "cancelled"]


async def test_cancel_from_the_status(office: Office) -> None:
    """The button of the status leads to the same view."""
    request = await office.asks()
    await office.rina.types(GENERAL, f"status {request.id}")
    await office.rina.clicks("Cancel", latest(office, office.rina), GENERAL)
    await office.rina.sees_view(lambda view: view.get("submit") is not None)


async def test_others_cannot_cancel(office: Office) -> None:
    """Somebody who neither asked nor decides reads why they cannot cancel, and the attempt is on record."""
    request = await office.asks()
    assert "can cancel it" in await answer(office, office.tom, f"cancel {request.id}")
    assert (await office.request(request.id)).state is State.PENDING
    assert await office.kinds(request) == ["asked", "refused"]


async def test_a_request_that_runs_cannot_be_cancelled_any_more(office: Office) -> None:
    """Whoever cancels too late reads what has happened instead."""
    request = await office.asks()
    await office.rina.types(GENERAL, f"cancel {request.id}")
    await office.rina.sees_view(lambda view: view.get("submit") is not None)
    await office.approves(request)
    await office.rests(request, State.SUCCEEDED)
    await office.rina.submits()
    assert "was carried out" in office.rina.reads()


async def test_the_home_lists_what_concerns_a_person(office: Office) -> None:
    """The App Home shows what waits for a person and what they asked for, newest first."""
    first, second = await office.asks(STORY), await office.asks(OTHER_STORY)
    slack = office.stage.slack
    await slack.open_home(office.ada.user)
    home = await slack.until(lambda: slack.home(office.ada.user))
    said = slack.render(home)
    assert said.index(second.id) < said.index(first.id)
    assert "WAITING FOR YOU" in said


async def test_a_home_without_answers_says_so(office: Office) -> None:
    """When Slack does not say who somebody is, their home says that it cannot be looked up now."""
    slack = office.stage.slack
    slack.faults.inject("users.info", Fault(FaultKind.SERVER_ERROR, times=None))
    await slack.open_home(office.tom.user)
    home = await slack.until(lambda: slack.home(office.tom.user))
    assert "cannot be looked up right now" in slack.render(home)


@pytest.mark.parametrize("word", ["freeze", "thaw"])
async def test_freezing_needs_a_route_and_a_right(office: Office, word: str) -> None:
    """Freezing and thawing ask for a route that exists, and for an approver."""
    assert "Say which route" in await answer(office, office.ada, word)
    assert "There is no route nowhere" in await answer(office, office.ada, f"{word} nowhere reason")
    assert "Only approvers" in await answer(office, office.tom, f"{word} dev-to-prod reason")
    if word == "freeze":
        assert "Say why" in await answer(office, office.ada, "freeze dev-to-prod")
    else:
        assert "is not frozen" in await answer(office, office.ada, "thaw dev-to-prod")


async def test_a_frozen_route_holds_what_was_approved_until_it_is_thawed(office: Office) -> None:
    """What is approved on a frozen route waits, says so, and runs when the route is thawed."""
    request = await office.asks()
    assert "is frozen" in await answer(office, office.ada, "freeze dev-to-prod audit <week>")
    await office.approval_message(request, pattern="audit")
    await office.approves(request)
    await office.approval_message(request, pattern="this runs when it is thawed")
    assert office.creates() == []
    await office.ben.types(GENERAL, "thaw dev-to-prod")
    await office.rests(request, State.SUCCEEDED)
    assert len(office.creates()) == 1


async def test_slack_silent_about_people_is_said_to_a_command(open_office: OpenOffice) -> None:
    """A command that needs to know who somebody is says so when Slack does not tell."""
    office = await open_office(route={"requesters": (APPROVERS,)})
    office.stage.slack.faults.inject("usergroups.users.list", Fault(FaultKind.SERVER_ERROR, times=None))
    assert "Slack did not say" in await answer(office, office.tom, "list")


async def test_a_button_is_for_the_person_who_clicks(office: Office) -> None:
    """Rights are looked up for whoever clicks: an onlooker's Review opens without any way to decide."""
    request = await office.asks()
    message = await office.approval_message(request, who=office.tom)
    await office.tom.clicks("Review", message, APPROVALS)
    said = await office.tom.reads_in_view("You can read this")
    assert "not among the approvers" in said
    assert office.tom.view().get("submit") is None
