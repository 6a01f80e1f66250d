from datetime import timedelta

import pytest

from bot.delivery import RateLimit
from bot.delivery.posting import EVENT_TYPE
from bot.playground.slack import Fault, FaultKind

from .harness import CHANNEL, KEY, DeliveryHarness, at, no_answer

HEAD, REPLY = "direct:head", "direct:reply"


async def test_a_reply_to_a_deleted_head_leaves_no_stray(harness: DeliveryHarness) -> None:
    """Slack puts a reply to a deleted message at the channel's root: it is taken away, and stands under the new head."""
    one = await harness.process()
    await harness.orders(one.store, "The head", HEAD)
    await harness.delivers(one)
    harness.slack.delete_message(CHANNEL, harness.heads()[0])
    await harness.orders(one.store, "The reply", REPLY, thread_key=HEAD)
    await harness.delivers(one)
    (head,) = harness.heads()
    assert harness.seen(head) == ["The head", "The reply"]
    assert harness.slack.traffic.calls("chat.delete")


async def test_a_stray_whose_answer_was_lost_is_found(harness: DeliveryHarness) -> None:
    """Also when nobody knows whether the reply was posted, no stray stays at the channel's root."""
    one = await harness.process()
    await harness.orders(one.store, "The head", HEAD)
    await harness.delivers(one)
    harness.slack.delete_message(CHANNEL, harness.heads()[0])
    harness.slack.faults.inject("chat.postMessage", Fault(FaultKind.RESET_AFTER))
    await harness.orders(one.store, "The reply", REPLY, thread_key=HEAD)
    await harness.delivers(one)
    (head,) = harness.heads()
    assert harness.seen(head) == ["The head", "The reply"]


async def test_what_stood_beneath_a_deleted_head_follows_to_the_new_one(harness: DeliveryHarness) -> None:
    """A list that is kept up to date is not left behind in the thread of a head that is gone."""
    one = await harness.process()
    await harness.orders(one.store, "The head", HEAD)
    await harness.orders(one.store, "The list", REPLY, thread_key=HEAD)
    await harness.delivers(one)
    harness.slack.delete_message(CHANNEL, harness.heads()[0])
    await harness.orders_anew(one.store, HEAD)
    async with one.store.transaction() as transaction:
        row = await transaction.outbox.get(HEAD)
        assert row is not None
        await transaction.outbox.update(
            HEAD, messages=tuple(each.model_copy(update={"hash": ""}) for each in row.messages)
        )
    await harness.delivers(one)
    head = harness.heads()[-1]
    assert harness.seen(head) == ["The head", "The list"]


async def test_a_tombstone_is_noticed_by_the_next_reply(harness: DeliveryHarness) -> None:
    """Slack takes replies beneath a head that was deleted: the next one finds the head shown anew, with what follows it."""
    one = await harness.process()
    await harness.orders(one.store, "The head", HEAD)
    await harness.orders(one.store, "The list", REPLY, thread_key=HEAD)
    await harness.delivers(one)
    (old,) = harness.heads()
    harness.slack.delete_message(CHANNEL, old)
    assert harness.slack.messages(CHANNEL)[0]["subtype"] == "tombstone"
    harness.harness.now += timedelta(minutes=1)
    await harness.orders(one.store, "A reminder", "direct:reminder", thread_key=HEAD)
    await harness.delivers(one)
    head = harness.heads()[-1]
    assert head != old
    assert sorted(harness.seen(head)) == ["A reminder", "The head", "The list"]


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR])
async def test_a_head_of_which_slack_does_not_tell_counts_as_there(harness: DeliveryHarness, kind: FaultKind) -> None:
    """The look at the head is a courtesy: no reply waits for it, or is lost by it, and none costs more than one call."""
    one = await harness.process()
    await harness.orders(one.store, "The head", HEAD)
    await harness.delivers(one)
    harness.harness.now += timedelta(minutes=1)
    harness.slack.faults.inject("conversations.replies", Fault(kind, times=None))
    await harness.orders(one.store, "The reply", REPLY, thread_key=HEAD)
    await harness.delivers(one)
    (head,) = harness.heads()
    assert harness.seen(head) == ["The head", "The reply"]
    assert len(harness.slack.traffic.calls("conversations.replies")) == 1


async def test_metadata_of_another_app_is_not_ours(harness: DeliveryHarness) -> None:
    """Another app that posts with our key does not keep our message from being posted."""
    one = await harness.process()
    metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": f"{KEY}#0"}}
    harness.slack.forge(CHANNEL, metadata)

    async def lost(key: str) -> None:
        harness.slack.forge(CHANNEL, metadata)
        await no_answer(key)

    one.poster.before_post = at(f"{KEY}#0", lost)
    await harness.orders(one.store, "Ours")
    await harness.delivers(one)
    assert harness.seen().count("Ours") == 1


async def test_a_refusal_that_can_pass_waits_longer_each_time(harness: DeliveryHarness) -> None:
    """An archived channel is tried again and again, less and less often, for days, and is served when it is back."""
    one = await harness.process()
    harness.slack.archive(CHANNEL)
    await harness.orders(one.store, "Late")
    await harness.delivers(one)
    assert (await harness.row(one.store)).failure == "is_archived"
    tries = len(one.poster.posts)
    assert 4 < tries < 15
    harness.slack.archive(CHANNEL, archived=False)
    for _ in range(4):
        await harness.delivers(one)
    assert harness.seen() == ["Late"]
    assert (await harness.row(one.store)).failure is None


async def test_the_wait_after_a_refusal_ends_at_an_hour() -> None:
    """However long a channel is closed, it is asked at least once an hour."""
    waits = [RateLimit().wait_after_refusal(attempts) for attempts in range(40)]
    assert waits == sorted(waits)
    assert waits[-1] == 3600
