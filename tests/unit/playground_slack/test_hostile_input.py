from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import JSONResponse, Response

from bot.playground.slack import (
    NO_RATES,
    AppInstall,
    Channel,
    Json,
    LocalSlack,
    SlackClientError,
    User,
    Workspace,
    live_mentions,
)
from bot.playground.slack.api.table import METHODS
from bot.playground.slack.blocks import blocks_text_length, home_faults, message_faults, modal_faults, view_bytes
from bot.playground.slack.optionlists import read_options

if TYPE_CHECKING:
    from tests.unit.playground_slack.conftest import ScriptedApp

Refused = Callable[[Awaitable[Any]], Awaitable[Json]]

_WORDS = st.sampled_from(
    ["section", "input", "actions", "rich_text", "data_table", "plain_text", "mrkdwn", "static_select", "modal", "home"]
)
_KEYS = st.sampled_from(
    [
        "type",
        "text",
        "blocks",
        "elements",
        "element",
        "accessory",
        "rows",
        "options",
        "option_groups",
        "initial_option",
        "initial_options",
        "label",
        "block_id",
        "action_id",
        "value",
        "view",
        "title",
        "submit",
        "metadata",
        "event_type",
        "event_payload",
        "min_length",
        "max_length",
        "fields",
        "row_header_column_index",
        "focus_on_load",
        "private_metadata",
        "confirm",
    ]
)
_SCALARS = st.none() | st.booleans() | st.integers(-1, 101) | st.text(max_size=3) | _WORDS
_ANYTHING = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5), max_leaves=20
)


@given(_ANYTHING)
def test_rules_judge_anything(payload: Any) -> None:  # noqa: ANN401 - anything is what is given
    """Whatever an app sends for blocks, views or options is judged; nothing makes a rule fail."""
    for judge in (message_faults, modal_faults, home_faults):
        assert all("[json-pointer:" in fault for fault in judge(payload))
    assert blocks_text_length(payload) >= 0
    assert view_bytes(payload) > 0
    assert all(mention.startswith("<") for mention in live_mentions(payload))
    if isinstance(payload, dict):
        answer = read_options(payload)
        assert not (answer.problem and answer.all_options)


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(METHODS)),
    st.dictionaries(
        st.sampled_from(
            [
                "channel",
                "user",
                "users",
                "usergroup",
                "text",
                "blocks",
                "view",
                "metadata",
                "thread_ts",
                "ts",
                "cursor",
                "limit",
                "types",
                "trigger_id",
                "view_id",
                "external_id",
                "hash",
                "user_id",
                "files",
                "filename",
                "length",
                "oldest",
                "latest",
                "inclusive",
            ]
        ),
        _ANYTHING | st.sampled_from(["C1", "U1", "{", "[]"]),
        max_size=6,
    ),
)
async def test_methods_answer_anything(method: str, arguments: Json) -> None:
    """Every method answers whatever arguments it gets with `ok` or an error code, never with a crash."""
    workspace = Workspace(users=[User("U1", "ada")], channels=[Channel("C1", "general", members=["U1"])])
    scopes = "chat:write channels:read channels:history users:read usergroups:read im:write files:write channels:join"
    app = AppInstall(scopes=frozenset(scopes.split()))
    transport = httpx.ASGITransport(LocalSlack(workspace=workspace, app=app, rates=NO_RATES).asgi())
    headers = {"authorization": f"Bearer {app.bot_token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://local", headers=headers) as client:
        answer = await client.post(f"/api/{method}", json=arguments)
    assert answer.status_code == 200
    assert answer.json()["ok"] or answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("conversations.list", {"limit": "many"}, "invalid_limit"),
        ("files.getUploadURLExternal", {"filename": "a", "length": "long"}, "invalid_arguments"),
        ("conversations.history", {"channel": "C9"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C1", "text": "x", "metadata": ""}, None),
        ("conversations.info", {"channel": "C1", "include_num_members": "true"}, None),
    ],
)
async def test_arguments_are_read_as_slack_reads_them(
    web: AsyncWebClient, refused: Refused, method: str, arguments: Json, code: str | None
) -> None:
    """Numbers, truth and nothing may come as text, and nonsense in their place is refused."""
    call = web.api_call(method, data=arguments)
    if code is None:
        assert (await call)["ok"]
    else:
        assert (await refused(call))["error"] == code


async def test_half_a_character_is_replaced(slack: LocalSlack, web: AsyncWebClient) -> None:
    """Half of a surrogate pair becomes a question mark, and a whole pair stays the emoji it is."""
    await web.chat_postMessage(channel="C1", text="a \ud83d b \U0001f600")
    assert slack.messages("C1")[0]["text"] == "a ? b \U0001f600"


async def test_an_app_without_any_scope_learns_of_all_it_may_need(
    slack: LocalSlack, web: AsyncWebClient, refused: Refused
) -> None:
    """For a channel nobody knows, any scope that could reach it is asked for."""
    slack.app.scopes = frozenset()
    answer = await refused(web.conversations_info(channel="C9"))
    assert answer["needed"] == "channels:read,groups:read,im:read"


async def test_pushing_on_a_closed_stack_is_refused(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """A submitted form that the app closes meanwhile cannot have another view pushed onto it."""
    view: Json = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Form"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [],
    }
    trigger = (await slack.command("U1", "C1", "/tines-sync")).trigger_id
    view_id = (await web.views_open(trigger_id=trigger, view=view))["view"]["id"]

    async def close_meanwhile(_payload: Json) -> Response:
        await slack.close("U1", view_id)
        return JSONResponse({"response_action": "push", "view": view})

    app.on("view_submission", close_meanwhile)
    with pytest.raises(SlackClientError, match="not_found"):
        await slack.submit("U1", view_id)
    assert slack.views("U1") == []
