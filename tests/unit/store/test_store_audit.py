import asyncio
import csv
import io
import json
import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from bot.cli import main
from handlers.audit import Break, Link, Verified, opened, verify
from handlers.store import Store, event_hash
from handlers.store.backup import BackupError, back_up
from handlers.store.database import open_engine, parse_url

from .harness import MONDAY, Jobs, sync_engine


@pytest.fixture
def recorded(prepared_database: str) -> str:
    """Give a database with a record of eight events, one an hour, of two requests."""
    asyncio.run(_record(prepared_database))
    return prepared_database


async def _record(url: str, hours: Iterable[int] = range(8)) -> None:
    now = MONDAY
    store = Store(open_engine(parse_url(url)), Jobs().wake, clock=lambda: now)
    for number in hours:
        now = MONDAY + timedelta(hours=number)
        async with store.transaction() as transaction:
            request = "TS-00000001" if number % 2 else "TS-00000002"
            transaction.audit.record("status", "U0ADA", request, story_id=number, error="Größe, “quoted”\nand =SUM(A1)")
    await store.close()


def tampered(url: str, *statements: str) -> None:
    """Change the database behind the program's back."""
    engine = sync_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def rehashed(url: str, seq: int) -> None:
    """Give a changed row the hash that fits what it says now."""
    engine = sync_engine(url)
    with engine.begin() as connection:
        row = dict(connection.execute(sa.text(f"SELECT * FROM events WHERE seq = {seq}")).mappings().one())  # noqa: S608 - a number
        event = row | {"at": MONDAY + timedelta(hours=seq - 1), "data": json.loads(row["data"])}
        new = event_hash(seq, row["previous"], event)
        connection.execute(sa.text("UPDATE events SET hash = :hash WHERE seq = :seq"), {"hash": new, "seq": seq})
    engine.dispose()


def checked(url: str, anchor: Link | None = None) -> Verified | Break:
    """Walk the chain."""

    async def walk() -> Verified | Break:
        async with opened(url) as reader:
            return await verify(reader, anchor)

    return asyncio.run(walk())


def run(url: str, *arguments: str) -> Result:
    """Run the command line on a database."""
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": url})


def test_a_whole_chain(recorded: str) -> None:
    """An untouched record is whole, and its head is told so that it can be kept elsewhere."""
    found = checked(recorded)
    assert isinstance(found, Verified)
    assert found.head.seq == 8
    assert checked(recorded, found.head) == found
    result = run(recorded, "audit", "verify", "--anchor", f"{found.head.seq}:{found.head.hash}")
    assert (result.exit_code, result.output) == (0, f"Whole: 8 events. Head: 8:{found.head.hash}\n")


@pytest.mark.parametrize(
    ("statements", "seq", "why"),
    [
        (["UPDATE events SET actor = 'U0EVE' WHERE seq = 3"], 3, "row 3 was changed"),
        (["UPDATE events SET at = at + 1 WHERE seq = 3"], 3, "row 3 was changed"),
        (["UPDATE events SET data = '{}' WHERE seq = 8"], 8, "row 8 was changed"),
        (["UPDATE events SET data = 'no JSON' WHERE seq = 4"], 4, "row 4 was changed: it cannot be read"),
        (["UPDATE events SET data = '[]' WHERE seq = 1"], 1, "row 1 was changed: it cannot be read"),
        (["UPDATE events SET at = 9000000000000000000 WHERE seq = 8"], 8, "row 8 was changed: it cannot be read"),
        (["DELETE FROM events WHERE seq = 4"], 4, "row 4 was removed: row 5 comes next"),
        (["DELETE FROM events WHERE seq = 1"], 1, "row 1 was removed"),
        (
            ["DELETE FROM events WHERE seq > 6"],
            7,
            "the end was cut off: the chain ends with row 8, but the last row is 6",
        ),
        (["DELETE FROM events"], 1, "the end was cut off"),
        (
            [
                "UPDATE events SET seq = 99 WHERE seq = 3",
                "UPDATE events SET seq = 3 WHERE seq = 5",
                "UPDATE events SET seq = 5 WHERE seq = 99",
            ],
            3,
            "row 3 was moved: it was written as row 5",
        ),
        (["UPDATE chain SET seq = 6"], 7, "row 7 was added behind the chain's end, row 6"),
        (["UPDATE chain SET hash = 'no'"], 8, "the chain's head holds another hash"),
        (["DELETE FROM chain"], 1, "row 1 was added behind the chain's end"),
    ],
)
def test_what_was_done_to_a_row_is_found(recorded: str, statements: list[str], seq: int, why: str) -> None:
    """A changed, removed, moved or cut row is found: the first one, with what was done to it, and status 1."""
    tampered(recorded, *statements)
    found = checked(recorded)
    assert isinstance(found, Break)
    assert found.seq == seq
    assert why in found.why
    result = run(recorded, "audit", "verify")
    assert result.exit_code == 1
    assert result.output == f"Broken at row {seq}: {found.why}.\n"


