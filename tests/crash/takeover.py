"""How long the work of a killed process lies idle, measured with the real times."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.playground.tines.faults import Fault, Kind
from handlers.engine import DEAD_AFTER
from handlers.models import State

from .harness import crash_harness
from .machines import comes_to, holder, machines
from .users import PlannedDecision, PlannedRequest, at_work
from .verdict import judge

MOST_SECONDS: Final = 60.0
_CREATE: Final = "/admin/sync_destinations"
_ONE: Final = PlannedRequest(1, source=1, target=2, stories=frozenset({0, 3}), decision=PlannedDecision.APPROVE)


@dataclass(frozen=True, slots=True)
class TakeOver:
    """What was measured."""

    seconds: float  # from the kill until another process had finished the job
    synced: int  # requests of which every story was
    faults: list[str]


async def take_over(
    folder: Path, database_url: str, *, dead_after: float = DEAD_AFTER, most: float = MOST_SECONDS
) -> TakeOver:
    """Kill the process that waits for a create's answer, and wait until another one has done what it left.

    `dead_after` in seconds; a take-over of more than `most` seconds is a fault.
    """
    async with crash_harness(folder, database_url, dead_after=dead_after) as harness:
        harness.dev.faults.add(Fault(Kind.SLOW, "POST", _CREATE, times=1, seconds=1.2))
        commands = {"serve-1": "serve", "serve-2": "serve", "worker-1": "worker", "worker-2": "worker"}
        async with machines(harness, **commands) as processes, at_work(harness, iter([_ONE])) as users:
            await harness.in_flight("POST", _CREATE)
            dead = await holder(harness, processes)
            dead.kill()
            begun = time.monotonic()
            harness.listen_to(next(each for name, each in processes.items() if "serve" in name and each is not dead))
            await comes_to(harness, State.SUCCEEDED, 2 * most)
            seconds = time.monotonic() - begun
            await users.done()
        verdict = await judge(harness, users)
    late = [f"the take-over took {seconds:.0f} s, promised are {most:.0f} s"] if seconds > most else []
    return TakeOver(seconds, verdict.synced, [*verdict.faults, *late])
