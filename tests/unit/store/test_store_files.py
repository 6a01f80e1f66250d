"""The SQLite file and its folder: what cannot be written is said with its path and what to do, in one line."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.check.database import check_database
from bot.starting import alone_on
from handlers.store import DatabaseFileError, check_schema, migrate
from handlers.store.files import check_file, prepare_file

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that anybody may look into."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def without_rights() -> Iterator[None]:
    """Be somebody who may not write everywhere; a test that is not run as root is that already."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def closed(path: Path, mode: int) -> Path:
    """Take the right to write away from everybody."""
    path.chmod(mode)
    return path


def modes_in(folder: Path) -> dict[str, int]:
    """Return the rights of each file."""
    return {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}


@pytest.mark.parametrize("attempt", [check_file, prepare_file])
def test_a_folder_that_may_not_be_written(folder: Path, attempt: object) -> None:
    """The folder is named, and how this process comes to write there."""
    closed(folder, 0o555)
    with without_rights(), pytest.raises(DatabaseFileError) as refused:
        (check_file if attempt is check_file else prepare_file)(folder / "db.sqlite")
    said = str(refused.value)
    assert said.startswith(f"{folder} cannot be written: permission denied. ")
    assert "chown" in said or "chmod u+w" in said
    assert "DATABASE_URL" in said
    assert "\n" not in said


def test_a_folder_that_cannot_be_made(folder: Path) -> None:
    """A folder is only made where that is allowed."""
    closed(folder, 0o555)
    with without_rights(), pytest.raises(DatabaseFileError, match=f"{folder}/data cannot be made: permission denied"):
        prepare_file(folder / "data" / "db.sqlite")


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", ".lock"])
def test_a_file_of_somebody_else(folder: Path, ending: str) -> None:
    """Each file that is written is tried, such as one left behind by a command that was run as root."""
    folder.chmod(0o777)
    (folder / "db.sqlite").touch()
    (folder / "db.sqlite").chmod(0o666)
    closed_file = folder / f"db.sqlite{ending}"
    closed_file.touch()
    closed(closed_file, 0o444)
    with without_rights(), pytest.raises(DatabaseFileError) as refused:
        check_file(folder / "db.sqlite")
    assert str(refused.value).startswith(f"{closed_file} cannot be written: permission denied. ")


def test_a_lock_of_somebody_else(folder: Path) -> None:
    """The lock, too, is named when it cannot be written."""
    lock = folder / "db.sqlite.lock"
    lock.touch()
    closed(lock, 0o444)
    named = re.escape(f"{lock} cannot be written")
    with without_rights(), pytest.raises(DatabaseFileError, match=named), alone_on(str(folder / "db.sqlite")):
        pass


def test_a_folder_in_place_of_the_file(folder: Path) -> None:
    """A folder is told as such, with a URL that names a file in it."""
    with pytest.raises(DatabaseFileError, match=f"is a folder. Name a file in it: DATABASE_URL=sqlite:///{folder}/"):
        check_file(folder)


def test_a_file_in_place_of_the_folder(folder: Path) -> None:
    """A path through a file leads nowhere."""
    (folder / "notes").touch()
    with pytest.raises(DatabaseFileError, match="notes is not a folder"):
        check_file(folder / "notes" / "db.sqlite")


def test_nothing_is_left_by_trying(folder: Path) -> None:
    """To try whether a file could be made leaves none."""
    check_file(folder / "deep" / "down" / "db.sqlite")
    assert list(folder.iterdir()) == []


async def test_check_tries_to_write(folder: Path) -> None:
    """`check` finds a folder in which the first start could make no file, and says what to do."""
    closed(folder, 0o555)
    with without_rights():
        found = await check_database(f"sqlite:///{folder}/db.sqlite")
    assert not found.ok
    assert found.what == f"{folder} cannot be written: permission denied"
    assert "DATABASE_URL" in found.advice


async def test_files_are_made_for_their_owner_alone(folder: Path) -> None:
    """The database can be read by nobody else, whatever the umask; one that is there keeps its rights."""
    before = os.umask(0)
    try:
        await migrate(f"sqlite:///{folder}/db.sqlite")
        with alone_on(str(folder / "db.sqlite")):
            modes = modes_in(folder)
        closed(folder / "db.sqlite", 0o640)
        await check_schema(f"sqlite:///{folder}/db.sqlite")
    finally:
        os.umask(before)
    assert modes == {"db.sqlite": 0o600, "db.sqlite.lock": 0o600}
    assert modes_in(folder)["db.sqlite"] == 0o640