def test_a_row_hashed_anew_is_found_by_the_next(recorded: str) -> None:
    """Whoever changes a row and computes its hash anew is found by the row after it."""
    tampered(recorded, "UPDATE events SET actor = 'U0EVE' WHERE seq = 3")
    rehashed(recorded, 3)
    found = checked(recorded)
    assert isinstance(found, Break)
    assert found.seq == 4
    assert "row 4 does not continue row 3" in found.why


def test_a_chain_rewritten_with_its_head_is_found_by_an_anchor(recorded: str) -> None:
    """A record rewritten to its end does not hold a head that was noted before; nor does one cut off with its head."""
    before = checked(recorded)
    assert isinstance(before, Verified)
    tampered(recorded, "UPDATE events SET actor = 'U0EVE' WHERE seq = 8")
    rehashed(recorded, 8)
    tampered(recorded, "UPDATE chain SET hash = (SELECT hash FROM events WHERE seq = 8)")
    assert isinstance(checked(recorded), Verified)
    rewritten = checked(recorded, before.head)
    assert isinstance(rewritten, Break)
    assert "the chain was rewritten" in rewritten.why
    tampered(
        recorded,
        "DELETE FROM events WHERE seq = 8",
        "UPDATE chain SET seq = 7, hash = (SELECT hash FROM events WHERE seq = 7)",
    )
    cut = checked(recorded, before.head)
    assert isinstance(cut, Break)
    assert "row 8 was noted, but the last row is 7" in cut.why


def test_export_as_lines_of_json(recorded: str) -> None:
    """An export holds every event with its hash, one a line, in order, so that the chain can be checked from it."""
    result = run(recorded, "audit", "export")
    assert result.exit_code == 0
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, 9))
    assert events[0]["at"] == "2026-03-02T10:00:00Z"
    assert events[0]["data"] == {"story_id": 0, "error": "Größe, “quoted”\nand =SUM(A1)"}
    assert [event["previous"] for event in events[1:]] == [event["hash"] for event in events[:-1]]
    assert result.stderr == "8 events.\n"


def test_export_as_csv(recorded: str, tmp_path: Path) -> None:
    """An export as CSV has a header, a row for each event, whatever the text holds, and goes to a file when told."""
    file = tmp_path / "events.csv"
    result = run(recorded, "audit", "export", "--format", "csv", "--output", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert [row["seq"] for row in rows] == [str(number) for number in range(1, 9)]
    assert json.loads(rows[3]["data"])["error"] == "Größe, “quoted”\nand =SUM(A1)"
    assert set(rows[0]) == {"seq", "at", "request_id", "actor", "kind", "data", "previous", "hash"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--since", "2026-03-02T14:00:00"], [5, 6, 7, 8]),
        (["--since", "2026-03-02T15:00:00+0100"], [5, 6, 7, 8]),
        (["--since", "2026-03-02", "--until", "2026-03-02T12:00:00"], [1, 2]),
        (["--request", "ts-00000001"], [2, 4, 6, 8]),
        (["--request", "TS-00000001", "--since", "2026-03-02T13:00:00", "--until", "2026-03-02T16:00:00"], [4, 6]),
        (["--since", "2026-03-03"], []),
    ],
)
def test_export_of_a_part(recorded: str, options: list[str], expected: list[int]) -> None:
    """An export is narrowed by time, in UTC unless an offset is named, and by request."""
    result = run(recorded, "audit", "export", *options)
    assert result.exit_code == 0
    assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == expected


