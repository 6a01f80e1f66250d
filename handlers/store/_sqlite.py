"""SQLite for asyncio with one trip to the connection's thread for each statement.

aiosqlite goes there and back for the cursor, for the statement, for its rows and for the cursor's end; each trip costs
more than most statements of the store. Here a statement is run, its rows are fetched and its cursor is closed in one.
Without this a form that is submitted would wait three times as long for the threads as for the disk.

The classes have the face of aiosqlite's connections and cursors, as far as SQLAlchemy's dialect for it asks for it
(`async_creator` of https://docs.sqlalchemy.org/en/21/core/engines.html).
"""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

import aiosqlite

from handlers.store.failures import FileReplacedError

_T = TypeVar("_T")
_CHUNK: Final = 64  # rows; aiosqlite asks for it, and only its own cursors use it


class _Done(NamedTuple):
    """What a statement did, as DB-API says it (PEP 249)."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()


def connector(file: str, *, busy_seconds: float) -> Callable[[], Awaitable["Connection"]]:
    """Return what opens connections to a file.

    The first makes the file when there is none, readable for its owner alone; a file that is gone later is not made
    anew, or whatever was in it would quietly be lost. `busy_seconds`: how long a statement waits for somebody else's
    lock before sqlite3's `OperationalError`.
    """
    opened = False

    async def connect() -> Connection:
        nonlocal opened
        connection = Connection(file, busy_seconds, make=not opened)
        await connection
        opened = True
        return connection

    return connect


class Connection(aiosqlite.Connection):
    """One connection to the file, with its thread. Used by one task at a time, which its pool sees to."""

    def __init__(self, file: str, busy_seconds: float, *, make: bool) -> None:
        super().__init__(self._open, _CHUNK)
        self._file = file
        self._busy_seconds = busy_seconds
        self._make = make
        self._identity: tuple[int, int] | None = None  # of the file that was opened
        self._thread.daemon = True  # a process that has to end does not wait for it
        self._left = False  # whether somebody went away while the thread was at work

    def _open(self) -> sqlite3.Connection:
        if self._make:
            make_file(Path(self._file))
        # mode=rw: never a new empty file; isolation_level: nothing begins a transaction but those who say so
        url = f"{Path(self._file).absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(url, uri=True, timeout=self._busy_seconds, isolation_level=None)
        self._identity = _identity(self._file)
        return connection

    def begin(self, connection: sqlite3.Connection, sql: str) -> _Done:
        """Begin a transaction, in the thread. Raises `FileReplacedError` when it would write to a file that is gone.

        SQLite itself does not notice in WAL mode: it would take every write, and lose all of them at the end.
        """
        if _identity(self._file) != self._identity:
            message = "the file was deleted or replaced while it was open"
            raise FileReplacedError(message)
        return _execute(connection, sql=sql, parameters=())

    def cursor(self) -> "Cursor":  # type: ignore[override]  # ours needs no trip to be made
        """Return a new cursor."""
        return Cursor(self)

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something with the connection in its thread."""
        try:
            result: _T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            self._left = True
            raise
        return result

    async def rollback(self) -> None:
        """Roll back. Costs nothing when there is nothing to undo, as after each commit when the pool makes sure."""
        if self._left or self._conn.in_transaction:
            await super().rollback()


class Cursor:
    """One statement, what it did, and its rows."""

    def __init__(self, connection: Connection) -> None:
        self.arraysize = 1
        self._connection = connection
        self._done = _Done()

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:  # noqa: ANN401 - sqlite3's own
        """The columns of the rows, None when there are none."""
        return self._done.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed, -1 where that is not known."""
        return self._done.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The key of the last row inserted."""
        return self._done.lastrowid

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        if sql.startswith("BEGIN"):
            self._done = await self._connection.run(partial(self._connection.begin, sql=sql))
        else:
            self._done = await self._connection.run(partial(_execute, sql=sql, parameters=parameters))

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for many rows."""
        self._done = await self._connection.run(partial(_executemany, sql=sql, rows=rows))

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows, which are here already."""
        rows, self._done = self._done.rows, self._done._replace(rows=())
        return rows

    async def close(self) -> None:
        """Do nothing: the statement was let go when it had run."""


def _execute(connection: sqlite3.Connection, *, sql: str, parameters: Sequence[Any]) -> _Done:
    cursor = connection.execute(sql, parameters)
    # fetched before it is asked how many rows there were: a statement with RETURNING knows it only then
    rows = cursor.fetchall()
    done = _Done(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    cursor.close()
    return done


def _executemany(connection: sqlite3.Connection, *, sql: str, rows: Sequence[Sequence[Any]]) -> _Done:
    cursor = connection.executemany(sql, rows)
    done = _Done(cursor.description, cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return done


def make_file(file: Path) -> None:
    """Make an empty file that its owner alone may read, as SQLite then makes those beside it; one that is there stays.

    Raises sqlite3's `OperationalError` when it cannot be made.
    """
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        message = f"unable to open database file: {error.strerror}"
        raise sqlite3.OperationalError(message) from None


def _identity(file: str) -> tuple[int, int] | None:
    """Return which file stands under a name now."""
    try:
        found = os.stat(file)  # noqa: PTH116 - at each transaction: a Path costs more than the look
    except OSError:
        return None
    return found.st_dev, found.st_ino
