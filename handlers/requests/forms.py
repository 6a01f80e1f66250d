"""What a form offers a person: the routes they may request on, and what is known of a request before it is made.

A form opens before any other service is asked, so most of it is taken from what is known already, and what has to be
looked up is waited for only briefly: submitting checks everything again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from handlers.people import Person
from handlers.policy import Freeze, Ruling, groups_of, may_break_glass, may_request, policy_faults
from handlers.requests.answers import Refused
from handlers.requests.destinations import known_between
from handlers.requests.services import Services, refuse
from handlers.requests.submit import faults_for, known_faults_for
from handlers.routes import Route
from handlers.store import StoreUnavailableError

_WAIT_SECONDS: Final = 0.3  # that a form waits for what is not needed to fill it in
_NO_ROUTE: Final = ("This route is no longer configured. Ask your tines-sync admin.",)


@dataclass(frozen=True, slots=True)
class FormRights:
    """What a person may do in the form of one operation; every part is by the names of all routes."""

    policies: Mapping[str, Route]  # of the operation
    people: Mapping[str, Person]  # the person as each policy needs to know them
    rulings: Mapping[str, Ruling]  # whether they may request
    allowed: tuple[str, ...]  # the routes on which they may

    def can_break_glass(self, route: str) -> bool:
        """Whether the person may run a request on a route at once, without approval."""
        return may_break_glass(self.policies[route], self.people[route]).allowed

    @property
    def why_none(self) -> tuple[str, ...]:
        """Why the person may not request, on every route where they may not, each reason once."""
        reasons: dict[str, None] = {}
        for name, route in self.policies.items():
            reasons.update(dict.fromkeys(self.rulings[name].reasons))
            if not route.requesters:
                reasons.update(dict.fromkeys(policy_faults(route, {})))
        return tuple(reasons)


def known_form_rights(services: Services, actor: str, operation: str) -> FormRights | None:
    """Return what a person may do in a form without asking anybody, None unless they surely may request somewhere.

    Nobody is refused because of an old answer.
    """
    policies, people = services.policies(operation), {}
    for name, route in policies.items():
        someone = services.people.cached_person(actor, groups_of(route))
        if someone is None:
            return None
        people[name] = someone
    rights = _rights(policies, people)
    return rights if rights.allowed else None


async def form_rights(services: Services, actor: str, operation: str) -> FormRights:
    """Return what a person may do in a form, asked afresh before they may request on no route.

    Raises `PeopleUnavailableError`.
    """
    rights = await _looked_up(services, actor, operation, fresh=False)
    return rights if rights.allowed else await _looked_up(services, actor, operation, fresh=True)


async def offered_routes(
    services: Services, actor: str, rights: FormRights, *, kept: str | None
) -> Mapping[str, Freeze | None] | Refused:
    """Return the routes that a form offers, each with its freeze; else why there is none, which is recorded.

    `kept` is the route of the request that is edited, which cannot change; None for a new request.
    """
    freezes = await services.store.freezes()
    routes = {name: freezes.get(name) for name in rights.allowed if kept is None or name == kept}
    if routes:
        return routes
    return await refuse(services, actor, rights.why_none or _NO_ROUTE, what="ask" if kept is None else "edit")


async def form_faults(services: Services, actor: str, route: Route, *, stories: bool) -> tuple[str, ...]:
    """Return why nothing can come of a person's request on a route, as far as that is known at once.

    `stories`: whether the form offers stories of the source tenant.
    """
    policy = known_faults_for(services, actor, route)
    if policy is None:
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                policy = await faults_for(services, actor, route)
        except TimeoutError:
            policy = ()
    return (*policy, *_tenant_faults(services, route, stories=stories))


async def tenant_faults_once_loaded(services: Services, name: str, *, stories: bool) -> tuple[str, ...]:
    """Return why nothing can come of a request, as far as the tenants of a route told, once they are loaded."""
    route = services.topology.routes.get(name)
    if route is None:
        return ()
    await services.catalogue.settled(route.source, stories=stories)
    await services.catalogue.settled(route.destination, stories=False)
    return _tenant_faults(services, route, stories=stories)


async def existing_at_once(services: Services, name: str, teams: tuple[int, int]) -> tuple[int, ...]:
    """Return the known sync destinations between two teams; none where the database does not answer at once."""
    route = services.topology.routes.get(name)
    if route is None:
        return ()
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            return await known_between(services, route, *teams)
    except (TimeoutError, StoreUnavailableError):
        return ()  # the confirmation says it as well


def load_lists(services: Services, route: Route) -> None:
    """Have the lists of a route's tenants loaded, because somebody will soon type."""
    services.catalogue.warm(route.source)
    services.catalogue.warm(route.destination, stories=False)


def lists_loading(services: Services, route: Route, *, stories: bool) -> bool:
    """Whether a route's tenants may still tell why nothing can come of a request; `stories` as for `form_faults`."""
    catalogue = services.catalogue
    return catalogue.is_loading(route.source, stories=stories) or catalogue.is_loading(route.destination, stories=False)


async def _looked_up(services: Services, actor: str, operation: str, *, fresh: bool) -> FormRights:
    policies = services.policies(operation)
    people = await asyncio.gather(
        *(services.people.person(actor, groups_of(route), fresh=fresh) for route in policies.values())
    )
    return _rights(policies, dict(zip(policies, people, strict=True)))


def _rights(policies: Mapping[str, Route], people: Mapping[str, Person]) -> FormRights:
    rulings = {name: may_request(route, people[name]) for name, route in policies.items()}
    return FormRights(policies, people, rulings, tuple(name for name, ruling in rulings.items() if ruling.allowed))


def _tenant_faults(services: Services, route: Route, *, stories: bool) -> tuple[str, ...]:
    """Return why nothing can come of a request, as far as the tenants told when they were loaded last."""
    catalogue = services.catalogue
    problems = (catalogue.refusal(each) for each in dict.fromkeys((route.source, route.destination)))
    refused = (f"{problem.what}. {problem.advice}" for problem in problems if problem is not None)
    empty = stories and catalogue.has_no_story(route.source)
    only = " with change control" if services.topology.tenants[route.source].require_change_control else ""
    none = (f"{route.source} has no story{only} that could be synced.",) if empty else ()
    return (*refused, *none)
