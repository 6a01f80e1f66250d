"""Who is who on Slack as it is: people with two ids, people from elsewhere, groups that change while others click."""

import re

import pytest

from bot.playground.actor import Actor
from bot.playground.launch import ADA, APPROVALS, APPROVERS, GENERAL, RINA, TOM
from bot.playground.slack import Rates, User, UserGroup
from handlers.models import State

from .conftest import OpenHarness
from .harness import FlowHarness

W_ADA, W_RINA = "W0ADA", "W0RINA"
LEFT = "S0LEFT"


def person(harness: FlowHarness, user_id: str) -> User:
    """Return somebody of the workspace, to be changed."""
    found = harness.playground.slack.workspace.user(user_id)
    assert found is not None
    return found


def in_an_organisation(harness: FlowHarness) -> None:
    """Put the workspace into an organisation, in which Ada and Rina have a second id that their clicks carry."""
    harness.playground.slack.workspace.enterprise_id = "E0ACME"
    for user_id, global_id in ((ADA, W_ADA), (RINA, W_RINA)):
        user = person(harness, user_id)
        user.global_id, user.acts_as_global = global_id, True


@pytest.mark.parametrize("listed", [ADA, W_ADA])
async def test_a_person_of_an_organisation_approves_under_either_id(open_harness: OpenHarness, listed: str) -> None:
    """In an organisation a group lists one id of a person and the click carries another: they approve all the same."""
    harness = await open_harness()
    in_an_organisation(harness)
    harness.playground.slack.set_group(APPROVERS, [listed])
    request = await harness.asked_and_approved()
    await harness.rests(request, State.SUCCEEDED)
    assert (await harness.request(request.id)).requester == W_RINA
    await harness.approval_message(request, pattern="@ada approved")


async def test_nobody_of_an_organisation_approves_their_own_under_another_id(open_harness: OpenHarness) -> None:
    """Asked under one id, looked at under the other: it is still their own request, and they may cancel it."""
    harness = await open_harness(route={"approvers": ("*",)})
    in_an_organisation(harness)
    request = await harness.asks()
    person(harness, RINA).acts_as_global = False
    await harness.rina.clicks("Review", await harness.approval_message(request), APPROVALS)
    view = await harness.rina.sees_view(lambda view: "You requested this" in harness.playground.slack.render(view))
    assert view.get("submit") is None
    await harness.rina.types(GENERAL, "list")
    await harness.rina.sees_message(GENERAL, f"(?s)Your requests.*{request.id}|{request.id}")
    await harness.rina.types(GENERAL, f"cancel {request.id}")
    await harness.rina.submits()
    await harness.comes_to(request, State.CANCELLED)


@pytest.mark.parametrize("denied", [ADA, W_ADA])
async def test_a_denied_person_is_denied_under_either_id(open_harness: OpenHarness, denied: str) -> None:
    """Whichever id `denied` lists, the person behind it cannot freeze the route either."""
    harness = await open_harness(route={"denied": (denied,)})
    in_an_organisation(harness)
    await harness.ada.types(GENERAL, "freeze dev-to-prod an incident")
    await harness.ada.sees_message(GENERAL, "There is no route dev-to-prod that you can use")


OUTSIDERS = {
    "of another workspace": {"home_team": "T0OTHER"},
    "of another organisation": {"home_team": "T0OTHER", "home_enterprise": "E0OTHER"},
    "of no known workspace": {"home_team": "T0OTHER", "tells_team": False},
    "a stranger": {"is_stranger": True},
}


@pytest.mark.parametrize("outsider", OUTSIDERS.values(), ids=OUTSIDERS.keys())
@pytest.mark.parametrize("enterprise", ["", "E0ACME"], ids=["workspace", "organisation"])
async def test_people_from_elsewhere_approve_nothing_where_everybody_may(
    open_harness: OpenHarness, outsider: dict[str, str | bool], enterprise: str
) -> None:
    """With everybody listed as approver, somebody who comes through a shared channel neither reads nor approves."""
    harness = await open_harness(route={"approvers": ("*",)})
    harness.playground.slack.workspace.enterprise_id = enterprise
    for field, value in outsider.items():
        setattr(person(harness, TOM), field, value)
    request = await harness.asks()
    await harness.tom.types(GENERAL, "freeze dev-to-prod because")
    await harness.tom.sees_message(GENERAL, "There is no route dev-to-prod that you can use")
    await harness.tom.clicks("Review", await harness.approval_message(request), APPROVALS)
    await harness.tom.sees_message(APPROVALS, "There is no request .* that you can see")
    assert harness.playground.slack.views(TOM) == []
    assert harness.creates() == []


