from collections.abc import Callable

import pytest
from playwright.async_api import Page, expect

from .conftest import OpenWindow
from .harness import ROBIN, BrowserHarness, Json, modal, mrkdwn, option, plain, text_field

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Looks for what keeps people out: things one can use without a name, broken references, ids used twice, text too
# faint to read (WCAG AA: 4.5 to 1, 3 to 1 when large or bold). Returns a line for each fault.
_AUDIT = """() => {
  const faults = [];
  const shown = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const say = (node, what) => faults.push(`${what}: ${node.outerHTML.slice(0, 120)}`);
  const words = (id) => document.getElementById(id)?.textContent.trim() ?? "";
  const nameOf = (node) => node.getAttribute("aria-label")
    || (node.getAttribute("aria-labelledby") ?? "").split(" ").map(words).join(" ").trim()
    || [...(node.labels ?? [])].map((label) => label.textContent.trim()).join(" ")
    || (node.matches("input, textarea, select") ? "" : node.textContent.trim());
  const usable = "button, a[href], input, textarea, select, [role=combobox], [role=listbox], [role=option], dialog, nav, aside, [role=log]";
  for (const node of document.querySelectorAll(usable)) if (shown(node) && !nameOf(node)) say(node, "no name");
  for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-controls]")) {
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
      for (const id of (node.getAttribute(name) ?? "").split(" ").filter(Boolean)) if (!document.getElementById(id)) say(node, `${name} leads nowhere`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => faults.push(`id used twice: ${id}`));
  for (const node of document.querySelectorAll("[tabindex]")) if (node.tabIndex > 0) say(node, "tab order forced");
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (colour, under) => {
    canvas.fillStyle = `rgb(${under.join(" ")})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const paper = (node) => {
    const under = node.parentElement && !node.matches("dialog") ? paper(node.parentElement) : [255, 255, 255];
    return rgb(getComputedStyle(node).backgroundColor, under);
  };
  const light = (parts) => parts.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!text || !shown(node) || node.closest(":disabled, .avatar, .visually-hidden, .skip, .emoji, svg")) continue;
    const style = getComputedStyle(node);
    const back = paper(node);
    const [one, other] = [light(rgb(style.color, back)), light(back)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < least) say(node, `faint ${ratio.toFixed(2)}`);
  }
  return faults;
}"""


def _form() -> Json:
    element = {"type": "radio_buttons", "action_id": "mode", "options": [option("Automatic"), option("Manual")]}
    menu = {"type": "external_select", "action_id": "team", "min_query_length": 0}
    return modal(
        "Sync stories",
        {"type": "section", "text": mrkdwn("Copies *stories* with `change control`.")},
        {"type": "input", "block_id": "team", "label": plain("Team"), "element": menu, "hint": plain("Where from")},
        {"type": "input", "block_id": "mode", "label": plain("Mode"), "element": element},
        text_field("reason", "Reason", multiline=True, placeholder=plain("Why?")),
        submit="Send",
    )


async def _furnish(harness: BrowserHarness) -> None:
    """Post one of everything that can be faint or nameless, and let `/sync` open a form."""
    head = [{"type": "raw_text", "text": "Story"}, {"type": "raw_text", "text": "Status"}]
    rows: list[list[Json]] = [
        [{"type": "raw_text", "text": f"Story {n}"}, {"type": "raw_text", "text": "synced"}] for n in range(7)
    ]
    again = {"type": "button", "action_id": "again", "text": plain("Sync again")}
    rows[0][1] = {"type": "action", "element": again, "fallback": {"type": "raw_text", "text": "-"}}
    buttons = [
        {
            "type": "button",
            "action_id": f"b{style}",
            "text": plain(f"Button {style}"),
            **({"style": style} if style else {}),
        }
        for style in ("", "primary", "danger")
    ]
    menu = {"type": "static_select", "action_id": "menu", "placeholder": plain("Pick"), "options": [option("one")]}
    overflow = {"type": "overflow", "action_id": "more", "options": [option("History")]}
    ts = await harness.app.post(
        "All",
        blocks=[
            {"type": "header", "text": plain("Request")},
            {
                "type": "section",
                "text": mrkdwn("<@U0ROBIN> <!channel> `code` <https://a.example|link>"),
                "accessory": overflow,
            },
            {"type": "actions", "elements": [*buttons, menu]},
            {"type": "context", "elements": [mrkdwn(":x: faint words <@U0ADA>")]},
            {"type": "data_table", "caption": "Statuses", "rows": [head, *rows]},
        ],
    )
    await harness.app.post("Reply", thread_ts=ts)
    await harness.app.call("chat.postEphemeral", channel="C0APPROVALS", user=ROBIN, text="Only *you*, <@U0ROBIN>")

    @harness.app.on("/sync")
    async def _open(payload: Json) -> None:
        await harness.app.call("views.open", trigger_id=payload["trigger_id"], view=_form())

    @harness.app.on("block_suggestion")
    async def _suggest(_payload: Json) -> Json:
        return {"options": [option("SecOps"), option("Identity")]}


