"""Looks at one sync destination, one after the other, without a database."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from handlers.models import StoryStatus, Team
from handlers.watching.comparison import Look, Seen, look
from handlers.watching.known import KnownDestination, Report
from handlers.watching.telling import Own, Telling, posted, tell

NIGHT: Final = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
EVERY: Final = timedelta(minutes=10)
BEHIND_AFTER: Final = timedelta(hours=1)
NOBODY: Final = Own()


def seen(*statuses: str, manual: bool | None = False, whole: bool = True, first_id: int = 1) -> Seen:
    """Return a destination as a listing shows it: one story for each status."""
    return Seen(
        source="dev",
        id=24,
        destination="prod",
        source_team=Team(id=7, name="SecOps"),
        destination_team=Team(id=42, name="SecOps Production"),
        manual=manual,
        stories=tuple(
            StoryStatus(
                story_id=number, name=f"Story {number}", status=status, error="no" if status == "failed" else None
            )
            for number, status in enumerate(statuses, first_id)
        ),
        whole=whole,
    )


@dataclass
class Eyes:
    """Somebody who looks, remembers, and keeps every message as it stands."""

    now: datetime = NIGHT
    known: KnownDestination | None = None
    messages: dict[str, Report] = field(default_factory=dict)  # as they stand, oldest first

    def looks(
        self,
        what: Seen | None,
        *,
        own: Own = NOBODY,
        after: timedelta = EVERY,
        first: bool = False,
        created_by: str | None = None,
    ) -> Telling:
        """Look after a while, and keep what is told. None: the destination is not there any more."""
        self.now += after
        each = Look(self.known, None) if what is None else look(self.known, what, self.now, BEHIND_AFTER)
        if created_by is not None and each.after is not None:
            each = Look(each.before, each.after.model_copy(update={"created_by": created_by}))
        telling = tell(each, own, "dev-to-prod", self.now, BEHIND_AFTER, first=first)
        for standing in telling.revised:
            self.messages[standing.keys[0]] = standing.report
        keys: tuple[str, ...] = ()
        if telling.post is not None:
            keys = (f"message {len(self.messages) + 1}",)
            self.messages[keys[0]] = telling.post
        self.known = None if each.after is None else each.after.model_copy(update={"told": posted(telling, keys)})
        self.restarts()
        return telling

    def restarts(self) -> None:
        """Forget everything but the row."""
        if self.known is not None:
            self.known = KnownDestination.model_validate_json(self.known.model_dump_json())

    def mutes(self, lasts: timedelta) -> None:
        """Mute the destination."""
        assert self.known is not None
        self.known = self.known.model_copy(update={"muted_until": self.now + lasts})

    @property
    def last(self) -> Report:
        """The latest message as it stands."""
        return list(self.messages.values())[-1]


def watching(*statuses: str, manual: bool | None = False) -> Eyes:
    """Return somebody who knows a destination since the first look at its tenant."""
    eyes = Eyes()
    eyes.looks(seen(*statuses, manual=manual), first=True)
    return eyes
