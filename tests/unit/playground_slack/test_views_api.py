from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.slack import Json, LocalSlack, NotThereError, ViewRef

if TYPE_CHECKING:
    from tests.unit.playground_slack.conftest import Hands, ScriptedApp

Refused = Callable[[Awaitable[Any]], Awaitable[Json]]
BUTTON = {
    "type": "actions",
    "block_id": "buttons",
    "elements": [{"type": "button", "action_id": "press", "text": {"type": "plain_text", "text": "Press"}}],
}


def _modal(title: str = "One", *blocks: Json, **more: object) -> Json:
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": title},
        "blocks": [BUTTON, *blocks],
        **more,
    }


async def _trigger(slack: LocalSlack) -> str:
    return (await slack.command("U1", "C1", "/tines-sync")).trigger_id


async def _trigger_in(slack: LocalSlack, view_id: str) -> str:
    return (await slack.click("U1", ViewRef(view_id), "buttons", "press")).trigger_id


@pytest.mark.usefixtures("app")
async def test_a_trigger_opens_one_modal(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """A trigger is good once, for the person who caused it."""
    trigger = await _trigger(slack)
    opened = await web.views_open(trigger_id=trigger, view=_modal())
    assert [view["id"] for view in slack.views("U1")] == [opened["view"]["id"]]
    assert slack.views("U2") == []
    answer = await refused(web.views_open(trigger_id=trigger, view=_modal()))
    assert answer["error"] == "exchanged_trigger_id"
    assert (await refused(web.views_open(trigger_id="1.2.3", view=_modal())))["error"] == "invalid_trigger_id"


@pytest.mark.usefixtures("app")
async def test_a_trigger_is_good_for_three_seconds(
    slack: LocalSlack, web: AsyncWebClient, refused: Refused, hands: "Hands"
) -> None:
    """After three seconds the form cannot be opened any more."""
    in_time, too_late = await _trigger(slack), await _trigger(slack)
    hands.now += 3.0
    assert (await web.views_open(trigger_id=in_time, view=_modal()))["ok"]
    hands.now += 0.1
    assert (await refused(web.views_open(trigger_id=too_late, view=_modal())))["error"] == "expired_trigger_id"


@pytest.mark.usefixtures("app")
async def test_a_refused_view_does_not_cost_the_trigger(
    slack: LocalSlack, web: AsyncWebClient, refused: Refused
) -> None:
    """A view with faults is refused with them before the trigger is looked at."""
    trigger = await _trigger(slack)
    answer = await refused(web.views_open(trigger_id=trigger, view=_modal("x" * 25)))
    assert answer["error"] == "invalid_arguments"
    assert "less than 25 characters [json-pointer:/view/title/text]" in answer["response_metadata"]["messages"][0]
    assert (await web.views_open(trigger_id=trigger, view=_modal()))["ok"]


@pytest.mark.usefixtures("app")
async def test_a_view_over_250_kb_is_refused(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """The size of the whole view counts, too."""
    section = {"type": "section", "text": {"type": "plain_text", "text": "ö" * 3000}}
    answer = await refused(web.views_open(trigger_id=await _trigger(slack), view=_modal("One", *[section] * 45)))
    assert answer["error"] == "view_too_large"


@pytest.mark.usefixtures("app")
async def test_modals_stack_three_high(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """Two more can lie on a modal, each pushed from the top one; a fourth is refused."""
    first = (await web.views_open(trigger_id=await _trigger(slack), view=_modal("1")))["view"]
    second = (await web.views_push(trigger_id=await _trigger_in(slack, first["id"]), view=_modal("2")))["view"]
    third = (await web.views_push(trigger_id=await _trigger_in(slack, second["id"]), view=_modal("3")))["view"]
    assert (third["root_view_id"], third["previous_view_id"]) == (first["id"], second["id"])
    assert first["previous_view_id"] is None
    trigger = await _trigger_in(slack, third["id"])
    assert (await refused(web.views_push(trigger_id=trigger, view=_modal("4"))))["error"] == "push_limit_reached"


@pytest.mark.usefixtures("app")
async def test_nothing_is_pushed_onto_nothing(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """A trigger from outside a modal cannot push."""
    assert (await refused(web.views_push(trigger_id=await _trigger(slack), view=_modal())))["error"] == "not_found"


@pytest.mark.usefixtures("app")
async def test_an_update_needs_the_latest_hash(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """Whoever updates a view by a hash must have seen its latest version."""
    first = (await web.views_open(trigger_id=await _trigger(slack), view=_modal("1")))["view"]
    second = (await web.views_update(view_id=first["id"], hash=first["hash"], view=_modal("2")))["view"]
    assert second["hash"] != first["hash"]
    stale = web.views_update(view_id=first["id"], hash=first["hash"], view=_modal("3"))
    assert (await refused(stale))["error"] == "hash_conflict"
    assert (await web.views_update(view_id=first["id"], view=_modal("3")))["ok"]
    assert slack.views("U1")[0]["title"]["text"] == "3"


@pytest.mark.usefixtures("app")
async def test_a_closed_view_is_gone(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """What a person closed cannot be updated, and a new modal takes the place of the old one."""
    first = (await web.views_open(trigger_id=await _trigger(slack), view=_modal("1")))["view"]["id"]
    await slack.close("U1", first)
    assert (await refused(web.views_update(view_id=first, view=_modal())))["error"] == "not_found"
    second = (await web.views_open(trigger_id=await _trigger(slack), view=_modal("2")))["view"]["id"]
    third = (await web.views_open(trigger_id=await _trigger(slack), view=_modal("3")))["view"]["id"]
    assert [view["id"] for view in slack.views("U1")] == [third]
    assert (await refused(web.views_update(view_id=second, view=_modal())))["error"] == "not_found"


@pytest.mark.usefixtures("app")
async def test_an_external_id_names_one_view(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """An app may name a view itself, once at a time, and update it by that name."""
    first = await web.views_open(trigger_id=await _trigger(slack), view=_modal("1", external_id="mine"))
    answer = await refused(
        web.views_push(trigger_id=await _trigger_in(slack, first["view"]["id"]), view=_modal("2", external_id="mine"))
    )
    assert answer["error"] == "duplicate_external_id"
    updated = await web.views_update(external_id="mine", view=_modal("3", external_id="mine"))
    assert updated["view"]["id"] == first["view"]["id"]
    assert (await refused(web.views_update(external_id="other", view=_modal())))["error"] == "not_found"


async def test_the_home_is_published_for_one_person(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """Each person has a home of their own, which is updated in place and guarded by its hash."""
    first = (await web.views_publish(user_id="U1", view={"type": "home", "blocks": [BUTTON]}))["view"]
    assert slack.home("U2") is None
    second = (await web.views_publish(user_id="U1", hash=first["hash"], view={"type": "home", "blocks": []}))["view"]
    assert second["id"] == first["id"]
    stale = web.views_publish(user_id="U1", hash=first["hash"], view={"type": "home", "blocks": []})
    assert (await refused(stale))["error"] == "hash_conflict"
    assert (await web.views_update(view_id=first["id"], view={"type": "home", "blocks": [BUTTON]}))["ok"]
    assert (await refused(web.views_update(view_id=first["id"], view=_modal())))["error"] == "invalid_arguments"
    assert (await refused(web.views_publish(user_id="U9", view={"type": "home", "blocks": []})))["error"] == (
        "user_not_found"
    )
    huge = [{"type": "section", "text": {"type": "plain_text", "text": "ö" * 3000}}] * 45
    assert (await refused(web.views_publish(user_id="U1", view={"type": "home", "blocks": huge})))["error"] == (
        "view_too_large"
    )
    slack.app.home_tab = False
    disabled = web.views_publish(user_id="U1", view={"type": "home", "blocks": []})
    assert (await refused(disabled))["error"] == "not_enabled"


@pytest.mark.usefixtures("slack")
async def test_a_click_that_crosses_an_update_of_the_home_arrives(
    slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp"
) -> None:
    """A published home has new block ids; the button that was pressed is known by its action, of several by its value."""
    texts = [{"type": "plain_text", "text": text} for text in ("One", "Two")]
    buttons = [{"type": "button", "action_id": "open", "value": text["text"], "text": text} for text in texts]
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [button]} for button in buttons]}
    before = (await web.views_publish(user_id="U1", view=home))["view"]
    after = (await web.views_publish(user_id="U1", view=home))["view"]
    pressed, now = before["blocks"][1]["block_id"], after["blocks"][1]["block_id"]
    assert pressed != now
    await slack.click("U1", ViewRef(before["id"]), pressed, "open", "Two")
    action = app.last("block_actions")["actions"][0]
    assert (action["block_id"], action["value"]) == (now, "Two")
    with pytest.raises(NotThereError):
        await slack.click("U1", ViewRef(before["id"]), pressed, "open", "Three")


async def test_opening_the_home_asks_the_app(slack: LocalSlack, web: AsyncWebClient, app: "ScriptedApp") -> None:
    """The app hears of who opens its home, with what is shown there."""

    async def publish(payload: Json) -> None:
        await web.views_publish(user_id=payload["event"]["user"], view={"type": "home", "blocks": [BUTTON]})

    app.on("app_home_opened", publish)
    outcome = await slack.open_home("U1")
    assert outcome.view is not None
    assert outcome.view["type"] == "home"
    event = app.last("app_home_opened")["event"]
    assert (event["user"], event["tab"], event["channel"]) == ("U1", "home", slack.open_dm("U1"))
    assert "view" not in event
    await slack.open_home("U1")
    assert app.last("app_home_opened")["event"]["view"]["id"] == outcome.view["id"]
    clicked = await slack.click("U1", ViewRef(outcome.view["id"]), "buttons", "press")
    assert app.last("block_actions")["view"]["type"] == "home"
    assert (await web.views_open(trigger_id=clicked.trigger_id, view=_modal()))["ok"]


async def test_an_app_that_did_not_ask_hears_nothing_of_the_home(slack: LocalSlack, app: "ScriptedApp") -> None:
    """Only events that the manifest subscribes to are sent."""
    slack.app.events = frozenset()
    assert (await slack.open_home("U1")).view is None
    assert app.received == []
