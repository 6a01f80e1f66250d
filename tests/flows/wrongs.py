"""Wrong things that a person can send, as a table can name them, and a scene in which to send them.

Each verb takes what Slack sent for a good click, submission or search, changes the one thing that is wrong, and sends
it signed through the whole app. `PENDING` and `ENDED` stand for the ids of the two requests of the scene.
"""

import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from bot.playground.launch import GENERAL, RINA
from bot.playground.slack import Direction, Json
from bot.views import ids
from handlers.models import Request
from handlers.store import Event

from .harness import FlowHarness, until

KEPT: Final = ("requests", "decisions", "announcements", "deferred_commands", "freezes")


@dataclass(frozen=True, slots=True)
class Scene:
    """A harness with a request that waits and one that was cancelled, and what Slack sent while they came about."""

    harness: FlowHarness
    pending: Request
    ended: Request
    click: Json  # on a button of a message
    press: Json  # of a button in a modal
    form: Json  # submitted
    search: Json

    def filled(self, text: str) -> str:
        """Return the text with the scene's own ids and digest in place of their names."""
        names = {"PENDING": self.pending.id, "ENDED": self.ended.id, "DIGEST": self.pending.digest}
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    def about(self, name: str) -> str | None:
        """Return the id of the request that a row belongs to."""
        return self.filled(name) or None

    async def refusals(self) -> list[Event]:
        """Return every refusal in the record."""
        return [event for event in await self.harness.events() if event.kind == "refused"]

    def said(self, since: int) -> str:
        """Return what the bot showed or answered since so many exchanges with Slack."""
        shown = [
            exchange.request if exchange.direction is Direction.TO_SLACK else exchange.answer
            for exchange in list(self.harness.playground.slack.traffic)[since:]
        ]
        return json.dumps(shown, ensure_ascii=False)

    def rows(self) -> Mapping[str, list[object]]:
        """Return every row that says what is, not what happened."""
        file = self.harness.playground.settings.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(file)) as connection:
            return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in KEPT}  # noqa: S608 - names from above


Does = Callable[[Scene, str], Awaitable[object]]


async def set_up(harness: FlowHarness) -> Scene:
    """Let Rina ask twice and cancel once, and Ada look at what waits."""
    ended = await harness.asks()
    form = harness.last_sent("view_submission")
    search = harness.last_sent("block_suggestion")
    await harness.rina.types(GENERAL, f"cancel {ended.id}")
    await harness.rina.sees_view(lambda view: view.get("submit") is not None)
    await harness.rina.submits()
    pending = await harness.asks()
    await harness.opens_review(pending)
    click = harness.last_sent("block_actions")
    await harness.ada.presses("Refresh")
    press = harness.last_sent("block_actions")

    async def looked_twice() -> bool:
        return (await harness.kinds(pending)).count("shown") == 2

    await until(looked_twice, "what was shown was not recorded")
    await harness.all_said()
    return Scene(harness, pending, await harness.request(ended.id), click, press, form, search)


def types(text: str) -> Does:
    """Type after the command."""

    async def do(scene: Scene, who: str) -> object:
        return await scene.harness.playground.slack.command(who, GENERAL, "/tines-sync", scene.filled(text))

    return do


def clicks(action: str, value: str) -> Does:
    """Click a button of a message that carries a value."""

    async def do(scene: Scene, who: str) -> object:
        payload = json.loads(json.dumps(scene.click)) | {"user": {"id": who}}
        payload["actions"][0] |= {"action_id": action, "value": scene.filled(value)}
        return await scene.harness.sent_again(payload)

    return do


def presses(action: str, meta: str) -> Does:
    """Press a button in a modal that carries what it was opened with."""

    async def do(scene: Scene, who: str) -> object:
        payload = json.loads(json.dumps(scene.press)) | {"user": {"id": who}}
        payload["actions"][0] |= {"action_id": action, "value": ""}
        payload["view"]["private_metadata"] = scene.filled(meta)
        return await scene.harness.sent_again(payload)

    return do


def submits(callback: str, meta: str, comment: str = "") -> Does:
    """Submit a view with a comment."""

    async def do(scene: Scene, who: str) -> object:
        payload = json.loads(json.dumps(scene.form)) | {"user": {"id": who}}
        values = {ids.BLOCK_COMMENT: {ids.ACTION_COMMENT: {"type": "plain_text_input", "value": comment}}}
        payload["view"] |= {
            "callback_id": callback,
            "private_metadata": scene.filled(meta),
            "state": {"values": values},
        }
        return await scene.harness.sent_again(payload)

    return do


def submits_form(*, route: str = "", reason: str = "Ready", **meta: Any) -> Does:  # noqa: ANN401 - fields of FormMeta
    """Submit the form, filled in as it was, with what differs; `meta` is what the view carries besides."""

    async def do(scene: Scene, who: str) -> object:
        text = json.dumps(scene.form)
        payload = json.loads(text.replace("dev-to-prod", route) if route else text) | {"user": {"id": who}}
        view = payload["view"]
        carried = json.loads(view["private_metadata"])
        carried |= {name: scene.filled(value) if isinstance(value, str) else value for name, value in meta.items()}
        view["private_metadata"] = json.dumps(carried)
        view["state"]["values"][ids.BLOCK_REASON][ids.ACTION_REASON]["value"] = reason
        return await scene.harness.sent_again(payload)

    return do


def runs_now() -> Does:
    """Press the button that runs a form without approval, which is not in the form that was opened."""

    async def do(scene: Scene, who: str) -> object:
        payload = json.loads(json.dumps(scene.press)) | {"user": {"id": who}}
        payload["actions"][0] |= {"action_id": ids.ACTION_RUN_NOW, "value": "run"}
        payload["view"] = json.loads(json.dumps(scene.form))["view"]
        return await scene.harness.sent_again(payload)

    return do


def searches(action: str, meta: str | None = None) -> Does:
    """Type three letters into a search field, which asks at each of them."""

    async def do(scene: Scene, who: str) -> object:
        payload = json.loads(json.dumps(scene.search)) | {"user": {"id": who}, "action_id": action}
        if meta is not None:
            payload["view"] |= {"private_metadata": meta, "state": {"values": {}}}
        for typed in ("s", "se", "sec"):
            await scene.harness.sent_again(payload | {"value": typed})
        return None

    return do


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something wrong that somebody does, what they read, and the row that it leaves."""

    does: Does
    reads: str  # part of what the person sees
    what: str  # what the row says was attempted
    who: str = RINA
    about: str = ""  # PENDING or ENDED when the row belongs to one of the requests
    reason: str = ""  # part of the recorded reason, where it is not what the person reads
