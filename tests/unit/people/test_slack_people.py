import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from bot.people import SlackPeople
from bot.playground.serving import served
from handlers.people import PeopleUnavailableError, Person

NO_GROUPS: frozenset[str] = frozenset()
SEC = frozenset({"S0SEC"})
LISTING, SINGLE = "usergroups.list", "usergroups.users.list"


@dataclass
class Workspace:
    """A tiny Web API: who is there, who is in which group, and how it misbehaves."""

    users: dict[str, dict[str, object]] = field(default_factory=lambda: {"U0ADA": {}, "U0BOB": {}})
    groups: dict[str, list[str]] = field(default_factory=lambda: {"S0SEC": ["U0ADA"]})
    disabled: set[str] = field(default_factory=set)
    unlisted: set[str] = field(default_factory=set)  # groups that only the question about one group tells of
    home: dict[str, object] = field(default_factory=lambda: {"team_id": "T0HOME", "enterprise_id": "E0HOME"})
    calls: Counter[str] = field(default_factory=Counter)
    trouble: dict[str, Callable[[], Response]] = field(default_factory=dict)
    gate: asyncio.Event | None = None  # answers wait until it is set
    arrived: asyncio.Event = field(default_factory=asyncio.Event)  # set when a call waits at the gate

    async def answer(self, request: Request) -> Response:
        """Answer one method of the Web API."""
        method = request.path_params["method"]
        self.calls[method] += 1
        arguments = {**request.query_params, **dict(parse_qsl((await request.body()).decode()))}
        reply = self._reply(method, arguments)  # read before the gate: what was true when the question came
        if self.gate is not None and method != "auth.test":
            self.arrived.set()
            await self.gate.wait()
        return self.trouble[method]() if method in self.trouble else JSONResponse(reply)

    async def somebody_asks(self) -> None:
        """Wait until a call has arrived at the gate."""
        async with asyncio.timeout(5):
            await self.arrived.wait()

    def _reply(self, method: str, arguments: Mapping[str, str]) -> dict[str, object]:
        if method == "auth.test":
            return {"ok": True, **self.home}
        if method == "users.info":
            user = arguments["user"]
            known = self.users.get(user)
            if known is None:
                return {"ok": False, "error": "user_not_found"}
            return {"ok": True, "user": {"id": user, "team_id": "T0HOME", **known}}
        if method == LISTING:
            assert (arguments["include_users"], arguments["include_disabled"]) == ("1", "1")
            return {"ok": True, "usergroups": [self._group(each) for each in self.groups if each not in self.unlisted]}
        group = arguments["usergroup"]
        if group not in self.groups or group in self.disabled:
            return {"ok": False, "error": "no_such_subteam"}
        return {"ok": True, "users": self.groups[group]}

    def _group(self, group: str) -> dict[str, object]:
        return {"id": group, "users": self.groups[group], "date_delete": 1_700_000_000 if group in self.disabled else 0}


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the present second."""
        return self.now


@dataclass
class Slack:
    """The workspace, the clock and the people under test."""

    workspace: Workspace
    clock: Clock
    people: SlackPeople
    url: str


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    """Serve a workspace with Ada, who is in the group S0SEC, and Bob, who is not."""
    workspace, clock = Workspace(), Clock()
    app = Starlette(routes=[Route("/api/{method}", workspace.answer, methods=["GET", "POST"])])
    async with served(app) as url, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token="xoxb-secret", base_url=f"{url}/api/", session=session)
        yield Slack(workspace, clock, SlackPeople(client, clock=clock), url)


def says(error: str) -> Callable[[], Response]:
    """Make the answer of a Slack that refuses."""
    return lambda: JSONResponse({"ok": False, "error": error})


def too_many(retry_after: str | None = "20") -> Callable[[], Response]:
    """Make the answer of a Slack that asks for a pause."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda: JSONResponse({"ok": False, "error": "ratelimited"}, status_code=429, headers=headers)


async def test_a_member_of_a_group_is_known_as_one(slack: Slack) -> None:
    """Of the groups asked for, a person has those whose members Slack counts them among."""
    slack.workspace.groups["S0OPS"] = ["U0BOB"]
    ada = await slack.people.person("U0ADA", frozenset({"S0SEC", "S0OPS"}))
    assert ada == Person(id="U0ADA", groups=SEC)
    assert await slack.people.members("S0OPS") == {"U0BOB"}


