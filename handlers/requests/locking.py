"""The row of a request for one transaction alone, as time has left it.

Whoever decides about a request reads it here first. It prevents two outcomes for one request, and a click that counts
only because it was quicker than the sweep: a request whose time is over has expired, whether anybody noticed or not.
"""

from collections.abc import Container

from handlers import announcements
from handlers.models import Request, State
from handlers.requests.answers import Refused
from handlers.requests.services import refused_in, what_happened
from handlers.routes import Route
from handlers.store import SYSTEM, Transaction


async def locked(
    transaction: Transaction,
    request: Request,
    route: Route,
    states: Container[State],
    actor: str,
    *,
    what: str,
) -> Request | Refused:
    """Return the request as it is now, if it is still in one of the states.

    Else the refusal that tells what happened first, recorded as an attempt at `what`.
    """
    current = await in_time(transaction, request.id, route)
    if current is not None and current.state in states:
        return current
    now = current or request
    return refused_in(transaction, actor, (what_happened(now),), what=what, request=now)


async def in_time(transaction: Transaction, request_id: str, route: Route) -> Request | None:
    """Return a request, locked, expired if its time is over."""
    current = await transaction.requests.locked(request_id)
    if current is not None and current.state is State.PENDING and transaction.now >= current.expires_at:
        return await expire(transaction, current, route)
    return current


async def expire(transaction: Transaction, request: Request, route: Route) -> Request:
    """End a pending request, locked, whose time is over."""
    expired = await transaction.requests.change(
        request, state=State.EXPIRED, next_run_at=None, finished_at=transaction.now
    )
    transaction.audit.record("expired", SYSTEM, request.id, revision=request.revision)
    await announcements.ended(transaction, expired, route)
    return expired
