"""A channel hears the bot as a whole: several processes together speak no faster than one would."""

from datetime import timedelta

from bot.delivery import RateLimit

from .harness import CHANNEL, DeliveryHarness

_RATE_LIMIT = RateLimit(burst=3, per_second=1)


async def _seen_each_second(harness: DeliveryHarness, number: int, seconds: int) -> list[int]:
    """Return how many messages stand in the channel after each second, the processes taking turns."""
    processes = [await harness.process(_RATE_LIMIT) for _ in range(number)]
    for message in range(20):
        await harness.orders(processes[0].store, f"Message {message}", key=f"direct:{message}")
    seen = []
    for second in range(seconds):
        for process in processes[second % len(processes) :] + processes[: second % len(processes)]:
            await process.deliverer.deliver(CHANNEL)
        seen.append(len(harness.seen()))
        harness.harness.now += timedelta(seconds=1)
    return seen


async def test_processes_that_take_turns_in_a_channel_speak_as_fast_as_one(harness: DeliveryHarness) -> None:
    """A burst, then one message a second, whoever sends it."""
    assert await _seen_each_second(harness, 4, 8) == [3, 4, 5, 6, 7, 8, 9, 10]


async def test_a_channel_that_was_quiet_may_have_its_burst_again(harness: DeliveryHarness) -> None:
    """A debt of long ago is forgotten, in the database too."""
    await _seen_each_second(harness, 2, 3)
    harness.harness.now += timedelta(minutes=5)
    before = len(harness.seen())
    fresh = await harness.process(_RATE_LIMIT)
    await fresh.deliverer.deliver(CHANNEL)
    assert len(harness.seen()) == before + 3
