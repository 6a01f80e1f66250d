"""The arithmetic of the benchmark: a wrong median would make every figure in its table a lie."""

import json
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.bench.report import Goal, Line, save, show
from tests.bench.stats import Spread, flatness, quantile, ratio

values = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 1), (0.5, 5), (0.9, 9), (0.99, 10), (1, 10)], ids=["least", "p50", "p90", "p99", "most"]
)
def test_quantile_of_one_to_ten(share: float, expected: float) -> None:
    """A quantile is a value that was measured: the smallest that so large a share does not exceed."""
    assert quantile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == expected


@given(values, st.floats(min_value=0, max_value=1))
def test_quantile_is_not_exceeded_by_its_share(measured: list[float], share: float) -> None:
    """Whatever was measured, at least the share lies at or below the quantile, and it is one of the values."""
    found = quantile(measured, share)
    assert found in measured
    assert sum(value <= found for value in measured) >= share * len(measured)


@pytest.mark.parametrize(("measured", "share"), [([], 0.5), ([1.0], 1.5), ([1.0], -0.1)])
def test_quantile_of_nothing_is_refused(measured: list[float], share: float) -> None:
    """No figure is made up where nothing was measured, or for a share that is none."""
    with pytest.raises(ValueError, match="quantile"):
        quantile(measured, share)


def test_spread_knows_which_way_is_better() -> None:
    """The best round is the smallest time, but the largest rate."""
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(middle=2.0, best=1.0, worst=3.0, rounds=3)
    assert Spread.of([3.0, 1.0, 2.0], more_is_better=True) == Spread(middle=2.0, best=3.0, worst=1.0, rounds=3)
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])


def test_ratio_and_flatness() -> None:
    """A ratio over nothing is infinite, and a line is as flat as its dearest point is near its cheapest."""
    assert ratio(3, 2) == 1.5
    assert ratio(3, 0) == float("inf")
    assert flatness([10, 11, 12]) == pytest.approx(0.2)
    assert flatness([5]) == 0


@pytest.mark.parametrize(
    ("goal", "mark"), [(Goal(5), "✓"), (Goal(4.9), "✗"), (Goal(5, "≥"), "✓"), (Goal(5.1, "≥"), "✗"), (None, "")]
)
def test_mark_says_whether_a_goal_was_reached(goal: Goal | None, mark: str) -> None:
    """The sign in the table is that of the median against the goal, whichever way the goal points."""
    assert Line("x", "p50", "ms", Spread.of([1.0, 5.0, 9.0]), goal).mark == mark


def test_table_and_json_tell_the_same(tmp_path: Path) -> None:
    """Every line stands in the table and in the JSON, with its median, its goal and what has to be said about it."""
    lines = [Line("typing", "p99", "ms", Spread.of([12.5, 13.5, 14.5]), Goal(20), "half with a typo")]
    out = StringIO()
    show(lines, ["no Node"], Console(file=out, width=160))
    save(lines, ["no Node"], tmp_path / "figures.json")
    written = json.loads((tmp_path / "figures.json").read_text())
    for text in ("typing", "p99", "13.5", "≤ 20", "✓", "half with a typo", "no Node"):
        assert text in out.getvalue()
    assert written["notes"] == ["no Node"]
    assert written["lines"][0]["spread"]["middle"] == 13.5
    assert written["lines"][0]["reached"] is True
