"""A deploy while requests flow: the old and the new version share the database, and neither breaks the other's work."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from bot.playground.launch import APPROVALS
from handlers.store import tables as t
from handlers.store.database import open_engine, parse_url

from .harness import CrashHarness, crash_harness
from .process import closed
from .users import at_work, planned_requests
from .verdict import judge
from .versions import REVISION, newer_version, release

_DEAD_AFTER: Final = 3.0
_CHEERED: Final = sa.select(t.events.c.request_id).where(t.events.c.kind == "cheered")
_ASKED_SECONDS: Final = 60.0


async def _rows(harness: CrashHarness, query: sa.Executable) -> Sequence[sa.Row[Any]]:
    engine = open_engine(parse_url(harness.database_url), pool_size=1)
    try:
        async with engine.connect() as connection:
            return (await connection.execute(query)).all()
    finally:
        await engine.dispose()


async def _asked(harness: CrashHarness, amount: int) -> None:
    """Wait until so many requests were made."""
    await _so_many(harness, sa.select(t.requests.c.id), amount)


async def _taken_by_the_new(harness: CrashHarness, amount: int) -> None:
    """Wait until the new version has taken so many requests."""
    await _so_many(harness, _CHEERED, amount)


async def _so_many(harness: CrashHarness, query: sa.Executable, amount: int) -> None:
    async with asyncio.timeout(_ASKED_SECONDS):
        while len(await _rows(harness, query)) < amount:  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.1)


async def test_old_and_new_share_the_work(postgres_database: str, tmp_path: Path) -> None:
    """The release migrates under the old version, which goes on; the new one starts beside it and takes over.

    Nothing is lost, done twice or told twice, and what only the new version understands is done by it. The old one does
    not start on the newer tables any more, and says why.
    """
    root = newer_version(tmp_path)
    async with crash_harness(tmp_path, postgres_database, dead_after=_DEAD_AFTER) as harness:
        old, new, late = (
            harness.process("old"),
            harness.process("new", root=root),
            harness.process("late", module="bot"),
        )
        harness.listen_to(old)
        work = planned_requests(random.Random(7), 200)  # noqa: S311 - examples
        async with closed(old, new, late), at_work(harness, work) as users:
            await old.start()
            assert await old.ready(), old.log()[-3000:]
            await _asked(harness, 2)
            assert REVISION in await release(root, postgres_database)
            await _asked(harness, 4)
            await new.start()
            assert await new.ready(), new.log()[-3000:]
            harness.listen_to(new)
            await _taken_by_the_new(harness, 4)
            assert await old.ready(5), "the old version must go on until it is stopped"
            status, _ = await old.stop()
            await _taken_by_the_new(harness, 8)
            users.closing = True
            await users.done()
            await late.start()
            refused = await late.ended(30)
        verdict = await judge(harness, users)
        cheered = await _rows(harness, _CHEERED)
        painted = await _rows(harness, sa.text("SELECT id FROM requests WHERE colour = 'blue'"))
    assert verdict.faults == []
    assert status == 0
    assert (refused, "changed by a newer version of tines-sync" in late.log()) == (1, True)
    ids = {row[0] for row in cheered}
    assert 0 < len(ids) < verdict.requests, "both versions took requests"
    assert {row[0] for row in painted} == ids
    assert {request_id for request_id in ids if _is_cheered(harness, request_id)} == ids
    assert "Traceback" not in old.log()


def _is_cheered(harness: CrashHarness, request_id: str) -> bool:
    """Whether the announcement of the new kind stands in the thread, as the new version words it."""
    return any(
        f"Cheers for {request_id}" in harness.slack.render(reply)
        for message in harness.slack.messages(APPROVALS)
        if message.get("reply_count")
        for reply in harness.slack.messages(APPROVALS, thread_ts=message["ts"])
    )
