"""What a person reads when something fails that no listener foresaw, and what an operator finds in the log.

Every unknown error passes here once: it gets an id, which the person is shown and the log holds with all details, so
that a sentence in Slack leads to the line that explains it. Slack always gets an answer that it shows as intended.
"""

import json
import re
import secrets
from typing import Any

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest

from bot.listeners.surface import NOT_NOW, Body, Surface
from bot.views.lists import error_message, refusal_message
from bot.views.options import note_options
from bot.views.review import refused_view
from bot.views.text import Message
from handlers.people import PeopleUnavailableError
from handlers.store import StoreUnavailableError


def register(app: AsyncApp, surface: Surface) -> None:
    """Listen for errors, and last of all for what nobody else listens for."""
    failing = Failing(surface)
    app.error(failing.failed)
    everything = re.compile(".*", re.DOTALL)
    app.action(everything)(failing.unknown_action)
    app.options(everything)(failing.unknown_options)
    app.view(everything)(failing.unknown_view)
    app.view_closed(everything)(failing.closed)
    app.shortcut(everything)(failing.unknown_action)


class Failing:
    """The listeners of last resort."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self._log = structlog.get_logger(__name__)

    async def failed(self, error: Exception, request: AsyncBoltRequest) -> BoltResponse:
        """Answer for a listener that raised."""
        body: Body = request.body or {}
        if isinstance(error, StoreUnavailableError):
            self._log.warning("the database does not answer", type=body.get("type") or "command")
            return await self._answer(body, refusal_message((NOT_NOW,)), NOT_NOW)
        if isinstance(error, PeopleUnavailableError):
            self._log.warning("Slack does not say who somebody is", words=str(error))
            return await self._answer(body, refusal_message((str(error),)), str(error))
        error_id = secrets.token_hex(4)
        self._log.error("a listener failed", error_id=error_id, exc_info=error)
        return await self._answer(
            body, error_message(error_id), f"Something went wrong on my side. Tell whoever runs tines-sync: {error_id}."
        )

    async def _answer(self, body: Body, message: Message, text: str) -> BoltResponse:
        kind = body.get("type")
        if "command" in body and kind is None:
            return _json({"response_type": "ephemeral", "text": message.text, "blocks": message.blocks})
        if kind == "block_suggestion":
            return _json(note_options(text))
        if kind == "view_submission":
            return _json({"response_action": "update", "view": refused_view((text,))})
        if kind in {"block_actions", "shortcut", "message_action"}:
            await self._surface.tell(body, message)
        return BoltResponse(status=200, body="")

    async def unknown_action(self, ack: AsyncAck, body: Body) -> None:
        """Answer a click on something that this version does not know; links only need the acknowledgement."""
        await ack()
        actions = body.get("actions")
        first: Any = actions[0] if isinstance(actions, list) and actions else {}
        if isinstance(first, dict) and first.get("type") == "button" and not first.get("url"):
            await self._surface.tell(
                body, refusal_message(("This button is not known any more. Open the request anew.",))
            )

    async def unknown_options(self, ack: AsyncAck) -> None:
        """Answer typing in a field that this version does not know."""
        await ack(**note_options("This field is out of date. Close the form and open it again."))

    async def unknown_view(self, ack: AsyncAck) -> None:
        """Answer a form that this version does not know."""
        await ack(response_action="update", view=refused_view(("This form is out of date. Open it again.",)))

    async def closed(self, ack: AsyncAck) -> None:
        """Acknowledge that a view was closed: nothing of it was promised."""
        await ack()


def _json(body: dict[str, Any]) -> BoltResponse:
    return BoltResponse(status=200, body=json.dumps(body), headers={"Content-Type": ["application/json;charset=utf-8"]})
