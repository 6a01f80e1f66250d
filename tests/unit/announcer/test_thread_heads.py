from bot.playground.slack import Fault, FaultKind

from .newsroom import CHANNEL, Newsroom

HEAD, REPLY = "direct:head", "direct:reply"


async def test_a_thread_that_is_refused_for_ever_is_given_up(news: Newsroom) -> None:
    """Where Slack refuses every reply, the head is begun anew a few times and no more, and the lane goes on."""
    one = await news.process()
    await news.orders(one.store, "The head", HEAD)
    await news.delivers(one)
    never = Fault(FaultKind.ERROR, code="thread_not_found", times=None, only=lambda args: bool(args.get("thread_ts")))
    news.slack.faults.inject("chat.postMessage", never)
    await news.orders(one.store, "The reply", REPLY, thread_key=HEAD)
    await news.orders(one.store, "Something else", "direct:else")
    await news.delivers(one)
    assert one.poster.posts.count(f"{HEAD}#0") <= 4
    assert (await news.row(one.store, REPLY)).failure == "thread_not_found"
    assert "Something else" in news.seen()
    posts = len(one.poster.posts)
    await news.delivers(one)
    assert len(one.poster.posts) == posts


async def test_a_head_that_was_deleted_comes_before_its_reply(news: Newsroom) -> None:
    """A reply whose head was deleted waits until the head is posted anew, and stands in the new thread, once."""
    one = await news.process()
    await news.orders(one.store, "The head", HEAD)
    await news.delivers(one)
    news.slack.delete_message(CHANNEL, news.heads()[0])
    await news.orders(one.store, "The reply", REPLY, thread_key=HEAD)
    await news.delivers(one)
    (head,) = news.heads()
    assert news.seen(head) == ["The head", "The reply"]


async def test_a_reply_without_a_head_is_given_up(news: Newsroom) -> None:
    """When the head could not be posted at all, its replies are not posted as messages of their own."""
    one = await news.process()
    news.slack.faults.inject("chat.postMessage", Fault(FaultKind.ERROR, code="restricted_action"))
    await news.orders(one.store, "The head", HEAD)
    await news.orders(one.store, "The reply", REPLY, thread_key=HEAD)
    await news.delivers(one)
    assert news.seen() == []
    assert (await news.row(one.store, HEAD)).failure == "restricted_action"
    assert (await news.row(one.store, REPLY)).failure == "the message that starts its thread could not be posted"
