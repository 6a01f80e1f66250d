import re

import pytest

from bot.playground.actor import Actor
from bot.playground.launch import ADA, APPROVALS, APPROVERS, BEN, GENERAL, RINA
from bot.playground.slack import Fault, FaultKind, Json
from handlers.models import State

from .conftest import OpenHarness
from .harness import OTHER_STORY, STORY, FlowHarness


async def answer(harness: FlowHarness, who: Actor, text: str) -> str:
    """Type after the command, and return the answer that this person alone sees."""
    outcome = await who.types(GENERAL, text)
    assert len(outcome.ephemerals) == 1
    assert harness.playground.slack.messages(GENERAL) == []
    return harness.playground.slack.render(outcome.ephemerals[0])


def latest(harness: FlowHarness, who: Actor) -> Json:
    """Return the latest message that this person alone sees."""
    return harness.playground.slack.ephemerals(who.user, GENERAL)[-1]


async def test_help_lists_what_can_be_typed(harness: FlowHarness) -> None:
    """`help` names every word that the command knows."""
    said = await answer(harness, harness.tom, "help")
    for word in ("list", "status", "history", "cancel", "freeze", "unfreeze"):
        assert f"/tines-sync {word}" in said


async def test_an_unknown_word_leads_to_help(harness: FlowHarness) -> None:
    """A word that does not exist is answered with where to find those that do."""
    said = await answer(harness, harness.tom, "<!channel> launch")
    assert "There is no" in said
    assert "help" in said


async def test_the_contact_is_named_wherever_people_are_told_to_ask(open_harness: OpenHarness) -> None:
    """An answer to a command, a view that Slack's answer brings and the App Home name whom to ask, as configured."""
    harness = await open_harness(route={"requesters": (RINA,), "denied": (BEN,)}, admin_contact=ADA)
    assert "Ask @ada" in await answer(harness, harness.ben, "freeze dev-to-prod now")
    await harness.tom.types(GENERAL, "destinations")
    await harness.tom.reads_in_view("Ask @ada to add you")
    await harness.playground.slack.open_home(harness.tom.user)
    home = await harness.playground.slack.until(lambda: harness.playground.slack.home(harness.tom.user))
    assert "Ask @ada to add you" in harness.playground.slack.render(home)


async def test_a_mistyped_word_is_answered_with_the_nearest_one(harness: FlowHarness) -> None:
    """A slip of the fingers is answered with what was probably meant, and without marks that Slack shows as typed."""
    said = await answer(harness, harness.tom, "stauts TS-12345678")
    assert "Did you mean /tines-sync status?" in said
    assert "`" not in said


@pytest.mark.parametrize("word", ["status", "cancel", "history"])
@pytest.mark.parametrize(
    ("typed", "words"),
    [("TS-ZZZZZZZZ", "There is no request TS-ZZZZZZZZ"), ("", "Add a"), ("nope", "Add a")],
)
async def test_ids_that_do_not_exist_are_said(harness: FlowHarness, word: str, typed: str, words: str) -> None:
    """An id of nothing, or no id, is answered with what to type."""
    assert words in await answer(harness, harness.rina, f"{word} {typed}".strip())


async def test_the_list_shows_mine_and_what_waits_for_me(harness: FlowHarness) -> None:
    """The requester's list holds the request as theirs, the approver's as waiting, the onlooker's not at all."""
    request = await harness.asks()
    mine = await answer(harness, harness.rina, "list")
    assert "YOUR REQUESTS" in mine
    assert request.id in mine
    waiting = await answer(harness, harness.ada, "list")
    assert "WAITING FOR YOU" in waiting
    assert request.id in waiting
    assert "You have no requests" in await answer(harness, harness.tom, "list")


async def test_a_long_list_has_pages_that_turn_in_place(harness: FlowHarness) -> None:
    """More requests than fit on a page are reached by buttons, which put the next page in the place of the last.

    Where Slack does not replace it, the next page comes as a message of its own; and a page can be typed, one that is
    not there becomes the nearest.
    """
    asked = [(await harness.asks()).id for _ in range(9)]
    first = await answer(harness, harness.rina, "list")
    assert "Page 1 of 2" in first
    await harness.rina.clicks("Older", latest(harness, harness.rina), GENERAL)
    second = latest(harness, harness.rina)
    said = harness.playground.slack.render(second)
    assert "Page 2 of 2" in said
    assert len(harness.playground.slack.ephemerals(harness.rina.user, GENERAL)) == 1
    assert set(re.findall(r"TS-\w{8}", first + said)) == set(asked)
    harness.playground.slack.faults.inject("response_url", Fault(FaultKind.SERVER_ERROR))
    await harness.rina.clicks("◀", second, GENERAL)
    assert "Page 1 of 2" in harness.playground.slack.render(latest(harness, harness.rina))
    assert len(harness.playground.slack.ephemerals(harness.rina.user, GENERAL)) == 2
    for typed, page in (("list 2", 2), ("list 99", 2), ("list nine", 1)):
        assert f"Page {page} of 2" in await answer(harness, harness.rina, typed)


