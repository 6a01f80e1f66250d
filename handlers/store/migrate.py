"""Bringing a database to this version's tables, and refusing one that a newer version has changed.

`serve` runs it by itself on SQLite; elsewhere `tines-sync migrate` is the release step. A newer database is refused
rather than used, because an older process could write rows that the newer one misreads.
"""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from handlers.store.database import ensure_folder, is_sqlite, open_engine, parse_url


class SchemaError(Exception):
    """The database's tables do not fit this version; the text says what to run."""


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
    scripts = ScriptDirectory.from_config(_config())
    if found == scripts.get_current_head():
        return
    _refuse_newer(found, scripts)
    message = "the database is not prepared for this version: run `tines-sync migrate`"
    raise SchemaError(message)


def migrates_by_itself(database_url: str) -> bool:
    """Whether `serve` may migrate: only a file that no other machine uses."""
    return is_sqlite(parse_url(database_url))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "handlers.store:migrations")
    return config


def _current(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(found: str | None, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        message = f"the database was changed by a newer version of tines-sync (its revision {found} is unknown here)"
        raise SchemaError(message)


def _upgrade(connection: sa.Connection) -> str:
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    with connection.begin():
        if connection.dialect.name == "postgresql":
            # two machines that release at once: one migrates, the other finds it done
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7263871)"))
        _refuse_newer(_current(connection), scripts)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    head = scripts.get_current_head()
    if head is None:  # pragma: no cover - a package without its migrations cannot be built
        message = "no migrations were found: the installation is incomplete"
        raise SchemaError(message)
    return head
