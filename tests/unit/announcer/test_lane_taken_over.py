import asyncio
from datetime import timedelta

import pytest

from bot.announcer.showing import WaitError

from .newsroom import CHANNEL, KEY, Happening, Newsroom, Process, at, texts


def frozen(news: Newsroom, other: Process, *lines: str) -> Happening:
    """Return what freezes a process for longer than its lease, while another one delivers in its place.

    With `lines`, these messages are what the other one shows.
    """

    async def freeze(_key: str) -> None:
        news.shelf.now += timedelta(seconds=61)
        await other.store.heartbeat(timedelta(seconds=60))
        if lines:
            await news.shows(other, texts(*lines))
        else:
            await other.announcer.deliver(CHANNEL)

    return freeze


async def test_a_process_that_froze_before_a_post_says_nothing(news: Newsroom) -> None:
    """A process that wakes when its lane was taken over and served posts nothing, and notes nothing over the other."""
    one, two = await news.process("one"), await news.process("two")
    await news.orders(one.store, "Hello")
    one.poster.before_channel = at(CHANNEL, frozen(news, two))
    await one.announcer.deliver(CHANNEL)
    assert news.seen() == ["Hello"]
    assert (one.poster.posts, two.poster.posts) == ([], [f"{KEY}#0"])
    row = await news.row(one.store)
    assert (row.delivered, [each.ts for each in row.messages]) == (1, news.heads())


async def test_a_process_that_froze_during_a_post_doubles_nothing(news: Newsroom) -> None:
    """The other process finds what was posted and goes on; the one that froze stops there and overwrites nothing."""
    one, two = await news.process("one"), await news.process("two")
    await news.orders(one.store, "Hello")
    one.poster.after_post = at(f"{KEY}#0", frozen(news, two, "Eins", "Zwei", "Drei"))
    with pytest.raises(WaitError):
        await news.shows(one, texts("One", "Two", "Three"))
    assert news.seen() == ["Eins", "Zwei", "Drei"]
    assert (one.poster.posts, two.poster.posts) == ([f"{KEY}#0"], [f"{KEY}#1", f"{KEY}#2"])
    row = await news.row(one.store)
    assert [each.ts for each in row.messages] == news.heads()
    await news.orders_anew(one.store)
    await news.shows(two, texts("Eins", "Zwei", "Drei!"))
    assert news.seen() == ["Eins", "Zwei", "Drei!"]


async def test_the_one_that_was_taken_over_does_not_free_the_lane(news: Newsroom) -> None:
    """When the frozen process ends its delivery, the lane is still the other one's."""
    one, two, three = [await news.process(name) for name in ("one", "two", "three")]
    await news.orders(one.store, "Hello")

    async def two_begins(_key: str) -> None:
        news.shelf.now += timedelta(seconds=61)
        for process in (two, three):
            await process.store.heartbeat(timedelta(seconds=60))
        async with two.store.transaction() as transaction:
            assert await transaction.claim_lane(CHANNEL)

    one.poster.before_channel = at(CHANNEL, two_begins)
    await one.announcer.deliver(CHANNEL)
    news.shelf.now += timedelta(seconds=5)
    async with three.store.transaction() as transaction:
        assert not await transaction.claim_lane(CHANNEL)
    assert news.seen() == []


async def test_without_its_lease_a_process_posts_nothing(news: Newsroom) -> None:
    """A process that cannot be sure of its lease says nothing, right before a post as before an edit or a deletion."""
    one = await news.process()
    await news.orders(one.store, "Hello")
    one.held[:] = [False]
    with pytest.raises(WaitError):
        await news.shows(one, texts("One", "Two"))
    assert news.seen() == []
    await news.shows(one, texts("One", "Two"))
    await news.orders_anew(one.store)
    one.held[:] = [False]
    with pytest.raises(WaitError):
        await news.shows(one, texts("Older", "Two"))
    one.held[:] = [False]
    with pytest.raises(WaitError):
        await news.shows(one, texts("One"))
    assert news.seen() == ["One", "Two"]
    assert (await news.row(one.store)).delivered == 1


async def test_two_processes_at_once_post_once(news: Newsroom) -> None:
    """Two processes that take up the same lane at the same moment post its messages once, in order."""
    one, two = await news.process("one"), await news.process("two")
    for number in range(5):
        await news.orders(one.store, f"Message {number}", f"direct:{number}")
    await asyncio.gather(one.announcer.deliver(CHANNEL), two.announcer.deliver(CHANNEL))
    await news.delivers(one)
    assert news.seen() == [f"Message {number}" for number in range(5)]


async def test_what_was_ordered_during_a_delivery_is_still_open(news: Newsroom) -> None:
    """A message that is ordered anew while it is being posted is delivered once more after that."""
    one = await news.process()
    await news.orders(one.store, "Hello")

    async def ordered_anew(_key: str) -> None:
        await news.orders_anew(one.store)

    one.poster.after_post = at(f"{KEY}#0", ordered_anew)
    await news.shows(one, texts("Hello"))
    row = await news.row(one.store)
    assert (row.wanted, row.delivered) == (2, 1)
