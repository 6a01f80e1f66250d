"""What a process that was stopped in the middle of a transaction may hold up on PostgreSQL, and for how long."""

from datetime import timedelta

import sqlalchemy as sa

from handlers.engine import LEASE
from handlers.store.database import open_engine, open_job_engine, parse_url

_ASK = sa.text("SELECT setting::bigint FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'")


async def test_locks_of_a_stopped_process_end(postgres_database: str) -> None:
    """The server ends a transaction that sleeps, well before the lease of its process does, so its locks hold up nobody."""
    url = parse_url(postgres_database)
    engine, jobs = open_engine(url, pool_size=1), open_job_engine(url)
    async with engine.connect() as connection:
        of_rows = (await connection.execute(_ASK)).scalar_one()
    with jobs.connect() as connection_of_jobs:
        of_jobs = connection_of_jobs.execute(_ASK).scalar_one()
    await engine.dispose()
    jobs.dispose()
    for milliseconds in (of_rows, of_jobs):
        assert timedelta(0) < timedelta(milliseconds=milliseconds) < LEASE / 2
