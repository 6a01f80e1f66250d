"""What a person reads when something fails that no listener foresaw, and what an operator finds in the log.

Every unknown error passes here once: it gets an id, which the person is shown and the log holds with all details, so
that a sentence in Slack leads to the line that explains it. Slack always gets an answer that it shows as intended,
and in time: a database that keeps a connection open and says nothing raises no error that could be told.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Sequence
from typing import Any, Final

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest

from bot.listeners.responder import NOT_NOW, Body, Responder, person, view_of
from bot.listeners.responses import input_blocks
from bot.views import ids
from bot.views.contact import ADMIN, with_contact
from bot.views.dialogs import refused_view
from bot.views.lists import error_message, refusal_message
from bot.views.options import note_options
from bot.views.text import Message
from handlers.people import PeopleUnavailableError
from handlers.requests import RefusalThrottle, refuse
from handlers.store import StoreUnavailableError

IN_TIME: Final = 2.7
"""Seconds for a whole answer, of the three that Slack waits. Whatever a listener waits for ends before, as it should."""

LATE: Final = (
    "I cannot process requests right now: the database, or something else I need, is too slow to answer. "
    "Try again in a minute. What you just sent may still arrive. If you send it again, it counts once."
)
"""What is said when it takes too long: nobody knows yet whether it was done, so nobody is told that it was not."""

_KEEPS_OPEN: Final = frozenset({ids.VIEW_FORM, ids.VIEW_REJECT, ids.VIEW_CANCEL})  # they hold what somebody wrote
_CLICKS: Final = frozenset({"block_actions", "shortcut", "message_action"})
_WAS_LATE: Final = "tines_sync_was_late"


class PunctualApp(AsyncApp):
    """Bolt's app, with an answer to everything in time: the one bound on all that a listener may wait for.

    What takes longer is not cut off, since nobody could tell then how far it came. It ends by itself, and a form that
    was sent again meanwhile counts once.
    """

    def __init__(self, responder: Responder, **options: Any) -> None:  # noqa: ANN401 - the options of Bolt's app
        super().__init__(**options)
        self.error_listeners = ErrorListeners(responder)
        self._contact = responder.services.topology.admin_contact

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Answer a request of Slack."""
        answering = asyncio.ensure_future(super().async_dispatch(req))
        done, _ = await asyncio.wait({answering}, timeout=IN_TIME)
        return self._named(answering.result() if done else self.error_listeners.late(req, answering))

    def _named(self, answer: BoltResponse) -> BoltResponse:
        """Name whom people are told to ask, as the client does in what it sends."""
        if ADMIN in answer.body:
            answer.body = json.dumps(with_contact(json.loads(answer.body), self._contact))
        return answer


def register(app: PunctualApp) -> None:
    """Listen for errors, and last of all for what nobody else listens for."""
    listeners = app.error_listeners
    app.error(listeners.failed)
    everything = re.compile(".*", re.DOTALL)
    app.action(everything)(listeners.unknown_action)
    app.options(everything)(listeners.unknown_options)
    app.view(everything)(listeners.unknown_view)
    app.view_closed(everything)(listeners.closed)
    app.shortcut(everything)(listeners.unknown_action)


class ErrorListeners:
    """The listeners of last resort."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._refusals = RefusalThrottle(responder.services)
        self._log = structlog.get_logger(__name__)

    async def failed(self, error: Exception, request: AsyncBoltRequest) -> BoltResponse:
        """Answer for a listener that raised."""
        body: Body = request.body or {}
        if isinstance(error, StoreUnavailableError):
            self._log.warning("the database does not answer", type=_type(body), words=error.words)
            return await self._answer(request, refusal_message((NOT_NOW,)), NOT_NOW)
        if isinstance(error, PeopleUnavailableError):
            await self._responder.unknown(person(body), error, what=_type(body))
            return await self._answer(request, refusal_message((str(error),)), str(error))
        error_id = secrets.token_hex(4)
        self._log.error("a listener failed", error_id=error_id, exc_info=error)
        return await self._answer(
            request,
            error_message(error_id),
            f"Something went wrong in tines-sync. Tell your tines-sync admin: {error_id}.",
        )

    def late(self, request: AsyncBoltRequest, answering: "asyncio.Task[BoltResponse]") -> BoltResponse:
        """Answer for a listener that is still at it, and let it end."""
        body: Body = request.body or {}
        request.context[_WAS_LATE] = True
        self._log.warning("an answer is late", type=_type(body), seconds=IN_TIME)
        self._responder.follow_up(self._ended(answering))
        message = refusal_message((LATE,))
        if body.get("type") in _CLICKS:
            self._responder.follow_up(self._responder.tell(body, message))
        return _response(body, message, LATE)

    async def _ended(self, answering: "asyncio.Task[BoltResponse]") -> None:
        answer = await answering
        self._log.info("what was late has ended", status=answer.status)

    async def _answer(self, request: AsyncBoltRequest, message: Message, text: str) -> BoltResponse:
        body: Body = request.body or {}
        if body.get("type") in _CLICKS and not request.context.get(_WAS_LATE):  # else the person knows
            await self._responder.tell(body, message)
        return _response(body, message, text)

    async def unknown_action(self, ack: AsyncAck, body: Body) -> None:
        """Answer a click on something that this version does not know; links only need the acknowledgement."""
        actions = body.get("actions")
        first: Any = actions[0] if isinstance(actions, list) and actions else {}
        if isinstance(first, dict) and first.get("type") == "button" and not first.get("url"):
            reasons = ("This button is outdated. Open the request again.",)
            await refuse(self._responder.services, person(body), reasons, what="click")
            await self._responder.tell(body, refusal_message(reasons))
        await ack()

    async def unknown_options(self, ack: AsyncAck, body: Body) -> None:
        """Answer typing in a field that this version does not know."""
        why = "This field is outdated. Close the form and open it again."
        await self._refusals.refuse(person(body), why, what="search")
        await ack(**note_options(why))

    async def unknown_view(self, ack: AsyncAck, body: Body) -> None:
        """Answer a form that this version does not know."""
        reasons = ("This form is outdated. Open it again.",)
        await refuse(self._responder.services, person(body), reasons, what="submit")
        await ack(response_action="update", view=refused_view(reasons))

    async def closed(self, ack: AsyncAck) -> None:
        """Acknowledge that a view was closed: nothing of it was promised."""
        await ack()


def _type(body: Body) -> str:
    return str(body.get("type") or "command")


def _response(body: Body, message: Message, text: str) -> BoltResponse:
    """Return what Slack shows of a failure, by what it sent; nothing for a click, whose person is told otherwise."""
    kind = body.get("type")
    if "command" in body and kind is None:
        return _json({"response_type": "ephemeral", "text": message.text, "blocks": message.blocks})
    if kind == "block_suggestion":
        return _json(note_options(text))
    if kind == "view_submission":
        return _json(_in_view(body, text))
    return BoltResponse(status=200, body="")


def _in_view(body: Body, text: str) -> dict[str, Any]:
    """Say it in the form, which stays with all that was typed, and sent again is the same form; else in its place."""
    view = view_of(body)
    fields: Sequence[str] = input_blocks(view) if view.get("callback_id") in _KEEPS_OPEN else ()
    if fields:
        return {"response_action": "errors", "errors": {fields[-1]: text}}
    return {"response_action": "update", "view": refused_view((text,))}


def _json(body: dict[str, Any]) -> BoltResponse:
    return BoltResponse(status=200, body=json.dumps(body), headers={"Content-Type": ["application/json;charset=utf-8"]})
