"""A database that is away, refuses to write or was exchanged: told as the database, and usable again without a restart."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from handlers.store import Store, StoreUnavailableError
from handlers.store.database import open_engine, parse_url
from handlers.store.failures import driver_words, drops_connection, is_unavailable

from .harness import StoreHarness, a_request

REASON = "what somebody wrote as the reason"


@pytest.fixture
async def postgres_store(prepared_postgres: str) -> AsyncIterator[Store]:
    """Give a store on PostgreSQL."""
    harness = StoreHarness(prepared_postgres)
    async with harness.stack:
        yield harness.store()


@pytest.fixture
async def sqlite_store(prepared_sqlite: str) -> AsyncIterator[Store]:
    """Give a store on SQLite."""
    harness = StoreHarness(prepared_sqlite)
    async with harness.stack:
        yield harness.store()


def file_of(url: str) -> Path:
    """Return the file of an SQLite database."""
    return Path(str(parse_url(url).database))


def administer(url: str, *statements: str) -> None:
    """Do something to a PostgreSQL database as its superuser."""
    with psycopg.connect(url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        for statement in statements:
            connection.execute(statement.replace("{name}", connection.info.dbname).encode())


END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def write(store: Store, number: int = 1) -> None:
    """Add a request in a transaction."""
    async with store.transaction() as transaction:
        await transaction.requests.add(a_request(number))
        transaction.audit.record("asked", "U0RINA", f"TS-{number:08}", reason=REASON)


async def refused(store: Store, number: int) -> str:
    """Try to write, which must fail as the database's failure, and return what the driver said."""
    with pytest.raises(StoreUnavailableError) as caught:
        await write(store, number)
    assert REASON not in caught.value.words
    assert "INSERT INTO" not in caught.value.words
    assert "\n" not in caught.value.words
    return caught.value.words


@pytest.mark.parametrize(
    ("refuse", "allow", "words"),
    [
        (
            'ALTER DATABASE "{name}" SET default_transaction_read_only = on',
            'ALTER DATABASE "{name}" RESET default_transaction_read_only',
            "read-only transaction",
        ),
        ("ALTER TABLE chain RENAME TO gone", "ALTER TABLE gone RENAME TO chain", "does not exist"),
    ],
)
async def test_a_server_that_refuses_writes(
    prepared_postgres: str, postgres_store: Store, refuse: str, allow: str, words: str
) -> None:
    """A write fails as the database's, with the driver's words; once it takes writes, the same store writes again."""
    await write(postgres_store, 1)
    administer(prepared_postgres, refuse, END_ALL)
    assert words in await refused(postgres_store, 2)
    with pytest.raises(StoreUnavailableError):
        await postgres_store.try_writing()
    administer(prepared_postgres, allow, END_ALL)
    await write(postgres_store, 2)
    await postgres_store.try_writing()


async def test_a_primary_that_was_demoted_is_left(postgres_store: Store) -> None:
    """A connection that works but refuses writes is dropped with the first refusal, so that the next one finds another."""
    async with postgres_store.transaction() as transaction:
        await transaction.requests._connection.execute(sa.text("SET SESSION default_transaction_read_only = on"))  # noqa: SLF001
    assert "read-only transaction" in await refused(postgres_store, 1)
    await write(postgres_store, 1)


async def test_a_session_that_was_ended(prepared_postgres: str, postgres_store: Store) -> None:
    """Ended in the middle of a transaction, a session is the database's failure, and the next write succeeds."""

    async def ended() -> None:
        async with postgres_store.transaction() as transaction:
            await transaction.audit.head()
            administer(prepared_postgres, END_ALL)
            await transaction.audit.head()

    with pytest.raises(StoreUnavailableError):
        await ended()
    await write(postgres_store, 1)


@pytest.mark.parametrize("put", ["deleted", "replaced", "emptied"])
async def test_a_file_that_is_not_the_one_that_was_opened(prepared_sqlite: str, sqlite_store: Store, put: str) -> None:
    """Nothing is written to a file that was deleted or replaced; with the right one in place, the store goes on."""
    file = file_of(prepared_sqlite)
    await write(sqlite_store, 1)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = file.with_name("kept.sqlite")
    file.rename(kept)
    if put == "replaced":
        shutil.copyfile(kept, file)
    if put == "emptied":
        file.write_bytes(b"")
    words = await refused(sqlite_store, 2)
    assert "deleted or replaced" in words
    if put == "deleted":
        assert "unable to open" in await refused(sqlite_store, 2)
        assert not file.exists()  # a new empty one would hide that everything is gone
    if put == "emptied":
        assert "no such table" in await refused(sqlite_store, 2)
    if put != "replaced":
        for ending in ("", "-wal", "-shm"):
            file.with_name(file.name + ending).unlink(missing_ok=True)
        kept.rename(file)
    await _until_written(sqlite_store, 2)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM requests").fetchone() == (2,)


async def _until_written(store: Store, number: int) -> None:
    """Write; a connection to what stood in the file's place may be noticed first."""
    for _ in range(3):
        try:
            await write(store, number)
        except StoreUnavailableError:
            continue
        return
    await write(store, number)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A file with something else in it is the database's failure, and left as it is."""
    file = tmp_path / "notes.sqlite"
    file.write_text("no database at all " * 100)
    harness = StoreHarness(f"sqlite:///{file}")
    async with harness.stack:
        assert "not a database" in await refused(harness.store(), 1)
    assert file.read_text() == "no database at all " * 100


