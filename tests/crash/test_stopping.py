"""SIGTERM: no new work is taken, what runs is finished or left to be resumed, and the process is gone within 25 s."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from bot.playground.launch import GENERAL
from bot.playground.tines.faults import Fault, Kind
from tests.flows.stalls import Stall, stalled

from .harness import crash_harness
from .process import closed
from .users import PlannedDecision, PlannedRequest, at_work
from .verdict import judge

_MOST_SECONDS: Final = 25.0
_CREATE: Final = "/admin/sync_destinations"
_ONE: Final = PlannedRequest(1, source=1, target=2, stories=frozenset({0, 3}), decision=PlannedDecision.APPROVE)


@pytest.mark.parametrize("kind", [Kind.SLOW, Kind.HANG, Kind.APPLIED_LATE])
async def test_a_stop_during_a_create(kind: Kind, prepared_sqlite: str, tmp_path: Path) -> None:
    """A stop while a create is under way ends in time and cleanly, and the next process finishes the request once."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        harness.dev.faults.add(Fault(kind, "POST", _CREATE, times=1, seconds=1.0))
        process = harness.process()
        harness.listen_to(process)
        async with closed(process), at_work(harness, iter([_ONE])) as users:
            await process.start()
            await harness.in_flight("POST", _CREATE)
            status, seconds = await process.stop()
            await process.start()
            assert await process.ready(), process.log()[-3000:]
            await users.done()
        verdict = await judge(harness, users)
    assert status == 0
    assert seconds < _MOST_SECONDS
    assert verdict.faults == []
    assert len(harness.dev.destinations) == 1


async def test_who_was_being_answered_still_is(prepared_sqlite: str, tmp_path: Path) -> None:
    """A form that is being checked when the stop comes still gets its answer, and what it asked for is not lost."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        process = harness.process()
        harness.listen_to(process)
        asker = harness.requesters[0]
        async with closed(process):
            await process.start()
            assert await process.ready(), process.log()[-3000:]
            await asker.opens_form(GENERAL)
            await asker.fills_in("Story 1-0", source="Source 1", destination="Target 1", reason=_ONE.reason)
            harness.dev.faults.add(Fault(Kind.SLOW, "GET", seconds=0.8))
            submitting = asyncio.create_task(asker.submits())
            await harness.in_flight("GET", "*")
            status, seconds = await process.stop()
            outcome = await submitting
    assert outcome.errors == {}
    assert "is waiting for approval" in asker.reads() or "Checking" in asker.reads()
    assert (status, seconds < _MOST_SECONDS) == (0, True)


async def test_a_stop_while_the_database_says_nothing(postgres_database: str, tmp_path: Path) -> None:
    """A database that is frozen does not keep a process from ending in time, and what it had taken goes on later."""
    async with crash_harness(tmp_path, postgres_database, dead_after=3) as harness:
        harness.dev.faults.add(Fault(Kind.SLOW, "POST", _CREATE, times=1, seconds=1.0))
        process = harness.process()
        harness.listen_to(process)
        async with closed(process), at_work(harness, iter([_ONE])) as users:
            await process.start()
            await harness.in_flight("POST", _CREATE)
            async with stalled(Stall.FROZEN, postgres_database):
                _, seconds = await process.stop(seconds=60)
            await process.start()
            assert await process.ready(), process.log()[-3000:]
            await users.done()
        verdict = await judge(harness, users)
    assert seconds < _MOST_SECONDS
    assert verdict.faults == []
    assert len(harness.dev.destinations) == 1
