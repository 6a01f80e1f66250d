from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page, expect

from .conftest import OpenWindow
from .harness import APPROVALS, ROBIN, BrowserHarness, Json, ScriptedApp, modal, mrkdwn, option, plain, text_field

pytestmark = pytest.mark.asyncio(loop_scope="session")
STORIES = ("Phishing triage", "Phishing report", "Rotate leaked keys", "Alerts to tickets")
REASON = text_field("reason", "Reason", multiline=True, max_length=40)


def field(kind: str, name: str, label: str, *, tells: bool = False, **element: object) -> Json:
    """Return an input block with a menu or a choice."""
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label),
        "dispatch_action": tells,
        "element": {"type": kind, "action_id": name, **element},
    }


def opens(app: ScriptedApp, *blocks: Json, title: str = "Sync stories", submit: str = "Send") -> None:
    """Let `/sync` open a modal."""

    @app.on("/sync")
    async def _open(payload: Json) -> None:
        view = modal(title, *blocks, submit=submit, callback_id="form")
        await app.call("views.open", trigger_id=payload["trigger_id"], view=view)


async def opened(page: Page) -> Locator:
    """Type the command and return the modal."""
    await page.get_by_label("Message #tines-approvals").fill("/sync")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    return dialog


def values(app: ScriptedApp) -> Json:
    """Return what the latest submission carried: the value of each field's only element."""
    state: Json = app.of("view_submission")[-1]["view"]["state"]["values"]
    return {block_id: next(iter(actions.values())) for block_id, actions in state.items()}


