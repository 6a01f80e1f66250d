"""What people see of sync destinations in Slack, and how they come from there to the forms."""

import json
import re

import pytest

from bot.playground.actor import Actor
from bot.playground.launch import ADA, APPROVALS, BEN, GENERAL, RINA, TOM
from bot.playground.slack import Direction, Json, ViewRef
from bot.playground.slack.ids import elements_of
from bot.views import ids
from bot.views.carried import DestinationButton
from handlers.models import State
from handlers.operations.sync import SyncParams
from handlers.requests import Refused, destination_for

from .conftest import OpenHarness
from .harness import FAILING, OTHER_STORY, STORY, FlowHarness, until

IN_VIEWS = (
    ids.ACTION_DESTINATIONS_NEXT,
    ids.ACTION_DESTINATIONS_PREVIOUS,
    ids.ACTION_SEARCH,
    ids.ACTION_DESTINATION_REFRESH,
    ids.ACTION_MUTE,
    ids.ACTION_UNMUTE,
)
OFFERS = {"Add stories…", "Remove stories…", "Sync again…", "Change mode…", "Rotate key…", "Delete…"}


def elements(block: Json) -> list[Json]:
    """Return the buttons of a block."""
    return list(block["elements"]) if block["type"] == "actions" else []


def buttons(view: Json) -> set[str]:
    """Return the texts of the buttons of a view."""
    return {element["text"]["text"] for block in view["blocks"] for element in elements(block)}


async def reading(someone: Actor, typed: str, pattern: str) -> str:
    """Type a word that opens a view, and return what it says once it says something; the view is closed then."""
    await someone.types(GENERAL, typed)
    said = await someone.reads_in_view(pattern)
    await someone.slack.close(someone.user, someone.view()["id"], everything=True)
    return said


async def test_the_list_and_one_destination_say_what_is_known(harness: FlowHarness) -> None:
    """The list names teams, tenants, counts, mode and who created it; one destination shows every story and its thread."""
    made = harness.somebody_creates(OTHER_STORY)
    done = await harness.rests(await harness.asked_and_approved(STORY), State.SUCCEEDED, State.PARTIAL)
    said = await reading(harness.tom, "destinations", "Page|sync destinations")
    assert "SecOps (dev) → SecOps Production (prod)" in said
    assert "1 story: 1 synced" in said
    assert f"#{made}" in said
    assert "created by" in said
    assert "not created here" not in said
    one = await reading(harness.tom, f"destination {done.destination_id}", "Open the thread")
    assert STORY in one
    assert done.id in one
    assert "It has the configured key, publish_key of prod" in one
    assert "Its key was not sent from here" in await reading(harness.tom, f"destination {made}", "not sent from here")


async def test_only_destinations_of_own_routes_are_shown(open_harness: OpenHarness) -> None:
    """Who uses no route, or is denied, sees nothing, by list, id or page, and the refusal is recorded."""
    harness = await open_harness(route={"requesters": (RINA,), "denied": (BEN,)})
    number = harness.somebody_creates(STORY)
    for someone in (harness.tom, harness.ben):
        for typed in ("destinations", "destinations dev-to-prod", f"destination {number}", f"sync {number} failed"):
            said = await reading(someone, typed, "Sync request")
            assert STORY not in said
    refused = [event for event in await harness.events() if event.kind == "refused"]
    assert len(refused) == 8
    assert STORY in await reading(harness.rina, f"destination {number}", "synced")


async def test_a_destination_that_leads_elsewhere_is_not_shown(harness: FlowHarness) -> None:
    """A destination for a team that is not on the routes' tenants is not listed, and is not there by its id."""
    number = harness.somebody_creates(STORY)
    there = harness.playground.dev.destinations[number]
    there.url, there.destination_team_id = "https://elsewhere.example", 987654321
    await reading(harness.rina, "destinations", "no sync destination on your routes")
    await reading(harness.rina, f"destination {number}", f"no sync destination {number} that you can see")


