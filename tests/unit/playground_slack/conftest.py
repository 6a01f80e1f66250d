"""A workspace, an app whose answers a test scripts, and a Web API client for it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.playground.serving import served
from bot.playground.slack import (
    NO_RATES,
    AppInstall,
    Channel,
    Json,
    LocalSlack,
    Shortcut,
    SlashCommand,
    User,
    UserGroup,
    Workspace,
)

SCOPES = (
    "commands chat:write channels:read groups:read im:read channels:history groups:history im:history im:write "
    "users:read usergroups:read files:write channels:join"
)


@dataclass
class Hands:
    """A clock that stands still until a test moves it."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class _Time(Clock):
    """The same clock for the SDK's signature check."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def now(self) -> float:
        return self._hands()


@dataclass
class Received:
    """One request that reached the app."""

    name: str  # the command, or the payload's or event's type
    payload: Json
    headers: dict[str, str]


@dataclass
class ScriptedApp:
    """An app that checks signatures, keeps what it gets, and answers as a test says (200 and nothing otherwise)."""

    verifier: SignatureVerifier
    received: list[Received] = field(default_factory=list)
    script: dict[str, Callable[[Json], Awaitable[Response]]] = field(default_factory=dict)

    def answer(self, name: str, body: object) -> None:
        """Answer everything of that name with this JSON body."""

        async def respond(_payload: Json) -> Response:
            return JSONResponse(body)

        self.script[name] = respond

    def on(self, name: str, respond: Callable[[Json], Awaitable[Response | None]]) -> None:
        """Answer everything of that name with what a coroutine returns; None acknowledges."""

        async def run(payload: Json) -> Response:
            return await respond(payload) or Response()

        self.script[name] = run

    def last(self, name: str) -> Json:
        """Return the latest payload of that name."""
        return [each.payload for each in self.received if each.name == name][-1]

    async def __call__(self, request: Request) -> Response:
        """Take one request of Slack's."""
        body = (await request.body()).decode()
        if not self.verifier.is_valid_request(body, dict(request.headers)):
            return Response(status_code=401)
        if request.headers["content-type"] == "application/json":
            payload: Json = json.loads(body)
            name = str(payload["event"]["type"])
        else:
            form = dict(parse_qsl(body, keep_blank_values=True))
            payload = json.loads(form["payload"]) if "payload" in form else dict(form)
            name = str(payload.get("command") or payload["type"])
        self.received.append(Received(name, payload, dict(request.headers)))
        respond = self.script.get(name)
        return await respond(payload) if respond else Response()


@pytest.fixture
def hands() -> Hands:
    """Return the clock of the local Slack."""
    return Hands()


@pytest.fixture
def workspace() -> Workspace:
    """Return a team of three people with a public, a private and a foreign channel."""
    return Workspace(
        users=[
            User("U1", "ada", "Ada Lovelace"),
            User("U2", "bob", "Bob"),
            User("U3", "eve", "Eve"),
            User("UBOT", "tines-sync", is_bot=True),
        ],
        groups=[UserGroup("S1", "approvers", ["U2"]), UserGroup("S2", "old", ["U1"], disabled=True)],
        channels=[
            Channel("C1", "general", members=["U1", "U2"]),
            Channel("G1", "secret", private=True, members=["U1"]),
            Channel("C2", "others", members=["U2"], bot_in=False),
            Channel("G2", "closed", private=True, members=["U2"], bot_in=False),
        ],
    )


@pytest.fixture
def install() -> AppInstall:
    """Return the app as it is installed."""
    return AppInstall(
        bot_token="xoxb-of-the-tests",
        signing_secret="signing-of-the-tests",
        app_token="xapp-of-the-tests",
        bot_user_id="UBOT",
        scopes=frozenset(SCOPES.split()),
        commands=(SlashCommand("/tines-sync"),),
        shortcuts=(Shortcut("open_form"),),
    )


@pytest.fixture
def answer_within() -> float:
    """Return for how many seconds a person waits for the app: long, where the test is not about an app that is silent."""
    return 10.0


@pytest.fixture
async def slack(
    workspace: Workspace, install: AppInstall, hands: Hands, answer_within: float
) -> AsyncIterator[LocalSlack]:
    """Return a local Slack that listens, without rate limits."""
    local = LocalSlack(
        workspace=workspace,
        app=install,
        clock=hands,
        rates=NO_RATES,
        answer_within=answer_within,
        event_retry_delays=(0, 0, 0),
    )
    async with served(local.asgi()) as url:
        local.base_url = url
        yield local


@pytest.fixture
async def app(slack: LocalSlack, hands: Hands) -> AsyncIterator[ScriptedApp]:
    """Return the app, listening at its request URL."""
    scripted = ScriptedApp(SignatureVerifier(slack.app.signing_secret, _Time(hands)))

    async def endpoint(request: Request) -> Response:
        return await scripted(request)

    async with served(Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])) as url:
        slack.app.request_url = f"{url}/slack/events"
        yield scripted


@pytest.fixture
def web(slack: LocalSlack) -> AsyncWebClient:
    """Return the app's Web API client."""
    return AsyncWebClient(token=slack.app.bot_token, base_url=f"{slack.base_url}/api/", retry_handlers=[])


@pytest.fixture
def refused() -> Callable[[Awaitable[Any]], Awaitable[Json]]:
    """Return a function that awaits a call and returns the body of its refusal."""

    async def body(call: Awaitable[Any]) -> Json:
        with pytest.raises(SlackApiError) as caught:
            await call
        answer: Json = caught.value.response.data
        return answer

    return body
