from datetime import timedelta

from handlers import announcing
from handlers.models import State
from handlers.routes import bygone
from tests.unit.store.shelf import a_request

from .newsroom import CHANNEL, Newsroom


async def test_what_was_asked_on_a_route_that_is_gone_is_still_told(news: Newsroom) -> None:
    """Channel, thread and requester see how a request stands whose route is not configured any more."""
    one = await news.process()
    request = a_request(requester="U1", state=State.CREATING, posts=1)
    async with one.store.transaction() as transaction:
        await transaction.add_request(request)
        await transaction.announce(
            announcing.approval_key(request.id), announcing.APPROVAL, CHANNEL, request_id=request.id
        )
    await news.delivers(one)
    async with one.store.transaction() as transaction:
        unsure = await transaction.change(request, state=State.UNCERTAIN)
        await announcing.changed(transaction, unsure)
        await announcing.statuses(transaction, unsure, bygone(unsure.content))
        await announcing.direct(transaction, unsure, "U1", unsure.state.value)
    news.shelf.now += timedelta(seconds=1)
    await news.delivers(one)
    await news.delivers(one, "@U1")
    (head,) = news.slack.messages(CHANNEL)
    _, statuses = news.slack.messages(CHANNEL, thread_ts=head["ts"])
    buttons = [
        element["text"]["text"]
        for block in statuses["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]
    assert buttons == ["Check again", "Close"]
    (told,) = news.slack.messages(news.slack.open_dm("U1"))
    assert request.id in news.slack.render(told)
