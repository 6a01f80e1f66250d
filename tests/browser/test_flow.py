"""The whole product through the page: the bot itself, a local Slack, two tenants, and people in a browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bot.playground.demo import sync_earlier
from bot.playground.launch import ADA, APPROVALS, BEN, RINA, TOM

from .conftest import OpenWindow
from .steps import (
    REPORTED,
    TIMEOUT_MS,
    VIRUSTOTAL,
    Everything,
    approve,
    ask,
    everything,
    open_form,
    open_thread,
    pick,
    review,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Everything]:
    """Give the bot with all around it, and the page."""
    async with everything(tmp_path) as ready:
        yield ready


async def test_the_whole_flow(demo: Everything, windows: OpenWindow) -> None:
    """One person asks, another approves in a window of their own, and both see in the thread what became of each story."""
    rina, ada = await windows(demo.at(RINA)), await windows(demo.at(ADA))
    hints = [page.get_by_role("complementary", name="What to do next") for page in (rina, ada)]
    await expect(hints[0]).to_have_text(
        "You are Rina. Type /tines-sync in #general, press Enter, and fill in the form."
    )
    await ask(rina, REPORTED, VIRUSTOTAL)
    await expect(hints[0]).to_contain_text("Click Ada at the top")
    await expect(hints[1]).to_contain_text("You are Ada, an approver. Click Review")
    request = ada.locator("main .message").last
    await expect(request).to_contain_text("Tuned on dev for two weeks")
    await approve(ada)
    await expect(hints[1]).to_contain_text("Open the replies")
    await expect(rina.locator("main .message").last).to_contain_text("Ada Okafor approved")
    await expect(rina.get_by_role("button", name="Review")).to_have_count(0)
    for page in (rina, ada):
        thread = await open_thread(page)
        table = thread.get_by_role("table")
        await expect(table.get_by_role("row", name=REPORTED)).to_contain_text("Synced", timeout=TIMEOUT_MS)
        await expect(table.get_by_role("row", name=VIRUSTOTAL)).to_contain_text("Failed", timeout=TIMEOUT_MS)
        await expect(table.get_by_role("row", name=VIRUSTOTAL)).to_contain_text("virustotal")
    await expect(hints[0]).to_contain_text("That was a sync.")
    await rina.get_by_role("button", name="Tines tenants").click()
    await expect(rina.get_by_role("region", name="Tenant prod")).to_contain_text(f"{REPORTED}in SecOps Production")
    await expect(rina.get_by_role("link", name=re.compile("secops 1 unread"))).to_be_visible()
    await rina.get_by_role("button", name="Close the hint").click()
    await rina.reload()
    await expect(rina.locator("main .message").last).to_be_visible()
    await expect(hints[0]).to_be_hidden()


async def test_a_rejection(demo: Everything, windows: OpenWindow) -> None:
    """A rejection needs a comment, and the requester reads who rejected and why."""
    rina, ben = await windows(demo.at(RINA)), await windows(demo.at(BEN))
    await ask(rina, REPORTED)
    await (await review(ben)).get_by_role("button", name="Reject…").click()
    dialog = ben.get_by_role("dialog", name=re.compile("Reject"))
    await expect(dialog.get_by_role("textbox")).to_be_focused()  # drawn, and ready to be used
    await dialog.get_by_role("button", name=re.compile("^Reject")).last.click()
    await expect(dialog.locator(".field-error")).to_be_visible()
    await dialog.get_by_role("textbox").fill("Freeze until Monday")
    await dialog.get_by_role("button", name=re.compile("^Reject")).last.click()
    request = rina.locator("main .message").last
    await expect(request).to_contain_text("Freeze until Monday")
    await expect(request).to_contain_text("Ben Lindqvist")
    await expect(rina.get_by_role("button", name="Review")).to_have_count(0)
    assert demo.playground.dev.destinations == {}


async def test_a_bystander_may_not(demo: Everything, windows: OpenWindow) -> None:
    """Somebody who may not decide reads why, and has no button to approve with."""
    rina, tom = await windows(demo.at(RINA)), await windows(demo.at(TOM))
    await ask(rina, REPORTED)
    dialog = await review(tom)
    await expect(dialog.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(dialog).to_contain_text("approver")


async def test_type_ahead_and_field_errors(demo: Everything, windows: OpenWindow) -> None:
    """Stories are found by name and tag while typing, and an incomplete form says at its fields what is missing."""
    page = await windows(demo.at(RINA))
    dialog = await open_form(page)
    await dialog.get_by_role("button", name="Request sync").click()
    await expect(dialog.locator(".field-error").first).to_be_visible()
    await pick(dialog, "Source team", "secop", "SecOps")
    stories = dialog.get_by_role("combobox", name="Stories")
    await stories.press_sequentially("phish", delay=40)
    await expect(dialog.get_by_role("option", name=REPORTED)).to_be_visible()
    await expect(dialog.get_by_role("option", name=re.compile("^All 3 tagged “phishing”"))).to_be_visible()
    await stories.fill("no such story at all")
    await expect(dialog.get_by_role("option", name=REPORTED)).to_have_count(0)
    await stories.press("Escape")
    await dialog.get_by_label("Reason").fill("Because")
    await dialog.get_by_role("button", name="Request sync").click()
    await expect(dialog.locator(".field-error").first).to_be_visible()
    await expect(dialog.get_by_label("Reason")).to_have_value("Because")
    assert demo.playground.slack.messages(APPROVALS) == []


async def test_a_failing_story_is_seen_in_the_thread(demo: Everything, windows: OpenWindow) -> None:
    """A story switched to fail in the panel is the one that the thread reports, in the tenant's own words."""
    rina = await windows(demo.at(RINA))
    await rina.get_by_role("button", name="Tines tenants").click()
    dev = rina.get_by_role("region", name="Tenant dev")
    await dev.get_by_text(re.compile(r"^Stories \(")).click()
    await dev.get_by_label("Filter stories of dev").fill(REPORTED)
    async with rina.expect_response("**/api/faults"):
        await dev.get_by_role("switch", name=f"Syncing {REPORTED} fails").click()
    await rina.get_by_role("button", name="Close the panel").click()
    await ask(rina, REPORTED)
    ada = await windows(demo.at(ADA))
    await approve(ada)
    thread = await open_thread(rina)
    row = thread.get_by_role("row", name=REPORTED)
    await expect(row).to_contain_text("switched to fail in the playground", timeout=TIMEOUT_MS)


