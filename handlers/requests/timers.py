"""What time does to a request that waits: reminders in working hours, and in the end expiry.

Both are one due time on the row. Nothing sleeps for days; the sweep finds the row when its time has come.
"""

from handlers import announcements
from handlers.calendar import may_remind, next_allowed
from handlers.models import Request
from handlers.policy import quorum
from handlers.requests.locking import expire
from handlers.requests.services import Services
from handlers.routes import retired_route
from handlers.store import SYSTEM, Transaction


async def tick(services: Services, transaction: Transaction, request: Request) -> None:
    """Let a pending request, locked and due, expire or remind its approvers, and say when to look next."""
    route = services.topology.route_for(request)
    now = transaction.now
    if now >= request.expires_at:
        await expire(transaction, request, route or retired_route(request))
        return
    if route is None or route.remind_after is None:
        await transaction.requests.change(request, next_run_at=request.expires_at)
        return
    if not may_remind(services.topology.calendar, now):
        await transaction.requests.change(
            request, next_run_at=min(request.expires_at, next_allowed(services.topology.calendar, now))
        )
        return
    again = next_allowed(services.topology.calendar, now + route.remind_after)
    reminded = await transaction.requests.change(request, next_run_at=min(request.expires_at, again))
    transaction.audit.record("reminded", SYSTEM, request.id)
    missing = quorum(route, reminded.approvals()).missing
    await announcements.note(transaction, reminded, route, "reminder", missing=missing)
