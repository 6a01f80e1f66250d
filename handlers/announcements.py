"""What is told to whom, decided in one place: which announcement belongs to which change of a request.

Every function here is called inside the transaction that makes the change, so that a change without its message, or
a message without its change, cannot exist. What the messages look like is decided elsewhere, when they are delivered.
"""

from typing import Any, Final

from handlers.models import Request, State
from handlers.routes import Route
from handlers.store import Transaction

APPROVAL: Final = "approval"  # mirrors the request; starts its thread
STATUSES: Final = "statuses"  # mirrors the stories' statuses, in the thread
NOTE: Final = "note"  # one remark in the thread; data: {"kind": …}
NOTIFY: Final = "notify"  # the short message to a channel of the route
DIRECT: Final = "direct"  # a message to one person; data: {"kind": …}
HEALTH: Final = "health"  # what changed on a sync destination; data: a `handlers.watching.known.Report`
TENANT: Final = "tenant"  # a tenant that cannot be watched, and then can; data: tenant, since, until, problem
SUMMARY: Final = "summary"  # the week of a route; data: a `handlers.watching.summary.RouteSummary`
KINDS: Final = frozenset({SUMMARY, APPROVAL, STATUSES, NOTE, NOTIFY, DIRECT, HEALTH, TENANT})
"""All that this version can show."""


def approval_key(request_id: str) -> str:
    """Return the key of a request's approval message."""
    return f"{APPROVAL}:{request_id}"


def statuses_key(request_id: str) -> str:
    """Return the key of a request's status list."""
    return f"{STATUSES}:{request_id}"


def direct_conversation(user_id: str) -> str:
    """Return the conversation of a person's direct messages."""
    return f"@{user_id}"


async def asked(transaction: Transaction, request: Request, route: Route) -> None:
    """Show a new request to the approvers."""
    await transaction.outbox.announce(approval_key(request.id), APPROVAL, route.approval_channel, request_id=request.id)


async def wanted(transaction: Transaction, request: Request, user_id: str) -> None:
    """Write to an approver that a request waits for them."""
    await direct(transaction, request, user_id, "approval_wanted")


async def changed(transaction: Transaction, request: Request) -> None:
    """Show the approval message as the request stands now."""
    await transaction.outbox.refresh(approval_key(request.id))


async def note(transaction: Transaction, request: Request, route: Route, kind: str, **data: Any) -> None:  # noqa: ANN401 - JSON
    """Put a remark into the thread."""
    moment = int(transaction.now.timestamp() * 1_000_000)
    await transaction.outbox.announce(
        f"{NOTE}:{request.id}:{kind}:{moment}",
        NOTE,
        route.approval_channel,
        request_id=request.id,
        thread_key=approval_key(request.id),
        data={"kind": kind, **data},
    )


async def statuses(transaction: Transaction, request: Request, route: Route) -> None:
    """Show the status list in the thread, as it stands now."""
    key = statuses_key(request.id)
    if await transaction.outbox.get(key) is None:
        await transaction.outbox.announce(
            key, STATUSES, route.approval_channel, request_id=request.id, thread_key=approval_key(request.id)
        )
    else:
        await transaction.outbox.refresh(key)


async def direct(
    transaction: Transaction,
    request: Request,
    user_id: str,
    kind: str,
    *,
    about: str = "",
    **data: Any,  # noqa: ANN401 - JSON
) -> None:
    """Tell one person something about a request, once for each kind and what it is about."""
    await transaction.outbox.announce(
        f"{DIRECT}:{request.id}:{request.revision}:{kind}:{about}:{user_id}",
        DIRECT,
        direct_conversation(user_id),
        request_id=request.id,
        thread_key=None,
        data={"kind": kind, **data},
    )


async def ended(transaction: Transaction, request: Request, route: Route) -> None:
    """Tell everybody concerned how a request ended: thread, channels, and the requester unless they ended it."""
    await changed(transaction, request)
    if request.state in {State.SUCCEEDED, State.PARTIAL, State.FAILED}:
        await statuses(transaction, request, route)
        for channel in dict.fromkeys(route.notify):
            await transaction.outbox.announce(
                f"{NOTIFY}:{request.id}:{channel}",
                NOTIFY,
                channel,
                request_id=request.id,
                data={"root": approval_key(request.id)},
            )
    if request.closed_by != request.requester:
        await direct(transaction, request, request.requester, request.state.value)


async def route_changed(transaction: Transaction, route: Route, kind: str, actor: str, reason: str) -> None:
    """Tell the approval channel that a route was frozen or unfrozen, and show it on every waiting request."""
    moment = int(transaction.now.timestamp() * 1_000_000)
    await transaction.outbox.announce(
        f"{NOTE}:{route.name[:60]}:{kind}:{moment}",
        NOTE,
        route.approval_channel,
        data={"kind": kind, "by": actor, "reason": reason, "route": route.name},
    )
    await transaction.outbox.refresh_waiting(route.name, f"{APPROVAL}:")
