"""Approvals given earlier, and whether they still stand when another one is about to be counted with them.

Where several people must approve, hours may lie between the first approval and the last. Somebody whose account was
deactivated, who became a guest or whom the policy denies by now must not be one of them. Who merely left a group since
still counts: groups of people on duty change with every shift.
"""

import asyncio
from datetime import datetime

from handlers import announcements
from handlers.models import Request
from handlers.policy import Ruling, may_count, quorum
from handlers.requests.answers import NotNow
from handlers.requests.services import Services, ruled
from handlers.routes import Route
from handlers.store import SYSTEM, Transaction


async def invalid_approvals(services: Services, request: Request, route: Route) -> dict[str, tuple[str, ...]] | NotNow:
    """Return the people whose approval must not count any more, each with the reasons."""
    given = request.approvals()
    rulings = await asyncio.gather(
        *(ruled(services, each.actor, route, lambda person: may_count(route, person), fresh=True) for each in given)
    )
    gone: dict[str, tuple[str, ...]] = {}
    for each, ruling in zip(given, rulings, strict=True):
        if not isinstance(ruling, Ruling):
            return ruling
        if not ruling.allowed:
            gone[each.actor] = ruling.reasons
    return gone


async def void_approvals(
    transaction: Transaction, request: Request, route: Route, gone: dict[str, tuple[str, ...]]
) -> Request:
    """Take approvals back in the name of people who do not count any more, and return the request without them."""
    for actor, reasons in gone.items():
        if all(approval.actor != actor for approval in request.approvals()):
            continue  # taken back meanwhile
        await transaction.requests.withdraw_approval(request, actor)
        transaction.audit.record(
            "approval_void", SYSTEM, request.id, approver=actor, revision=request.revision, reasons=list(reasons)
        )
        request = without(request, actor, transaction.now)
        standing = quorum(route, request.approvals())
        await announcements.note(
            transaction, request, route, "approval_void", actor=actor, have=standing.have, needed=standing.needed
        )
    return request


def without(request: Request, actor: str, now: datetime) -> Request:
    """Return the request with a person's approvals marked as taken back."""
    return request.model_copy(
        update={
            "decisions": tuple(
                each.model_copy(update={"withdrawn_at": now})
                if each.actor == actor and each.withdrawn_at is None
                else each
                for each in request.decisions
            )
        }
    )
