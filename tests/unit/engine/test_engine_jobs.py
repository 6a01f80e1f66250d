import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from handlers.engine import LEASE, new_executor_id
from handlers.jobs import DEFERRED, DELIVER, Job, NewerVersionError
from handlers.store import tables
from handlers.store.database import open_engine, parse_url

from .processes import LONG, Process, Seen, StartProcess


async def test_a_committed_job_runs_at_once(start: StartProcess) -> None:
    """A job runs right after its transaction, long before a queue or a sweep would find it."""
    seen = Seen()
    process = await start({DELIVER: seen}, sweep_seconds=60)
    begun = time.monotonic()
    await process.orders(Job(DELIVER, "C0"))
    await seen.times(1)
    assert time.monotonic() - begun < LONG
    assert seen.keys[0] == "C0"


async def test_a_job_ordered_while_it_runs_runs_again_but_never_twice_at_once(start: StartProcess) -> None:
    """What was ordered during a run may have been missed by it: it runs once more, after it, not beside it."""
    go = asyncio.Event()

    async def wait(_: str) -> None:
        await go.wait()

    seen = Seen(wait)
    process = await start({DELIVER: seen}, sweep_seconds=60)
    await process.orders(Job(DELIVER, "C0"))
    await seen.times(1)
    for _ in range(5):
        process.engine.wake(Job(DELIVER, "C0"))
    assert len(seen.keys) == 1
    go.set()
    await seen.times(2)
    assert seen.most_at_once == 1


async def test_one_slow_job_holds_up_no_other(start: StartProcess) -> None:
    """Jobs of different rows run side by side."""
    never = asyncio.Event()

    async def stuck(key: str) -> None:
        if key == "C0SLOW":
            await never.wait()

    seen = Seen(stuck)
    process = await start({DELIVER: seen})
    await process.orders(Job(DELIVER, "C0SLOW"), Job(DELIVER, "C1"), Job(DELIVER, "C2"))
    await seen.times(3)
    assert set(seen.keys) == {"C0SLOW", "C1", "C2"}


async def test_a_due_row_without_a_job_is_found(start: StartProcess) -> None:
    """A row that is due and whose job was lost is found by the sweep."""
    seen = Seen()
    process = await start({DEFERRED: seen})
    engine = open_engine(parse_url(str(process.jobs.engine.url.render_as_string(hide_password=False))))
    async with engine.begin() as connection:
        now = datetime.now(UTC)
        row = {"id": "lost", "kind": "submit", "actor": "U0RINA", "data": {}, "created_at": now, "next_run_at": now}
        await connection.execute(sa.insert(tables.deferred_commands).values(row))
    await engine.dispose()
    await seen.times(1)
    assert seen.keys[0] == "lost"


async def test_a_failed_job_is_tried_again_later_and_later(start: StartProcess) -> None:
    """What fails is tried again by the sweep, after a wait that grows; the next row is not held up by it."""

    async def fail(key: str) -> None:
        if key == "bad":
            message = "not today"
            raise ValueError(message)
        async with process.store.transaction() as transaction:
            await transaction.deferred.finish(key, "Done")

    seen = Seen(fail)
    process = await start({DEFERRED: seen})
    await process.intends("bad", "good")
    await seen.times(2)
    before = seen.keys.count("bad")
    for _ in range(3):
        await process.engine.sweep()
    assert seen.keys.count("bad") <= before + 1  # the queue has it too, and does not wait
    tried = seen.keys.count("bad")
    process.ahead += timedelta(seconds=3)
    while seen.keys.count("bad") == tried:  # the queue may hand the good one over once more meanwhile
        await seen.times(len(seen.keys) + 1)


async def test_a_job_that_its_own_process_could_not_run_is_handed_over(
    start: StartProcess, prepared_database: str
) -> None:
    """What a process committed and did not live to do, of this version or another one, is done by whoever lives."""
    handler = Seen()
    await start({DEFERRED: handler}, sweep_seconds=60)
    gone = Process(prepared_database)  # never runs a job
    await gone.orders(Job(DEFERRED, "left behind"))
    await gone.close()
    await handler.times(1)
    assert handler.keys == ["left behind"]


async def test_a_job_of_an_unknown_kind_is_left_for_a_newer_version(
    start: StartProcess, prepared_database: str
) -> None:
    """A job that only a newer version knows is not lost when an older one is handed it, and stops no other."""
    seen = Seen()
    older = await start({DELIVER: seen})
    newer = Process(prepared_database)  # writes a job and does not live to do it
    with capture_logs() as logs:
        await newer.orders(Job("from the future", "x"), Job(DELIVER, "C0"))
        await newer.close()
        await seen.times(1)
        async with asyncio.timeout(LONG):
            while not any(line["event"] == "a job is left for a newer version" for line in logs):  # noqa: ASYNC110 - a log line tells nobody
                await asyncio.sleep(0.02)
    assert older.engine.working
    await older.stop()
    future = Seen()
    await start({"from the future": future})
    await future.times(1)
    assert future.keys[0] == "x"


async def test_a_row_of_a_newer_version_is_looked_at_now_and_then(start: StartProcess) -> None:
    """A row that this version does not understand stays due, is no failure, and is not looked at again and again."""

    async def not_mine(key: str) -> None:
        raise NewerVersionError(key)

    seen = Seen(not_mine)
    process = await start({DEFERRED: seen})
    with capture_logs() as logs:
        await process.intends("strange")
        await seen.times(1)
        for _ in range(5):
            await process.engine.sweep()
    assert len(seen.keys) <= 2  # the commit's and the queue's
    assert [line["event"] for line in logs if line["log_level"] == "error"] == []
    async with process.store.reading() as reader:
        assert await reader.deferred.get("strange") is not None
    tried = len(seen.keys)
    process.ahead += timedelta(seconds=31)
    await seen.times(tried + 1)


