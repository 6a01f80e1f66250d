"""The form: opened by the command, the shortcut and the buttons; changed while it is filled in; submitted.

It opens before any other service is asked. What is known about the person's rights is used at once; what has to be
looked up follows into the open view. Submitting checks everything again, in `handlers.requests`.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.form_presenter import FormPresenter
from bot.listeners.responder import Body, Responder, acted_at, action_value, person, view_of
from bot.listeners.responses import ended_by, field_errors, said, settled_view
from bot.views import ids
from bot.views.asides import checking_view, loading_view
from bot.views.carried import FormMeta, RequestRef
from bot.views.dialogs import asked_view, refused_view
from bot.views.presentation import FormInput, FormState, Presentation, plain
from bot.views.text import Block
from handlers.models import Request
from handlers.operations.destination import DestinationDetail
from handlers.policy import Ruling
from handlers.requests import (
    EDIT,
    OUTDATED_FORM,
    SUBMIT,
    Abilities,
    Done,
    Invalid,
    NotNow,
    Refused,
    Slow,
    Submission,
    able,
    assessed,
    assessed_soon,
    defer,
    edit,
    known_form_rights,
    refuse,
    refuse_unread,
    submit,
)

_FORMS: Final = 1000  # of which the latest choice is known
_NEWER: Final = ("A newer version of tines-sync made this request, so its form cannot be opened here.",)


def register_submission(app: AsyncApp, form: "Forms") -> None:
    """Listen for what submits the form."""
    app.view(ids.VIEW_FORM)(form.submitted)


def register(app: AsyncApp, form: "Forms") -> None:
    """Listen for everything that opens or changes the form."""
    app.shortcut(ids.SHORTCUT_FORM)(form.open_from_shortcut)
    app.action(ids.ACTION_NEW_SYNC)(form.open_from_shortcut)
    app.action(ids.ACTION_EDIT)(form.open_to_edit)
    app.action(ids.ACTION_ASK_AGAIN)(form.open_to_ask_again)
    app.action(ids.ACTION_ROUTE)(form.changed)
    app.action(ids.ACTION_SOURCE_TEAM)(form.changed)
    app.action(ids.ACTION_DESTINATION_TEAM)(form.destination_chosen)
    app.action(ids.ACTION_RUN_NOW)(form.run_now)


class Forms:
    """The listeners of the form."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._presenter = FormPresenter(responder)
        self._latest = _LatestChoices()

    # ---- opening

    async def open_from_shortcut(self, ack: AsyncAck, body: Body) -> None:
        """Open an empty form."""
        await self.open_empty(body, plain(self._responder.presentations.values()))
        await ack()

    async def open_empty(self, body: Body, presentation: Presentation, argument: str = "") -> bool:
        """Open the empty form of an operation. False when what was typed after its word names nothing."""
        state = presentation.empty(argument)
        if state is None:
            return False
        await self.open(body, replace(state, draft_id=new_draft()))
        return True

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
        right: Callable[[Abilities], Ruling] = (lambda can: can.edit) if editing else (lambda can: can.ask_again)
        found = await able(services, actor, ref.request if ref else None, right, what=what)
        if isinstance(found, Refused | NotNow):
            await self._responder.refuse(body, (said(found),), by=ended_by(found))
            return
        request = found[0]
        state = self._responder.presentation(request).filled(request, editing=editing)
        if state.operation not in self._responder.presentations:
            none = await refuse(services, actor, _NEWER, what=what, route=request.route, request=request)
            await self._responder.refuse(body, none.reasons)
            return
        await self.open(body, replace(state, draft_id=new_draft()))

    async def on_destination(self, actor: str, operation: str, detail: DestinationDetail, option: str) -> Block | None:
        """Return the form of an operation for a sync destination, for a view that is open; None when it works on none."""
        presentation = self._responder.presentations.get(operation)
        state = presentation.on_destination(detail, option) if presentation is not None else None
        return None if state is None else await self._presenter.looked_up(actor, replace(state, draft_id=new_draft()))

    async def open(self, body: Body, state: FormState) -> None:
        """Open the form at once: complete if the person's rights are known, else filled in a moment later."""
        actor = person(body)
        known = known_form_rights(self._responder.services, actor, state.operation)
        if known is not None:
            shown = await self._presenter.present(actor, known, state)
            opened = await self._responder.open_view(body, shown.view)
            if opened is not None and shown.may_change:
                mark = str(opened.get("hash", ""))
                self._responder.follow_up(self._once_loaded(str(opened["id"]), actor, state, shown.view, mark))
            return
        opened = await self._responder.open_view(body, loading_view())
        if opened is not None:
            self._responder.follow_up(self._fill(str(opened["id"]), actor, state, lambda: True))

    async def _fill(self, view_id: str, actor: str, state: FormState, wanted: Callable[[], bool]) -> None:
        """Put the form in an open view's place, if it is still wanted when the person is known."""
        drawn = await self._responder.filled(view_id, actor, "open", self._presenter.looked_up(actor, state), wanted)
        if drawn is not None:
            await self._once_loaded(view_id, actor, state, *drawn)

    async def _once_loaded(self, view_id: str, actor: str, state: FormState, shown: Block, mark: str) -> None:
        """Say in an open form what its tenants told while it was open; not in one that shows another choice since."""
        again = await self._presenter.once_loaded(actor, state, shown)
        if again is not None:
            await self._responder.update_view(view_id, again, hash_=mark)

    # ---- changing

    async def changed(self, ack: AsyncAck, body: Body) -> None:
        """Show the form as it is after a choice: what no longer fits is gone."""
        view = view_of(body)
        actor = person(body)
        read = typed_in(self._responder, view)
        if read is None:
            await self._responder.refuse(body, await self._outdated(actor))
            await ack()
            return
        state = read[1].state
        known = known_form_rights(self._responder.services, actor, state.operation)
        view_id = str(view.get("id", ""))
        wanted = self._latest.choice(view_id, acted_at(body))
        if known is None:
            self._responder.follow_up(self._fill(view_id, actor, state, wanted))
        else:
            shown = await self._presenter.present(actor, known, state)
            seen = str(view.get("hash", "")) or None
            mark = await self._responder.replace_view(view_id, shown.view, hash_=seen, wanted=wanted)
            if mark is not None and shown.may_change:
                self._responder.follow_up(self._once_loaded(view_id, actor, state, shown.view, mark))
        await ack()

    async def destination_chosen(self, ack: AsyncAck, body: Body) -> None:
        """Show which sync destinations the teams have already. A form that says nothing of any is not drawn anew.

        Whoever has chosen the team types the reason next, and drawing the form may take letters away.
        """
        view = view_of(body)
        shown = any(block.get("block_id") == ids.BLOCK_EXISTING for block in view.get("blocks", ()))
        read = typed_in(self._responder, view)
        if shown or read is None or await self._presenter.existing(read[1].state):
            await self.changed(ack, body)
        else:
            await ack()

    # ---- submitting

    async def submitted(self, ack: AsyncAck, body: Body) -> None:
        """Take the form: commit the request, or say at its fields what to mend."""
        view = view_of(body)
        actor, read = person(body), typed_in(self._responder, view)
        if read is None:
            await ack(response_action="update", view=refused_view(await self._outdated(actor)))
            return
        presentation, typed = read
        state = typed.state
        if typed.errors:
            await self._refuse_unread(actor, typed)
            await ack(response_action="errors", errors=dict(typed.errors))
            return
        submission = submission_of(typed)
        answer = await self._ask(actor, state, submission)
        match answer:
            case Invalid(fields=fields):
                await ack(response_action="errors", errors=field_errors(presentation, state, view, fields))
            case Slow():
                await self._defer(actor, view, state, submission)
                await ack(response_action="update", view=checking_view(self._presenter.routed(state)))
            case Done(request=request, text=text) if assessed_soon(self._responder.services, request):
                # Slack shows the answer first: the view is filled in after that
                view_id = str(view.get("id", ""))
                self._responder.fill(view_id, actor, "ask", self._assessed(request, text))
                await ack(response_action="update", view=asked_view(request, text, None, looking=True))
            case _:
                await ack(response_action="update", view=settled_view(answer))

    async def run_now(self, ack: AsyncAck, body: Body) -> None:
        """Run what the form asks for at once, without approval: the person has confirmed that."""
        view = view_of(body)
        view_id, actor = str(view.get("id", "")), person(body)
        read = typed_in(self._responder, view)
        if read is None:
            instead = refused_view(await self._outdated(actor))
            self._responder.follow_up(self._responder.update_view(view_id, instead))
            await ack()
            return
        typed = read[1]
        state = typed.state
        if typed.errors:
            await self._refuse_unread(actor, typed)
            self._responder.fill(view_id, actor, "ask", self._presenter.looked_up(actor, state, typed.errors))
            await ack()
            return
        submission = submission_of(typed, emergency=True)
        answer = await self._ask(actor, state, submission)
        match answer:
            case Invalid(fields=fields):
                shown = self._presenter.looked_up(actor, state, fields)
                self._responder.fill(view_id, actor, "break_glass", shown)
            case Slow():
                await self._defer(actor, view, state, submission)
                waiting = checking_view(self._presenter.routed(state))
                self._responder.follow_up(self._responder.update_view(view_id, waiting))
            case _:
                self._responder.follow_up(self._responder.update_view(view_id, settled_view(answer)))
        await ack()

    async def _outdated(self, actor: str) -> tuple[str, ...]:
        """Return why a form that cannot be read is not taken, which is recorded."""
        return (await refuse(self._responder.services, actor, (OUTDATED_FORM,), what="ask")).reasons

    async def _refuse_unread(self, actor: str, typed: FormInput) -> None:
        state = typed.state
        await refuse_unread(
            self._responder.services,
            actor,
            typed.errors.values(),
            what="ask" if state.revision is None else "edit",
            route=state.route or "",
            request_id=None if state.revision is None else state.request_id,
        )

    async def _defer(self, actor: str, view: Mapping[str, Any], state: FormState, submission: Submission) -> None:
        """Keep a form before Slack is answered: it is finished even if this process ends now."""
        await defer(
            self._responder.services,
            SUBMIT if state.revision is None else EDIT,
            actor,
            view_id=str(view.get("id", "")),
            submission=submission.model_dump(mode="json"),
            form={part: view.get(part) for part in ("private_metadata", "state")},
            request_id=state.request_id,
            revision=state.revision,
        )

    async def _assessed(self, request: Request, text: str) -> Block:
        """Return the confirmation with what was found for a request that was just made."""
        found = await assessed(self._responder.services, request)
        return asked_view(request, text, found, looking=False)

    async def _ask(self, actor: str, state: FormState, submission: Submission) -> Any:  # noqa: ANN401 - an Answer
        services, budget = self._responder.services, self._responder.budget
        if state.request_id is not None and state.revision is not None:
            return await edit(services, actor, state.request_id, state.revision, submission, budget=budget)
        return await submit(services, actor, submission, budget=budget)


