"""A store of 100,000 requests, 10,000 of them pending: its queries, and a process that has nothing to do."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from handlers.store import Store
from handlers.store.database import open_engine, parse_url
from tests.bench.load import asks, one_by_one
from tests.bench.product import ROUTE, command_form, requester, serving, trigger
from tests.bench.report import Goal, Line
from tests.bench.rows import fill
from tests.bench.settings import Plan
from tests.bench.stats import Spread, quantile
from tests.bench.stub import outside
from tests.bench.yardsticks import add_rows, add_table, database

REQUESTS = 100_000
PENDING = 10_000
_STARTED_WITH = 10_000
_BARE: Final = "SQLAlchemy, one transaction of three inserts"
_TIMES: Final = 2.0  # what a query may take, in times of the bare transaction


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    requests, pending = (REQUESTS, PENDING) if plan.share == 1 else (REQUESTS // 10, PENDING // 10)
    url = f"sqlite:///{plan.folder}/bench.sqlite"
    waiting = await asyncio.to_thread(fill, url, requests, pending=pending)
    lines = await _queries(plan, url, waiting, f"{requests:,} requests, {pending:,} pending")
    lines += await _idle(plan, f"serve, idle, {requests:,} requests, {pending:,} pending")
    lines += await _starts(plan)
    return lines, []


async def _queries(plan: Plan, url: str, waiting: list[str], what: str) -> list[Line]:
    store = Store(open_engine(parse_url(url)), lambda _: None, clock=lambda: datetime.now(UTC))

    async def mine(number: int) -> None:
        async with store.reading() as reader:
            await reader.requests.requested_by(requester(number), limit=10)

    async def waits_for_me(_: int) -> None:
        async with store.reading() as reader:
            await reader.requests.waiting_on([(ROUTE, "create")], but_not=["U0ADA"], limit=10)

    async def status(number: int) -> None:
        async with store.reading() as reader:
            await reader.requests.get(waiting[number % len(waiting)])

    async def due(_: int) -> None:
        await store.due()

    asked: dict[str, Callable[[int], Awaitable[None]]] = {
        "list: mine": mine,
        "list: waits for me": waits_for_me,
        "status, and what a review reads": status,
        "sweep of timers": due,
    }
    rows = database(f"sqlite:///{plan.folder}/rows.sqlite")
    await add_table(rows)
    bare: list[float] = []
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(plan.rounds):
        bare.append(quantile(await _timed(lambda _: add_rows(rows), plan.count(100)), 0.5))
        for name, ask in asked.items():
            found[name].append(quantile(await _timed(ask, plan.count(100)), 0.5))
    await rows.dispose()
    await store.close()
    goal = Goal(_TIMES * Spread.of(bare).middle, "≤", f"{_TIMES:g} x {_BARE}")
    lines = [Line(_BARE, "p50", "ms", Spread.of(bare))]
    return lines + [Line(what, f"{name}, p50", "ms", Spread.of(each), goal) for name, each in found.items()]


async def _timed(ask: Callable[[int], Awaitable[None]], count: int) -> list[float]:
    taken = []
    for number in range(count):
        begun = time.perf_counter()
        await ask(number)
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


async def _idle(plan: Plan, what: str) -> list[Line]:
    async with outside() as world:
        with serving(world, plan.folder, core=plan.server_core) as (process, url):
            await one_by_one(url, _command(url, "list"), 20)
            await asyncio.sleep(2)
            used = []
            for _ in range(plan.rounds):
                before, begun = process.cpu(), time.perf_counter()
                await asyncio.sleep(plan.seconds * 2)
                used.append((process.cpu() - before) / (time.perf_counter() - begun) * 100)
            memory = process.memory()
    return [
        Line(what, "CPU", "% of a core", Spread.of(used), Goal(2)),
        Line(what, "memory", "MB", Spread.of([memory]), Goal(150)),
    ]


def _command(url: str, text: str) -> Callable[..., Awaitable[float]]:
    return asks(url, lambda number: command_form("/tines-sync", trigger(), text, number), expects=b"")


async def _starts(plan: Plan) -> list[Line]:
    folder = plan.folder / "start"
    folder.mkdir()
    await asyncio.to_thread(fill, f"sqlite:///{folder}/bench.sqlite", _STARTED_WITH, pending=1000)
    ready: list[float] = []
    memory: list[float] = []
    helps: list[float] = []
    async with outside() as world:
        for _ in range(plan.rounds):
            with serving(world, folder, core=plan.server_core) as (process, _):
                ready.append(time.perf_counter() - process.began)
                await asyncio.sleep(2)
                memory.append(process.memory())
            begun = time.perf_counter()
            command = [sys.executable, "-m", "bot", "--help"]
            await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
            helps.append(time.perf_counter() - begun)
    what = f"start, {_STARTED_WITH:,} requests"
    return [
        Line(what, "serve is ready", "s", Spread.of(ready), Goal(1.5)),
        Line(what, "memory, idle", "MB", Spread.of(memory), Goal(120)),
        Line("command line", "--help", "s", Spread.of(helps), Goal(0.3)),
    ]
