"""Hostile answers of a tenant take bounded memory, and never stop everything else: the stress test in a small size."""

import pytest

from tests.stress.tines import CASES, MOST_LAG, MOST_MEMORY, line, run, yardstick

SMALL = 40  # MB: more than is read of any answer


@pytest.fixture(scope="module")
def slow_parser() -> float:
    """Return the seconds that a parser which is not linear takes for a small page, on this machine as busy as it is."""
    return yardstick()


@pytest.mark.parametrize("case", CASES)
def test_hostile_answers_take_bounded_memory_and_time(case: str, slow_parser: float) -> None:
    """Whatever a tenant sends, memory stays within bounds and others go on within a fraction of a second."""
    most_lag = max(MOST_LAG * slow_parser, 0.25)
    figures = run(case, SMALL)
    if figures.lag >= most_lag:  # a busy machine stops a process for as long now and then, but hardly twice
        figures = run(case, SMALL)
    print(line(figures))  # noqa: T201 - the figures are what is asked for with -s
    assert figures.calls <= 1_000
    assert figures.memory < MOST_MEMORY
    assert figures.lag < most_lag
