"""Tries the database: whether it answers, and whether its tables are this version's. Changes nothing in it."""

import asyncio
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from bot.check.findings import Finding
from handlers.store import DatabaseUrlError, NewerSchemaError, SchemaError, check_schema, migrates_by_itself
from handlers.store.database import is_sqlite, parse_url
from handlers.store.migrate import REVISION

_SUBJECT: Final = "Database"
_SECONDS: Final = 10.0


async def check_database(database_url: str) -> Finding:
    """Try to read how far the tables are."""
    try:
        url = parse_url(database_url)
        if _is_missing_file(url):
            return Finding(_SUBJECT, ok=True, what="not there yet: the first start makes it")
        async with asyncio.timeout(_SECONDS):
            await check_schema(database_url)
    except NewerSchemaError as error:
        return Finding(
            _SUBJECT, ok=False, what=str(error), advice="Install the version that changed it, or a newer one."
        )
    except SchemaError:
        if migrates_by_itself(database_url):
            return Finding(_SUBJECT, ok=True, what="of an older version: the next start brings it up to date")
        what = "answers, but its tables are not there or of an older version"
        return Finding(_SUBJECT, ok=False, what=what, advice="Run: tines-sync migrate")
    except TimeoutError:
        return _unusable(f"no answer within {_SECONDS:.0f} seconds")
    except (SQLAlchemyError, DatabaseUrlError) as error:
        return _unusable(" ".join(str(getattr(error, "orig", None) or error).split()))
    return Finding(_SUBJECT, ok=True, what=f"answers, at revision {REVISION}")


def _is_missing_file(url: sa.URL) -> bool:
    return is_sqlite(url) and not Path(str(url.database)).exists()


def _unusable(words: str) -> Finding:
    advice = "Check DATABASE_URL, and whether the server runs and lets this machine in."
    return Finding(_SUBJECT, ok=False, what=f"cannot be used: {words}", advice=advice)