async def accessibility_faults(page: Page) -> list[str]:
    """Return what keeps people out of what a window shows."""
    found: list[str] = await page.evaluate(_AUDIT)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_nameless_or_faint(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str], scheme: str
) -> None:
    """Everything one can use has a name, every reference leads somewhere, and all text can be read, light and dark."""
    await _furnish(harness)
    page = await windows(at(ROBIN), color_scheme=scheme)
    await expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    await page.get_by_role("button", name="1 reply").click()
    await expect(page.get_by_role("complementary", name="Thread")).to_contain_text("Reply")
    assert await accessibility_faults(page) == []
    for panel in ("Tines tenants", "Traffic"):
        await page.get_by_role("button", name=panel).click()
        await expect(page.get_by_role("region", name=panel)).to_be_visible()
        await expect(page.locator("#dock .tenant:visible, #dock .status:visible").first).to_be_visible()
        assert await accessibility_faults(page) == []
    await page.get_by_label("Message #tines-approvals").fill("/sync")
    await page.keyboard.press("Enter")
    await page.get_by_role("dialog").get_by_role("combobox", name="Team").click()
    await expect(page.get_by_role("option", name="SecOps")).to_be_visible()
    assert await accessibility_faults(page) == []
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await expect(page.locator(".field-error").first).to_be_visible()
    assert await accessibility_faults(page) == []


async def test_with_the_keyboard_alone(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """From an empty page to a sent form without a pointer, the focus always in sight and never lost."""
    await _furnish(harness)
    page = await windows(at(ROBIN))
    keys = page.keyboard
    await keys.press("Tab")
    await expect(page.get_by_role("link", name="Skip to messages")).to_be_focused()
    await page.get_by_label("Message #tines-approvals").focus()
    await keys.type("/sync")
    await keys.press("Enter")
    dialog = page.get_by_role("dialog", name="Sync stories")
    await expect(dialog.get_by_role("combobox", name="Team")).to_be_focused()
    await keys.type("Sec")
    await expect(dialog.get_by_role("option", name="SecOps")).to_be_visible()
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(dialog.get_by_role("combobox", name="Team")).to_have_value("Identity")
    await keys.press("Tab")
    await keys.press("Space")
    await expect(dialog.get_by_label("Automatic")).to_be_checked()
    await keys.press("Tab")
    await expect(dialog.get_by_label("Reason")).to_be_focused()
    await keys.type("No mouse")
    await keys.press("Tab")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_label("Message #tines-approvals")).to_be_focused()
    state = harness.app.of("view_submission")[0]["view"]["state"]["values"]
    assert state["team"]["team"]["selected_option"]["value"] == "Identity"
    assert state["reason"]["reason"]["value"] == "No mouse"


async def test_focus_stays_in_the_modal(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """While a modal is open, tabbing never reaches the page behind it."""
    await _furnish(harness)
    page = await windows(at(ROBIN))
    await page.get_by_label("Message #tines-approvals").fill("/sync")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    for _ in range(14):
        await page.keyboard.press("Tab")
        assert await page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )


@pytest.mark.parametrize("width", [360, 768, 1280])
async def test_no_sideways_scrolling(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str], width: int
) -> None:
    """From a phone's width to a laptop's, nothing hangs over the edge: channel, thread, panels, modal."""
    await _furnish(harness)
    page = await windows(at(ROBIN), viewport={"width": width, "height": 740})
    overhang = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - innerWidth"
    await expect(page.get_by_role("button", name="1 reply")).to_be_visible()
    assert await page.evaluate(overhang) <= 0
    await page.get_by_role("button", name="1 reply").click()
    await expect(page.get_by_role("complementary", name="Thread")).to_be_visible()
    assert await page.evaluate(overhang) <= 0
    await page.get_by_role("button", name="Close the thread").click()
    await page.get_by_role("button", name="Tines tenants").click()
    await expect(page.get_by_role("region", name="Tenant dev")).to_be_visible()
    assert await page.evaluate(overhang) <= 0
    await page.get_by_role("button", name="Close the panel").click()
    await page.get_by_label("Message #tines-approvals").fill("/sync")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await page.evaluate(overhang) <= 0
    box = await page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


async def test_on_a_phone(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """On a phone the channels are behind a button, and choosing one puts them away."""
    await _furnish(harness)
    page = await windows(at(ROBIN), viewport={"width": 390, "height": 780})
    channels = page.get_by_role("navigation", name="Conversations")
    await expect(channels).to_be_hidden()
    await page.get_by_role("button", name="Channels").click()
    await channels.get_by_role("link", name="secops").click()
    await expect(channels).to_be_hidden()
    await expect(page.locator("main h1")).to_have_text("secops")


async def test_the_theme_is_kept(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """The theme follows the system until one chooses, and the choice outlives a reload."""
    page = await windows(at(ROBIN), color_scheme="dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.get_by_role("button", name="Dark theme").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert harness.app.received == []
