"""A channel hears the bot as a whole: several processes together speak no faster than one would."""

from datetime import timedelta

from bot.delivery import RateLimit
from handlers.store import Store
from tests.unit.store.harness import LEASE

from .harness import CHANNEL, DeliveryHarness

_RATE_LIMIT = RateLimit(burst=3, per_second=1)


async def _seen_each_second(harness: DeliveryHarness, names: tuple[str, ...], seconds: int) -> list[int]:
    """Return how many messages stand in the channel after each second, the processes taking turns."""
    processes = [await harness.process(name, _RATE_LIMIT) for name in names]
    for number in range(20):
        await harness.orders(processes[0].store, f"Message {number}", key=f"direct:{number}")
    seen = []
    for second in range(seconds):
        for process in processes[second % len(processes) :] + processes[: second % len(processes)]:
            await process.deliverer.deliver(CHANNEL)
        seen.append(len(harness.seen()))
        harness.harness.now += timedelta(seconds=1)
        for process in processes:
            await process.store.heartbeat(LEASE)
    return seen


async def test_processes_that_take_turns_in_a_channel_speak_as_fast_as_one(harness: DeliveryHarness) -> None:
    """A burst, then one message a second, whoever sends it."""
    assert await _seen_each_second(harness, ("one", "two", "three", "four"), 8) == [3, 4, 5, 6, 7, 8, 9, 10]


async def test_a_channel_that_was_quiet_may_have_its_burst_again(harness: DeliveryHarness) -> None:
    """What was owed long ago is forgotten, in the database too."""
    await _seen_each_second(harness, ("one", "two"), 3)
    harness.harness.now += timedelta(minutes=5)
    before = len(harness.seen())
    fresh = await harness.process("fresh", _RATE_LIMIT)
    await fresh.deliverer.deliver(CHANNEL)
    assert len(harness.seen()) == before + 3


async def test_a_conversation_that_another_process_has_is_not_asked_for_again_and_again(
    harness: DeliveryHarness,
) -> None:
    """Where another process speaks, one leaves the conversation alone for a second."""
    one, two = await harness.process("one"), await harness.process("two")
    await harness.orders(one.store, "Hello")
    await _take(one.store)
    await two.deliverer.deliver(CHANNEL)
    async with one.store.transaction() as transaction:
        await transaction.claims.release_conversation(CHANNEL)
    await two.deliverer.deliver(CHANNEL)
    assert harness.seen() == []
    harness.harness.now += timedelta(seconds=1)
    await two.deliverer.deliver(CHANNEL)
    assert harness.seen() == ["Hello"]


async def _take(store: Store) -> None:
    async with store.transaction() as transaction:
        assert await transaction.claims.take_conversation(CHANNEL)
