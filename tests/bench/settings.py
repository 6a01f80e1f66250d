"""How long and where a run measures."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    folder: Path  # for databases and logs; removed afterwards
    server_core: int
    rounds: int = 5
    seconds: float = 3.0  # of each phase that lasts
    share: float = 1.0  # of the counts of a full run

    def count(self, full: int) -> int:
        """Return how often to do something that a full run does `full` times."""
        return max(5, int(full * self.share))
