from datetime import timedelta

import pytest

from handlers.announcements import DIRECT
from handlers.jobs import DELIVER, LEFT_FOR, Job, NewerVersionError

from .harness import CHANNEL, DeliveryHarness


async def _ordered(harness: DeliveryHarness) -> None:
    """Order a message of a kind that only a newer version knows, and one that everybody does."""
    one = await harness.process()
    async with one.store.transaction() as transaction:
        await transaction.outbox.announce("cheer:1", "cheer", CHANNEL, data={"text": "Cheers"})
        await transaction.outbox.announce("direct:1", DIRECT, CHANNEL, data={"kind": "notice", "text": "Hello"})


async def test_what_only_a_newer_version_can_show_is_left_to_it(harness: DeliveryHarness) -> None:
    """Neither it nor what comes after it is shown, so that the newer version shows both in order; nothing is given up."""
    await _ordered(harness)
    one = await harness.process()
    with pytest.raises(NewerVersionError):
        await one.deliverer.deliver(CHANNEL)
    assert harness.slack.messages(CHANNEL) == []
    async with one.store.reading() as reader:
        left = await reader.outbox.undelivered(CHANNEL)
        due = await reader.due()
    assert [(each.key, each.failure, each.attempts) for each in left] == [("cheer:1", None, 0), ("direct:1", None, 0)]
    assert due == (Job(DELIVER, CHANNEL),)  # free for a process of the newer version at once


async def test_a_newer_version_that_was_taken_back_holds_up_nothing_for_ever(harness: DeliveryHarness) -> None:
    """When no newer version comes for its message, the others are shown, and it is still kept for one."""
    await _ordered(harness)
    one = await harness.process()
    harness.harness.now += LEFT_FOR + timedelta(seconds=1)
    await harness.delivers(one)
    assert [harness.slack.render(each) for each in harness.slack.messages(CHANNEL)] == ["Hello"]
    async with one.store.reading() as reader:
        assert [(each.key, each.failure) for each in await reader.outbox.undelivered(CHANNEL)] == [("cheer:1", None)]
