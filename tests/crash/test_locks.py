"""What a process that was stopped in the middle of a transaction may hold up on PostgreSQL, and for how long."""

from datetime import timedelta

import sqlalchemy as sa

from handlers.engine import DEAD_AFTER
from handlers.store.database import open_engine, parse_url

_ASK = sa.text("SELECT setting::bigint FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'")


async def test_locks_of_a_stopped_process_end(postgres_database: str) -> None:
    """The server ends a transaction that sleeps, well before its process counts as dead, so its locks hold up nobody."""
    engine = open_engine(parse_url(postgres_database), pool_size=1)
    async with engine.connect() as connection:
        milliseconds = (await connection.execute(_ASK)).scalar_one()
    await engine.dispose()
    assert timedelta(0) < timedelta(milliseconds=milliseconds) < timedelta(seconds=DEAD_AFTER)
