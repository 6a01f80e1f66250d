"""SQLite under asyncio: writers take turns, a lock is waited for, and whoever leaves in the middle breaks nothing."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

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
        await connection.execute(sa.text("CREATE TABLE things (name TEXT UNIQUE)"))
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
        await connection.execute(sa.text("INSERT INTO things VALUES (:name)"), {"name": name})


async def names(engine: AsyncEngine) -> list[str]:
    """Return what was written, in its order."""
    async with engine.connect() as connection:
        return list((await connection.execute(sa.text("SELECT name FROM things ORDER BY rowid"))).scalars())


async def test_writers_are_served_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """Nobody is overtaken, however many want to write."""
    connect = connector(str(tmp_path / "turns.sqlite"), busy_seconds=5)
    connections = [await connect() for _ in range(6)]
    served: list[int] = []

    async def write(number: int) -> None:
        await connections[number].cursor().execute("BEGIN IMMEDIATE")
        served.append(number)
        await connections[number].commit()

    await connections[0].cursor().execute("BEGIN IMMEDIATE")
    waiting = []
    for number in (3, 1, 5, 2, 4):
        waiting.append(asyncio.create_task(write(number)))
        await asyncio.sleep(0)
    assert served == []
    await connections[0].commit()
    await asyncio.gather(*waiting)
    assert served == [3, 1, 5, 2, 4]
    for connection in connections:
        await connection.close()


async def test_readers_do_not_wait_for_a_writer(engine: AsyncEngine) -> None:
    """What a writer has not committed holds up no reader, and is not seen."""
    await add(engine, "before")
    async with writing(engine) as connection:
        await connection.execute(sa.text("INSERT INTO things VALUES ('meanwhile')"))
        assert await names(engine) == ["before"]
    assert await names(engine) == ["before", "meanwhile"]


async def test_a_lock_of_another_process_is_waited_for_while_the_loop_goes_on(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Whoever waits for a lock waits outside the loop."""
    with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(add(engine, "late"))
        await _until_it_waits(task)
        assert await names(engine) == []
        other.execute("COMMIT")
    await task
    assert await names(engine) == ["late"]


async def test_a_lock_that_is_never_given_back_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    """Waiting has an end, for another process's lock as for one's turn."""
    file = str(tmp_path / "locked.sqlite")
    connect = connector(file, busy_seconds=0.05)
    one, two = await connect(), await connect()
    await one.cursor().execute("CREATE TABLE things (name TEXT)")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await one.cursor().execute("BEGIN IMMEDIATE")  # waits for the other process
        other.execute("COMMIT")
    await one.cursor().execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await two.cursor().execute("BEGIN IMMEDIATE")  # waits for its turn
    await one.commit()
    await two.cursor().execute("BEGIN IMMEDIATE")
    await two.rollback()
    await one.close()
    await two.close()


async def test_a_failed_statement_gives_the_turn_back_with_the_rollback(engine: AsyncEngine) -> None:
    """An error in a transaction blocks nobody after it."""
    await add(engine, "one")
    with pytest.raises(sa.exc.IntegrityError):
        await add(engine, "one")
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


async def test_somebody_cancelled_while_waiting_for_a_turn_does_not_take_it(engine: AsyncEngine) -> None:
    """A turn goes to somebody who is still there."""
    async with writing(engine):
        task = asyncio.create_task(add(engine, "never"))
        await _until_it_waits(task)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(5):
        await add(engine, "next")
    assert await names(engine) == ["next"]


async def test_a_connection_stopped_in_the_middle_of_a_transaction_gives_its_turn_back(tmp_path: Path) -> None:
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


async def _until_it_waits(task: "asyncio.Task[None]") -> None:
    """Let others run until the task has been left waiting for many turns of the loop."""
    for _ in range(200):
        await asyncio.sleep(0)
    assert not task.done()
