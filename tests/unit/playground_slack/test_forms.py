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
ROUTE: Json = {
    "type": "section",
    "block_id": "route",
    "text": _plain("Route"),
    "accessory": {"type": "static_select", "action_id": "route", "options": [_option("a"), _option("b")]},
}


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


async def test_a_choice_beside_the_form_is_sent_at_once(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """A menu in a section tells the app of each choice; a field of the form does not, unless it dispatches."""
    dispatching = _field("loud", {"type": "plain_text_input", "action_id": "text"}, dispatch_action=True)
    view_id = await _open(slack, web, _form(ROUTE, REASON, dispatching))
    await slack.click("U1", ViewRef(view_id), "reason", "text", "why")
    assert [each.name for each in app.received] == ["/tines-sync"]
    await slack.click("U1", ViewRef(view_id), "route", "route", "b")
    payload = app.last("block_actions")
    assert payload["container"] == {"type": "view", "view_id": view_id}
    assert payload["actions"][0]["selected_option"]["value"] == "b"
    assert payload["view"]["state"]["values"]["route"]["route"]["selected_option"]["value"] == "b"
    await slack.click("U1", ViewRef(view_id), "loud", "text", "hey")
    assert app.last("block_actions")["actions"][0]["value"] == "hey"


async def test_the_state_outlives_an_update_with_the_same_ids(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """What was chosen stays while block_id and action_id stay; a changed id empties, and only then initial values count."""
    app.answer("block_suggestion", {"options": [_option("1")]})
    view_id = await _open(slack, web, _form(ROUTE, REASON, _field("stories", _stories())))
    await slack.options("U1", view_id, "stories", "stories", "")
    await slack.click("U1", ViewRef(view_id), "stories", "stories", ["1"])
    await slack.click("U1", ViewRef(view_id), "reason", "text", "why")
    again = _field("reason", {"type": "plain_text_input", "action_id": "text", "initial_value": "new"})
    await web.views_update(view_id=view_id, view=_form(ROUTE, again, _field("stories", _stories())))
    values = slack.views("U1")[0]["state"]["values"]
    assert values["reason"]["text"]["value"] == "why"
    assert [o["value"] for o in values["stories"]["stories"]["selected_options"]] == ["1"]
    fresh = _field("reason2", {"type": "plain_text_input", "action_id": "text", "initial_value": "new"})
    preset = _field("stories", _stories("stories2", initial_options=[_option("7")]))
    await web.views_update(view_id=view_id, view=_form(ROUTE, fresh, preset))
    values = slack.views("U1")[0]["state"]["values"]
    assert values["reason2"]["text"]["value"] == "new"
    assert [o["value"] for o in values["stories"]["stories2"]["selected_options"]] == ["7"]
    assert "reason" not in values


@pytest.mark.usefixtures("app")
async def test_a_choice_goes_with_its_option(slack: LocalSlack, web: AsyncWebClient) -> None:
    """An option that an updated menu no longer has is no longer chosen, and another kind of field starts anew."""
    boxes = {"type": "checkboxes", "action_id": "boxes", "options": [_option("a"), _option("b")]}
    view_id = await _open(slack, web, _form(ROUTE, _field("boxes", boxes), REASON))
    await slack.click("U1", ViewRef(view_id), "route", "route", "b")
    await slack.click("U1", ViewRef(view_id), "boxes", "boxes", ["a", "b"])
    await slack.click("U1", ViewRef(view_id), "reason", "text", "why")
    fewer = ROUTE | {"accessory": ROUTE["accessory"] | {"options": [_option("a")]}}
    picker = _field("reason", {"type": "datepicker", "action_id": "text"})
    await web.views_update(
        view_id=view_id, view=_form(fewer, _field("boxes", boxes | {"options": [_option("a")]}), picker)
    )
    values = slack.views("U1")[0]["state"]["values"]
    assert values["route"]["route"]["selected_option"] is None
    assert [o["value"] for o in values["boxes"]["boxes"]["selected_options"]] == ["a"]
    assert values["reason"]["text"] == {"type": "datepicker", "selected_date": None}


async def test_an_incomplete_form_is_not_sent(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """Required fields and lengths are checked by Slack's client; optional fields may stay empty."""
    view_id = await _open(slack, web, _form(REASON, _field("stories", _stories(), optional=True)))
    assert (await slack.submit("U1", view_id)).errors == {"reason": "Please complete this required field."}
    short = await slack.submit("U1", view_id, {"reason": {"text": "x"}})
    assert short.errors == {"reason": "Please use at least 2 characters."}
    long = await slack.submit("U1", view_id, {"reason": {"text": {"type": "plain_text_input", "value": "x" * 11}}})
    assert long.errors == {"reason": "Please use at most 10 characters."}
    assert slack.view_errors(view_id) == long.errors
    assert [each.name for each in app.received] == ["/tines-sync"]
    assert (await slack.submit("U1", view_id, {"reason": {"text": "fine"}})).view is None
    assert app.last("view_submission")["view"]["state"]["values"]["reason"]["text"]["value"] == "fine"


async def test_an_empty_answer_closes_the_form(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """A submitted form goes away, and what lay under it comes back."""
    below = await _open(slack, web, _form(ROUTE))
    trigger = (await slack.click("U1", ViewRef(below), "route", "route", "a")).trigger_id
    above = (await web.views_push(trigger_id=trigger, view=_form(REASON)))["view"]["id"]
    outcome = await slack.submit("U1", above, {"reason": {"text": "fine"}})
    assert outcome.view is not None
    assert outcome.view["id"] == below
    assert app.last("view_submission")["view"]["previous_view_id"] == below


async def test_the_answer_decides_what_becomes_of_the_form(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """Errors go under their fields; the view is replaced, another one pushed, or all are cleared."""
    view_id = await _open(slack, web, _form(REASON))
    fill = {"reason": {"text": "fine"}}
    app.answer("view_submission", {"response_action": "errors", "errors": {"reason": "Not like this"}})
    outcome = await slack.submit("U1", view_id, fill)
    assert outcome.errors == slack.view_errors(view_id) == {"reason": "Not like this"}
    app.answer("view_submission", {"response_action": "push", "view": _form(REASON)})
    outcome = await slack.submit("U1", view_id, fill)
    assert outcome.view is not None
    assert outcome.view["previous_view_id"] == view_id
    app.answer("view_submission", {"response_action": "update", "view": _form(ROUTE)})
    outcome = await slack.submit("U1", outcome.view["id"], fill)
    assert outcome.view is not None
    assert outcome.view["blocks"][0]["block_id"] == "route"
    app.answer("view_submission", {"response_action": "clear"})
    assert (await slack.submit("U1", outcome.view["id"])).view is None
    assert slack.views("U1") == []


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "explode"},
        {"response_action": "update"},
        {"response_action": "update", "view": _form({"type": "no"})},
        {"response_action": "errors", "errors": {}},
        {"response_action": "errors", "errors": {"route": "no input block"}},
        {"response_action": "errors", "errors": {"reason": ""}},
    ],
)
async def test_a_wrong_answer_is_trouble(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp", answer: Json
) -> None:
    """An answer that Slack cannot use leaves the form open and tells the person of trouble."""
    view_id = await _open(slack, web, _form(ROUTE, REASON))
    app.answer("view_submission", answer)
    with pytest.raises(SlackClientError, match="trouble connecting"):
        await slack.submit("U1", view_id, {"reason": {"text": "fine"}})
    assert slack.views("U1")[0]["id"] == view_id


async def test_closing_tells_the_app_when_it_asked(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """A closed view is told if it says so, whether it was one or the stack; a deaf app is nobody's trouble."""

    async def broken(_payload: Json) -> Response:
        return Response(status_code=500)

    quiet = await _open(slack, web, _form(ROUTE))
    await slack.close("U1", quiet)
    assert [each.name for each in app.received] == ["/tines-sync"]
    loud = await _open(slack, web, _form(ROUTE, notify_on_close=True))
    await slack.close("U1", loud)
    assert app.last("view_closed")["is_cleared"] is False
    loud = await _open(slack, web, _form(ROUTE, notify_on_close=True))
    app.on("view_closed", broken)
    await slack.close("U1", loud, everything=True)
    assert app.last("view_closed")["is_cleared"] is True
    assert slack.views("U1") == []


@pytest.mark.usefixtures("app")
async def test_nobody_submits_what_they_do_not_see(slack: LocalSlack, web: AsyncWebClient) -> None:
    """A view of somebody else, without a submit button, or already closed cannot be submitted, nor a home closed."""
    view_id = await _open(slack, web, {"type": "modal", "title": _plain("Look"), "blocks": [ROUTE]})
    with pytest.raises(NotThereError):
        await slack.submit("U1", view_id)
    with pytest.raises(NotThereError):
        await slack.submit("U2", view_id)
    await slack.close("U1", view_id)
    with pytest.raises(NotThereError):
        await slack.close("U1", view_id)
    home = (await web.views_publish(user_id="U1", view={"type": "home", "blocks": [ROUTE]}))["view"]["id"]
    with pytest.raises(NotThereError):
        await slack.close("U1", home)
    button = {"type": "actions", "block_id": "b", "elements": [
        {"type": "button", "action_id": "press", "text": _plain("Press")}
    ]}  # fmt: skip
    form = await _open(slack, web, _form(button))
    with pytest.raises(NotThereError, match="keeps no value"):
        await slack.submit("U1", form, {"b": {"press": "x"}})


async def test_texts_may_come_back_as_entities(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """Switched on, option texts and a command's words come with entities, as Slack sometimes sends them."""
    slack.workspace.sends_entities = True
    await slack.command("U1", "C1", "/tines-sync", "A & B <C>")
    assert app.last("/tines-sync")["text"] == "A &amp; B &lt;C&gt;"
    view_id = await _open(slack, web, _form(_field("stories", _stories()), REASON))
    app.answer("block_suggestion", {"options": [{"text": _plain("A & <B>"), "value": "1"}]})
    (option,) = (await slack.options("U1", view_id, "stories", "stories", "")).options
    await slack.submit("U1", view_id, {"stories": {"stories": [option]}, "reason": {"text": "a & b"}})
    values = app.last("view_submission")["view"]["state"]["values"]
    assert values["stories"]["stories"]["selected_options"][0]["text"]["text"] == "A &amp; &lt;B&gt;"
    assert values["reason"]["text"]["value"] == "a & b"
