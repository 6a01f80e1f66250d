"""A small workspace with a scripted app, and the page before it: everything real but the app and the network."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.playground.page import CastMember, build_page
from bot.playground.serving import served
from bot.playground.slack import (
    NO_RATES,
    AppInstall,
    Channel,
    LocalSlack,
    Shortcut,
    SlashCommand,
    User,
    UserGroup,
    Workspace,
)
from bot.playground.tines.pair import Pair

ROBIN, ADA, BEN, EVE, APP = "U0ROBIN", "U0ADA", "U0BEN", "U0EVE", "U0BOT"
APPROVALS, SECOPS, LEADS = "C0APPROVALS", "C0SECOPS", "C0LEADS"
EVERYBODY: Final = (ROBIN, ADA, BEN, EVE)
CAST: Final = (
    CastMember(ROBIN, "requester"),
    CastMember(ADA, "approver"),
    CastMember(BEN, "approver"),
    CastMember(EVE, "bystander"),
)

Json = dict[str, Any]
Handler = Callable[[Json], Awaitable[Json | None]]


def plain(text: str) -> Json:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": text, "emoji": True}


def mrkdwn(text: str) -> Json:
    """Return a mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def option(text: str, value: str = "") -> Json:
    """Return an option; its value is its text when none is given."""
    return {"text": plain(text), "value": value or text}


def modal(title: str, *blocks: Json, submit: str = "", **more: object) -> Json:
    """Return a modal."""
    view: Json = {"type": "modal", "title": plain(title), "blocks": list(blocks), **more}
    if submit:
        view["submit"] = plain(submit)
    return view


def text_field(name: str, label: str, **more: object) -> Json:
    """Return an input block with a line of text; `more` belongs to the element."""
    element = {"type": "plain_text_input", "action_id": name, **more}
    return {"type": "input", "block_id": name, "label": plain(label), "element": element}


@dataclass
class ScriptedApp:
    """An app that does what a test says. Handlers are keyed by command, action_id, callback_id or payload type.

    Each gets the payload and returns the answer's body, None for a bare acknowledgement.
    """

    handlers: dict[str, Handler] = field(default_factory=dict)
    received: list[Json] = field(default_factory=list)  # every payload, oldest first
    client: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    def on(self, key: str) -> Callable[[Handler], Handler]:
        """Register a handler."""

        def register(handler: Handler) -> Handler:
            self.handlers[key] = handler
            return handler

        return register

    async def call(self, method: str, **arguments: object) -> Json:
        """Call a Web API method, which must succeed."""
        answer: Json = (await self.client.post(f"/api/{method}", json=arguments)).json()
        assert answer["ok"], answer
        return answer

    async def post(self, text: str, *, channel: str = APPROVALS, blocks: list[Json] | None = None, **more: str) -> str:
        """Post a message and return its ts."""
        content = {"channel": channel, "text": text, "blocks": blocks or [], **more}
        ts: str = (await self.call("chat.postMessage", **content))["ts"]
        return ts

    def of(self, kind: str) -> list[Json]:
        """Return the received payloads of a type."""
        return [payload for payload in self.received if payload.get("type") == kind]

    def asgi(self) -> Starlette:
        """Return the app's request URL as an ASGI app."""
        return Starlette(routes=[Route("/slack/events", self._endpoint, methods=["POST"])])

    async def _endpoint(self, request: Request) -> Response:
        raw = (await request.body()).decode()
        if request.headers["content-type"].startswith("application/json"):
            payload = json.loads(raw)["event"]
        else:
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            payload = json.loads(form["payload"]) if "payload" in form else form
        self.received.append(payload)
        keys = [payload.get("command"), payload.get("callback_id"), payload.get("type")]
        keys += [action["action_id"] for action in payload.get("actions", ())]
        handler = next((self.handlers[key] for key in keys if key in self.handlers), None)
        body = await handler(payload) if handler else None
        return Response() if body is None else JSONResponse(body)


@dataclass(frozen=True)
class BrowserHarness:
    """What a test plays on."""

    slack: LocalSlack
    app: ScriptedApp
    tenants: Pair
    url: str  # of the page


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[BrowserHarness]:
    """Build a workspace with a scripted app in it, two tenants beside it, and serve the page."""
    app = ScriptedApp()
    slack = LocalSlack(
        workspace=_workspace(), app=_install(), rates=NO_RATES, transport=httpx.ASGITransport(app.asgi())
    )
    app.client = httpx.AsyncClient(
        transport=httpx.ASGITransport(slack.asgi()),
        base_url=slack.base_url,
        headers={"Authorization": f"Bearer {slack.app.bot_token}"},
    )
    tenants = Pair()
    page = build_page(slack, cast=CAST, tenants={"dev": tenants.dev, "prod": tenants.prod})
    async with slack, app.client, served(page) as url:
        yield BrowserHarness(slack, app, tenants, url)


def _workspace() -> Workspace:
    return Workspace(
        name="Acme Security",
        users=[
            User(ROBIN, "robin", "Robin Reyes", tz="America/New_York"),
            User(ADA, "ada", "Ada Okafor", tz="Europe/Berlin"),
            User(BEN, "ben", "Ben Sato", tz="Asia/Tokyo"),
            User(EVE, "eve", "Eve Lind"),
            User(APP, "tines-sync", "tines-sync", is_bot=True),
        ],
        groups=[UserGroup("S0APPROVERS", "approvers", [ADA, BEN])],
        channels=[
            Channel(APPROVALS, "tines-approvals", members=list(EVERYBODY)),
            Channel(SECOPS, "secops", members=list(EVERYBODY)),
            Channel(LEADS, "sec-leads", private=True, members=[ADA]),
        ],
    )


def _install() -> AppInstall:
    return AppInstall(
        bot_user_id=APP,
        request_url="http://app.example/slack/events",
        scopes=frozenset({"chat:write", "commands", "im:write", "channels:read", "groups:read", "users:read"}),
        commands=(SlashCommand("/sync", "Sync stories to another tenant", "[help | list]"),),
        shortcuts=(Shortcut("sync_form", "Sync stories", "Request a sync"),),
    )
