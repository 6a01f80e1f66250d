import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.people import SlackPeople
from bot.playground.serving import served
from bot.playground.slack import STRICT_RATES, AppInstall, LocalSlack, User, UserGroup, Workspace
from handlers.people import PeopleUnavailableError, Person

PEOPLE = tuple(f"U0P{number}" for number in range(40))
GROUPS = tuple(f"S0R{number}" for number in range(25))
SCOPES = frozenset({"users:read", "usergroups:read"})


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@dataclass
class CrowdedSlack:
    """Forty people and twenty-five groups in a Slack that keeps its limits."""

    slack: LocalSlack
    people: SlackPeople
    clock: Clock

    async def each(self, people: Iterable[str], *, every: float, fresh: bool) -> list[Person]:
        """Let people be looked up for all groups one after another, so many seconds apart."""
        found = []
        for user in people:
            self.clock.now += every
            found.append(await self.people.person(user, frozenset(GROUPS), fresh=fresh))
        return found

    def calls(self, method: str) -> int:
        """Return how often a method was called."""
        return len(self.slack.traffic.calls(method))


@pytest.fixture
async def slack_of_forty() -> AsyncIterator[CrowdedSlack]:
    """Serve a workspace in which the person of a number is in the group of that number."""
    clock = Clock()
    workspace = Workspace(
        users=[User(user, user.lower()) for user in PEOPLE],
        groups=[UserGroup(group, group.lower(), [f"U0P{group[3:]}"]) for group in GROUPS],
    )
    slack = LocalSlack(workspace=workspace, app=AppInstall(scopes=SCOPES), rates=STRICT_RATES, clock=clock)
    async with served(slack.asgi()) as url, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.app.bot_token, base_url=f"{url}/api/", session=session, retry_handlers=[])
        slack.base_url = url
        yield CrowdedSlack(slack, SlackPeople(client, clock=clock, timeout=30.0), clock)


async def test_forty_people_with_twenty_five_groups_within_a_minute(slack_of_forty: CrowdedSlack) -> None:
    """Under Slack's own limits a busy minute costs one or two looks at all groups, and everybody gets their answer."""
    found = await slack_of_forty.each(PEOPLE, every=1.5, fresh=False)
    assert [person.groups for person in found[:25]] == [frozenset({group}) for group in GROUPS]
    assert not any(person.groups or person.unreadable for person in found[25:])
    assert slack_of_forty.calls("usergroups.list") <= 2
    assert slack_of_forty.calls("usergroups.users.list") == 0


async def test_forty_people_who_ask_afresh_within_a_minute(slack_of_forty: CrowdedSlack) -> None:
    """When everybody approves at once, each is judged by an answer of now, and Slack never asks for a pause."""
    found = await slack_of_forty.each(PEOPLE, every=1.0, fresh=True)
    assert [person.groups for person in found[:25]] == [frozenset({group}) for group in GROUPS]
    again = await slack_of_forty.each(PEOPLE, every=0.5, fresh=True)
    assert [person.groups for person in again] == [person.groups for person in found]
    assert slack_of_forty.calls("usergroups.list") <= 30
    assert slack_of_forty.calls("usergroups.users.list") == 0


async def test_in_a_crowd_somebody_taken_out_is_out_within_seconds(slack_of_forty: CrowdedSlack) -> None:
    """Where a crowd shares fresh answers, they are a few seconds old at most."""
    await slack_of_forty.each(PEOPLE, every=0.5, fresh=True)
    slack_of_forty.slack.set_group(GROUPS[0], [])
    slack_of_forty.clock.now += 4
    (person,) = await slack_of_forty.each(PEOPLE[:1], every=0.0, fresh=True)
    assert not person.groups


async def test_the_first_to_ask_afresh_get_an_answer_of_that_moment(slack_of_forty: CrowdedSlack) -> None:
    """Outside of a crowd, whoever was taken out of a group is out with the next click."""
    for group in GROUPS[:10]:
        user = f"U0P{group[3:]}"
        (before,) = await slack_of_forty.each([user], every=3.0, fresh=False)
        slack_of_forty.slack.set_group(group, [])
        (after,) = await slack_of_forty.each([user], every=0.0, fresh=True)
        assert (before.groups, after.groups) == (frozenset({group}), frozenset())


async def test_where_slack_still_asks_for_a_pause_nothing_is_decided_by_an_old_answer(
    slack_of_forty: CrowdedSlack,
) -> None:
    """When others use the limit up, those who ask afresh are told to wait, and those who do not are served."""
    await slack_of_forty.each(PEOPLE[:1], every=0.0, fresh=False)
    client = AsyncWebClient(
        token=slack_of_forty.slack.app.bot_token, base_url=f"{slack_of_forty.slack.base_url}/api/", retry_handlers=[]
    )
    await asyncio.gather(*(client.usergroups_list() for _ in range(19)))
    slack_of_forty.clock.now += 1
    with pytest.raises(PeopleUnavailableError, match="cannot say for"):
        await slack_of_forty.people.person(PEOPLE[0], frozenset(GROUPS), fresh=True)
    assert (await slack_of_forty.people.person(PEOPLE[0], frozenset(GROUPS))).groups == {GROUPS[0]}
