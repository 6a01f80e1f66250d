import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import Response

from bot.playground.slack import (
    AppInstall,
    ChangeKind,
    Direction,
    Json,
    LocalSlack,
    NotThereError,
    Parcel,
    ParcelKind,
    Workspace,
    signed_headers,
)
from bot.playground.slack.delivery import DeliveryError

if TYPE_CHECKING:
    from tests.unit.playground_slack.conftest import Hands, ScriptedApp

MANIFEST: Json = {
    "display_information": {"name": "tines-sync"},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_read_only_enabled": True},
        "slash_commands": [{"command": "/tines-sync", "description": "Sync", "usage_hint": "[help]"}],
        "shortcuts": [
            {"name": "Sync", "type": "global", "callback_id": "open_form", "description": "d"},
            {"name": "Other", "type": "message", "callback_id": "on_message", "description": "d"},
        ],
    },
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write"]}},
    "settings": {
        "event_subscriptions": {"bot_events": ["app_home_opened"]},
        "interactivity": {"is_enabled": True, "request_url": "https://bot.example/slack/events"},
    },
}


def test_an_installation_is_read_from_its_manifest(tmp_path: Path) -> None:
    """Commands, global shortcuts, events, scopes and the home tab are those of the manifest, from a file or not."""
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(MANIFEST))
    app = AppInstall.from_manifest(file, request_url="http://127.0.0.1:1/slack/events", bot_token="xoxb-1")
    assert app == AppInstall.from_manifest(MANIFEST, request_url=app.request_url, bot_token="xoxb-1")
    assert [c.usage_hint for c in app.commands] == ["[help]"]
    assert [s.callback_id for s in app.shortcuts] == ["open_form"]
    assert (app.scopes, app.events) == (frozenset({"commands", "chat:write"}), frozenset({"app_home_opened"}))
    assert (app.home_tab, app.messages_read_only, app.takes_options) == (True, True, False)


async def test_changes_are_heard_in_order(slack: LocalSlack, web: AsyncWebClient) -> None:
    """Whoever listens hears of each message, ephemeral message, channel, group and person that changes."""
    with slack.subscribe() as news:
        ts = (await web.chat_postMessage(channel="C1", text="Hi"))["ts"]
        await web.chat_update(channel="C1", ts=ts, text="Ho")
        await web.chat_delete(channel="C1", ts=ts)
        await web.chat_postEphemeral(channel="C1", user="U1", text="Psst")
        slack.archive("C1")
        slack.invite_bot("C2")
        slack.set_group("S1", [])
        slack.deactivate("U1")
        slack.revoke_token()
        heard = [await anext(news) for _ in range(9)]
    assert [change.kind for change in heard] == [
        ChangeKind.MESSAGE_POSTED,
        ChangeKind.MESSAGE_CHANGED,
        ChangeKind.MESSAGE_DELETED,
        ChangeKind.EPHEMERAL_POSTED,
        ChangeKind.CHANNEL_CHANGED,
        ChangeKind.CHANNEL_CHANGED,
        ChangeKind.GROUP_CHANGED,
        ChangeKind.USER_CHANGED,
        ChangeKind.APP_CHANGED,
    ]
    assert [change.seq for change in heard] == list(range(heard[0].seq, heard[0].seq + 9))
    assert (heard[0].ts, heard[2].body) == (ts, None)
    assert heard[3].user == "U1"


async def test_waiting_ends_with_what_was_waited_for(slack: LocalSlack, web: AsyncWebClient) -> None:
    """A wait ends as soon as a change brings what it asks for, and gives up after its time."""
    waiting = asyncio.create_task(slack.until(lambda: slack.messages("C1") or None))
    await web.chat_postMessage(channel="C1", text="Hi")
    assert [m["text"] for m in await waiting] == ["Hi"]
    with pytest.raises(TimeoutError):
        await slack.until(lambda: None, seconds=0.01)


async def test_closing_ends_what_listens(workspace: Workspace, install: AppInstall) -> None:
    """Whoever still listens when the local Slack closes hears the end of it."""
    async with LocalSlack(workspace=workspace, app=install) as local:
        changes, traffic = local.subscribe(), local.traffic.subscribe()
    assert [change async for change in changes] == []
    assert [exchange async for exchange in traffic] == []


