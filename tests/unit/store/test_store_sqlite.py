"""SQLite under asyncio: statements say what they did, locks are waited for, and whoever leaves breaks nothing."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiosqlite
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handlers.store._sqlite import connector
from handlers.store.database import WRITING, open_engine, parse_url


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """Return an engine on a file with one table."""
    engine = open_engine(parse_url(f"sqlite:///{tmp_path}/store.sqlite"))
    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
    yield engine
    await engine.dispose()


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that writes."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(**WRITING)
        async with connection.begin():
            yield connection


async def add(engine: AsyncEngine, name: str) -> None:
    """Write a row in a transaction of its own."""
    async with writing(engine) as connection:
        await connection.execute(sa.text("INSERT INTO things (name) VALUES (:name)"), {"name": name})


async def names(engine: AsyncEngine) -> list[str]:
    """Return what was written, in its order."""
    async with engine.connect() as connection:
        return list((await connection.execute(sa.text("SELECT name FROM things ORDER BY rowid"))).scalars())


async def test_a_statement_says_what_it_did(engine: AsyncEngine) -> None:
    """Rows, their columns, how many were changed and the key of the last one come back with the statement."""
    insert = sa.text("INSERT INTO things (name) VALUES (:name)")
    async with writing(engine) as connection:
        assert (await connection.execute(insert, {"name": "one"})).lastrowid == 1
        assert (await connection.execute(insert, [{"name": "two"}, {"name": "three"}])).rowcount == 2
        changed = await connection.execute(
            sa.text("UPDATE things SET name = name || '!' WHERE id > 1 RETURNING id, name")
        )
        assert changed.keys() == ["id", "name"]
        assert changed.all() == [(2, "two!"), (3, "three!")]
        assert (await connection.execute(sa.text("DELETE FROM things WHERE id < 3"))).rowcount == 2
        nothing = await connection.execute(sa.text("SELECT id FROM things WHERE id = 99"))
        assert nothing.keys() == ["id"]
        assert nothing.all() == []
    assert await names(engine) == ["three!"]


async def test_a_lock_of_another_process_is_waited_for_while_the_loop_goes_on(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Whoever waits for a lock waits outside the loop."""
    with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(add(engine, "late"))
        assert await names(engine) == []
        assert not task.done()
        other.execute("COMMIT")
    await task
    assert await names(engine) == ["late"]


async def test_a_lock_that_is_never_given_back_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    """Waiting has an end."""
    file = str(tmp_path / "locked.sqlite")
    connection = await connector(file, busy_seconds=0.05)()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await connection.cursor().execute("BEGIN IMMEDIATE")
        other.execute("COMMIT")
    await connection.cursor().execute("BEGIN IMMEDIATE")
    await connection.rollback()
    await connection.close()


class Bare(aiosqlite.Connection):
    """A connection of aiosqlite's own, which shows the private parts that ours relies on."""

    def __init__(self, file: Path) -> None:
        super().__init__(lambda: sqlite3.connect(file), 64)
        self._thread.daemon = True  # as long as it does not run

    @property
    def thread(self) -> threading.Thread:
        """The connection's thread."""
        return self._thread

    @property
    def inner(self) -> sqlite3.Connection:
        """The connection of sqlite3."""
        return self._conn

    async def does(self, work: Callable[..., object], *arguments: object) -> object:
        """Do something in the connection's thread."""
        return await self._execute(work, *arguments)  # type: ignore[no-untyped-call]


async def test_aiosqlite_keeps_what_our_connection_relies_on(tmp_path: Path) -> None:
    """A daemon thread, work and its errors in it, and sqlite3's own connection: none of it is aiosqlite's public face."""
    async with Bare(tmp_path / "bare.sqlite") as connection:
        assert isinstance(connection, Bare)
        assert connection.thread.is_alive()
        assert connection.thread.daemon
        assert isinstance(connection.inner, sqlite3.Connection)
        assert await connection.does(threading.get_ident) == connection.thread.ident
        assert await connection.does(lambda held: held, connection.inner) is connection.inner
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await connection.does(connection.inner.execute, "SELECT 1 FROM missing")
        assert not connection.inner.in_transaction


async def test_a_failed_statement_is_undone_with_its_transaction(engine: AsyncEngine) -> None:
    """An error in a transaction leaves nothing of it, and blocks nobody after it."""

    async def add_two() -> None:
        async with writing(engine) as connection:
            await connection.execute(sa.text("INSERT INTO things (name) VALUES ('half')"))
            await connection.execute(sa.text("INSERT INTO things (name) VALUES ('one')"))

    await add(engine, "one")
    with pytest.raises(sa.exc.IntegrityError):
        await add_two()
    async with asyncio.timeout(5):
        await add(engine, "two")
    assert await names(engine) == ["one", "two"]


async def test_somebody_cancelled_at_any_moment_leaves_the_store_usable(engine: AsyncEngine) -> None:
    """Cancelled at any step, a writer is done or undone, and others go on."""
    kept = []
    for steps in range(40):
        task = asyncio.create_task(add(engine, str(steps)))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            continue
        kept.append(str(steps))
    async with asyncio.timeout(5):
        await add(engine, "after")
    written = await names(engine)
    assert written[-1] == "after"
    assert set(kept) <= set(written)  # whoever heard of a commit finds it; one whose commit was under way may be there


async def test_a_rollback_undoes_what_somebody_left_behind_in_the_thread(tmp_path: Path) -> None:
    """A transaction that begins after its owner went away is undone too, before anybody else gets the connection."""
    file = str(tmp_path / "left.sqlite")
    connection = await connector(file, busy_seconds=5)()
    await connection.cursor().execute("CREATE TABLE things (name TEXT)")
    go = threading.Event()
    held = asyncio.create_task(connection.run(lambda _: go.wait(5)))
    begins = asyncio.create_task(connection.cursor().execute("BEGIN IMMEDIATE"))
    await asyncio.sleep(0)  # both are on their way to the thread, which is busy with the first
    begins.cancel()
    with pytest.raises(asyncio.CancelledError):
        await begins
    undone = asyncio.create_task(connection.rollback())
    await asyncio.sleep(0)
    go.set()
    await held
    await undone
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # nobody holds the lock
    await connection.close()


async def test_a_connection_stopped_in_the_middle_of_a_transaction_lets_go(tmp_path: Path) -> None:
    """Closed by force, a connection undoes what it began."""
    connect = connector(str(tmp_path / "stopped.sqlite"), busy_seconds=5)
    one, two = await connect(), await connect()
    await one.cursor().execute("CREATE TABLE things (name TEXT)")
    await one.cursor().execute("BEGIN IMMEDIATE")
    await one.cursor().execute("INSERT INTO things VALUES ('lost')")
    one.stop()
    await two.cursor().execute("BEGIN IMMEDIATE")
    cursor = two.cursor()
    await cursor.execute("SELECT count(*) FROM things")
    assert await cursor.fetchall() == [(0,)]
    await two.commit()
    await two.close()
