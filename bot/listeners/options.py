"""Typing in the form's search fields: teams and stories from the catalogue, for those who may ask on the route."""

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.surface import Body, Surface, person, view_of
from bot.views import ids
from bot.views.form import parse_form
from bot.views.meta import FormMeta
from bot.views.options import note_options, problem_options, story_options, team_options
from bot.views.text import Block
from handlers.policy import Ruling, may_request
from handlers.requests import NotNow, ruled
from handlers.routes import Route
from handlers.tines import TinesError


def register(app: AsyncApp, surface: Surface) -> None:
    """Listen for typing."""
    typing = Typing(surface)
    app.options(ids.ACTION_SOURCE_TEAM)(typing.source_teams)
    app.options(ids.ACTION_DESTINATION_TEAM)(typing.destination_teams)
    app.options(ids.ACTION_STORIES)(typing.stories)


class Typing:
    """The listeners of the search fields."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface

    async def source_teams(self, ack: AsyncAck, body: Body) -> None:
        """Answer with teams of the source tenant."""
        route = await self._route(body)
        await ack(**(route if isinstance(route, dict) else await self._teams(route.source, _query(body))))

    async def destination_teams(self, ack: AsyncAck, body: Body) -> None:
        """Answer with teams of the destination tenant."""
        route = await self._route(body)
        await ack(**(route if isinstance(route, dict) else await self._teams(route.destination, _query(body))))

    async def stories(self, ack: AsyncAck, body: Body) -> None:
        """Answer with stories of the source team, and with whole sets of them."""
        route = await self._route(body)
        meta = FormMeta.read(view_of(body).get("private_metadata"))
        team = meta.team if meta else None
        if isinstance(route, dict):
            await ack(**route)
        elif team is None:
            await ack(**note_options("Choose the source team first."))
        else:
            await ack(**await self._stories(route.source, team, _query(body)))

    async def _teams(self, tenant: str, query: str) -> Block:
        try:
            found = await self._surface.desk.catalogue.search_teams(tenant, query)
        except TinesError as error:
            return problem_options(error.problem())
        if not found.items:
            return note_options("No team matches." if query else f"{tenant} has no team that its key may see.")
        return team_options(found.items, found.total)

    async def _stories(self, tenant: str, team: int, query: str) -> Block:
        try:
            found = await self._surface.desk.catalogue.search_stories(tenant, team, query)
        except TinesError as error:
            return problem_options(error.problem())
        if not found.items and not found.tags:
            only = " with change control" if self._surface.desk.atlas.tenants[tenant].require_change_control else ""
            return note_options(f"No story{only} matches." if query else f"This team has no story{only}.")
        return story_options(found, query)

    async def _route(self, body: Body) -> Route | Block:
        """Return the route of the form, or a line that says why nothing is listed."""
        view = view_of(body)
        meta = FormMeta.read(view.get("private_metadata"))
        name = (meta.route if meta else "") or parse_form(view).route or ""
        route = self._surface.desk.atlas.routes.get(name)
        if route is None:
            return note_options("Choose a route first.")
        ruling = await ruled(self._surface.desk, person(body), route, lambda someone: may_request(route, someone))
        if isinstance(ruling, NotNow):
            return problem_options(ruling.problem)
        if isinstance(ruling, Ruling) and not ruling.allowed:
            return note_options("You may not ask on this route.")
        return route


def _query(body: Body) -> str:
    value = body.get("value")
    return value if isinstance(value, str) else ""
