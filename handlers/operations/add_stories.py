"""Adding stories to a sync destination that is there already.

`story_ids` of an update replaces the whole set, so a stale read would take somebody else's stories out of the sync. The
destination is therefore looked at immediately before the update, the union is sent only if nobody changed the set
between two looks, and an update is never sent again without a new look.
"""

from datetime import timedelta
from typing import Final

from handlers.models import Problem, Story
from handlers.operations.following import SyncResult, status_events, statuses_of
from handlers.operations.outcomes import Happening, HeldUp, NotSent, Refused, Sent, Started, StartOver, Unknown
from handlers.operations.protocol import Access
from handlers.operations.transience import asked_to_wait, is_transient
from handlers.tines import SyncDestination, TinesError, UnknownOutcomeError

_NOT_FOUND: Final = 404
_SOON: Final = timedelta(seconds=5)


async def add_to(
    access: Access,
    destination_id: int,
    stories: tuple[Story, ...],
    follow_for: timedelta,
    *,
    present: frozenset[int] | None = None,
) -> Sent:
    """Add what is missing to a destination. `present`: the stories that people were told are in it."""
    wanted = frozenset(story.id for story in stories)
    try:
        found = after = await access.source.show_destination(destination_id)
        if not wanted <= found.story_ids:
            again = await access.source.show_destination(destination_id)
            if again.story_ids != found.story_ids:
                return NotSent(problem=_in_motion(destination_id), at_least=_SOON)
            if not await access.still_may_send():
                return HeldUp()
            after = await access.source.update_destination(destination_id, story_ids=sorted(found.story_ids | wanted))
    except UnknownOutcomeError as error:
        return Unknown(problem=error.problem())
    except TinesError as error:
        if is_transient(error):
            return NotSent(problem=error.problem(), at_least=asked_to_wait(error))
        if error.status == _NOT_FOUND:
            return StartOver(problem=error.problem())  # somebody deleted it: decide anew
        return Refused(problem=error.problem())
    changed = () if present is None or found.story_ids == present else (_changed_in_between(destination_id),)
    how = "found" if wanted <= found.story_ids else "added"
    return _started(after, stories, how, follow_for, notes=changed)


def _started(
    found: SyncDestination,
    stories: tuple[Story, ...],
    how: str,
    follow_for: timedelta,
    *,
    notes: tuple[Happening, ...] = (),
) -> Started:
    statuses = statuses_of(found, stories)
    result = SyncResult(destination_id=found.id, how=how, statuses=statuses)
    return Started(
        result=result,
        follow_for=follow_for,
        settled=result.settled,
        events=(Happening(kind=how, data={"destination_id": found.id}), *status_events((), statuses)),
        notes=notes,
    )


def _in_motion(destination_id: int) -> Problem:
    return Problem(what=f"Somebody else is changing sync destination {destination_id}", advice="This is tried again.")


def _changed_in_between(destination_id: int) -> Happening:
    return Happening(kind="changed_in_between", data={"destination_id": destination_id})
