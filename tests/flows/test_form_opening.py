import pytest

from bot.playground.actor import Actor
from bot.playground.slack import Fault, FaultKind, Json, ViewRef
from bot.playground.stage import APPROVERS, GENERAL, TOM
from bot.playground.tines import Fault as TinesFault
from bot.playground.tines import Kind
from bot.views.ids import SHORTCUT_FORM

from .conftest import OpenOffice
from .office import Office

MORE_ROUTES = {"dev-to-dev": {"destination": "dev"}}


def labels(view: Json) -> list[str]:
    """Return the labels of a view's fields."""
    return [block["label"]["text"].rstrip(":") for block in view["blocks"] if block["type"] == "input"]


async def test_the_command_opens_the_form_before_tines_is_asked(office: Office) -> None:
    """The form opens although both tenants are silent: nothing is asked of them before it stands there."""
    for tenant in (office.stage.dev, office.stage.prod):
        tenant.faults.add(TinesFault(Kind.HANG))
    view = await office.rina.opens_form(GENERAL)
    assert "dev → prod" in office.rina.reads()
    assert labels(view)[0].startswith("Source team")


async def test_the_shortcut_opens_the_same_form(office: Office) -> None:
    """The global shortcut leads to the same form as the command."""
    await office.stage.slack.shortcut(office.rina.user, SHORTCUT_FORM)
    view = await office.rina.sees_view(_is_form)
    assert "dev-to-prod" in office.rina.reads()
    assert labels(view)[0].startswith("Source team")


async def test_the_home_opens_the_form(office: Office) -> None:
    """The App Home has a button that opens the form."""
    await office.stage.slack.open_home(office.rina.user)
    home = await office.stage.slack.until(lambda: office.stage.slack.home(office.rina.user))
    assert "You have not asked for a sync yet." in office.stage.slack.render(home)
    await _presses_in_home(office, office.rina, home, "New sync")
    await office.rina.sees_view(_is_form)


async def test_a_single_route_is_text_and_several_are_a_choice(open_office: OpenOffice) -> None:
    """With several routes the form asks for one first, and shows the other fields once it is chosen."""
    office = await open_office(more_routes=MORE_ROUTES)
    view = await office.rina.opens_form(GENERAL)
    assert labels(view)[0] == "Route"
    assert not any(label.startswith("Source team") for label in labels(view))
    await office.rina.picks("Route", "dev-to-dev")
    view = await office.rina.sees_view(lambda each: any("Source team" in label for label in labels(each)))
    assert "Destination team on dev" in labels(view)


async def test_a_person_sees_only_the_routes_they_may_ask_on(open_office: OpenOffice) -> None:
    """Routes that are not open to somebody are not offered to them; a single one left is text."""
    office = await open_office(more_routes={"dev-to-dev": {"destination": "dev", "requesters": (APPROVERS,)}})
    view = await office.rina.opens_form(GENERAL)
    assert "Route" not in labels(view)
    view = await office.ada.opens_form(GENERAL)
    assert labels(view)[0] == "Route"


async def test_who_may_not_ask_reads_why(open_office: OpenOffice) -> None:
    """Somebody without a route gets no form but the reason, and whom to ask."""
    office = await open_office(route={"requesters": (APPROVERS,)})
    await office.tom.types(GENERAL)
    said = await office.tom.reads_in_view("cannot ask for a sync yet")
    assert "not among the people who may ask on dev-to-prod" in said


async def test_a_guest_reads_that_guests_cannot_ask(office: Office) -> None:
    """A guest gets no form, though the route is open to everybody."""
    office.stage.slack.make_guest(TOM)
    await office.tom.types(GENERAL)
    assert "Guests" in await office.tom.reads_in_view("cannot ask")


async def test_slack_silent_about_people_is_said(office: Office) -> None:
    """When Slack does not say who somebody is, the opened view says that and no form is given."""
    office.stage.slack.faults.inject("users.info", Fault(FaultKind.SERVER_ERROR, times=None))
    await office.rina.types(GENERAL)
    assert "who you are" in await office.rina.reads_in_view("does not say who you are")


@pytest.mark.parametrize("code", ["expired_trigger_id", "internal_error"])
async def test_a_form_that_slack_does_not_open_is_said(office: Office, code: str) -> None:
    """When Slack opens no view, for an expired trigger or another reason, the person reads so, alone."""
    office.stage.slack.faults.inject("views.open", Fault(FaultKind.ERROR, code=code))
    await office.rina.types(GENERAL)
    await office.rina.sees_message(GENERAL, "(?i)did not open")
    assert office.tom.slack.messages(GENERAL, as_user=TOM) == []


async def test_a_shortcut_that_opens_nothing_is_said_in_person(office: Office) -> None:
    """A shortcut has no channel to answer in, so the person gets a direct message when Slack opens no view."""
    office.stage.slack.faults.inject("views.open", Fault(FaultKind.ERROR, code="expired_trigger_id"))
    await office.stage.slack.shortcut(office.rina.user, SHORTCUT_FORM)
    await office.told(office.rina, "(?i)did not open")


async def test_a_frozen_route_is_shown_frozen(office: Office) -> None:
    """Whoever asks on a frozen route reads by whom and why before they ask."""
    await office.ada.types(GENERAL, "freeze dev-to-prod change week")
    await office.rina.opens_form(GENERAL)
    said = await office.rina.reads_in_view("frozen")
    assert "change week" in said


def _is_form(view: Json) -> bool:
    return view.get("submit") is not None


async def _presses_in_home(office: Office, who: Actor, home: Json, text: str) -> None:
    for block in home["blocks"]:
        for element in [*block.get("elements", ()), *([block["accessory"]] if "accessory" in block else [])]:
            if element.get("type") == "button" and element["text"]["text"] == text:
                await office.stage.slack.click(
                    who.user, ViewRef(home["id"]), block["block_id"], element["action_id"], None
                )
                return
    message = f"no button {text} in the home"
    raise AssertionError(message)
