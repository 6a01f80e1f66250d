"""Many windows of one browser, and staying in them."""

import re
from collections.abc import Callable

import pytest
from playwright.async_api import expect

from .conftest import OpenWindow, live
from .harness import ADA, APPROVALS, LEADS, ROBIN, SECOPS, BrowserHarness, modal, mrkdwn

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_many_windows_and_visits(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """More windows than a browser has connections all show what happens, also when the first ones are closed."""
    first = await windows(at(ROBIN))
    others = [await first.context.new_page() for _ in range(7)]
    for number, page in enumerate(others):
        await page.goto(at(ADA if number % 2 else ROBIN))
    for page in others:
        await live(page)
    for _ in range(7):  # each visit leaves a page behind that one could go back to
        await first.goto(at(ROBIN, SECOPS))
        await first.goto(at(ROBIN))
    await harness.app.post("For every window")
    for page in (first, *others):
        await expect(page.get_by_text("For every window")).to_be_visible()
    await first.close()
    await others.pop(0).close()
    await harness.app.post("For those that are left")
    for page in others:
        await expect(page.get_by_text("For those that are left")).to_be_visible()
    await others[0].goto("about:blank")
    await others[0].go_back()
    await harness.app.post("For the one that came back")
    await expect(others[0].get_by_text("For the one that came back")).to_be_visible()


async def test_a_link_to_a_thread_stays_here(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """The address of a message opens its thread in this page, from a message and from a modal; any other is a link."""
    ts = await harness.app.post("The request", channel=SECOPS)
    await harness.app.post("The first reply", channel=SECOPS, thread_ts=ts)
    hidden = await harness.app.post("Secret", channel=LEADS)
    query = {"channel": SECOPS, "message_ts": ts}
    address = (await harness.app.client.get("/api/chat.getPermalink", params=query)).json()["permalink"]
    words = f"<{address}|Open the thread> <{address.replace(SECOPS, LEADS).replace(ts, hidden)}|not mine> <https://a.example/|elsewhere>"
    await harness.app.post(words)

    @harness.app.on("/sync")
    async def _open(payload: dict[str, str]) -> None:
        view = modal("Details", {"type": "section", "text": mrkdwn(words)})
        await harness.app.call("views.open", trigger_id=payload["trigger_id"], view=view)

    page = await windows(at(ROBIN))
    await expect(page.get_by_role("link", name="elsewhere")).to_have_attribute("target", "_blank")
    await page.get_by_role("link", name="not mine").click()
    await expect(page.get_by_role("alert").filter(has_text="You are not in that channel")).to_be_visible()
    await page.get_by_role("link", name="Open the thread").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread).to_contain_text("The first reply")
    await expect(page.locator("main h1")).to_have_text("secops")
    await page.go_back()
    await page.get_by_label("Message #tines-approvals").fill("/sync")
    await page.keyboard.press("Enter")
    await page.get_by_role("dialog").get_by_role("link", name="Open the thread").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(thread).to_contain_text("The first reply")


async def test_nobody_writes_to_a_read_only_app(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """Where the manifest makes the app's messages read-only, there is nothing to type in, and nothing is taken."""
    harness.slack.app.messages_read_only = True
    direct = harness.slack.open_dm(ROBIN)
    page = await windows(at(ROBIN))
    await page.get_by_role("link", name=re.compile("^tines-sync$")).click()
    await expect(page.locator("main")).to_contain_text("Sending messages to this app has been turned off.")
    await expect(page.locator("main").get_by_role("textbox")).to_have_count(0)
    said = await page.evaluate(
        """async (channel) => {
          const body = JSON.stringify({ as: "U0ROBIN", channel, text: "Hello?" });
          return (await fetch("/api/say", { method: "POST", body })).json();
        }""",
        direct,
    )
    assert said["problem"] == "Sending messages to this app has been turned off."
    assert harness.slack.messages(direct) == []


async def test_an_empty_channel_says_so(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """A channel in which nobody has written is not blank, and its words give way to the first message."""
    page = await windows(at(ROBIN, APPROVALS))
    await expect(page.locator("main .messages")).to_have_text(re.compile("^This is the very beginning of #tines-app"))
    await harness.app.post("First")
    await expect(page.locator("main .messages")).not_to_contain_text("beginning")
