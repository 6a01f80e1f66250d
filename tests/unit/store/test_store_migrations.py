import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from handlers.store import DatabaseUrlError, SchemaError, check_schema, migrate, migrates_by_itself, tables, upgrading
from handlers.store.database import parse_url
from handlers.store.migrate import REVISION

from .harness import sync_engine


async def test_from_nothing(database_url: str) -> None:
    """Migrating an empty database makes exactly the tables that the code describes, and may run again."""
    first = await migrate(database_url)
    assert await migrate(database_url) == first
    await check_schema(database_url)
    engine = sync_engine(database_url)
    inspector = sa.inspect(engine)
    found = {
        table: {column["name"] for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
        if table != "alembic_version" and not table.startswith("procrastinate_")
    }
    assert found == {table.name: {column.name for column in table.columns} for table in tables.metadata.sorted_tables}
    indexes = {index["name"] for table in found for index in inspector.get_indexes(table)}
    assert {index.name for table in tables.metadata.sorted_tables for index in table.indexes} <= indexes
    engine.dispose()


async def test_a_newer_database_is_refused(database_url: str) -> None:
    """A database that a newer version has changed is neither used nor migrated."""
    await migrate(database_url)
    engine = sync_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999_future'"))
    engine.dispose()
    for refuses in (migrate, check_schema):
        with pytest.raises(SchemaError, match=r"newer version of tines-sync.*9999_future"):
            await refuses(database_url)


async def test_an_unprepared_database_is_refused(database_url: str) -> None:
    """A process that must not migrate says what to run when the tables are not there."""
    with pytest.raises(SchemaError, match="tines-sync migrate"):
        await check_schema(database_url)


def test_the_newest_migration_is_the_one_that_a_start_looks_for() -> None:
    """A start takes the tables for right by one revision, and that is the one that the migrations lead to."""
    assert upgrading.head() == REVISION


def test_a_start_on_right_tables_does_not_load_the_migrations(tmp_path: Path) -> None:
    """Once the tables are there, another process starts without Alembic, which costs time and memory."""
    url = f"sqlite:///{tmp_path}/there.sqlite"
    script = "import asyncio, sys; from handlers.store import migrate; asyncio.run(migrate(sys.argv[1]));"
    loaded = [
        subprocess.run(  # noqa: S603 - this Python, with a text of ours
            [sys.executable, "-c", f"{script} print('alembic' in sys.modules)", url],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert loaded == ["True", "False"]


@pytest.mark.parametrize(
    ("url", "alone"), [("sqlite:///x.db", True), ("postgresql://u@h/d", False), ("postgres://u@h/d", False)]
)
def test_only_a_file_is_migrated_by_itself(url: str, *, alone: bool) -> None:
    """Only a database that no other machine uses is migrated at start."""
    assert migrates_by_itself(url) is alone


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("mysql://u:secret-word@h/d", "mysql is not supported"),
        ("no url", "expected sqlite:///FILE or postgresql://"),
    ],
)
def test_other_databases_are_refused(url: str, said: str) -> None:
    """A URL that names no usable database is refused with what was expected, without its password."""
    with pytest.raises(DatabaseUrlError, match=said) as refused:
        parse_url(url)
    assert "secret-word" not in str(refused.value)
