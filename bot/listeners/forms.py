"""The form: opened by the command, the shortcut and the buttons; changed while it is filled in; submitted.

It opens before any other service is asked. What is known about the person's rights is used at once; what has to be
looked up follows into the open view. Submitting checks everything again, in `handlers.requests`.
"""

import secrets
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.answering import field_errors, input_blocks, settled_view
from bot.listeners.intents import EDIT, SUBMIT, keep
from bot.listeners.surface import Body, Surface, action_value, person, view_of
from bot.views import ids
from bot.views.form import (
    FormInput,
    FormState,
    RouteChoice,
    checking_view,
    form_view,
    loading_view,
    no_routes_view,
    parse_form,
    problem_view,
    state_of,
)
from bot.views.meta import RequestRef
from bot.views.text import Block
from handlers.models import Problem, SyncRequest
from handlers.people import PeopleUnavailableError, Person
from handlers.policy import Freeze, groups_of, may_break_glass, may_request, policy_faults
from handlers.requests import Invalid, Refused, Slow, Submission, edit, find, submit


def register(app: AsyncApp, surface: Surface) -> None:
    """Listen for everything that opens, changes or submits the form."""
    form = Forms(surface)
    app.shortcut(ids.SHORTCUT_FORM)(form.open_from_shortcut)
    app.action(ids.ACTION_NEW_SYNC)(form.open_from_shortcut)
    app.action(ids.ACTION_EDIT)(form.open_to_edit)
    app.action(ids.ACTION_ASK_AGAIN)(form.open_to_ask_again)
    app.action(ids.ACTION_ROUTE)(form.changed)
    app.action(ids.ACTION_SOURCE_TEAM)(form.changed)
    app.view(ids.VIEW_FORM)(form.submitted)


