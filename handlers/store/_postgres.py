"""PostgreSQL for asyncio: connections that let go of locks, also through a connection pooler.

PgBouncer in transaction mode gives every transaction another connection of the server: it refuses options at the start
of a connection, and a statement that was prepared on one connection is not there on the next. Both are left out where
a pooler is noticed, by its refusal or by the process id, which it makes up
(https://www.pgbouncer.org/features.html#sql-feature-map-for-pooling-modes).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg
import sqlalchemy as sa

IDLE_SECONDS: Final = 10
# A process that is stopped in the middle of a transaction keeps its locks, and everybody else waits for them. No
# transaction here waits for anything but the database, so the server may end one that says nothing for so long.
OPTIONS: Final = f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
_LOCAL_TIMEOUT: Final = f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"
_REFUSED: Final = "unsupported startup parameter"  # as PgBouncer says it
_POOLER: Final = "pgbouncer"  # `?pgbouncer=true` in the URL, as some hosts write it

Driver = psycopg.AsyncConnection[tuple[Any, ...]]


def connect_arguments(url: sa.URL, *, pooler: bool = False) -> dict[str, Any]:
    """Return the arguments of `psycopg.connect` for a URL, with this program's own beside those of the URL.

    `pooler`: leave out what a connection pooler in transaction mode refuses.
    """
    said = url.set(drivername="postgresql+psycopg").difference_update_query([_POOLER])
    arguments = dict(said.get_dialect()().create_connect_args(said)[1])
    options = " ".join(part for part in ("" if pooler else OPTIONS, arguments.pop("options", "")) if part)
    if options:
        arguments["options"] = options
    # A database behind a broken network is noticed in the time that Slack waits. Names are not only in Latin-1,
    # whatever PGCLIENTENCODING says.
    arguments |= {"connect_timeout": 2, "tcp_user_timeout": 2500, "client_encoding": "utf8"}
    if pooler:
        arguments["prepare_threshold"] = None
    return arguments


def connector(url: sa.URL) -> Callable[[], Awaitable[Driver]]:
    """Return what opens connections to a server, or to a pooler before it."""
    pooler = url.query.get(_POOLER) == "true"

    async def connect() -> Driver:
        nonlocal pooler
        if not pooler:
            try:
                connection = await psycopg.AsyncConnection.connect(**connect_arguments(url))
            except psycopg.OperationalError as error:
                if _REFUSED not in str(error):
                    raise
                pooler = True
            else:
                pooler = await _is_pooled(connection)
                if pooler:  # one that was told to overlook options
                    connection.prepare_threshold = None
                return connection
        return await psycopg.AsyncConnection.connect(**connect_arguments(url, pooler=True))

    return connect


def is_pooled(connection: sa.Connection) -> bool:
    """Whether a connection goes through a pooler that was noticed."""
    driver: Any = connection.connection.driver_connection
    return driver is not None and driver.prepare_threshold is None


def begin(connection: sa.Connection) -> None:
    """Let the server end a silent transaction, where that could not be said at the start of the connection."""
    if is_pooled(connection):
        connection.exec_driver_sql(_LOCAL_TIMEOUT)


async def _is_pooled(connection: Driver) -> bool:
    """Whether the process that answers is not the one that greeted."""
    try:
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        await connection.rollback()
    except BaseException:
        await connection.close()
        raise
    return row is None or row[0] != connection.info.backend_pid
