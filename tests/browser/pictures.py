"""Takes the pictures of the README from the running demo: form, review, changes, result, Home and sync destination.

Run as `python -m tests.browser.pictures [folder]`, by default into `docs/`. What differs from run to run (ids, digests,
times) is replaced on screen before a picture is taken, so that a picture changes only when the product does. The text is
drawn in Lato where this machine has it.
"""

import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, FloatRect, Locator, Page, ViewportSize, expect

from bot.logs import configure_logs
from bot.playground.launch import ADA, RINA, Playground
from bot.playground.tines import create_destination
from bot.playground.tines.seed import PROD_PUBLISH_KEY
from handlers.routes import Watch

from .chromium import browser
from .steps import TIMEOUT_MS, VIRUSTOTAL, Everything, approve, ask, everything, open_form, open_thread, pick, review

_DOCS: Final = Path(__file__).parents[2] / "docs"
_SIZE: Final[ViewportSize] = {"width": 1280, "height": 800}
_STORIES: Final = (
    "High-Priority Alerts",
    "Phishing triage: reported e-mail",
    "Change Control Requests",
    "Isolate host with CrowdStrike",
)
_NEXT: Final = "Shift handover notes"
_MARGIN: Final = 16  # pixels around a part
_WATCH: Final = Watch(every=timedelta(seconds=1))  # for the health on the Home
_REASON: Final = "Two weeks on dev without a false alarm; the on-call team is waiting for it."

_STEADY: Final = r"""(hosts) => {
  const steady = [
    ...hosts.map(([host, name]) => [new RegExp(host.replaceAll(".", "\\."), "g"), name]),
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

    def __init__(self, folder: Path, playground: Playground) -> None:
        self._folder = folder
        tenants = ((playground.dev, "acme-dev.tines.com"), (playground.prod, "acme.tines.com"))
        self._hosts = [[tenant.url.partition("://")[2], name] for tenant, name in tenants]

    async def take(self, page: Page, name: str, part: Locator | None = None) -> None:
        """Take one picture, of the whole window or of a part with a margin, with nothing that differs from run to run."""
        await page.mouse.move(0, _SIZE["height"] - 1)
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        await page.evaluate(_STEADY, self._hosts)
        box = await part.bounding_box() if part else None
        clip: FloatRect | None = None
        if box is not None:
            left, top = box["x"] - _MARGIN, box["y"] - _MARGIN
            clip = {"x": left, "y": top, "width": box["width"] + 2 * _MARGIN, "height": box["height"] + 2 * _MARGIN}
        path = self._folder / f"{name}.png"
        await page.screenshot(path=path, animations="disabled", caret="hide", clip=clip)


async def take_all(folder: Path) -> None:
    """Play the flow once, and take every picture on the way."""
    with tempfile.TemporaryDirectory() as data:
        async with everything(Path(data), watch=_WATCH) as demo, browser() as chromium:
            photographer = Photographer(folder, demo.playground)
            _synced_once_and_edited(demo.playground, _STORIES[0])
            rina, ada = await _window(chromium, demo, RINA), await _window(chromium, demo, ADA)
            await _asks(rina, photographer)
            await _approves(ada, photographer)
            await _reads(rina, photographer)
            await ask(rina, _NEXT, reason="Needed on the night shift")
            await _looks_around(ada, photographer)


def _synced_once_and_edited(playground: Playground, name: str) -> None:
    """Leave a copy of a story on the destination that is older than the story."""
    dev, prod = playground.dev, playground.prod
    story = next(each for each in dev.stories.values() if each.name == name)
    body = {
        "destination_tenant_url": prod.url,
        "destination_tenant_api_key": PROD_PUBLISH_KEY,
        "destination_team_id": next(iter(prod.teams)),
        "team_id": story.team_id,
        "story_ids": [story.id],
    }
    create_destination(dev, body)
    playground.world.settle_all()
    dev.destinations.clear()
    dev.edit_action(story.id, payload={"id": "<<receive_events.body.alert.id>>", "story": name})


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
    await photographer.take(page, "form", dialog)
    for story in (*_STORIES[1:], VIRUSTOTAL):
        await pick(dialog, "Stories", story, story)
    await pick(dialog, "Destination team", "SecOps", "SecOps Production")
    await dialog.get_by_role("button", name="Request sync").click()
    await expect(page.get_by_role("dialog")).to_contain_text("is waiting for approval")
    await page.get_by_role("dialog").get_by_role("button", name="Close").last.click()


async def _approves(page: Page, photographer: Photographer) -> None:
    await page.set_viewport_size({"width": _SIZE["width"], "height": 1000})
    dialog = await review(page)
    await expect(dialog).to_contain_text("1 changed story")
    await photographer.take(page, "review", dialog)
    await dialog.get_by_role("button", name="Show changes").first.click()
    changes = page.get_by_role("dialog", name="Changes")
    await expect(changes).to_contain_text("/options/payload/id")
    await photographer.take(page, "changes", changes)
    await changes.get_by_role("button", name="Back").last.click()
    await dialog.get_by_role("button", name="Close").last.click()
    await expect(dialog).to_be_hidden()
    await approve(page)


async def _reads(page: Page, photographer: Photographer) -> None:
    thread = await open_thread(page)
    rows = thread.get_by_role("table").get_by_role("row")
    for story in _STORIES:
        await expect(rows.filter(has_text=story)).to_contain_text("Synced", timeout=TIMEOUT_MS)
    await expect(rows.filter(has_text=VIRUSTOTAL)).to_contain_text("Failed", timeout=TIMEOUT_MS)
    await expect(page.locator("main .message").last).to_contain_text("partly synced", ignore_case=True)
    await page.set_viewport_size({"width": 1480, "height": 800})  # all columns of the table
    await photographer.take(page, "result")
    await page.set_viewport_size(_SIZE)


async def _looks_around(page: Page, photographer: Photographer) -> None:
    await page.get_by_role("link", name="tines-sync Home").click()
    await expect(page.get_by_role("heading", name="Waiting for you")).to_be_visible(timeout=TIMEOUT_MS)
    await expect(page.get_by_role("main")).to_contain_text("failed since", timeout=TIMEOUT_MS)
    await page.set_viewport_size({"width": _SIZE["width"], "height": 520})
    await photographer.take(page, "home")
    await page.set_viewport_size({"width": _SIZE["width"], "height": 1000})
    await page.get_by_role("button", name="Sync destinations").click()
    await page.get_by_role("dialog").get_by_role("button", name="Open").click(timeout=TIMEOUT_MS)
    dialog = page.get_by_role("dialog").last
    await expect(dialog).to_contain_text("It has the configured key", timeout=TIMEOUT_MS)
    await photographer.take(page, "destination", dialog)


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
