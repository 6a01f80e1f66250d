"""`python -m tests.bench`: measure everything, and print the table.

Nothing timed is asserted anywhere; a figure that is not reached is marked in the table.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import uvloop
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from tests.bench import (
    approvals,
    commands,
    comparison_lines,
    growth,
    preflight_lines,
    store_lines,
    submissions,
    typing_lines,
    watching_lines,
)
from tests.bench.cores import cores, pin
from tests.bench.report import Line, save, show
from tests.bench.settings import Plan

Measure = Callable[[Plan], Coroutine[None, None, tuple[list[Line], list[str]]]]

PARTS: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "command": commands.measure,
        "submit": submissions.measure,
        "approve": approvals.measure,
        "typing": typing_lines.measure,
        "compare": comparison_lines.measure,
        "review": preflight_lines.measure,
        "watch": watching_lines.measure,
        "store": store_lines.measure,
        "growth": growth.measure,
    }
)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, for trying out: its figures are rough")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part; may be given again")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    servers, ours = cores()
    pin(ours)
    lines: list[Line] = []
    notes = [] if servers != ours else ["There is one core only: servers and load generator share it."]
    console = Console(width=None if sys.stdout.isatty() else 180)
    for name in asked.only or PARTS:
        sys.stderr.write(f"measuring: {name}\n")
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            plan = Plan(Path(folder), servers)
            if asked.quick:
                plan = Plan(Path(folder), servers, rounds=2, seconds=1.0, share=0.3)
            try:
                more_lines, more_notes = uvloop.run(PARTS[name](plan))
            except (RuntimeError, OSError, TimeoutError, SQLAlchemyError) as error:
                notes.append(f"{name} could not be measured: {error or type(error).__name__}")
                continue
        lines += more_lines
        notes += more_notes
    show(lines, notes, console)
    if asked.json is not None:
        save(lines, notes, asked.json)


if __name__ == "__main__":
    main()