async def test_the_traffic_is_recorded_without_tokens(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """Both directions are on record with their answers, and no token or signing secret is in it."""
    app.answer("/tines-sync", {"text": f"my token is {slack.app.bot_token}"})
    with slack.traffic.subscribe() as news:
        await slack.command("U1", "C1", "/tines-sync")
        await web.api_call("chat.postMessage", data={"token": slack.app.bot_token, "channel": "C1", "text": "x"})
        first, second = await anext(news), await anext(news)
    assert (first.direction, first.name, first.status) == (Direction.TO_APP, "/tines-sync", 200)
    assert (second.direction, second.name, second.answer["ok"]) == (Direction.TO_SLACK, "chat.postMessage", True)
    assert list(slack.traffic) == [first, second]
    assert len(slack.traffic) == 2
    assert first.answer["text"] == "my token is •••"
    record = str([first, second])
    assert not any(s in record for s in (slack.app.bot_token, slack.app.app_token, slack.app.signing_secret))


async def test_events_are_tried_again(slack: LocalSlack, app: "ScriptedApp") -> None:
    """An event that is not answered comes again up to three times, saying which try it is and why."""
    tries: list[tuple[str | None, str | None]] = []
    done = asyncio.Event()

    async def broken(_payload: Json) -> Response:
        headers = app.received[-1].headers
        tries.append((headers.get("x-slack-retry-num"), headers.get("x-slack-retry-reason")))
        if len(tries) == 4:
            done.set()
        return Response(status_code=500)

    app.on("app_home_opened", broken)
    await slack.open_home("U1")
    async with asyncio.timeout(5):
        await done.wait()
    assert tries == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]


async def test_an_event_is_not_sent_again_once_answered(slack: LocalSlack, app: "ScriptedApp") -> None:
    """The first answer ends the retries."""
    done = asyncio.Event()

    async def once_broken(_payload: Json) -> Response:
        if len(app.received) == 1:
            return Response(status_code=503)
        done.set()
        return Response()

    app.on("app_home_opened", once_broken)
    await slack.open_home("U1")
    async with asyncio.timeout(5):
        await done.wait()
    await slack.aclose()
    assert len(app.received) == 2


@pytest.mark.usefixtures("app")
async def test_retries_end_with_the_local_slack(workspace: Workspace, install: AppInstall, hands: "Hands") -> None:
    """An event for an app that is away is given up when the local Slack closes."""
    install.request_url = "http://127.0.0.1:9/nobody"
    async with LocalSlack(workspace=workspace, app=install, clock=hands, event_retry_delays=(60,)) as local:
        assert (await local.open_home("U1")).view is None
    (exchange,) = local.traffic.calls("app_home_opened")
    assert "could not be reached" in exchange.note


async def test_the_network_can_be_replaced(workspace: Workspace, install: AppInstall) -> None:
    """A transport takes the place of the network to the app."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"text": request.url.path})

    install.request_url = "http://app/slack/events"
    async with LocalSlack(workspace=workspace, app=install, transport=httpx.MockTransport(answer)) as local:
        (reply,) = (await local.command("U1", "C1", "/tines-sync")).ephemerals
    assert reply["text"] == "/slack/events"


async def test_anything_can_be_delivered(slack: LocalSlack, app: "ScriptedApp") -> None:
    """A parcel of a test's own, or one from the record, goes to the app signed like all others."""
    await slack.command("U1", "C1", "/tines-sync", "help")
    (sent,) = slack.traffic.calls("/tines-sync")
    await slack.deliver(Parcel(ParcelKind.COMMAND, sent.name, sent.request))
    assert [each.payload["text"] for each in app.received] == ["help", "help"]
    slack.app.request_url = None
    with pytest.raises(DeliveryError):
        await slack.deliver(Parcel(ParcelKind.COMMAND, sent.name, sent.request))


def test_signatures_are_slacks_own() -> None:
    """The signature of the example in Slack's documentation comes out."""
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = signed_headers("8f742231b10e8888abcd99yyyzzz85a5", body, 1531420618)
    assert headers["X-Slack-Signature"] == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def test_people_see_what_they_may(slack: LocalSlack) -> None:
    """A private channel shows nothing to who is not in it; a public one may be looked at."""
    slack.say("U1", "G1", "Secret")
    slack.say("U2", "C2", "Public")
    assert slack.messages("G1", as_user="U2") == []
    assert [m["text"] for m in slack.messages("G1", as_user="U1")] == ["Secret"]
    assert [m["text"] for m in slack.messages("C2", as_user="U1")] == ["Public"]
    assert slack.messages("C9") == slack.messages("C1", thread_ts="1.2") == []
    assert slack.view_errors("V0") == {}


def test_what_is_not_there_cannot_be_changed(slack: LocalSlack) -> None:
    """Changing an unknown channel, person, group or message is a mistake of the caller."""
    changes: list[Callable[[], None]] = [
        lambda: slack.archive("C9"),
        lambda: slack.deactivate("U9"),
        lambda: slack.set_group("S9", []),
        lambda: slack.delete_message("C1", "1.2"),
    ]
    for change in changes:
        with pytest.raises(NotThereError):
            change()
