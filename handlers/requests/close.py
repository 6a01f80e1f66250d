"""Calling a request off, looking again at an uncertain one, and freezing a route."""

from collections.abc import Callable
from datetime import datetime

from handlers import announcements
from handlers.execution.call_journal import record_kept, sent_before
from handlers.models import Problem, State, sent_words
from handlers.people import PeopleUnavailableError, Person
from handlers.policy import Freeze, Ruling, may_freeze
from handlers.requests.answers import Answer, Done, Field, Invalid, NotNow, Refused
from handlers.requests.destinations import UsableRoute, groups_on, usable
from handlers.requests.locking import locked
from handlers.requests.overview import rights_of
from handlers.requests.rights import STOPPABLE, Abilities, able
from handlers.requests.services import Services, allowed, identified, record_refusal, refuse, refused_in
from handlers.routes import Route


async def cancel(services: Services, actor: str, request_id: str, reason: str) -> Answer:
    """Call off a request for which no call is under way. Whoever calls off somebody else's must say why."""
    actor = (await identified(services, actor)).id
    found = await able(services, actor, request_id, lambda can: can.cancel, what="cancel")
    if not isinstance(found, tuple):
        return found
    request, route, can = found
    if can.cancel_needs_reason and not reason.strip():
        nothing_said = Invalid(fields={Field.REASON: "Add a reason for the requester."})
        return await record_refusal(services, actor, nothing_said, what="cancel", route=route.name, request=request)
    async with services.store.transaction() as transaction:
        current = await locked(transaction, request, route, STOPPABLE, actor, what="cancel")
        if isinstance(current, Refused):
            return current
        cancelled = await transaction.requests.change(
            current,
            state=State.CANCELLED,
            closed_by=actor,
            closed_comment=reason,
            note="",  # it waits for nothing any more
            next_run_at=None,
            finished_at=transaction.now,
            calls=(),
        )
        record_kept(transaction, current)
        transaction.audit.record("cancelled", actor, current.id, revision=current.revision, reason=reason)
        await announcements.ended(transaction, cancelled, route)
        sent = await sent_before(transaction, current.id)
    return Done(request=cancelled, text=f"{request_id} is cancelled. {sent_words(sent)}")


async def check_again(services: Services, actor: str, request_id: str) -> Answer:
    """Look once more whether Tines did what an uncertain request asks for."""
    return await _uncertain(services, actor, request_id, lambda can: can.check_again, "check_again", "")


async def close(services: Services, actor: str, request_id: str, comment: str = "") -> Answer:
    """Close an uncertain request: somebody looked, and it is not to be followed any more."""
    return await _uncertain(services, actor, request_id, lambda can: can.close, "close", comment)


async def _uncertain(
    services: Services, actor: str, request_id: str, right: Callable[[Abilities], Ruling], what: str, comment: str
) -> Answer:
    actor = (await identified(services, actor)).id
    found = await able(services, actor, request_id, right, what=what)
    if not isinstance(found, tuple):
        return found
    request, route, _ = found
    async with services.store.transaction() as transaction:
        current = await locked(transaction, request, route, {State.UNCERTAIN}, actor, what=what)
        if isinstance(current, Refused):
            return current
        transaction.audit.record(what, actor, current.id, comment=comment)
        if what == "check_again":
            looked = await transaction.requests.change(
                current,
                state=State.RUNNING,
                next_run_at=transaction.now,
                problem=None,
                failing_since=None,  # what fails from now on is a new trouble, and gets its time to pass
            )
            transaction.jobs.advance(current.id)
            await announcements.changed(transaction, looked)
            await announcements.statuses(transaction, looked, route)
            return Done(request=looked, text=f"Checking {request_id} again. The thread will show the result.")
        closed = await transaction.requests.change(
            current,
            state=State.FAILED,
            closed_by=actor,
            closed_comment=comment,
            finished_at=transaction.now,
            problem=Problem(
                what="Closed by a person while it was unclear whether Tines applied the change",
                words=current.problem.words if current.problem else "",
                advice="The sync destinations of the source tenant show it.",
            ),
        )
        await announcements.ended(transaction, closed, route)
        await transaction.requests.wake_next(closed)
    return Done(request=closed, text=f"{request_id} is closed.")


async def freeze(services: Services, actor: str, route_name: str, reason: str) -> Freeze | Refused | NotNow:
    """Let nothing run on a route until it is unfrozen."""
    actor = (await identified(services, actor)).id
    route = await _route_for(services, actor, route_name, "freeze")
    if not isinstance(route, Route):
        return route
    async with services.store.transaction() as transaction:
        frozen = Freeze(route=route.name, by=actor, reason=reason, at=transaction.now)
        await transaction.freezes.put(frozen)
        transaction.audit.record("frozen", actor, None, route=route.name, reason=reason)
        await announcements.route_changed(transaction, route, "frozen", actor, reason)
    return frozen


async def unfreeze(
    services: Services, actor: str, route_name: str, *, shown: datetime | None = None
) -> Route | Refused | NotNow:
    """Let a frozen route run again, beginning with what was approved meanwhile.

    `shown` is when it was frozen as the person saw it: a freeze that came later had another reason.
    """
    actor = (await identified(services, actor)).id
    route = await _route_for(services, actor, route_name, "unfreeze")
    if not isinstance(route, Route):
        return route
    async with services.store.transaction() as transaction:
        frozen = await transaction.freezes.get(route.name)
        why = f"{route.name} is not frozen." if frozen is None else ""
        if frozen is not None and shown is not None and frozen.at != shown:
            why = f"{route.name} was frozen again after you opened this. Read the reason, then unfreeze it."
        if why:
            return refused_in(transaction, actor, (why,), what="unfreeze", route=route.name)
        await transaction.freezes.drop(route.name)
        transaction.audit.record("unfrozen", actor, None, route=route.name)
        await transaction.homes.look(actor)
        # requests before their messages, as everybody else locks them
        for request_id in await transaction.requests.held_up_on(route.name):
            await transaction.requests.wake({State.APPROVED, State.RUNNING}, request_id)
        await announcements.route_changed(transaction, route, "unfrozen", actor, "")
    return route


async def _route_for(services: Services, actor: str, name: str, what: str) -> Route | Refused | NotNow:
    """Return a route to somebody who may freeze it; a refusal tells of no route that they do not use."""
    route = services.topology.routes.get(name)
    missing = await _no_route(services, actor, name)
    if route is None:
        return await refuse(services, actor, missing.reasons, what=what)

    def rule(person: Person) -> Ruling:
        # a group that nobody can read closes the route: whoever would use it otherwise is told so
        otherwise = route.model_copy(update={"denied": tuple(set(route.denied) - person.unreadable)})
        uses = isinstance(usable(otherwise, person, services.executor.operations), UsableRoute)
        return may_freeze(route, person) if uses else missing

    groups = groups_on(route)  # also of those who use it for one operation only, and may be told why they may not
    ruling = await allowed(services, actor, route, rule, what=what, fresh=what == "unfreeze", groups=groups)
    return route if isinstance(ruling, Ruling) else ruling


async def _no_route(services: Services, actor: str, name: str) -> Ruling:
    """Return that there is no such route for a person, and which there are: the same whether it is there or not."""
    try:
        uses = (await rights_of(services, actor)).uses
    except PeopleUnavailableError:
        uses = ()
    named = ", ".join(each.route.name for each in uses)
    what_next = f"The routes are: {named}." if uses else "Ask your tines-sync admin to add you."
    return Ruling(allowed=False, reasons=(f"There is no route {name} that you can use. {what_next}",))