class _LatestChoices:
    """The latest choice that came of each open form: of two that cross, the earlier one must not be drawn last."""

    def __init__(self) -> None:
        self._latest: OrderedDict[str, str] = OrderedDict()

    def choice(self, view_id: str, at: str) -> Callable[[], bool]:
        """Note a choice that was made at a time of Slack's, and return what says whether it is still the latest."""
        self._latest[view_id] = max(at, self._latest.get(view_id, ""))
        self._latest.move_to_end(view_id)
        if len(self._latest) > _FORMS:
            self._latest.popitem(last=False)
        return lambda: self._latest.get(view_id, at) == at


def typed_in(responder: Responder, view: Mapping[str, Any]) -> tuple[Presentation, FormInput] | None:
    """Return what was typed into a form, and how the form's operation is presented; None for one that cannot be read."""
    presentation = responder.presentation_of_form(FormMeta.read(view.get("private_metadata")))
    return None if presentation is None else (presentation, presentation.parse(view))


def submission_of(typed: FormInput, *, emergency: bool = False) -> Submission:
    """Return what a complete form asks for; `emergency`: at once, without approval."""
    state = typed.state
    return Submission(
        operation=state.operation,
        route=state.route or "",
        asked=dict(typed.asked),
        kept_from=state.request_id if typed.kept else None,
        reason=state.reason,
        emergency=emergency,
        draft_id=state.draft_id or new_draft(),
    )


def new_draft() -> str:
    """Return an id for a form, the same for every submission of it."""
    return secrets.token_hex(12)
