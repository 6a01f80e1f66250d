"""Bringing a database to this version's tables, and refusing one that a newer version has changed.

`serve` runs it by itself on SQLite; elsewhere `tines-sync migrate` is the release step. A newer database is refused
rather than used, because an older process could write rows that the newer one misreads.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.store.database import is_sqlite, open_engine, parse_url
from handlers.store.failures import StoreUnavailableError, driver_words
from handlers.store.files import prepare_file

REVISION: Final = "0001"
"""The revision of this version's tables: the newest of the migrations."""

_VERSIONS: Final = sa.table("alembic_version", sa.column("version_num", sa.String))  # where Alembic keeps the revision


class SchemaError(Exception):
    """The database's tables do not fit this version; the text says what to run."""


class NewerSchemaError(SchemaError):
    """A newer version has changed the database."""


class EncodingError(SchemaError):
    """The database cannot hold every character, and its encoding cannot be changed; the text says how to make another."""

    def __init__(self, name: str, encoding: str) -> None:
        self.what = f"the database {name} has the encoding {encoding}, in which not every name can be written"
        command = f"createdb --encoding=UTF8 --template=template0 {name}_utf8"
        self.advice = f"Make another and name it in DATABASE_URL: {command}"
        super().__init__(f"{self.what}. {self.advice}")


async def migrate(database_url: str) -> str:
    """Create or upgrade the tables and return the revision reached.

    Raises `SchemaError` when a newer version has changed the database or it has another encoding than UTF8,
    `DatabaseFileError` for a file that this process may not write, `DatabaseUrlError` for a bad URL, and
    `StoreUnavailableError`, which says what the driver said.
    """
    url = parse_url(database_url)
    if is_sqlite(url):
        prepare_file(Path(str(url.database)))
    async with _connected(url) as connection:
        return await connection.run_sync(_upgrade)


async def check_schema(database_url: str) -> None:
    """Raise `SchemaError` unless the tables are exactly this version's. Raises as `migrate` does."""
    async with _connected(parse_url(database_url)) as connection:
        found = await connection.run_sync(_current)
    if found == REVISION:
        return
    _refuse_newer(found)
    message = "the database is not prepared for this version: run `tines-sync migrate`"
    raise SchemaError(message)


@asynccontextmanager
async def _connected(url: sa.URL) -> AsyncIterator[AsyncConnection]:
    """Connect to a database in which everything can be written."""
    engine = open_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_refuse_encoding)
            yield connection
    except sa.exc.DBAPIError as error:
        where = f" {url.database}" if is_sqlite(url) else ""
        words = driver_words(error)
        raise StoreUnavailableError(words, f"the database{where} cannot be used: {words}") from None
    finally:
        await engine.dispose()


def migrates_by_itself(database_url: str) -> bool:
    """Whether `serve` may migrate: only a file that no other machine uses."""
    return is_sqlite(parse_url(database_url))


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSIONS.name):
        return None
    return connection.execute(sa.select(_VERSIONS.c.version_num)).scalar_one_or_none()


def _refuse_encoding(connection: sa.Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    name, encoding = connection.execute(sa.text("SELECT current_database(), current_setting('server_encoding')")).one()
    connection.rollback()
    if encoding != "UTF8":
        raise EncodingError(name, encoding)


def _refuse_newer(found: str | None) -> None:
    from handlers.store.upgrading import known_revisions  # noqa: PLC0415 - see there: most starts need none of it

    if found is not None and found not in known_revisions():
        message = f"the database was changed by a newer version of tines-sync (its revision {found} is unknown here)"
        raise NewerSchemaError(message)


def _upgrade(connection: sa.Connection) -> str:
    with connection.begin():
        if connection.dialect.name == "postgresql":
            # two machines that release at once: one migrates, the other finds it done
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7263871)"))
        found = _current(connection)
        if found == REVISION:
            return REVISION
        from handlers.store.upgrading import upgrade  # noqa: PLC0415 - see there: most starts need none of it

        _refuse_newer(found)
        upgrade(connection)
    return REVISION
