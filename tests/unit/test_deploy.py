"""The examples for deploying name what exists: files, commands, variables."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Final

import pytest

from bot.cli import COMMANDS
from bot.settings.environment import Environment

ROOT: Final = Path(__file__).parents[2]
UNIT: Final = (ROOT / "docs/deploy/tines-sync.service").read_text(encoding="utf-8")
CONTAINER: Final = (ROOT / "docs/deploy/Containerfile").read_text(encoding="utf-8")
PROCFILE: Final = (ROOT / "Procfile").read_text(encoding="utf-8")


def copied() -> set[str]:
    """Return what the Containerfile copies out of the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINER, re.MULTILINE)
    return {name for line in lines for name in line.split()}


def test_the_container_copies_what_the_build_needs() -> None:
    """All that the package is built from is copied, and all that is copied exists."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tools = project["tool"]["setuptools"]
    needed = {"pyproject.toml", project["project"]["readme"], "LICENSE"}
    needed |= {pattern.rstrip("*") for pattern in tools["packages"]["find"]["include"]}
    needed |= {pattern.partition("/")[0] for patterns in tools["data-files"].values() for pattern in patterns}
    assert needed - copied() == set()
    assert [name for name in copied() if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    "commands",
    [
        re.findall(r"^ExecStart=\S*/tines-sync (.+)$", UNIT, re.MULTILINE),
        re.findall(r'^CMD \["(.+)"\]$', CONTAINER, re.MULTILINE),
        re.findall(r"^\w+: tines-sync (.+)$", PROCFILE, re.MULTILINE),
    ],
    ids=["unit", "container", "procfile"],
)
def test_the_commands_exist(commands: list[str]) -> None:
    """Every command that is started is one of the command line, without options that it does not have."""
    assert commands
    assert {word for command in commands for word in shlex.split(command)} <= set(COMMANDS)


def test_the_variables_exist() -> None:
    """Every variable that is set is one that the bot reads."""
    known = {name.upper() for name in Environment.model_fields} | {"PATH"}
    named = re.findall(r"^Environment=(\w+)=", UNIT, re.MULTILINE) + re.findall(r"\b([A-Z_]+)=", CONTAINER)
    assert len(named) >= 6
    assert set(named) - known == set()


def test_nobody_is_root_and_there_is_time_to_stop() -> None:
    """Both run as a user of their own and store under a folder of their own; systemd waits longer than a stop takes."""
    assert re.search(r"^USER tines-sync$", CONTAINER, re.MULTILINE)
    assert re.search(r"^User=tines-sync$", UNIT, re.MULTILINE)
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) > 25
