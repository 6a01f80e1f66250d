"""Copying an SQLite database while the bot is using it.

Copying the file itself while it is written gives a copy that may not open, and without its `-wal` file one that lacks
the latest requests. SQLite's own online backup copies one consistent state, and holds up nobody.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from handlers.models import Frozen
from handlers.store.database import BUSY_TIMEOUT_SECONDS, is_sqlite, parse_url


class BackupError(Exception):
    """No backup was made; the text says why and what to do."""


class Backup(Frozen):
    """A copy that was opened and found whole."""

    file: Path
    requests: int
    events: int


def back_up(database_url: str, target: Path, *, overwrite: bool = False) -> Backup:
    """Copy the SQLite database at `database_url` to `target`, and open the copy to see that it is whole.

    The copy appears under its name only when it is complete, readable for its owner alone. Raises `BackupError`, and
    `DatabaseUrlError` for a bad URL.
    """
    source = _source(database_url)
    _check_target(source, target, overwrite=overwrite)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as made:
            os.fchmod(made.fileno(), 0o600)  # before anything stands in it
        _copy(source, partial)
        backup = _looked_at(partial, target)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    except (sqlite3.Error, OSError) as error:
        message = f"{source} was not copied to {target}: {error}"
        raise BackupError(message) from error
    finally:
        partial.unlink(missing_ok=True)
    return backup


def _source(database_url: str) -> Path:
    url = parse_url(database_url)
    if not is_sqlite(url):
        message = (
            "this copies SQLite databases only. For PostgreSQL use `pg_dump`, which also works while the bot runs."
        )
        raise BackupError(message)
    source = Path(str(url.database))
    if not source.exists():
        message = f"there is no database at {source}"
        raise BackupError(message)
    return source


def _check_target(source: Path, target: Path, *, overwrite: bool) -> None:
    if not target.parent.is_dir():
        message = f"there is no folder {target.parent}"
        raise BackupError(message)
    if target.exists() and target.samefile(source):
        message = f"{target} is the database itself: choose another file"
        raise BackupError(message)
    if target.exists() and not overwrite:
        message = f"{target} exists already: choose another file, or overwrite it with --force"
        raise BackupError(message)
    if target.with_name(f"{target.name}-wal").exists():
        # SQLite would apply that log to the new file, and damage it
        message = f"{target} is in use as a database: choose another file"
        raise BackupError(message)


def _copy(source: Path, target: Path) -> None:
    # "rw": an existing file, never a new empty one
    with (
        closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_SECONDS)
        ) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")  # one file that can be moved alone


def _looked_at(copy: Path, target: Path) -> Backup:
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as database:
        (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            message = f"the copy is damaged ({verdict}): the database itself may be; look at it before anything else"
            raise BackupError(message)
        (requests,) = database.execute("SELECT count(*) FROM requests").fetchone()
        (events,) = database.execute("SELECT count(*) FROM events").fetchone()
    return Backup(file=target, requests=requests, events=events)
