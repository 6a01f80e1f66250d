"""`/tines-sync` and what can be typed after it. Every answer is for the person alone."""

from typing import Final

from pydantic_core import PydanticCustomError
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.clicks import Clicks
from bot.listeners.destinations import Destinations, destination_number
from bot.listeners.forms import Forms
from bot.listeners.lists import Lists
from bot.listeners.responder import Body, Responder, person
from bot.listeners.responses import said
from bot.listeners.typed import first_word, named, nearest, words
from bot.settings.values import read_duration
from bot.views.health import muted_message, overview_message
from bot.views.lists import help_message, notice_message, refusal_message
from bot.views.presentation import Presentation
from bot.views.text import Message, tidy, unescape
from handlers.models import parse_request_id
from handlers.policy import Freeze
from handlers.requests import HealthOverview, Muted, NotNow, Refused, freeze, health, mute, refuse, unfreeze
from handlers.routes import Route

COMMAND = "/tines-sync"
_LONGEST_REASON: Final = 1000
_WORDS: Final = (
    "cancel",
    "destination",
    "destinations",
    "freeze",
    "health",
    "help",
    "history",
    "list",
    "mute",
    "status",
    "unfreeze",
    "unmute",
)


def register(app: AsyncApp, commands: "Commands") -> None:
    """Listen for the command."""
    app.command(COMMAND)(commands.typed)


