"""Typing in the form's search fields: teams and stories from the catalogue, for those who may ask on the route."""

import asyncio
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
from handlers.models import Problem
from handlers.operations import Wrong
from handlers.operations.destination import chosen
from handlers.policy import may_request
from handlers.requests import NotNow, RefusalThrottle, ruled
from handlers.routes import Route
from handlers.tines import TinesError


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
        self._refusals = RefusalThrottle(responder.services)

    async def source_teams(self, body: Body) -> BoltResponse:
        """Answer with teams of the source tenant."""
        route = await self._route(body)
        return _listed(route if isinstance(route, dict) else await self._teams(body, route, route.source))

    async def destination_teams(self, body: Body) -> BoltResponse:
        """Answer with teams of the destination tenant."""
        route = await self._route(body)
        return _listed(route if isinstance(route, dict) else await self._teams(body, route, route.destination))

    async def stories(self, body: Body) -> BoltResponse:
        """Answer with stories of the source team, and with whole sets of them."""
        route = await self._route(body)
        if isinstance(route, dict):
            return _listed(route)
        meta = FormMeta.read(view_of(body).get("private_metadata"))
        team = meta.team if meta else None
        if team is None:
            return _listed(note_options(await self._no(body, "Choose the source team first.", route.name)))
        return _listed(await self._stories(body, route, team))

    async def destination_stories(self, body: Body) -> BoltResponse:
        """Answer with the stories that are in the form's sync destination."""
        route = await self._route(body)
        if isinstance(route, dict):
            return _listed(route)
        meta = FormMeta.read(view_of(body).get("private_metadata"))
        try:
            async with asyncio.timeout(self._responder.budget):
                found = await chosen(
                    self._responder.services.executor.access(route), meta.destination if meta else None
                )
        except TimeoutError:
            return _listed(note_options(await self._no(body, "Tines is slow to answer. Type again.", route.name)))
        except TinesError as error:
            return _listed(await self._problem(body, error.problem(), route.name))
        if isinstance(found, Wrong):
            return _listed(note_options(await self._no(body, next(iter(found.fields.values())), route.name)))
        return _listed(status_options(found[0].statuses(), _query(body)))

    async def _teams(self, body: Body, route: Route, tenant: str) -> Block:
        query = _query(body)
        try:
            found = await self._responder.services.catalogue.search_teams(tenant, query)
        except TinesError as error:
            return await self._problem(body, error.problem(), route.name)
        if not found.items:
            return note_options("No team matches." if query else f"{tenant} has no team that its key can see.")
        return team_options(found.items, found.total)

    async def _stories(self, body: Body, route: Route, team: int) -> Block:
        query, tenant = _query(body), route.source
        try:
            found = await self._responder.services.catalogue.search_stories(tenant, team, query)
        except TinesError as error:
            return await self._problem(body, error.problem(), route.name)
        if not found.items and not found.tags:
            only = (
                " with change control"
                if self._responder.services.topology.tenants[tenant].require_change_control
                else ""
            )
            return note_options(f"No story{only} matches." if query else f"This team has no story{only}.")
        return story_options(found, query)

    async def _route(self, body: Body) -> Route | Block:
        """Return the route of the form, or a line that says why nothing is listed."""
        view = view_of(body)
        meta = FormMeta.read(view.get("private_metadata"))
        name = (meta.route if meta else "") or _chosen_route(view) or ""
        route = self._responder.services.topology.policy_for(name, meta.operation if meta else "create")
        if route is None:
            why = f"The route {name} is no longer configured." if name else "Choose a route first."
            return note_options(await self._no(body, why))
        ruling = await ruled(self._responder.services, person(body), route, lambda someone: may_request(route, someone))
        if isinstance(ruling, NotNow):
            return await self._problem(body, ruling.problem, name)
        if not ruling.allowed:
            return note_options(await self._no(body, "You cannot request syncs on this route.", name))
        return route

    async def _problem(self, body: Body, problem: Problem, route: str) -> Block:
        await self._no(body, problem.what, route)
        return problem_options(problem)

    async def _no(self, body: Body, why: str, route: str = "") -> str:
        """Record once in a while that nothing is listed, and return why."""
        await self._refusals.refuse(person(body), why, what="search", route=route)
        return why


def _listed(options: Block) -> BoltResponse:
    """Return the answer with options. Made here, since Bolt's way to write JSON takes longer than finding them."""
    return BoltResponse(status=200, body=packed(options).decode())


def _query(body: Body) -> str:
    value = body.get("value")
    return value if isinstance(value, str) else ""


def _chosen_route(view: Mapping[str, Any]) -> str:
    option = selected(values_of_view(view), ids.BLOCK_ROUTE, ids.ACTION_ROUTE)
    return option.value if option is not None else ""