async def test_an_approver_taken_out_of_the_group_a_moment_ago_approves_nothing(harness: FlowHarness) -> None:
    """Between opening the review and pressing Approve somebody took Ada out of the approvers: nothing is created."""
    request = await harness.asks()
    reviewer = await harness.opens_review(request)
    harness.playground.slack.set_group(APPROVERS, [])
    await reviewer.submits()
    await reviewer.reads_in_view("not an approver")
    assert (await harness.request(request.id)).state is State.PENDING
    assert harness.creates() == []


async def test_an_approver_deactivated_a_moment_ago_approves_nothing(harness: FlowHarness) -> None:
    """A review that was open when its reader's account was deactivated approves nothing."""
    request = await harness.asks()
    reviewer = await harness.opens_review(request)
    person(harness, ADA).deleted = True
    await reviewer.submits()
    await reviewer.reads_in_view("that you can see")
    assert not (await harness.request(request.id)).decisions


async def test_a_review_says_that_the_requester_left(harness: FlowHarness) -> None:
    """Who reviews what somebody asked for who left reads that it will not run; approved all the same, it stops."""
    request = await harness.asks()
    person(harness, RINA).deleted = True
    review = await harness.opens_review(request)
    assert "This will not run" in review.reads()
    assert "deactivated" in review.reads()
    await review.submits()
    stopped = await harness.rests(request, State.FAILED)
    assert harness.creates() == []
    assert "Nothing was sent" in "\n".join(harness.thread(stopped))


async def test_a_disabled_group_in_denied_closes_the_route(open_harness: OpenHarness) -> None:
    """When the group that a route denies is switched off, nobody uses the route, and everybody reads why."""
    harness = await open_harness(route={"denied": (LEFT,)})
    harness.playground.slack.workspace.groups.append(UserGroup(LEFT, "left", [TOM]))
    await harness.ada.types(GENERAL, "freeze dev-to-prod an incident")
    await harness.ada.sees_message(GENERAL, "is frozen")
    harness.playground.slack.disable_group(LEFT)
    # nothing that allows is asked of Slack by what is remembered
    await harness.ada.types(GENERAL, "unfreeze dev-to-prod")
    await harness.ada.sees_message(GENERAL, f"Nobody can use dev-to-prod right now.*{LEFT}")


async def test_forty_people_and_twenty_five_routes_under_real_limits(open_harness: OpenHarness) -> None:
    """Forty people who look at their lists within a minute, with a group for each of twenty-five routes, get them all."""
    groups = [f"S0R{number}" for number in range(25)]
    routes = {f"r{number}": {"approvers": (group,)} for number, group in enumerate(groups)}
    harness = await open_harness(rates=Rates(posts_a_second=None), more_routes=routes)
    slack = harness.playground.slack
    slack.workspace.groups += [UserGroup(group, group.lower(), [ADA]) for group in groups]
    crowd = [User(f"U0P{number}", f"p{number}") for number in range(40)]
    slack.workspace.users += crowd
    channel = slack.workspace.channel(GENERAL)
    assert channel is not None
    channel.members += [user.id for user in crowd]
    for user in crowd:
        actor = Actor(slack, user.id)
        await actor.types(GENERAL, "list")
        said = await actor.sees_message(GENERAL, ".")
        assert not re.search("Slack|pause", slack.render(said)), slack.render(said)
    calls = [len(slack.traffic.calls(method)) for method in ("usergroups.list", "usergroups.users.list")]
    assert calls[0] <= 5
    assert calls[1] == 0
