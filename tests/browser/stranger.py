"""Times a stranger's way from a fresh clone to the first result, in a real browser, and prints what the page says.

Run as `python -m tests.browser.stranger`. Only what is committed is tried. Nothing is kept.
"""

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Locator, Page, expect

from .chromium import browser
from .steps import REPORTED, TIMEOUT_MS, VIRUSTOTAL, open_thread, pick, review

_ROOT: Final = Path(__file__).parents[2]
_OPEN: Final = re.compile(r"Open +(\S+)")
_INSTALL_SECONDS: Final = 600.0
_MOST: Final = 600  # characters of what the page says


class Diary:
    """Prints each step with the seconds since the step before, and at the end how long it all took."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()

    def note(self, step: str, said: str = "") -> None:
        """Tell of a step that is done, and what could be read then."""
        now = time.monotonic()
        sys.stdout.write(f"{now - self._last:6.1f} s  {step}\n")
        self._last = now
        for line in filter(None, (line.strip() for line in said[:_MOST].splitlines())):
            sys.stdout.write(f"            | {line}\n")
        sys.stdout.flush()

    def end(self) -> None:
        """Tell how long it took."""
        sys.stdout.write(f"{time.monotonic() - self._start:6.1f} s  from the clone to the result\n")


async def walk(diary: Diary) -> None:
    """Go the whole way."""
    with tempfile.TemporaryDirectory(prefix="stranger-") as folder:
        clone = Path(folder) / "tines-sync"
        await _cloned(clone)
        diary.note("git clone")
        async with _demo(clone, diary) as url, browser() as chromium:
            page = await chromium.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(TIMEOUT_MS)
            await page.goto(url)
            diary.note("opened the page", await _hint(page))
            await _requests(page, diary)
            await _approves(page, diary)
            await _reads(page, diary)
        diary.end()
        await _starts_again(clone, diary)


async def _cloned(clone: Path) -> None:
    git = shutil.which("git") or "git"
    process = await asyncio.create_subprocess_exec(git, "clone", "--quiet", str(_ROOT), str(clone))
    assert await process.wait() == 0


@asynccontextmanager
async def _demo(clone: Path, diary: Diary) -> AsyncIterator[str]:
    """Run `make demo` while the block lasts, and give the address that it says."""
    # a process group of its own: what make started ends with it
    environ = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "VIRTUAL_ENV"}}
    make = shutil.which("make") or "make"
    process = await asyncio.create_subprocess_exec(
        make, "demo", "ARGS=--port 0", cwd=clone, env=environ, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_INSTALL_SECONDS):
            async for raw in process.stdout:
                line = raw.decode()
                found = _OPEN.search(line)
                if found:
                    diary.note("make demo is ready", line)
                    break
                if line.strip():
                    diary.note("make demo says", line)
            else:
                message = "make demo ended without an address"
                raise RuntimeError(message)
        yield found[1]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        await process.wait()


async def _requests(page: Page, diary: Diary) -> None:
    await page.get_by_role("link", name="general", exact=False).first.click()
    await page.get_by_label("Message #general").fill("/tines-sync")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Sync stories")
    await expect(dialog.get_by_role("combobox", name="Source team")).to_be_visible()
    diary.note("typed /tines-sync in #general", await _said(dialog))
    await pick(dialog, "Source team", "SecOps", "SecOps")
    for story in (REPORTED, VIRUSTOTAL):
        await pick(dialog, "Stories", story[:9], story)
    await pick(dialog, "Destination team", "SecOps", "SecOps Production")
    await dialog.get_by_label("Reason").fill("Tuned on dev for two weeks")
    await dialog.get_by_role("button", name="Request sync").click()
    answer = page.get_by_role("dialog", name="Sync request")
    await expect(answer).to_contain_text("is waiting for approval")
    diary.note("filled in the form and sent it", await _said(answer))
    await answer.get_by_role("button", name="Close").last.click()
    diary.note("closed it", await _hint(page, "approver"))


async def _approves(page: Page, diary: Diary) -> None:
    await page.get_by_role("link", name="Ada").click()
    await page.get_by_role("link", name="tines-approvals").click()
    diary.note("became Ada, and opened #tines-approvals", await _hint(page, "Review"))
    dialog = await review(page)
    diary.note("clicked Review", await _said(dialog))
    await dialog.get_by_role("button", name="Approve").click()
    await expect(page.locator("main .message").last).to_contain_text(" approved")
    diary.note("approved", await _hint(page, "replies"))


async def _reads(page: Page, diary: Diary) -> None:
    thread = await open_thread(page)
    rows = thread.get_by_role("row")
    await expect(rows.filter(has_text=VIRUSTOTAL)).to_contain_text("Failed")
    await expect(rows.filter(has_text=REPORTED)).to_contain_text("Synced")
    diary.note("opened the replies, and saw the result", await _said(thread.locator(".message").last))
    diary.note("read on", await _hint(page, "Next"))


async def _starts_again(clone: Path, diary: Diary) -> None:
    """Time a start of what is installed."""
    diary.note("stopped it")
    async with _demo(clone, diary):
        pass


async def _hint(page: Page, expected: str = "You are") -> str:
    """Return the line that says what to do next, once it has these words."""
    line = page.locator("#coach [role=status]")
    await expect(line).to_contain_text(expected)
    return f"Hint: {await line.inner_text()}"


async def _said(place: Locator) -> str:
    return await place.inner_text()


def main() -> int:
    """Go the way; returns the exit status."""
    asyncio.run(walk(Diary()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