async def test_a_lost_answer_makes_no_second_destination(demo: Everything, windows: OpenWindow) -> None:
    """With the create's answer switched to get lost, the thread still reports the one sync destination there is."""
    rina, ada = await windows(demo.at(RINA)), await windows(demo.at(ADA))
    await ask(rina, REPORTED)
    await rina.get_by_role("button", name="Tines tenants").click()
    switch = rina.get_by_role("region", name="Tenant dev").get_by_role("switch", name="The create's answer gets lost")
    async with rina.expect_response("**/api/faults"):
        await switch.click()
    await approve(ada)
    row = (await open_thread(ada)).get_by_role("row", name=REPORTED)
    await expect(row).to_contain_text("Synced", timeout=TIMEOUT_MS)
    await expect(switch).not_to_be_checked()
    assert len(demo.playground.dev.destinations) == 1


async def test_a_revoked_key_is_told_to_the_approver(demo: Everything, windows: OpenWindow) -> None:
    """When the key is revoked after the review was opened, the approver reads what Tines said, and nothing is sent."""
    rina, ada = await windows(demo.at(RINA)), await windows(demo.at(ADA))
    await ask(rina, REPORTED)
    dialog = await review(ada)
    await rina.get_by_role("button", name="Tines tenants").click()
    async with rina.expect_response("**/api/faults"):
        await rina.get_by_role("region", name="Tenant dev").get_by_role("switch", name="Key revoked (401)").click()
    await dialog.get_by_role("button", name="Approve").click()
    problem = ada.get_by_role("dialog").filter(has_text="401")
    await expect(problem).to_contain_text("Invalid API key")
    assert demo.playground.dev.calls.of("POST", "/admin/sync_destinations") == []


async def test_what_is_missing_and_what_would_change(demo: Everything, windows: OpenWindow) -> None:
    """The review shows what the destination lacks and the totals of what would change, and leads to old and new values."""
    dev = demo.playground.dev
    story = sync_earlier(demo.playground, "SecOps", REPORTED)[0]
    dev.edit_action(story, mode="extract")
    rina, ada = await windows(demo.at(RINA)), await windows(demo.at(ADA))
    await ask(rina, REPORTED, VIRUSTOTAL)
    dialog = await review(ada)
    await expect(dialog).to_contain_text("Credential virustotal, used by")
    await expect(dialog).to_contain_text("1 changed story (1 action changed), 1 new on the destination")
    await dialog.get_by_role("button", name=re.compile("Show changes: Phishing triage")).click()
    changes = ada.get_by_role("dialog", name="Changes")
    await expect(changes).to_contain_text('/options/mode: "message_only" → "extract"')
    await changes.get_by_text("Back", exact=True).click()
    await dialog.get_by_role("button", name="Post the whole diff").click()
    await expect(ada.get_by_role("dialog")).to_contain_text("The whole diff is in the thread")
    thread = await open_thread(rina)
    await thread.get_by_text(".diff").click()
    await expect(thread.locator(".line-added")).to_contain_text(["+++", '"mode": "extract"'])
