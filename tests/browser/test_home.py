"""The App Home and a sync destination in the page, with keyboard and screen reader in mind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bot.playground.launch import ADA, RINA

from .conftest import OpenWindow
from .steps import REPORTED, TIMEOUT_MS, Everything, approve, ask, everything
from .test_access import accessibility_faults

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Everything]:
    """Give the bot with all around it, and the page."""
    async with everything(tmp_path) as ready:
        yield ready


async def test_a_home_follows_and_leads_on_by_keyboard(demo: Everything, windows: OpenWindow) -> None:
    """A home that is open shows a new request by itself; the keyboard leads from it to the review, and to a destination."""
    ada, rina = await windows(demo.at(ADA)), await windows(demo.at(RINA))
    await ada.get_by_role("link", name="tines-sync Home").click()
    await expect(ada.get_by_role("button", name="New request")).to_be_visible()
    await ask(rina, REPORTED)
    await expect(ada.get_by_role("heading", name="Waiting for you")).to_be_visible(timeout=TIMEOUT_MS)
    assert await accessibility_faults(ada) == []
    await ada.get_by_role("button", name="Review").focus()
    await ada.keyboard.press("Enter")
    await expect(ada.get_by_role("dialog")).to_contain_text(REPORTED)
    await ada.keyboard.press("Escape")
    await ada.get_by_role("link", name="approvals").click()
    await approve(ada)
    await expect(ada.locator("main .message").last).to_contain_text("Request: synced", timeout=TIMEOUT_MS)
    await ada.get_by_role("link", name="tines-sync Home").click()
    await ada.get_by_role("button", name="Sync destinations").press("Enter")
    dialog = ada.get_by_role("dialog")
    await dialog.get_by_role("button", name="Open").press("Enter", timeout=TIMEOUT_MS)
    await expect(ada.get_by_role("dialog").last).to_contain_text("It has the configured key", timeout=TIMEOUT_MS)
    assert await accessibility_faults(ada) == []
