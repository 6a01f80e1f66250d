import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKE = shutil.which("make") or "make"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with what make looks at."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    return tmp_path


def installs(folder: Path, target: str) -> list[str]:
    """Return what make would install for a target."""
    environment = {"PATH": os.environ["PATH"]}  # a make that runs this test says what its own children are to do
    command = [MAKE, "--dry-run", target]
    found = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - a fixed command
    return [line.rsplit(" ", 1)[-1].strip("'") for line in found.stdout.splitlines() if "pip install" in line]


def test_the_demo_installs_the_product_alone(folder: Path) -> None:
    """The demo installs no development tools, and everything else installs all there is, once."""
    assert installs(folder, "demo") == ["."]
    assert installs(folder, "test") == [".[dev]"]


def test_nothing_is_installed_twice(folder: Path) -> None:
    """After the checks the demo starts at once; after the demo the checks add what they need."""
    (folder / ".venv" / ".app").touch()
    assert installs(folder, "demo") == []
    assert installs(folder, "test") == [".[dev]"]
    (folder / ".venv" / ".installed").touch()
    assert installs(folder, "demo") == []
    assert installs(folder, "test") == []
