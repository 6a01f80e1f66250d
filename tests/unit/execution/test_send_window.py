import pytest

from handlers.execution.send_window import WINDOW, SendWindow


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@pytest.mark.parametrize(("waited", "still_open"), [(0, True), (WINDOW, True), (WINDOW + 0.1, False), (3600, False)])
def test_it_closes_by_itself(waited: float, *, still_open: bool) -> None:
    """What was to be sent within ten seconds is not sent later, however long the process stood still."""
    clock = Clock()
    opened = SendWindow(clock=clock).opened()
    clock.now += waited
    assert opened.open is still_open


def test_a_window_that_opens_later_is_another_one() -> None:
    """A send that is looked at anew gets the whole time again; the one before stays closed."""
    clock = Clock()
    window = SendWindow(clock=clock)
    first = window.opened()
    clock.now += WINDOW + 1
    assert window.opened().open
    assert not first.open


def test_an_attempt_is_waited_for_from_when_this_process_first_saw_it() -> None:
    """Whoever takes a call over counts by its own clock, and anew for each attempt; its own calls it has seen the end of."""
    clock = Clock()
    window = SendWindow(clock=clock)
    assert window.seen_for(("TS-1", 1)) == 0
    clock.now += 30
    assert window.seen_for(("TS-1", 1)) == 30
    assert window.seen_for(("TS-1", 2)) == 0
    window.ended(("TS-1", 2))
    assert window.seen_for(("TS-1", 2)) > 10**9


def test_it_remembers_a_bounded_number_of_attempts() -> None:
    """Memory does not grow with the number of requests; what is forgotten is waited for anew."""
    clock = Clock()
    window = SendWindow(clock=clock)
    window.seen_for("first")
    clock.now += 5
    for number in range(10_000):
        window.seen_for(number)
    assert window.seen_for(9_999) == 0
    assert window.seen_for("first") == 0
