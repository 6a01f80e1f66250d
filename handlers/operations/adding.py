"""Adding stories to a sync destination that is there already, where the route says so (`existing = "add"`).

`story_ids` of an update replaces the whole set, so a stale read would take stories out of the sync. The destination is
therefore shown, the union computed, shown again, and sent only if nobody changed it in between. An update may be sent
twice without harm: it says what the set is, not what to add.
"""

from collections.abc import Mapping
from datetime import timedelta

from handlers.models import Problem, State, SyncRequest
from handlers.operations.outcomes import Outcomes
from handlers.routes import Route
from handlers.store import SYSTEM, Store
from handlers.tines import RefusedError, SyncDestination, TinesClient, TinesError


class Adding:
    """Adds a request's stories to an existing destination."""

    def __init__(self, store: Store, clients: Mapping[str, TinesClient], outcomes: Outcomes) -> None:
        self._store = store
        self._clients = clients
        self._outcomes = outcomes

    async def add(self, request: SyncRequest, route: Route, existing: SyncDestination) -> None:
        """Add the stories and begin to follow the destination."""
        client = self._clients[request.content.source]
        wanted = frozenset(story.id for story in request.content.stories)
        try:
            before = await client.show_destination(existing.id)
            if not wanted <= before.story_ids:
                again = await client.show_destination(existing.id)
                if again.story_ids != before.story_ids:
                    problem = Problem(
                        what=f"Somebody else is changing sync destination {existing.id}", advice="This is tried again."
                    )
                    await self._outcomes.later(request, timedelta(seconds=5), problem, None)
                    return
                if not await self._note(request, existing.id, sorted(before.story_ids)):
                    return
                await client.update_destination(existing.id, sorted(before.story_ids | wanted))
            found = await client.show_destination(existing.id)
        except RefusedError as error:
            await self._outcomes.fail(request, route, error.problem())
        except TinesError as error:
            # an update whose outcome is not known is looked at again by the next try, which starts with a show
            await self._outcomes.try_later(request, route, error)
        else:
            await self._outcomes.settle(request, route, found, "added")

    async def _note(self, request: SyncRequest, destination_id: int, before: list[int]) -> bool:
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            if held is None or held.state is not State.APPROVED:
                return False
            transaction.record("adding", SYSTEM, request.id, destination_id=destination_id, story_ids_before=before)
            return True
