"""The job that looks at a request: claims it, does what is due by its state, and gives it back.

Only a due row is worked on. Being called too often, by the commit, by the queue and by the sweep, is thus nearly free.
"""

from handlers.models import State
from handlers.requests.services import Services
from handlers.requests.timers import tick
from handlers.tracing import traced


async def advance(services: Services, request_id: str) -> None:
    """Look at a request and do what is due."""
    async with services.store.reading() as reader:
        seen = await reader.requests.get(request_id)
    if seen is None or seen.next_run_at is None or seen.next_run_at > services.store.clock():
        return
    with traced(seen.trace, request=request_id):  # whoever starts this job, its lines belong to the click behind it
        await _advance(services, request_id)


async def _advance(services: Services, request_id: str) -> None:
    async with services.store.transaction() as transaction:
        request = await transaction.claims.take_request(request_id)
        if request is None:
            return  # somebody else is at work on it
        due = request.next_run_at is not None and request.next_run_at <= transaction.now
        if due and request.state is State.PENDING:
            await tick(services, transaction, request)
        elif due and not request.state.active:
            await transaction.requests.change(request, next_run_at=None)  # nothing is left to do
        if not (due and request.state.active):
            await transaction.claims.release_request(request_id)
            return
    try:
        await services.operation.advance(request)
    except BaseException:
        # not lost: the row is still due, and the sweep comes back to it
        async with services.store.transaction() as transaction:
            await transaction.claims.release_request(request_id)
        raise
