"""Watching 10,000 sync destinations on 20 tenants: how much of a core at a look every 10 minutes, and how much memory."""

import asyncio
import json
import subprocess
import sys

from tests.bench import watching_rounds
from tests.bench.report import Goal, Line
from tests.bench.settings import Plan
from tests.bench.stats import Spread


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    command = [sys.executable, "-m", "tests.bench.watching_rounds", str(plan.folder), str(plan.rounds)]
    ran = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    found = json.loads(ran.stdout.splitlines()[-1])  # the lines before are the log
    every = watching_rounds.EVERY.total_seconds()
    count = watching_rounds.TENANTS * watching_rounds.DESTINATIONS
    what = f"watching {count:,} sync destinations on {watching_rounds.TENANTS} tenants ({watching_rounds.PAGES} pages each), every 10 min"
    return [
        Line(what, "CPU", "% of a core", Spread.of([used / every * 100 for used in found["seconds"]]), Goal(2)),
        Line(what, "memory", "MB", Spread.of(found["memory"]), Goal(150)),
        Line(what, "first look, CPU", "s", Spread.of(found["first"])),
    ], []
