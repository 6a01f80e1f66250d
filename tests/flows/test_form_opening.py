from contextlib import suppress

import pytest

from bot.playground.actor import Actor
from bot.playground.launch import APPROVERS, GENERAL, RINA, TOM
from bot.playground.slack import Fault, FaultKind, Json, ViewRef
from bot.playground.tines import Fault as TinesFault
from bot.playground.tines import Kind
from bot.views.ids import SHORTCUT_FORM
from handlers.tines import TinesError
from tests.loading import load

from .conftest import OpenHarness
from .harness import IMPATIENT, FlowHarness

MORE_ROUTES = {"dev-to-dev": {"destination": "dev"}}


def labels(view: Json) -> list[str]:
    """Return the labels of a view's fields."""
    return [block["label"]["text"].rstrip(":") for block in view["blocks"] if block["type"] == "input"]


async def test_the_command_opens_the_form_before_tines_is_asked(harness: FlowHarness) -> None:
    """The form opens although both tenants are silent: nothing is asked of them before it stands there."""
    for tenant in (harness.playground.dev, harness.playground.prod):
        tenant.faults.add(TinesFault(Kind.HANG))
    view = await harness.rina.opens_form(GENERAL)
    assert "dev → prod" in harness.rina.reads()
    assert labels(view)[0].startswith("Source team")


async def test_the_shortcut_opens_the_same_form(harness: FlowHarness) -> None:
    """The global shortcut leads to the same form as the command."""
    await harness.playground.slack.shortcut(harness.rina.user, SHORTCUT_FORM)
    view = await harness.rina.sees_view(_is_form)
    assert "dev-to-prod" in harness.rina.reads()
    assert labels(view)[0].startswith("Source team")


async def test_the_home_opens_the_form(harness: FlowHarness) -> None:
    """The App Home has a button that opens the form."""
    await harness.playground.slack.open_home(harness.rina.user)
    home = await harness.playground.slack.until(lambda: harness.playground.slack.home(harness.rina.user))
    assert "Nothing here yet. This is how it works" in harness.playground.slack.render(home)
    await _presses_in_home(harness, harness.rina, home, "New request")
    await harness.rina.sees_view(_is_form)


async def test_a_single_route_is_text_and_several_are_a_choice(open_harness: OpenHarness) -> None:
    """With several routes the form asks for one first, and shows the other fields once it is chosen."""
    harness = await open_harness(more_routes=MORE_ROUTES)
    view = await harness.rina.opens_form(GENERAL)
    assert labels(view)[0] == "Route"
    assert not any(label.startswith("Source team") for label in labels(view))
    await harness.rina.picks("Route", "dev-to-dev")
    view = await harness.rina.sees_view(lambda each: any("Source team" in label for label in labels(each)))
    assert "Destination team on dev" in labels(view)


async def test_a_person_sees_only_the_routes_they_may_ask_on(open_harness: OpenHarness) -> None:
    """Routes that are not open to somebody are not offered to them; a single one left is text."""
    harness = await open_harness(more_routes={"dev-to-dev": {"destination": "dev", "requesters": (APPROVERS,)}})
    view = await harness.rina.opens_form(GENERAL)
    assert "Route" not in labels(view)
    view = await harness.ada.opens_form(GENERAL)
    assert labels(view)[0] == "Route"


async def test_who_may_not_ask_reads_why(open_harness: OpenHarness) -> None:
    """Somebody without a route gets no form but the reason, and whom to ask."""
    harness = await open_harness(route={"requesters": (APPROVERS,)})
    await harness.tom.types(GENERAL)
    said = await harness.tom.reads_in_view("cannot request a sync yet")
    assert "cannot request syncs on dev-to-prod" in said


async def test_a_guest_reads_that_guests_cannot_ask(harness: FlowHarness) -> None:
    """A guest gets no form, though the route is open to everybody."""
    harness.playground.slack.make_guest(TOM)
    await harness.tom.types(GENERAL)
    assert "Guests" in await harness.tom.reads_in_view("cannot request")


async def test_slack_silent_about_people_is_said(harness: FlowHarness) -> None:
    """When Slack does not say who somebody is, the opened view says that and no form is given."""
    harness.playground.slack.faults.inject("users.info", Fault(FaultKind.SERVER_ERROR, times=None))
    await harness.rina.types(GENERAL)
    assert "who you are" in await harness.rina.reads_in_view("does not say who you are")


