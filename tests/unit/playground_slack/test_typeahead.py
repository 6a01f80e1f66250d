from typing import TYPE_CHECKING

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import Response

from bot.playground.slack import Json, LocalSlack, NotThereError, SlackClientError, ViewRef

if TYPE_CHECKING:
    from tests.unit.playground_slack.conftest import ScriptedApp


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _option(value: str) -> Json:
    return {"text": _plain(f"Option {value}"), "value": value}


def _field(block_id: str, element: Json, **more: object) -> Json:
    return {"type": "input", "block_id": block_id, "label": _plain("Label"), "element": element, **more}


def _stories(action_id: str = "stories", **more: object) -> Json:
    return {"type": "multi_external_select", "action_id": action_id, "min_query_length": 0, **more}


REASON = _field("reason", {"type": "plain_text_input", "action_id": "text", "min_length": 2, "max_length": 10})


def _form(*blocks: Json, **more: object) -> Json:
    return {
        "type": "modal",
        "callback_id": "form",
        "title": _plain("Form"),
        "submit": _plain("Send"),
        "blocks": list(blocks),
        **more,
    }


async def _open(slack: LocalSlack, web: AsyncWebClient, view: Json) -> str:
    trigger = (await slack.command("U1", "C1", "/tines-sync")).trigger_id
    return str((await web.views_open(trigger_id=trigger, view=view))["view"]["id"])


async def test_typing_asks_the_app_for_options(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """A type-ahead brings what was typed and the whole view with its state, and its options can be chosen."""
    view_id = await _open(slack, web, _form(REASON, _field("stories", _stories()), private_metadata="mine"))
    app.answer("block_suggestion", {"options": [_option("1"), _option("2")]})
    await slack.click("U1", ViewRef(view_id), "reason", "text", "why")
    offered = await slack.options("U1", view_id, "stories", "stories", "opt")
    assert [option["value"] for option in offered.all_options] == ["1", "2"]
    payload = app.last("block_suggestion")
    assert (payload["block_id"], payload["action_id"], payload["value"]) == ("stories", "stories", "opt")
    assert payload["view"]["private_metadata"] == "mine"
    assert payload["view"]["state"]["values"]["reason"]["text"]["value"] == "why"
    await slack.click("U1", ViewRef(view_id), "stories", "stories", ["1", _option("2")])
    chosen = slack.views("U1")[0]["state"]["values"]["stories"]["stories"]["selected_options"]
    assert [option["value"] for option in chosen] == ["1", "2"]


async def test_only_what_was_offered_can_be_chosen(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """An option nobody saw cannot be chosen, nor more than the field takes."""
    view_id = await _open(slack, web, _form(_field("stories", _stories(max_selected_items=1))))
    with pytest.raises(NotThereError):
        await slack.click("U1", ViewRef(view_id), "stories", "stories", ["1"])
    app.answer("block_suggestion", {"options": [_option("1"), _option("2")]})
    await slack.options("U1", view_id, "stories", "stories", "")
    with pytest.raises(NotThereError, match="only 1"):
        await slack.click("U1", ViewRef(view_id), "stories", "stories", ["1", "2"])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"options": []}, ""),
        ({"option_groups": []}, ""),
        ({}, "must define either"),
        ({"options": [_option(str(n)) for n in range(101)]}, "no more than 100 items allowed"),
        ({"options": [_option("x" * 76)]}, "less than 76"),
        (
            {
                "option_groups": [
                    {"label": _plain(k), "options": [_option(k + str(n)) for n in range(51)]} for k in ("a", "b")
                ]
            },
            "no more than 100 items allowed",
        ),
    ],
)
async def test_a_faulty_list_shows_no_result(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp", answer: Json, problem: str
) -> None:
    """Slack shows nothing at all when a list is too long or wrong, and tells nobody but this outcome."""
    view_id = await _open(slack, web, _form(_field("stories", _stories())))
    app.answer("block_suggestion", answer)
    offered = await slack.options("U1", view_id, "stories", "stories", "")
    assert offered.all_options == ()
    assert problem in offered.problem


async def test_options_may_come_in_groups(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """Groups of options are kept as such, and each of their options can be chosen."""
    view_id = await _open(slack, web, _form(_field("stories", _stories())))
    app.answer("block_suggestion", {"option_groups": [{"label": _plain("All"), "options": [_option("1")]}]})
    offered = await slack.options("U1", view_id, "stories", "stories", "")
    assert offered.option_groups[0]["label"]["text"] == "All"
    await slack.click("U1", ViewRef(view_id), "stories", "stories", ["1"])


async def test_the_client_does_not_ask_too_early(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """A type-ahead asks from three characters on unless it says otherwise, and only where the manifest allows it."""
    element = {"type": "external_select", "action_id": "team"}
    view_id = await _open(slack, web, _form(_field("team", element), REASON))
    app.answer("block_suggestion", {"options": [_option("1")]})
    assert (await slack.options("U1", view_id, "team", "team", "ab")).all_options == ()
    assert len((await slack.options("U1", view_id, "team", "team", "abc")).all_options) == 1
    with pytest.raises(NotThereError):
        await slack.options("U1", view_id, "reason", "text", "abc")
    slack.app.takes_options = False
    assert "manifest" in (await slack.options("U1", view_id, "team", "team", "abc")).problem


async def test_an_app_without_options_is_a_problem_to_the_person(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """When the app fails to answer a type-ahead, the person reads so."""

    async def broken(_payload: Json) -> Response:
        return Response(status_code=500)

    app.on("block_suggestion", broken)
    view_id = await _open(slack, web, _form(_field("stories", _stories())))
    with pytest.raises(SlackClientError, match="problem loading the options"):
        await slack.options("U1", view_id, "stories", "stories", "")
