"""Lists, status and history of requests, and the App Home: for people to read, page by page."""

import re

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.responder import Body, Responder, action_value, person
from bot.listeners.responses import said
from bot.listeners.threads import thread_links
from bot.slack_errors import SLACK_ERRORS
from bot.views import ids
from bot.views.carried import FreezeRef, HomeRef, PageRef, RequestRef
from bot.views.history import going_on, history_event
from bot.views.home import home_unavailable_view
from bot.views.lists import (
    ListItem,
    history_message,
    list_message,
    refusal_message,
    status_message,
)
from bot.views.presentation import repairing
from bot.views.text import Message
from handlers.models import Request
from handlers.requests import (
    Abilities,
    NotNow,
    Refused,
    able,
    history_of,
    listed,
    open_home,
    refuse,
    standing_of,
    unfreeze,
)
from handlers.routes import Route
from handlers.store import HomePages, StoreUnavailableError


def register(app: AsyncApp, lists: "Lists") -> None:
    """Listen for the buttons that turn pages, and for the App Home."""
    app.action(ids.ACTION_LIST_PREVIOUS)(lists.turned)
    app.action(ids.ACTION_LIST_NEXT)(lists.turned)
    app.action(ids.ACTION_HISTORY_PREVIOUS)(lists.history_turned)
    app.action(ids.ACTION_HISTORY_NEXT)(lists.history_turned)
    app.action(ids.ACTION_HISTORY_STEPS)(lists.history_turned)
    app.action(ids.ACTION_STATUS)(lists.status_clicked)
    app.event("app_home_opened")(lists.home_opened)
    app.action(re.compile(f"^{re.escape(ids.ACTION_HOME_PAGE)}"))(lists.home_turned)
    app.action(ids.ACTION_HOME_UNFREEZE)(lists.unfreeze_clicked)


class Lists:
    """What people read about requests."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    async def page(self, actor: str, page: int) -> Message:
        """Return a page of what waits for a person and of what they asked for."""
        found = await listed(self._responder.services, actor, page)
        items = [ListItem(each, waits_for_me=number < found.waiting) for number, each in enumerate(found.items)]
        return list_message(items, self._responder.presentation, page=found.page, pages=found.pages, total=found.total)

    async def status(self, actor: str, request_id: str) -> Message:
        """Return where a request stands, for somebody who has to do with it."""
        found = await self._readable(actor, request_id, "status")
        if not isinstance(found, tuple):
            return refusal_message((said(found),))
        request, route, can = found
        standing = await standing_of(self._responder.services, actor, request, route)
        links = await thread_links(self._responder, [request.id])
        return status_message(
            standing.request,
            self._responder.presentation(request),
            quorum=standing.quorum,
            route=route,
            repair=repairing(self._responder.presentations.values()),
            freeze=standing.freeze,
            permalink=links.get(request.id),
            may_review=can.review.allowed,
            may_edit=can.edit.allowed,
            may_cancel=can.cancel.allowed,
        )

    async def history(self, actor: str, request_id: str, page: int, *, technical: bool = False) -> Message:
        """Return a page of all that happened to a request."""
        found = await self._readable(actor, request_id, "history")
        if not isinstance(found, tuple):
            return refusal_message((said(found),))
        request, events = await history_of(self._responder.services, request_id)
        presentation = self._responder.presentation(found[0])
        told = (history_event(event, presentation) for event in events)
        lines = [*told, *map(going_on, request.calls if request else ())]
        return history_message(request_id, lines, page=page, technical=technical)

    async def turned(self, ack: AsyncAck, body: Body) -> None:
        """Show another page of the list."""
        ref = PageRef.read(action_value(body))
        await self._responder.replace(body, await self.page(person(body), ref.page if ref else 1))
        await ack()

    async def history_turned(self, ack: AsyncAck, body: Body) -> None:
        """Show another page of a history."""
        ref = PageRef.read(action_value(body))
        if ref is not None and ref.request is not None:
            shown = await self.history(person(body), ref.request, ref.page, technical=ref.technical)
            await self._responder.replace(body, shown)
        else:
            await self._out_of_date(body, "history")
        await ack()

    async def status_clicked(self, ack: AsyncAck, body: Body) -> None:
        """Show where a request stands."""
        ref = RequestRef.read(action_value(body))
        if ref is not None:
            await self._responder.tell(body, await self.status(person(body), ref.request))
        else:
            await self._out_of_date(body, "status")
        await ack()

    async def _out_of_date(self, body: Body, what: str) -> None:
        """Answer a button whose value cannot be read."""
        reasons = ("This button is outdated. Type the command again.",)
        refused = await refuse(self._responder.services, person(body), reasons, what=what)
        await self._responder.refuse(body, refused.reasons)

    async def home_opened(self, event: Body) -> None:
        """Order the App Home of the person who opened it to be published."""
        if event.get("tab", "home") == "home" and (actor := person(event)):
            await self._home(actor, HomePages())

    async def home_turned(self, ack: AsyncAck, body: Body) -> None:
        """Show another page of a part of the App Home."""
        ref = HomeRef.read(action_value(body))
        if ref is None:
            await self._out_of_date(body, "home")
        else:
            await self._home(person(body), HomePages(**ref.model_dump()))
        await ack()

    async def unfreeze_clicked(self, ack: AsyncAck, body: Body) -> None:
        """Unfreeze a route, if it is still frozen as the person saw it."""
        ref = FreezeRef.read(action_value(body))
        if ref is None:
            await self._out_of_date(body, "unfreeze")
        else:
            answer = await unfreeze(self._responder.services, person(body), ref.route, shown=ref.at)
            if not isinstance(answer, Route):
                await self._responder.refuse(body, (said(answer),))
        await ack()

    async def _home(self, actor: str, pages: HomePages) -> None:
        try:
            await open_home(self._responder.services, actor, pages)
        except StoreUnavailableError:
            await self._home_unavailable(actor)

    async def _home_unavailable(self, actor: str) -> None:
        """Say on the App Home that nothing can be looked up: the database that would order it does not answer."""
        view = home_unavailable_view("Your requests cannot be loaded right now. Open this page again in a minute.")
        try:
            await self._responder.client.views_publish(user_id=actor, view=view)
        except SLACK_ERRORS as error:
            self._responder.not_shown("an App Home was not shown", error)

    async def _readable(
        self, actor: str, request_id: str, what: str
    ) -> tuple[Request, Route, Abilities] | Refused | NotNow:
        """Return a request, and what may be done with it, to somebody who may see it; to others nothing."""
        return await able(self._responder.services, actor, request_id, lambda can: can.read, what=what)