async def test_pages_and_search(harness: FlowHarness) -> None:
    """Eight stand on a page; a search by story, team or id finds among all of them."""
    numbers = [harness.somebody_creates(STORY) for _ in range(9)]
    last = harness.somebody_creates(OTHER_STORY)
    rina = harness.rina
    await rina.types(GENERAL, "destinations")
    await rina.reads_in_view("Page 1 of 2 · 10 sync destinations")
    await rina.presses("Next")
    assert f"#{last} " in await rina.reads_in_view("Page 2 of 2")
    await rina.writes("Search", "shift HANDOVER")
    await rina.submits()
    found = await rina.reads_in_view(r"(?m)^1 sync destination|1 sync destination$")
    assert f"#{last} " in found
    assert f"#{numbers[0]} " not in found
    await rina.writes("Search", "nothing like it")
    await rina.submits()
    await rina.reads_in_view("No sync destination matches")


async def test_only_what_a_person_may_ask_for_is_offered(open_harness: OpenHarness) -> None:
    """The buttons are the operations that are switched on for the person; they are checked again when a form opens."""
    operations = {"delete": {"enabled": False}, "rotate_key": {"requesters": ("S0APPROVERS",)}}
    harness = await open_harness(route={"operations": operations})
    number = harness.somebody_creates(STORY)
    await harness.rina.types(GENERAL, f"destination {number}")
    await harness.rina.reads_in_view(STORY)
    assert buttons(harness.rina.view()) & OFFERS == OFFERS - {"Delete…", "Rotate key…"}
    await harness.ada.types(GENERAL, f"destination {number}")
    await harness.ada.reads_in_view(STORY)
    assert buttons(harness.ada.view()) & OFFERS == OFFERS - {"Delete…"}
    asked = await destination_for(harness.playground.bot.services, TOM, number, None, "rotate_key")
    assert isinstance(asked, Refused)
    assert [event.data["what"] for event in await harness.events() if event.kind == "refused"] == ["rotate_key"]


async def test_home_opens_the_list(harness: FlowHarness) -> None:
    """The App Home has a button that opens the sync destinations."""
    number = harness.somebody_creates(STORY)
    slack = harness.playground.slack
    await slack.open_home(RINA)
    home = await slack.until(lambda: slack.home(RINA), 8)
    element = next(each for block in home["blocks"] for each in elements(block) if "Sync destinations" in str(each))
    block = next(block for block in home["blocks"] if element in elements(block))
    await slack.click(RINA, ViewRef(home["id"]), block["block_id"], element["action_id"], None)
    await harness.rina.reads_in_view(f"#{number}")


async def test_a_thread_that_ended_leads_to_the_destination(harness: FlowHarness) -> None:
    """The status list of a request that ended opens its sync destination, and offers a sync where a story failed."""
    done = await harness.rests(await harness.asked_and_approved(FAILING, STORY), State.PARTIAL)
    table = await harness.in_thread(done, FAILING, who=harness.rina)
    await harness.rina.clicks("Open sync destination", table, APPROVALS)
    assert FAILING in await harness.rina.reads_in_view("1 failed")
    await harness.rina.slack.close(RINA, harness.rina.view()["id"], everything=True)
    card = await harness.approval_message(done, who=harness.rina, pattern="Sync failed stories again")
    direct = await harness.told(harness.rina, "Sync failed stories again")
    own = harness.playground.slack.open_dm(RINA)
    for message, channel in ((table, APPROVALS), (card, APPROVALS), (direct, own)):
        await harness.rina.clicks("Sync failed stories again", message, channel)
        await harness.rina.sees_view(lambda view: view.get("submit") is not None)
        assert "Sync again" in harness.rina.reads()
        await harness.rina.slack.close(RINA, harness.rina.view()["id"], everything=True)


async def test_the_button_in_a_row_syncs_exactly_that_story(harness: FlowHarness) -> None:
    """*Sync again* in the row of a story that failed opens the form with that story, and only it is synced."""
    done = await harness.rests(await harness.asked_and_approved(FAILING, STORY), State.PARTIAL)
    table = await harness.in_thread(done, FAILING, who=harness.rina)
    button = next(each for block in table["blocks"] if block["type"] == "data_table" for each in elements_of(block))
    assert button["accessibility_label"] == f"Sync again: {FAILING}"
    await harness.rina.clicks("Sync again", table, APPROVALS)
    await harness.rina.sees_view(lambda view: view.get("submit") is not None)
    assert f"«{FAILING}»" in harness.rina.reads()
    await harness.rina.writes("Reason", "The credential is there")
    outcome = await harness.rina.submits()
    assert not outcome.errors
    asked = re.findall(r"TS-\w+", await harness.rina.reads_in_view("TS-"))[0]
    params = (await harness.request(asked)).params
    assert isinstance(params, SyncParams)
    assert [story.name for story in params.stories] == [FAILING]
    assert not params.everything


