from bot.playground.slack import Fault, FaultKind

from .harness import CHANNEL, DeliveryHarness

HEAD, REPLY = "direct:head", "direct:reply"


async def test_a_thread_that_is_refused_for_ever_is_given_up(harness: DeliveryHarness) -> None:
    """Where Slack refuses every reply, the head is begun anew a few times and no more, and the conversation goes on."""
    one = await harness.process()
    await harness.orders(one.store, "The head", HEAD)
    await harness.delivers(one)
    never = Fault(FaultKind.ERROR, code="thread_not_found", times=None, only=lambda args: bool(args.get("thread_ts")))
    harness.slack.faults.inject("chat.postMessage", never)
    await harness.orders(one.store, "The reply", REPLY, thread_key=HEAD)
    await harness.orders(one.store, "Something else", "direct:else")
    await harness.delivers(one)
    assert one.poster.posts.count(f"{HEAD}#0") <= 4
    assert (await harness.row(one.store, REPLY)).failure == "thread_not_found"
    assert "Something else" in harness.seen()
    posts = len(one.poster.posts)
    await harness.delivers(one)
    assert len(one.poster.posts) == posts


async def test_a_head_that_was_deleted_comes_before_its_reply(harness: DeliveryHarness) -> None:
    """A reply whose head was deleted waits until the head is posted anew, and stands in the new thread, once."""
    one = await harness.process()
    await harness.orders(one.store, "The head", HEAD)
    await harness.delivers(one)
    harness.slack.delete_message(CHANNEL, harness.heads()[0])
    await harness.orders(one.store, "The reply", REPLY, thread_key=HEAD)
    await harness.delivers(one)
    (head,) = harness.heads()
    assert harness.seen(head) == ["The head", "The reply"]


async def test_a_reply_without_a_head_is_given_up(harness: DeliveryHarness) -> None:
    """When the head could not be posted at all, its replies are not posted as messages of their own."""
    one = await harness.process()
    harness.slack.faults.inject("chat.postMessage", Fault(FaultKind.ERROR, code="restricted_action"))
    await harness.orders(one.store, "The head", HEAD)
    await harness.orders(one.store, "The reply", REPLY, thread_key=HEAD)
    await harness.delivers(one)
    assert harness.seen() == []
    assert (await harness.row(one.store, HEAD)).failure == "restricted_action"
    assert (await harness.row(one.store, REPLY)).failure == "the message that starts its thread could not be posted"
