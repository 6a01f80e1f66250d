"""What both engines promise: on SQLite in one process, on PostgreSQL with procrastinate."""

import asyncio

from structlog.testing import capture_logs

from handlers.jobs import ADVANCE, DELIVER, Job, NewerVersionError
from handlers.store import StoreUnavailableError

from .processes import LONG, NEVER, Seen, StartProcess


async def test_a_woken_job_runs_at_once(start: StartProcess) -> None:
    """A job that is woken after a commit runs long before a sweep would find its row."""
    seen = Seen()
    process = await start({ADVANCE: seen}, sweep_seconds=NEVER)
    process.engine.wake([Job(ADVANCE, "TS-1")])
    await seen.times(1)
    assert seen.keys == ["TS-1"]


async def test_a_job_woken_while_it_runs_runs_again_but_never_twice_at_once(start: StartProcess) -> None:
    """What changed during a run may have been missed by it: it runs once more, after it, not beside it."""
    go = asyncio.Event()

    async def wait(_: str) -> None:
        await go.wait()

    seen = Seen(wait)
    process = await start({ADVANCE: seen}, sweep_seconds=NEVER)
    process.engine.wake([Job(ADVANCE, "TS-1")])
    await seen.times(1)
    for _ in range(5):
        process.engine.wake([Job(ADVANCE, "TS-1")])
    go.set()
    await seen.ends(2)
    process.engine.wake([Job(ADVANCE, "TS-2")])
    await seen.ends(3)
    assert seen.keys == ["TS-1", "TS-1", "TS-2"]
    assert seen.overlaps == []


async def test_one_slow_job_holds_up_no_other(start: StartProcess) -> None:
    """Jobs of different rows run side by side."""
    never = asyncio.Event()

    async def stuck(key: str) -> None:
        if key == "slow":
            await never.wait()

    seen = Seen(stuck)
    process = await start({ADVANCE: seen})
    process.engine.wake([Job(ADVANCE, "slow"), Job(ADVANCE, "TS-1"), Job(ADVANCE, "TS-2")])
    await seen.ends(2)
    assert sorted(seen.ended) == ["TS-1", "TS-2"]
    assert seen.at_once == ["slow"]


async def test_deliveries_in_quick_succession_are_one(start: StartProcess) -> None:
    """Changes that follow one another at once are told in one edit of a message."""
    seen = Seen()
    process = await start({DELIVER: seen}, sweep_seconds=NEVER)
    for _ in range(20):
        process.engine.wake([Job(DELIVER, "C0")])
        await asyncio.sleep(0)
    await seen.ends(1)
    process.engine.wake([Job(DELIVER, "C1")])
    await seen.ends(2)
    assert seen.keys == ["C0", "C1"]


async def test_a_due_row_without_a_job_is_found(start: StartProcess) -> None:
    """A row whose time has come, and whose job was lost in a crash, is found by the sweep; so are many at once."""
    many = [Job(ADVANCE, f"TS-{number}") for number in range(100)]

    async def done(key: str) -> None:
        process.due.pop(Job(ADVANCE, key), None)

    seen = Seen(done)
    process = await start({ADVANCE: seen})
    process.due.update(dict.fromkeys(many))
    await seen.ends(100)
    assert set(seen.keys) == {job.key for job in many}


async def test_a_row_that_is_worked_on_is_not_found_again(start: StartProcess) -> None:
    """A row stays due while a call is made for it; no sweep orders another run meanwhile."""
    go = asyncio.Event()

    async def work(key: str) -> None:
        await go.wait()
        process.due.pop(Job(ADVANCE, key), None)

    seen = Seen(work)
    process = await start({ADVANCE: seen}, [Job(ADVANCE, "TS-1")])
    await seen.times(1)
    await process.swept(10)
    go.set()
    await seen.ends(1)
    await process.swept(10)
    assert seen.keys == ["TS-1"]


async def test_a_failed_job_is_tried_again_later_and_later(start: StartProcess) -> None:
    """What fails is tried again by the sweep, after a wait that grows; the next row is not held up by it."""
    bad, good = Job(ADVANCE, "bad"), Job(ADVANCE, "good")

    async def fail(key: str) -> None:
        if key == "bad":
            message = "not today"
            raise ValueError(message)
        process.due.pop(good, None)

    seen = Seen(fail)
    with capture_logs() as logs:
        process = await start({ADVANCE: seen}, [bad, good])
        await seen.times(2)
        await process.swept(5)
        assert sorted(seen.keys) == ["bad", "good"]
        process.ahead += 2.1
        await seen.times(3)
        process.ahead += 2.1
        await process.swept(5)
        assert seen.keys.count("bad") == 2
        process.ahead += 2
        await seen.times(4)
    failures = [line for line in logs if line["event"] == "a job failed; it is tried again"]
    assert [line["seconds"] for line in failures[:3]] == [2, 4, 8]


async def test_a_row_of_a_newer_version_is_looked_at_now_and_then(start: StartProcess) -> None:
    """A row that this version does not understand stays due, is no failure, and is not looked at again and again."""

    async def not_mine(key: str) -> None:
        raise NewerVersionError(key)

    seen = Seen(not_mine)
    with capture_logs() as logs:
        process = await start({ADVANCE: seen}, [Job(ADVANCE, "strange")])
        await seen.times(1)
        await process.swept(5)
        assert seen.keys == ["strange"]
        process.ahead += 31
        await seen.times(2)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == []


async def test_a_database_that_is_away_is_no_failure_of_the_job(start: StartProcess) -> None:
    """A job that finds the database away is tried again with the next sweep, without a pause that grows."""

    async def away(key: str) -> None:
        if len(seen.keys) < 4:
            raise StoreUnavailableError
        process.due.pop(Job(ADVANCE, key))

    seen = Seen(away)
    process = await start({ADVANCE: seen}, [Job(ADVANCE, "TS-1")])
    await seen.ends(1)
    assert len(seen.keys) == 4


async def test_it_works_from_its_start_to_its_stop(start: StartProcess) -> None:
    """An engine that does not sweep any more counts as one that runs no jobs."""
    process = await start({}, sweep_seconds=NEVER / 100)
    said = [process.engine.working]  # before the first sweep, too
    await process.swept(1)
    process.ahead = 10 * NEVER
    said.append(process.engine.working)
    process.ahead = 0
    await process.stop()
    said.append(process.engine.working)
    assert said == [True, False, False]


async def test_a_stop_lets_running_jobs_end(start: StartProcess) -> None:
    """A stop waits for what runs, takes nothing new, and cuts off what takes too long: its row is still due."""
    go = asyncio.Event()

    async def work(key: str) -> None:
        await (go.wait() if key == "short" else asyncio.Event().wait())

    seen = Seen(work)
    process = await start({ADVANCE: seen}, sweep_seconds=NEVER)
    process.engine.wake([Job(ADVANCE, "short"), Job(ADVANCE, "endless")])
    await seen.times(2)
    asyncio.get_running_loop().call_later(0.05, go.set)
    async with asyncio.timeout(LONG):
        await process.stop(grace=0.3)
    process.engine.wake([Job(ADVANCE, "late")])
    await asyncio.sleep(0)
    assert seen.ended == ["short"]
    assert seen.at_once == []
    assert sorted(seen.keys) == ["endless", "short"]
