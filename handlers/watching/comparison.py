"""What was known of a sync destination, and how it was seen just now → what is known of it now. Pure.

Nothing is told here: a status that changed and changed back is two changes of a row, and whether people hear of them
is decided in `telling`.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from handlers.models import Frozen, StoryStatus, Team
from handlers.watching.known import Health, KnownDestination, KnownStory


class Seen(Frozen):
    """A sync destination as one listing showed it."""

    source: str  # tenant alias
    id: int
    destination: str  # tenant alias
    source_team: Team
    destination_team: Team
    manual: bool | None = None
    stories: tuple[StoryStatus, ...] = ()
    whole: bool = True  # False: some of its stories could not be read

    @property
    def automatic(self) -> bool:
        """Whether Tines syncs by itself; tenants that do not tell know nothing else."""
        return self.manual is not True


class Look(NamedTuple):
    """A sync destination before and after one look. `before` is None for a new one, `after` for one that is gone."""

    before: KnownDestination | None
    after: KnownDestination | None

    @property
    def added(self) -> tuple[KnownStory, ...]:
        """Stories that were not there before; none for a new destination."""
        if self.before is None or self.after is None:
            return ()
        known = {story.story_id for story in self.before.stories}
        return tuple(story for story in self.after.stories if story.story_id not in known)

    @property
    def removed(self) -> tuple[KnownStory, ...]:
        """Stories that are not there any more; none for a destination that is gone."""
        if self.before is None or self.after is None:
            return ()
        there = {story.story_id for story in self.after.stories}
        return tuple(story for story in self.before.stories if story.story_id not in there)

    @property
    def mode_changed(self) -> bool:
        """Whether it syncs at other times than before, where the tenant told both times."""
        if self.before is None or self.after is None or None in {self.before.manual, self.after.manual}:
            return False
        return self.before.manual is not self.after.manual

    @property
    def health_changed(self) -> bool:
        """Whether it is better or worse than before, new or gone."""
        healths = [None if each is None else each.health for each in self]
        return healths[0] is not healths[1]

    @property
    def changed(self) -> bool:
        """Whether anything is known now that was not before."""
        return self.before != self.after


def look(before: KnownDestination | None, seen: Seen, now: datetime, behind_after: timedelta) -> Look:
    """Return what is known of a destination that was seen."""
    known = {} if before is None else {story.story_id: story for story in before.stories}
    stories = _stories(known, seen, now)
    health = health_of(stories, now, behind_after, automatic=seen.automatic)
    if before is None:
        after = KnownDestination(
            source=seen.source,
            id=seen.id,
            destination=seen.destination,
            source_team=seen.source_team,
            destination_team=seen.destination_team,
            manual=seen.manual,
            health=health,
            since=now,
            first_seen=now,
            last_seen=now,
            stories=stories,
        )
        return Look(None, after)
    after = before.model_copy(
        update={
            "destination": seen.destination,
            "source_team": seen.source_team,
            "destination_team": seen.destination_team,
            "manual": before.manual if seen.manual is None else seen.manual,
            "health": health,
            "since": before.since if health is before.health else now,
            "stories": stories,
        }
    )
    return Look(before, before if after == before else after)


def absent(known: Mapping[int, KnownDestination], listed: Collection[int]) -> tuple[int, ...]:
    """Return the ids of destinations that were there before and are not in the listing."""
    return tuple(sorted(known.keys() - set(listed)))


def health_of(stories: Collection[KnownStory], now: datetime, behind_after: timedelta, *, automatic: bool) -> Health:
    """Return how a destination with these stories is as a whole."""
    if any(story.failed for story in stories):
        return Health.FAILED
    if automatic and any(is_behind(story, now, behind_after) for story in stories):
        return Health.BEHIND
    return Health.WAITING if any(story.needs_sync for story in stories) else Health.SYNCED


def is_behind(story: KnownStory, now: datetime, behind_after: timedelta) -> bool:
    """Whether a story of an automatic destination has needed a sync for too long."""
    return story.needs_sync and now - story.since >= behind_after


def _stories(known: Mapping[int, KnownStory], seen: Seen, now: datetime) -> tuple[KnownStory, ...]:
    """Return the stories of a destination, by id; a status that is as before keeps its age.

    Where not all could be read, those that are missing may be there: they stay as they were.
    """
    found = {}
    for status in seen.stories:
        before = known.get(status.story_id)
        same = before is not None and before.word == status.word
        if before is not None and same and (before.name, before.error) == (status.name, status.error):
            found[status.story_id] = before
            continue
        found[status.story_id] = KnownStory(
            story_id=status.story_id,
            name=status.name or ("" if before is None else before.name),
            status=status.status,
            error=status.error,
            since=before.since if same and before is not None else now,
        )
    if not seen.whole:
        found = {**known, **found}
    return tuple(found[story_id] for story_id in sorted(found))
