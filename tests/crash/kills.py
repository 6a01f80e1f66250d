"""One run: people at work, a process that is killed over and over, and the verdict."""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from .harness import CrashHarness, crash_harness
from .points import Moment, Point
from .process import Process, closed
from .users import PlannedRequest, at_work
from .verdict import Verdict, judge

_CREATE: Final = "/api/v1/admin/sync_destinations"
POINTS: Final = tuple(
    Point(method, path, moment)
    for method, path in (
        ("POST", _CREATE),
        ("POST", "/api/chat.postMessage"),
        ("POST", "/api/chat.update"),
        ("GET", _CREATE),
        ("GET", f"{_CREATE}/*"),
        ("PATCH", f"{_CREATE}/*"),
        ("DELETE", f"{_CREATE}/*"),
        ("POST", f"{_CREATE}/*"),
        ("POST", "/api/views.*"),
    )
    for moment in Moment
)
LIVES_AT_MOST: Final = 4.0
"""Seconds that a process lives after its start if it does not meet its point before."""

SKEWS: Final = (-150.0, 0.0, 150.0)
"""Seconds by which clocks are ahead."""

SETTLES_SECONDS: Final = 420.0  # until everything is done, though a clock that was ahead said when to go on
_MOST_COMMITS: Final = 80


@dataclass(frozen=True, slots=True)
class Way:
    """How a process dies: at a commit ("17 before"), at a request, or just after some seconds."""

    commit: str = ""
    point: Point | None = None
    seconds: float = LIVES_AT_MOST
    clock_ahead: float = 0.0  # seconds by which the machine's time of day is wrong

    def __str__(self) -> str:
        if self.commit:
            return f"commit {self.commit.split()[1]}"
        return str(self.point) if self.point else "any moment"


def ways(chance: random.Random, *, skew: bool = False) -> Iterator[Way]:
    """Yield ways to die, for ever; with `skew` the clocks of most lives are wrong."""
    for way in _ways(chance):
        yield replace(way, clock_ahead=chance.choice(SKEWS)) if skew else way


def _ways(chance: random.Random) -> Iterator[Way]:
    while True:
        kind = chance.choice(["before", "after", "request", "request", "any"])
        if kind == "request":
            point = chance.choice(POINTS)
            yield Way(point=Point(point.method, point.path, point.moment, chance.randint(1, 5)))
        elif kind == "any":
            yield Way(seconds=chance.uniform(0.1, LIVES_AT_MOST))
        else:
            yield Way(commit=f"{chance.randint(1, _MOST_COMMITS)} {kind}")


@dataclass(slots=True)
class Figures:
    """What a run was like."""

    kills: Counter[str] = field(default_factory=Counter)  # by where it struck
    recoveries: list[float] = field(default_factory=list)  # seconds from a kill until ready again
    seconds: float = 0.0
    stopped_in: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    def lines(self) -> list[str]:
        """Return them for a reader."""
        verdict = self.verdict
        return [
            f"kills           {self.kills.total()} in {self.seconds:.0f} s",
            *(f"                {count:4} {where}" for where, count in sorted(self.kills.items())),
            f"requests        {verdict.requests}, of which {verdict.synced} created and {verdict.changed} changed a sync destination",
            f"messages        {verdict.messages}",
            f"lost            {len(verdict.lost)}",
            f"doubles         {len(verdict.doubles)}",
            f"duplicates      {len(verdict.duplicates)}",
            f"not told        {len(verdict.silent)}",
            f"record faults   {len(verdict.broken)}",
            f"longest from a kill to ready again   {max(self.recoveries, default=0):.1f} s",
            f"end on SIGTERM  {self.stopped_in:.1f} s",
        ]


async def killed_repeatedly(
    folder: Path,
    database_url: str,
    how: Iterable[Way],
    *,
    work: Iterator[PlannedRequest],
    seconds: float = float("inf"),
    dead_after: float = 20,
) -> Figures:
    """Kill in each of the ways, but no longer than that many seconds; then let everything settle, and judge it."""
    begun = time.monotonic()
    figures = Figures()
    async with crash_harness(folder, database_url, dead_after=dead_after) as harness:
        process = harness.process()
        harness.listen_to(process)
        async with closed(process), at_work(harness, work) as users:
            died = begun
            for way in how:
                where, ready_at = await _one_life(harness, process, way)
                if ready_at is not None:
                    figures.recoveries.append(ready_at - died)
                died = time.monotonic()
                figures.kills[where] += 1
                if died - begun > seconds:
                    break
            harness.trap.disarm()
            users.closing = True
            await process.start()
            assert await process.ready(), process.log()[-3000:]
            figures.recoveries.append(time.monotonic() - died)
            await users.done(SETTLES_SECONDS)
            status, figures.stopped_in = await process.stop()
            assert status == 0, f"it ended with {status}:\n{process.log()[-3000:]}"
        figures.verdict = await judge(harness, users)
    figures.seconds = time.monotonic() - begun
    return figures


async def _one_life(harness: CrashHarness, process: Process, way: Way) -> tuple[str, float | None]:
    """Start the process with a way to die; return how it died, and when it was ready if it was."""
    harness.trap.disarm()
    if way.point is not None:
        harness.trap.arm(way.point, process.kill)
    await process.start(CRASH_AT_COMMIT=way.commit, CRASH_CLOCK_AHEAD=str(way.clock_ahead))
    ready_at = time.monotonic() if await process.ready() else None
    met = True
    with contextlib.suppress(TimeoutError):
        await process.ended(way.seconds)
    if process.alive:
        process.kill()
        met = False
    await process.ended(5)
    return str(way if met else Way()), ready_at