def test_times_that_go_backwards_do_not_hide_events(prepared_database: str) -> None:
    """Events of a machine whose clock is behind are exported by their own time, wherever they stand in the chain."""
    asyncio.run(_record(prepared_database, hours=(5, 1, 6, 2, 7)))
    part = ["--since", "2026-03-02T15:00:00", "--until", "2026-03-02T17:00:00"]
    result = run(prepared_database, "audit", "export", *part)
    assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == [1, 3]


async def test_an_export_reads_no_more_than_its_days(prepared_database: str) -> None:
    """Which events are of some days is asked of an index that holds the answer, however long the record is."""
    await _record(prepared_database)
    engine = open_engine(parse_url(prepared_database))
    async with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if not sqlite:
            await connection.execute(sa.text("SET LOCAL enable_seqscan = off"))  # eight rows would be read as they are
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        rows = await connection.execute(
            sa.text(f"{explain} SELECT min(seq), max(seq) FROM events WHERE at >= 1 AND at < 2")  # noqa: S608 - two words
        )
        plan = " ".join(map(str, rows))
    await engine.dispose()
    assert "ix_events_at_seq" in plan


def test_an_export_overwrites_only_when_told(recorded: str, tmp_path: Path) -> None:
    """A file that exists is left alone without --force; with it, it is replaced, by a file for its owner alone."""
    target = tmp_path / "events.jsonl"
    target.write_text("precious")
    refused = run(recorded, "audit", "export", "--output", str(target))
    assert refused.exit_code == 1
    assert "exists already: choose another file, or overwrite it with --force" in refused.stderr
    assert target.read_text() == "precious"
    assert run(recorded, "audit", "export", "--output", str(target), "--force").exit_code == 0
    assert len(target.read_text().splitlines()) == 8
    assert target.stat().st_mode & 0o777 == 0o600


def test_an_export_never_replaces_the_database(prepared_sqlite: str) -> None:
    """Not even when told to overwrite: the record itself would be gone."""
    database = str(parse_url(prepared_sqlite).database)
    refused = run(prepared_sqlite, "audit", "export", "--output", database, "--force")
    assert refused.exit_code == 1
    assert "is the database itself" in refused.stderr
    assert run(prepared_sqlite, "audit", "verify").exit_code == 0


@pytest.mark.parametrize("part", [[], ["--request", "TS-00000001"]])
def test_an_export_that_fails_leaves_nothing(recorded: str, tmp_path: Path, part: list[str]) -> None:
    """A record that cannot be read to its end gives no file, and what was there before stays whole."""
    target = tmp_path / "events.jsonl"
    target.write_text("precious")
    tampered(recorded, "UPDATE events SET data = 'no JSON' WHERE seq = 8")
    failed = run(recorded, "audit", "export", *part, "--output", str(target), "--force")
    assert failed.exit_code == 1
    assert "row 8 of the record cannot be read" in failed.stderr
    assert target.read_text() == "precious"
    assert not list(tmp_path.glob(".events*"))


