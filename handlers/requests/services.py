"""What every use case needs, and the two questions that each begins with: who is this, and may they.

Rights are looked up at every click, and afresh before anybody is refused: somebody who joined the approvers a moment
ago must not be told that they are not among them. A refusal is recorded like everything else.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from handlers.catalogue import Catalogue
from handlers.execution.call_journal import CallJournal
from handlers.execution.executor import Executor
from handlers.models import Problem, Request, State
from handlers.operations import Preview
from handlers.people import Identity, People, PeopleUnavailableError, Person
from handlers.policy import Ruling, groups_of, no_request
from handlers.requests.answers import Answer, Invalid, NotNow, Refused
from handlers.routes import Route, Topology
from handlers.store import Store, Transaction

OUTDATED_BUTTON: Final = "This button is outdated. Open the list again."

Rule = Callable[[Person], Ruling]
_LONGEST: Final = 1000  # characters of a text that are recorded; it may repeat what somebody typed


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that use cases work with."""

    store: Store
    topology: Topology
    people: People
    catalogue: Catalogue
    executor: Executor
    _policies: dict[str, Mapping[str, Route]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )  # by operation, once asked for: each form asks, and they are the same for the whole process

    def policies(self, operation: str) -> Mapping[str, Route]:
        """Return the policy of every route for one operation, by the route's name."""
        if operation not in self._policies:
            routes = self.topology.routes
            self._policies[operation] = {name: route.for_operation(operation) for name, route in routes.items()}
        return self._policies[operation]


async def identified(services: Services, actor: str) -> Identity:
    """Return who somebody is whose id came with a click, to be stored and compared under one id.

    When Slack does not say, only that id is known; the look-up of rights that follows tells the person so.
    """
    try:
        return await services.people.identity(actor)
    except PeopleUnavailableError:
        return Identity(id=actor)


async def ruled(
    services: Services,
    actor: str,
    route: Route,
    rule: Rule,
    *,
    fresh: bool = False,
    groups: frozenset[str] | None = None,
) -> Ruling | NotNow:
    """Return what the policy says of a person, asked afresh before it says no.

    With `fresh`, Slack is asked before a yes as well: for what cannot be taken back. `groups` are those that the rule
    asks about; None: those of the route.
    """
    groups = groups_of(route) if groups is None else groups
    try:
        ruling = rule(await services.people.person(actor, groups, fresh=fresh))
        if not (ruling.allowed or fresh):
            ruling = rule(await services.people.person(actor, groups, fresh=True))
    except PeopleUnavailableError as error:
        return NotNow(
            problem=Problem(
                what="Slack does not say who you are right now",
                advice=str(error),
            )
        )
    return ruling


async def allowed(
    services: Services,
    actor: str,
    route: Route,
    rule: Rule,
    *,
    what: str,
    request: Request | None = None,
    fresh: bool = False,
    groups: frozenset[str] | None = None,
) -> Ruling | Refused | NotNow:
    """Return the ruling if it allows, else what to answer; either no is recorded as an attempt at `what`.

    With `fresh`, nobody is allowed by an older answer of Slack's. `groups` as for `ruled`.
    """
    ruling = await ruled(services, actor, route, rule, fresh=fresh, groups=groups)
    if isinstance(ruling, NotNow):
        await refuse(services, actor, (ruling.problem.what,), what=what, route=route.name, request=request)
        return ruling
    if ruling.allowed:
        return ruling
    return await refuse(services, actor, ruling.reasons, what=what, route=route.name, request=request)


async def refuse(
    services: Services,
    actor: str,
    reasons: tuple[str, ...],
    *,
    what: str,
    route: str = "",
    request: Request | None = None,
) -> Refused:
    """Record a refusal and return it."""
    async with services.store.transaction() as transaction:
        refused_in(transaction, actor, reasons, what=what, route=route, request=request)
    return Refused(reasons=reasons, request=request)


def refused_in(
    transaction: Transaction,
    actor: str,
    reasons: tuple[str, ...],
    *,
    what: str,
    route: str = "",
    request: Request | None = None,
) -> Refused:
    """Record a refusal within a transaction and return it."""
    transaction.audit.record(
        "refused",
        actor,
        request.id if request else None,
        what=what,
        route=_storable(route),
        reasons=[_storable(reason) for reason in reasons],
    )
    return Refused(reasons=reasons, request=request)


