"""Opening the database: SQLite in a file, or PostgreSQL, with settings that keep promises under load and crashes.

On SQLite a transaction that will write takes the write lock at its beginning (`BEGIN IMMEDIATE`): a lock taken later
could fail in the middle, after rows were read, whatever the busy timeout. On PostgreSQL writers lock the request's row.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from handlers.store._sqlite import connector
from handlers.store.failures import drops_connection

BUSY_TIMEOUT_SECONDS: Final = 20
_WRITES: Final = "tines_sync_writes"
_EXPECTED: Final = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
_ENCODED: Final = "each of them percent-encoded, in user name and password: @ as %40, # as %23, / as %2F, ? as %3F, : as %3A, % as %25"
_POSTGRES: Final = re.compile(
    r"(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?P<hosts>[^@/?#]*)(?:/(?P<name>[^@/?#]*))?(?:\?(?P<query>[^#]*))?"
)
_HOST: Final = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MOST_PORT: Final = 65_535

WRITING: Final[Mapping[str, bool]] = MappingProxyType({_WRITES: True})
"""Execution options of a connection whose transaction will write."""


class DatabaseUrlError(ValueError):
    """The database URL names neither an SQLite file nor a PostgreSQL database. Nothing of a password is in its texts.

    `problem` is the end of a sentence that starts with DATABASE_URL, `expected` what would be right.
    """

    def __init__(self, problem: str, expected: str = _EXPECTED) -> None:
        super().__init__(f"DATABASE_URL {problem}: expected {expected}")
        self.problem = problem
        self.expected = expected


def parse_url(database_url: str) -> sa.URL:
    """Read `sqlite:///file` or `postgresql://…` (also `postgres://…`). Raises `DatabaseUrlError`."""
    scheme, separator, rest = database_url.strip().partition("://")
    backend = scheme.partition("+")[0].lower()
    if not separator:
        raise _no_url(scheme)
    if backend == "sqlite":
        return _sqlite_url(rest)
    if backend in {"postgresql", "postgres"}:
        return _postgres_url(rest)
    problem = "is not a database the bot can use"
    raise DatabaseUrlError(f"{problem}: {backend} is not supported" if backend.isalnum() else problem)


def _no_url(text: str) -> DatabaseUrlError:
    if text and not re.search(r"[@:\s]", text) and text.isprintable():  # nothing that could hold a password
        return DatabaseUrlError("is a path, not a URL", f"sqlite:///{text}")
    return DatabaseUrlError("is not a URL")


def _sqlite_url(rest: str) -> sa.URL:
    if rest in {"", "/", "/:memory:", ":memory:"}:
        problem = "must be a file: without one nothing is kept when the process ends"
        raise DatabaseUrlError(problem, "sqlite:///FILE")
    if not rest.startswith("/"):
        problem = "has two slashes before the file"
        raise DatabaseUrlError(problem, f"three: sqlite:///{rest}" if "@" not in rest else "three: sqlite:///FILE")
    if rest.startswith("/~"):
        problem = "starts with ~, which only a shell replaces"
        raise DatabaseUrlError(problem, "the full path, with four slashes: sqlite:////home/ada/tines-sync.sqlite")
    return sa.make_url(f"sqlite://{rest}")


def _postgres_url(rest: str) -> sa.URL:
    found = _POSTGRES.fullmatch(rest)
    if found is None or (found["user"] is None and "@" in rest) or _LONE_PERCENT.search(rest.partition("@")[0]):
        problem = "has a character that has a meaning of its own in a URL, probably in the password"
        raise DatabaseUrlError(problem, _ENCODED)
    places = [_HOST.fullmatch(each) for each in found["hosts"].split(",")]
    ports = [place["port"] or "" for place in places if place is not None]
    if len(ports) < len(places) or not all(map(_is_port, ports)):
        problem = "has a port that is no number"
        raise DatabaseUrlError(problem, f"a number from 1 to {_MOST_PORT} after the host")
    hosts = [unquote(place["host"].strip("[]")) for place in places if place is not None]
    # a slash first: an @ in the query is no end of a password
    query: dict[str, str | tuple[str, ...]] = dict(sa.make_url(f"postgresql:///?{found['query'] or ''}").query)
    url = sa.URL.create(
        "postgresql",
        username=_decoded(found["user"]),
        password=_decoded(found["password"]),
        database=_decoded(found["name"]),
    )
    if len(hosts) == 1 and not hosts[0].startswith("/"):
        url = url.set(host=hosts[0] or None, port=int(ports[0]) if ports[0] else None)
    else:  # several servers, or a socket: libpq reads them, SQLAlchemy does not
        query["host"] = ",".join(hosts)
        query["port"] = ",".join(port or "5432" for port in ports)
    return url.set(query=query)


def _decoded(text: str | None) -> str | None:
    return unquote(text) if text else None


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _MOST_PORT)


def is_sqlite(url: sa.URL) -> bool:
    """Whether the database is a file on this machine."""
    return url.get_backend_name() == "sqlite"


def open_engine(url: sa.URL, *, pool_size: int = 10) -> AsyncEngine:
    """Return the asyncio engine. Nothing is connected yet.

    After a failure that an open connection does not get over, such as a primary that was demoted, all connections
    that are open are dropped and others opened when they are needed.
    """
    if is_sqlite(url):
        engine = create_async_engine(
            url.set(drivername="sqlite+aiosqlite"),
            pool_size=pool_size,
            max_overflow=0,
            async_creator=connector(str(url.database), busy_seconds=BUSY_TIMEOUT_SECONDS),
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    else:
        from handlers.store import _postgres  # noqa: PLC0415 - psycopg costs a start on SQLite time and memory

        engine = create_async_engine(
            # no query: what it says is for the connector
            url.set(drivername="postgresql+psycopg", query={}),
            pool_size=pool_size,
            max_overflow=0,
            # Behind many jobs one waits one's turn: whoever is sent away only comes again. A person's answer has a
            # bound of its own (`bot.listeners.errors`).
            pool_timeout=10,
            pool_pre_ping=True,
            async_creator=_postgres.connector(url),
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "begin", _postgres.begin)
    event.listen(engine.sync_engine, "handle_error", _drop_connections)
    return engine


def _drop_connections(context: sa.ExceptionContext) -> None:
    if context.connection is not None and drops_connection(context.original_exception):
        context.is_disconnect = True  # with it, the pool drops every connection that was opened before


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
