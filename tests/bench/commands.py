"""`/tines-sync` acknowledged with its form opened, against bare apps that do the same."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.cores import Process
from tests.bench.load import Shot, asks, flat_out, one_by_one, opens, steadily
from tests.bench.product import command_form, serving, trigger
from tests.bench.report import Goal, Line
from tests.bench.settings import Plan
from tests.bench.stats import Spread, quantile, ratio
from tests.bench.stub import Outside, outside
from tests.bench.variants import server, yardstick

_PEOPLE: Final = tuple(range(20))
_BOLT_JS: Final = Path(__file__).with_name("bolt.js")
_US: Final = "tines-sync, form opened"
_BARE: Final = "Bolt for Python, acknowledges only"
_BARE_VIEW: Final = "Bolt for Python, view opened"
_NOW: Final = "Bolt for Python without its poll, acknowledges only"
_NOW_VIEW: Final = "Bolt for Python without its poll, one session, view opened"
_JS: Final = "Bolt for JavaScript, acknowledges only"
_JS_VIEW: Final = "Bolt for JavaScript, view opened"
_CEILING: Final = "Starlette, answers only"


@dataclass
class _Variant:
    """One server, asked in one way, and its figures of each round."""

    name: str
    process: Process
    url: str
    shot: Shot
    p50: list[float] = field(default_factory=list)  # ms
    p99: list[float] = field(default_factory=list)  # ms, at 100/s
    rate: list[float] = field(default_factory=list)  # a second
    cpu: list[float] = field(default_factory=list)  # ms a request


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    notes: list[str] = []
    async with outside() as world:
        with ExitStack() as stack:
            variants = list(_variants(world, plan, stack, notes))
            for variant in variants:
                await _warm(variant)
            for _ in range(plan.rounds):
                for variant in variants:
                    await _round(variant, plan)
    return _lines({variant.name: variant for variant in variants}), notes


async def _warm(variant: _Variant) -> None:
    await one_by_one(variant.url, variant.shot, 60)


async def _round(variant: _Variant, plan: Plan) -> None:
    alone = await one_by_one(variant.url, variant.shot, plan.count(300))
    variant.p50.append(quantile(alone, 0.5) * 1000)
    steady = await steadily(variant.url, variant.shot, per_second=100, seconds=plan.seconds)
    variant.p99.append(quantile(steady, 0.99) * 1000)
    before = variant.process.cpu()
    burst = await flat_out(variant.url, variant.shot, seconds=plan.seconds)
    variant.rate.append(burst.per_second)
    variant.cpu.append((variant.process.cpu() - before) / burst.count * 1000)


def _variants(world: Outside, plan: Plan, stack: ExitStack, notes: list[str]) -> Iterator[_Variant]:
    process, url = stack.enter_context(serving(world, plan.folder, core=plan.server_core))
    yield _Variant(_US, process, url, opens(url, world.slack, "/tines-sync", _PEOPLE))
    for name, kind in (((_BARE, _BARE_VIEW), "bolt"), ((_NOW, _NOW_VIEW), "bolt-now"), ((_CEILING,), "starlette")):
        process, url = stack.enter_context(yardstick(kind, world, plan))
        yield from _both(name, process, url, world)
    modules = _bolt_js(plan.folder, notes)
    if modules is not None:
        node = server(["node", str(_BOLT_JS)], "bolt-js", world, plan, NODE_PATH=str(modules))
        process, url = stack.enter_context(node)
        yield from _both((_JS, _JS_VIEW), process, url, world)


def _both(names: tuple[str, ...], process: Process, url: str, world: Outside) -> Iterator[_Variant]:
    bare = asks(url, lambda number: command_form("/bare", trigger(), number=number))
    yield _Variant(names[0], process, url, bare)
    if len(names) > 1:
        yield _Variant(names[1], process, url, opens(url, world.slack, "/view"))


def _bolt_js(folder: Path, notes: list[str]) -> Path | None:
    """Install Bolt for JavaScript, and return where; None, with a note, where that is not possible."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        notes.append("Bolt for JavaScript was not measured: there is no Node on this machine.")
        return None
    home = folder / "js"
    home.mkdir()
    command = [npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(home), "@slack/bolt"]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - npm as found
    if installed.returncode:
        notes.append(f"Bolt for JavaScript was not measured: npm did not install it ({installed.stderr[-200:]}).")
        return None
    return home / "node_modules"


def _lines(by_name: dict[str, _Variant]) -> list[Line]:
    us = by_name[_US]
    lines: list[Line] = []
    for name, variant in by_name.items():
        p50, p99 = Spread.of(variant.p50), Spread.of(variant.p99)
        rate, cpu = Spread.of(variant.rate, more_is_better=True), Spread.of(variant.cpu)
        goals: dict[str, Goal] = _goals(by_name) if variant is us else {}
        lines += [
            Line(name, "p50, one connection", "ms", p50, goals.get("p50")),
            Line(name, "p99 at 100/s", "ms", p99, goals.get("p99")),
            Line(name, "requests", "/s", rate, goals.get("rate"), _against(us, variant, rate.middle)),
            Line(name, "CPU a request", "ms", cpu, goals.get("cpu")),
        ]
    return lines


def _against(us: _Variant, other: _Variant, rate: float) -> str:
    return "" if us is other else f"we do {ratio(Spread.of(us.rate).middle, rate):.2f} x as many"


def _goals(by_name: dict[str, _Variant]) -> dict[str, Goal]:
    best_cpu = min((v for v in by_name.values() if "view" in v.name), key=lambda v: Spread.of(v.cpu).middle)
    goals = {
        "p99": Goal(5),
        "rate": Goal(1.3 * Spread.of(by_name[_BARE_VIEW].rate).middle, "≥", f"1.3 x {_BARE_VIEW}"),
        "cpu": Goal(1.2 * Spread.of(best_cpu.cpu).middle, "≤", f"1.2 x {best_cpu.name}"),
    }
    if _JS_VIEW in by_name:
        goals["p50"] = Goal(Spread.of(by_name[_JS_VIEW].p50).middle, "≤", _JS_VIEW)
    return goals
