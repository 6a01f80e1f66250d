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

from bot.people import SlackPeople
from bot.playground.serving import served
from handlers.people import PeopleUnavailableError, Person

NO_GROUPS: frozenset[str] = frozenset()
SEC = frozenset({"S0SEC"})


@dataclass
class Workspace:
    """A tiny Web API: who is there, who is in which group, and how it misbehaves."""

    users: dict[str, dict[str, object]] = field(default_factory=lambda: {"U0ADA": {}, "U0BOB": {}})
    groups: dict[str, list[str]] = field(default_factory=lambda: {"S0SEC": ["U0ADA"]})
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
            return {"ok": True, "team_id": "T0HOME", "enterprise_id": "E0HOME"}
        if method == "users.info":
            user = arguments["user"]
            known = self.users.get(user)
            if known is None:
                return {"ok": False, "error": "user_not_found"}
            return {"ok": True, "user": {"id": user, "team_id": "T0HOME", **known}}
        members = self.groups.get(arguments["usergroup"])
        return {"ok": False, "error": "no_such_subteam"} if members is None else {"ok": True, "users": members}


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


KINDS = [
    Kind("a full member", {}, Person(id="U0ADA")),
    Kind("a multi-channel guest", {"is_restricted": True}, Person(id="U0ADA", guest=True)),
    Kind("a single-channel guest", {"is_ultra_restricted": True}, Person(id="U0ADA", guest=True)),
    Kind("a stranger", {"is_stranger": True}, Person(id="U0ADA", guest=True)),
    Kind("of another workspace, in a shared channel", {"team_id": "T0OTHER"}, Person(id="U0ADA", guest=True)),
    Kind(
        "of another workspace of the same organisation",
        {"team_id": "T0OTHER", "enterprise_user": {"enterprise_id": "E0HOME"}},
        Person(id="U0ADA"),
    ),
    Kind(
        "of another organisation",
        {"team_id": "T0OTHER", "enterprise_user": {"enterprise_id": "E0OTHER"}},
        Person(id="U0ADA", guest=True),
    ),
    Kind("of the organisation itself", {"team_id": "E0HOME"}, Person(id="U0ADA")),
    Kind("deactivated", {"deleted": True}, Person(id="U0ADA", deactivated=True)),
    Kind("a bot", {"is_bot": True}, Person(id="U0ADA", bot=True)),
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


async def test_a_deactivated_group_is_empty(slack: Slack) -> None:
    """A group that Slack does not know any more has no members, and the people in other groups keep theirs."""
    assert await slack.people.members("S0GONE") == frozenset()
    assert (await slack.people.person("U0ADA", frozenset({"S0GONE", "S0SEC"}))).groups == SEC


async def test_an_answer_lives_for_a_minute(slack: Slack) -> None:
    """Within a minute the same question costs no call; after it a person taken out of a group is out."""
    await slack.people.person("U0ADA", SEC)
    slack.workspace.groups["S0SEC"] = []
    slack.clock.now += 59
    assert (await slack.people.person("U0ADA", SEC)).groups == SEC
    assert slack.workspace.calls == {"auth.test": 1, "users.info": 1, "usergroups.users.list": 1}
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
    await slack.people.person("U0ADA", SEC)
    before = slack.workspace.calls.copy()
    assert slack.people.cached_person("U0ADA", SEC) == Person(id="U0ADA", groups=SEC)
    assert slack.people.cached_person("U0ADA", frozenset({"S0SEC", "S0OPS"})) is None
    slack.clock.now += 60
    assert slack.people.cached_person("U0ADA", SEC) is None
    assert slack.workspace.calls == before


async def test_many_who_ask_at_once_cost_one_call(slack: Slack) -> None:
    """Fifty clicks on one message at the same time put each question to Slack once."""
    slack.workspace.gate = asyncio.Event()
    asking = [asyncio.create_task(slack.people.person("U0ADA", SEC)) for _ in range(50)]
    await slack.workspace.somebody_asks()
    slack.workspace.gate.set()
    assert {person.groups for person in await asyncio.gather(*asking)} == {SEC}
    assert slack.workspace.calls == {"auth.test": 1, "users.info": 1, "usergroups.users.list": 1}


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
    assert slack.workspace.calls["usergroups.users.list"] == 2


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


def too_many(retry_after: str | None = "20") -> Callable[[], Response]:
    """Make the answer of a Slack that asks for a pause."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda: JSONResponse({"ok": False, "error": "ratelimited"}, status_code=429, headers=headers)


async def test_while_slack_asks_for_a_pause_the_last_answer_serves(slack: Slack) -> None:
    """Over the rate limit an old answer is used, but not by those who must ask afresh, and not for ever."""
    await slack.people.person("U0ADA", SEC)
    slack.workspace.trouble["usergroups.users.list"] = too_many("300")
    slack.clock.now += 61
    assert (await slack.people.person("U0ADA", SEC)).groups == SEC
    with pytest.raises(PeopleUnavailableError, match="pause of 300 s"):
        await slack.people.person("U0ADA", SEC, fresh=True)
    slack.clock.now += 600
    with pytest.raises(PeopleUnavailableError, match="pause of 300 s"):
        await slack.people.person("U0ADA", SEC)


async def test_slack_is_left_alone_for_as_long_as_it_asked(slack: Slack) -> None:
    """During the pause no further call of that method is made, for any group; after it the calls go on."""
    slack.workspace.trouble["usergroups.users.list"] = too_many("20")
    with pytest.raises(PeopleUnavailableError, match="pause of 20 s"):
        await slack.people.members("S0SEC")
    slack.workspace.trouble.clear()
    slack.clock.now += 19
    with pytest.raises(PeopleUnavailableError, match="pause of 1 s"):
        await slack.people.members("S0OPS")
    assert slack.workspace.calls["usergroups.users.list"] == 1
    slack.clock.now += 1
    assert await slack.people.members("S0SEC") == {"U0ADA"}


@pytest.mark.parametrize(
    ("header", "seconds"), [(None, 30), ("soon", 30), ("-5", 0), ("inf", 600)], ids=["none", "words", "past", "never"]
)
async def test_a_pause_that_cannot_be_read_is_a_sensible_one(slack: Slack, header: str | None, seconds: int) -> None:
    """Whatever Retry-After says, the pause is neither negative nor without end."""
    slack.workspace.trouble["usergroups.users.list"] = too_many(header)
    with pytest.raises(PeopleUnavailableError, match=f"pause of {seconds} s"):
        await slack.people.members("S0SEC")


NO_ANSWERS: dict[str, Callable[[], Response]] = {
    "a server error": lambda: JSONResponse({"ok": False}, status_code=503),
    "a page instead of JSON": lambda: Response("<html>", status_code=502, media_type="text/html"),
    "plain text": lambda: PlainTextResponse("upstream connect error"),
    "broken JSON": lambda: Response('{"ok": tr', media_type="application/json"),
    "an answer of another shape": lambda: JSONResponse({"ok": True, "user": None, "users": 3}),
    "an internal error": lambda: JSONResponse({"ok": False, "error": "internal_error"}),
    "a refusal without a word": lambda: JSONResponse({"ok": False}),
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
@pytest.mark.parametrize("method", ["auth.test", "users.info", "usergroups.users.list"])
async def test_what_is_no_answer_is_never_taken_for_one(
    slack: Slack, method: str, answer: Callable[[], Response]
) -> None:
    """An answer that cannot be read decides nothing: the person is told to try again, and a retry asks again."""
    slack.workspace.trouble[method] = answer
    with pytest.raises(PeopleUnavailableError, match=r"did not say who may do this, so nothing was done\. Try again"):
        await slack.people.person("U0ADA", SEC)
    slack.workspace.trouble.clear()
    assert (await slack.people.person("U0ADA", SEC)).groups == SEC


async def test_a_refusal_of_slack_names_its_word_for_it(slack: Slack) -> None:
    """A missing scope or a revoked token is something the operator mends, so the reader gets the word to pass on."""
    slack.workspace.trouble["usergroups.users.list"] = lambda: JSONResponse({"ok": False, "error": "missing_scope"})
    slack.workspace.trouble["users.info"] = lambda: JSONResponse({"ok": False, "error": "token_revoked"})
    with pytest.raises(PeopleUnavailableError, match=r"\(missing_scope\).*Tell whoever runs") as of_group:
        await slack.people.members("S0SEC")
    with pytest.raises(PeopleUnavailableError, match=r"\(token_revoked\)"):
        await slack.people.person("U0ADA", NO_GROUPS)
    assert "xoxb" not in repr(of_group.value)


async def test_a_rate_limit_without_its_status_is_understood(slack: Slack) -> None:
    """A `ratelimited` that comes with status 200 is a pause as well."""
    slack.workspace.trouble["users.info"] = lambda: JSONResponse({"ok": False, "error": "ratelimited"})
    with pytest.raises(PeopleUnavailableError, match="pause of 30 s"):
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
