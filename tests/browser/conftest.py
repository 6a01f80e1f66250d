import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from .chromium import browser
from .harness import BrowserHarness, opened

_BAD = {"error", "warning"}
OpenWindow = Callable[..., Awaitable[Page]]


async def live(page: Page) -> None:
    """Wait until a window hears of everything that happens from now on."""
    await page.locator("[data-news=live]").wait_for(state="attached")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One headless Chromium for all tests of a file; every test gets windows of its own in it."""
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def harness() -> AsyncIterator[BrowserHarness]:
    """Give a workspace, two tenants, and the page before them."""
    async with opened() as ready:
        yield ready


@pytest_asyncio.fixture(loop_scope="session")
async def windows(chromium: Browser) -> AsyncIterator[OpenWindow]:
    """Open windows that share nothing, and see at the end that none of their consoles reported an error."""
    complaints: list[str] = []
    async with contextlib.AsyncExitStack() as stack:

        async def open_window(url: str, *, calm: bool = True, **context: Any) -> Page:  # noqa: ANN401 - Playwright's own
            options = {"viewport": {"width": 1280, "height": 800}, **context}
            window = await chromium.new_context(**options)
            stack.push_async_callback(window.close)
            page = await window.new_page()
            page.set_default_timeout(8000)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            if calm:  # else the browser itself reports that the server is away
                page.on("console", lambda said: complaints.extend([said.text] if said.type in _BAD else []))
            await page.goto(url)
            await live(page)
            return page

        yield open_window
    assert complaints == []


@pytest.fixture
def at(harness: BrowserHarness) -> Callable[..., str]:
    """Return the address of a place: `at(ADA)`, `at(ADA, "C0SECOPS")`."""

    def address(user: str, channel: str = "", **more: str) -> str:
        query = {"as": user, "in": channel, **more}
        return f"{harness.url}/?" + "&".join(f"{key}={value}" for key, value in query.items() if value)

    return address
