"""What time does to a request that waits: reminders in working hours, and in the end expiry.

Both are one due time on the row. Nothing sleeps for days; the sweep finds the row when its time has come.
"""

from handlers import announcing
from handlers.calendar import may_remind, next_allowed
from handlers.models import SyncRequest
from handlers.policy import quorum
from handlers.requests.desk import Desk
from handlers.requests.locking import expire
from handlers.routes import bygone
from handlers.store import SYSTEM, Transaction


async def tick(desk: Desk, transaction: Transaction, request: SyncRequest) -> None:
    """Let a pending request, locked and due, expire or remind its approvers, and say when to look next."""
    route = desk.atlas.route_for(request.content)
    now = transaction.now
    if now >= request.expires_at:
        await expire(transaction, request, route or bygone(request.content))
        return
    if route is None or route.remind_after is None:
        await transaction.change(request, due_at=request.expires_at)
        return
    if not may_remind(desk.atlas.calendar, now):
        await transaction.change(request, due_at=min(request.expires_at, next_allowed(desk.atlas.calendar, now)))
        return
    again = next_allowed(desk.atlas.calendar, now + route.remind_after)
    reminded = await transaction.change(request, due_at=min(request.expires_at, again))
    transaction.record("reminded", SYSTEM, request.id)
    missing = quorum(route, reminded.approvals()).missing
    await announcing.note(transaction, reminded, route, "reminder", missing=missing)
