"""The form as one person may see it: their routes, what is frozen, what they may do, and what they have to mend.

Used when it opens, when it changes, and when it comes back after "Checking…" with something wrong, so that all three
show the same form.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeAlias

from bot.listeners.responses import places
from bot.views.form import FormInput, FormState, RouteChoice, form_view, no_routes_view
from bot.views.text import Block
from handlers.people import Person
from handlers.policy import Freeze, groups_of, may_break_glass, may_request, policy_faults
from handlers.requests import Field, Services, refuse

_KEPT: Final = 64

People: TypeAlias = Mapping[str, Person]
"""A person as each route, by its name, needs to know them."""

_NO_ROUTE: Final = ("The route is not configured any more. Ask whoever runs tines-sync.",)


class FormPresenter:
    """Draws the form."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._untouched = lru_cache(maxsize=_KEPT)(form_view)  # most forms open empty, and alike for many people

    async def present(
        self, actor: str, people: People, state: FormState, fields: Mapping[Field, str] | None = None
    ) -> Block:
        """Return the form for a person, or why there is none for them, which is recorded; `fields` are to be mended."""
        services = self._services
        rulings = {name: may_request(route, people[name]) for name, route in services.topology.routes.items()}
        freezes = await services.store.freezes()
        routes = tuple(self._choice(name, freezes.get(name)) for name, ruling in rulings.items() if ruling.allowed)
        if state.revision is not None:  # a request keeps its route
            routes = tuple(choice for choice in routes if choice.name == state.route)
        if not routes:
            what = "ask" if state.revision is None else "edit"
            none = await refuse(services, actor, await self._why_none(people) or _NO_ROUTE, what=what)
            return no_routes_view(none.reasons)
        complete = self._complete(replace(state, routes=routes), people)
        if fields or complete.reason or complete.request_id:
            return form_view(complete, errors=_placed(complete, fields or {}))
        return {**self._untouched(replace(complete, draft_id="")), "private_metadata": complete.meta.dump()}

    async def _why_none(self, people: People) -> tuple[str, ...]:
        reasons: dict[str, None] = {}
        for name, route in self._services.topology.routes.items():
            reasons.update(dict.fromkeys(may_request(route, people[name]).reasons))
            if not route.requesters:
                reasons.update(dict.fromkeys(policy_faults(route, {})))
        return tuple(reasons)

    def _complete(self, state: FormState, people: People) -> FormState:
        """Add what depends on the chosen route, and have its lists loaded."""
        services, chosen = self._services, state.chosen
        if chosen is None:
            return replace(state, can_break_glass=False)
        route = services.topology.routes[chosen.name]
        services.catalogue.warm(route.source)
        services.catalogue.warm(route.destination, stories=False)
        return replace(
            state,
            change_control=services.topology.tenants[route.source].require_change_control,
            can_break_glass=state.revision is None and may_break_glass(route, people[chosen.name]).allowed,
        )

    def _choice(self, name: str, freeze: Freeze | None) -> RouteChoice:
        route = self._services.topology.routes[name]
        return RouteChoice(
            name=name,
            source=route.source,
            destination=route.destination,
            frozen_by=freeze.by if freeze else None,
            frozen_reason=freeze.reason if freeze else "",
        )

    def known(self, actor: str) -> People | None:
        """Return what is known of a person without asking, None unless they surely may ask on some route.

        Nobody is turned away by an old answer.
        """
        topology, people = self._services.topology, {}
        for name, route in topology.routes.items():
            someone = self._services.people.cached_person(actor, groups_of(route))
            if someone is None:
                return None
            people[name] = someone
        may = any(may_request(route, people[name]).allowed for name, route in topology.routes.items())
        return people if may else None

    async def looked_up(self, actor: str) -> People:
        """Return a person as each route needs to know them, asked afresh. Raises `PeopleUnavailableError`."""
        routes = self._services.topology.routes
        found = await asyncio.gather(
            *(self._services.people.person(actor, groups_of(route), fresh=True) for route in routes.values())
        )
        return dict(zip(routes, found, strict=True))

    async def again(self, actor: str, typed: FormInput, fields: Mapping[Field, str]) -> Block:
        """Return the form as it was filled in, with what is to be mended, for when its view was taken down meanwhile."""
        state = typed.state((), change_control=True, can_break_glass=False)
        return await self.present(actor, await self.looked_up(actor), state, fields)

    def routed(self, state: FormState) -> FormState:
        """Return the state with its route, for a view that only names it."""
        known = state.route in self._services.topology.routes
        return replace(state, routes=(self._choice(str(state.route), None),)) if known else state


def _placed(state: FormState, fields: Mapping[Field, str]) -> dict[str, str]:
    """Return the texts by the block of the form that each belongs to."""
    route = state.chosen.name if state.chosen else ""
    team = state.source_team.id if state.source_team else 0
    return {places(route, team)[field]: text for field, text in fields.items()}
