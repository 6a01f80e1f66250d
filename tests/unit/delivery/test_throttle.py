from dataclasses import dataclass

import pytest

from bot.delivery import RateLimit, Throttle


@dataclass
class Hands:
    """A clock that a test moves, in seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_burst_then_one_a_second() -> None:
    """A quiet conversation may send its burst at once; then each message waits until there is leave for it."""
    hands = Hands()
    throttle = Throttle(RateLimit(burst=3, per_second=1), hands)
    assert [throttle.take("C1") for _ in range(5)] == [0, 0, 0, 1, 1]
    hands.now += 0.25
    assert throttle.take("C1") == pytest.approx(0.75)
    hands.now += 0.75
    assert [throttle.take("C1"), throttle.take("C1")] == [0, pytest.approx(1)]


def test_asking_costs_nothing() -> None:
    """A conversation that asks while it must wait is not put off any longer by that."""
    hands = Hands()
    throttle = Throttle(RateLimit(burst=1, per_second=0.5), hands)
    assert throttle.take("C1") == 0
    for _ in range(10):
        throttle.take("C1")
        hands.now += 0.2
    assert throttle.take("C1") == 0


def test_conversations_do_not_wait_for_each_other() -> None:
    """What one channel has used up is none of another's business."""
    throttle = Throttle(RateLimit(burst=1), Hands())
    assert [throttle.take("C1"), throttle.take("C2"), throttle.take("C1")] == [0, 0, 1]


def test_leave_is_not_saved_up_beyond_a_burst() -> None:
    """A conversation that was quiet for a day may send a burst and no more."""
    hands = Hands()
    throttle = Throttle(RateLimit(burst=2), hands)
    throttle.take("C1")
    hands.now += 86_400
    assert [throttle.take("C1") for _ in range(3)] == [0, 0, 1]


def test_forgetting_quiet_conversations_gives_nobody_more() -> None:
    """However many conversations there are, one that has just used up its burst still waits."""
    hands = Hands()
    throttle = Throttle(RateLimit(burst=1, per_second=0.001), hands)
    for number in range(3000):
        assert throttle.take(f"C{number}") == 0
    assert all(throttle.take(f"C{number}") > 0 for number in range(3000))


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 1), (1, 2), (5, 32), (6, 60), (10**9, 60)])
def test_waits_after_a_failure(attempts: int, seconds: float) -> None:
    """The wait doubles with each failure up to a minute, also after an outage of months."""
    assert RateLimit().wait_after(attempts) == seconds


def test_the_next_process_takes_over_the_debt() -> None:
    """A conversation that goes from hand to hand is no faster than in one: who takes it learns what was spent."""
    hands = Hands()
    one, two = Throttle(RateLimit(burst=3), hands), Throttle(RateLimit(burst=3), hands)
    assert [one.take("C1") for _ in range(4)] == [0, 0, 0, 1]
    hands.now += 1
    two.learn("C1", one.debt("C1"))
    assert [two.take("C1"), two.take("C1")] == [0, 1]
    one.learn("C1", two.debt("C1"))
    assert one.take("C1") == 1


def test_old_news_gives_nobody_more() -> None:
    """A process that took more since than it is told of remembers what it took."""
    throttle = Throttle(RateLimit(burst=1), Hands())
    throttle.take("C1")
    throttle.learn("C1", 0)
    assert throttle.take("C1") == 1
