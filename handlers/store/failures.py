"""Failures of the database itself, told apart from mistakes in this program.

A database that is away, refuses to write, or was exchanged under a running process is nobody's fault who clicks: it
is told as "the database", the connection is dropped, and the next attempt opens another. A demoted primary, for
example, keeps its connections open and refuses every write on them: a pool that kept such a connection would fail
until a restart, also after the address points to the new primary.
"""

import re
import sqlite3
from typing import Final

import sqlalchemy as sa

_MOST_WORDS: Final = 300
# What a row holds must not be in a log; PostgreSQL tells it below the message itself.
_DETAIL: Final = re.compile(r"\s*\b(?:DETAIL|HINT|CONTEXT|LINE \d+): .*", re.DOTALL)

# SQLSTATE classes and codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNAVAILABLE: Final = (
    *("08", "53", "57", "58", "XX"),  # connection, resources, operator intervention, system, damage
    *("25", "54", "55"),  # a read-only or ended transaction, a limit reached, a server that recovers
    *("26", "42P05"),  # a prepared statement that a connection pooler gave to somebody else
    *("28", "3D", "3F", "42501", "42P01"),  # no entry, no such database, no right to write, tables gone
)
_DROPPING: Final = ("08", "25", "26", "42P05", "53", "57P", "58", "XX")

_SQLITE_UNAVAILABLE: Final = (sqlite3.OperationalError, sqlite3.InternalError)
_SQLITE_DROPPING: Final = frozenset(
    {
        *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
    }
)
_PRIMARY_CODE: Final = 0xFF  # of an extended result code: https://sqlite.org/rescode.html


class StoreUnavailableError(Exception):
    """The database cannot be reached, does not answer or refuses to write. What was committed before is safe.

    The text is for whoever waits. `words` is what the driver said, without the statement and its values.
    """

    def __init__(self, words: str = "", text: str = "the database does not answer") -> None:
        super().__init__(text)
        self.words = words


class FileReplacedError(sqlite3.OperationalError):
    """The SQLite file is not the one that was opened: it was deleted or replaced."""


def is_unavailable(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether an error is the database's own failure, and not a mistake in a statement or its values."""
    if isinstance(error, sa.exc.TimeoutError | sa.exc.PendingRollbackError):
        return True  # no connection was free; a connection ended in the middle of its transaction
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return type(error.orig) is sqlite3.DatabaseError or isinstance(error.orig, _SQLITE_UNAVAILABLE)
    return _sqlstate(error.orig).startswith(_UNAVAILABLE)


def drops_connection(error: BaseException) -> bool:
    """Whether after this error of a driver no connection that is open now can be trusted to work again."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return isinstance(error, FileReplacedError) or code & _PRIMARY_CODE in _SQLITE_DROPPING
    return _sqlstate(error).startswith(_DROPPING)


def driver_words(error: BaseException) -> str:
    """Return what the driver said, on one line and without values; SQLAlchemy's own text would show the statement."""
    said = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
    return " ".join(_DETAIL.sub("", str(said)).split())[:_MOST_WORDS]


def _sqlstate(error: BaseException | None) -> str:
    code = getattr(error, "sqlstate", None)
    return code if isinstance(code, str) else ""
