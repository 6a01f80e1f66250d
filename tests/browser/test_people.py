import re
from collections.abc import Callable

import pytest
from playwright.async_api import expect

from bot.playground.page import CastMember, build_page
from bot.playground.serving import served

from .conftest import OpenWindow
from .harness import ADA, APPROVALS, CAST, LEADS, ROBIN, SECOPS, BrowserHarness, mrkdwn, plain

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_two_people_in_two_windows(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """What one person does in one window is seen by another in theirs, without reloading."""
    button = {"type": "button", "action_id": "approve", "text": plain("Approve"), "value": "TS-1"}
    ts = await harness.app.post("Request", blocks=[{"type": "actions", "elements": [button]}])

    @harness.app.on("approve")
    async def _approve(payload: dict[str, dict[str, str]]) -> None:
        text = f"Approved by <@{payload['user']['id']}>"
        blocks = [{"type": "section", "text": mrkdwn(text)}]
        await harness.app.call("chat.update", channel=APPROVALS, ts=ts, text=text, blocks=blocks)

    robin, ada = await windows(at(ROBIN)), await windows(at(ADA))
    await ada.get_by_role("button", name="Approve").click()
    await expect(robin.get_by_text("Approved by @Ada Okafor")).to_be_visible()
    await expect(robin.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(ada.get_by_text("Approved by @Ada Okafor")).to_be_visible()


async def test_who_am_i(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """One click makes one somebody else, with that person's channels; going back undoes it, reloading keeps it."""
    page = await windows(at(ROBIN))
    people = page.get_by_role("navigation", name="Who am I")
    await expect(people.get_by_role("link")).to_have_count(len(CAST))
    await expect(people.locator("[aria-current]")).to_contain_text("Robin Reyes")
    await expect(page.get_by_role("link", name="sec-leads")).to_have_count(0)
    await people.get_by_role("link", name="Ada Okafor").click()
    await expect(people.locator("[aria-current]")).to_contain_text("Ada Okafor")
    await expect(page.get_by_role("link", name="sec-leads")).to_be_visible()
    await page.reload()
    await expect(people.locator("[aria-current]")).to_contain_text("Ada Okafor")
    await page.go_back()
    await expect(people.locator("[aria-current]")).to_contain_text("Robin Reyes")
    assert harness.app.received == []


async def test_modals_belong_to_their_person(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """A modal opens for the one who asked for it only, and is still there when one becomes that person again."""

    @harness.app.on("/sync")
    async def _open(payload: dict[str, str]) -> None:
        view = {"type": "modal", "title": plain("Mine"), "blocks": [{"type": "section", "text": mrkdwn("Hello")}]}
        await harness.app.call("views.open", trigger_id=payload["trigger_id"], view=view)

    robin, ada = await windows(at(ROBIN)), await windows(at(ADA))
    await robin.get_by_label("Message #tines-approvals").fill("/sync")
    await robin.keyboard.press("Enter")
    await expect(robin.get_by_role("dialog", name="Mine")).to_be_visible()
    await expect(ada.get_by_role("dialog")).to_have_count(0)
    await robin.goto(at(ADA))
    await expect(robin.locator("[aria-current=true]")).to_contain_text("Ada")
    await expect(robin.get_by_role("dialog")).to_have_count(0)
    await robin.goto(at(ROBIN))
    await expect(robin.get_by_role("dialog", name="Mine")).to_be_visible()


async def test_unread_counts(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """News in another channel is counted beside its name until one looks."""
    page = await windows(at(ROBIN))
    await harness.app.post("One", channel=SECOPS)
    await harness.app.post("Two", channel=SECOPS)
    await expect(page.get_by_role("link", name="secops 2 unread")).to_be_visible()
    await page.get_by_role("link", name="secops 2 unread").click()
    await expect(page.locator("main .message")).to_have_count(2)
    await expect(page.get_by_role("link", name="secops", exact=True)).to_be_visible()


async def test_direct_messages_are_private(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """The app's direct message reaches its person, and nobody can read another's by naming the conversation."""
    direct = harness.slack.open_dm(ROBIN)
    await harness.app.post("For Robin alone", channel=direct)
    robin = await windows(at(ROBIN))
    await robin.get_by_role("link", name=re.compile("^tines-sync$")).click()
    await expect(robin.get_by_text("For Robin alone")).to_be_visible()
    ada = await windows(at(ADA, direct))
    await expect(ada.locator("main .place-head h1")).to_have_text("tines-approvals")
    for channel in (direct, LEADS):
        as_other = ROBIN if channel == LEADS else ADA
        answer = await ada.request.get(f"{harness.url}/api/messages?as={as_other}&channel={channel}")
        assert await answer.json() == {"messages": []}


async def test_the_page_comes_back(harness: BrowserHarness, windows: OpenWindow) -> None:
    """When the playground is away for a moment, the page reconnects by itself and shows what it missed."""
    page_app = build_page(harness.slack, cast=CAST)
    async with served(page_app) as url:
        page = await windows(url, calm=False)
        await expect(page.get_by_text("Reconnecting…")).to_be_hidden()
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    await harness.app.post("Meanwhile")
    async with served(page_app, port=int(url.rpartition(":")[2])):
        await expect(page.get_by_text("Meanwhile")).to_be_visible()
        await expect(page.get_by_text("Reconnecting…")).to_be_hidden()


async def test_a_cast_of_strangers_is_refused(harness: BrowserHarness) -> None:
    """A page for people whom the workspace does not know, or for nobody, is not built."""
    with pytest.raises(ValueError, match="U0NOBODY"):
        build_page(harness.slack, cast=[CastMember("U0NOBODY", "stranger")])
    with pytest.raises(ValueError, match="nobody"):
        build_page(harness.slack, cast=[])


async def test_an_archived_channel(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """Archiving a channel while somebody looks at it takes the composer away, and bringing it back returns it."""
    page = await windows(at(ROBIN))
    await harness.app.post("Still here")
    box = page.get_by_label("Message #tines-approvals")
    await expect(box).to_be_enabled()
    harness.slack.archive(APPROVALS)
    await expect(box).to_be_disabled()
    await expect(page.get_by_text("Still here")).to_be_visible()
    harness.slack.archive(APPROVALS, archived=False)
    await expect(box).to_be_enabled()
