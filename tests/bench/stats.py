"""The arithmetic of measuring: quantiles, medians over rounds, ratios. Pure, so that it can be tested."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Self


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of the values do not exceed. Raises `ValueError`."""
    if not values or not 0 <= share <= 1:
        message = "a quantile needs values and a share between 0 and 1"
        raise ValueError(message)
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several rounds."""

    middle: float
    best: float
    worst: float
    rounds: int

    @classmethod
    def of(cls, values: Iterable[float], *, more_is_better: bool = False) -> Self:
        """Summarize one value a round. Raises `ValueError` when there is none."""
        rounds = list(values)
        if not rounds:
            message = "nothing was measured"
            raise ValueError(message)
        low, high = min(rounds), max(rounds)
        best, worst = (high, low) if more_is_better else (low, high)
        return cls(middle=median(rounds), best=best, worst=worst, rounds=len(rounds))


def ratio(value: float, yardstick: float) -> float:
    """Return how many times the yardstick a value is; infinite over a yardstick of nothing."""
    return value / yardstick if yardstick else float("inf")


def flatness(values: Sequence[float]) -> float:
    """Return how much larger the largest of some costs is than the smallest: 0 for a flat line, 0.2 for 20 %."""
    return ratio(max(values), min(values)) - 1 if values else 0.0
