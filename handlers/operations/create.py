"""Creating a sync destination and following its stories: exactly one for each approved request.

Tines has no idempotency key: a create that is sent again makes a second destination. So the ids already there are
committed before the first POST, and whenever it is not known what became of a POST (a timeout, a reset, a crash at any
instruction), the destinations are listed: a new one with the same teams and stories is adopted; only when nothing has
appeared for longer than a call can be under way is the POST sent again. Looking that cannot tell ends with a person.

Each `advance` reads where the request stands, does one piece, and commits it. Nothing is remembered between pieces.
"""

from collections.abc import Mapping

from handlers.catalogue import Catalogue
from handlers.execution.send_window import SendWindow
from handlers.models import Content, Request
from handlers.operations import ExistingDestination, Preview
from handlers.operations.call_journal import CallJournal
from handlers.operations.creating import Creating, Parts, look
from handlers.operations.destinations import of_the_same_teams
from handlers.operations.outcomes import Outcomes
from handlers.operations.schedule import Schedule
from handlers.routes import Topology
from handlers.store import Store
from handlers.tines import TinesClient, TinesError


class CreateDestination:
    """The operation behind `POST /api/v1/admin/sync_destinations`."""

    def __init__(
        self,
        store: Store,
        topology: Topology,
        clients: Mapping[str, TinesClient],
        catalogue: Catalogue,
        *,
        window: SendWindow,
        schedule: Schedule,
    ) -> None:
        self._parts = Parts(store, topology, clients, catalogue, window, schedule)

    async def preview(self, content: Content, journal: CallJournal) -> Preview:
        """Look up the stories and the destinations for the same teams as they are now."""
        try:
            stories, found = await look(self._parts, content, journal)
        except TinesError as error:
            return Preview(stories=content.stories, problem=error.problem())
        return Preview(
            stories=tuple(stories[story.id] for story in content.stories if story.id in stories),
            gone=tuple(story for story in content.stories if story.id not in stories),
            existing=tuple(
                ExistingDestination(
                    id=each.id,
                    story_names=tuple(status.name for status in each.statuses()),
                    manual=bool(each.manual_sync_only),
                )
                for each in of_the_same_teams(found, content, self._parts.topology.tenants[content.destination])
            ),
        )

    async def advance(self, request: Request) -> None:
        """Do the next piece of work for a request."""
        parts, content = self._parts, request.content
        async with CallJournal(parts.store, request.id) as journal:
            outcomes = Outcomes(parts.store.clock, parts.topology.calendar, parts.schedule, journal)
            route = parts.topology.route_for(content)
            if route is None:
                await outcomes.unrouted(request)
            else:
                await Creating(parts, content.source, outcomes, journal).go_on(request, route)
