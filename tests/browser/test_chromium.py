import sys
from pathlib import Path

import pytest

from .chromium import NoBrowserError, find, installed

SAYS_NO = (sys.executable, "-c", "print('no such package'); raise SystemExit(3)")


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let nothing be on PATH but what a test puts into the returned folder."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def executable(path: Path) -> str:
    """Write something that can be run."""
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_the_systems_chromium_comes_first(bare_machine: Path) -> None:
    """A Chromium on PATH is taken before the one that Playwright keeps."""
    own = bare_machine / "own-of-playwright"
    executable(own)
    there = executable(bare_machine / "google-chrome")
    assert find(own) == there


def test_playwrights_own_is_second(bare_machine: Path) -> None:
    """Without one on PATH, Playwright's is taken."""
    own = executable(bare_machine / "own-of-playwright")
    assert find(Path(own)) == own


def test_the_environment_has_the_last_word(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`CHROMIUM` names the one to take, whatever else there is."""
    executable(bare_machine / "chromium")
    monkeypatch.setenv("CHROMIUM", "/opt/mine")
    assert find(bare_machine / "none") == "/opt/mine"


async def test_installing_ends_with_the_first_success(bare_machine: Path) -> None:
    """Ways to install are tried in order until a Chromium is there."""
    target = bare_machine / "chromium"
    makes = (sys.executable, "-c", f"import pathlib; p = pathlib.Path({str(target)!r}); p.touch(); p.chmod(0o755)")
    never = (sys.executable, "-c", f"import pathlib; pathlib.Path({str(bare_machine / 'never')!r}).touch()")
    assert await installed(lambda: find(bare_machine / "none"), [SAYS_NO, makes, never]) == str(target)
    assert names(bare_machine) == ["chromium"]


async def test_what_was_tried_is_said() -> None:
    """When no Chromium can be had, the error says what to type, what was tried and what came of it."""
    with pytest.raises(NoBrowserError) as caught:
        await installed(lambda: None, [SAYS_NO])
    said = str(caught.value)
    assert "apt-get install chromium" in said
    assert "playwright install chromium" in said
    assert "(exit 3) no such package" in said


async def test_what_came_meanwhile_is_taken(bare_machine: Path) -> None:
    """Whoever waited for another process to install takes what that one installed."""
    there = executable(bare_machine / "chromium")
    assert await installed(lambda: find(bare_machine / "none"), [SAYS_NO]) == there