async def test_the_lease_is_only_held_while_it_is_renewed(start: StartProcess) -> None:
    """A process that was cut off for as long as its lease does not trust its claims, until it has renewed it."""
    process = await start({}, sweep_seconds=60)
    assert process.engine.holds_lease()
    await process.engine.sweep()
    assert process.engine.working
    process.ahead = timedelta(seconds=51)
    assert not process.engine.holds_lease()
    process.ahead = timedelta(seconds=1000)
    assert not process.engine.working


async def test_what_a_dead_process_had_claimed_is_taken_over(start: StartProcess, prepared_database: str) -> None:
    """Rows claimed by a process whose lease is over are worked on by another one."""
    dead = Process(prepared_database, "dead")
    await dead.store.heartbeat(timedelta(seconds=60))
    now = datetime.now(UTC)
    engine = open_engine(parse_url(prepared_database))
    async with engine.begin() as connection:
        row = {"id": "left", "kind": "submit", "actor": "U0RINA", "data": {}, "created_at": now, "next_run_at": now}
        await connection.execute(sa.insert(tables.deferred_commands).values(row))
    await engine.dispose()
    async with dead.store.transaction() as transaction:
        assert await transaction.claims.take_deferred("left")
    await dead.close()
    seen = Seen()
    process = await start({DEFERRED: seen})
    if not process.jobs.sqlite:  # on SQLite, which one process uses alone, whoever else is listed is dead at once
        await process.engine.sweep()
        assert seen.keys == []
        process.ahead = timedelta(seconds=61)
    await seen.times(1)
    assert seen.keys[0] == "left"


async def test_effects_stop_before_anybody_may_take_over(start: StartProcess, prepared_database: str) -> None:
    """At the real lease: a process cut off after a heartbeat stops its effects, and only then its rows become free."""
    cut_off = await start({}, sweep_seconds=600)  # no further heartbeat
    await cut_off.intends("left")
    async with cut_off.store.transaction() as transaction:
        assert await transaction.claims.take_deferred("left")
    other = Process(prepared_database, "other")
    held, free = [], []
    for second in range(91):
        cut_off.ahead = other.ahead = timedelta(seconds=second)
        async with other.store.reading() as reader:
            _, _, due = await reader.claims.due("other")
        held += [second] if cut_off.engine.holds_lease() else []
        free += [second] if due else []
    await other.close()
    assert (held[0], free[-1]) == (0, 90)
    assert timedelta(seconds=60) == LEASE  # else the seconds below mean nothing
    assert 45 <= held[-1] < 50  # long enough to outlive a missed heartbeat or two
    assert 58 <= free[0] <= 60
    assert held[-1] + 8 < free[0]


@pytest.mark.parametrize("prepared_database", ["postgresql"], indirect=True)  # an SQLite file has one process
async def test_a_dead_process_is_replaced_within_ninety_seconds(start: StartProcess, prepared_database: str) -> None:
    """At the real lease: the living renew theirs in time, and do what a dead one left before 90 seconds are over."""
    done: list[str] = []

    async def do(key: str) -> None:
        async with living.store.transaction() as transaction:
            if await transaction.claims.take_deferred(key) and await transaction.deferred.finish(key, "Done"):
                done.append(key)

    dead = Process(prepared_database, "dead")
    died = dead.store.clock()
    await dead.store.heartbeat(LEASE)
    living = await start({DEFERRED: do})
    await dead.intends("left")
    async with dead.store.transaction() as transaction:
        assert await transaction.claims.take_deferred("left")
    await dead.close()
    shortest = LEASE
    while not done:
        living.ahead += timedelta(seconds=1)
        await _two_sweeps(living)
        shortest = min(shortest, await _lease_left(living))
    assert LEASE <= living.store.clock() - died <= timedelta(seconds=90)
    assert shortest >= LEASE - timedelta(seconds=20)  # a heartbeat every 15 s


async def _two_sweeps(process: Process) -> None:
    """Wait until the engine, which looks at its clock between sweeps, has gone round twice at this time."""
    for _ in range(2):
        before = process.asked
        async with asyncio.timeout(LONG):
            while process.asked < before + 4:  # noqa: ASYNC110 - a clock tells nobody that it was read
                await asyncio.sleep(0.005)


async def _lease_left(process: Process) -> timedelta:
    """Return for how long the lease of a process still runs."""
    engine = open_engine(process.url, pool_size=1)
    async with engine.connect() as connection:
        until = await connection.execute(
            sa.select(tables.executors.c.lease_until).where(tables.executors.c.id == process.store.executor)
        )
        found: datetime = until.scalar_one()
    await engine.dispose()
    return found - process.store.clock()


async def test_a_stop_lets_running_jobs_end(start: StartProcess) -> None:
    """A stop waits for what runs, takes nothing new, and leaves what takes too long to be resumed."""
    ended: list[str] = []
    go = asyncio.Event()

    async def work(key: str) -> None:
        await (go.wait() if key == "short" else asyncio.Event().wait())
        ended.append(key)

    seen = Seen(work)
    process = await start({DELIVER: seen}, sweep_seconds=60)
    await process.orders(Job(DELIVER, "short"), Job(DELIVER, "endless"))
    await seen.times(2)
    asyncio.get_running_loop().call_later(0.05, go.set)
    await process.stop(grace=0.3)
    assert ended == ["short"]
    before = len(seen.keys)
    process.engine.wake(Job(DELIVER, "late"))
    await asyncio.sleep(0)
    assert len(seen.keys) == before
    assert not process.engine.working


async def test_executors_are_never_the_same() -> None:
    """Every start of a process has an id that none had before."""
    assert len({new_executor_id() for _ in range(100)}) == 100
