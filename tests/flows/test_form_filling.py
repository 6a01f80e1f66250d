import json

import pytest

from bot.playground.actor import Actor, NotOnScreenError
from bot.playground.launch import GENERAL, Playground
from bot.playground.slack import Json
from bot.playground.tines import Fault, Kind
from bot.playground.tines.seed import many_stories
from bot.views.ids import VALUE_STORY, VALUE_TEAM
from tests.loading import load

from .conftest import OpenHarness
from .harness import FAILING, STORY, FlowHarness

MORE_ROUTES = {"dev-to-dev": {"destination": "dev"}}


def texts(options: tuple[Json, ...]) -> list[str]:
    """Return what options say."""
    return [option["text"]["text"] for option in options]


def dev_team(playground: Playground, name: str) -> int:
    """Return the id of a team of the source tenant."""
    return next(team.id for team in playground.dev.teams.values() if team.name == name)


def chosen(who: Actor, label: str) -> object:
    """Return what a field of the view on top holds."""
    view = who.view()
    block, element = who.field(label)
    state = view["state"]["values"].get(block["block_id"], {}).get(element["action_id"], {})
    return state.get("selected_option") or state.get("selected_options") or None


async def with_team(harness: FlowHarness, team: str = "SecOps") -> Actor:
    """Open the form and choose the source team."""
    await harness.rina.opens_form(GENERAL)
    await harness.rina.picks("Source team", team, query=team)
    await harness.rina.sees_view(lambda view: "Stories" in harness.playground.slack.render(view))
    return harness.rina


async def test_source_and_destination_offer_their_own_tenants_teams(harness: FlowHarness) -> None:
    """The source field lists the source tenant's teams, the destination field the other's."""
    await harness.rina.opens_form(GENERAL)
    assert "Threat Intelligence" in texts((await harness.rina.searches("Source team")).all_options)
    there = texts((await harness.rina.searches("Destination team")).all_options)
    assert "SecOps Production" in there
    assert "Threat Intelligence" not in there


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("virustotal", FAILING),
        ("tier-1", STORY),
        ("phishing", "Phishing triage: reported e-mail"),
        ("shfit", "Shift handover notes"),
    ],
)
async def test_stories_are_found_by_name_tag_and_with_a_typo(harness: FlowHarness, typed: str, first: str) -> None:
    """Typing finds stories by a part of the name, by tag, and in spite of a slip."""
    who = await with_team(harness)
    assert first in texts((await who.searches("Stories", typed)).all_options)


def _choosing(payload: Json, team: int, name: str, *, later: float) -> Json:
    """Return a choice of another team, made some seconds later in the same form as it was seen then."""
    choice = json.loads(json.dumps(payload))
    action = choice["actions"][0]
    action["selected_option"] = {"text": {"type": "plain_text", "text": name}, "value": f"{VALUE_TEAM}{team}"}
    action["action_ts"] = f"{float(action['action_ts']) + later:.6f}"
    choice["view"]["state"]["values"][action["block_id"]][action["action_id"]]["selected_option"] = action[
        "selected_option"
    ]
    return dict(choice)


async def test_of_two_choices_that_cross_the_latest_is_shown(harness: FlowHarness) -> None:
    """Two changes made before either was drawn leave the form of the later one, in whatever order they arrive."""
    who = await with_team(harness)
    first = harness.last_sent("block_actions")
    names = {name: dev_team(harness.playground, name) for name in ("SecOps", "Threat Intelligence")}
    later, latest = (
        _choosing(first, names["Threat Intelligence"], "Threat Intelligence", later=1),
        _choosing(first, names["SecOps"], "SecOps", later=2),
    )
    for choice, team in ((later, "Threat Intelligence"), (latest, "SecOps"), (later, "SecOps"), (first, "SecOps")):
        await harness.sent_again(choice)
        fields = [str(block.get("block_id")) for block in who.view()["blocks"]]
        assert [name for name, number in names.items() if any(each.endswith(f":{number}") for each in fields)] == [team]


async def test_stories_are_found_by_id(harness: FlowHarness) -> None:
    """The number that stands in a story's address finds it."""
    who = await with_team(harness)
    story = next(each for each in harness.playground.dev.stories.values() if each.name == FAILING)
    assert texts((await who.searches("Stories", str(story.id))).all_options)[0] == FAILING


async def test_only_stories_with_change_control_are_offered(harness: FlowHarness) -> None:
    """A story without change control is not listed, and a hint under the field says why."""
    who = await with_team(harness)
    found = texts((await who.searches("Stories", "Scratch")).all_options)
    assert not any("Scratch" in text for text in found)
    assert "change control" in who.reads()


async def test_a_tenant_may_lift_the_change_control_rule(open_harness: OpenHarness) -> None:
    """With `require_change_control = false` every story is offered, and the hint is gone."""
    harness = await open_harness(tenant={"require_change_control": False})
    who = await with_team(harness)
    assert any("Scratch" in text for text in texts((await who.searches("Stories", "Scratch")).all_options))
    assert "change control" not in who.reads()


