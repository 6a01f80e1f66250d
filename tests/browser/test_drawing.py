import re
from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page, expect

from .conftest import OpenWindow
from .harness import ADA, APPROVALS, BEN, ROBIN, BrowserHarness, Json, mrkdwn, plain

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOON = 1_785_758_400  # 2026-08-03T12:00:00Z


def last(page: Page) -> Locator:
    """Return the newest message of the channel."""
    return page.locator("main .message").last


def table(rows: int, page_size: int = 5) -> Json:
    """Return a data_table with a word and a number in each row, the numbers falling."""
    head = [{"type": "raw_text", "text": "Story"}, {"type": "raw_text", "text": "Rank"}]
    body = [
        [{"type": "raw_text", "text": f"Story {n:02}"}, {"type": "raw_number", "value": rows - n}] for n in range(rows)
    ]
    return {"type": "data_table", "caption": "Statuses", "page_size": page_size, "rows": [head, *body]}


async def test_text_formatting(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """Formatting, links, mentions, channels, groups and emoji of mrkdwn are drawn as Slack draws them."""
    await harness.app.post(
        "*bold* _italic_ ~gone~ `code` <https://tines.example/x|the runbook> <@U0ADA> <#C0SECOPS> "
        "<!subteam^S0APPROVERS> :white_check_mark: 2*3*4 snake_case_word\n&gt; quoted\n```\nfixed *width*\n```"
    )
    page = await windows(at(ROBIN))
    body = last(page).locator(".message-text")
    await expect(body.locator("strong")).to_have_text("bold")
    await expect(body.locator("em")).to_have_text("italic")
    await expect(body.locator("s")).to_have_text("gone")
    await expect(body.locator("code")).to_have_text("code")
    await expect(body.get_by_role("link")).to_have_attribute("href", "https://tines.example/x")
    await expect(body.locator(".mention")).to_have_text(["@Ada Okafor", "#secops", "@approvers"])
    await expect(body.get_by_role("img", name="white check mark")).to_have_text("✅")
    await expect(body).to_contain_text("2*3*4 snake_case_word")
    await expect(body.locator("blockquote")).to_have_text("quoted")
    await expect(body.locator("pre")).to_have_text("fixed *width*")


async def test_hostile_text_stays_text(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """Markup in names and messages is shown as typed, and no address but a web or mail address can be clicked."""
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    escaped = evil.replace("<", "&lt;").replace(">", "&gt;")
    element = {"type": "text", "text": evil}
    await harness.app.post(
        escaped,
        blocks=[
            {"type": "section", "text": mrkdwn(f"{escaped} <javascript:alert(3)|click>")},
            {"type": "header", "text": plain(evil)},
            {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [element]}]},
        ],
    )
    page = await windows(at(ROBIN))
    await expect(last(page).get_by_text(evil)).to_have_count(3)
    assert await last(page).locator("img, script, a").count() == 0


