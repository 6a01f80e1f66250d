"""`python -m tests.load`: floods a real process with 1,024 descriptors, and prints figures; exits 1 for any fault."""

import asyncio
import resource
import sys
import tempfile
from pathlib import Path

from tests.crash.harness import crash_harness

from .floods import (
    HALF_BODY,
    HALF_HEAD,
    HALF_OPEN,
    KEPT_ALIVE,
    Figures,
    asked_at_once,
    occupied,
    slow_body,
    target,
    too_many,
)

_SOCKETS = 1200
_SECONDS = 15.0


async def run(folder: Path) -> list[Figures]:
    """Run every line, each on the same process: what one leaves behind the next one meets."""
    database = f"sqlite:///{folder}/load.sqlite"
    found: list[Figures] = []

    def show(figures: Figures) -> None:
        sys.stdout.write(figures.row() + "\n")
        sys.stdout.flush()
        found.append(figures)

    async with crash_harness(folder, database) as harness, target(harness) as there:
        lines = {
            "connections that say nothing": HALF_OPEN,
            "connections that begin a request": HALF_HEAD,
            "connections that begin a body": HALF_BODY,
            "connections kept alive": KEPT_ALIVE,
        }
        for name, words in lines.items():
            show(await occupied(there, f"{_SOCKETS:,} {name}", words, sockets=_SOCKETS, seconds=_SECONDS))
        show(await slow_body(there))
        ready = f"{there.process.url}/readyz"
        show(await asked_at_once(there, ready, times=40, name="/readyz", good=lambda status: status == 200))
        harness.slack.revoke_token()
        await asyncio.sleep(31)  # what was known of the token does not count any more
        name = "/readyz with a revoked token"
        show(await asked_at_once(there, ready, times=40, name=name, good=lambda status: status == 503))
        harness.slack.restore_token()
        metrics = f"{there.metrics_url}/metrics"
        show(await asked_at_once(there, metrics, times=40, name="/metrics", good=lambda status: status == 200))
        show(await too_many(there, database, times=400))
    return found


def main() -> int:
    """Run it in a folder of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # this side holds the other ends of all sockets
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        found = asyncio.run(run(Path(name)))
    return 1 if any(figures.faults for figures in found) else 0


if __name__ == "__main__":
    sys.exit(main())