async def test_whole_sets_are_offered_and_become_their_stories(harness: FlowHarness) -> None:
    """“All n stories” and “all n tagged x” are offered, and the request holds each story of the set by itself."""
    who = await with_team(harness)
    sets = texts((await who.searches("Stories")).all_options)
    assert any(text.startswith("All 17 stories of this team") for text in sets)
    tagged = texts((await who.searches("Stories", "containment")).all_options)
    assert "All 4 tagged “containment”" in tagged
    await who.picks("Stories", "All 4 tagged “containment”", query="containment")
    await who.picks("Destination team", "SecOps Production")
    await who.writes("Reason", "All of containment")
    await who.submits()
    await who.reads_in_view(r"TS-\w+ is waiting")
    message = await harness.ada.sees_message("C0APPROVALS", "Review")
    shown = harness.playground.slack.render(message)
    assert "Isolate host with CrowdStrike" in shown
    assert "Lost or stolen laptop" in shown


async def test_more_stories_than_a_list_takes_are_counted(harness: FlowHarness) -> None:
    """Of 700 stories as many as fit are listed, and a line below them says how many more there are; it cannot be sent."""
    team = harness.playground.dev.add_team("Archive")
    many_stories(harness.playground.dev, team.id, 700)
    who = await with_team(harness, "Archive")
    await load(
        harness.playground.bot.services.catalogue, "dev"
    )  # else the first answer may still be Tines's own search
    found = await who.searches("Stories")
    assert found.problem == ""
    assert len(found.all_options) <= 100
    listed = [option for option in found.all_options if option["value"].startswith(VALUE_STORY)]
    more = f"{700 - len(listed):,} more: type to narrow"
    assert more in texts(found.all_options)
    assert not any(text.startswith("All 700") for text in texts(found.all_options))
    await who.picks("Stories", more)
    await who.picks("Destination team", "SecOps Production")
    await who.writes("Reason", "Everything")
    outcome = await who.submits()
    assert list(outcome.errors.values())


async def test_changing_the_source_team_clears_the_stories(harness: FlowHarness) -> None:
    """Stories of the team before do not stay chosen; what still fits, does."""
    who = await with_team(harness)
    await who.picks("Stories", STORY, query=STORY)
    await who.picks("Destination team", "SecOps Production")
    await who.writes("Reason", "Because")
    await who.picks("Source team", "Identity", query="Identity")
    await who.sees_view(lambda _: chosen(who, "Stories") is None)
    assert chosen(who, "Destination team") is not None
    assert "Leaver: deprovision everything" in texts((await who.searches("Stories")).all_options)


async def test_changing_the_route_clears_what_no_longer_fits(open_harness: OpenHarness) -> None:
    """Teams of another tenant's do not stay chosen when the route changes."""
    harness = await open_harness(more_routes=MORE_ROUTES)
    who = harness.rina
    await who.opens_form(GENERAL)
    await who.picks("Route", "dev-to-prod")
    await who.sees_view(lambda view: "Destination team on prod" in harness.playground.slack.render(view))
    await who.picks("Destination team", "SecOps Production")
    await who.picks("Route", "dev-to-dev")
    await who.sees_view(lambda view: "Destination team on dev" in harness.playground.slack.render(view))
    assert chosen(who, "Destination team") is None


async def test_nothing_found_is_said_in_the_list(harness: FlowHarness) -> None:
    """A search without result says so in the list, in words that tell what was searched."""
    who = await with_team(harness)
    assert texts((await who.searches("Stories", "zzzzqqqq")).all_options) == ["No story with change control matches."]
    assert texts((await who.searches("Source team", "zzzzqqqq")).all_options) == ["No team matches."]


async def test_a_team_without_stories_says_so(harness: FlowHarness) -> None:
    """A team that has nothing to sync says that instead of an empty list."""
    harness.playground.dev.add_team("Empty")
    who = await with_team(harness, "Empty")
    assert texts((await who.searches("Stories")).all_options) == ["This team has no story with change control."]


async def test_a_tenant_that_is_down_is_said_in_the_list(harness: FlowHarness) -> None:
    """When Tines does not list teams, the list says which tenant and what is wrong; nothing breaks."""
    harness.playground.dev.faults.add(Fault(Kind.ANSWER, status=401, message="Invalid API key"))
    await harness.rina.opens_form(GENERAL)
    said = texts((await harness.rina.searches("Source team")).all_options)
    assert len(said) == 1
    assert "401" in said[0]
    assert "dev" in said[0]


async def test_a_key_that_sees_no_team_is_said(harness: FlowHarness) -> None:
    """A tenant without any visible team says that its key may see none."""
    harness.playground.prod.teams.clear()
    await harness.rina.opens_form(GENERAL)
    said = texts((await harness.rina.searches("Destination team")).all_options)
    assert said == ["prod has no team that its key can see."]


async def test_stories_that_cannot_be_listed_say_why(harness: FlowHarness) -> None:
    """When stories cannot be listed, the field says so instead of “no result”."""
    harness.playground.dev.faults.add(Fault(Kind.ANSWER, path="/stories*", status=403, message="Not permitted"))
    who = await with_team(harness)
    assert "403" in texts((await who.searches("Stories")).all_options)[0]


async def test_an_option_that_was_never_offered_cannot_be_picked(harness: FlowHarness) -> None:
    """The playground itself refuses what no person could do, so a green flow is one that a person can go through."""
    who = await with_team(harness)
    with pytest.raises(NotOnScreenError):
        await who.picks("Stories", "No such story")
