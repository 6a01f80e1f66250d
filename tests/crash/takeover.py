"""How long the work of a killed process lies idle, measured with the real lease."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.playground.tines.faults import Fault, Kind
from handlers.engine import LEASE
from handlers.models import State

from .crowd import Errand, Fate, at_work
from .machines import comes_to, holder, machines
from .town import town
from .verdict import judge

MOST_SECONDS: Final = 90.0
_CREATE: Final = "/admin/sync_destinations"
_ONE: Final = Errand(1, source=1, target=2, stories=frozenset({0, 3}), fate=Fate.APPROVE)


@dataclass(frozen=True, slots=True)
class TakeOver:
    """What was measured."""

    seconds: float  # from the kill until another process had finished the job
    synced: int  # requests of which every story was
    faults: list[str]


async def take_over(
    folder: Path, database_url: str, *, lease: float = LEASE.total_seconds(), most: float = MOST_SECONDS
) -> TakeOver:
    """Kill the process that waits for a create's answer, and wait until another one has done what it left.

    `lease` in seconds; a take-over of more than `most` seconds is a fault.
    """
    async with town(folder, database_url, lease=lease) as place:
        place.dev.faults.add(Fault(Kind.SLOW, "POST", _CREATE, times=1, seconds=1.2))
        commands = {"serve-1": "serve", "serve-2": "serve", "worker-1": "worker", "worker-2": "worker"}
        async with machines(place, **commands) as processes, at_work(place, iter([_ONE])) as crowd:
            await place.in_flight("POST", _CREATE)
            dead = await holder(place, processes)
            dead.kill()
            begun = time.monotonic()
            place.listen_to(next(each for name, each in processes.items() if "serve" in name and each is not dead))
            await comes_to(place, State.SUCCEEDED, 2 * most)
            seconds = time.monotonic() - begun
            await crowd.done()
        verdict = await judge(place, crowd)
    late = [f"the take-over took {seconds:.0f} s, promised are {most:.0f} s"] if seconds > most else []
    return TakeOver(seconds, verdict.synced, [*verdict.faults, *late])