async def test_live_mentions_show(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """A mention of everybody that an app forgot to escape is seen as live, as it would be in Slack."""
    await harness.app.post("Story <!channel> & <!here>")
    page = await windows(at(ROBIN))
    await expect(last(page).locator(".mention-everyone")).to_have_text(["@channel", "@here"])


async def test_dates_in_the_readers_zone(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """The same moment reads as each reader's own local time."""
    await harness.app.post(f"Expires <!date^{NOON}^{{date_num}} {{time}}|noon UTC>")
    await expect(last(await windows(at(ROBIN)))).to_contain_text("2026-08-03 8:00 AM")
    await expect(last(await windows(at(ADA)))).to_contain_text("2026-08-03 2:00 PM")
    await expect(last(await windows(at(BEN)))).to_contain_text("2026-08-03 9:00 PM")


async def test_every_block(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """Each block that messages can have is drawn, none is left out."""
    items = [{"type": "rich_text_section", "elements": [{"type": "text", "text": "first", "style": {"bold": True}}]}]
    blocks: list[Json] = [
        {"type": "header", "text": plain("A header")},
        {"type": "section", "text": mrkdwn("A section"), "fields": [mrkdwn("*Field*\none"), mrkdwn("two")]},
        {"type": "divider"},
        {"type": "context", "elements": [mrkdwn("A _context_")]},
        {
            "type": "actions",
            "elements": [{"type": "button", "action_id": "go", "text": plain("Go"), "style": "danger"}],
        },
        {"type": "image", "image_url": "https://pictures.example/a.png", "alt_text": "a chart"},
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "ordered", "elements": items}]},
        {"type": "markdown", "text": "## Heading\n- **item**"},
    ]
    await harness.app.post("All of them", blocks=blocks)
    message = last(await windows(at(ROBIN)))
    await expect(message.locator(".block")).to_have_count(len(blocks))
    await expect(message.get_by_role("heading", name="A header")).to_be_visible()
    await expect(message.locator(".field")).to_have_text(["Fieldone", "two"])
    await expect(message.get_by_role("separator")).to_have_count(1)
    await expect(message.locator(".block-context em")).to_have_text("context")
    await expect(message.get_by_role("button", name="Go")).to_have_class(re.compile("danger"))
    await expect(message.get_by_role("img", name="a chart")).to_be_visible()
    await expect(message.locator("ol li strong")).to_have_text("first")
    await expect(message.get_by_role("heading", name="Heading")).to_be_visible()
    await expect(message.locator("ul li strong")).to_have_text("item")
    await expect(message.locator(".unknown")).to_have_count(0)


async def test_data_table_sorts_and_pages(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """A data_table sorts by the clicked column, numbers as numbers, and keeps order and page when it is updated."""
    ts = await harness.app.post("Statuses", blocks=[table(12)])
    page = await windows(at(ROBIN))
    cells = last(page).locator("tbody th")
    await expect(cells).to_have_text([f"Story {n:02}" for n in range(5)])
    await expect(last(page).get_by_text("1–5 of 12")).to_be_visible()  # noqa: RUF001 - an en dash, as drawn
    await last(page).get_by_role("button", name="Rank").click()
    await expect(last(page).get_by_role("columnheader", name="Rank")).to_have_attribute("aria-sort", "ascending")
    await expect(cells).to_have_text([f"Story {n:02}" for n in (11, 10, 9, 8, 7)])
    await last(page).get_by_role("button", name="Next page").click()
    await expect(cells).to_have_text([f"Story {n:02}" for n in (6, 5, 4, 3, 2)])
    await harness.app.call("chat.update", channel=APPROVALS, ts=ts, text="Statuses", blocks=[table(13)])
    await expect(cells).to_have_text([f"Story {n:02}" for n in (7, 6, 5, 4, 3)])


@pytest.mark.parametrize("font", ["sans-serif", "monospace"])
async def test_the_first_column_of_a_wide_table_stays_in_sight(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str], font: str
) -> None:
    """In a thread, in narrow fonts and in wide ones, the whole first column is there, also when the rest is scrolled."""
    names = ["Enrich indicators with VirusTotal", "Phishing triage: reported e-mail"]
    rows = [
        ("Story", "Status", "What Tines said", "Story id"),
        *((each, "Failed", "No credential " * 9, "9104") for each in names),
    ]
    cells = [[{"type": "raw_text", "text": text} for text in row] for row in rows]
    ts = await harness.app.post("Request")
    drawn = {"type": "data_table", "caption": "Results", "row_header_column_index": 0, "rows": cells}
    await harness.app.post("Results", blocks=[drawn], thread_ts=ts)
    page = await windows(at(ROBIN))
    await page.evaluate("(font) => document.documentElement.style.setProperty('--font', font)", font)
    await page.get_by_role("button", name="1 reply").click()
    scrolled = page.get_by_role("complementary", name="Thread").get_by_role("group", name="Results")
    for left in (0, 9999):
        await scrolled.evaluate("(frame, left) => { frame.scrollLeft = left; }", left)
        frame = await scrolled.bounding_box()
        assert frame is not None
        for name in names:
            box = await scrolled.get_by_role("rowheader", name=name).bounding_box()
            assert box is not None
            assert abs(box["x"] - frame["x"]) <= 1
            assert 140 <= box["width"] <= frame["width"] / 2


