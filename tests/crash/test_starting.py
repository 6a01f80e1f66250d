"""Starts that cannot work end soon and say why; a process is ready only when everything it needs works."""

import asyncio
import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from bot.settings.environment import METRICS_PORT

from .harness import CrashHarness, crash_harness, free_port
from .process import ROOT, Process, closed

_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 2.0


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
    assert "Slack did not accept SLACK_APP_TOKEN (invalid_auth)" in said
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


@contextmanager
def listener() -> Iterator[tuple[socket.socket, int]]:
    """Listen on a port, accept no connection, and give the socket and the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken, taken.getsockname()[1]


async def _connected_to(listening: socket.socket) -> None:
    """Wait until a process has connected: a connection that nobody accepts makes the socket readable."""
    loop, connected = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listening, connected.set)
    try:
        async with asyncio.timeout(_START_SECONDS * 2):
            await connected.wait()
    finally:
        loop.remove_reader(listening)


@pytest.mark.parametrize(("host", "port"), [("HOST", "PORT"), ("METRICS_HOST", "METRICS_PORT")])
async def test_a_taken_port(prepared_sqlite: str, tmp_path: Path, host: str, port: str) -> None:
    """A port on which somebody else listens ends the start with one line that says which variable to change."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        with listener() as (_, taken):
            said = await _fails_to_start(_installed(harness, **{host: "127.0.0.1", port: str(taken)}))
    assert said == f"Error: port {taken} on 127.0.0.1 is taken: stop what listens there, or set {port} to another\n"


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("192.0.2.1", "192.0.2.1 is not an address of this machine: set HOST to 0.0.0.0"),
        ("no-such-host.invalid", "HOST 'no-such-host.invalid' is not known here"),
        ("http://127.0.0.1", "HOST 'http://127.0.0.1' is not known here"),
    ],
)
async def test_a_foreign_host(prepared_sqlite: str, tmp_path: Path, host: str, words: str) -> None:
    """An address that is not this machine's ends the start with one line, before anything else is begun."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        said = await _fails_to_start(_installed(harness, HOST=host))
    assert words in said
    assert len(said.splitlines()) == 1


async def test_another_process_has_the_usual_metrics_port(prepared_sqlite: str, tmp_path: Path) -> None:
    """Where nobody asked for a port for the figures, one that is taken costs the figures and not the start."""
    with ExitStack() as stack:
        stack.enter_context(await _taken(METRICS_PORT))
        async with crash_harness(tmp_path, prepared_sqlite) as harness:
            process = _installed(harness)
            async with closed(process):
                await process.start()
                assert await process.ready(), process.log()[-3000:]
    assert "there are no metrics" in process.log()
    assert f"port {METRICS_PORT} on 127.0.0.1 is taken" in process.log()


async def test_a_port_that_another_process_got_first(prepared_sqlite: str, tmp_path: Path) -> None:
    """Of two that bind a port before either listens, the later one ends with the line about a taken port.

    The port of the figures is the first one's as soon as it is bound.
    """
    figures = free_port()
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        process = _installed(harness, HOST="127.0.0.1", METRICS_PORT=str(figures))
        port = urlsplit(process.url).port
        assert port is not None
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            async with closed(process):
                await process.start()
                async with asyncio.timeout(_START_SECONDS * 2):
                    while _is_free(port):  # noqa: ASYNC110 - a socket that is bound only tells nobody
                        await asyncio.sleep(0.02)
                process.freeze()  # half a second before it listens
                with socket.socket() as another:
                    another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    with pytest.raises(OSError, match="in use"):
                        another.bind(("127.0.0.1", figures))
                other.bind(("127.0.0.1", port))
                other.listen()
                process.unfreeze()
                assert await process.ended(_START_SECONDS) == 1
    assert f"Error: port {port} on 127.0.0.1 is taken" in process.log()
    assert "Traceback" not in process.log()
    assert '"ready"' not in process.log()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def _taken(port: int) -> socket.socket:
    """Listen on a port of this machine, as soon as nobody else does."""
    end = time.monotonic() + 60
    while True:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("first", [False, True], ids=["a process", "the first process of a container"])
@pytest.mark.parametrize("later", [0.0, 0.4, 1.0])
async def test_told_to_stop_during_the_start(
    prepared_sqlite: str, tmp_path: Path, *, first: bool, later: float
) -> None:
    """SIGTERM at any moment of the start ends the process within two seconds."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        process = _installed(harness)
        process.first = first
        async with closed(process):
            await process.start()
            await process.handles_sigterm()
            await asyncio.sleep(later)  # into the start
            _, seconds = await process.stop()
    assert seconds < _STOP_SECONDS, process.log()
    assert "Traceback" not in process.log()


@pytest.mark.parametrize("silent", ["DATABASE_URL", "SLACK_API_URL"])
async def test_told_to_stop_while_others_say_nothing(prepared_sqlite: str, tmp_path: Path, silent: str) -> None:
    """A database or a Slack that takes connections and says nothing does not hold up the end of a start."""
    async with crash_harness(tmp_path, prepared_sqlite, socket_mode=True) as harness:
        with listener() as (listening, port):
            urls = {
                "DATABASE_URL": f"postgresql://u:secret-word@127.0.0.1:{port}/d",
                "SLACK_API_URL": f"http://127.0.0.1:{port}/api/",
            }
            process = _installed(harness, **{silent: urls[silent]})
            async with closed(process):
                await process.start()
                await process.handles_sigterm()
                await _connected_to(listening)
                assert process.alive
                _, seconds = await process.stop()
    assert seconds < _STOP_SECONDS, process.log()
    assert "Traceback" not in process.log()
    assert "ready" not in process.log()


@pytest.mark.parametrize("command", ["serve", "check", "migrate"])
async def test_a_folder_that_cannot_be_written(prepared_sqlite: str, tmp_path: Path, command: str) -> None:
    """A database for which there can be no file ends each command with one line that names the path."""
    (tmp_path / "notes").write_text("no folder")
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        said = await _fails_to_start(_installed(harness, DATABASE_URL=f"sqlite:///{tmp_path}/notes/db.sqlite"), command)
    assert f"{tmp_path}/notes" in said
    assert "DATABASE_URL" in said


async def test_files_are_made_for_their_owner_alone(prepared_sqlite: str, tmp_path: Path) -> None:
    """The database, what SQLite keeps beside it, and the lock can be read by nobody else, whatever the umask."""
    folder = tmp_path / "new"
    before = os.umask(0)
    try:
        async with crash_harness(tmp_path, prepared_sqlite) as harness:
            process = _installed(harness, DATABASE_URL=f"sqlite:///{folder}/db.sqlite")
            async with closed(process):
                await process.start()
                assert await process.ready(), process.log()[-3000:]
                modes = {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}
    finally:
        os.umask(before)
    assert modes.keys() >= {"db.sqlite", "db.sqlite-wal", "db.sqlite.lock"}
    assert set(modes.values()) == {0o600}


async def test_a_revoked_token_is_one_clear_error(prepared_sqlite: str, tmp_path: Path) -> None:
    """A process that starts with a token that Slack does not take says so in its log, beside being ready to listen."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        harness.slack.revoke_token()
        process = _installed(harness)
        async with closed(process):
            await process.start()
            await process.answers("/readyz", 503)
            async with asyncio.timeout(10):
                while "SLACK_BOT_TOKEN" not in process.log():  # noqa: ASYNC110 - another process tells no event
                    await asyncio.sleep(0.05)
    (line,) = [line for line in process.log().splitlines() if "SLACK_BOT_TOKEN" in line]
    assert '"level":"error"' in line.replace(" ", "")
