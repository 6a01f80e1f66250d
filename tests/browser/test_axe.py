"""What axe-core finds in the views of the page: nothing, at any size, light and dark."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from bot.playground.launch import ADA, RINA

from .conftest import OpenWindow
from .harness import ROBIN
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

_WIDTHS: Final = (1400, 1280, 390)
_SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
_OPTIONS: Final = {
    "light": {
        "resultTypes": ["violations"],
        "rules": {"label-content-name-mismatch": {"enabled": True}},  # who speaks to a machine says what is on screen
    },
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},  # nothing else differs
}


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Everything]:
    """Give the bot with all around it, and the page."""
    async with everything(tmp_path) as ready:
        yield ready


class Inspector:
    """Lets axe look at a window in every size and colour scheme, and keeps what it finds."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.faults: set[str] = set()

    async def look(self, view: str) -> None:
        """Look at what the window shows now."""
        for width in _WIDTHS:
            await self._page.set_viewport_size({"width": width, "height": 900})
            for scheme in _SCHEMES:
                await self._page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                await expect(self._page.locator("html")).to_have_attribute("data-theme", scheme)
                results = await Axe().run(self._page, options=_OPTIONS[scheme])
                self._note(f"{view}, {width} px, {scheme}", results.response["violations"])
        await self._page.set_viewport_size({"width": _WIDTHS[0], "height": 900})

    def _note(self, where: str, violations: Iterable[Mapping[str, Any]]) -> None:
        for found in violations:
            nodes = "; ".join(f"{node['html'][:160]} {node['failureSummary']}" for node in found["nodes"])
            self.faults.add(f"{where}: {found['help']} ({found['impact']}): {nodes}")


async def test_axe_finds_nothing(demo: Everything, windows: OpenWindow) -> None:
    """From the form to the result, the Home and the tenants: no view keeps anybody out."""
    page = await windows(demo.at(RINA), bypass_csp=True)
    inspector = Inspector(page)
    dialog = await open_form(page)
    await pick(dialog, "Source team", "SecOps", "SecOps")
    await pick(dialog, "Stories", REPORTED[:9], REPORTED)
    await inspector.look("form")
    await page.keyboard.press("Escape")  # closes the list
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await ask(page, REPORTED, VIRUSTOTAL)
    await page.goto(demo.at(ADA))
    await inspector.look("channel")
    dialog = await review(page)
    await inspector.look("review")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await approve(page)
    thread = await open_thread(page)
    await expect(thread.get_by_role("row").filter(has_text=VIRUSTOTAL)).to_contain_text("Failed", timeout=TIMEOUT_MS)
    await inspector.look("thread with the result")
    await page.get_by_role("link", name="tines-sync Home").click()
    await expect(page.get_by_role("button", name="New request")).to_be_visible()
    await inspector.look("Home")
    await page.get_by_role("button", name="Tines tenants").click()
    await expect(page.get_by_role("region", name="Tenant prod")).to_be_visible()
    await inspector.look("tenants")
    await page.get_by_role("button", name="Traffic").click()
    await page.locator("#panel-traffic summary").first.click()
    await inspector.look("traffic")
    assert "\n".join(sorted(inspector.faults)) == ""


async def test_axe_is_awake(at: Callable[..., str], windows: OpenWindow) -> None:
    """A button without a name and text that is too faint are noticed, so that the test above says something."""
    page = await windows(at(ROBIN), bypass_csp=True)
    await page.evaluate(
        """() => {
            const faint = document.createElement("button");
            faint.style.cssText = "color: #eee; background: #fff";
            faint.append("Faint");
            document.querySelector("main").append(document.createElement("button"), faint);
        }"""
    )
    inspector = Inspector(page)
    await inspector.look("spoiled")
    said = "\n".join(inspector.faults)
    assert "Buttons must have discernible text" in said
    assert "Elements must meet minimum color contrast ratio thresholds" in said
