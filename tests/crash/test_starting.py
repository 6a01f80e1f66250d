"""Starts that cannot work end soon and say why; a process is ready only when everything it needs works."""

import sqlite3
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from .harness import CrashHarness, crash_harness
from .process import ROOT, Process, closed

_START_SECONDS: Final = 15.0


async def _fails_to_start(process: Process, command: str = "serve") -> str:
    """Start it as the command line does, and return what it says when it gives up."""
    async with closed(process):
        await process.start(command)
        status = await process.ended(_START_SECONDS * 2)  # twice: the interpreter's own start counts here
    assert status == 1
    said = process.log()
    assert "Traceback" not in said
    return said


def _installed(harness: CrashHarness, name: str = "bot", **more: str) -> Process:
    """Return a process of the product exactly as it is installed."""
    return harness.process(name, module="bot", root=ROOT, **more)


async def test_bad_app_token(prepared_sqlite: str, tmp_path: Path) -> None:
    """A Socket Mode token that Slack does not take ends the start with the name of the variable to mend."""
    async with crash_harness(tmp_path, prepared_sqlite, socket_mode=True) as harness:
        said = await _fails_to_start(_installed(harness, SLACK_APP_TOKEN="xapp-1-worthless"))
    assert "Slack does not take SLACK_APP_TOKEN (invalid_auth)" in said
    assert "xapp-1-worthless" not in said


async def test_slack_out_of_reach(prepared_sqlite: str, tmp_path: Path) -> None:
    """With Socket Mode, a Slack that cannot be reached ends the start with its address."""
    async with crash_harness(tmp_path, prepared_sqlite, socket_mode=True) as harness:
        said = await _fails_to_start(_installed(harness, SLACK_API_URL="http://127.0.0.1:9/api/"))
    assert "Slack cannot be reached at http://127.0.0.1:9/api/" in said


async def test_second_process_on_a_file(prepared_sqlite: str, tmp_path: Path) -> None:
    """A second process on the same SQLite file is refused, and the first one goes on."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        first = _installed(harness, "first")
        async with closed(first):
            await first.start()
            assert await first.ready(), first.log()[-3000:]
            said = await _fails_to_start(_installed(harness, "second"))
            assert await first.ready(5)
    assert "another tines-sync uses" in said
    assert "PostgreSQL" in said


async def test_newer_database(prepared_sqlite: str, tmp_path: Path) -> None:
    """A database that a newer version has changed is left alone."""
    file = sa.make_url(prepared_sqlite).database
    assert file is not None
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.close()
        said = await _fails_to_start(_installed(harness))
    assert "changed by a newer version of tines-sync" in said


async def test_worker_on_a_file(prepared_sqlite: str, tmp_path: Path) -> None:
    """A worker needs a database that others can share, and says so."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        said = await _fails_to_start(_installed(harness), "worker")
    assert "set DATABASE_URL to a PostgreSQL database" in said


async def test_database_out_of_reach(prepared_sqlite: str, tmp_path: Path) -> None:
    """A PostgreSQL server that does not answer ends the start in words, without the password."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        away = "postgresql://sync:secret-word@127.0.0.1:9/sync"
        said = await _fails_to_start(_installed(harness, DATABASE_URL=away))
    assert "database" in said
    assert "secret-word" not in said


async def test_unprepared_postgresql(postgres_database: str, prepared_sqlite: str, tmp_path: Path) -> None:
    """On PostgreSQL, where several machines may start at once, the tables are made by the release step only."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        said = await _fails_to_start(_installed(harness, DATABASE_URL=postgres_database))
    assert "run `tines-sync migrate`" in said


@pytest.mark.parametrize("socket_mode", [False, True])
async def test_ready_only_when_slack_takes_the_token(
    prepared_sqlite: str, tmp_path: Path, *, socket_mode: bool
) -> None:
    """A process whose bot token was revoked is alive but not ready, and ready when the token works again."""
    async with crash_harness(tmp_path, prepared_sqlite, socket_mode=socket_mode) as harness:
        harness.slack.revoke_token()
        process = _installed(harness)
        async with closed(process):
            await process.start()
            assert await process.answers("/healthz", 200) is not None
            said = await process.answers("/readyz", 503)
            harness.slack.restore_token()
            ready = await process.ready()
    assert said is not None
    assert "token" in said
    assert ready