async def test_a_button_in_a_cell_is_clicked(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """A button in a table's row is drawn in its cell, and a click on it goes to the app with its value."""
    drawn = table(2)
    button = {"type": "button", "action_id": "again", "text": plain("Sync again"), "value": "7"}
    drawn["rows"][1][1] = {"type": "action", "element": button, "fallback": {"type": "raw_text", "text": "-"}}
    clicked: list[str] = []

    @harness.app.on("block_actions")
    async def _clicked(payload: Json) -> None:
        clicked.append(payload["actions"][0]["value"])

    await harness.app.post("Statuses", blocks=[drawn])
    page = await windows(at(ROBIN))
    pressed = last(page).get_by_role("row", name="Story 00").get_by_role("button", name="Sync again")
    await pressed.click()
    await expect(pressed).not_to_have_attribute("aria-busy", "true")
    assert clicked == ["7"]


async def test_edited_and_deleted(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """An edit and a deletion show without reloading."""
    ts = await harness.app.post("First words")
    page = await windows(at(ROBIN))
    await expect(last(page)).to_contain_text("First words")
    await harness.app.call("chat.update", channel=APPROVALS, ts=ts, text="Better words")
    await expect(last(page)).to_contain_text("Better words (edited)")
    harness.slack.delete_message(APPROVALS, ts)
    await expect(page.locator("main .message")).to_have_count(0)


async def test_only_visible_to_you(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """An ephemeral message is marked as such, and nobody else gets it."""
    robin, ada = await windows(at(ROBIN)), await windows(at(ADA))
    await harness.app.call("chat.postEphemeral", channel=APPROVALS, user=ROBIN, text="Psst")
    await harness.app.post("For all")
    await expect(robin.locator("main .message").first).to_contain_text("Only visible to you")
    await expect(robin.get_by_text("Psst")).to_be_visible()
    await expect(last(ada)).to_contain_text("For all")
    await expect(ada.locator("main .message")).to_have_count(1)


async def test_thread(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """A message tells how many replies it has; they open beside it, and new ones arrive there."""
    ts = await harness.app.post("Request")
    await harness.app.post("Approved", thread_ts=ts)
    page = await windows(at(ROBIN))
    await page.get_by_role("button", name="1 reply").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_text("Approved")).to_be_visible()
    await harness.app.post("Synced", thread_ts=ts)
    await expect(thread.get_by_text("Synced")).to_be_visible()
    await expect(page.get_by_role("button", name="2 replies")).to_be_visible()
    await thread.get_by_label("Reply", exact=True).fill("Thank you <3")
    await page.keyboard.press("Enter")
    await expect(thread.locator(".message").last).to_contain_text("Thank you <3")
    await thread.get_by_role("button", name="Close the thread").click()
    await expect(thread).to_be_hidden()


async def test_every_emoji_is_drawn_without_a_font_of_the_machine(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """The page's own font has every emoji that apps name: all come out as wide as its check mark, on any machine."""
    page = await windows(at(ROBIN))
    unknown = await page.evaluate(
        """async () => {
          await document.fonts.load('40px "Playground Emoji"', "✅");
          const { EMOJI } = await import("/static/emoji.js");
          const pen = new OffscreenCanvas(80, 80).getContext("2d");
          pen.font = '40px "Playground Emoji", monospace';
          const wide = (text) => pen.measureText(text).width;
          const inFont = [...document.fonts].some((font) => font.family.includes("Playground") && font.status === "loaded");
          const missing = Object.entries(EMOJI).filter(([, sign]) => wide(sign) !== wide("✅")).map(([name]) => name);
          return inFont ? missing : ["the font was not loaded"];
        }"""
    )
    assert unknown == []
    assert harness.app.received == []
