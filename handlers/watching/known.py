"""What is known of sync destinations from looking at them again and again: the rows of the store, as values."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from handlers.models import Frozen, Problem, StoryStatus, Team


class Health(StrEnum):
    """How a sync destination is as a whole."""

    FAILED = "failed"  # the latest sync of a story failed
    BEHIND = "behind"  # a story has needed a sync for too long
    WAITING = "waiting"  # a story needs a sync
    SYNCED = "synced"  # neither


WORST_FIRST: Final = (Health.FAILED, Health.BEHIND, Health.WAITING, Health.SYNCED)


class KnownStory(StoryStatus):
    """One story of a sync destination, as it was last seen."""

    since: datetime  # when this status was first seen


class StoryFault(Frozen):
    """What a message says of one story that failed or is behind."""

    story_id: int
    name: str
    error: str = ""  # what Tines says
    since: datetime
    until: datetime | None = None  # when it was seen to be over
    removed: bool = False  # it ended as the story is no longer in the destination


class Report(Frozen):
    """What one message tells of a sync destination."""

    source: str  # tenant alias
    destination: str  # tenant alias
    id: int
    route: str
    source_team: str
    destination_team: str
    at: datetime  # when it was seen
    manual: bool = False
    new: bool = False  # nobody asked for it here
    deleted: bool = False
    mode_changed: bool = False  # `manual` is the new mode
    added: tuple[str, ...] = ()  # names of stories
    removed: tuple[str, ...] = ()
    failed: tuple[StoryFault, ...] = ()
    behind: tuple[StoryFault, ...] = ()
    more: int = 0  # stories that failed or are behind, besides those
    more_added: int = 0
    more_removed: int = 0
    changes: int = 1  # that this message tells of: more than one when they came in quick succession
    recovered_at: datetime | None = None  # when no story had failed or was behind any more


class StandingMessage(Frozen):
    """A message that was ordered and may still have to be corrected."""

    keys: tuple[str, ...]  # of its announcements
    report: Report


class Told(Frozen):
    """What people were told of a sync destination."""

    v: int = 1
    failed: tuple[int, ...] = ()  # ids of stories
    behind: tuple[int, ...] = ()
    standing: tuple[StandingMessage, ...] = ()  # oldest first
    changed: tuple[datetime, ...] = ()  # when something was told, or over, within the last hour


class KnownDestination(Frozen):
    """A sync destination as it was last seen."""

    source: str  # alias of the tenant that lists it
    id: int
    destination: str  # alias of the tenant that it leads to
    source_team: Team
    destination_team: Team
    manual: bool | None = None  # None: the tenant does not tell
    health: Health
    since: datetime  # when this health was first seen
    first_seen: datetime
    last_seen: datetime
    created_by: str | None = None  # the request that made it, where one did
    muted_until: datetime | None = None
    muted_by: str = ""
    mute_reason: str = ""
    told: Told = Told()
    stories: tuple[KnownStory, ...] = ()  # empty where only the destination was asked for

    def muted(self, now: datetime) -> bool:
        """Whether nothing new is told of it at a moment."""
        return self.muted_until is not None and now < self.muted_until


class KnownTenant(Frozen):
    """How watching a source tenant goes."""

    tenant: str  # alias
    origin: str
    next_run_at: datetime | None = None
    rounds: int = 0  # that were written down
    looked_at: datetime | None = None  # when the latest good round began; None: there was none
    failing_since: datetime | None = None
    problem: Problem | None = None
    told: tuple[str, ...] = ()  # keys of the messages that say that it fails
    unreadable: int = 0  # records of the latest good round that could not be read
