import asyncio
from datetime import timedelta

import pytest

from bot.delivery.showing import WaitError

from .harness import CHANNEL, KEY, DeliveryHarness, Happening, Process, at, texts


def frozen(harness: DeliveryHarness, other: Process, *lines: str) -> Happening:
    """Return what freezes a process for longer than its lease, while another one delivers in its place.

    With `lines`, these messages are what the other one shows.
    """

    async def freeze(_key: str) -> None:
        harness.harness.now += timedelta(seconds=61)
        await other.store.heartbeat(timedelta(seconds=60))
        if lines:
            await harness.shows(other, texts(*lines))
        else:
            await other.deliverer.deliver(CHANNEL)

    return freeze


async def test_a_process_that_froze_before_a_post_says_nothing(harness: DeliveryHarness) -> None:
    """A process that wakes when its conversation was taken over and served posts nothing, and notes nothing over the other."""
    one, two = await harness.process("one"), await harness.process("two")
    await harness.orders(one.store, "Hello")
    one.poster.before_channel = at(CHANNEL, frozen(harness, two))
    await one.deliverer.deliver(CHANNEL)
    assert harness.seen() == ["Hello"]
    assert (one.poster.posts, two.poster.posts) == ([], [f"{KEY}#0"])
    row = await harness.row(one.store)
    assert (row.delivered_version, [each.ts for each in row.messages]) == (1, harness.heads())


async def test_a_process_that_froze_during_a_post_doubles_nothing(harness: DeliveryHarness) -> None:
    """The other process finds what was posted and goes on; the one that froze stops there and overwrites nothing."""
    one, two = await harness.process("one"), await harness.process("two")
    await harness.orders(one.store, "Hello")
    one.poster.after_post = at(f"{KEY}#0", frozen(harness, two, "Eins", "Zwei", "Drei"))
    with pytest.raises(WaitError):
        await harness.shows(one, texts("One", "Two", "Three"))
    assert harness.seen() == ["Eins", "Zwei", "Drei"]
    assert (one.poster.posts, two.poster.posts) == ([f"{KEY}#0"], [f"{KEY}#1", f"{KEY}#2"])
    row = await harness.row(one.store)
    assert [each.ts for each in row.messages] == harness.heads()
    await harness.orders_anew(one.store)
    await harness.shows(two, texts("Eins", "Zwei", "Drei!"))
    assert harness.seen() == ["Eins", "Zwei", "Drei!"]


async def test_the_one_that_was_taken_over_does_not_free_the_conversation(harness: DeliveryHarness) -> None:
    """When the frozen process ends its delivery, the conversation is still the other one's."""
    one, two, three = [await harness.process(name) for name in ("one", "two", "three")]
    await harness.orders(one.store, "Hello")

    async def two_begins(_key: str) -> None:
        harness.harness.now += timedelta(seconds=61)
        for process in (two, three):
            await process.store.heartbeat(timedelta(seconds=60))
        async with two.store.transaction() as transaction:
            assert await transaction.claims.take_conversation(CHANNEL)

    one.poster.before_channel = at(CHANNEL, two_begins)
    await one.deliverer.deliver(CHANNEL)
    harness.harness.now += timedelta(seconds=5)
    async with three.store.transaction() as transaction:
        assert not await transaction.claims.take_conversation(CHANNEL)
    assert harness.seen() == []


async def test_without_its_lease_a_process_posts_nothing(harness: DeliveryHarness) -> None:
    """A process that cannot be sure of its lease says nothing, right before a post as before an edit or a deletion."""
    one = await harness.process()
    await harness.orders(one.store, "Hello")
    one.held[:] = [False]
    with pytest.raises(WaitError):
        await harness.shows(one, texts("One", "Two"))
    assert harness.seen() == []
    await harness.shows(one, texts("One", "Two"))
    await harness.orders_anew(one.store)
    one.held[:] = [False]
    with pytest.raises(WaitError):
        await harness.shows(one, texts("Older", "Two"))
    one.held[:] = [False]
    with pytest.raises(WaitError):
        await harness.shows(one, texts("One"))
    assert harness.seen() == ["One", "Two"]
    assert (await harness.row(one.store)).delivered_version == 1


async def test_two_processes_at_once_post_once(harness: DeliveryHarness) -> None:
    """Two processes that take up the same conversation at the same moment post its messages once, in order."""
    one, two = await harness.process("one"), await harness.process("two")
    for number in range(5):
        await harness.orders(one.store, f"Message {number}", f"direct:{number}")
    await asyncio.gather(one.deliverer.deliver(CHANNEL), two.deliverer.deliver(CHANNEL))
    await harness.delivers(one)
    assert harness.seen() == [f"Message {number}" for number in range(5)]


async def test_what_was_ordered_during_a_delivery_is_still_open(harness: DeliveryHarness) -> None:
    """A message that is ordered anew while it is being posted is delivered once more after that."""
    one = await harness.process()
    await harness.orders(one.store, "Hello")

    async def ordered_anew(_key: str) -> None:
        await harness.orders_anew(one.store)

    one.poster.after_post = at(f"{KEY}#0", ordered_anew)
    await harness.shows(one, texts("Hello"))
    row = await harness.row(one.store)
    assert (row.desired_version, row.delivered_version) == (2, 1)
