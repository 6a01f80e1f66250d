"""The form as one person may see it: their routes, what is frozen, what they may do, and what they have to mend.

Used when it opens, when it changes, and when it comes back after "Checking…" with something wrong, so that all three
show the same form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    lists_loading,
    load_lists,
    offered_routes,
    tenant_faults_once_loaded,
)

_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """A form as it is shown."""

    view: Block
    may_change: bool  # when the lists of its tenants are loaded: see `FormPresenter.once_loaded`


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
    ) -> Shown:
        """Return the form for a person, or why there is none for them, which is recorded; `fields` are to be mended."""
        services, kept = self._services, (state.route or "") if state.keeps_route else None
        offered = await offered_routes(services, actor, rights, kept=kept)
        if isinstance(offered, Refused):
            return Shown(no_routes_view(offered.reasons), may_change=False)
        routes = tuple(self._choice(name, freeze) for name, freeze in offered.items())
        presentation, chosen = self.presentation(state), state.chosen_of(routes)
        may_change = breaks_glass = False
        if chosen is not None:
            policy, stories = rights.policies[chosen.name], presentation.chooses_stories
            load_lists(services, policy)
            faults = await form_faults(services, actor, policy, stories=stories)
            may_change = bool(faults) or lists_loading(services, policy, stories=stories)
            breaks_glass = state.revision is None and rights.can_break_glass(chosen.name)
            if faults:
                routes = tuple(replace(each, faults=faults) if each == chosen else each for each in routes)
        state = replace(state, routes=routes, can_break_glass=breaks_glass)
        existing = await self.existing(state)
        if existing:
            state = replace(state, existing=existing)
        if fields or state.reason or state.request_id:
            where = places(presentation, state)
            errors = {where.get(field, field): text for field, text in (fields or {}).items()}
            return Shown(presentation.form(state, errors), may_change)
        drawn = self._untouched(presentation, replace(state, draft_id=""))
        return Shown({**drawn, "private_metadata": state.meta.dump()}, may_change)

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
        rights = await form_rights(self._services, actor, state.operation)
        return (await self.present(actor, rights, state, fields)).view

    def routed(self, state: FormState) -> FormState:
        """Return the state with its route, for a view that only names it."""
        known = state.route in self._services.topology.routes
        return replace(state, routes=(self._choice(str(state.route), None),)) if known else state


def _faults_in(view: Block) -> list[Block]:
    return [block for block in view["blocks"] if block.get("block_id") == ids.BLOCK_FAULTS]


def _drawn(presentation: Presentation, state: FormState) -> Block:
    return presentation.form(state)
