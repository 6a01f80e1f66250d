"""The SQLite file and its folder: whether this process may write there, and if not, which path and what to do.

It prevents a start that ends in a traceback of the database driver, which names neither.
"""

import errno
import os
import pwd
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

_BESIDE: Final = ("-wal", "-shm", ".lock")  # what SQLite and this program keep beside the file
_ELSEWHERE: Final = "name a file elsewhere in DATABASE_URL"
_ADVICE: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.EROFS: f"Mount it so that it can be written, or {_ELSEWHERE}.",
        errno.ENOSPC: f"Free some space there, or {_ELSEWHERE}.",
        errno.EDQUOT: f"Free some space there, or {_ELSEWHERE}.",
    }
)


class DatabaseFileError(Exception):
    """The database's file cannot be used by this process; the text says which path, why, and what to do."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}. {advice}")
        self.what = what  # a sentence without its full stop
        self.advice = advice


def prepare_file(file: Path) -> None:
    """Make the folder of a database's file where it is missing, and see that everything there can be written.

    Raises `DatabaseFileError`.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(file.parent, "cannot be made", error) from None
    check_file(file)


def check_file(file: Path) -> None:
    """Try whether a database's file can be made or written, without changing it. Raises `DatabaseFileError`."""
    folder = file.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        what = f"{folder} is not a folder, so that {file} cannot be made there"
        raise DatabaseFileError(what, f"{_ELSEWHERE[0].upper()}{_ELSEWHERE[1:]}.")
    if file.is_dir():
        what = f"{file} is a folder"
        raise DatabaseFileError(what, f"Name a file in it: DATABASE_URL=sqlite:///{file}/tines-sync.sqlite")
    _try_folder(folder)
    for path in (file, *(file.with_name(file.name + ending) for ending in _BESIDE)):
        if not path.exists():
            continue
        try:
            os.close(os.open(path, os.O_RDWR))
        except OSError as error:
            raise _unwritable(path, "cannot be written", error) from None


def private_file(path: Path) -> int:
    """Open a file to write, made readable for its owner alone; returns the descriptor. Raises `DatabaseFileError`."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(path, "cannot be written", error) from None


def _try_folder(folder: Path) -> None:
    """Make a file in a folder and remove it: rights alone do not tell of a file system that is read-only or full."""
    probe = folder / f".tines-sync-{secrets.token_hex(4)}"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise _unwritable(folder, "cannot be written", error) from None
    finally:
        with suppress(OSError):
            probe.unlink()


def _unwritable(path: Path, what: str, error: OSError) -> DatabaseFileError:
    advice = _ADVICE.get(error.errno or 0, "")
    if not advice:
        advice = f"{_ownership(path)}, or {_ELSEWHERE}."
    return DatabaseFileError(f"{path} {what}: {(error.strerror or 'unknown error').lower()}", advice)


def _ownership(path: Path) -> str:
    """Say whom the nearest path that exists belongs to, and what would let this process write it."""
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        owner = path.stat().st_uid
    except OSError:
        return "Give this process the right to write there"
    me = os.geteuid()
    if owner == me:
        return f"Give its owner the right to write: chmod u+w {path}"
    return f"{path} belongs to {_name(owner)} and this process runs as {_name(me)}: chown {_name(me)} {path}"


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
