"""The form: opened by the command, the shortcut and the buttons; changed while it is filled in; submitted.

It opens before any other service is asked. What is known about the person's rights is used at once; what has to be
looked up follows into the open view. Submitting checks everything again, in `handlers.requests`.
"""

import secrets
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.form_presenter import FormPresenter
from bot.listeners.responder import Body, Responder, action_value, person, view_of
from bot.listeners.responses import field_errors, settled_view
from bot.views import ids
from bot.views.carried import RequestRef
from bot.views.form import (
    FormInput,
    FormState,
    checking_view,
    loading_view,
    parse_form,
    state_of,
)
from bot.views.text import Block
from handlers.models import Request, State
from handlers.requests import (
    EDIT,
    SUBMIT,
    Invalid,
    Refused,
    Slow,
    Submission,
    defer,
    edit,
    find,
    refuse,
    refuse_unread,
    submit,
    what_happened,
)


def register(app: AsyncApp, responder: Responder) -> None:
    """Listen for everything that opens, changes or submits the form."""
    form = Forms(responder)
    app.shortcut(ids.SHORTCUT_FORM)(form.open_from_shortcut)
    app.action(ids.ACTION_NEW_SYNC)(form.open_from_shortcut)
    app.action(ids.ACTION_EDIT)(form.open_to_edit)
    app.action(ids.ACTION_ASK_AGAIN)(form.open_to_ask_again)
    app.action(ids.ACTION_ROUTE)(form.changed)
    app.action(ids.ACTION_SOURCE_TEAM)(form.changed)
    app.view(ids.VIEW_FORM)(form.submitted)


class Forms:
    """The listeners of the form."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._presenter = FormPresenter(responder.services)

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
        services, actor, what = self._responder.services, person(body), "edit" if editing else "ask_again"
        found = await find(services, actor, ref.request if ref else None, what=what)
        if isinstance(found, Refused):
            await self._responder.refuse(body, found.reasons)
            return
        request, route = found
        if editing and request.state is not State.PENDING:
            late = await refuse(
                services, actor, (what_happened(request),), what=what, route=route.name, request=request
            )
            await self._responder.refuse(body, late.reasons, by=request.closed_by)
            return
        await self.open(body, _filled(request, editing=editing))

    async def open(self, body: Body, state: FormState) -> None:
        """Open the form at once: complete if the person's rights are known, else filled in a moment later."""
        actor = person(body)
        known = self._presenter.known(actor)
        if known is not None:
            await self._responder.open_view(body, await self._presenter.present(actor, known, state))
            return
        opened = await self._responder.open_view(body, loading_view())
        if opened is not None:
            self._responder.fill(str(opened["id"]), actor, "open", self._filled_in(actor, state))

    async def _filled_in(self, actor: str, state: FormState) -> Block:
        return await self._presenter.present(actor, await self._presenter.looked_up(actor), state)

    # ---- changing

    async def changed(self, ack: AsyncAck, body: Body) -> None:
        """Show the form as it is after a choice: what no longer fits is gone."""
        view = view_of(body)
        typed = parse_form(view)
        actor = person(body)
        state = typed.state((), change_control=True, can_break_glass=False)
        known = self._presenter.known(actor)
        view_id = str(view.get("id", ""))
        if known is None:
            self._responder.fill(view_id, actor, "open", self._filled_in(actor, state))
        else:
            shown = await self._presenter.present(actor, known, state)
            await self._responder.update_view(view_id, shown, hash_=str(view.get("hash", "")) or None)
        await ack()

    # ---- submitting

    async def submitted(self, ack: AsyncAck, body: Body) -> None:
        """Take the form: commit the request, or say at its fields what to mend."""
        view = view_of(body)
        typed = parse_form(view)
        actor = person(body)
        if typed.errors:
            await refuse_unread(
                self._responder.services,
                actor,
                typed.errors.values(),
                what="ask" if typed.revision is None else "edit",
                route=typed.route or "",
                request_id=None if typed.revision is None else typed.request_id,
            )
            await ack(response_action="errors", errors=dict(typed.errors))
            return
        submission = submission_of(typed)
        answer = await self._ask(actor, typed, submission)
        match answer:
            case Invalid(fields=fields):
                await ack(response_action="errors", errors=field_errors(typed, view, fields))
            case Slow():
                # Kept before Slack is answered: it goes on even if this process ends now
                kind = SUBMIT if typed.revision is None else EDIT
                await defer(
                    self._responder.services,
                    kind,
                    actor,
                    view_id=str(view.get("id", "")),
                    submission=submission.model_dump(mode="json"),
                    form={part: view.get(part) for part in ("private_metadata", "state")},
                    request_id=typed.request_id,
                    revision=typed.revision,
                )
                state = typed.state((), change_control=True, can_break_glass=False)
                await ack(response_action="update", view=checking_view(self._presenter.routed(state)))
            case _:
                await ack(response_action="update", view=settled_view(answer))

    async def _ask(self, actor: str, typed: FormInput, submission: Submission) -> Any:  # noqa: ANN401 - an Answer
        services, budget = self._responder.services, self._responder.budget
        if typed.request_id is not None and typed.revision is not None:
            return await edit(services, actor, typed.request_id, typed.revision, submission, budget=budget)
        return await submit(services, actor, submission, budget=budget)


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


def _filled(request: Request, *, editing: bool) -> FormState:
    return state_of(request, (), editing=editing, draft_id=new_draft())


def new_draft() -> str:
    """Return an id for a form, the same for every submission of it."""
    return secrets.token_hex(12)