class Forms:
    """The listeners of the form."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface

    # ---- opening

    async def open_from_shortcut(self, ack: AsyncAck, body: Body) -> None:
        """Open an empty form."""
        await self.open(body, FormState(routes=(), draft_id=new_draft()))
        await ack()

    async def open_to_edit(self, ack: AsyncAck, body: Body) -> None:
        """Open the form filled in with a pending request, to change it."""
        await self._open_with(body, editing=True)
        await ack()

    async def open_to_ask_again(self, ack: AsyncAck, body: Body) -> None:
        """Open the form filled in with a request that ended, to make a new one."""
        await self._open_with(body, editing=False)
        await ack()

    async def _open_with(self, body: Body, *, editing: bool) -> None:
        ref = RequestRef.read(action_value(body))
        found = (
            await find(self._surface.desk, ref.request) if ref else Refused(reasons=("This button is out of date.",))
        )
        if isinstance(found, Refused):
            await self._surface.refuse(body, found.reasons)
            return
        request, _ = found
        await self.open(body, _filled(request, editing=editing))

    async def open(self, body: Body, state: FormState) -> None:
        """Open the form at once: complete if the person's rights are known, else filled in a moment later."""
        actor = person(body)
        known = self._known(actor)
        if known is not None:
            await self._surface.open_view(body, await self._view(known, state))
            return
        opened = await self._surface.open_view(body, loading_view())
        if opened is not None:
            self._surface.follow_up(self._fill(str(opened["id"]), actor, state))

    async def _fill(self, view_id: str, actor: str, state: FormState) -> None:
        try:
            known = await self._looked_up(actor)
        except PeopleUnavailableError as error:
            view = problem_view(Problem(what="Slack does not say who you are right now", words=str(error)))
        else:
            view = await self._view(known, state)
        await self._surface.update_view(view_id, view)

    async def _view(self, people: dict[str, Person], state: FormState) -> Block:
        """Return the form for a person, or why there is none for them."""
        desk = self._surface.desk
        rulings = {name: may_request(route, people[name]) for name, route in desk.atlas.routes.items()}
        freezes = await desk.store.freezes()
        routes = tuple(self._choice(name, freezes.get(name)) for name, ruling in rulings.items() if ruling.allowed)
        if state.revision is not None:  # a request keeps its route
            routes = tuple(choice for choice in routes if choice.name == state.route)
        if not routes:
            return no_routes_view(await self._why_none(people))
        return form_view(self._complete(replace(state, routes=routes), people))

    async def _why_none(self, people: dict[str, Person]) -> tuple[str, ...]:
        reasons: dict[str, None] = {}
        for name, route in self._surface.desk.atlas.routes.items():
            reasons.update(dict.fromkeys(may_request(route, people[name]).reasons))
            if not route.requesters:
                reasons.update(dict.fromkeys(policy_faults(route, {})))
        return tuple(reasons)

    def _complete(self, state: FormState, people: dict[str, Person]) -> FormState:
        """Add what depends on the chosen route, and have its lists loaded."""
        desk, chosen = self._surface.desk, state.chosen
        if chosen is None:
            return replace(state, can_break_glass=False)
        route = desk.atlas.routes[chosen.name]
        desk.catalogue.warm(route.source)
        desk.catalogue.warm(route.destination, stories=False)
        return replace(
            state,
            change_control=desk.atlas.tenants[route.source].require_change_control,
            can_break_glass=state.revision is None and may_break_glass(route, people[chosen.name]).allowed,
        )

    def _choice(self, name: str, freeze: Freeze | None) -> RouteChoice:
        route = self._surface.desk.atlas.routes[name]
        return RouteChoice(
            name=name,
            source=route.source,
            destination=route.destination,
            frozen_by=freeze.by if freeze else None,
            frozen_reason=freeze.reason if freeze else "",
        )

    def _known(self, actor: str) -> dict[str, Person] | None:
        people = {
            name: self._surface.desk.people.cached_person(actor, groups_of(route))
            for name, route in self._surface.desk.atlas.routes.items()
        }
        known = {name: someone for name, someone in people.items() if someone is not None}
        return known if len(known) == len(people) else None

    async def _looked_up(self, actor: str) -> dict[str, Person]:
        people = self._surface.desk.people
        return {
            name: await people.person(actor, groups_of(route))
            for name, route in self._surface.desk.atlas.routes.items()
        }

    # ---- changing

    async def changed(self, ack: AsyncAck, body: Body) -> None:
        """Show the form as it is after a choice: what no longer fits is gone."""
        view = view_of(body)
        typed = parse_form(view)
        actor = person(body)
        people = self._known(actor) or await self._looked_up(actor)
        state = typed.state((), change_control=True, can_break_glass=False)
        await self._surface.update_view(
            str(view.get("id", "")), await self._view(people, state), hash_=str(view.get("hash", "")) or None
        )
        await ack()

    # ---- submitting

    async def submitted(self, ack: AsyncAck, body: Body) -> None:
        """Take the form: commit the request, or say at its fields what to mend."""
        view = view_of(body)
        typed = parse_form(view)
        if typed.errors:
            await ack(response_action="errors", errors=_placed(typed.errors, view))
            return
        actor = person(body)
        submission = submission_of(typed)
        answer = await self._ask(actor, typed, submission)
        match answer:
            case Invalid(fields=fields):
                await ack(response_action="errors", errors=field_errors(typed, view, fields))
            case Slow():
                # Kept before Slack is answered: it goes on even if this process ends now
                kind = SUBMIT if typed.revision is None else EDIT
                await keep(
                    self._surface,
                    kind,
                    actor,
                    view_id=str(view.get("id", "")),
                    submission=submission.model_dump(mode="json"),
                    request_id=typed.request_id,
                    revision=typed.revision,
                )
                state = typed.state((), change_control=True, can_break_glass=False)
                await ack(response_action="update", view=checking_view(self._routed(state)))
            case _:
                await ack(response_action="update", view=settled_view(answer))

    async def _ask(self, actor: str, typed: FormInput, submission: Submission) -> Any:  # noqa: ANN401 - an Answer
        desk, patience = self._surface.desk, self._surface.patience
        if typed.request_id is not None and typed.revision is not None:
            return await edit(desk, actor, typed.request_id, typed.revision, submission, patience=patience)
        return await submit(desk, actor, submission, patience=patience)

    def _routed(self, state: FormState) -> FormState:
        known = state.route in self._surface.desk.atlas.routes
        return replace(state, routes=(self._choice(str(state.route), None),)) if known else state


def submission_of(typed: FormInput) -> Submission:
    """Return what a complete form asks for."""
    return Submission(
        route=typed.route or "",
        source_team_id=typed.source_team.id if typed.source_team else 0,
        everything=typed.selection.everything,
        tag_keys=typed.selection.tag_keys,
        story_ids=typed.selection.story_ids,
        kept_from=typed.request_id if typed.selection.kept else None,
        destination_team_id=typed.destination_team.id if typed.destination_team else 0,
        mode=typed.mode,
        reason=typed.reason,
        emergency=typed.emergency,
        draft_id=typed.draft_id or new_draft(),
    )


def _filled(request: SyncRequest, *, editing: bool) -> FormState:
    return state_of(request, (), editing=editing, draft_id=new_draft())


def new_draft() -> str:
    """Return an id for a form, the same for every submission of it."""
    return secrets.token_hex(12)


def _placed(errors: Any, view: Any) -> dict[str, str]:  # noqa: ANN401 - mappings from outside
    """Return the errors at blocks that the view has, the first one standing in for those it has not."""
    inputs = input_blocks(view)
    placed: dict[str, str] = {}
    for block, text in errors.items():
        place = block if block in inputs or not inputs else inputs[0]
        placed.setdefault(place, text)
    return placed