def test_an_export_goes_into_a_pipe(recorded: str, tmp_path: Path) -> None:
    """What is no ordinary file is written to as it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:  # noqa: S603 - of the system
        exported = run(recorded, "audit", "export", "--output", str(pipe))
        if exported.exit_code:
            reader.kill()  # nobody writes to the pipe
        said, _ = reader.communicate(timeout=20)
    assert exported.exit_code == 0
    assert len(said.splitlines()) == 8
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["export", "--since", "yesterday"], 2, "does not match the formats"),
        (["export", "--request", "nothing"], 2, "expected the id of a request"),
        (["export", "--output", "no/such/folder"], 1, "cannot be written"),
        (["verify", "--anchor", "8"], 2, "expected SEQ:HASH"),
    ],
)
def test_bad_options(prepared_sqlite: str, arguments: list[str], status: int, said: str) -> None:
    """A wrong option is refused with what was expected."""
    result = run(prepared_sqlite, "audit", *arguments)
    assert result.exit_code == status
    assert said in result.stderr


@pytest.mark.parametrize("command", ["verify", "export"])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///{folder}/none.sqlite", "there is no database at"),
        ("sqlite:///{folder}/empty.sqlite", "run `tines-sync migrate`"),
        ("postgresql://u:t0ps3cret@127.0.0.1:1/d", "the database cannot be used"),
    ],
)
def test_without_a_database(tmp_path: Path, command: str, url: str, said: str) -> None:
    """A database that is not there, or not prepared, is said in a sentence; none is made, and no password is told."""
    (tmp_path / "empty.sqlite").touch()
    result = run(url.format(folder=tmp_path), "audit", command)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "t0ps3cret" not in result.output
    assert not (tmp_path / "none.sqlite").exists()


def test_backup_while_it_is_written(prepared_sqlite: str, tmp_path: Path) -> None:
    """A backup taken in the middle of a write holds what was committed, is whole, alone in its file, and for its owner."""
    asyncio.run(_record(prepared_sqlite))
    target = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(parse_url(prepared_sqlite).database or "")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM events")
        result = run(prepared_sqlite, "backup", str(target))
        writer.rollback()
    assert (result.exit_code, result.output) == (0, f"{target}: 0 requests, 8 events.\n")
    assert isinstance(checked(f"sqlite:///{target}"), Verified)
    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".copy*"))


def test_backup_overwrites_only_when_told(prepared_sqlite: str, tmp_path: Path) -> None:
    """A file that exists is left alone without --force, and replaced with it."""
    target = tmp_path / "copy.sqlite"
    target.write_text("precious")
    refused = run(prepared_sqlite, "backup", str(target))
    assert refused.exit_code == 1
    assert "overwrite it with --force" in refused.stderr
    assert target.read_text() == "precious"
    assert run(prepared_sqlite, "backup", "--force", str(target)).exit_code == 0
    assert target.read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("test.sqlite", "is the database itself"),
        ("nowhere/copy.sqlite", "there is no folder"),
        ("used.sqlite", "is in use as a database"),
    ],
)
def test_backup_to_a_bad_place(prepared_sqlite: str, tmp_path: Path, target: str, said: str) -> None:
    """A backup never harms a database: not itself, and none that is in use."""
    (tmp_path / "used.sqlite-wal").touch()
    with pytest.raises(BackupError, match=said):
        back_up(prepared_sqlite, tmp_path / target, overwrite=True)


@pytest.mark.parametrize(
    ("url", "said"),
    [("postgresql://u:t0ps3cret@h/d", "pg_dump"), ("sqlite:///none.sqlite", "there is no database"), ("x", "expected")],
)
def test_backup_of_something_else(tmp_path: Path, url: str, said: str) -> None:
    """PostgreSQL is left to its own tool, and a database that is not there is said."""
    result = run(url, "backup", str(tmp_path / "copy"))
    assert result.exit_code == 1
    assert said in result.stderr
    assert "t0ps3cret" not in result.output


def test_backup_of_a_damaged_file(tmp_path: Path) -> None:
    """A file that is no database gives no backup, and nothing is left behind."""
    (tmp_path / "bad.sqlite").write_text("this is not a database, but it is long enough to be taken for one" * 20)
    result = run(f"sqlite:///{tmp_path}/bad.sqlite", "backup", str(tmp_path / "copy"))
    assert result.exit_code == 1
    assert "was not copied" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["bad.sqlite"]
