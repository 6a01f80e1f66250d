"""The whole product on one playground with the page before it, and the steps that people take through it in a browser."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from playwright.async_api import Locator, Page, expect

from bot.playground.demo import page_of
from bot.playground.launch import APPROVALS, Playground, Setup, launched
from bot.playground.serving import served
from handlers.routes import Watch

TIMEOUT_MS: Final = 20_000.0  # until a sync is through, on a busy machine
_UNWATCHED: Final = Watch(every=timedelta(0))
REPORTED: Final = "Phishing triage: reported e-mail"
VIRUSTOTAL: Final = "Enrich indicators with VirusTotal"


@dataclass(frozen=True)
class Everything:
    """What runs: the bot with all around it, and the page."""

    playground: Playground
    url: str

    def at(self, user: str, **more: str) -> str:
        """Return the address of a person in the approval channel."""
        return f"{self.url}/?as={user}&in={APPROVALS}" + "".join(f"&{key}={value}" for key, value in more.items())


@asynccontextmanager
async def everything(folder: Path, *, watch: Watch = _UNWATCHED) -> AsyncIterator[Everything]:
    """Start everything, with the database in a folder; syncs take no time to speak of."""
    async with AsyncExitStack() as stack:
        setup = Setup(database_url=f"sqlite:///{folder}/playground.db", watch=watch)
        playground = await stack.enter_async_context(launched(setup))
        for tines in (playground.dev, playground.prod):
            tines.switches = replace(tines.switches, sync_seconds=0.2, sync_spread=0.05)
        yield Everything(playground, await stack.enter_async_context(served(page_of(playground))))


async def open_form(page: Page) -> Locator:
    """Type the command and return the form, ready to be filled in."""
    await page.get_by_label("Message #tines-approvals").fill("/tines-sync")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Sync stories")
    await expect(dialog.get_by_role("combobox", name="Source team")).to_be_visible()
    return dialog


async def pick(dialog: Locator, label: str, query: str, option: str) -> None:
    """Search in a field and choose what is found."""
    field = dialog.get_by_role("combobox", name=label)
    await field.fill(query)
    await dialog.get_by_role("option", name=option).first.click()


async def ask(page: Page, *stories: str, reason: str = "Tuned on dev for two weeks") -> None:
    """Request a sync, as a person would."""
    dialog = await open_form(page)
    await pick(dialog, "Source team", "SecOps", "SecOps")
    for story in stories:
        await pick(dialog, "Stories", story[:9], story)
    await pick(dialog, "Destination team", "SecOps", "SecOps Production")
    await dialog.get_by_label("Reason").fill(reason)
    await dialog.get_by_role("button", name="Request sync").click()
    await expect(page.get_by_role("dialog", name="Sync request")).to_contain_text("is waiting for approval")
    await page.get_by_role("dialog").get_by_role("button", name="Close").last.click()


async def review(page: Page) -> Locator:
    """Open the review of the latest request and wait until it is complete."""
    await page.get_by_role("button", name="Review").last.click()
    dialog = page.get_by_role("dialog", name=re.compile("Review"))
    await expect(dialog).to_contain_text("Stories, as they are now")
    await expect(dialog).not_to_contain_text("Comparing with the copies")
    return dialog


async def approve(page: Page) -> None:
    """Review the latest request and approve it."""
    dialog = await review(page)
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog).to_be_hidden()
    await expect(page.locator("main .message").last).to_contain_text(" approved", timeout=TIMEOUT_MS)


async def open_thread(page: Page) -> Locator:
    """Open the thread of the latest request, once somebody wrote in it."""
    await page.get_by_role("button", name=re.compile(r"^\d+ repl")).last.click(timeout=TIMEOUT_MS)
    return page.get_by_role("complementary", name="Thread")