class Commands:
    """The listener of the slash command."""

    def __init__(
        self, responder: Responder, forms: Forms, lists: Lists, clicks: Clicks, destinations: Destinations
    ) -> None:
        self._responder = responder
        self._forms = forms
        self._by_word = {each.command: each for each in responder.presentations.values() if each.command is not None}
        self._lists = lists
        self._clicks = clicks
        self._destinations = destinations

    async def typed(self, ack: AsyncAck, body: Body) -> None:
        """Do what was typed."""
        word, rest = first_word(unescape(str(body.get("text") or "")))
        if word.casefold() == COMMAND.removeprefix("/"):  # pasted after itself
            word, rest = first_word(rest)
        answer = await self._answer(body, word.casefold(), rest)
        if answer is None:
            await ack()
        else:
            await ack(text=answer.text, blocks=answer.blocks or None, response_type="ephemeral")

    async def _answer(self, body: Body, word: str, rest: str) -> Message | None:
        match word:
            case "destinations" | "destination":
                return await self._destination(body, word, rest)
            case _ if (presentation := self._by_word.get(word)) is not None:
                return await self._operation(body, presentation, word, rest)
            case "help":
                return help_message(COMMAND, self._by_word.values())
            case "list":
                return await self._lists.page(person(body), _page(rest))
            case "status" | "history" | "cancel":
                return await self._about(body, word, rest)
            case "health":
                overview = await health(self._responder.services, person(body))
                return overview_message(overview) if isinstance(overview, HealthOverview) else _no(overview)
            case "mute" | "unmute":
                return await self._mute(person(body), word, rest)
            case "freeze" | "unfreeze":
                return await self._route(person(body), word, rest)
            case _:
                # what was typed is not recorded: it could be anything, even a key
                await self._no(person(body), "command", f"There is no such command: {COMMAND} help lists all.")
                meant = nearest(word, (*_WORDS, *(each for each in self._by_word if each)))
                suggestion = f" Did you mean {COMMAND} {meant}?" if meant else ""
                return refusal_message(
                    (f"There is no command “{tidy(word[:40])}”.{suggestion} Type {COMMAND} help to see all.",)
                )

    async def _destination(self, body: Body, word: str, rest: str) -> Message | None:
        if word == "destinations":
            await self._destinations.open_list(body, rest)
            return None
        if rest and await self._destinations.open_typed(body, rest):
            return None
        return await self._which_destination(body, word)

    async def _operation(self, body: Body, presentation: Presentation, word: str, rest: str) -> Message | None:
        if presentation.narrowed_by is not None:
            opened = bool(rest) and await self._destinations.operation_typed(body, presentation, rest)
            return None if opened else await self._which_destination(body, word)
        if await self._forms.open_empty(body, presentation, rest):
            return None
        return await self._no(person(body), word, f"Add what it is about: {COMMAND} {word} …")

    async def _which_destination(self, body: Body, word: str) -> Message:
        which = f"Add the number of a sync destination: {COMMAND} {word} 24. {COMMAND} destinations lists them."
        return await self._no(person(body), word, which)

    async def _no(self, actor: str, what: str, why: str) -> Message:
        """Record why what was typed is not done, and return it for the person."""
        refused = await refuse(self._responder.services, actor, (why,), what=what)
        return refusal_message(refused.reasons)

    async def _about(self, body: Body, word: str, rest: str) -> Message | None:
        first, more = first_word(rest)
        request_id = parse_request_id(first)
        if request_id is None:
            which = f"Add a request ID: {COMMAND} {word} TS-XXXXXXXX. {COMMAND} list shows the ids of yours."
            return await self._no(person(body), word, which)
        if word == "status":
            return await self._lists.status(person(body), request_id)
        if word == "history":
            return await self._lists.history(person(body), request_id, _page(more))
        reasons = await self._clicks.ask_to_cancel(body, request_id)
        return refusal_message(reasons) if reasons else None

    async def _mute(self, actor: str, word: str, rest: str) -> Message:
        """Mute a sync destination, `24 3d reason`, or end that, `24`; the route may stand after the id."""
        services = self._responder.services
        first, rest = first_word(rest)
        number = destination_number(first)
        if number is None:
            typed = "mute 24 3d the vendor is told" if word == "mute" else "unmute 24"
            return await self._no(actor, word, f"Add the sync destination: {COMMAND} {typed}.")
        second, more = first_word(rest)
        route = named(second, services.topology.routes) if second else None
        if word == "unmute":
            return _muted(await mute(services, actor, number, route, None, ""))
        if route in services.topology.routes:
            second, more = first_word(more)
        else:
            route = None
        reason = tidy(more).strip()
        try:
            lasts = read_duration(second.lower())
        except PydanticCustomError:
            return await self._no(actor, word, f"Add a time and a reason: {COMMAND} mute {number} 3d reason.")
        if not reason:
            return await self._no(
                actor, word, f"Add a reason: {COMMAND} mute {number} {second} reason. It is recorded."
            )
        if len(reason) > _LONGEST_REASON:
            return await self._no(actor, word, f"Use at most {_LONGEST_REASON:,} characters for the reason.")
        return _muted(await mute(services, actor, number, route, lasts, reason))

    async def _route(self, actor: str, word: str, rest: str) -> Message:
        typed, reason = first_word(rest)
        name = named(typed, self._responder.services.topology.routes)
        if not name:
            return await self._no(actor, word, f"Add a route: {COMMAND} {word} ROUTE{' reason' * (word == 'freeze')}.")
        if word == "unfreeze":
            unfrozen = await unfreeze(self._responder.services, actor, name)
            if isinstance(unfrozen, Route):
                return notice_message(f"{unfrozen.name} is unfrozen. Approved requests are running now.")
            return refusal_message((said(unfrozen),))
        reason = tidy(reason).strip()
        if not words(reason):
            return await self._no(
                actor, word, f"Add a reason: {COMMAND} freeze ROUTE reason. Everyone on the route can read it."
            )
        if len(reason) > _LONGEST_REASON:
            return await self._no(
                actor, word, f"Use at most {_LONGEST_REASON:,} characters for the reason. This has {len(reason):,}."
            )
        frozen = await freeze(self._responder.services, actor, name, reason)
        if isinstance(frozen, Freeze):
            return notice_message(
                f"{frozen.route} is frozen. Requests can still be made and approved. To run them, type {COMMAND} unfreeze {frozen.route}."
            )
        return refusal_message((said(frozen),))


def _muted(answer: Muted | Refused | NotNow) -> Message:
    return muted_message(answer) if isinstance(answer, Muted) else _no(answer)


def _no(answer: Refused | NotNow) -> Message:
    return refusal_message((said(answer),))


def _page(text: str) -> int:
    page = first_word(text)[0]
    return int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1  # noqa: PLR2004 - pages, not numbers of any size
