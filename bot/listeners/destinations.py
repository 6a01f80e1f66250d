"""Sync destinations: the list, one of them, and the forms of the operations on it.

Every click opens or changes a view at once and looks everything up afterwards: Tines may take longer than the three
seconds of a click. Rights are looked up each time, reading included.
"""

import asyncio
import re
from collections.abc import Coroutine
from typing import Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.forms import Forms
from bot.listeners.responder import Body, Responder, action_value, person, view_of
from bot.listeners.responses import said
from bot.listeners.threads import thread_links
from bot.listeners.typed import first_word, named, words
from bot.views import ids
from bot.views.asides import loading_view, problem_view
from bot.views.carried import DestinationButton, ListMeta
from bot.views.destinations import destination_view, list_view, query_of
from bot.views.dialogs import mute_view, parse_mute, refused_view
from bot.views.presentation import Presentation
from bot.views.text import Block
from handlers.models import Problem
from handlers.requests import (
    OUTDATED_BUTTON,
    DestinationPage,
    Muted,
    NotNow,
    Refused,
    SeenDestination,
    destination_for,
    list_destinations,
    mute,
    read_destination,
    refuse,
    refuse_unread,
    watched_destination,
)

_OUT_OF_DATE: Final = (OUTDATED_BUTTON,)
_NO_FORM: Final = ("This cannot be requested here yet.",)
_SLOW: Final = Problem(what="Tines is slow to answer", advice="Search again in a few seconds.")
_LONGEST_ROUTE: Final = 200  # characters that are read of a typed name
_MOST: Final = 2**63 - 1


def register(app: AsyncApp, destinations: "Destinations") -> None:
    """Listen for everything that opens, searches or uses a sync destination."""
    app.action(ids.ACTION_DESTINATIONS)(destinations.list_clicked)
    app.action(ids.ACTION_DESTINATIONS_PREVIOUS)(destinations.turned)
    app.action(ids.ACTION_DESTINATIONS_NEXT)(destinations.turned)
    app.action(ids.ACTION_SEARCH)(destinations.searched)
    app.view(ids.VIEW_DESTINATIONS)(destinations.search_submitted)
    app.action(ids.ACTION_DESTINATION)(destinations.destination_clicked)
    app.action(ids.ACTION_DESTINATION_REFRESH)(destinations.refreshed)
    app.action(ids.ACTION_MUTE)(destinations.mute_clicked)
    app.action(ids.ACTION_UNMUTE)(destinations.unmute_clicked)
    app.view(ids.VIEW_MUTE)(destinations.mute_submitted)
    app.action(re.compile(f"^{re.escape(ids.ACTION_OPERATE)}"))(destinations.operation_clicked)


