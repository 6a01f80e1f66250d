"""Typing in the form's search fields: teams and stories from the catalogue, for those who may request on the route."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from bot.listeners.responder import Body, Responder, person, view_of
from bot.slack_client import packed
from bot.views import ids
from bot.views.carried import FormMeta
from bot.views.options import note_options, problem_options, status_options, story_options, team_options
from bot.views.text import Block
from bot.views.view_values import selected, values_of_view
from handlers.requests import NotNow, Refused, Searches
from handlers.routes import Route


def register(app: AsyncApp, typing: "Typing") -> None:
    """Listen for typing."""
    app.options(ids.ACTION_SOURCE_TEAM)(typing.source_teams)
    app.options(ids.ACTION_DESTINATION_TEAM)(typing.destination_teams)
    app.options(ids.ACTION_STORIES)(typing.stories)
    app.options(ids.ACTION_DESTINATION_STORIES)(typing.destination_stories)


class Typing:
    """The listeners of the search fields."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._searches = Searches(responder.services)

    async def source_teams(self, body: Body) -> BoltResponse:
        """Answer with teams of the source tenant."""
        route = await self._route(body)
        return _listed(await self._teams(body, route, route.source) if isinstance(route, Route) else _why_none(route))

    async def destination_teams(self, body: Body) -> BoltResponse:
        """Answer with teams of the destination tenant."""
        route = await self._route(body)
        return _listed(
            await self._teams(body, route, route.destination) if isinstance(route, Route) else _why_none(route)
        )

    async def stories(self, body: Body) -> BoltResponse:
        """Answer with stories of the source team, and with whole sets of them."""
        route = await self._route(body)
        return _listed(await self._stories(body, route) if isinstance(route, Route) else _why_none(route))

    async def destination_stories(self, body: Body) -> BoltResponse:
        """Answer with the stories that are in the form's sync destination."""
        route = await self._route(body)
        return _listed(await self._synced_stories(body, route) if isinstance(route, Route) else _why_none(route))

    async def _route(self, body: Body) -> Route | Refused | NotNow:
        view = view_of(body)
        meta = _meta(body)
        presentation = self._responder.presentation_of_form(meta)
        if meta is None or presentation is None:
            return await self._searches.outdated(person(body))
        return await self._searches.route(person(body), meta.route or _chosen_route(view), presentation.name)

    async def _teams(self, body: Body, route: Route, tenant: str) -> Block:
        query = _query(body)
        found = await self._searches.teams(person(body), route, tenant, query)
        if isinstance(found, NotNow):
            return _why_none(found)
        if not found.items:
            return note_options("No team matches." if query else f"{tenant} has no team that its key can see.")
        return team_options(found.items, found.total)

    async def _stories(self, body: Body, route: Route) -> Block:
        query, meta = _query(body), _meta(body)
        found = await self._searches.stories(person(body), route, meta.team if meta else None, query)
        if isinstance(found, Refused | NotNow):
            return _why_none(found)
        if not found.items and not found.tags:
            tenant = self._responder.services.topology.tenants[route.source]
            only = " with change control" if tenant.require_change_control else ""
            return note_options(f"No story{only} matches." if query else f"This team has no story{only}.")
        return story_options(found, query)

    async def _synced_stories(self, body: Body, route: Route) -> Block:
        meta, budget = _meta(body), self._responder.budget
        destination = meta.destination if meta else None
        found = await self._searches.synced_stories(person(body), route, destination, budget=budget)
        return status_options(found, _query(body)) if isinstance(found, tuple) else _why_none(found)


def _why_none(answer: Refused | NotNow) -> Block:
    """Return a line that says why nothing is listed."""
    return problem_options(answer.problem) if isinstance(answer, NotNow) else note_options(" ".join(answer.reasons))


def _listed(options: Block) -> BoltResponse:
    """Return the answer with options. Made here, since Bolt's way to write JSON takes longer than finding them."""
    return BoltResponse(status=200, body=packed(options).decode())


def _meta(body: Body) -> FormMeta | None:
    return FormMeta.read(view_of(body).get("private_metadata"))


def _query(body: Body) -> str:
    value = body.get("value")
    return value if isinstance(value, str) else ""


def _chosen_route(view: Mapping[str, Any]) -> str:
    option = selected(values_of_view(view), ids.BLOCK_ROUTE, ids.ACTION_ROUTE)
    return option.value if option is not None else ""
