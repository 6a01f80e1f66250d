"""What several processes on one PostgreSQL promise one another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from handlers.engine import hears_notifications
from handlers.jobs import ADVANCE, DELIVER, Job
from handlers.store.database import open_engine, parse_url

from .processes import LONG, NEVER, Seen, StartProcess

pytestmark = pytest.mark.parametrize("prepared_database", ["postgresql"], indirect=True)

ONE = Job(ADVANCE, "TS-1")


@pytest.fixture
async def database(prepared_database: str) -> AsyncIterator[AsyncEngine]:
    """Give connections of the test's own."""
    engine = open_engine(parse_url(prepared_database), pool_size=1)
    yield engine
    await engine.dispose()


async def _taken(database: AsyncEngine) -> int:
    """Take the one waiting job as a process that says nothing from then on, and return the job's number."""
    await _waiting(database, 1)
    async with database.begin() as connection:
        worker = (await connection.execute(sa.text("SELECT * FROM procrastinate_register_worker_v1()"))).scalar_one()
        fetch = sa.text("SELECT id FROM procrastinate_fetch_job_v2(NULL, :worker)")
        job: int = (await connection.execute(fetch, {"worker": worker})).scalar_one()
        await connection.execute(sa.text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"))
    return job


async def test_no_key_has_two_runners(start: StartProcess) -> None:
    """Whatever wakes a job and wherever, one process runs it at a time, and the others work on other rows."""
    seen = Seen(lambda _: asyncio.sleep(0.02))
    processes = [await start({ADVANCE: seen}, sweep_seconds=NEVER) for _ in range(3)]
    for _ in range(10):
        for process in processes:
            process.engine.wake(Job(ADVANCE, f"TS-{number}") for number in range(10))
        await asyncio.sleep(0.01)
    for number in range(10):
        await seen.ended_with(f"TS-{number}")
    await seen.ends(20)
    assert seen.overlaps == []


async def test_a_job_woken_elsewhere_while_it_runs_runs_again(start: StartProcess) -> None:
    """What one process changes while another one looks at the row is not missed."""
    go = asyncio.Event()

    async def wait(_: str) -> None:
        await go.wait()

    seen = Seen(wait)
    first = await start({ADVANCE: seen}, sweep_seconds=0.1)
    first.engine.wake([ONE])
    await seen.times(1)
    second = await start({ADVANCE: seen}, sweep_seconds=0.1)
    for _ in range(3):
        second.engine.wake([ONE])
        await second.swept(1)
    go.set()
    await seen.ends(2)
    assert seen.overlaps == []


async def test_a_job_of_an_unknown_kind_waits_for_a_newer_version(start: StartProcess) -> None:
    """A process leaves the kinds of jobs that it does not know to those that do, and does its own meanwhile."""
    mine, theirs = Seen(), Seen()
    older = await start({ADVANCE: mine})
    older.engine.wake([Job("from the future", "x"), ONE])
    await mine.ends(1)
    await start({ADVANCE: mine, "from the future": theirs})
    await theirs.ends(1)
    assert (mine.keys, theirs.keys) == (["TS-1"], ["x"])


async def test_a_job_that_waits_already_holds_up_no_other(start: StartProcess, database: AsyncEngine) -> None:
    """Of jobs that are ordered together, those that do not wait yet are ordered, and those that do run once."""
    later = Seen()
    orders = await start({DELIVER: Seen()}, sweep_seconds=NEVER)
    orders.engine.wake([Job(ADVANCE, "TS-0")])
    await _waiting(database, 1)
    orders.engine.wake(Job(ADVANCE, f"TS-{number}") for number in range(3))
    await _waiting(database, 3)
    await start({ADVANCE: later}, sweep_seconds=NEVER)
    await later.ends(3)
    assert sorted(later.keys) == ["TS-0", "TS-1", "TS-2"]


async def test_what_a_dead_process_was_at_is_taken_over(start: StartProcess, database: AsyncEngine) -> None:
    """A job whose process says nothing any more is given to another one."""
    seen = Seen()
    orders = await start({DELIVER: Seen()}, sweep_seconds=NEVER)
    orders.engine.wake([ONE])
    await _taken(database)
    await start({ADVANCE: seen}, sweep_seconds=0.05, dead_after=1)
    await seen.ends(1)
    assert seen.keys == ["TS-1"]


async def test_a_process_that_was_only_frozen_does_not_end_what_was_taken_over(
    start: StartProcess, database: AsyncEngine
) -> None:
    """When it goes on, the key stays with the one that took it over: there is no third runner beside it."""
    go = asyncio.Event()
    seen = Seen(lambda _: _wait(go))
    orders = await start({DELIVER: Seen()}, sweep_seconds=NEVER)
    orders.engine.wake([ONE])
    job = await _taken(database)
    await start({ADVANCE: seen}, sweep_seconds=0.05, dead_after=1)
    await seen.times(1)
    with pytest.raises(sa.exc.DatabaseError, match="not found"):
        async with database.begin() as connection:
            await connection.execute(
                sa.text("SELECT procrastinate_finish_job_v1(:job, 'succeeded', true)"), {"job": job}
            )
    third = await start({ADVANCE: seen}, sweep_seconds=0.05)
    third.engine.wake([ONE, Job(ADVANCE, "TS-2")])
    await seen.times(2)
    assert sorted(seen.at_once) == ["TS-1", "TS-2"]
    go.set()
    await seen.ends(3)
    assert seen.overlaps == []


async def test_it_outlives_the_database(start: StartProcess, database: AsyncEngine) -> None:
    """Connections that the server cuts, while jobs run and between them, end no worker and lose no job."""
    seen = Seen(lambda _: asyncio.sleep(0.01))
    process = await start({ADVANCE: seen}, sweep_seconds=0.1)
    for number in range(5):
        job = Job(ADVANCE, f"TS-{number}")
        process.due[job] = None
        process.engine.wake([job])
        async with database.begin() as connection:
            await connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        await seen.ended_with(job.key)
        del process.due[job]
    with capture_logs() as logs:
        before = len(seen.ended)
        process.engine.wake([Job(ADVANCE, "TS-9")])
        await seen.ends(before + 1)
    assert logs == []


async def test_it_polls_where_notifications_do_not_arrive(start: StartProcess, prepared_database: str) -> None:
    """Behind a pooler that lends connections for one transaction each, jobs still run soon, and the log says why not at once."""
    seen = Seen()
    async with _pooler(prepared_database) as url:
        assert not await hears_notifications(parse_url(url))
        with capture_logs() as logs:
            process = await start({ADVANCE: seen}, url=url, sweep_seconds=NEVER)
        process.engine.wake([ONE])
        await seen.ends(1)
        await process.stop()
    assert any("polled" in line["event"] for line in logs)
    assert await hears_notifications(parse_url(prepared_database))


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _waiting(database: AsyncEngine, number: int) -> None:
    """Wait until so many jobs wait."""
    found = 0
    async with asyncio.timeout(LONG):
        while found < number:
            async with database.connect() as connection:
                found = (await connection.execute(sa.text("SELECT count(*) FROM procrastinate_jobs"))).scalar_one()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _pooler(url: str) -> AsyncIterator[str]:
    """Pass connections on to the server, but no notification from it."""
    server = sa.make_url(url)
    host, port = server.query.get("host", server.host), server.port or 5432

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        with suppress(OSError, asyncio.IncompleteReadError):
            async with asyncio.TaskGroup() as group:
                group.create_task(_all(reader, there[1]))
                group.create_task(_without_notifications(there[0], writer))

    listening = await asyncio.start_server(enter, "127.0.0.1", 0)
    async with listening:
        port_here = listening.sockets[0].getsockname()[1]
        yield server.set(
            host="127.0.0.1", port=port_here, query={"sslmode": "disable", "gssencmode": "disable"}
        ).render_as_string(hide_password=False)


async def _all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _without_notifications(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass messages on: a byte for the kind, four for the length with themselves, and the rest."""
    with suppress(asyncio.IncompleteReadError):
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            if head[:1] != b"A":
                writer.write(head + body)
                await writer.drain()
    writer.close()