@pytest.mark.parametrize("code", ["expired_trigger_id", "internal_error"])
async def test_a_form_that_slack_does_not_open_is_said(harness: FlowHarness, code: str) -> None:
    """When Slack opens no view, for an expired trigger or another reason, the person reads so, alone."""
    harness.playground.slack.faults.inject("views.open", Fault(FaultKind.ERROR, times=None, code=code))
    await harness.rina.types(GENERAL)
    await harness.rina.sees_message(GENERAL, "(?i)did not open")
    assert harness.tom.slack.messages(GENERAL, as_user=TOM) == []


async def test_a_shortcut_that_opens_nothing_is_said_in_person(harness: FlowHarness) -> None:
    """A shortcut has no channel to answer in, so the person gets a direct message when Slack opens no view."""
    harness.playground.slack.faults.inject("views.open", Fault(FaultKind.ERROR, code="expired_trigger_id"))
    await harness.playground.slack.shortcut(harness.rina.user, SHORTCUT_FORM)
    await harness.told(harness.rina, "(?i)did not open")


async def test_a_frozen_route_is_shown_frozen(harness: FlowHarness) -> None:
    """Whoever asks on a frozen route reads by whom and why before they ask."""
    await harness.ada.types(GENERAL, "freeze dev-to-prod change week")
    await harness.rina.opens_form(GENERAL)
    said = await harness.rina.reads_in_view("frozen")
    assert "change week" in said


def _is_form(view: Json) -> bool:
    return view.get("submit") is not None


async def _presses_in_home(harness: FlowHarness, who: Actor, home: Json, text: str) -> None:
    for block in home["blocks"]:
        for element in [*block.get("elements", ()), *([block["accessory"]] if "accessory" in block else [])]:
            if element.get("type") == "button" and element["text"]["text"] == text:
                await harness.playground.slack.click(
                    who.user, ViewRef(home["id"]), block["block_id"], element["action_id"], None
                )
                return
    message = f"no button {text} in the home"
    raise AssertionError(message)


async def test_a_form_says_first_that_nobody_can_approve(open_harness: OpenHarness) -> None:
    """Where the requester is the only approver, the form says so before it is filled in."""
    harness = await open_harness(route={"approvers": (RINA,)})
    await harness.rina.types(GENERAL)
    assert "needs 1 approval" in await harness.rina.reads_in_view("A request on this route cannot succeed now")


async def test_a_form_says_first_that_the_key_is_refused(harness: FlowHarness) -> None:
    """What is known to be refused by Tines is said before the form is filled in, with what to do."""
    harness.playground.dev.faults.add(TinesFault(Kind.ANSWER, status=401, message="Unauthorized"))
    with suppress(TinesError):
        await load(harness.playground.bot.services.catalogue, "dev")
    await harness.rina.types(GENERAL)
    said = await harness.rina.reads_in_view("A request on this route cannot succeed now")
    assert "401: dev does not accept the bot's key" in said
    assert "put a valid key of dev into the configuration" in said


async def test_an_open_form_says_that_the_key_is_refused_once_tines_said_so(open_harness: OpenHarness) -> None:
    """A refusal that comes while the form is being filled in is said in it, and what was typed stays."""
    harness = await open_harness(overrides=IMPATIENT)
    faults = harness.playground.dev.faults
    faults.add(TinesFault(Kind.HANG, path="/teams", times=1))  # then it is asked again
    faults.add(TinesFault(Kind.ANSWER, status=401, message="Unauthorized"))
    await harness.rina.opens_form(GENERAL)
    await harness.rina.writes("Reason", "Ready for production")
    said = await harness.rina.reads_in_view("A request on this route cannot succeed now")
    assert "401: dev does not accept the bot's key" in said
    assert "Ready for production" in said


async def test_an_open_form_says_that_there_is_no_story_once_that_is_known(open_harness: OpenHarness) -> None:
    """A tenant without any story to sync is said in the open form, after a choice of its route as well."""
    harness = await open_harness(more_routes=MORE_ROUTES)
    for story in harness.playground.dev.stories.values():
        story.change_control = False
    await harness.rina.opens_form(GENERAL)
    await harness.rina.picks("Route", "dev-to-dev")
    said = await harness.rina.reads_in_view("A request on this route cannot succeed now")
    assert "dev has no story with change control that could be synced" in said
