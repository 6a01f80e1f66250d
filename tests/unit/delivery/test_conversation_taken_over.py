import asyncio
from datetime import timedelta

import pytest

from bot.delivery.showing import WaitError
from handlers.execution.send_window import WINDOW

from .harness import CHANNEL, KEY, LONGEST_CALL, DeliveryHarness, Happening, Process, at, texts


def frozen(harness: DeliveryHarness, other: Process, *lines: str) -> Happening:
    """Return what freezes a process for long, while another one delivers in its place.

    With `lines`, these messages are what the other one shows.
    """

    async def freeze(_key: str) -> None:
        harness.harness.now += timedelta(seconds=61)
        if lines:
            await harness.shows(other, texts(*lines))
        else:
            await other.deliverer.deliver(CHANNEL)

    return freeze


async def test_a_process_that_froze_before_a_post_says_nothing(harness: DeliveryHarness) -> None:
    """A process that wakes when its conversation was taken over and served posts nothing, and notes nothing over the other."""
    one, two = await harness.process(), await harness.process()
    await harness.orders(one.store, "Hello")
    one.poster.before_channel = at(CHANNEL, frozen(harness, two))
    await one.deliverer.deliver(CHANNEL)
    assert harness.seen() == ["Hello"]
    assert (one.poster.posts, two.poster.posts) == ([], [f"{KEY}#0"])
    row = await harness.row(one.store)
    assert (row.delivered_version, [each.ts for each in row.messages]) == (1, harness.heads())


async def test_a_process_that_froze_during_a_post_doubles_nothing(harness: DeliveryHarness) -> None:
    """The other process finds what was posted and goes on; the one that froze stops there and overwrites nothing."""
    one, two = await harness.process(), await harness.process()
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


async def test_who_takes_a_post_over_waits_until_it_cannot_arrive_any_more(harness: DeliveryHarness) -> None:
    """A post that another process was about to send may still be on its way: it is looked for, and posted only later."""
    one, two = await harness.process(), await harness.process()
    await harness.orders(one.store, "Hello")
    one.uptime.stops_after = 2
    with pytest.raises(WaitError):
        await harness.shows(one, texts("Hello"))
    with pytest.raises(WaitError) as waits:
        await harness.shows(two, texts("Hello"))
    assert waits.value.seconds == WINDOW + LONGEST_CALL
    harness.harness.now += timedelta(seconds=WINDOW + LONGEST_CALL - 1)
    with pytest.raises(WaitError):
        await harness.shows(two, texts("Hello"))
    assert harness.seen() == []
    harness.harness.now += timedelta(seconds=1)
    await harness.shows(two, texts("Hello"))
    assert harness.seen() == ["Hello"]


@pytest.mark.parametrize(
    ("before", "then", "looks"),
    [
        pytest.param((), ("One", "Two"), 2, id="a post"),
        pytest.param(("One", "Two"), ("Older", "Two"), 1, id="an edit"),
        pytest.param(("One", "Two"), ("One",), 1, id="a deletion"),
    ],
)
async def test_a_process_that_stood_still_says_nothing(
    harness: DeliveryHarness, before: tuple[str, ...], then: tuple[str, ...], looks: int
) -> None:
    """A process that was stopped right before a post, an edit or a deletion leaves it: others may have gone on."""
    one = await harness.process()
    await harness.orders(one.store, "Hello")
    if before:
        await harness.shows(one, texts(*before))
        await harness.orders_anew(one.store)
    one.uptime.stops_after = looks
    with pytest.raises(WaitError):
        await harness.shows(one, texts(*then))
    assert harness.seen() == list(before)
    assert (await harness.row(one.store)).delivered_version == (1 if before else 0)


async def test_two_processes_at_once_post_once(harness: DeliveryHarness) -> None:
    """Two processes that take up the same conversation at the same moment post its messages once, in order."""
    one, two = await harness.process(), await harness.process()
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