async def test_a_form_is_filled_and_sent(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """Every kind of field is found by its label, and the app gets exactly what was chosen and typed."""
    opens(
        harness.app,
        field("static_select", "route", "Route", options=[option("dev to prod", "a"), option("dev to test", "b")]),
        field("radio_buttons", "mode", "Mode", options=[option("Automatic", "auto"), option("Manual", "manual")]),
        field("checkboxes", "extra", "Extras", options=[option("Tell everybody", "tell"), option("Hurry", "hurry")]),
        field("multi_static_select", "tags", "Tags", options=[option(t) for t in ("tier-1", "alerts", "phishing")]),
        REASON,
    )
    dialog = await opened(await windows(at(ROBIN)))
    await dialog.get_by_role("combobox", name="Route").click()
    await dialog.get_by_role("option", name="dev to test").click()
    await dialog.get_by_role("radiogroup", name="Mode").get_by_label("Manual").check()
    await dialog.get_by_role("group", name="Extras").get_by_label("Hurry").check()
    tags = dialog.get_by_role("combobox", name="Tags")
    await tags.fill("al")
    await tags.press("Enter")
    await tags.fill("tier")
    await tags.press("Enter")
    await tags.press("Escape")
    await dialog.get_by_label("Reason").fill("For the audit")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_be_hidden()
    sent = values(harness.app)
    assert sent["route"]["selected_option"]["value"] == "b"
    assert sent["mode"]["selected_option"]["value"] == "manual"
    assert [one["value"] for one in sent["extra"]["selected_options"]] == ["hurry"]
    assert [one["value"] for one in sent["tags"]["selected_options"]] == ["alerts", "tier-1"]
    assert sent["reason"]["value"] == "For the audit"


async def test_errors_stand_at_their_fields(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """What the app objects to stands under its field, which gets the focus and keeps what was typed."""
    opens(harness.app, text_field("title", "Title"), REASON)

    @harness.app.on("view_submission")
    async def _refuse(_payload: Json) -> Json:
        return {"response_action": "errors", "errors": {"reason": "Say what changes for whom."}}

    dialog = await opened(await windows(at(ROBIN)))
    await dialog.get_by_label("Title").fill("T")
    await dialog.get_by_label("Reason").fill("because")
    await dialog.get_by_role("button", name="Send").click()
    reason = dialog.get_by_label("Reason")
    await expect(reason).to_be_focused()
    await expect(reason).to_have_accessible_description("Say what changes for whom.")
    await expect(reason).to_have_attribute("aria-invalid", "true")
    await expect(reason).to_have_value("because")
    await expect(dialog.get_by_label("Title")).to_have_value("T")


async def test_required_fields_are_asked_for(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """A form with an empty required field is not sent, and the field says why."""
    opens(harness.app, REASON)
    dialog = await opened(await windows(at(ROBIN)))
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.locator(".field-error")).to_have_text("Please complete this required field.")
    assert harness.app.of("view_submission") == []


async def test_type_ahead_asks_the_app(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """Typing asks the app, in groups too; several choices become chips that can be taken off again."""

    @harness.app.on("block_suggestion")
    async def _suggest(payload: Json) -> Json:
        found = [option(name) for name in STORIES if payload["value"].lower() in name.lower()]
        whole = {"label": plain("Whole sets"), "options": [option(f"All {len(found)} found", "all")]}
        return {"option_groups": [whole, {"label": plain("Stories"), "options": found}]} if found else {"options": []}

    opens(harness.app, field("multi_external_select", "stories", "Stories", min_query_length=0, max_selected_items=2))
    page = await windows(at(ROBIN))
    dialog = await opened(page)
    stories = dialog.get_by_role("combobox", name="Stories")
    await stories.press_sequentially("phish")
    await expect(dialog.get_by_role("group", name="Stories").get_by_role("option")).to_have_text(
        ["Phishing triage", "Phishing report"]
    )
    await dialog.get_by_role("option", name="Phishing report").click()
    await stories.fill("keys")
    await dialog.get_by_role("option", name="Rotate leaked keys").click()
    await stories.fill("alerts")
    third = dialog.get_by_role("option", name="Alerts to tickets")
    await expect(third).to_be_disabled()  # two are the most
    await third.click(force=True)
    await expect(dialog.locator(".chip")).to_have_text(["Phishing report", "Rotate leaked keys"])
    await stories.fill("nothing like it")
    await expect(dialog.get_by_text("No results").first).to_be_visible()
    await stories.press("Escape")
    await dialog.get_by_role("button", name="Remove Phishing report").click()
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_be_hidden()
    assert [one["value"] for one in values(harness.app)["stories"]["selected_options"]] == ["Rotate leaked keys"]


async def test_a_view_that_grows_keeps_its_buttons_where_they_are(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """What an update adds below a button does not move it, also where there was room for more."""
    button = {"type": "button", "action_id": "again", "text": plain("Refresh"), "value": "7"}
    first = {"type": "actions", "elements": [button]}
    more = [{"type": "section", "text": plain(f"Line {n}")} for n in range(5)]
    opens(harness.app, first)

    @harness.app.on("again")
    async def _grow(payload: Json) -> None:
        view = modal("Grown", first, *more, submit="Send", callback_id="form")
        await harness.app.call("views.update", view_id=payload["view"]["id"], view=view)

    dialog = await opened(await windows(at(ROBIN)))
    refresh = dialog.get_by_role("button", name="Refresh")
    before = await refresh.bounding_box()
    await refresh.click()
    await expect(dialog).to_contain_text("Line 4")
    assert await refresh.bounding_box() == before


async def test_an_update_keeps_what_was_typed(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """When a choice makes the app redraw the form, text and focus stay, and a field with a new id starts empty."""
    route = field("static_select", "route", "Route", tells=True, options=[option("one"), option("two")])
    opens(harness.app, route, REASON, text_field("team-one", "Team"))

    @harness.app.on("route")
    async def _redraw(payload: Json) -> None:
        state = payload["view"]["state"]["values"]
        seen.append(state["reason"]["reason"]["value"])
        view = modal("Changed", route, REASON, text_field("team-two", "Team"), submit="Send", callback_id="form")
        await harness.app.call("views.update", view_id=payload["view"]["id"], hash=payload["view"]["hash"], view=view)

    seen: list[str | None] = []
    dialog = await opened(await windows(at(ROBIN)))
    await dialog.get_by_label("Reason").fill("keep me")
    await dialog.get_by_label("Team").fill("drop me")
    await dialog.get_by_role("combobox", name="Route").press("ArrowDown")
    await dialog.get_by_role("combobox", name="Route").press("ArrowDown")
    await dialog.get_by_role("combobox", name="Route").press("Enter")
    await expect(dialog.get_by_role("heading", name="Changed")).to_be_visible()
    await expect(dialog.get_by_label("Reason")).to_have_value("keep me")
    await expect(dialog.get_by_label("Team")).to_have_value("")
    await expect(dialog.get_by_role("combobox", name="Route")).to_have_value("two")
    await expect(dialog.get_by_role("combobox", name="Route")).to_be_focused()
    assert seen == ["keep me"]


async def test_stacked_views(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """A pushed view lies on top, going back finds the first as it was, and closing tells the app that asked for it."""
    more = {"type": "actions", "elements": [{"type": "button", "action_id": "more", "text": plain("Reject…")}]}
    opens(harness.app, REASON, more, title="Review")

    @harness.app.on("more")
    async def _push(payload: Json) -> None:
        view = modal("Reject", text_field("comment", "Comment"), submit="Reject", notify_on_close=True)
        await harness.app.call("views.push", trigger_id=payload["trigger_id"], view=view)

    page = await windows(at(ROBIN))
    dialog = await opened(page)
    await dialog.get_by_label("Reason").fill("half a thou")
    await dialog.get_by_role("button", name="Reject…").click()
    await expect(dialog.get_by_label("Comment")).to_be_focused()
    await dialog.get_by_role("button", name="Back").click()
    await expect(dialog.get_by_role("heading", name="Review")).to_be_visible()
    await expect(dialog.get_by_label("Reason")).to_have_value("half a thou")
    assert len(harness.app.of("view_closed")) == 1
    await dialog.get_by_role("button", name="Reject…").click()
    await expect(dialog.get_by_label("Comment")).to_be_visible()
    await dialog.get_by_role("button", name="Close", exact=True).click()
    await expect(dialog).to_be_hidden()
    assert harness.app.of("view_closed")[-1]["is_cleared"] is True


async def test_escape_closes_one_thing(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """Escape closes an open menu first, then the modal, and the focus goes back to where it was."""
    opens(harness.app, field("static_select", "route", "Route", options=[option("one"), option("two")]))
    page = await windows(at(ROBIN))
    dialog = await opened(page)
    await dialog.get_by_role("combobox", name="Route").press("ArrowDown")
    await expect(dialog.get_by_role("listbox")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog.get_by_role("listbox")).to_be_hidden()
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_label("Message #tines-approvals")).to_be_focused()


async def test_confirm_dialogs(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """A button with a confirm dialog does nothing until it is confirmed."""
    confirm = {
        "title": plain("Sure?"),
        "text": mrkdwn("It *ends* here."),
        "confirm": plain("End it"),
        "deny": plain("No"),
    }
    button = {"type": "button", "action_id": "end", "text": plain("End"), "confirm": confirm, "value": "42"}
    await harness.app.post("Ending", blocks=[{"type": "actions", "elements": [button]}])
    page = await windows(at(ROBIN))
    end = page.get_by_role("button", name="End", exact=True)
    await end.click()
    await page.get_by_role("dialog", name="Sure?").get_by_role("button", name="No").click()
    await expect(end).to_be_focused()
    assert harness.app.of("block_actions") == []
    await end.click()
    async with page.expect_response("**/api/click"):
        await page.get_by_role("dialog", name="Sure?").get_by_role("button", name="End it").click()
    assert harness.app.of("block_actions")[0]["actions"][0]["value"] == "42"


async def test_overflow_and_menus_in_messages(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """An overflow menu opens by keyboard, and what is picked in it reaches the app."""
    overflow = {"type": "overflow", "action_id": "more", "options": [option("History", "h"), option("Cancel", "c")]}
    await harness.app.post("Menu", blocks=[{"type": "section", "text": mrkdwn("Request"), "accessory": overflow}])
    page = await windows(at(ROBIN))
    await page.get_by_role("button", name="More actions").press("Enter")
    await expect(page.get_by_role("menuitem", name="History")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    async with page.expect_response("**/api/click"):
        await page.keyboard.press("Enter")
    assert harness.app.of("block_actions")[0]["actions"][0]["selected_option"]["value"] == "c"


async def test_an_app_that_fails_is_said_to(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """What Slack shows when the app answers badly stands in the modal or under the conversation."""

    @harness.app.on("view_submission")
    async def _wrong(_payload: Json) -> Json:
        return {"response_action": "errors", "errors": {"nowhere": "x"}}

    opens(harness.app, REASON)
    page = await windows(at(ROBIN))
    dialog = await opened(page)
    await dialog.get_by_label("Reason").fill("x")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_role("alert")).to_have_text("We had some trouble connecting. Try again?")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.get_by_label("Message #tines-approvals").fill("/nonsense")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="not a command")).to_be_visible()


async def test_the_command_is_offered(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """A slash shows the commands with their usage; Tab completes, and the shortcut menu starts shortcuts."""
    page = await windows(at(ROBIN, APPROVALS))
    box = page.get_by_label("Message #tines-approvals")
    await box.press_sequentially("/")
    await expect(page.locator(".command-hint")).to_contain_text("[help | list]")
    await box.press("Tab")
    await expect(box).to_have_value("/sync ")
    await box.press("Escape")
    await page.get_by_role("button", name="Shortcuts").click()
    async with page.expect_response("**/api/shortcut"):
        await page.get_by_role("menuitem", name="Sync stories").click()
    assert harness.app.of("shortcut")[0]["callback_id"] == "sync_form"


async def test_home_tab(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """Opening the Home tab lets the app publish it, and its buttons work."""

    @harness.app.on("app_home_opened")
    async def _publish(payload: Json) -> None:
        button = {"type": "button", "action_id": "new", "text": plain("New sync"), "style": "primary"}
        blocks = [{"type": "header", "text": plain("My requests")}, {"type": "actions", "elements": [button]}]
        await harness.app.call("views.publish", user_id=payload["user"], view={"type": "home", "blocks": blocks})

    page = await windows(at(ROBIN))
    await page.get_by_role("link", name="tines-sync Home").click()
    await expect(page.get_by_role("heading", name="My requests")).to_be_visible()
    async with page.expect_response("**/api/click"):
        await page.get_by_role("button", name="New sync").click()
    assert harness.app.of("block_actions")[0]["actions"][0]["action_id"] == "new"