async def test_status_says_where_a_request_stands(harness: FlowHarness) -> None:
    """The status names stories and state, from asking to the end, with the buttons that then make sense."""
    request = await harness.asks(STORY)
    said = await answer(harness, harness.rina, f"status {request.id}")
    assert STORY in said
    assert "Cancel" in said
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
    said = await answer(harness, harness.rina, f"status {request.id.lower()}")
    assert "Cancel" not in said
    assert f"{request.id} is synced" in said


async def test_the_details_button_shows_the_same(harness: FlowHarness) -> None:
    """The button beside a request in the list shows its status."""
    request = await harness.asks()
    await harness.rina.types(GENERAL, "list")
    await harness.rina.clicks("Details", latest(harness, harness.rina), GENERAL)
    assert f"{request.id} is" in harness.playground.slack.render(latest(harness, harness.rina))


async def test_others_cannot_read_a_request(open_harness: OpenHarness) -> None:
    """Somebody who may neither ask nor decide on the route is told that there is nothing for them."""
    harness = await open_harness(route={"requesters": ("U0RINA",)})
    request = await harness.asks()
    for word in ("status", "history"):
        assert "that you can see" in await answer(harness, harness.tom, f"{word} {request.id}")
    assert request.id in await answer(harness, harness.ada, f"status {request.id}")


async def test_history_tells_all_that_happened(harness: FlowHarness) -> None:
    """The history lists who asked and who approved, what was called and how it ended."""
    request = await harness.asked_and_approved()
    await harness.rests(request, State.SUCCEEDED)
    said = await answer(harness, harness.rina, f"history {request.id}")
    for word in ("rina", "ada", "requested this", "posted to #tines-approvals", "approved", "created"):
        assert word in said.casefold()


async def test_a_long_history_has_pages(harness: FlowHarness) -> None:
    """A history that fills several pages turns by buttons."""
    request = await harness.asked_and_approved("All 17 stories")
    await harness.rests(request, State.SUCCEEDED, State.PARTIAL)
    said = await answer(harness, harness.rina, f"history {request.id}")
    assert "Show technical steps" in said
    await harness.rina.clicks("Show technical steps", latest(harness, harness.rina), GENERAL)
    said = harness.playground.slack.render(latest(harness, harness.rina))
    pages = re.search(r"Page 1 of ([2-9])", said)
    assert pages is not None
    await harness.rina.clicks("Later", latest(harness, harness.rina), GENERAL)
    assert f"Page 2 of {pages[1]}" in harness.playground.slack.render(latest(harness, harness.rina))


async def test_cancel_asks_why_and_calls_the_request_off(harness: FlowHarness) -> None:
    """`cancel ID` opens a view; once submitted, the approval message says so and has no button any more."""
    request = await harness.asks()
    await harness.rina.types(GENERAL, f"cancel {request.id}")
    await harness.rina.sees_view(lambda view: view.get("submit") is not None)
    await harness.rina.submits()
    await harness.rests(request, State.CANCELLED)
    message = await harness.approval_message(request, pattern="Cancelled")
    assert "[Review]" not in harness.playground.slack.render(message)
    assert harness.creates() == []
    assert await harness.kinds(request) == ["asked", "cancelled"]


async def test_cancel_from_the_status(harness: FlowHarness) -> None:
    """The button of the status leads to the same view."""
    request = await harness.asks()
    await harness.rina.types(GENERAL, f"status {request.id}")
    await harness.rina.clicks("Cancel", latest(harness, harness.rina), GENERAL)
    await harness.rina.sees_view(lambda view: view.get("submit") is not None)


async def test_others_cannot_cancel(harness: FlowHarness) -> None:
    """Somebody who neither asked nor decides reads why they cannot cancel, and the attempt is on record."""
    request = await harness.asks()
    assert "can cancel this" in await answer(harness, harness.tom, f"cancel {request.id}")
    assert (await harness.request(request.id)).state is State.PENDING
    assert await harness.kinds(request) == ["asked", "refused"]


async def test_a_request_that_runs_cannot_be_cancelled_any_more(harness: FlowHarness) -> None:
    """Whoever cancels too late reads what has happened instead."""
    request = await harness.asks()
    await harness.rina.types(GENERAL, f"cancel {request.id}")
    await harness.rina.sees_view(lambda view: view.get("submit") is not None)
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
    await harness.rina.submits()
    assert "was carried out" in harness.rina.reads()


