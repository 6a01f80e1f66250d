"""The built wheel works by itself: every command runs where there is no source tree."""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PARTS = ("bot", "handlers", "manifests", "pyproject.toml", "README.md", "LICENSE")


def ran(*arguments: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with nothing of this process's environment."""
    return subprocess.run(  # noqa: S603 - programs that the test made
        list(map(str, arguments)), cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the source, install it into an environment of its own, and give its program."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source / part)
    pip: Sequence[str] = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    built = ran(*pip, "wheel", source, "--no-deps", "--no-build-isolation", "--wheel-dir", folder, cwd=folder)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    place = folder / "environment"
    venv.create(place, with_pip=False, symlinks=True)
    installed = ran(*pip, "--python", place, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    assert installed.returncode == 0, installed.stderr
    shutil.rmtree(source)
    # what the program needs of others comes from where the tests have it; a .pth file brings no editable install along
    (site,) = place.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return place / "bin" / "tines-sync"


def test_nothing_of_the_source_tree_is_used(program: Path, tmp_path: Path) -> None:
    """The modules that run are those of the wheel."""
    python = program.parent / "python"
    found = ran(python, "-c", "import bot, handlers; print(bot.__file__, handlers.__file__)", cwd=tmp_path)
    assert str(ROOT / "bot") not in found.stdout
    assert found.stdout.count(str(program.parents[1])) == 2, found.stderr


def test_migrate_and_verify(program: Path, tmp_path: Path) -> None:
    """The migrations are in the wheel, and the empty record names a head that can be expected."""
    migrated = ran(program, "migrate", cwd=tmp_path)
    assert (migrated.returncode, migrated.stderr) == (0, "")
    verified = ran(program, "audit", "verify", cwd=tmp_path)
    head = verified.stdout.rpartition("Head: ")[2].strip()
    assert ran(program, "audit", "verify", "--expect", head, cwd=tmp_path).returncode == 0


def test_manifests(program: Path, tmp_path: Path) -> None:
    """Both manifests come with the wheel."""
    http = ran(program, "manifest", "--http", "https://bot.acme.test", cwd=tmp_path)
    assert "https://bot.acme.test/slack/events" in http.stdout, http.stderr
    socket_mode = ran(program, "manifest", "--socket-mode", cwd=tmp_path)
    assert json.loads(socket_mode.stdout)["settings"]["socket_mode_enabled"] is True


def test_check(program: Path, tmp_path: Path) -> None:
    """A check says what is missing."""
    checked = ran(program, "check", cwd=tmp_path)
    assert checked.returncode == 1
    assert "SLACK_BOT_TOKEN is missing" in checked.stderr
    assert "Database: not there yet" in checked.stdout


def test_demo(program: Path, tmp_path: Path) -> None:
    """The whole product plays one sync through."""
    played = ran(program, "demo", "--scripted", cwd=tmp_path)
    assert played.returncode == 0, played.stdout + played.stderr
