import asyncio
from typing import TYPE_CHECKING

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import PlainTextResponse, Response

from bot.playground.slack import Json, LocalSlack, MessageRef, NotThereError, SlackClientError

if TYPE_CHECKING:
    from tests.unit.playground_slack.conftest import ScriptedApp


def _button(**more: object) -> Json:
    element = {"type": "button", "action_id": "press", "text": {"type": "plain_text", "text": "Press"}, **more}
    return {"type": "actions", "block_id": "buttons", "elements": [element]}


MENUS = {
    "type": "actions",
    "block_id": "menus",
    "elements": [
        {
            "type": "overflow",
            "action_id": "more",
            "options": [{"text": _button()["elements"][0]["text"], "value": "1"}],
        },
        {
            "type": "static_select",
            "action_id": "menu",
            "option_groups": [
                {
                    "label": {"type": "plain_text", "text": "Group"},
                    "options": [{"text": {"type": "plain_text", "text": "A"}, "value": "a"}],
                }
            ],
        },
    ],
}


async def test_a_command_arrives_as_slack_sends_it(slack: LocalSlack, app: "ScriptedApp") -> None:
    """A command is a signed form with who, where, what, a trigger and a response URL."""
    outcome = await slack.command("U1", "C1", "/tines-sync", "status TS-1 & <more>")
    payload = app.last("/tines-sync")
    assert (payload["user_id"], payload["user_name"], payload["channel_id"]) == ("U1", "ada", "C1")
    assert (payload["channel_name"], payload["text"]) == ("general", "status TS-1 & <more>")
    assert payload["trigger_id"] == outcome.trigger_id
    assert payload["response_url"].startswith(f"{slack.base_url}/response/")
    assert app.received[0].headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_command_in_a_direct_conversation_says_so(slack: LocalSlack, app: "ScriptedApp") -> None:
    """Slack calls every direct conversation by the same name."""
    await slack.command("U1", slack.open_dm("U1"), "/tines-sync")
    assert app.last("/tines-sync")["channel_name"] == "directmessage"


async def test_the_reply_to_a_command_is_for_the_person_alone(slack: LocalSlack, app: "ScriptedApp") -> None:
    """A reply is ephemeral unless the app says in_channel; bare text is a reply as well."""

    async def text(_payload: Json) -> Response:
        return PlainTextResponse("Just text")

    app.answer("/tines-sync", {"text": "Only you"})
    assert [m["text"] for m in (await slack.command("U1", "C1", "/tines-sync")).ephemerals] == ["Only you"]
    app.on("/tines-sync", text)
    assert [m["text"] for m in (await slack.command("U1", "C1", "/tines-sync")).ephemerals] == ["Just text"]
    app.answer("/tines-sync", {"response_type": "in_channel", "text": "All", "blocks": [{"type": "divider"}]})
    assert (await slack.command("U1", "C1", "/tines-sync")).ephemerals == ()
    assert [m["text"] for m in slack.messages("C1")] == ["All"]


async def test_a_reply_that_is_no_message_is_trouble(slack: LocalSlack, app: "ScriptedApp") -> None:
    """A reply with faulty blocks is not shown."""
    app.answer("/tines-sync", {"blocks": [{"type": "no"}]})
    with pytest.raises(SlackClientError, match="invalid_blocks"):
        await slack.command("U1", "C1", "/tines-sync")


@pytest.mark.parametrize("answer_within", [0.5])
async def test_a_silent_app_is_reported_to_the_person(slack: LocalSlack, app: "ScriptedApp") -> None:
    """Who waits longer than the app may take reads that it timed out."""

    async def never(_payload: Json) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    app.on("/tines-sync", never)
    with pytest.raises(SlackClientError) as caught:
        await slack.command("U1", "C1", "/tines-sync")
    assert caught.value.text == '/tines-sync failed with the error "operation_timeout"'


async def test_an_app_that_fails_is_reported_to_the_person(slack: LocalSlack, app: "ScriptedApp") -> None:
    """An error status, an app that is away, and an answer nobody can read each show as trouble."""

    async def broken(_payload: Json) -> Response:
        return Response(status_code=500)

    async def unreadable(_payload: Json) -> Response:
        return PlainTextResponse("what?")

    app.on("/tines-sync", broken)
    with pytest.raises(SlackClientError, match="dispatch_failed"):
        await slack.command("U1", "C1", "/tines-sync")
    app.on("shortcut", unreadable)
    with pytest.raises(SlackClientError, match="trouble connecting"):
        await slack.shortcut("U1", "open_form")
    slack.app.request_url = "http://127.0.0.1:9/nobody"
    with pytest.raises(SlackClientError, match="could not be reached"):
        await slack.shortcut("U1", "open_form")


async def test_a_bad_signature_is_found(slack: LocalSlack, app: "ScriptedApp") -> None:
    """The app refuses what was signed with another secret, and the person is told."""
    slack.app.signing_secret = "another"
    with pytest.raises(SlackClientError, match="the app answered 401"):
        await slack.command("U1", "C1", "/tines-sync")
    assert app.received == []


