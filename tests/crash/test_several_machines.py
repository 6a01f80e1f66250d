"""Two processes that answer Slack and two that work, on one PostgreSQL: what one leaves, another one takes over."""

import asyncio
import random
from pathlib import Path
from typing import Final

import pytest

from bot.playground.launch import GENERAL
from bot.playground.tines.faults import Fault, Kind
from handlers.models import State

from .gate import gate_before
from .harness import CrashHarness, crash_harness
from .machines import comes_to, holder, machines
from .points import Moment, Point
from .process import Process, closed
from .takeover import take_over
from .users import PlannedDecision, PlannedRequest, at_work, planned_requests
from .verdict import judge

_DEAD_AFTER: Final = 3.0
_TAKE_OVER: Final = 40.0  # seconds; with the real times it is 60 s
_CREATE: Final = "/admin/sync_destinations"
_ONE: Final = PlannedRequest(1, source=1, target=2, stories=frozenset({0, 3}), decision=PlannedDecision.APPROVE)


async def test_a_dead_process_is_replaced(postgres_database: str, tmp_path: Path) -> None:
    """With four processes at work, the one that waits for a create's answer dies, and another one finishes its job."""
    taken = await take_over(tmp_path, postgres_database, dead_after=_DEAD_AFTER, most=_TAKE_OVER)
    assert taken.faults == []
    assert taken.synced == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_frozen_process_does_nothing_twice(method: str, postgres_database: str, tmp_path: Path) -> None:
    """A process frozen until others take over, before its look or after its create, finds itself replaced when it wakes up."""
    async with crash_harness(tmp_path, postgres_database, dead_after=_DEAD_AFTER) as harness:
        async with (
            machines(harness, first="serve", second="serve") as processes,
            at_work(harness, iter([_ONE])) as users,
        ):
            approved = asyncio.create_task(comes_to(harness, State.APPROVED, 60))
            if method == "POST":
                approved.cancel()
                harness.dev.faults.add(Fault(Kind.SLOW, "POST", _CREATE, times=1, seconds=1.2))
            else:
                # the review lists as well: only the look after the approval is slow
                harness.dev.faults.add(Fault(Kind.SLOW, "GET", _CREATE, times=None, seconds=1.2))
                await approved
            await harness.in_flight(method, _CREATE)
            frozen = await holder(harness, processes)
            frozen.freeze()
            harness.listen_to(next(process for process in processes.values() if process is not frozen))
            harness.dev.faults.clear()
            await comes_to(harness, State.SUCCEEDED, _TAKE_OVER)
            frozen.unfreeze()
            assert await frozen.ready(), frozen.log()[-3000:]
            await users.done()
        verdict = await judge(harness, users)
    assert verdict.faults == []
    assert len(harness.dev.destinations) == 1


@pytest.mark.parametrize(
    "point",
    [
        Point("GET", "/api/chat.getPermalink", Moment.APPLIED),  # right before a message is posted
        Point("POST", "/api/chat.postMessage", Moment.APPLIED, nth=2),
        Point("POST", "/api/chat.update", Moment.APPLIED),
    ],
    ids=str,
)
async def test_a_frozen_process_says_nothing_twice(point: Point, postgres_database: str, tmp_path: Path) -> None:
    """A process frozen until others take over while it writes to a channel does not repeat what another one wrote meanwhile."""
    frozen = asyncio.Event()
    async with crash_harness(tmp_path, postgres_database, dead_after=_DEAD_AFTER) as harness:
        first, second = harness.process("first"), harness.process("second")

        def freeze() -> None:
            first.freeze()
            frozen.set()

        harness.trap.arm(point, freeze)
        harness.listen_to(first)
        async with closed(first, second), at_work(harness, iter([_ONE])) as users:
            await first.start()
            async with asyncio.timeout(90):
                await frozen.wait()
            await second.start()
            assert await second.ready(), second.log()[-3000:]
            harness.listen_to(second)
            await users.done()
            first.unfreeze()
            assert await first.ready(), first.log()[-3000:]
            status, _ = await first.stop()  # it ends what it was at
            await users.done()
        verdict = await judge(harness, users)
    assert status == 0
    assert verdict.faults == []


async def test_two_answer_and_two_work_at_once(postgres_database: str, tmp_path: Path) -> None:
    """Requests that come in through both processes, and are worked on by four, are each done once and told once."""
    async with crash_harness(tmp_path, postgres_database, dead_after=_DEAD_AFTER) as harness:
        four = {"serve-1": "serve", "serve-2": "serve", "worker-1": "worker", "worker-2": "worker"}
        work = planned_requests(random.Random(3), 12)  # noqa: S311 - examples
        async with machines(harness, **four) as processes, at_work(harness, work) as users:
            await _served_by_both(harness, processes, users.asked)
            await users.done()
        verdict = await judge(harness, users)
    assert verdict.faults == []
    assert verdict.requests == 12


async def _served_by_both(harness: CrashHarness, processes: dict[str, Process], over: asyncio.Event) -> None:
    """Send Slack's requests to one and the other process in turn until all have asked."""
    while not over.is_set():
        for name in ("serve-1", "serve-2"):
            harness.listen_to(processes[name])
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_database_that_is_away(postgres_database: str, tmp_path: Path, *, silent: bool) -> None:
    """While PostgreSQL is away people are told so and the process counts as not ready; afterwards everything goes on."""
    async with (
        gate_before(postgres_database) as (gate, url),
        crash_harness(tmp_path, postgres_database, dead_after=_DEAD_AFTER) as harness,
    ):
        process = harness.process(DATABASE_URL=url)
        harness.listen_to(process)
        async with closed(process):
            await process.start()
            assert await process.ready(), process.log()[-3000:]
            async with at_work(harness, iter([_ONE])) as users:
                await harness.in_flight("POST", _CREATE)
                gate.shut(silent=silent)
                said = await process.answers("/readyz", 503)
                assert said is not None
                assert "database" in said
                assert "cannot process requests" in await _told(harness, "list")
                assert "cannot process requests" in await _told(harness, "")
                gate.open()
                assert await process.ready(40)
                await users.done()
            assert "cannot process requests" not in await _told(harness, "list")
        verdict = await judge(harness, users)
    assert verdict.faults == []
    assert verdict.synced == 1


async def _told(harness: CrashHarness, words: str) -> str:
    """Type the command as somebody who is not at work, and return what the app says, in a message or a view."""
    asker = harness.requesters[-1]
    outcome = await asker.types(GENERAL, words)
    if outcome.view is not None:
        await asker.sees_view(lambda view: view.get("submit") is None and "Loading" not in harness.slack.render(view))
        return asker.reads()
    return " ".join(harness.slack.render(message) for message in outcome.ephemerals)
