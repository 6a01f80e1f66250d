"""The job that looks at a request, and does what is due by its state.

Only a due row is worked on. Being called too often, by the commit and by the sweep, is thus nearly free. An error that
nobody foresaw does not vanish in a log: it is recorded with an id, the job waits longer each time, and from the third
time on the id stands on the request, where people read it and can quote it.
"""

import secrets
from datetime import timedelta
from typing import Final

import structlog

from handlers import announcements
from handlers.jobs import NewerVersionError
from handlers.models import Problem, Request, State
from handlers.requests.assessing import assess, will_be_assessed
from handlers.requests.services import Services
from handlers.requests.timers import start_if_sufficient, tick
from handlers.routes import retired_route
from handlers.store import SYSTEM, StoreUnavailableError
from handlers.tracing import traced

_TELL_AT: Final = 3  # errors in a row, before people are told
_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(minutes=10)
_ERROR: Final = "job_error"


async def advance(services: Services, request_id: str) -> None:
    """Look at a request and do what is due. Raises `NewerVersionError` and `StoreUnavailableError`."""
    async with services.store.reading() as reader:
        seen = await reader.requests.get(request_id)
    if seen is None or seen.next_run_at is None or seen.next_run_at > services.store.clock():
        return
    with traced(seen.trace, request=request_id):  # whoever starts this job, its lines belong to the click behind it
        if will_be_assessed(services, seen):
            await assess(services, seen)
            return
        if not seen.state.active:
            await _tick(services, request_id)
            return
        if seen.operation not in services.executor.operations:
            message = f"{request_id} is a {seen.operation}"
            raise NewerVersionError(message)
        try:
            await services.executor.advance(seen)
        except StoreUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - whatever it was, somebody is told, and the request goes on later
            await _failed(services, seen)


async def _tick(services: Services, request_id: str) -> None:
    """Do what time does to a request that nothing is done for."""
    if await start_if_sufficient(services, request_id):
        return
    async with services.store.transaction() as transaction:
        request = await transaction.requests.locked(request_id)
        if request is None or request.next_run_at is None or request.next_run_at > transaction.now:
            return
        if request.state is State.PENDING:
            await tick(services, transaction, request)
        elif not request.state.active:
            await transaction.requests.change(request, next_run_at=None)  # nothing is left to do


async def _failed(services: Services, seen: Request) -> None:
    """Log the error being handled under an id, record it, and tell people when it keeps coming."""
    error_id = secrets.token_hex(4)
    structlog.get_logger(__name__).exception("a job failed", error_id=error_id)
    async with services.store.transaction() as transaction:
        request = await transaction.requests.locked(seen.id)
        if request is None or not request.state.active:
            return
        times = 1 + await transaction.audit.repeated(request.id, _ERROR)
        transaction.audit.record(_ERROR, SYSTEM, request.id, error_id=error_id, times=times)
        wait = min(_FIRST_WAIT * 2 ** min(times, 16), _LONGEST_WAIT)
        if times < _TELL_AT:
            await transaction.requests.change(request, next_run_at=transaction.now + wait)
            return
        route = services.topology.route_for(request) or retired_route(request)
        problem = Problem(
            what=f"Something went wrong in tines-sync (error {error_id})",
            advice="It is tried again, less often each time. Tell your tines-sync admin, and quote the error.",
        )
        stuck = await transaction.requests.change(
            request,
            next_run_at=transaction.now + wait,
            problem=problem,
            failing_since=request.failing_since or transaction.now,
        )
        await announcements.changed(transaction, stuck)
        await announcements.statuses(transaction, stuck, route)
        if times == _TELL_AT:
            await announcements.direct(transaction, stuck, stuck.requester, "bot_error", error_id=error_id)
