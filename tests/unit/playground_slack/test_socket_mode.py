import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.slack import AppInstall, Json, LocalSlack, SlackClientError, ViewRef, relayed

FORM: Json = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Form"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "team",
            "label": {"type": "plain_text", "text": "Team"},
            "element": {"type": "external_select", "action_id": "team", "min_query_length": 0},
        }
    ],
}


class SocketApp:
    """An app on Socket Mode: keeps what it gets, and acknowledges with what a test lays ready."""

    def __init__(self, app_token: str, web: AsyncWebClient) -> None:
        self.received: list[SocketModeRequest] = []
        self.answers: dict[str, Json] = {}
        self.silent = False
        self.got_one = asyncio.Event()
        self._app_token = app_token
        self._web = web
        self._clients: list[SocketModeClient] = []

    async def connect(self) -> SocketModeClient:
        """Open a connection."""
        client = SocketModeClient(self._app_token, web_client=self._web, ping_interval=0.1)
        client.socket_mode_request_listeners.append(self._take)
        self._clients.append(client)
        await client.connect()
        return client

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients:
            await client.close()

    async def _take(self, client: Any, request: SocketModeRequest) -> None:  # noqa: ANN401 - the SDK's own client
        self.received.append(request)
        self.got_one.set()
        name = str(request.payload.get("type") or request.payload.get("command"))
        if not self.silent:
            await client.send_socket_mode_response(
                SocketModeResponse(request.envelope_id, payload=self.answers.get(name))
            )


@pytest.fixture
async def app(slack: LocalSlack, install: AppInstall, web: AsyncWebClient) -> AsyncIterator[SocketApp]:
    """Return an app with one open connection."""
    app = SocketApp(install.app_token, web)
    await app.connect()
    await _connections(slack, 1)
    yield app
    await app.close()


async def _connections(slack: LocalSlack, count: int) -> None:
    """Wait until that many connections take envelopes."""
    await slack.until(lambda: slack.socket_mode.connected == count)


async def test_everything_goes_through_the_socket(slack: LocalSlack, web: AsyncWebClient, app: SocketApp) -> None:
    """Commands, options, submissions and events travel in envelopes, and acks bring the app's answers."""
    app.answers["/tines-sync"] = {"text": "Hello"}
    outcome = await slack.command("U1", "C1", "/tines-sync", "help")
    assert [m["text"] for m in outcome.ephemerals] == ["Hello"]
    assert (app.received[-1].type, app.received[-1].accepts_response_payload) == ("slash_commands", True)
    view_id = (await web.views_open(trigger_id=outcome.trigger_id, view=FORM))["view"]["id"]
    option = {"text": {"type": "plain_text", "text": "SecOps"}, "value": "1"}
    app.answers["block_suggestion"] = {"options": [option]}
    assert (await slack.options("U1", view_id, "team", "team", "")).options == (option,)
    await slack.click("U1", ViewRef(view_id), "team", "team", "1")
    app.answers["view_submission"] = {"response_action": "errors", "errors": {"team": "No"}}
    assert (await slack.submit("U1", view_id)).errors == {"team": "No"}
    assert app.received[-1].type == "interactive"
    await slack.open_home("U1")
    assert (app.received[-1].type, app.received[-1].accepts_response_payload) == ("events_api", False)


async def test_without_a_connection_the_person_is_told(slack: LocalSlack) -> None:
    """An app that is not connected does not answer."""
    with pytest.raises(SlackClientError, match="no Socket Mode connection"):
        await slack.command("U1", "C1", "/tines-sync")


@pytest.mark.parametrize("answer_within", [0.5])
async def test_without_an_ack_the_person_is_told(slack: LocalSlack, app: SocketApp) -> None:
    """An envelope that is not acknowledged in time has timed out; a late ack changes nothing."""
    app.silent = True
    with pytest.raises(SlackClientError, match="operation_timeout"):
        await slack.command("U1", "C1", "/tines-sync")
    app.silent = False
    assert (await slack.command("U1", "C1", "/tines-sync")).answer == {}


async def test_connections_share_the_envelopes(slack: LocalSlack, app: SocketApp) -> None:
    """With two connections both get envelopes, each envelope goes to one."""
    await app.connect()
    await _connections(slack, 2)
    for _ in range(4):
        await slack.command("U1", "C1", "/tines-sync")
    assert len({request.envelope_id for request in app.received}) == 4


@pytest.mark.parametrize("how", ["refresh", "warn", "close", "cut"])
async def test_the_app_comes_back_after_a_disconnect(slack: LocalSlack, app: SocketApp, how: str) -> None:
    """After a refresh request, a warning, a close or a reset, the app's client connects anew and envelopes go on."""
    match how:
        case "refresh":
            await slack.socket_mode.refresh()
        case "warn":
            await slack.socket_mode.warn()
        case "close":
            await slack.socket_mode.close()
        case _:
            slack.socket_mode.cut()
    if how != "warn":
        await _connections(slack, 0)
    await _connections(slack, 1)
    assert (await slack.command("U1", "C1", "/tines-sync")).answer == {}
    assert app.received


@pytest.mark.parametrize("answer_within", [0.5])
async def test_a_deaf_connection_swallows_envelopes(slack: LocalSlack, app: SocketApp) -> None:
    """A dead peer looks alive: what is sent to it is lost until it hears again."""
    slack.socket_mode.deafen()
    with pytest.raises(SlackClientError, match="operation_timeout"):
        await slack.command("U1", "C1", "/tines-sync")
    assert app.received == []
    slack.socket_mode.deafen(deaf=False)
    await slack.command("U1", "C1", "/tines-sync")
    assert len(app.received) == 1


async def test_a_connection_that_ends_takes_its_envelopes_along(slack: LocalSlack, app: SocketApp) -> None:
    """Who waits for an ack through a connection that breaks is told at once."""
    app.silent = True
    asked = asyncio.create_task(slack.command("U1", "C1", "/tines-sync"))
    async with asyncio.timeout(5):
        await app.got_one.wait()
    slack.socket_mode.cut()
    with pytest.raises(SlackClientError, match="ended before the ack"):
        await asked


@pytest.mark.parametrize("how", ["freeze", "cut"])
@pytest.mark.parametrize("answer_within", [0.5])
async def test_the_app_survives_a_dead_peer(
    slack: LocalSlack, install: AppInstall, web: AsyncWebClient, how: str
) -> None:
    """A connection that goes dead without a word, or breaks, is noticed and replaced through the relay."""
    async with relayed(slack.base_url) as relay:
        slack.socket_url = relay.url
        app = SocketApp(install.app_token, web)
        await app.connect()
        await _connections(slack, 1)
        if how == "freeze":
            relay.freeze()
            with pytest.raises(SlackClientError, match="operation_timeout"):
                await slack.command("U1", "C1", "/tines-sync")
            await slack.until(lambda: slack.socket_mode.connected > 1)
            relay.unfreeze()
        else:
            relay.cut()
            await _connections(slack, 0)
        await _connections(slack, 1)
        assert (await slack.command("U1", "C1", "/tines-sync")).answer == {}
        await app.close()


async def test_an_address_is_good_for_one_connection(slack: LocalSlack, web: AsyncWebClient) -> None:
    """A ticket connects once; without one there is no connection, and nonsense on the wire is ignored."""
    url = (await web.apps_connections_open(app_token=slack.app.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
            for text in ("{", "[]", '{"envelope_id": "made-up"}'):
                await socket.send_str(text)
        for address in (url, f"{url}x"):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(address)
