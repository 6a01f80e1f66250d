"""Asking for a sync, and changing what was asked for: everything is checked again here, whatever the form showed.

What a form sends is a claim. Route, teams and stories are looked up, by id, before a row is written; a form that
arrives twice becomes one request.
"""

from datetime import datetime

from handlers import announcements
from handlers.calendar import first_look
from handlers.models import Params, Request, State, digest_of, new_request_id
from handlers.operations import AnyOperation
from handlers.people import PeopleUnavailableError
from handlers.policy import Ruling, may_break_glass, may_request, policy_faults
from handlers.policy.rulings import is_group
from handlers.requests.answers import Answer, Done, Field, Invalid, NotNow, Refused
from handlers.requests.checking import Submission, check_params
from handlers.requests.edits import edit_changes
from handlers.requests.locking import locked
from handlers.requests.pinging import approvers_of
from handlers.requests.rights import able
from handlers.requests.services import (
    Services,
    allowed,
    deadline,
    identified,
    record_refusal,
    refused_in,
    repeated,
)
from handlers.routes import Ping, Route
from handlers.store import SYSTEM, ConflictError


async def submit(
    services: Services, actor: str, submission: Submission, *, budget: float | None, since: datetime | None = None
) -> Answer:
    """Make a request of a form.

    `budget`: seconds within which Slack and Tines must answer; None waits for them. `since`: when the person sent the
    form, for a job that finishes it and may run again.
    """
    until = deadline(budget)
    actor = (await identified(services, actor)).id
    if since is not None:  # a job may have made it when it ran before; a form sent twice is found when it is written
        before = await _made(services, submission.draft_id)
        if before is not None:
            return await _again(services, actor, before, since)
    route = services.topology.policy_for(submission.route, submission.operation)
    operation = services.executor.operations.get(submission.operation)
    if route is None or operation is None:
        gone = Invalid(fields={Field.ROUTE: "This route is no longer configured. Choose another one."})
        return await record_refusal(services, actor, gone, what="ask", route=submission.route)
    ruling = await allowed(services, actor, route, lambda person: may_request(route, person), what="ask")
    if not isinstance(ruling, Ruling):
        return _at_field(ruling, Field.ROUTE)
    if submission.emergency:
        granted = await allowed(
            services, actor, route, lambda person: may_break_glass(route, person), what="break_glass", fresh=True
        )
        if not isinstance(granted, Ruling):
            return _at_field(granted, Field.EMERGENCY)
    params = await check_params(services, operation, submission, route, until=until)
    if not isinstance(params, Params):
        return await record_refusal(services, actor, params, what="ask", route=route.name)
    faults = () if submission.emergency else await faults_for(services, actor, route)
    try:
        return await _take(services, actor, submission, params, route, faults)
    except ConflictError:
        twice = await _made(services, submission.draft_id)  # the same form, taken before
        if twice is None:
            raise
        return await _again(services, actor, twice)


async def _again(services: Services, actor: str, request: Request, since: datetime | None = None) -> Done:
    if since is None or request.created_at < since:  # else this very job made it, before it had to run again
        await repeated(services, actor, request, what="ask")
    return Done(request=request, text=f"{request.id} was already requested.")


async def _made(services: Services, draft_id: str) -> Request | None:
    """Return the request that a form became already."""
    async with services.store.reading() as reader:
        return await reader.requests.of_draft(draft_id)


async def _take(
    services: Services, actor: str, submission: Submission, params: Params, route: Route, faults: tuple[str, ...]
) -> Done:
    pinged = route.ping_approvers is Ping.DIRECT and route.approvals > 0 and not submission.emergency
    told = await approvers_of(services.people, route, (actor,)) if pinged else ()
    async with services.store.transaction() as transaction:
        request = _new_request(services, actor, submission, params, route, transaction.now)
        await transaction.requests.add(request)
        transaction.audit.record("break_glass" if request.emergency else "asked", actor, request.id, **_record(request))
        await announcements.asked(transaction, request, route)
        for approver in told:
            await announcements.wanted(transaction, request, approver)
        if request.emergency:
            await announcements.note(transaction, request, route, "break_glass", actor=actor, reason=request.reason)
        if request.next_run_at == transaction.now:
            transaction.jobs.advance(request.id)
        if faults:
            transaction.audit.record("policy_fault", SYSTEM, request.id, route=route.name, faults=list(faults))
            await announcements.note(transaction, request, route, "policy_fault", faults=list(faults))
        frozen = await transaction.freezes.get(route.name) if request.state is State.APPROVED else None
    if request.state is State.PENDING:
        text = f"{request.id} is waiting for approval. We'll message you when there's news."
    elif frozen is not None:
        text = f"{request.id} needs no approval, but {route.name} is frozen. It will run when the route is unfrozen."
    else:
        text = f"{request.id} is running now, without approval. The thread shows the result."
    return Done(request=request, text=" ".join((text, *faults)))


async def faults_for(services: Services, actor: str, route: Route) -> tuple[str, ...]:
    """Return why nobody could ever approve a request by this person; nothing when that is not certain."""
    try:
        members = {group: await services.people.members(group) for group in _deciding_groups(route)}
    except PeopleUnavailableError:
        return ()
    return policy_faults(route, members, requester=actor)


