"""Tries the database: whether it answers, takes writes, and has this version's tables. Changes nothing in it."""

import asyncio
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from bot.check.findings import Finding
from handlers.engine import POLL_SECONDS, hears_notifications
from handlers.store import (
    DatabaseFileError,
    DatabaseUrlError,
    NewerSchemaError,
    SchemaError,
    StoreUnavailableError,
    check_schema,
)
from handlers.store.database import WRITING, is_sqlite, open_engine, parse_url
from handlers.store.failures import driver_words
from handlers.store.files import check_file
from handlers.store.migrate import REVISION, EncodingError

_SUBJECT: Final = "Database"
_SECONDS: Final = 10.0
_FAILURES: Final = (
    *(DatabaseFileError, DatabaseUrlError, SchemaError, StoreUnavailableError),
    *(SQLAlchemyError, TimeoutError),
)
_POOLED: Final = (
    "answers through a connection pooler in transaction mode, at revision {revision}: the bot prepares no statements there, "
    "and sets no options at the start of a connection"
)
_POLLED: Final = f". It passes no notifications on: the bot checks for jobs every {POLL_SECONDS} seconds"


async def check_database(database_url: str) -> Finding:
    """Try to read how far the tables are, and to write to them."""
    try:
        url = parse_url(database_url)
        if is_sqlite(url) and not _is_there(Path(str(url.database))):
            return Finding(_SUBJECT, ok=True, what="not there yet: the first start creates it")
        async with asyncio.timeout(_SECONDS):
            await check_schema(database_url)
            pooled = await _try_writing(url)
            hears = await hears_notifications(url)
    except _FAILURES as error:
        return _failed(error, file=database_url.startswith("sqlite"))
    what = _POOLED.format(revision=REVISION) if pooled else f"answers and can be written, at revision {REVISION}"
    return Finding(_SUBJECT, ok=True, what=what if hears else f"{what}{_POLLED}")


def _is_there(file: Path) -> bool:
    """Whether there is a file. Raises `DatabaseFileError` when it can be neither made nor written."""
    check_file(file)
    return file.exists()


def _failed(error: Exception, *, file: bool) -> Finding:
    """Say what is wrong and what to do; the tables of a file are brought up to date by the next start."""
    match error:
        case DatabaseFileError() | EncodingError():
            return Finding(_SUBJECT, ok=False, what=error.what, advice=error.advice)
        case NewerSchemaError():
            advice = "Install the version that changed it, or a newer one."
            return Finding(_SUBJECT, ok=False, what=str(error), advice=advice)
        case SchemaError() if file:
            return Finding(_SUBJECT, ok=True, what="of an older version: the next start brings it up to date")
        case SchemaError():
            what = "answers, but its tables are missing or of an older version"
            return Finding(_SUBJECT, ok=False, what=what, advice="Run: tines-sync migrate")
        case SQLAlchemyError():
            advice = "Name the primary server in DATABASE_URL, and give its user the right to write."
            what = f"answers, but cannot be written: {driver_words(error)}"
        case _:
            advice = "Check DATABASE_URL, and whether the server runs and allows this machine to connect."
            words = error.words if isinstance(error, StoreUnavailableError) else str(error)
            what = f"cannot be used: {words or f'no answer within {_SECONDS:.0f} seconds'}"
    return Finding(_SUBJECT, ok=False, what=what, advice=advice)


async def _try_writing(url: sa.URL) -> bool:
    """Write, and undo it. Returns whether a connection pooler stands before the server."""
    engine = open_engine(url, pool_size=1)
    try:
        async with engine.connect() as plain:
            connection = await plain.execution_options(**WRITING)
            async with connection.begin() as transaction:
                await connection.execute(sa.text("UPDATE chain SET seq = seq WHERE id = 1"))
                await transaction.rollback()
            if is_sqlite(url):
                return False
            from handlers.store._postgres import is_pooled  # noqa: PLC0415 - loads psycopg

            return await connection.run_sync(is_pooled)
    finally:
        await engine.dispose()
