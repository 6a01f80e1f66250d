"""The form as one person may see it: their routes, what is frozen, what they may do, and what they have to mend.

Used when it opens, when it changes, and when it comes back after "Checking…" with something wrong, so that all three
show the same form.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

from bot.listeners.responder import Responder
from bot.listeners.responses import places
from bot.operations import Presentation
from bot.views import ids
from bot.views.asides import no_routes_view
from bot.views.carried import FormMeta
from bot.views.presentation import FormState, RouteChoice
from bot.views.text import Block
from handlers.policy import Freeze
from handlers.requests import (
    FormRights,
    Refused,
    existing_at_once,
    form_faults,
    form_rights,
    load_lists,
    offered_routes,
    tenant_faults_once_loaded,
)

_KEPT: Final = 64


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
        self, actor: str, rights: FormRights, state: FormState, fields: Mapping[str, str] | None = None
    ) -> Block:
        """Return the form for a person, or why there is none for them, which is recorded; `fields` are to be mended."""
        services, kept = self._services, (state.route or "") if state.keeps_route else None
        offered = await offered_routes(services, actor, rights, kept=kept)
        if isinstance(offered, Refused):
            return no_routes_view(offered.reasons)
        routes = tuple(self._choice(name, freeze) for name, freeze in offered.items())
        presentation, state = self.presentation(state), replace(state, routes=routes)
        if state.chosen is not None:
            policy, stories = rights.policies[state.chosen.name], presentation.chooses_stories
            faults = await form_faults(services, actor, policy, stories=stories)
            if faults:
                routes = tuple(replace(each, faults=faults) if each == state.chosen else each for each in routes)
        complete = self._complete(state, routes, await self.existing(state), rights)
        if fields or complete.reason or complete.request_id:
            where = places(presentation, complete)
            return presentation.form(
                complete, {where.get(field, field): text for field, text in (fields or {}).items()}
            )
        return {
            **self._untouched(presentation, replace(complete, draft_id="")),
            "private_metadata": complete.meta.dump(),
        }

    async def once_loaded(self, actor: str, state: FormState, shown: Block) -> Block | None:
        """Return the form again when its tenants are loaded, if that told whether a request can succeed; else None.

        `shown` is the form as it was drawn, perhaps while they were being loaded. What was typed since stays: a field
        keeps it as long as it keeps its block id.
        """
        meta = FormMeta.read(shown["private_metadata"])
        faults = await tenant_faults_once_loaded(
            self._services, meta.route if meta is not None else "", stories=self.presentation(state).chooses_stories
        )
        before = _faults_in(shown)
        if not before and not faults:
            return None
        again = await self.looked_up(actor, state)
        return again if _faults_in(again) != before else None

    async def existing(self, state: FormState) -> tuple[int, ...]:
        """Return the known sync destinations of the chosen teams; none where the database does not answer at once."""
        teams = self.presentation(state).teams(state)
        if teams is None:
            return ()
        return await existing_at_once(self._services, state.chosen.name if state.chosen else state.route or "", teams)

    def _complete(
        self, state: FormState, routes: tuple[RouteChoice, ...], existing: tuple[int, ...], rights: FormRights
    ) -> FormState:
        """Add what is known, with what depends on the chosen route, and have its lists loaded."""
        may, chosen = False, state.chosen
        if chosen is not None:
            load_lists(self._services, rights.policies[chosen.name])
            may = state.revision is None and rights.can_break_glass(chosen.name)
        return replace(state, routes=routes, existing=existing, can_break_glass=may)

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

    async def looked_up(self, actor: str, state: FormState, fields: Mapping[str, str] | None = None) -> Block:
        """Do what `present` does for somebody whose rights are not known yet. Raises `PeopleUnavailableError`."""
        return await self.present(actor, await form_rights(self._services, actor, state.operation), state, fields)

    def routed(self, state: FormState) -> FormState:
        """Return the state with its route, for a view that only names it."""
        known = state.route in self._services.topology.routes
        return replace(state, routes=(self._choice(str(state.route), None),)) if known else state


def _faults_in(view: Block) -> list[Block]:
    return [block for block in view["blocks"] if block.get("block_id") == ids.BLOCK_FAULTS]


def _drawn(presentation: Presentation, state: FormState) -> Block:
    return presentation.form(state)
