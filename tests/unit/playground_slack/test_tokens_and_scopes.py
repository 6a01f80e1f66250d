import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.slack import Json, LocalSlack

Refused = Callable[[Awaitable[Any]], Awaitable[Json]]


def _with_token(slack: LocalSlack, token: str) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=f"{slack.base_url}/api/")


async def test_the_token_tells_who_the_app_is(web: AsyncWebClient) -> None:
    """`auth.test` names team and bot, and the header lists the scopes."""
    answer = await web.auth_test()
    assert (answer["user_id"], answer["user"], answer["team_id"]) == ("UBOT", "tines-sync", "T0LOCAL")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_a_wrong_token_is_refused(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """No token, a foreign one, the other kind of token, and a revoked one each have their own error."""
    async with httpx.AsyncClient() as plain:
        assert (await plain.post(f"{slack.base_url}/api/auth.test")).json()["error"] == "not_authed"
    assert (await refused(_with_token(slack, "xoxb-other").auth_test()))["error"] == "invalid_auth"
    app_token = _with_token(slack, slack.app.app_token)
    assert (await refused(app_token.auth_test()))["error"] == "not_allowed_token_type"
    socket = web.apps_connections_open(app_token=slack.app.bot_token)
    assert (await refused(socket))["error"] == "not_allowed_token_type"
    slack.revoke_token()
    assert (await refused(web.auth_test()))["error"] == "token_revoked"
    slack.restore_token()
    assert (await web.auth_test())["ok"]


@pytest.mark.parametrize(
    ("missing", "method", "arguments", "needed"),
    [
        ("chat:write", "chat.postMessage", {"channel": "C1", "text": "x"}, "chat:write"),
        ("channels:read", "conversations.info", {"channel": "C1"}, "channels:read"),
        ("groups:read", "conversations.info", {"channel": "G1"}, "groups:read"),
        ("channels:history", "conversations.history", {"channel": "C1"}, "channels:history"),
        ("groups:history", "conversations.replies", {"channel": "G1", "ts": "1.2"}, "groups:history"),
        ("groups:read", "conversations.list", {"types": "public_channel,private_channel"}, "channels:read,groups:read"),
        ("im:write", "conversations.open", {"users": "U1"}, "im:write"),
        ("users:read", "users.info", {"user": "U1"}, "users:read"),
        ("usergroups:read", "usergroups.users.list", {"usergroup": "S1"}, "usergroups:read"),
    ],
)
async def test_a_missing_scope_is_told(
    slack: LocalSlack, web: AsyncWebClient, refused: Refused, missing: str, method: str, arguments: Json, needed: str
) -> None:
    """A method whose scope the manifest lacks is refused, with what it needs and what there is."""
    slack.app.scopes -= {missing}
    answer = await refused(web.api_call(method, params=arguments))
    assert (answer["error"], answer["needed"]) == ("missing_scope", needed)
    assert missing not in answer["provided"].split(",")


async def test_a_public_channel_can_be_posted_to_with_the_scope_for_it(slack: LocalSlack, web: AsyncWebClient) -> None:
    """With `chat:write.public` the app need not be in a public channel."""
    slack.app.scopes |= {"chat:write.public"}
    assert (await web.chat_postMessage(channel="C2", text="Hi"))["ok"]


async def test_what_slack_does_not_know_is_refused(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """An unknown method and an unreadable body are refused, not crashed on."""
    assert (await refused(web.api_call("chat.shout")))["error"] == "unknown_method"
    headers = {"content-type": "application/json", "authorization": f"Bearer {slack.app.bot_token}"}
    async with httpx.AsyncClient(base_url=slack.base_url, headers=headers) as plain:
        for body in (b"{", b"[]", b"\xff"):
            assert (await plain.post("/api/auth.test", content=body)).json()["error"] == "invalid_json"
    assert (await refused(web.api_call("views.open", json={"trigger_id": "1", "view": "{"})))["error"] == (
        "invalid_arguments"
    )


def test_secrets_are_not_in_a_repr(slack: LocalSlack) -> None:
    """Printing the installation shows none of its secrets."""
    shown = repr(slack.app)
    secrets = {f.name: getattr(slack.app, f.name) for f in dataclasses.fields(slack.app) if not f.repr}
    assert set(secrets) == {"bot_token", "signing_secret", "app_token"}
    assert not any(secret in shown for secret in secrets.values())
