"""Two processes that answer Slack and two that work, on one PostgreSQL: what one leaves, another one takes over."""

import asyncio
import random
from pathlib import Path
from typing import Final

import pytest

from bot.playground.stage import GENERAL
from bot.playground.tines.faults import Fault, Kind
from handlers.models import State

from .crowd import Errand, Fate, at_work, errands
from .gate import gate_before
from .machines import comes_to, holder, machines
from .points import Moment, Point
from .process import Process, closed
from .takeover import take_over
from .town import Town, town
from .verdict import judge

_LEASE: Final = 3.0
_TAKE_OVER: Final = 40.0  # seconds; with a real lease of 60 s it is 90 s
_CREATE: Final = "/admin/sync_destinations"
_ONE: Final = Errand(1, source=1, target=2, stories=frozenset({0, 3}), fate=Fate.APPROVE)


async def test_a_dead_process_is_replaced(postgres_database: str, tmp_path: Path) -> None:
    """With four processes at work, the one that waits for a create's answer dies, and another one finishes its job."""
    taken = await take_over(tmp_path, postgres_database, lease=_LEASE, most=_TAKE_OVER)
    assert taken.faults == []
    assert taken.synced == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_frozen_process_does_nothing_twice(method: str, postgres_database: str, tmp_path: Path) -> None:
    """A process frozen past its lease, before its look or after its create, finds itself replaced when it wakes up."""
    async with town(tmp_path, postgres_database, lease=_LEASE) as place:
        async with (
            machines(place, first="serve", second="serve") as processes,
            at_work(place, iter([_ONE])) as crowd,
        ):
            approved = asyncio.create_task(comes_to(place, State.APPROVED, 60))
            if method == "POST":
                approved.cancel()
                place.dev.faults.add(Fault(Kind.SLOW, "POST", _CREATE, times=1, seconds=1.2))
            else:
                # the review lists as well: only the look after the approval is slow
                place.dev.faults.add(Fault(Kind.SLOW, "GET", _CREATE, times=None, seconds=1.2))
                await approved
            await place.in_flight(method, _CREATE)
            frozen = await holder(place, processes)
            frozen.freeze()
            place.listen_to(next(process for process in processes.values() if process is not frozen))
            place.dev.faults.clear()
            await comes_to(place, State.SUCCEEDED, _TAKE_OVER)
            frozen.thaw()
            assert await frozen.ready(), frozen.log()[-3000:]
            await crowd.done()
        verdict = await judge(place, crowd)
    assert verdict.faults == []
    assert len(place.dev.destinations) == 1


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
    """A process frozen past its lease while it writes to a channel does not repeat what another one wrote meanwhile."""
    frozen = asyncio.Event()
    async with town(tmp_path, postgres_database, lease=_LEASE) as place:
        first, second = place.process("first"), place.process("second")

        def freeze() -> None:
            first.freeze()
            frozen.set()

        place.trap.arm(point, freeze)
        place.listen_to(first)
        async with closed(first, second), at_work(place, iter([_ONE])) as crowd:
            await first.start()
            async with asyncio.timeout(90):
                await frozen.wait()
            await second.start()
            assert await second.ready(), second.log()[-3000:]
            place.listen_to(second)
            await crowd.done()
            first.thaw()
            assert await first.ready(), first.log()[-3000:]
            status, _ = await first.stop()  # it ends what it was at
            await crowd.done()
        verdict = await judge(place, crowd)
    assert status == 0
    assert verdict.faults == []


async def test_two_answer_and_two_work_at_once(postgres_database: str, tmp_path: Path) -> None:
    """Requests that come in through both processes, and are worked on by four, are each done once and told once."""
    async with town(tmp_path, postgres_database, lease=_LEASE) as place:
        four = {"serve-1": "serve", "serve-2": "serve", "worker-1": "worker", "worker-2": "worker"}
        work = errands(random.Random(3), 12)  # noqa: S311 - examples
        async with machines(place, **four) as processes, at_work(place, work) as crowd:
            await _served_by_both(place, processes, crowd.asked)
            await crowd.done()
        verdict = await judge(place, crowd)
    assert verdict.faults == []
    assert verdict.requests == 12


async def _served_by_both(place: Town, processes: dict[str, Process], over: asyncio.Event) -> None:
    """Send Slack's requests to one and the other process in turn until all have asked."""
    while not over.is_set():
        for name in ("serve-1", "serve-2"):
            place.listen_to(processes[name])
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_database_that_is_away(postgres_database: str, tmp_path: Path, *, silent: bool) -> None:
    """While PostgreSQL is away people are told so and the process counts as not ready; afterwards everything goes on."""
    async with gate_before(postgres_database) as (gate, url), town(tmp_path, postgres_database, lease=_LEASE) as place:
        process = place.process(DATABASE_URL=url)
        place.listen_to(process)
        async with closed(process):
            await process.start()
            assert await process.ready(), process.log()[-3000:]
            async with at_work(place, iter([_ONE])) as crowd:
                await place.in_flight("POST", _CREATE)
                gate.shut(silent=silent)
                said = await process.answers("/readyz", 503)
                assert said is not None
                assert "database" in said
                assert "cannot take requests" in await _told(place, "list")
                assert "cannot take requests" in await _told(place, "")
                gate.open()
                assert await process.ready(40)
                await crowd.done()
            assert "cannot take requests" not in await _told(place, "list")
        verdict = await judge(place, crowd)
    assert verdict.faults == []
    assert verdict.synced == 1


async def _told(place: Town, words: str) -> str:
    """Type the command as somebody who is not at work, and return what the app says, in a message or a view."""
    asker = place.requesters[-1]
    outcome = await asker.types(GENERAL, words)
    if outcome.view is not None:
        await asker.sees_view(lambda view: view.get("submit") is None and "Loading" not in place.slack.render(view))
        return asker.reads()
    return " ".join(place.slack.render(message) for message in outcome.ephemerals)
