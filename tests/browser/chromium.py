"""Finds a Chromium to test the page with, or installs one, or says clearly why there is none.

Playwright's own download does not reach every machine, and many have a Chromium already: so the system's is taken
first, then the one Playwright keeps, then an installation is tried.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from playwright.async_api import Browser, async_playwright

Command = tuple[str, ...]

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge")
_MAC: Final = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
_ARGS: Final = (
    "--no-sandbox",  # containers and root have no user namespaces; only pages of this project are opened
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--disable-partial-raster",  # the same page gives the same pixels
)
_INSTALL_SECONDS: Final = 300.0


class NoBrowserError(RuntimeError):
    """There is no Chromium, and none could be installed; the text says what was tried and what to do."""


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Run a headless Chromium while the block lasts. Raises `NoBrowserError`."""
    async with async_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        executable = find(own) or await _installed_once(own)
        running = await playwright.chromium.launch(executable_path=executable, args=list(_ARGS))
        try:
            yield running
        finally:
            await running.close()


def find(own: Path) -> str | None:
    """Return the path of a Chromium on this machine, or None; `own` is where Playwright would keep its own.

    `CHROMIUM` in the environment names another one.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    found = (path for name in _NAMES if (path := shutil.which(name)))
    return next(found, None) or next((str(path) for path in (own, _MAC) if path.exists()), None)


async def installed(look: Callable[[], str | None], commands: Iterable[Command]) -> str:
    """Run commands until `look` finds a Chromium, and return its path. Raises `NoBrowserError`."""
    tried: list[str] = []
    if already := look():
        return already
    for command in commands:
        code, said = await _run(command)
        executable = look()
        if executable:
            return executable
        tried.append(f"$ {' '.join(command)}\n(exit {code}) {said}")
    message = (
        "The browser tests need Chromium, and none was found on PATH or installed by Playwright.\n"
        "Install it (Debian: apt-get install chromium; elsewhere: playwright install chromium),\n"
        "or name it in the environment: CHROMIUM=/path/to/chrome.\nTried:\n" + "\n".join(tried)
    )
    raise NoBrowserError(message)


async def _installed_once(own: Path) -> str:
    """Install while nobody else does: parallel test processes would lock each other out of the package manager."""
    lock = await asyncio.to_thread(_locked)
    try:
        return await installed(partial(find, own), ways())
    finally:
        lock.close()


def _locked() -> TextIO:
    lock = (Path(tempfile.gettempdir()) / "playground-browser.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def ways() -> tuple[Command, ...]:
    """Return what can be tried to install a Chromium here, in order."""
    own: Command = (sys.executable, "-m", "playwright", "install", "chromium")
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return (own,)
    return (apt, "update", "-q"), (apt, "install", "-q", "-y", "--no-install-recommends", "chromium"), own


async def _run(command: Command) -> tuple[int | None, str]:
    """Run a command; returns its exit code (None: cut off for taking too long) and the end of what it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_INSTALL_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return None, f"no end after {_INSTALL_SECONDS:.0f} s"
    return process.returncode, said.decode(errors="replace")[-400:].strip()
