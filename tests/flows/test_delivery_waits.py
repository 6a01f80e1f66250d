from bot.delivery.throttle import RateLimit


def test_waits_grow_to_a_minute_and_stay_there() -> None:
    """The wait doubles from one second to a minute, and an outage of days does not make a number too large."""
    waits = [RateLimit().wait_after(attempts) for attempts in (0, 1, 2, 5, 6, 100_000)]
    assert waits == [1, 2, 4, 32, 60, 60]
