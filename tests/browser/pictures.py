"""Takes the pictures of the README from the running demo: the form, the approval, the thread.

Run in the folder `tests`: `python -m browser.pictures [folder]`, by default into `docs/`. What differs from run to run
(ids, digests, times) is replaced on screen before a picture is taken, so that a picture changes only when the product
does.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, ViewportSize, expect

from bot.logs import configure_logs
from bot.playground.launch import ADA, RINA

from .chromium import browser
from .steps import TIMEOUT_MS, VIRUSTOTAL, Everything, approve, everything, open_form, open_thread, pick, review

_DOCS: Final = Path(__file__).parents[2] / "docs"
_SIZE: Final[ViewportSize] = {"width": 1280, "height": 800}
_STORIES: Final = (
    "High-Priority Alerts",
    "Phishing triage: reported e-mail",
    "Change Control Requests",
    "Isolate host with CrowdStrike",
)
_REASON: Final = "Two weeks on dev without a false alarm; the on-call team is waiting for it."

_STEADY: Final = r"""() => {
  const steady = [
    [/127\.0\.0\.1:\d+/g, "acme-dev.tines.example"],
    [/TS-[0-9A-Z]{8}/g, "TS-4K7Q9ZXA"],
    [/\b[0-9a-f]{12}\b/g, "3f9a61c07be2"],
    [/\b\d{1,2}:\d{2}(:\d{2})? [AP]M\b/g, "9:41 AM"],
    [/\b[A-Z][a-z]{2} \d{1,2}, \d{4}\b/g, "Aug 6, 2026"],
    [/\b20\d{2}-\d{2}-\d{2}\b/g, "2026-08-03"],
    [/\b(yesterday|today) at\b/g, "today at"],
    [/Last reply .*/g, "Last reply just now"],
  ];
  const replace = () => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const node = texts.currentNode;
      const words = steady.reduce((text, [pattern, same]) => text.replace(pattern, same), node.data);
      if (words !== node.data) node.data = words;
    }
  };
  // Later news is replaced as well, before it is painted: the page may be drawing while the picture is taken.
  new MutationObserver(replace).observe(document.body, { subtree: true, childList: true, characterData: true });
  replace();
}"""


class Photographer:
    """Puts pictures of windows into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def take(self, page: Page, name: str) -> None:
        """Take one picture, with nothing in it that differs from run to run."""
        await page.mouse.move(0, _SIZE["height"] - 1)
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        await page.evaluate(_STEADY)
        await page.screenshot(path=self._folder / f"{name}.png", animations="disabled", caret="hide")


async def take_all(folder: Path) -> None:
    """Play the flow once, and take every picture on the way."""
    photographer = Photographer(folder)
    with tempfile.TemporaryDirectory() as data:
        async with everything(Path(data)) as demo, browser() as chromium:
            rina, ada = await _window(chromium, demo, RINA), await _window(chromium, demo, ADA)
            await _asks(rina, photographer)
            await _approves(ada, photographer)
            await _reads(rina, photographer)


async def _window(chromium: Browser, demo: Everything, user: str) -> Page:
    context = await chromium.new_context(viewport=_SIZE, color_scheme="light", reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(demo.at(user))
    await page.get_by_role("button", name="Close the hint").click()
    await expect(page.get_by_label("Message #tines-approvals")).to_be_visible()
    return page


async def _asks(page: Page, photographer: Photographer) -> None:
    dialog = await open_form(page)
    await pick(dialog, "Source team", "SecOps", "SecOps")
    await pick(dialog, "Stories", _STORIES[0], _STORIES[0])
    await dialog.get_by_label("Reason").fill(_REASON)
    await dialog.get_by_role("combobox", name="Stories").fill("phish")
    await expect(dialog.get_by_role("option", name=_STORIES[1])).to_be_visible()
    await photographer.take(page, "form")
    for story in (*_STORIES[1:], VIRUSTOTAL):
        await pick(dialog, "Stories", story, story)
    await pick(dialog, "Destination team", "SecOps", "SecOps Production")
    await dialog.get_by_role("button", name="Request sync").click()
    await expect(page.get_by_role("dialog")).to_contain_text("is waiting for approval")
    await page.get_by_role("dialog").get_by_role("button", name="Close").last.click()


async def _approves(page: Page, photographer: Photographer) -> None:
    dialog = await review(page)
    await photographer.take(page, "approval")
    await dialog.get_by_role("button", name="Close").last.click()
    await approve(page)


async def _reads(page: Page, photographer: Photographer) -> None:
    thread = await open_thread(page)
    rows = thread.get_by_role("table").get_by_role("row")
    for story in _STORIES:
        await expect(rows.filter(has_text=story)).to_contain_text("Synced", timeout=TIMEOUT_MS)
    await expect(rows.filter(has_text=VIRUSTOTAL)).to_contain_text("Failed", timeout=TIMEOUT_MS)
    await expect(page.locator("main .message").last).to_contain_text("partly synced")
    await photographer.take(page, "thread")


def main() -> int:
    """Take the pictures; returns the exit status."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _DOCS
    configure_logs(as_json=False, level="warning")
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take_all(folder))
    sys.stdout.write(f"Pictures taken: {', '.join(str(path) for path in sorted(folder.glob('*.png')))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
