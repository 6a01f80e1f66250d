"""The buttons on messages and views that do one thing: withdraw, cancel, look again, close, show an error."""

from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.responder import Body, Responder, action_value, person, view_of
from bot.listeners.responses import ended_by, said, settled_view
from bot.views import ids
from bot.views.carried import ErrorRef, RequestRef
from bot.views.dialogs import cancel_view, parse_cancel
from bot.views.lists import notice_message, refusal_message
from bot.views.statuses import error_view
from handlers.requests import (
    OUTDATED_BUTTON,
    Answer,
    Done,
    Invalid,
    NotNow,
    Refused,
    Services,
    able,
    cancel,
    check_again,
    close,
    refuse,
    withdraw,
)

_NO_ERROR = ("This error is gone: the story was synced again.",)


def register(app: AsyncApp, clicks: "Clicks") -> None:
    """Listen for the buttons."""
    app.action(ids.ACTION_WITHDRAW)(clicks.withdraw)
    app.action(ids.ACTION_CHECK_AGAIN)(clicks.check_again)
    app.action(ids.ACTION_CLOSE_UNCERTAIN)(clicks.close_uncertain)
    app.action(ids.ACTION_CANCEL)(clicks.open_cancel)
    app.view(ids.VIEW_CANCEL)(clicks.cancelled)
    app.action(ids.ACTION_SHOW_ERROR)(clicks.show_error)
    app.action(ids.ACTION_PICK_ERROR)(clicks.show_error)


class Clicks:
    """The listeners of single buttons."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    async def withdraw(self, ack: AsyncAck, body: Body) -> None:
        """Take back the clicker's approval."""
        await self._do(ack, body, withdraw, "withdraw")

    async def check_again(self, ack: AsyncAck, body: Body) -> None:
        """Look again whether Tines did what an uncertain request asks for."""
        await self._do(ack, body, check_again, "check_again")

    async def close_uncertain(self, ack: AsyncAck, body: Body) -> None:
        """Close an uncertain request."""
        await self._do(ack, body, close, "close")

    async def _do(
        self, ack: AsyncAck, body: Body, use_case: Callable[[Services, str, str], Awaitable[Answer]], what: str
    ) -> None:
        ref = RequestRef.read(action_value(body))
        services, actor = self._responder.services, person(body)
        answer = await (
            use_case(services, actor, ref.request) if ref else refuse(services, actor, (OUTDATED_BUTTON,), what=what)
        )
        view = view_of(body)
        if view.get("type") == "modal":
            await self._responder.update_view(str(view.get("id", "")), settled_view(answer))
        elif isinstance(answer, Done):
            await self._responder.tell(body, notice_message(answer.text))
        else:
            await self._responder.tell(body, refusal_message((said(answer),), by=ended_by(answer)))
        await ack()

    async def open_cancel(self, ack: AsyncAck, body: Body) -> None:
        """Ask whether, and why, a request is to be cancelled."""
        ref = RequestRef.read(action_value(body))
        reasons = await self.ask_to_cancel(body, ref.request if ref else None)
        if reasons:
            await self._responder.refuse(body, reasons)
        await ack()

    async def ask_to_cancel(self, body: Body, request_id: str | None) -> tuple[str, ...]:
        """Open the view that cancels, for somebody who may; else return why not."""
        services, actor = self._responder.services, person(body)
        found = await able(services, actor, request_id, lambda can: can.cancel, what="cancel")
        if isinstance(found, Refused | NotNow):
            return (said(found),)
        request, _, can = found
        view = cancel_view(
            request,
            self._responder.presentation(request),
            reason_required=can.cancel_needs_reason,
        )
        await self._responder.open_view(body, view)
        return ()

    async def cancelled(self, ack: AsyncAck, body: Body) -> None:
        """Cancel a request."""
        typed = parse_cancel(view_of(body))
        services, actor = self._responder.services, person(body)
        if await self._responder.says_what_to_mend(ack, actor, typed, what="cancel"):
            return
        if typed.request_id is None:
            lost = await refuse(services, actor, (OUTDATED_BUTTON,), what="cancel")
            await ack(response_action="update", view=settled_view(lost))
            return
        answer = await cancel(services, actor, typed.request_id, typed.comment)
        if isinstance(answer, Done):
            await ack(response_action="clear")
        elif isinstance(answer, Invalid):
            await ack(response_action="errors", errors={ids.BLOCK_COMMENT: said(answer)})
        else:
            await ack(response_action="update", view=settled_view(answer))

    async def show_error(self, ack: AsyncAck, body: Body) -> None:
        """Show all of an error that the status list had to cut."""
        ref = ErrorRef.read(action_value(body))
        services, actor = self._responder.services, person(body)
        found = await able(services, actor, ref.request if ref else None, lambda can: can.read, what="show_error")
        if isinstance(found, Refused | NotNow):
            await self._responder.refuse(body, (said(found),))
        else:
            request = found[0]
            story = ref.story if ref else None
            status = next(
                (each for each in self._responder.presentation(request).rows(request) if each.story_id == story), None
            )
            if status is None or not status.error:
                gone = await refuse(services, actor, _NO_ERROR, what="show_error", request=request)
                await self._responder.refuse(body, gone.reasons)
            else:
                await self._responder.open_view(body, error_view(request, status, status.error))
        await ack()
