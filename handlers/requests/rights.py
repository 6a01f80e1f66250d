"""What a person may do with a request now: one answer for every listener, button, list, Home and the review.

A right that each surface works out for itself is missing on one of them, and that one shows stories to a stranger or
offers a button that then refuses. So rights and states are put together here, from values only; looking the person
up, afresh before a yes that has an effect, is the caller's part.
"""

from collections.abc import Callable, Collection
from typing import Final

from handlers.models import Frozen, Request, State
from handlers.people import Person
from handlers.policy import (
    Ruling,
    groups_of,
    may_approve,
    may_cancel,
    may_edit,
    may_read,
    may_reject,
    may_request,
    may_withdraw,
)
from handlers.requests.answers import NotNow, Refused
from handlers.requests.services import OUTDATED_BUTTON, Services, allowed, find, what_happened
from handlers.routes import Route

STOPPABLE: Final = frozenset({State.PENDING, State.APPROVED})
"""States in which a request can be called off, because no call is under way."""


class Abilities(Frozen):
    """What one person may do with one request as it is now, each with why not."""

    read: Ruling  # see it in any way: status, history, errors of stories, what the review shows
    review: Ruling  # open what they decide about
    approve: Ruling  # `entries` are the approver entries they stand for
    reject: Ruling
    withdraw: Ruling  # take their own approval back
    edit: Ruling
    cancel: Ruling
    check_again: Ruling  # look once more what became of an uncertain one
    close: Ruling  # stop following an uncertain one
    ask_again: Ruling  # open the form filled in with it
    cancel_needs_reason: bool  # they did not ask for it, so nobody knows why they call it off


def abilities(route: Route, person: Person, request: Request) -> Abilities:
    """Return what the person may do with the request; `route` is the policy of its operation.

    Whoever may not read it learns nothing of it: every no then says only that. Whoever may, and comes too late, is
    told what happened first. Two things are possible without
    reading it, because they harm nobody: taking back one's own approval, and calling off what one asked for.
    """
    requester, approvals = request.requester, request.approvals()
    read = may_read(route, person, requester=requester, request_id=request.id)

    def after_reading(ruling: Ruling, *states: State) -> Ruling:
        return _in_state(request, ruling, *states) if read.allowed else read

    def or_own(ruling: Ruling, *states: State) -> Ruling:
        return _in_state(request, ruling, *states) if ruling.allowed else after_reading(ruling, *states)

    may_stop = may_cancel(route, person, requester=requester)
    approving = may_approve(route, person, requester=requester, editor=request.editor, already=approvals)
    return Abilities(
        read=read,
        review=after_reading(read, State.PENDING),
        approve=after_reading(approving, State.PENDING),
        reject=after_reading(may_reject(route, person, requester=requester), State.PENDING),
        withdraw=or_own(may_withdraw(person, approvals), State.PENDING),
        edit=after_reading(may_edit(route, person, requester=requester), State.PENDING),
        cancel=or_own(may_stop, *STOPPABLE),
        check_again=after_reading(may_stop, State.UNCERTAIN),
        close=after_reading(may_stop, State.UNCERTAIN),
        ask_again=after_reading(may_request(route, person)),
        cancel_needs_reason=not person.is_(requester),
    )


async def able(
    services: Services,
    actor: str,
    request_id: str | None,
    right: Callable[[Abilities], Ruling],
    *,
    what: str,
    unread: str = OUTDATED_BUTTON,
) -> tuple[Request, Route, Abilities] | Refused | NotNow:
    """Return a request with what a person may do with it, for somebody who has the `right`; else what to answer.

    Asked before anything of the request is shown, changed or looked up on Tines: what a person may not read by command
    they may not read through any button. A no is recorded as an attempt at `what`.
    """
    found = await find(services, actor, request_id, what=what, unread=unread)
    if isinstance(found, Refused):
        return found
    can = await able_with(services, actor, *found, right, what=what)
    return (*found, can) if isinstance(can, Abilities) else can


async def able_with(
    services: Services,
    actor: str,
    request: Request,
    route: Route,
    right: Callable[[Abilities], Ruling],
    *,
    what: str,
    fresh: bool = False,
) -> Abilities | Refused | NotNow:
    """Return what a person may do with a request that was found, as `able` does.

    With `fresh`, Slack is asked before a yes as well: for what cannot be taken back.
    """
    latest: list[Abilities] = []

    def rule(person: Person) -> Ruling:
        latest.append(abilities(route, person, request))
        return right(latest[-1])

    ruling = await allowed(services, actor, route, rule, what=what, request=request, fresh=fresh)
    return latest[-1] if isinstance(ruling, Ruling) else ruling


async def readable(services: Services, actor: str, requests: Collection[Request]) -> frozenset[str]:
    """Return the ids of those requests that a person may read, for a view that tells of several.

    Nothing is recorded: what they may not read is left out, as though it were not there. Each is ruled on as by a
    command that names it, so one whose route is not configured any more is left out as well. The person is looked up
    once. Raises `PeopleUnavailableError`.
    """
    found = {each.id: (each, route) for each in requests if (route := services.topology.route_for(each)) is not None}
    if not found:
        return frozenset()
    groups = frozenset[str]().union(*(groups_of(route) for _, route in found.values()))
    someone = await services.people.person(actor, groups)
    return frozenset(
        each.id
        for each, route in found.values()
        if may_read(route, someone, requester=each.requester, request_id=each.id).allowed
    )


def _in_state(request: Request, ruling: Ruling, *states: State) -> Ruling:
    """Return the ruling, or what happened first when the request is in none of the states (none given: any)."""
    late = bool(states) and request.state not in states
    return Ruling(allowed=False, reasons=(what_happened(request),)) if late else ruling
