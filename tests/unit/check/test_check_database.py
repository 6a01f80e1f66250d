from pathlib import Path

import sqlalchemy as sa

from bot.check.database import check_database
from tests.unit.store.harness import sync_engine


def stamped(url: str, revision: str) -> str:
    """Change what a database says of its tables."""
    engine = sync_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()
    return url


def files_in(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return [each.name for each in folder.iterdir()]


async def test_a_database_as_it_should_be(prepared_database: str) -> None:
    """Tables of this version are in order, and the revision is named."""
    finding = await check_database(prepared_database)
    assert finding.ok
    assert "revision 0001" in finding.what
    assert "checks for jobs" not in finding.what  # a database that tells of them at once


async def test_a_newer_database(prepared_database: str) -> None:
    """Tables of a newer version are told as such, with what to do."""
    finding = await check_database(stamped(prepared_database, "9999"))
    assert not finding.ok
    assert "newer version" in finding.what
    assert finding.advice


async def test_a_database_without_tables(database_url: str, tmp_path: Path) -> None:
    """A file need not be there yet, and is not made by looking; a server's tables are made by the release."""
    finding = await check_database(database_url)
    on_file = database_url.startswith("sqlite")
    assert finding.ok is on_file
    assert files_in(tmp_path) == []
    assert on_file or finding.advice == "Run: tines-sync migrate"


async def test_a_server_out_of_reach() -> None:
    """What the driver says is told, without the password."""
    finding = await check_database("postgresql://u:t0ps3cret@127.0.0.1:1/d")
    assert not finding.ok
    assert "127.0.0.1" in finding.what
    assert "t0ps3cret" not in finding.what + finding.advice


async def test_no_database_at_all(tmp_path: Path) -> None:
    """A file that is none is told in the driver's words."""
    (tmp_path / "x.sqlite").write_text("no database, but text that is long enough to be read as a page of one" * 100)
    finding = await check_database(f"sqlite:///{tmp_path}/x.sqlite")
    assert not finding.ok
    assert "not a database" in finding.what
