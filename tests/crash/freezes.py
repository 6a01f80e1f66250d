"""One run: users at work, and processes that are stopped around a send and go on later, when others may have done it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .harness import crash_harness
from .kills import SETTLES_SECONDS, SKEWS
from .process import Process, closed
from .serving import POST_AGAIN, SEND_WINDOW
from .users import PlannedRequest, at_work
from .verdict import Verdict, judge

_DEAD_AFTER: Final = 2.0
LENGTHS: Final = {
    "shortly": 0.2,
    "past the send window": SEND_WINDOW + 0.5,
    "until others have sent it": _DEAD_AFTER + POST_AGAIN + 3.0,
}
"""How long a process stands still, in seconds."""

_MEETS_SECONDS: Final = 60.0  # until some process is about to send something
_LOOK_SECONDS: Final = 0.02


@dataclass(slots=True)
class Freezes:
    """What a run was like."""

    freezes: Counter[str] = field(default_factory=Counter)  # by moment and length
    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    def lines(self) -> list[str]:
        """Return them for a reader."""
        verdict = self.verdict
        return [
            f"freezes         {self.freezes.total()} in {self.seconds:.0f} s",
            *(f"                {count:4} {where}" for where, count in sorted(self.freezes.items())),
            f"requests        {verdict.requests}, of which {verdict.synced} synced",
            f"messages        {verdict.messages}",
            f"lost            {len(verdict.lost)}",
            f"doubles         {len(verdict.doubles)}",
            f"duplicates      {len(verdict.duplicates)}",
            f"not told        {len(verdict.silent)}",
            f"record faults   {len(verdict.broken)}",
        ]


async def frozen_repeatedly(
    folder: Path,
    database_url: str,
    times: int,
    *,
    chance: random.Random,
    work: Iterator[PlannedRequest],
    seconds: float = float("inf"),
    skew: bool = False,
) -> Freezes:
    """Stop a process around a send so often, but no longer than that many seconds; let everything settle, and judge it.

    On PostgreSQL there are two processes, and with `skew` the clock of the second one is wrong.
    """
    begun = time.monotonic()
    figures = Freezes()
    order = folder / "stop-here"
    skews = [0.0] if database_url.startswith("sqlite") else [0.0, chance.choice([s for s in SKEWS if s]) if skew else 0]
    async with crash_harness(folder, database_url, dead_after=_DEAD_AFTER) as harness:
        processes = [
            harness.process(f"process-{number}", CRASH_STOP_FILE=str(order), CRASH_CLOCK_AHEAD=str(ahead))
            for number, ahead in enumerate(skews)
        ]
        harness.listen_to(processes[0])
        async with closed(*processes), at_work(harness, work) as users:
            for process in processes:
                await process.start()
                assert await process.ready(), process.log()[-3000:]
            while figures.freezes.total() < times and time.monotonic() - begun < seconds:
                moment, length = chance.choice(["before", "after"]), chance.choice(list(LENGTHS))
                _write(order, moment)
                frozen = await _frozen(processes)
                if frozen is None:
                    break  # nobody has anything left to send
                harness.listen_to(next((each for each in processes if each is not frozen), frozen))
                await asyncio.sleep(LENGTHS[length])
                frozen.unfreeze()
                figures.freezes[f"{moment} the commit, {length}"] += 1
            order.unlink(missing_ok=True)
            users.closing = True
            await users.done(SETTLES_SECONDS)
            for process in processes:
                status, _ = await process.stop()
                assert status == 0, f"it ended with {status}:\n{process.log()[-3000:]}"
        figures.verdict = await judge(harness, users)
    figures.seconds = time.monotonic() - begun
    return figures


def _write(order: Path, moment: str) -> None:
    """Give the order at once and whole: a process may read it at any moment."""
    draft = order.with_suffix(".draft")
    draft.write_text(moment)
    draft.rename(order)


async def _frozen(processes: Sequence[Process]) -> Process | None:
    """Wait until one of the processes stands still; None when none does in time."""
    try:
        async with asyncio.timeout(_MEETS_SECONDS):
            while True:
                for process in processes:
                    if process.frozen:
                        return process
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        return None
