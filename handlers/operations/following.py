"""Following the stories of a sync destination: what each sync came to, shared by the operations that start syncs.

No webhook tells of a failed sync, so the destination is shown again and again. Only "synced" and "failed" end that; a
status that a newer Tines made up may still change, so it is followed until the time is over and shown in Tines's words.
"""

from collections.abc import Iterable

from handlers.models import NOT_LISTED, Frozen, Problem, State, Story, StoryStatus
from handlers.operations.outcomes import Happening
from handlers.tines import SyncDestination


class ExistingDestination(Frozen):
    """A sync destination for the same two teams that is there already."""

    id: int
    story_names: tuple[str, ...] = ()
    story_ids: tuple[int, ...] = ()
    manual: bool = False
    url: str = ""  # as Tines writes it, where that is not how the tenant is configured


class SyncResult(Frozen):
    """The sync destination that a request made or changed, and the status of each of the request's stories."""

    v: int = 1
    destination_id: int
    how: str = "created"  # or "added", "found" (every story was there), "adopted" (found after an unknown outcome)
    statuses: tuple[StoryStatus, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether no status will change by waiting."""
        return all(status.settled for status in self.statuses)


def statuses_of(found: SyncDestination, stories: Iterable[Story]) -> tuple[StoryStatus, ...]:
    """Return one status for each story asked for, named as asked where Tines gives no name.

    A destination may hold other stories, which are not this request's to report.
    """
    names = {story.id: story.name for story in stories}
    listed = {status.story_id: status for status in found.statuses() if status.story_id in names}
    told = tuple(
        status if status.name else status.model_copy(update={"name": names[status.story_id]})
        for status in listed.values()
    )
    missing = tuple(
        StoryStatus(story_id=story_id, name=name, status=NOT_LISTED)
        for story_id, name in names.items()
        if story_id not in listed
    )
    return told + missing


def status_events(before: Iterable[StoryStatus], now: Iterable[StoryStatus]) -> tuple[Happening, ...]:
    """Return each status that was not seen before, for the audit record."""
    known = {status.story_id: status for status in before}
    return tuple(
        Happening(kind="status", data={"story_id": each.story_id, "status": each.status, "error": each.error})
        for each in now
        if known.get(each.story_id) != each
    )


def ending(statuses: tuple[StoryStatus, ...], problem: Problem | None, *, manual: bool) -> State:
    """Return the final state that the statuses add up to.

    Where syncs are started by hand, stories that need a sync are as they should be: the request is done, and whoever
    shows it says that nothing is synced yet.
    """
    if statuses and all(status.failed for status in statuses):
        return State.FAILED
    if not statuses or problem is not None:
        return State.PARTIAL
    done = all(status.synced or (manual and status.needs_sync) for status in statuses)
    return State.SUCCEEDED if done else State.PARTIAL
