from datetime import timedelta

from handlers import announcements
from handlers.models import State
from handlers.routes import retired_route
from tests.unit.store.harness import a_request

from .harness import CHANNEL, DeliveryHarness


async def test_what_was_asked_on_a_route_that_is_gone_is_still_told(harness: DeliveryHarness) -> None:
    """Channel, thread and requester see how a request stands whose route is not configured any more."""
    one = await harness.process()
    request = a_request(requester="U1", state=State.RUNNING, attempts=1)
    async with one.store.transaction() as transaction:
        await transaction.requests.add(request)
        await transaction.outbox.announce(
            announcements.approval_key(request.id), announcements.APPROVAL, CHANNEL, request_id=request.id
        )
    await harness.delivers(one)
    async with one.store.transaction() as transaction:
        unsure = await transaction.requests.change(request, state=State.UNCERTAIN)
        await announcements.changed(transaction, unsure)
        await announcements.statuses(transaction, unsure, retired_route(unsure))
        await announcements.direct(transaction, unsure, "U1", unsure.state.value)
    harness.harness.now += timedelta(seconds=1)
    await harness.delivers(one)
    await harness.delivers(one, "@U1")
    (head,) = harness.slack.messages(CHANNEL)
    _, statuses = harness.slack.messages(CHANNEL, thread_ts=head["ts"])
    buttons = [
        element["text"]["text"]
        for block in statuses["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]
    assert buttons == ["Check again", "Close"]
    (told,) = harness.slack.messages(harness.slack.open_dm("U1"))
    assert request.id in harness.slack.render(told)