@pytest.mark.parametrize("name", ["add_stories", "remove_stories", "sync", "set_mode", "rotate_key", "delete"])
async def test_the_form_of_an_operation_opens_for_the_destination(harness: FlowHarness, name: str) -> None:
    """Each button opens the form of its operation, filled in with the destination."""
    number = harness.somebody_creates(STORY)
    await harness.rina.types(GENERAL, f"destination {number}")
    await harness.rina.reads_in_view(STORY)
    text = {"add_stories": "Add", "remove_stories": "Remove", "sync": "Sync again", "set_mode": "Change mode"}
    await harness.rina.presses({**text, "rotate_key": "Rotate", "delete": "Delete"}[name])
    await harness.rina.sees_view(lambda view: view.get("callback_id") == "form")


async def test_people_from_outside_read_nothing_by_any_click(open_harness: OpenHarness) -> None:
    """A guest, a denied person and one of another workspace get no name and cost no call to Tines, however they click.

    Each operation, each button within the list and one destination, a search, a form, each command, and their Home.
    """
    harness = await open_harness(route={"denied": (BEN,), "approvers": ("*",)})
    number, slack, rina = harness.somebody_creates(STORY), harness.playground.slack, harness.rina
    await rina.types(GENERAL, f"destination {number}")
    await rina.reads_in_view(STORY)
    await rina.presses("Refresh")
    press = harness.last_sent("block_actions")
    await rina.presses("Remove")
    await rina.sees_view(lambda view: view.get("submit") is not None)
    await rina.searches("Stories to remove", STORY[:4])
    search = harness.last_sent("block_suggestion")
    await rina.picks("Stories to remove", STORY)
    await rina.writes("Reason", "Old")
    await rina.submits()
    form = harness.last_sent("view_submission")
    form["view"]["private_metadata"] = form["view"]["private_metadata"].replace('"draft":"', '"draft":"other')
    await rina.reads_in_view("is waiting for approval")
    slack.make_guest(TOM)
    ada = slack.workspace.user(ADA)
    assert ada is not None
    ada.home_team = "T0OTHER"
    await harness.all_said()
    services, tines = harness.playground.bot.services, (harness.playground.dev, harness.playground.prod)
    for who in (TOM, BEN, ADA):
        calls, since = [len(each.calls) for each in tines], len(list(slack.traffic))
        for operation in ("add_stories", "remove_stories", "sync", "set_mode", "rotate_key", "delete"):
            assert isinstance(await destination_for(services, who, number, "dev-to-prod", operation), Refused)
        for action in IN_VIEWS:
            payload = press | {"user": {"id": who}}
            carried = DestinationButton(destination=number, route="dev-to-prod").dump()
            payload["actions"] = [press["actions"][0] | {"action_id": action, "value": carried}]
            await harness.sent_again(payload)
        for sent in (search, form):
            await harness.sent_again(sent | {"user": {"id": who}})
        for typed in ("destinations", f"destination {number}", f"sync {number} failed"):
            await slack.command(who, GENERAL, "/tines-sync", typed)
        await slack.open_home(who)

        async def refused(who: str = who) -> bool:
            found = [event for event in await harness.events() if (event.kind, event.actor) == ("refused", who)]
            return len(found) >= 6 + len(IN_VIEWS) + 3  # with the commands

        await until(refused, f"{who} was not refused everything")
        await harness.all_said()
        assert [len(each.calls) for each in tines] == calls
        shown = [
            exchange.request if exchange.direction is Direction.TO_SLACK else exchange.answer
            for exchange in list(slack.traffic)[since:]
        ]
        said = json.dumps(shown, default=str)
        assert not [name for name in (STORY, "SecOps") if name in said]
