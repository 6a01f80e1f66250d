"""The job that looks at a request, and does what is due by its state.

Only a due row is worked on. Being called too often, by the commit and by the sweep, is thus nearly free.
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
        if seen.state.active:
            await services.executor.advance(seen)
        else:
            await _tick(services, request_id)


async def _tick(services: Services, request_id: str) -> None:
    """Do what time does to a request that nothing is done for."""
    async with services.store.transaction() as transaction:
        request = await transaction.requests.locked(request_id)
        if request is None or request.next_run_at is None or request.next_run_at > transaction.now:
            return
        if request.state is State.PENDING:
            await tick(services, transaction, request)
        elif not request.state.active:
            await transaction.requests.change(request, next_run_at=None)  # nothing is left to do
