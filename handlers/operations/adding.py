"""Adding stories to a sync destination that is there already, where the route says so (`existing = "add"`).

`story_ids` of an update replaces the whole set, so a stale read would take stories out of the sync. The destination is
therefore shown, the union computed, shown again, and sent only if nobody changed it in between; requests for the same
two teams wait for each other. An update may be sent twice without harm: it says what the set is, not what to add.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from handlers.models import Problem, Request
from handlers.operations.outcomes import Outcomes
from handlers.operations.transience import is_transient
from handlers.routes import Route
from handlers.tines import TinesCalls, TinesError, UnknownOutcomeError

_NOT_FOUND = 404


class Adding:
    """Adds the stories of a request, whose row says that it may have been begun, to an existing destination."""

    def __init__(
        self,
        source: TinesCalls,
        outcomes: Outcomes,
        may_send: Callable[[Request], Awaitable[bool]],
    ) -> None:
        self._source = source  # the tenant's operations
        self._outcomes = outcomes
        self._may_send = may_send  # asked right before the effect; if not, it has said so on the row

    async def add(self, request: Request, route: Route, destination_id: int) -> None:
        """Add what is missing and begin to follow the destination."""
        wanted = frozenset(story.id for story in request.content.stories)
        how = "found"  # every story is in it already
        try:
            found = await self._source.show_destination(destination_id)
            if not wanted <= found.story_ids:
                again = await self._source.show_destination(destination_id)
                if again.story_ids != found.story_ids:
                    await self._outcomes.later(request, timedelta(seconds=5), _in_motion(destination_id), "in_motion")
                    return
                if not await self._may_send(request):
                    return  # whoever goes on with the request begins with a look
                await self._source.update_destination(destination_id, sorted(found.story_ids | wanted))
                found = await self._source.show_destination(destination_id)
                how = "added"
        except UnknownOutcomeError as error:
            await self._outcomes.look_soon(request, error)
        except TinesError as error:
            if is_transient(error):
                await self._outcomes.cannot_look(request, route, error)
            elif error.status == _NOT_FOUND:
                await self._outcomes.start_over(request, route, error)  # somebody deleted it: decide anew
            else:
                await self._outcomes.fail(request, route, error.problem())
        else:
            await self._outcomes.settle(request, route, found, how)


def _in_motion(destination_id: int) -> Problem:
    return Problem(what=f"Somebody else is changing sync destination {destination_id}", advice="This is tried again.")