async def test_only_what_the_manifest_declares_exists(slack: LocalSlack, app: "ScriptedApp") -> None:
    """A command or a shortcut that is not in the manifest never reaches the app."""
    with pytest.raises(SlackClientError, match="/other is not a valid command"):
        await slack.command("U1", "C1", "/other")
    with pytest.raises(NotThereError):
        await slack.shortcut("U1", "other")
    with pytest.raises(NotThereError):
        await slack.command("U3", "C1", "/tines-sync")
    assert app.received == []


async def test_a_shortcut_arrives_as_slack_sends_it(slack: LocalSlack, app: "ScriptedApp") -> None:
    """A global shortcut has a trigger, and neither channel nor response URL."""
    outcome = await slack.shortcut("U1", "open_form")
    payload = app.last("shortcut")
    assert (payload["callback_id"], payload["trigger_id"]) == ("open_form", outcome.trigger_id)
    assert payload["user"] == {"id": "U1", "username": "ada", "name": "ada", "team_id": "T0LOCAL"}
    assert "response_url" not in payload
    assert "channel" not in payload


async def test_a_click_arrives_as_slack_sends_it(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """A pressed button brings its message, place, value, trigger and response URL; metadata stay with Slack."""
    metadata = {"event_type": "note", "event_payload": {"key": "a"}}
    head = await web.chat_postMessage(channel="C1", text="Head")
    posted = await web.chat_postMessage(
        channel="C1", text="Hi", blocks=[_button(value="v")], thread_ts=head["ts"], metadata=metadata
    )
    await slack.click("U2", MessageRef("C1", posted["ts"]), "buttons", "press")
    payload = app.last("block_actions")
    assert payload["container"] == {
        "type": "message",
        "message_ts": posted["ts"],
        "channel_id": "C1",
        "is_ephemeral": False,
        "thread_ts": head["ts"],
    }
    (action,) = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("press", "buttons", "v")
    assert payload["message"]["text"] == "Hi"
    assert "metadata" not in payload["message"]
    assert payload["channel"] == {"id": "C1", "name": "general"}
    assert payload["user"]["id"] == "U2"


async def test_menus_bring_what_was_chosen(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """An overflow menu and a menu of groups bring the option that stands in them."""
    posted = await web.chat_postMessage(channel="C1", text="Hi", blocks=[MENUS])
    where = MessageRef("C1", posted["ts"])
    await slack.click("U1", where, "menus", "more", "1")
    assert app.last("block_actions")["actions"][0]["selected_option"]["value"] == "1"
    await slack.click("U1", where, "menus", "menu", "a")
    assert app.last("block_actions")["actions"][0]["selected_option"]["text"] == {
        "type": "plain_text",
        "text": "A",
        "emoji": True,
    }
    state = app.last("block_actions")["state"]["values"]["menus"]
    assert list(state) == ["menu"]
    assert state["menu"]["selected_option"]["value"] == "a"
    for action_id in ("more", "menu"):
        with pytest.raises(NotThereError):
            await slack.click("U1", where, "menus", action_id, "9")


async def test_a_click_on_what_is_not_there_never_leaves(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """Nobody can press a button that is gone, in a channel they are not in, or on a deleted message."""
    posted = await web.chat_postMessage(channel="C1", text="Hi", blocks=[_button()])
    where = MessageRef("C1", posted["ts"])
    for user, place, action in (
        ("U3", where, "press"),
        ("U1", MessageRef("C1", "1.2"), "press"),
        ("U1", where, "x"),
    ):
        with pytest.raises(NotThereError):
            await slack.click(user, place, "buttons", action)
    slack.delete_message("C1", posted["ts"])
    with pytest.raises(NotThereError):
        await slack.click("U1", where, "buttons", "press")
    assert app.received == []


async def test_a_click_from_the_moment_before_an_update_counts(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """A button that an update drew anew, in a block with another id, is still pressed by who sees the older one."""
    posted = await web.chat_postMessage(channel="C1", text="Hi", blocks=[_button()])
    await web.chat_update(channel="C1", ts=posted["ts"], text="Hi", blocks=[{**_button(), "block_id": "renewed"}])
    await slack.click("U1", MessageRef("C1", posted["ts"]), "buttons", "press")
    assert app.last("block_actions")["actions"][0]["block_id"] == "renewed"


async def test_a_click_that_fails_shows_the_status(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """The person sees with which status the app answered."""

    async def missing(_payload: Json) -> Response:
        return Response(status_code=404)

    app.on("block_actions", missing)
    posted = await web.chat_postMessage(channel="C1", text="Hi", blocks=[_button()])
    with pytest.raises(SlackClientError) as caught:
        await slack.click("U1", MessageRef("C1", posted["ts"]), "buttons", "press")
    assert caught.value.text == "This app responded with Status Code 404."


async def test_a_click_on_an_ephemeral_message_has_no_message(slack: LocalSlack, app: "ScriptedApp") -> None:
    """Slack does not keep ephemeral messages, so it sends only where the click happened."""
    app.answer("/tines-sync", {"text": "Choose", "blocks": [_button()]})
    (shown,) = (await slack.command("U1", "C1", "/tines-sync")).ephemerals
    await slack.click("U1", MessageRef("C1", shown["ts"]), "buttons", "press")
    payload = app.last("block_actions")
    assert payload["container"]["is_ephemeral"]
    assert "message" not in payload