async def test_the_home_lists_what_concerns_a_person(harness: FlowHarness) -> None:
    """The App Home shows what waits for a person and what they asked for, newest first."""
    first, second = await harness.asks(STORY), await harness.asks(OTHER_STORY)
    slack = harness.playground.slack
    await slack.open_home(harness.ada.user)
    home = await slack.until(lambda: slack.home(harness.ada.user))
    said = slack.render(home)
    assert said.index(second.id) < said.index(first.id)
    assert "WAITING FOR YOU" in said


async def test_a_home_without_answers_says_so(harness: FlowHarness) -> None:
    """When Slack does not say who somebody is, their home says that it cannot be looked up now."""
    slack = harness.playground.slack
    slack.faults.inject("users.info", Fault(FaultKind.SERVER_ERROR, times=None))
    await slack.open_home(harness.tom.user)
    home = await slack.until(lambda: slack.home(harness.tom.user))
    assert "cannot be loaded right now" in slack.render(home)


@pytest.mark.parametrize("word", ["freeze", "unfreeze"])
async def test_freezing_needs_a_route_and_a_right(harness: FlowHarness, word: str) -> None:
    """Freezing and unfreezing ask for a route that exists, and for an approver."""
    assert "Add a route" in await answer(harness, harness.ada, word)
    assert "There is no route nowhere" in await answer(harness, harness.ada, f"{word} nowhere reason")
    assert "Only approvers" in await answer(harness, harness.tom, f"{word} dev-to-prod reason")
    if word == "freeze":
        assert "Add a reason" in await answer(harness, harness.ada, "freeze dev-to-prod")
    else:
        assert "is not frozen" in await answer(harness, harness.ada, "unfreeze dev-to-prod")


async def test_a_frozen_route_holds_what_was_approved_until_it_is_unfrozen(harness: FlowHarness) -> None:
    """What is approved on a frozen route waits, says so, and runs when the route is unfrozen."""
    request = await harness.asks()
    assert "is frozen" in await answer(harness, harness.ada, "freeze dev-to-prod audit <week>")
    await harness.approval_message(request, pattern="audit")
    await harness.approves(request)
    await harness.approval_message(request, pattern="This runs when the route is unfrozen")
    assert harness.creates() == []
    await harness.ben.types(GENERAL, "unfreeze dev-to-prod")
    await harness.rests(request, State.SUCCEEDED)
    assert len(harness.creates()) == 1


async def test_a_freeze_is_understood_however_it_is_typed(harness: FlowHarness) -> None:
    """No-break spaces, quotes, bold, code, long dashes and capitals change nothing; a reason stays as it was typed."""
    for typed in (
        "freeze\u00a0dev-to-prod\u00a0“Incident\u00a042”",
        "*Freeze* `dev\u2013to\u2013prod`: “Incident\u00a042”",
        "“FREEZE” “DEV-TO-PROD” “Incident\u00a042”",
        "&lt;@U0BOT&gt; freeze, (dev-to-prod) “Incident\u00a042”",
    ):
        assert "dev-to-prod is frozen" in await answer(harness, harness.ada, typed), typed
        assert (await harness.playground.bot.store.freezes())["dev-to-prod"].reason == "“Incident\u00a042”"
        assert "dev-to-prod is unfrozen" in await answer(
            harness, harness.ada, typed.casefold().replace("freeze", "unfreeze")
        )
    assert "Add a reason" in await answer(harness, harness.ada, "freeze dev-to-prod \u00a0…")
    request = await harness.asks()
    for typed in (
        f"status\u202f“{request.id}”.",
        f"`status` *{request.id.lower()}*",
        "status " + request.id.replace("-", "\u2013"),
    ):
        assert request.id in await answer(harness, harness.rina, typed), typed


async def test_a_typo_is_answered_with_what_was_meant(harness: FlowHarness) -> None:
    """A word that is nearly one of ours is answered with that one; nothing is done by a guess."""
    assert "Did you mean /tines-sync freeze?" in await answer(harness, harness.ada, "frezze dev-to-prod Incident")
    assert await harness.playground.bot.store.freezes() == {}


async def test_slack_silent_about_people_is_said_to_a_command(open_harness: OpenHarness) -> None:
    """A command that needs to know who somebody is says so when Slack does not tell."""
    harness = await open_harness(route={"requesters": (APPROVERS,)})
    for method in ("usergroups.list", "usergroups.users.list"):
        harness.playground.slack.faults.inject(method, Fault(FaultKind.SERVER_ERROR, times=None))
    assert "Slack did not say" in await answer(harness, harness.tom, "list")


async def test_a_button_is_for_the_person_who_clicks(harness: FlowHarness) -> None:
    """Rights are looked up for whoever clicks: an onlooker's Review opens without any way to decide."""
    request = await harness.asks()
    message = await harness.approval_message(request, who=harness.tom)
    await harness.tom.clicks("Review", message, APPROVALS)
    said = await harness.tom.reads_in_view("You can view this request")
    assert "not an approver" in said
    assert harness.tom.view().get("submit") is None
