"""The form as one person may see it: their routes, what is frozen, what they may do, and what they have to mend.

Used when it opens, when it changes, and when it comes back after "Checking…" with something wrong, so that all three
show the same form.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeAlias

from bot.listeners.responder import Responder
from bot.listeners.responses import places
from bot.operations import Presentation
from bot.views import ids
from bot.views.asides import no_routes_view
from bot.views.carried import FormMeta
from bot.views.presentation import FormState, RouteChoice
from bot.views.text import Block
from handlers.people import Person
from handlers.policy import Freeze, groups_of, may_break_glass, may_request, policy_faults
from handlers.requests import faults_for, known_between, refuse
from handlers.routes import Route
from handlers.store import StoreUnavailableError

_KEPT: Final = 64
_FAULTS_SECONDS: Final = 0.3  # that a form waits for what Slack says of groups

People: TypeAlias = Mapping[str, Person]
"""A person as each route, by its name, needs to know them."""

_NO_ROUTE: Final = ("This route is no longer configured. Ask your tines-sync admin.",)


class FormPresenter:
    """Presents the form of any operation."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._services = responder.services
        self._untouched = lru_cache(maxsize=_KEPT)(_drawn)  # most forms open empty, and alike for many people

    def presentation(self, state: FormState) -> Presentation:
        """Return how the form's operation is presented."""
        return self._responder.presentations[state.operation]

    async def present(
        self, actor: str, people: People, state: FormState, fields: Mapping[str, str] | None = None
    ) -> Block:
        """Return the form for a person, or why there is none for them, which is recorded; `fields` are to be mended."""
        services, policies = self._services, self._policies(state.operation)
        rulings = {name: may_request(route, people[name]) for name, route in policies.items()}
        freezes = await services.store.freezes()
        routes = tuple(self._choice(name, freezes.get(name)) for name, ruling in rulings.items() if ruling.allowed)
        if state.keeps_route:
            routes = tuple(choice for choice in routes if choice.name == state.route)
        if not routes:
            what = "ask" if state.revision is None else "edit"
            none = await refuse(services, actor, self._why_none(policies, people) or _NO_ROUTE, what=what)
            return no_routes_view(none.reasons)
        state = replace(state, routes=routes)
        if state.chosen is not None:
            faults = await self._faults(
                actor, policies[state.chosen.name], stories=self.presentation(state).chooses_stories
            )
            routes = tuple(replace(each, faults=faults) if each == state.chosen else each for each in routes)
        presentation = self.presentation(state)
        existing = await self.existing(state)
        complete = self._complete(replace(state, routes=routes, existing=existing), policies, people)
        if fields or complete.reason or complete.request_id:
            where = places(presentation, complete)
            return presentation.form(
                complete, {where.get(field, field): text for field, text in (fields or {}).items()}
            )
        return {
            **self._untouched(presentation, replace(complete, draft_id="")),
            "private_metadata": complete.meta.dump(),
        }

    async def _faults(self, actor: str, route: Route, *, stories: bool) -> tuple[str, ...]:
        """Return why nothing can come of a person's request, as far as that is known without waiting for anybody."""
        try:
            async with asyncio.timeout(_FAULTS_SECONDS):
                policy = await faults_for(self._services, actor, route)
        except TimeoutError:
            policy = ()
        return (*policy, *self._tenant_faults(route, stories=stories))

    def _tenant_faults(self, route: Route, *, stories: bool) -> tuple[str, ...]:
        """Return why nothing can come of a request, as far as the tenants told when they were loaded last."""
        problems = (self._services.catalogue.refusal(each) for each in dict.fromkeys((route.source, route.destination)))
        refused = (f"{problem.what}. {problem.advice}" for problem in problems if problem is not None)
        empty = stories and self._services.catalogue.has_no_story(route.source)
        tenant = self._services.topology.tenants[route.source]
        only = " with change control" if tenant.require_change_control else ""
        none = (f"{route.source} has no story{only} that could be synced.",) if empty else ()
        return (*refused, *none)

    async def once_loaded(self, actor: str, state: FormState, shown: Block) -> Block | None:
        """Return the form again when its tenants are loaded, if that told whether a request can succeed; else None.

        `shown` is the form as it was drawn, perhaps while they were being loaded. What was typed since stays: a field
        keeps it as long as it keeps its block id.
        """
        meta = FormMeta.read(shown["private_metadata"])
        route = self._services.topology.routes.get(meta.route) if meta is not None else None
        if route is None:
            return None
        catalogue, stories = self._services.catalogue, self.presentation(state).chooses_stories
        await asyncio.gather(
            catalogue.settled(route.source, stories=stories), catalogue.settled(route.destination, stories=False)
        )
        before = _faults_in(shown)
        if not before and not self._tenant_faults(route, stories=stories):
            return None
        again = await self.present(actor, await self.looked_up(actor, state.operation), state)
        return again if _faults_in(again) != before else None

    async def existing(self, state: FormState) -> tuple[int, ...]:
        """Return the known sync destinations of the chosen teams; none where the database does not answer at once."""
        route = self._services.topology.routes.get(state.chosen.name if state.chosen else state.route or "")
        teams = self.presentation(state).teams(state)
        if route is None or teams is None:
            return ()
        try:
            async with asyncio.timeout(_FAULTS_SECONDS):
                return await known_between(self._services, route, *teams)
        except (TimeoutError, StoreUnavailableError):
            return ()  # the confirmation says it as well

    def _policies(self, operation: str) -> Mapping[str, Route]:
        return {name: route.for_operation(operation) for name, route in self._services.topology.routes.items()}

    def _why_none(self, policies: Mapping[str, Route], people: People) -> tuple[str, ...]:
        reasons: dict[str, None] = {}
        for name, route in policies.items():
            reasons.update(dict.fromkeys(may_request(route, people[name]).reasons))
            if not route.requesters:
                reasons.update(dict.fromkeys(policy_faults(route, {})))
        return tuple(reasons)

    def _complete(self, state: FormState, policies: Mapping[str, Route], people: People) -> FormState:
        """Add what depends on the chosen route, and have its lists loaded."""
        services, chosen = self._services, state.chosen
        if chosen is None:
            return replace(state, can_break_glass=False)
        route = policies[chosen.name]
        services.catalogue.warm(route.source)
        services.catalogue.warm(route.destination, stories=False)
        may = state.revision is None and may_break_glass(route, people[chosen.name]).allowed
        return replace(state, can_break_glass=may)

    def _choice(self, name: str, freeze: Freeze | None) -> RouteChoice:
        topology = self._services.topology
        route = topology.routes[name]
        return RouteChoice(
            name=name,
            source=route.source,
            destination=route.destination,
            frozen_by=freeze.by if freeze else None,
            frozen_reason=freeze.reason if freeze else "",
            change_control=topology.tenants[route.source].require_change_control,
        )

    def known(self, actor: str, operation: str) -> People | None:
        """Return what is known of a person without asking, None unless they surely may ask on some route.

        Nobody is turned away by an old answer.
        """
        policies, people = self._policies(operation), {}
        for name, route in policies.items():
            someone = self._services.people.cached_person(actor, groups_of(route))
            if someone is None:
                return None
            people[name] = someone
        may = any(may_request(route, people[name]).allowed for name, route in policies.items())
        return people if may else None

    async def looked_up(self, actor: str, operation: str) -> People:
        """Return a person as each route needs to know them, asked afresh before they may ask on none of them.

        Raises `PeopleUnavailableError`.
        """
        found = await self._as_routes_need(actor, operation, fresh=False)
        if any(may_request(route, found[name]).allowed for name, route in self._policies(operation).items()):
            return found
        return await self._as_routes_need(actor, operation, fresh=True)

    async def _as_routes_need(self, actor: str, operation: str, *, fresh: bool) -> People:
        policies = self._policies(operation)
        found = await asyncio.gather(
            *(self._services.people.person(actor, groups_of(route), fresh=fresh) for route in policies.values())
        )
        return dict(zip(policies, found, strict=True))

    async def again(self, actor: str, state: FormState, fields: Mapping[str, str]) -> Block:
        """Return the form as it was filled in, with what is to be mended, for when its view was taken down meanwhile."""
        return await self.present(actor, await self.looked_up(actor, state.operation), state, fields)

    def routed(self, state: FormState) -> FormState:
        """Return the state with its route, for a view that only names it."""
        known = state.route in self._services.topology.routes
        return replace(state, routes=(self._choice(str(state.route), None),)) if known else state


def _faults_in(view: Block) -> list[Block]:
    return [block for block in view["blocks"] if block.get("block_id") == ids.BLOCK_FAULTS]


def _drawn(presentation: Presentation, state: FormState) -> Block:
    return presentation.form(state)