def known_faults_for(services: Services, actor: str, route: Route) -> tuple[str, ...] | None:
    """Return what `faults_for` would, without asking anybody; None when the members of a group are not known."""
    members: dict[str, frozenset[str]] = {}
    for group in _deciding_groups(route):
        known = services.people.cached_members(group)
        if known is None:
            return None
        members[group] = known
    return policy_faults(route, members, requester=actor)


def _deciding_groups(route: Route) -> set[str]:
    return {entry for entry in (*route.approvers, *route.denied) if is_group(entry)}


async def edit(
    services: Services,
    actor: str,
    request_id: str,
    revision: int,
    submission: Submission,
    *,
    budget: float | None,
    again: bool = False,
) -> Answer:
    """Change a pending request. Approvals given so far are for what it was, so they no longer count.

    `budget` as for `submit`. `again`: whether this is a job, that may have changed it when it ran before.
    """
    until = deadline(budget)
    actor = (await identified(services, actor)).id
    if again:
        async with services.store.reading() as reader:
            before = await reader.requests.get(request_id)
        if before is not None and before.revision == revision + 1 and before.editor == actor:
            return _edited(before)
    found = await able(services, actor, request_id, lambda can: can.edit, what="edit")
    if not isinstance(found, tuple):
        return found
    request, route, _ = found
    if submission.route != request.route:
        moved = Invalid(fields={Field.ROUTE: "The route of a request cannot change. Cancel it and make a new request."})
        return await record_refusal(services, actor, moved, what="edit", route=route.name, request=request)
    operation = services.executor.operations[request.operation]
    params = await check_params(services, operation, submission, route, until=until)
    if not isinstance(params, Params):
        return await record_refusal(services, actor, params, what="edit", route=route.name, request=request)
    async with services.store.transaction() as transaction:
        current = await locked(transaction, request, route, {State.PENDING}, actor, what="edit")
        if isinstance(current, Refused):
            return current
        if current.revision != revision:
            return refused_in(
                transaction,
                actor,
                (f"{request_id} was edited by someone else, so this form is outdated. Open it again.",),
                what="edit",
                request=current,
            )
        approved = [each.actor for each in current.approvals()]
        asked_again = [each for each in approved if each != actor] if route.ping_approvers is not Ping.OFF else []
        origins = services.topology.origins(route)
        edited = await transaction.requests.change(
            current,
            params=params,
            facts=None,
            origins=origins,
            resource=operation.resource(params, services.topology, route),
            digest=digest_of(operation.name, route.name, params, origins, None),
            reason=submission.reason.strip(),
            revision=current.revision + 1,
            editor=actor,
            expires_at=transaction.now + route.expires_after,
            next_run_at=_next_look(services, operation, params, route, transaction.now),
        )
        transaction.jobs.advance(request_id)
        transaction.audit.record("edited", actor, request_id, approvals_lost=len(approved), **_record(edited))
        await announcements.changed(transaction, edited)
        await announcements.note(
            transaction,
            edited,
            route,
            "edited",
            actor=actor,
            approvals_lost=len(approved),
            changes=edit_changes(operation, current, edited),
            mentioned=asked_again if route.ping_approvers is Ping.MENTION else [],
        )
        for approver in asked_again if route.ping_approvers is Ping.DIRECT else ():
            await announcements.direct(transaction, edited, approver, "approval_lost", actor=actor)
    return _edited(edited)


def _edited(request: Request) -> Done:
    return Done(request=request, text=f"{request.id} is changed and waiting for approval.")


def _new_request(
    services: Services, actor: str, submission: Submission, params: Params, route: Route, now: datetime
) -> Request:
    operation = services.executor.operations[submission.operation]
    origins = services.topology.origins(route)
    at_once = submission.emergency or route.approvals == 0
    return Request(
        id=new_request_id(),
        state=State.APPROVED if at_once else State.PENDING,
        revision=1,
        operation=operation.name,
        route=route.name,
        source=route.source,
        destination=route.destination,
        origins=origins,
        resource=operation.resource(params, services.topology, route),
        params=params,
        digest=digest_of(operation.name, route.name, params, origins, None),
        reason=submission.reason.strip(),
        requester=actor,
        editor=actor,
        draft_id=submission.draft_id,
        emergency=submission.emergency,
        created_at=now,
        updated_at=now,
        expires_at=now + route.expires_after,
        next_run_at=now if at_once else _next_look(services, operation, params, route, now),
    )


def _next_look(services: Services, operation: AnyOperation, params: Params, route: Route, now: datetime) -> datetime:
    """Return when a request that waits is looked at: soon, where its stories can be compared with their copies."""
    if operation.subject(params, None) is None:
        return first_look(services.topology.calendar, route, now)
    return services.executor.preflight.turn(now)


def _record(request: Request) -> dict[str, object]:
    return {
        "revision": request.revision,
        "digest": request.digest,
        "operation": request.operation,
        "route": request.route,
        **request.params.recorded(),
        "reason": request.reason,
    }


def _at_field(answer: Refused | NotNow, field: Field) -> Invalid | NotNow:
    return answer if isinstance(answer, NotNow) else Invalid(fields={field: " ".join(answer.reasons)})
