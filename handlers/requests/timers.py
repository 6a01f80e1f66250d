"""What time does to a request that waits: reminders in working hours, in the end expiry, and a policy that changes.

Reminder and expiry are one due time on the row. Nothing sleeps for days; the sweep finds the row when its time has come.
A policy changes with the configuration, at a start: requests that have enough approvals under the new one run.
"""

import structlog

from handlers import announcements
from handlers.calendar import may_remind, next_allowed
from handlers.execution.before_send import people_behind
from handlers.models import Request, State
from handlers.people import PeopleUnavailableError
from handlers.policy import quorum
from handlers.requests.locking import expire, in_time
from handlers.requests.services import Services
from handlers.routes import Route, retired_route
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


async def start_sufficient(services: Services) -> bool:
    """Start every pending request that has enough approvals under the policy of now; whether all could be judged."""
    async with services.store.reading() as reader:
        waiting = await reader.requests.pending_with_approvals(_without_approval(services))
    judged = [await start_if_sufficient(services, request_id) for request_id in waiting]
    return None not in judged


async def start_if_sufficient(services: Services, request_id: str) -> bool | None:
    """Start a pending request if its approvals are enough under the policy of now; whether it was.

    When it was approved the policy may have asked for more. Everybody behind it is looked up afresh, as before a send:
    None while Slack does not say who they are.
    """
    async with services.store.reading() as reader:
        request = await reader.requests.get(request_id)
    route = None if request is None else services.topology.route_for(request)
    if request is None or route is None or not _is_sufficient(request, route):
        return False
    try:
        behind = await people_behind(services.people, request, route)
    except PeopleUnavailableError as error:
        structlog.get_logger(__name__).warning("approvals cannot be judged now", request=request.id, why=str(error))
        return None
    async with services.store.transaction() as transaction:
        current = await in_time(transaction, request.id, route)
        if current is None or not _is_sufficient(current, route):
            return False
        if behind.against(current, transaction.now, broke_glass=None) is not None:
            return False
        approved = await transaction.requests.change(
            current, state=State.APPROVED, next_run_at=transaction.now, note=""
        )
        counted = quorum(route, approved.approvals())
        said = {"have": counted.have, "needed": counted.needed}
        transaction.audit.record(
            "quorum_lowered", SYSTEM, approved.id, revision=approved.revision, digest=approved.digest, **said
        )
        await announcements.changed(transaction, approved)
        await announcements.note(transaction, approved, route, "quorum_lowered", **said)
        transaction.jobs.advance(approved.id)
    return True


def _is_sufficient(request: Request, route: Route) -> bool:
    """Whether a pending request has the approvals that the policy asks for.

    Where it asks for none any more, only if nobody has said anything about the request: then it is as if it were asked
    for now. One that was approved before and sent back waits for somebody to look at what changed.
    """
    if request.state is not State.PENDING or request.emergency:
        return False
    if route.approvals == 0:
        return not request.decisions and request.revision == 1
    return quorum(route, request.approvals()).reached


def _without_approval(services: Services) -> tuple[str, ...]:
    """Return the routes on which some operation needs no approval."""
    return tuple(
        name
        for name, route in services.topology.routes.items()
        if any(route.for_operation(each).approvals == 0 for each in services.executor.operations)
    )
