"""Opening the database: SQLite in a file, or PostgreSQL, with settings that keep promises under load and crashes.

On SQLite a transaction that will write takes the write lock at its beginning (`BEGIN IMMEDIATE`): a lock taken later
could fail in the middle, after rows were read, whatever the busy timeout. On PostgreSQL writers lock the request's row.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from handlers.store._sqlite import connector

BUSY_TIMEOUT_SECONDS: Final = 20
_WRITES: Final = "tines_sync_writes"
# A process that is stopped in the middle of a transaction keeps its locks, and everybody else waits for them. No
# transaction here waits for anything but the database, so the server may end one that says nothing for so long.
_NO_SLEEPING_LOCKS: Final = "SET idle_in_transaction_session_timeout = '10s'"

WRITING: Final[Mapping[str, bool]] = MappingProxyType({_WRITES: True})
"""Execution options of a connection whose transaction will write."""


class DatabaseUrlError(ValueError):
    """The database URL names neither an SQLite file nor a PostgreSQL database; the text says what was expected."""


def parse_url(database_url: str) -> sa.URL:
    """Read `sqlite:///file` or `postgresql://…` (also `postgres://…`). Raises `DatabaseUrlError`."""
    try:
        url = sa.make_url(database_url)
    except sa.exc.ArgumentError:
        message = "expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
        raise DatabaseUrlError(message) from None
    backend = url.drivername.split("+", maxsplit=1)[0]
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            message = "an SQLite database must be a file: sqlite:///FILE"
            raise DatabaseUrlError(message)
        return url.set(drivername="sqlite")
    if backend in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql")
    message = f"{backend} is not supported: expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    raise DatabaseUrlError(message)


def is_sqlite(url: sa.URL) -> bool:
    """Whether the database is a file on this machine."""
    return url.get_backend_name() == "sqlite"


def open_engine(url: sa.URL, *, pool_size: int = 10) -> AsyncEngine:
    """Return the asyncio engine. Nothing is connected yet."""
    if not is_sqlite(url):
        engine = create_async_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            # Behind many jobs one waits one's turn: whoever is sent away only comes again. A person's answer has a bound of
            # its own (`bot.listeners.errors`).
            pool_timeout=10,
            pool_pre_ping=True,
            # a database behind a broken network is noticed in the time that Slack waits
            # nothing is prepared on the server: a pooler may run the next statement on another connection
            connect_args={"connect_timeout": 2, "tcp_user_timeout": 2500, "prepare_threshold": None},
        )
        event.listen(engine.sync_engine, "connect", _prepare_postgresql)
        return engine
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        pool_size=pool_size,
        max_overflow=0,
        async_creator=connector(str(url.database), busy_seconds=BUSY_TIMEOUT_SECONDS),
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def ensure_folder(url: sa.URL) -> None:
    """Make the folder of an SQLite file, so that a first start needs no preparation."""
    if is_sqlite(url) and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _prepare_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
    # said here and not when connecting: poolers turn away start-up options that they do not know
    cursor = connection.cursor()
    cursor.execute(_NO_SLEEPING_LOCKS)
    cursor.close()
    connection.commit()


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer
    cursor.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut, or it was not acknowledged
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -16000")  # 16 MB
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
