"""The job that looks at a request: claims it, does what is due by its state, and gives it back.

Only a due row is worked on. Being called too often, by the commit, by the queue and by the sweep, is thus nearly free.
"""

from handlers.models import State
from handlers.requests.desk import Desk
from handlers.requests.timers import tick
from handlers.tracing import traced


async def advance(desk: Desk, request_id: str) -> None:
    """Look at a request and do what is due."""
    async with desk.store.reading() as reader:
        seen = await reader.request(request_id)
    if seen is None or seen.due_at is None or seen.due_at > desk.store.clock():
        return
    with traced(seen.trace, request=request_id):  # whoever starts this job, its lines belong to the click behind it
        await _advance(desk, request_id)


async def _advance(desk: Desk, request_id: str) -> None:
    async with desk.store.transaction() as transaction:
        request = await transaction.claim_request(request_id)
        if request is None:
            return  # somebody else is at work on it
        due = request.due_at is not None and request.due_at <= transaction.now
        if due and request.state is State.PENDING:
            await tick(desk, transaction, request)
        elif due and not request.state.active:
            await transaction.change(request, due_at=None)  # nothing is left to do
        if not (due and request.state.active):
            await transaction.release_request(request_id)
            return
    try:
        await desk.operation.advance(request)
    except BaseException:
        # not lost: the row is still due, and the sweep comes back to it
        async with desk.store.transaction() as transaction:
            await transaction.release_request(request_id)
        raise
