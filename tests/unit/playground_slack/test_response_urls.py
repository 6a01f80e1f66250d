from typing import TYPE_CHECKING

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.slack import Fault, FaultKind, Json, LocalSlack, MessageRef

if TYPE_CHECKING:
    from tests.unit.playground_slack.conftest import Hands, ScriptedApp

BUTTON = {
    "type": "actions",
    "block_id": "buttons",
    "elements": [{"type": "button", "action_id": "press", "text": {"type": "plain_text", "text": "Press"}}],
}


async def _post(url: str, body: Json) -> httpx.Response:
    async with httpx.AsyncClient() as plain:
        return await plain.post(url, json=body)


async def _command_url(slack: LocalSlack, app: "ScriptedApp") -> str:
    await slack.command("U1", "C1", "/tines-sync")
    return str(app.last("/tines-sync")["response_url"])


async def _click_url(slack: LocalSlack, app: "ScriptedApp", ts: str) -> str:
    await slack.click("U1", MessageRef("C1", ts), "buttons", "press")
    return str(app.last("block_actions")["response_url"])


async def test_five_answers_and_no_more(slack: LocalSlack, app: "ScriptedApp") -> None:
    """A response URL takes five answers, for the person alone unless said otherwise."""
    url = await _command_url(slack, app)
    for n in range(4):
        assert (await _post(url, {"text": str(n)})).status_code == 200
    assert (await _post(url, {"text": "all", "response_type": "in_channel"})).status_code == 200
    sixth = await _post(url, {"text": "6"})
    assert (sixth.status_code, sixth.json()["error"]) == (404, "used_url")
    assert [m["text"] for m in slack.ephemerals("U1", "C1")] == ["0", "1", "2", "3"]
    assert [m["text"] for m in slack.messages("C1")] == ["all"]


async def test_thirty_minutes_and_no_longer(slack: LocalSlack, app: "ScriptedApp", hands: "Hands") -> None:
    """A response URL works for half an hour."""
    url = await _command_url(slack, app)
    hands.now += 1800
    assert (await _post(url, {"text": "in time"})).status_code == 200
    hands.now += 1
    assert (await _post(url, {"text": "late"})).json()["error"] == "expired_url"
    assert (await _post(f"{slack.base_url}/response/made-up", {"text": "x"})).json()["error"] == "invalid_url"


async def test_an_answer_is_held_to_the_rules_of_messages(slack: LocalSlack, app: "ScriptedApp") -> None:
    """What is no message is refused, whichever way it comes."""
    url = await _command_url(slack, app)
    assert (await _post(url, {})).json()["error"] == "no_text"
    assert (await _post(url, {"blocks": [{"type": "no"}]})).json()["error"] == "invalid_blocks"
    async with httpx.AsyncClient() as plain:
        unreadable = await plain.post(url, content=b"{", headers={"content-type": "application/json"})
    assert unreadable.json()["error"] == "no_text"


async def test_the_original_can_be_replaced_and_removed(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """A response URL of a click edits or deletes the message that was clicked."""
    ts = (await web.chat_postMessage(channel="C1", text="Choose", blocks=[BUTTON]))["ts"]
    url = await _click_url(slack, app, ts)
    assert (await _post(url, {"replace_original": True, "text": "Chosen"})).status_code == 200
    assert slack.messages("C1")[0]["text"] == "Chosen"
    assert (await _post(url, {"delete_original": True})).status_code == 200
    assert slack.messages("C1") == []
    assert (await _post(url, {"replace_original": True, "text": "x"})).json()["error"] == "message_not_found"
    assert (await _post(url, {"delete_original": True})).status_code == 200


async def test_an_ephemeral_original_can_be_replaced_and_removed(slack: LocalSlack, app: "ScriptedApp") -> None:
    """The only way to change an ephemeral message is the response URL of a click on it."""
    app.answer("/tines-sync", {"text": "Choose", "blocks": [BUTTON]})
    (shown,) = (await slack.command("U1", "C1", "/tines-sync")).ephemerals
    url = await _click_url(slack, app, shown["ts"])
    await _post(url, {"replace_original": True, "text": "Chosen"})
    assert [m["text"] for m in slack.ephemerals("U1", "C1")] == ["Chosen"]
    await _post(url, {"delete_original": True})
    assert slack.ephemerals("U1", "C1") == []


async def test_an_answer_to_a_click_in_a_thread_stays_there(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """An ephemeral answer appears in the thread where the click was."""
    head = (await web.chat_postMessage(channel="C1", text="Head"))["ts"]
    ts = (await web.chat_postMessage(channel="C1", text="Choose", blocks=[BUTTON], thread_ts=head))["ts"]
    await _post(await _click_url(slack, app, ts), {"text": "Done"})
    assert [m["text"] for m in slack.messages("C1", as_user="U1", thread_ts=head)] == ["Head", "Choose", "Done"]
    assert [m["text"] for m in slack.messages("C1", as_user="U1")] == ["Head"]


@pytest.mark.parametrize(("kind", "status"), [(FaultKind.SERVER_ERROR, 500), (FaultKind.RATE_LIMITED, 429)])
async def test_response_urls_have_bad_days_too(
    slack: LocalSlack, app: "ScriptedApp", kind: FaultKind, status: int
) -> None:
    """Faults can be switched on for response URLs as for methods."""
    url = await _command_url(slack, app)
    slack.faults.inject("response_url", Fault(kind))
    assert (await _post(url, {"text": "x"})).status_code == status
    assert (await _post(url, {"text": "x"})).status_code == 200
