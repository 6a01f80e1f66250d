"""A channel hears the bot as a whole: several processes together speak no faster than one would."""

from datetime import timedelta

from bot.announcer import Pace
from handlers.store import Store
from tests.unit.store.shelf import LEASE

from .newsroom import CHANNEL, Newsroom

_PACE = Pace(burst=3, per_second=1)


async def _seen_each_second(news: Newsroom, names: tuple[str, ...], seconds: int) -> list[int]:
    """Return how many messages stand in the channel after each second, the processes taking turns."""
    processes = [await news.process(name, _PACE) for name in names]
    for number in range(20):
        await news.orders(processes[0].store, f"Message {number}", key=f"direct:{number}")
    seen = []
    for second in range(seconds):
        for process in processes[second % len(processes) :] + processes[: second % len(processes)]:
            await process.announcer.deliver(CHANNEL)
        seen.append(len(news.seen()))
        news.shelf.now += timedelta(seconds=1)
        for process in processes:
            await process.store.heartbeat(LEASE)
    return seen


async def test_processes_that_take_turns_in_a_channel_speak_as_fast_as_one(news: Newsroom) -> None:
    """A burst, then one message a second, whoever sends it."""
    assert await _seen_each_second(news, ("one", "two", "three", "four"), 8) == [3, 4, 5, 6, 7, 8, 9, 10]


async def test_a_channel_that_was_quiet_may_have_its_burst_again(news: Newsroom) -> None:
    """What was owed long ago is forgotten, in the database too."""
    await _seen_each_second(news, ("one", "two"), 3)
    news.shelf.now += timedelta(minutes=5)
    before = len(news.seen())
    fresh = await news.process("fresh", _PACE)
    await fresh.announcer.deliver(CHANNEL)
    assert len(news.seen()) == before + 3


async def test_a_lane_that_another_process_has_is_not_asked_for_again_and_again(news: Newsroom) -> None:
    """Where another process speaks, one leaves the lane alone for a second."""
    one, two = await news.process("one"), await news.process("two")
    await news.orders(one.store, "Hello")
    await _take(one.store)
    await two.announcer.deliver(CHANNEL)
    async with one.store.transaction() as transaction:
        await transaction.release_lane(CHANNEL)
    await two.announcer.deliver(CHANNEL)
    assert news.seen() == []
    news.shelf.now += timedelta(seconds=1)
    await two.announcer.deliver(CHANNEL)
    assert news.seen() == ["Hello"]


async def _take(store: Store) -> None:
    async with store.transaction() as transaction:
        assert await transaction.claim_lane(CHANNEL)
