import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bot.cli import COMMANDS, main
from bot.commands.starting import wants_json
from bot.settings import LogFormat

ROOT = Path(__file__).parents[3]
NEEDS_CONFIGURATION = ("serve", "worker", "check")
HEAVY = ("pydantic", "slack_sdk", "slack_bolt", "sqlalchemy", "procrastinate", "httpx", "aiohttp", "rich", "starlette")
NO_FILE = "no-such-file.toml"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start every command in an empty folder, with none of the bot's variables set."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "TINES_", "DATABASE_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **environ: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, arguments, env=environ)


def test_help_lists_every_command() -> None:
    """The help lists each command with what it does, and where a newcomer starts."""
    result = run("--help")
    assert result.exit_code == 0
    for name, (_, summary) in COMMANDS.items():
        assert f"{name} " in result.output
        assert summary in result.output
    assert "tines-sync" in result.output


def test_help_loads_nothing_heavy() -> None:
    """Help, version and typing mistakes are answered without importing what the commands need."""
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom bot.cli import main\n"
        "for word in ('--help', '--version', 'chek'): CliRunner().invoke(main, [word])\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    result = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_summaries(name: str) -> None:
    """A command's line in the list is the first line of its own help, and its name is the one it is listed under."""
    module, summary = COMMANDS[name]
    command = import_module(module).command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert (command.help or "").splitlines()[0] == summary
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Usage: tines-sync" in result.output.replace("main", "tines-sync")


def test_version() -> None:
    """`--version` names the program and the installed version."""
    result = run("--version")
    assert (result.exit_code, result.output) == (0, f"tines-sync {version('tines-sync')}\n")


def test_module() -> None:
    """`python -m bot` is the same command line under the same name."""
    result = subprocess.run(
        [sys.executable, "-m", "bot", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.startswith("Usage: tines-sync ")


@pytest.mark.parametrize(
    ("word", "said"), [("chek", "Did you mean 'check'?"), ("frobnicate", "No such command 'frobnicate'.")]
)
def test_unknown_command(word: str, said: str) -> None:
    """A mistyped command is answered with the one that was probably meant, and status 2."""
    result = run(word)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize("name", ["serve", "worker"])
def test_faulty_configuration(name: str) -> None:
    """A command that needs the configuration refuses a faulty one: every fault on standard error, status 1."""
    result = run(name, TINES_SYNC_CONFIG=NO_FILE, PORT="many")
    assert result.exit_code == 1
    assert result.stdout == ""
    for place in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "PORT", NO_FILE):
        assert place in result.stderr
    assert "4 problems" in result.stderr
    assert "expected: " in result.stderr


def test_check_tries_what_has_no_fault() -> None:
    """`check` names every fault on standard error, tries the rest all the same, and ends with status 1."""
    result = run("check", TINES_SYNC_CONFIG=NO_FILE, PORT="many")
    assert result.exit_code == 1
    assert "4 problems" in result.stderr
    assert "Database: not there yet" in result.stdout
    assert "Everything else works." in result.stdout
    assert "Everything works" not in result.stdout


def test_migrate(tmp_path: Path) -> None:
    """`migrate` makes the database's tables with nothing but DATABASE_URL set, and may run again."""
    url = f"sqlite:///{tmp_path / 'folder' / 'db.sqlite'}"
    first, second = run("migrate", DATABASE_URL=url), run("migrate", DATABASE_URL=url)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.output.startswith("The database is at revision ")
    assert second.output == first.output
    assert (tmp_path / "folder" / "db.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:t0ps3cret@h/d", "DATABASE_URL is not a database the bot can use"),
        ("postgresql://u:t0ps3cret@127.0.0.1:1/d", "the database cannot be used"),
    ],
)
def test_migrate_without_database(url: str, said: str) -> None:
    """A database that cannot be used is said in a sentence with status 1, without its password."""
    result = run("migrate", DATABASE_URL=url)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "t0ps3cret" not in result.output
    assert "Traceback" not in result.output


def test_migrate_refuses_a_newer_database(tmp_path: Path) -> None:
    """A database that a newer version has changed is left alone, and this is said with status 1."""
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    with closing(sqlite3.connect(tmp_path / "db.sqlite")) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('from-the-future')")
        database.commit()
    result = run("migrate", DATABASE_URL=url)
    assert result.exit_code == 1
    assert "newer version" in result.stderr


@pytest.mark.parametrize(
    ("log_format", "terminal", "as_json"),
    [
        (LogFormat.AUTO, True, False),
        (LogFormat.AUTO, False, True),
        (LogFormat.JSON, True, True),
        (LogFormat.CONSOLE, False, False),
    ],
)
def test_log_format(log_format: LogFormat, *, terminal: bool, as_json: bool) -> None:
    """Logs are JSON where no person looks at them, unless the configuration says otherwise."""
    assert wants_json(log_format, terminal=terminal) is as_json


def test_commands_in_order() -> None:
    """The commands are listed (for shell completion, too) in the order in which a person meets them."""
    expected = ["serve", "worker", "demo", "manifest", "check", "migrate", "audit", "backup"]
    assert main.list_commands(click.Context(main)) == expected
