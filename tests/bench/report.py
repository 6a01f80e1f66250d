"""What was measured, as a table for people and as JSON for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from tests.bench.stats import Spread


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached: at most, or at least, this much."""

    limit: float
    direction: Literal["≤", "≥"] = "≤"
    yardstick: str = ""  # the limit is that many times what this variant did

    def reached(self, value: float) -> bool:
        """Whether a value reaches the goal."""
        return value <= self.limit if self.direction == "≤" else value >= self.limit


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    what: str
    figure: str  # p50, p99, …
    unit: str
    spread: Spread
    goal: Goal | None = None
    note: str = ""

    @property
    def mark(self) -> str:
        """Whether its goal was reached, in a sign."""
        if self.goal is None:
            return ""
        return "✓" if self.goal.reached(self.spread.middle) else "✗"


def show(lines: Sequence[Line], notes: Sequence[str], console: Console) -> None:
    """Print the table."""
    table = Table(title="Measured: median over the rounds, best round, what is to be reached")
    for heading in ("what", "figure"):
        table.add_column(heading, overflow="fold")
    for heading in ("median", "best"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("unit")
    table.add_column("to reach", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("note", overflow="fold")
    before = ""
    for line in lines:
        goal = f"{line.goal.direction} {_number(line.goal.limit)}" if line.goal else ""
        table.add_row(
            line.what if line.what != before else "",
            line.figure,
            _number(line.spread.middle),
            _number(line.spread.best),
            line.unit,
            goal,
            line.mark,
            " ".join(part for part in (_of(line.goal), line.note) if part),
        )
        before = line.what
    console.print(table)
    for note in notes:
        console.print(note, markup=False)


def save(lines: Sequence[Line], notes: Sequence[str], path: Path) -> None:
    """Write the figures as JSON."""
    rows = [
        {**asdict(line), "reached": None if line.goal is None else line.goal.reached(line.spread.middle)}
        for line in lines
    ]
    path.write_text(json.dumps({"lines": rows, "notes": list(notes)}, indent=2, ensure_ascii=False) + "\n")


def _of(goal: Goal | None) -> str:
    return f"against {goal.yardstick}" if goal and goal.yardstick else ""


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
