"""What the search fields of a form list, for those who may request on its route, while they type.

Every key asks again, so what is refused is recorded once in a while only.
"""

import asyncio
from typing import Final

from handlers.catalogue import FoundStories, FoundTeams
from handlers.models import StoryStatus
from handlers.operations import Wrong
from handlers.operations.destination import chosen
from handlers.policy import may_request
from handlers.requests.answers import NotNow, Refused
from handlers.requests.refusal_throttle import RefusalThrottle
from handlers.requests.services import Services, ruled
from handlers.routes import Route
from handlers.tines import TinesError

OUTDATED_FORM: Final = "This form is outdated. Close it and open it again."
_WHAT: Final = "search"


class Searches:
    """Searches for people who fill a form in."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._refusals = RefusalThrottle(services)

    async def route(self, actor: str, name: str, operation: str) -> Route | Refused | NotNow:
        """Return the policy of a form's route to somebody who may request on it; else why nothing is listed."""
        route = self._services.topology.policy_for(name, operation)
        if route is None:
            why = f"The route {name} is no longer configured." if name else "Choose a route first."
            return await self._refused(actor, why)
        ruling = await ruled(self._services, actor, route, lambda someone: may_request(route, someone))
        if isinstance(ruling, NotNow):
            return await self._not_now(actor, ruling, route)
        return route if ruling.allowed else await self._refused(actor, "You cannot request syncs on this route.", route)

    async def outdated(self, actor: str) -> Refused:
        """Return why nothing is listed in a form that cannot be read."""
        return await self._refused(actor, OUTDATED_FORM)

    async def teams(self, actor: str, route: Route, tenant: str, query: str) -> FoundTeams | NotNow:
        """Return the teams that match of a tenant of the route."""
        try:
            return await self._services.catalogue.search_teams(tenant, query)
        except TinesError as error:
            return await self._not_now(actor, NotNow(problem=error.problem()), route)

    async def stories(self, actor: str, route: Route, team: int | None, query: str) -> FoundStories | Refused | NotNow:
        """Return the stories that match of a team of the route's source; None: no team is chosen yet."""
        if team is None:
            return await self._refused(actor, "Choose the source team first.", route)
        try:
            return await self._services.catalogue.search_stories(route.source, team, query)
        except TinesError as error:
            return await self._not_now(actor, NotNow(problem=error.problem()), route)

    async def synced_stories(
        self, actor: str, route: Route, destination_id: int | None, *, budget: float
    ) -> tuple[StoryStatus, ...] | Refused | NotNow:
        """Return the stories of a sync destination of the route; Tines must answer within `budget` seconds."""
        try:
            async with asyncio.timeout(budget):
                found = await chosen(self._services.executor.access(route), destination_id)
        except TimeoutError:
            return await self._refused(actor, "Tines is slow to answer. Type again.", route)
        except TinesError as error:
            return await self._not_now(actor, NotNow(problem=error.problem()), route)
        if isinstance(found, Wrong):
            return await self._refused(actor, next(iter(found.fields.values())), route)
        return found[0].statuses()

    async def _not_now(self, actor: str, answer: NotNow, route: Route) -> NotNow:
        await self._refused(actor, answer.problem.what, route)
        return answer

    async def _refused(self, actor: str, why: str, route: Route | None = None) -> Refused:
        await self._refusals.refuse(actor, why, what=_WHAT, route=route.name if route is not None else "")
        return Refused(reasons=(why,))
