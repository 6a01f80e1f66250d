"""Processes that find the same due requests divide them: what one works on costs the others nothing."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from handlers.engine import LEASE, DurableJobs
from handlers.jobs import ADVANCE
from handlers.store import Store
from handlers.store.database import is_sqlite, open_engine
from tests.unit.store.harness import a_request

from .processes import Seen, StartProcess

MANY: Final = 90
ROOM: Final = 64  # jobs that a process runs at once


async def test_a_process_takes_what_it_has_room_for_and_leaves_the_rest(start: StartProcess) -> None:
    """Nobody starts a job only to find that somebody else has its request, and no request waits behind others."""
    never = asyncio.Event()

    async def stuck(_: str) -> None:
        await never.wait()

    seen = Seen(stuck)
    process = await start({ADVANCE: seen}, sweep_seconds=60)
    requests = [a_request(number, next_run_at=datetime.now(UTC)) for number in range(MANY)]
    async with process.store.transaction() as transaction:
        for request in requests:
            await transaction.requests.add(request)
    jobs = DurableJobs(process.url)
    other = Store(open_engine(process.url), jobs, executor="other", clock=lambda: datetime.now(UTC))
    await other.heartbeat(LEASE)
    ids = {request.id for request in requests}
    theirs = frozenset() if is_sqlite(process.url) else await other.divide(sorted(ids)[:10])
    await process.engine.sweep()
    await seen.times(ROOM)
    await process.engine.sweep()
    ours = set(seen.keys)
    assert len(seen.keys) == len(ours) == ROOM
    assert not ours & theirs
    if not is_sqlite(process.url):  # a file has one process, and nobody to leave anything to
        assert await other.divide(ids) == ids - ours
    await other.close()
    jobs.close()
