"""SQLite for asyncio without a thread for every statement: what answers from memory is done at once, where it stands.

A statement of the store takes some microseconds, and handing it to a thread and back takes many times that, three
times for each statement. Only what can really wait leaves the loop: a commit, which waits for the disk, and a lock
that somebody else holds. Writers of this process queue up in order; SQLite's own waiting is a lottery with naps of up
to a tenth of a second, in which the one who waits longest can lose again and again.

The classes have the face of aiosqlite's connections and cursors, as far as SQLAlchemy's dialect for it asks for it
(`async_creator` of https://docs.sqlalchemy.org/en/20/core/engines.html).
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

_T = TypeVar("_T")

_BEGIN_TO_WRITE: Final = "BEGIN IMMEDIATE"
_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_TIMEOUT})


def connector(file: str, *, busy_seconds: float) -> Callable[[], Awaitable["Connection"]]:
    """Return what opens connections to a file, all of one process: their writers queue up behind each other.

    `busy_seconds`: how long somebody waits for a lock before sqlite3's `OperationalError`.
    """
    turn = asyncio.Lock()
    # of its own: the job engine ends the loop's threads before the last transaction is over. One is enough, since one
    # writes at a time; whoever reads has nothing to wait for
    thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")

    async def connect() -> Connection:
        return Connection(file, turn, thread, busy_seconds)

    return connect


class Connection:
    """One connection to the file. Used by one task at a time, which its pool sees to."""

    def __init__(self, file: str, turn: asyncio.Lock, thread: ThreadPoolExecutor, busy_seconds: float) -> None:
        # isolation_level: nothing begins a transaction but those who say so. Timeout: at first nobody waits.
        self._connection = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
        self._turn = turn
        self._thread = thread
        self._writing = False  # whether it is this connection's turn
        self._busy_seconds = busy_seconds
        self._away: asyncio.Future[Any] | None = None  # what a thread is doing with the connection

    def cursor(self) -> "Cursor":
        """Return a new cursor."""
        return Cursor(self, self._connection.cursor())

    async def create_function(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - sqlite3's own
        """Add a function to SQL, as sqlite3 does."""
        self._connection.create_function(*args, **options)

    async def run(self, sql: str, statement: Callable[[], _T]) -> _T:
        """Run a statement: at once, or in a thread when it has to wait for a lock."""
        await self._back()
        if sql == _BEGIN_TO_WRITE:
            await self._take_turn()
        try:
            return await self._run(statement)
        except BaseException:
            if sql == _BEGIN_TO_WRITE:
                self._give_turn()
            raise

    async def _run(self, statement: Callable[[], _T]) -> _T:
        try:
            return statement()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _LOCKED:
                raise
        return await self._in_thread(lambda: self._patiently(statement))

    def _patiently(self, statement: Callable[[], _T]) -> _T:
        """Run a statement that was refused for a lock, and did nothing, once more."""
        self._connection.execute(f"PRAGMA busy_timeout = {int(self._busy_seconds * 1000)}")
        try:
            return statement()
        finally:
            self._connection.execute("PRAGMA busy_timeout = 0")

    async def commit(self) -> None:
        """Commit, in a thread when something was written: the disk may take its time."""
        await self._end(self._connection.commit)

    async def rollback(self) -> None:
        """Roll back."""
        await self._end(self._connection.rollback)

    async def _end(self, end: Callable[[], None]) -> None:
        await self._back()
        try:
            if self._writing:
                await self._in_thread(end)
            else:
                end()
        finally:
            if self._away is None and not self._connection.in_transaction:
                self._give_turn()

    async def close(self) -> None:
        """Close the connection; what was not committed is rolled back."""
        await self._back()
        self._stopped()

    def stop(self) -> None:
        """Close the connection without waiting: when what a thread does with it has ended."""
        if self._away is None:
            self._stopped()
        else:
            self._away.add_done_callback(self._stopped)

    def _stopped(self, _: object = None) -> None:
        self._connection.close()
        self._give_turn()

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(self._busy_seconds):
                await self._turn.acquire()
        except TimeoutError:
            message = "database is locked"
            raise sqlite3.OperationalError(message) from None
        self._writing = True

    def _give_turn(self) -> None:
        if self._writing:
            self._writing = False
            self._turn.release()

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        away = self._away = asyncio.get_running_loop().run_in_executor(self._thread, work)
        away.add_done_callback(self._returned)
        # whoever is cancelled leaves; the thread goes on, and the next to use the connection waits for it
        return await asyncio.shield(away)

    def _returned(self, away: "asyncio.Future[Any]") -> None:
        self._away = None
        away.exception()  # nobody may be left who asks for it

    async def _back(self) -> None:
        if self._away is not None:
            await asyncio.wait({self._away})


class Cursor:
    """One statement and its rows."""

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor) -> None:
        self._connection = connection
        self._cursor = cursor

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:  # noqa: ANN401 - sqlite3's own
        """The columns of the rows, None when there are none."""
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed, -1 where that is not known."""
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The key of the last row inserted."""
        return self._cursor.lastrowid

    @property
    def arraysize(self) -> int:
        """How many rows are fetched when nobody says."""
        return self._cursor.arraysize

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        await self._connection.run(sql, lambda: self._cursor.execute(sql, parameters))

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for many rows."""
        await self._connection.run(sql, lambda: self._cursor.executemany(sql, rows))

    async def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return await self._connection.run("", self._cursor.fetchall)

    async def close(self) -> None:
        """Let the statement go."""
        self._cursor.close()