@dataclass(frozen=True)
class Kind:
    """What Slack says of a user, and what that makes them."""

    id: str
    user: dict[str, object]
    person: Person
    user_id: str = "U0ADA"


ORGANISATION: dict[str, object] = {"enterprise_user": {"enterprise_id": "E0HOME"}}
OUTSIDER = Person(id="U0ADA", guest=True)
KINDS = [
    Kind("a full member", {}, Person(id="U0ADA")),
    Kind("a full member whose profile says so too", {"profile": {"team": "T0HOME"}}, Person(id="U0ADA")),
    Kind("a full member by the profile alone", {"team_id": None, "profile": {"team": "T0HOME"}}, Person(id="U0ADA")),
    Kind("a multi-channel guest", {"is_restricted": True}, OUTSIDER),
    Kind("a single-channel guest", {"is_ultra_restricted": True}, OUTSIDER),
    Kind("a stranger", {"is_stranger": True}, OUTSIDER),
    Kind("of no known workspace", {"team_id": None}, OUTSIDER),
    Kind("of an empty workspace", {"team_id": "", "profile": {"team": ""}, "teams": []}, OUTSIDER),
    Kind("of another workspace, in a shared channel", {"team_id": "T0OTHER"}, OUTSIDER),
    Kind("of another workspace by the profile", {"profile": {"team": "T0OTHER"}}, OUTSIDER),
    Kind("of another workspace by the profile alone", {"team_id": None, "profile": {"team": "T0OTHER"}}, OUTSIDER),
    Kind(
        "of another workspace of the same organisation",
        {"team_id": "T0OTHER", "profile": {"team": "T0OTHER"}, "enterprise_user": {"enterprise_id": "E0HOME"}},
        Person(id="U0ADA"),
    ),
    Kind("of this workspace among others", {"team_id": "T0OTHER", "teams": ["T0OTHER", "T0HOME"]}, Person(id="U0ADA")),
    Kind("of other workspaces", {"team_id": None, "teams": ["T0OTHER"]}, OUTSIDER),
    Kind(
        "of another organisation",
        {"team_id": "T0OTHER", "enterprise_user": {"enterprise_id": "E0OTHER", "teams": ["T0OTHER"]}},
        OUTSIDER,
    ),
    Kind("of another organisation, said to be from here", {"enterprise_user": {"enterprise_id": "E0OTHER"}}, OUTSIDER),
    Kind("of the organisation without a workspace", {"team_id": None, **ORGANISATION}, Person(id="U0ADA")),
    Kind("of the organisation itself", {"team_id": "E0HOME"}, Person(id="U0ADA")),
    Kind("a guest of the organisation", {"is_restricted": True, **ORGANISATION}, OUTSIDER),
    Kind("deactivated", {"deleted": True}, Person(id="U0ADA", deactivated=True)),
    Kind("a bot", {"is_bot": True}, Person(id="U0ADA", bot=True)),
    Kind("a workflow", {"is_workflow_bot": True}, Person(id="U0ADA", bot=True)),
    Kind("Slack's own bot", {"is_bot": False}, Person(id="USLACKBOT", bot=True), "USLACKBOT"),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
async def test_what_slack_says_of_a_user_is_understood(slack: Slack, kind: Kind) -> None:
    """Guests of every sort, people from elsewhere, deactivated accounts and bots are told apart from members."""
    slack.workspace.users[kind.user_id] = kind.user
    assert await slack.people.person(kind.user_id, NO_GROUPS) == kind.person


async def test_somebody_unknown_to_slack_is_a_guest(slack: Slack) -> None:
    """A user whom this workspace cannot see has no rights in it, and that is an answer, not an error."""
    assert await slack.people.person("U0NOBODY", NO_GROUPS) == Person(id="U0NOBODY", guest=True)


async def test_a_group_that_slack_does_not_tell_of_is_no_empty_group(slack: Slack) -> None:
    """A disabled or unknown group is told apart, and the people in other groups keep theirs."""
    slack.workspace.groups |= {"S0OLD": ["U0ADA"], "S0EMPTY": []}
    slack.workspace.disabled.add("S0OLD")
    asked = frozenset({"S0GONE", "S0OLD", "S0EMPTY", "S0SEC"})
    for _ in range(3):
        ada = await slack.people.person("U0ADA", asked)
        assert (ada.groups, ada.unreadable) == (SEC, frozenset({"S0GONE", "S0OLD"}))
    assert slack.people.cached_person("U0ADA", asked) == ada
    assert await slack.people.members("S0GONE") == frozenset()
    assert await slack.people.members("S0OLD") == frozenset()
    assert slack.people.cached_members("S0OLD") == frozenset()


async def test_the_operator_reads_once_an_hour_of_a_group_that_cannot_be_read(slack: Slack) -> None:
    """A group that is gone is told in the log, and not with every click."""
    with capture_logs() as lines:
        for _ in range(3):
            await slack.people.person("U0ADA", frozenset({"S0GONE"}))
        slack.clock.now += 3600
        await slack.people.person("U0ADA", frozenset({"S0GONE"}))
    assert [(line["log_level"], line["group"], line["reason"]) for line in lines] == [
        ("warning", "S0GONE", "disabled or unknown")
    ] * 2


async def test_a_group_that_the_bot_may_not_read_is_no_empty_group(slack: Slack) -> None:
    """Where Slack refuses to tell who is in any group, none is taken for empty, and the person is still known."""
    slack.workspace.trouble[LISTING] = slack.workspace.trouble[SINGLE] = says("missing_scope")
    ada = await slack.people.person("U0ADA", SEC)
    assert (ada.groups, ada.unreadable, ada.guest) == (NO_GROUPS, SEC, False)


async def test_a_group_that_is_not_in_the_listing_is_asked_for_by_itself(slack: Slack) -> None:
    """A group of the organisation, or one made a moment ago, is not taken for unknown before Slack was asked for it."""
    slack.workspace.groups["S0ORG"] = ["U0ADA"]
    slack.workspace.unlisted.add("S0ORG")
    for _ in range(3):
        assert (await slack.people.person("U0ADA", frozenset({"S0ORG", "S0SEC"}))).groups == {"S0ORG", "S0SEC"}
    assert (slack.workspace.calls[LISTING], slack.workspace.calls[SINGLE]) == (1, 1)


@pytest.mark.parametrize("answer", [says("missing_scope"), says("missing_argument")], ids=["scope", "organisation"])
async def test_where_the_listing_is_refused_groups_are_asked_for_one_by_one(
    slack: Slack, answer: Callable[[], Response]
) -> None:
    """A bot that may not list the groups asks for each, and does not try the listing at every click."""
    slack.workspace.trouble[LISTING] = answer
    slack.workspace.groups["S0OPS"] = ["U0BOB"]
    assert (await slack.people.person("U0ADA", frozenset({"S0SEC", "S0OPS"}))).groups == SEC
    assert (await slack.people.person("U0ADA", SEC, fresh=True)).groups == SEC
    assert (slack.workspace.calls[LISTING], slack.workspace.calls[SINGLE]) == (1, 3)


async def test_while_the_listing_must_rest_a_group_is_asked_for_by_itself(slack: Slack) -> None:
    """Each method has a limit of its own: whoever must ask afresh is served by the other one."""
    await slack.people.person("U0BOB", SEC)
    slack.workspace.trouble[LISTING] = too_many("300")
    slack.workspace.groups["S0SEC"].append("U0BOB")
    assert (await slack.people.person("U0BOB", SEC, fresh=True)).groups == SEC


async def test_one_question_serves_all_routes(slack: Slack) -> None:
    """Forty people with twenty-five groups cost one look at the groups, and one at each person."""
    groups = {f"S0R{number}": [f"U0P{number}"] for number in range(25)}
    slack.workspace.groups, slack.workspace.users = groups, {f"U0P{number}": {} for number in range(40)}
    for user in slack.workspace.users:
        people = await asyncio.gather(*(slack.people.person(user, frozenset({group})) for group in groups))
        assert sum(len(person.groups) for person in people) == (f"S0R{user[3:]}" in groups)
    assert slack.workspace.calls == {"auth.test": 1, "users.info": 40, LISTING: 1}


async def test_an_answer_is_renewed_before_it_is_too_old(slack: Slack) -> None:
    """Nobody has to wait for what many use: shortly before an answer is too old, it is asked for in the background."""
    await slack.people.person("U0ADA", SEC)
    slack.workspace.groups["S0SEC"] = []
    slack.workspace.gate = asyncio.Event()
    slack.clock.now += 50
    assert (await slack.people.person("U0ADA", SEC)).groups == SEC  # without waiting at the gate
    await slack.workspace.somebody_asks()
    slack.workspace.gate.set()
    slack.clock.now += 50
    assert (await slack.people.person("U0ADA", SEC)).groups == NO_GROUPS
    assert slack.workspace.calls == {"auth.test": 1, "users.info": 2, LISTING: 2}


ADA_IN_THE_ORGANISATION: dict[str, object] = {
    "id": "U0ADA",
    "enterprise_user": {"id": "W0ADA", "enterprise_id": "E0HOME"},
}


@pytest.mark.parametrize("listed", ["U0ADA", "W0ADA"])
@pytest.mark.parametrize("asked", ["U0ADA", "W0ADA"])
async def test_a_person_of_an_organisation_is_one_person(slack: Slack, asked: str, listed: str) -> None:
    """By whichever id somebody clicks, and whichever one a group lists, it is the same person with the same groups."""
    slack.workspace.users |= {"U0ADA": ADA_IN_THE_ORGANISATION, "W0ADA": ADA_IN_THE_ORGANISATION}
    slack.workspace.groups["S0SEC"] = [listed]
    ada = await slack.people.person(asked, SEC)
    assert ada == Person(id="W0ADA", ids=frozenset({"U0ADA"}), groups=SEC)


async def test_ids_that_slack_told_once_are_kept(slack: Slack) -> None:
    """Where Slack tells the id of the workspace only to who asked for it, the person is known by both from then on."""
    slack.workspace.users |= {
        "U0ADA": ADA_IN_THE_ORGANISATION,
        "W0ADA": ADA_IN_THE_ORGANISATION | {"id": "W0ADA"},
    }
    await slack.people.person("U0ADA", NO_GROUPS)
    ada = await slack.people.person("W0ADA", SEC)
    assert (ada.ids, ada.groups) == (frozenset({"U0ADA", "W0ADA"}), SEC)


async def test_a_home_that_moved_into_an_organisation_is_noticed(slack: Slack) -> None:
    """After a migration to an organisation, whose people come with its id, nobody is an outsider by an old answer."""
    slack.workspace.home = {"team_id": "T0HOME", "enterprise_id": None}
    assert not (await slack.people.person("U0ADA", NO_GROUPS)).guest
    slack.workspace.home = {"team_id": "T0HOME", "enterprise_id": "E0HOME"}
    slack.workspace.users["U0ADA"] = ADA_IN_THE_ORGANISATION | {"team_id": "T0OTHER"}
    slack.clock.now += 60
    assert not (await slack.people.person("U0ADA", NO_GROUPS)).guest
    assert slack.workspace.calls["auth.test"] == 2


@pytest.mark.parametrize("code", ["team_added_to_org", "invalid_auth"])
async def test_after_what_may_have_moved_the_home_it_is_looked_up_again(slack: Slack, code: str) -> None:
    """While a workspace is moved into an organisation nobody is judged, and afterwards by its new home."""
    assert not (await slack.people.person("U0BOB", NO_GROUPS)).guest
    slack.workspace.trouble["users.info"] = says(code)
    with pytest.raises(PeopleUnavailableError):
        await slack.people.person("U0ADA", NO_GROUPS)
    slack.workspace.trouble.clear()
    slack.workspace.home = {"team_id": "T0NEW", "enterprise_id": None}
    assert (await slack.people.person("U0ADA", NO_GROUPS)).guest


async def test_the_home_is_looked_up_again_after_an_hour(slack: Slack) -> None:
    """Where nothing tells of a move, a home is believed for an hour."""
    await slack.people.person("U0ADA", NO_GROUPS)
    slack.workspace.home = {"team_id": "T0NEW", "enterprise_id": None}
    slack.clock.now += 3599
    assert not (await slack.people.person("U0ADA", NO_GROUPS)).guest
    slack.clock.now += 61
    assert (await slack.people.person("U0ADA", NO_GROUPS)).guest


async def test_an_answer_lives_for_a_minute(slack: Slack) -> None:
    """Within a minute the same question costs no call; after it a person taken out of a group is out."""
    await slack.people.person("U0ADA", SEC)
    slack.workspace.groups["S0SEC"] = []
    slack.clock.now += 59
    assert (await slack.people.person("U0ADA", SEC)).groups == SEC
    assert slack.workspace.calls == {"auth.test": 1, "users.info": 1, LISTING: 1}
    slack.clock.now += 1
    assert (await slack.people.person("U0ADA", SEC)).groups == NO_GROUPS


async def test_asking_afresh_uses_no_old_answer(slack: Slack) -> None:
    """Someone just added to a group is seen at once by whoever asks afresh, and then by everybody."""
    await slack.people.person("U0BOB", SEC)
    slack.workspace.groups["S0SEC"].append("U0BOB")
    assert (await slack.people.person("U0BOB", SEC, fresh=True)).groups == SEC
    assert slack.people.cached_person("U0BOB", SEC) == Person(id="U0BOB", groups=SEC)


async def test_only_what_is_known_is_answered_from_memory(slack: Slack) -> None:
    """Looking into the memory asks nobody, and one unknown group or one old answer is enough to know nothing."""
    assert slack.people.cached_person("U0ADA", NO_GROUPS) is None
    assert slack.people.cached_members("S0SEC") is None
    await slack.people.person("U0ADA", SEC)
    before = slack.workspace.calls.copy()
    assert slack.people.cached_members("S0SEC") == frozenset({"U0ADA"})
    assert slack.people.cached_person("U0ADA", SEC) == Person(id="U0ADA", groups=SEC)
    assert slack.people.cached_person("U0ADA", frozenset({"S0SEC", "S0OPS"})) is None
    slack.clock.now += 60
    assert slack.people.cached_person("U0ADA", SEC) is None
    assert slack.people.cached_members("S0SEC") is None
    assert slack.workspace.calls == before


async def test_many_who_ask_at_once_cost_one_call(slack: Slack) -> None:
    """Fifty clicks on one message at the same time put each question to Slack once."""
    slack.workspace.gate = asyncio.Event()
    asking = [asyncio.create_task(slack.people.person("U0ADA", SEC)) for _ in range(50)]
    await slack.workspace.somebody_asks()
    slack.workspace.gate.set()
    assert {person.groups for person in await asyncio.gather(*asking)} == {SEC}
    assert slack.workspace.calls == {"auth.test": 1, "users.info": 1, LISTING: 1}


async def test_a_fresh_question_is_not_answered_by_one_already_on_its_way(slack: Slack) -> None:
    """Whoever asks afresh while an older question is under way gets an answer from after their asking."""
    slack.workspace.gate = asyncio.Event()
    before = asyncio.create_task(slack.people.members("S0SEC"))
    await slack.workspace.somebody_asks()
    slack.workspace.groups["S0SEC"] = ["U0ADA", "U0BOB"]
    afresh = [asyncio.create_task(slack.people.person("U0BOB", SEC, fresh=True)) for _ in range(5)]
    await asyncio.sleep(0)  # let them ask
    slack.workspace.gate.set()
    assert await before == {"U0ADA"}
    assert {person.groups for person in await asyncio.gather(*afresh)} == {SEC}
    assert slack.workspace.calls[LISTING] == 2


async def test_one_who_gives_up_does_not_take_the_others_along(slack: Slack) -> None:
    """When the one whose question is under way is cancelled, those who waited for it get an answer all the same."""
    slack.workspace.gate = asyncio.Event()
    first = asyncio.create_task(slack.people.members("S0SEC"))
    await slack.workspace.somebody_asks()
    second = asyncio.create_task(slack.people.members("S0SEC"))
    await asyncio.sleep(0)  # let it ask
    first.cancel()
    slack.workspace.gate.set()
    assert await second == {"U0ADA"}


async def test_while_slack_asks_for_a_pause_the_last_answer_serves(slack: Slack) -> None:
    """Over the rate limit an old answer is used, but not by those who must ask afresh, and not for ever."""
    await slack.people.person("U0ADA", SEC)
    slack.workspace.trouble[LISTING] = too_many("300")
    slack.workspace.trouble[SINGLE] = too_many("300")
    slack.clock.now += 61
    assert (await slack.people.person("U0ADA", SEC)).groups == SEC
    with pytest.raises(PeopleUnavailableError, match="say for 300 s"):
        await slack.people.person("U0ADA", SEC, fresh=True)
    slack.clock.now += 600
    with pytest.raises(PeopleUnavailableError, match="say for 300 s"):
        await slack.people.person("U0ADA", SEC)


async def test_slack_is_left_alone_for_as_long_as_it_asked(slack: Slack) -> None:
    """During the pause no further call of that method is made, for any group; after it the calls go on."""
    slack.workspace.trouble[LISTING] = slack.workspace.trouble[SINGLE] = too_many("20")
    with pytest.raises(PeopleUnavailableError, match="say for 20 s"):
        await slack.people.members("S0SEC")
    slack.workspace.trouble.clear()
    slack.clock.now += 19
    with pytest.raises(PeopleUnavailableError, match="say for 1 s"):
        await slack.people.members("S0OPS")
    assert (slack.workspace.calls[LISTING], slack.workspace.calls[SINGLE]) == (1, 1)
    slack.clock.now += 1
    assert await slack.people.members("S0SEC") == {"U0ADA"}


@pytest.mark.parametrize(
    ("header", "seconds"), [(None, 30), ("soon", 30), ("-5", 0), ("inf", 600)], ids=["none", "words", "past", "never"]
)
async def test_a_pause_that_cannot_be_read_is_a_sensible_one(slack: Slack, header: str | None, seconds: int) -> None:
    """Whatever Retry-After says, the pause is neither negative nor without end."""
    slack.workspace.trouble[LISTING] = slack.workspace.trouble[SINGLE] = too_many(header)
    with pytest.raises(PeopleUnavailableError, match=f"say for {seconds} s"):
        await slack.people.members("S0SEC")


NO_ANSWERS: dict[str, Callable[[], Response]] = {
    "a server error": lambda: JSONResponse({"ok": False}, status_code=503),
    "a page instead of JSON": lambda: Response("<html>", status_code=502, media_type="text/html"),
    "plain text": lambda: PlainTextResponse("upstream connect error"),
    "broken JSON": lambda: Response('{"ok": tr', media_type="application/json"),
    "an answer of another shape": lambda: JSONResponse({"ok": True, "user": None, "users": 3, "usergroups": [3]}),
    "an internal error": lambda: JSONResponse({"ok": False, "error": "internal_error"}),
    "a refusal without a word": lambda: JSONResponse({"ok": False}),
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
@pytest.mark.parametrize(
    "methods", [("auth.test",), ("users.info",), (LISTING, SINGLE)], ids=["home", "user", "groups"]
)
async def test_what_is_no_answer_is_never_taken_for_one(
    slack: Slack, methods: tuple[str, ...], answer: Callable[[], Response]
) -> None:
    """An answer that cannot be read decides nothing: the person is told to try again, and a retry asks again."""
    slack.workspace.trouble.update(dict.fromkeys(methods, answer))
    with pytest.raises(
        PeopleUnavailableError, match=r"did not say whether you can do this, so nothing was done\. Try again"
    ):
        await slack.people.person("U0ADA", SEC)
    slack.workspace.trouble.clear()
    assert (await slack.people.person("U0ADA", SEC)).groups == SEC


async def test_a_refusal_of_slack_names_its_word_for_it(slack: Slack) -> None:
    """A missing scope or a revoked token is something the operator mends, so the reader gets the word to pass on."""
    slack.workspace.trouble[LISTING] = slack.workspace.trouble[SINGLE] = says("missing_scope")
    slack.workspace.trouble["users.info"] = lambda: JSONResponse({"ok": False, "error": "token_revoked"})
    with pytest.raises(PeopleUnavailableError, match=r"\(missing_scope\).*Tell your tines-sync admin") as of_group:
        await slack.people.members("S0SEC")
    with pytest.raises(PeopleUnavailableError, match=r"\(token_revoked\)"):
        await slack.people.person("U0ADA", NO_GROUPS)
    assert "xoxb" not in repr(of_group.value)


async def test_a_rate_limit_without_its_status_is_understood(slack: Slack) -> None:
    """A `ratelimited` that comes with status 200 is a pause as well."""
    slack.workspace.trouble["users.info"] = lambda: JSONResponse({"ok": False, "error": "ratelimited"})
    with pytest.raises(PeopleUnavailableError, match="say for 30 s"):
        await slack.people.person("U0ADA", NO_GROUPS)


async def test_a_silent_slack_is_not_waited_for_long(slack: Slack) -> None:
    """When no answer comes, the person is told within the patience given, well before Slack's three seconds end."""
    slack.workspace.gate = asyncio.Event()  # never set
    client = AsyncWebClient(token="xoxb-secret", base_url=f"{slack.url}/api/")
    impatient = SlackPeople(client, clock=slack.clock, timeout=0.05)
    with pytest.raises(PeopleUnavailableError, match="Try again in a moment"):
        await impatient.person("U0ADA", SEC)


async def test_an_unreachable_slack_is_said_to_be_one() -> None:
    """With nobody listening, the answer is the sentence for people and not a network error."""
    async with served(Starlette()) as url:
        pass
    people = SlackPeople(AsyncWebClient(token="xoxb-secret", base_url=f"{url}/api/", retry_handlers=[]))
    with pytest.raises(PeopleUnavailableError, match="Try again in a moment"):
        await people.person("U0ADA", NO_GROUPS)
