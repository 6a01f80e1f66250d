"""The form submitted: validated from the catalogue, committed on SQLite, acknowledged.

Beside it the least that such a thing can cost: Bolt alone, and one transaction of three inserts.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from tests.bench.cores import Process
from tests.bench.load import Shot, asks, flat_out, one_by_one, opens, steadily
from tests.bench.product import command_form, serving, submission, trigger
from tests.bench.report import Goal, Line
from tests.bench.settings import Plan
from tests.bench.stats import Spread, quantile
from tests.bench.stub import outside
from tests.bench.variants import yardstick

_US: Final = "form submitted, checked and committed"
_BARE: Final = "bare Bolt, one transaction of three inserts"
_TIMES: Final = 1.5  # what the bot may take, in times of the bare one
_SHARE: Final = 0.6  # of what the bare one does a second


@dataclass(slots=True)
class _Measured:
    name: str
    process: Process
    url: str
    shot: Shot
    p50: list[float] = field(default_factory=list)  # ms
    p99: list[float] = field(default_factory=list)  # ms, at 50/s
    rate: list[float] = field(default_factory=list)  # a second
    cpu: list[float] = field(default_factory=list)  # ms


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    numbers = iter(range(10**9))
    async with outside() as world:
        with ExitStack() as stack:
            process, url = stack.enter_context(serving(world, plan.folder, core=plan.server_core))
            form = opens(url, world.slack, "/tines-sync")
            submitted = asks(url, lambda _: submission(next(numbers) % 200), expects=b"is waiting for approval")
            us = _Measured(_US, process, url, submitted)
            place = f"sqlite:///{plan.folder}/rows.sqlite"
            process, url = stack.enter_context(yardstick("bolt-now", world, plan, DATABASE_URL=place))
            rows = asks(url, lambda number: command_form("/rows", trigger(), number=number))
            bare = _Measured(_BARE, process, url, rows)
            await one_by_one(us.url, form, 3)
            await one_by_one(us.url, us.shot, 250)  # everybody who asks is known then
            await one_by_one(bare.url, bare.shot, 60)
            for _ in range(plan.rounds):
                await one_by_one(us.url, form, 3)  # as before every submission: it has the catalogue kept fresh
                for each in (us, bare):
                    await _round(each, plan)
    return [*_lines(us, bare), *_lines(bare, None)], []


async def _round(each: _Measured, plan: Plan) -> None:
    alone = await one_by_one(each.url, each.shot, plan.count(200))
    each.p50.append(quantile(alone, 0.5) * 1000)
    steady = await steadily(each.url, each.shot, per_second=50, seconds=plan.seconds)
    each.p99.append(quantile(steady, 0.99) * 1000)
    before = each.process.cpu()
    burst = await flat_out(each.url, each.shot, seconds=plan.seconds)
    each.rate.append(burst.per_second)
    each.cpu.append((each.process.cpu() - before) / burst.count * 1000)


def _lines(each: _Measured, against: _Measured | None) -> list[Line]:
    announced = "with the announcements of what came before being delivered" if against else ""
    most, least = None, None
    if against is not None:
        most = Goal(_TIMES * Spread.of(against.p50).middle, "≤", f"{_TIMES:g} x {_BARE}")
        least = Goal(_SHARE * Spread.of(against.rate).middle, "≥", f"{_SHARE:g} x {_BARE}")
    p99 = Goal(_TIMES * Spread.of(against.p99).middle, "≤", f"{_TIMES:g} x {_BARE}") if against else None
    return [
        Line(each.name, "p50, one connection", "ms", Spread.of(each.p50), most),
        Line(each.name, "p99 at 50/s", "ms", Spread.of(each.p99), p99, announced),
        Line(each.name, "a second", "/s", Spread.of(each.rate, more_is_better=True), least, announced),
        Line(each.name, "CPU", "ms", Spread.of(each.cpu), None),
    ]