class Destinations:
    """The listeners of sync destinations."""

    def __init__(self, responder: Responder, forms: Forms) -> None:
        self._responder = responder
        self._forms = forms

    # ---- the list

    async def open_list(self, body: Body, route: str = "") -> None:
        """Open the list of the sync destinations of a person's routes, or of one of them."""
        meant = self._route(first_word(route)[0])
        await self._open(body, "destinations", self._list(person(body), ListMeta(route=meant)))

    async def list_clicked(self, ack: AsyncAck, body: Body) -> None:
        """Open the list."""
        await self.open_list(body)
        await ack()

    async def turned(self, ack: AsyncAck, body: Body) -> None:
        """Show another page of the list."""
        meta = ListMeta.read(action_value(body)) or ListMeta()
        actor, view = person(body), view_of(body)
        self._responder.fill(str(view.get("id", "")), actor, "destinations", self._list(actor, meta))
        await ack()

    async def searched(self, ack: AsyncAck, body: Body) -> None:
        """Show what was searched for, when Enter is pressed in the search."""
        actor, view = person(body), view_of(body)
        found = self._list(actor, _searched(body))
        self._responder.fill(str(view.get("id", "")), actor, "destinations", found)
        await ack()

    async def search_submitted(self, ack: AsyncAck, body: Body) -> None:
        """Show what was searched for, when Search is pressed."""
        meta = _searched(body)
        try:
            async with asyncio.timeout(self._responder.budget):
                shown = await self._list(person(body), meta)
        except TimeoutError:
            shown = problem_view(_SLOW)
        await ack(response_action="update", view=shown)

    async def _list(self, actor: str, meta: ListMeta) -> Block:
        found = await list_destinations(
            self._responder.services, actor, meta.route or None, query=meta.query, page=meta.page
        )
        return (
            list_view(found, meta, self._responder.presentations)
            if isinstance(found, DestinationPage)
            else _instead(found)
        )

    # ---- one

    async def open_typed(self, body: Body, typed: str) -> bool:
        """Open the destination that was typed, and the route after it. False when it is no id."""
        first, rest = first_word(typed)
        number = destination_number(first)
        if number is None:
            return False
        ref = DestinationButton(destination=number, route=self._route(first_word(rest)[0]))
        await self._open(body, "destination", self._one(person(body), ref))
        return True

    async def destination_clicked(self, ack: AsyncAck, body: Body) -> None:
        """Open a destination."""
        ref = await self._ref(body, "destination")
        if ref is not None:
            await self._open(body, "destination", self._one(person(body), ref))
        await ack()

    async def refreshed(self, ack: AsyncAck, body: Body) -> None:
        """Show a destination as it is now."""
        ref = await self._ref(body, "destination")
        if ref is not None:
            actor, view = person(body), view_of(body)
            self._responder.fill(str(view.get("id", "")), actor, "destination", self._one(actor, ref))
        await ack()

    async def _one(self, actor: str, ref: DestinationButton) -> Block:
        seen = await read_destination(self._responder.services, actor, ref.destination, ref.route or None)
        if not isinstance(seen, SeenDestination):
            return _instead(seen)
        links = await thread_links(self._responder, {each.id for each in (*seen.under_way, *seen.latest)})
        tenants = self._responder.services.topology.tenants
        origins = (tenants[seen.source].url, tenants[seen.destination].url)
        return destination_view(seen, self._responder.presentations, links, origins)

    # ---- muting one

    async def mute_clicked(self, ack: AsyncAck, body: Body) -> None:
        """Ask for how long and why nothing new is told of a destination."""
        ref = await self._ref(body, "mute")
        if ref is not None:
            services, number, route = self._responder.services, ref.destination, ref.route or None
            found = await watched_destination(services, person(body), number, route, what="mute")
            if isinstance(found, tuple):
                await self._responder.open_view(body, mute_view(ref))
            else:
                await self._responder.refuse(body, (said(found),))
        await ack()

    async def mute_submitted(self, ack: AsyncAck, body: Body) -> None:
        """Mute a destination, and show it so in the view below."""
        view, actor, services = view_of(body), person(body), self._responder.services
        typed = parse_mute(view)
        if typed.about is None:
            lost = await refuse(services, actor, _OUT_OF_DATE, what="mute")
            await ack(response_action="update", view=refused_view(lost.reasons))
            return
        if typed.errors:
            await refuse_unread(services, actor, typed.errors.values(), what="mute", route=typed.about.route)
            await ack(response_action="errors", errors=typed.errors)
            return
        answer = await mute(
            services, actor, typed.about.destination, typed.about.route or None, typed.lasts, typed.reason
        )
        if not isinstance(answer, Muted):
            await ack(response_action="update", view=_instead(answer))
            return
        self._responder.fill(
            str(view.get("previous_view_id") or ""), actor, "destination", self._one(actor, typed.about)
        )
        await ack()

    async def unmute_clicked(self, ack: AsyncAck, body: Body) -> None:
        """Tell of a destination again, and show it so."""
        ref = await self._ref(body, "unmute")
        if ref is not None:
            actor, view_id = person(body), str(view_of(body).get("id", ""))
            self._responder.fill(view_id, actor, "unmute", self._unmuted(actor, ref))
        await ack()

    async def _unmuted(self, actor: str, ref: DestinationButton) -> Block:
        answer = await mute(self._responder.services, actor, ref.destination, ref.route or None, None, "")
        return await self._one(actor, ref) if isinstance(answer, Muted) else _instead(answer)

    # ---- what can be done with one

    async def operation_typed(self, body: Body, presentation: Presentation, typed: str) -> bool:
        """Open an operation's form for the destination that was typed: `24`, `24 failed`. False when it is none."""
        first, *rest = words(typed) or ("",)
        number = destination_number(first)
        known = presentation.narrowed_by or ()
        options = [word.casefold() for word in rest if word.casefold() in known]
        names = [word for word in rest if word.casefold() not in known]
        if number is None or len(rest) > 2:  # noqa: PLR2004 - a route and what narrows it
            return False
        ref = DestinationButton(
            destination=number,
            route=self._route(names[0] if names else ""),
            operation=presentation.name,
            option=options[0] if options else "",
        )
        await self._open(body, presentation.name, self._form(person(body), ref))
        return True

    def _route(self, typed: str) -> str:
        """Return the name of the route that was typed."""
        return named(typed, self._responder.services.topology.routes)[:_LONGEST_ROUTE]

    async def operation_clicked(self, ack: AsyncAck, body: Body) -> None:
        """Open the form of an operation on a destination."""
        ref = await self._ref(body, "operation")
        if ref is not None:
            await self._open(body, ref.operation, self._form(person(body), ref))
        await ack()

    async def _form(self, actor: str, ref: DestinationButton) -> Block:
        services = self._responder.services
        seen = await destination_for(services, actor, ref.destination, ref.route or None, ref.operation)
        if not isinstance(seen, SeenDestination):
            return _instead(seen)
        form = await self._forms.on_destination(actor, ref.operation, seen.detail, ref.option)
        if form is not None:
            return form
        none = await refuse(services, actor, _NO_FORM, what=ref.operation, route=seen.detail.route)
        return refused_view(none.reasons)

    async def _open(self, body: Body, what: str, view: Coroutine[None, None, Block]) -> None:
        """Open a view at once, and fill it in when it is known."""
        opened = await self._responder.open_view(body, loading_view("Sync destinations"))
        if opened is None:
            view.close()
        else:
            self._responder.fill(str(opened["id"]), person(body), what, view)

    async def _ref(self, body: Body, what: str) -> DestinationButton | None:
        """Return what the clicked button is about; for one that cannot be read, say so."""
        ref = DestinationButton.read(action_value(body))
        if ref is None:
            refused = await refuse(self._responder.services, person(body), _OUT_OF_DATE, what=what)
            await self._responder.refuse(body, refused.reasons)
        return ref


def _searched(body: Body) -> ListMeta:
    view = view_of(body)
    meta = ListMeta.read(view.get("private_metadata")) or ListMeta()
    return ListMeta(route=meta.route, query=query_of(view))


def _instead(answer: Refused | NotNow) -> Block:
    """Return the view that says why there is nothing to see."""
    return refused_view(answer.reasons) if isinstance(answer, Refused) else problem_view(answer.problem)


def destination_number(text: str) -> int | None:
    """Read the id of a sync destination as a person may type it, None when it cannot be one."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else _MOST + 1  # noqa: PLR2004 - of 64 bits
    return number if number <= _MOST else None
