"""Bringing a database to this version's tables, and refusing one that a newer version has changed.

`serve` runs it by itself on SQLite; elsewhere `tines-sync migrate` is the release step. A newer database is refused
rather than used, because an older process could write rows that the newer one misreads.
"""

from typing import Final

import sqlalchemy as sa

from handlers.store.database import ensure_folder, is_sqlite, open_engine, parse_url

REVISION: Final = "0001"
"""The revision of this version's tables: the newest of the migrations."""

_VERSIONS: Final = sa.table("alembic_version", sa.column("version_num", sa.String))  # where Alembic keeps the revision


class SchemaError(Exception):
    """The database's tables do not fit this version; the text says what to run."""


class NewerSchemaError(SchemaError):
    """A newer version has changed the database."""


async def migrate(database_url: str) -> str:
    """Create or upgrade the tables and return the revision reached.

    Raises `SchemaError` when a newer version has changed the database, `DatabaseUrlError` for a bad URL.
    """
    url = parse_url(database_url)
    ensure_folder(url)
    engine = open_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def check_schema(database_url: str) -> None:
    """Raise `SchemaError` unless the tables are exactly this version's."""
    engine = open_engine(parse_url(database_url), pool_size=1)
    try:
        async with engine.connect() as connection:
            found = await connection.run_sync(_current)
    finally:
        await engine.dispose()
    if found == REVISION:
        return
    _refuse_newer(found)
    message = "the database is not prepared for this version: run `tines-sync migrate`"
    raise SchemaError(message)


def migrates_by_itself(database_url: str) -> bool:
    """Whether `serve` may migrate: only a file that no other machine uses."""
    return is_sqlite(parse_url(database_url))


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSIONS.name):
        return None
    return connection.execute(sa.select(_VERSIONS.c.version_num)).scalar_one_or_none()


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