def _storable(text: str) -> str:
    """Return the text clipped, and without halves of characters, which no database keeps."""
    return text[:_LONGEST].encode(errors="replace").decode()


async def refuse_unread(
    services: Services,
    actor: str,
    errors: Collection[str],
    *,
    what: str,
    route: str = "",
    request_id: str | None = None,
) -> None:
    """Record that a form or dialog was not taken because of what was found while it was read.

    `route` and `request_id` are what it says: only a claim, so a route or request that is not there is left out.
    """
    request = None
    if request_id is not None:
        async with services.store.reading() as reader:
            request = await reader.requests.get(request_id)
    known = route if route in services.topology.routes else ""
    await refuse(services, actor, tuple(errors), what=what, route=known, request=request)


async def repeated(services: Services, actor: str, request: Request, *, what: str) -> None:
    """Record that somebody sent again what had been taken: to no effect, but it happened."""
    async with services.store.transaction() as transaction:
        transaction.audit.record("repeated", actor, request.id, what=what)


async def record_refusal(
    services: Services, actor: str, answer: Answer, *, what: str, route: str, request: Request | None = None
) -> Answer:
    """Record that a form was not taken, and return the answer that says why."""
    if isinstance(answer, Invalid):
        await refuse(services, actor, tuple(answer.fields.values()), what=what, route=route, request=request)
    elif isinstance(answer, NotNow):
        await refuse(services, actor, (answer.problem.what,), what=what, route=route, request=request)
    return answer


def deadline(budget: float | None) -> float | None:
    """Return the loop's time in `budget` seconds, by when a click must have its answer; None where nobody waits."""
    return None if budget is None else asyncio.get_running_loop().time() + budget


async def find(
    services: Services,
    actor: str,
    request_id: str | None,
    *,
    what: str,
    unread: str = OUTDATED_BUTTON,
) -> tuple[Request, Route] | Refused:
    """Return a request and its route to somebody who attempts `what`, or why there is none, which is recorded.

    `request_id` is None when the button or view that should name it could not be read: then `unread` says so.
    """
    if request_id is None:
        return await refuse(services, actor, (unread,), what=what)
    async with services.store.reading() as reader:
        request = await reader.requests.get(request_id)
    if request is None:
        return await refuse(services, actor, (no_request(request_id),), what=what)
    route = services.topology.route_for(request)
    if route is None:
        name = request.route
        gone = f"The route {name} is no longer configured, or now leads elsewhere. Ask your tines-sync admin."
        return await refuse(services, actor, (gone,), what=what, route=name, request=request)
    return request, route


async def looked_up(
    services: Services, request: Request, route: Route, until: float | None, journal: CallJournal
) -> Preview | None:
    """Return the preview of what would be done, or None when Tines has not answered by the loop's time `until`.

    The calls made for it are noted in the journal, answered or not.
    """
    try:
        async with asyncio.timeout_at(until):
            return await services.executor.preview(request, route, journal)
    except TimeoutError:
        return None


def what_happened(request: Request) -> str:
    """Say in one sentence why a request can no longer be decided about, changed or called off.

    Who did it is on the request: a name in a sentence would have to be a mention, and sentences are shown as text.
    """
    return {
        State.PENDING: f"{request.id} is still waiting for approval.",
        State.APPROVED: f"{request.id} is already approved.",
        State.RUNNING: f"{request.id} was approved and is being carried out.",
        State.FOLLOWING: f"{request.id} was approved and is being carried out.",
        State.SUCCEEDED: f"{request.id} was carried out. The thread shows the result.",
        State.PARTIAL: f"{request.id} was partly carried out. The thread shows the result.",
        State.FAILED: f"{request.id} failed. The thread says why.",
        State.UNCERTAIN: f"{request.id} was sent and needs a manual check. The thread says how.",
        State.REJECTED: f"{request.id} was rejected.",
        State.CANCELLED: f"{request.id} was cancelled.",
        State.EXPIRED: f"{request.id} expired before it was approved.",
    }[request.state]