async def test_a_file_that_can_only_be_read(prepared_sqlite: str) -> None:
    """A refusal to write is the database's, and the connection is not used again."""
    engine = open_engine(parse_url(prepared_sqlite), pool_size=1)
    harness = StoreHarness(prepared_sqlite)
    store = Store(engine, harness.jobs.wake, clock=lambda: harness.now)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA query_only = ON")
        await connection.rollback()
    assert "readonly" in await refused(store, 1)
    await write(store, 1)
    await store.close()


async def test_a_disk_that_is_full(prepared_sqlite: str) -> None:
    """A disk without room is the database's failure, also for the look whether a click could be taken."""
    engine = open_engine(parse_url(prepared_sqlite), pool_size=1)
    harness = StoreHarness(prepared_sqlite)
    store = Store(engine, harness.jobs.wake, clock=lambda: harness.now)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count = 1")
        await connection.rollback()

    async def fill() -> None:
        for number in range(100):
            await write(store, number)

    with pytest.raises(StoreUnavailableError, match="does not answer") as caught:
        await fill()
    assert "full" in caught.value.words
    await write(store, 200)  # over a connection without that bound
    await store.close()


async def test_a_look_changes_nothing(prepared_database: str) -> None:
    """To try whether writing works leaves every row as it was, and the record whole."""
    harness = StoreHarness(prepared_database)
    async with harness.stack:
        store = harness.store()
        await write(store, 1)
        async with store.reading() as reader:
            before = await reader.audit.head()
        await store.try_writing()
        async with store.reading() as reader:
            assert await reader.audit.head() == before


async def test_a_mistake_in_a_statement_is_no_failure_of_the_database(prepared_database: str) -> None:
    """A wrong statement is an error of ours; its text holds no value that was sent with it."""
    harness = StoreHarness(prepared_database)

    async def wrong() -> None:
        async with harness.store().transaction() as transaction:
            await transaction.requests._connection.execute(  # noqa: SLF001 - the store itself makes no such mistake
                sa.text("INSERT INTO chain (id, seq, hash) VALUES (1, 5, :reason)"), {"reason": REASON}
            )

    async with harness.stack:
        with pytest.raises(sa.exc.IntegrityError) as caught:
            await wrong()
    assert REASON not in str(caught.value)
    assert REASON not in driver_words(caught.value)
    assert not is_unavailable(caught.value)


@pytest.mark.parametrize(
    ("code", "unavailable", "dropped"),
    [
        ("25006", True, True),  # read_only_sql_transaction
        ("25P03", True, True),  # idle_in_transaction_session_timeout
        ("57P01", True, True),  # admin_shutdown
        ("57P02", True, True),  # crash_shutdown
        ("57P03", True, True),  # cannot_connect_now
        ("57P05", True, True),  # idle_session_timeout
        ("53100", True, True),  # disk_full
        ("53300", True, True),  # too_many_connections
        ("08006", True, True),  # connection_failure
        ("08P01", True, True),  # protocol_violation, as a pooler says it
        ("58030", True, True),  # io_error
        ("XX001", True, True),  # data_corrupted
        ("26000", True, True),  # a prepared statement that is on another connection
        ("54000", True, False),  # no more transaction ids
        ("55000", True, False),  # a server that recovers
        ("57014", True, False),  # a statement that took too long
        ("42501", True, False),  # no right to write
        ("42P01", True, False),  # no such table
        ("23505", False, False),  # unique_violation
        ("42703", False, False),  # undefined_column: a mistake of ours
        ("22P05", False, False),  # untranslatable_character
    ],
)
def test_codes_of_postgresql(code: str, *, unavailable: bool, dropped: bool) -> None:
    """What the server says decides whether it is the database's failure, and whether its connections are kept."""
    original = psycopg.Error("said")
    original.sqlstate = code
    error = sa.exc.DBAPIError("INSERT", {}, original)
    assert is_unavailable(error) is unavailable
    assert drops_connection(original) is dropped


def test_values_of_rows_are_not_told() -> None:
    """What PostgreSQL tells of a row below its message is left out."""
    text = f'null value in column "hash" violates not-null constraint\nDETAIL:  Failing row contains (1, {REASON}).'
    assert driver_words(psycopg.Error(text)) == 'null value in column "hash" violates not-null constraint'


async def test_the_head_of_the_record_is_logged(prepared_database: str) -> None:
    """Each commit that adds events names the new head of their chain in its log lines, and only such a commit."""
    harness = StoreHarness(prepared_database)
    async with harness.stack:
        store = harness.store()
        with capture_logs() as lines:
            await write(store, 1)
            async with store.transaction() as transaction:
                await transaction.requests.add(a_request(2))
            await write(store, 3)
        async with store.reading() as reader:
            seq, hash_ = await reader.audit.head()
    heads = [(line["seq"], line["hash"]) for line in lines if line["event"] == "recorded"]
    assert [number for number, _ in heads] == [1, 2]
    assert heads[-1] == (seq, hash_)
