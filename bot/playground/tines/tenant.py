"""Local Tines tenants: what each holds, who may see it, what its people do to it outside the API, and one time for all.

Pure state, no HTTP: `app.py` puts the API in front of it and `syncing.py` moves stories between two of these. Nothing
sleeps or runs in the background. What happens later (a sync, a late create) waits on a schedule that is caught up with
whenever a tenant is looked at, so a test steps through an hour in no time and a crash leaves no task.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import urlsplit

from bot.playground.tines.calls import CallLog
from bot.playground.tines.exports import actions_of, edited
from bot.playground.tines.faults import Faults
from bot.playground.tines.records import (
    ChangeRequest,
    Copy,
    Destination,
    Key,
    Right,
    Shared,
    StoryRow,
    TeamRow,
)
from bot.playground.tines.switches import Switches
from bot.playground.tines.wire import RefusalError

_STORIES_AFTER = 9000
_DESTINATIONS_AFTER = 20
_MINUTE = timedelta(minutes=1)


class LocalTines:
    """A tenant. Its rows may be read freely; change them through the methods."""

    def __init__(
        self,
        name: str,
        world: "World",
        switches: Switches | None = None,
        *,
        faults: Faults | None = None,
        first_id: int = 1,  # different for each tenant, so that an id of one never fits the other by chance
    ) -> None:
        self.name = name
        self.world = world
        self.switches = switches or Switches()
        self.faults = faults or Faults()
        self.calls = CallLog()
        self.keys: dict[str, Key] = {}  # by secret
        self.teams: dict[int, TeamRow] = {}
        self.stories: dict[int, StoryRow] = {}
        self.credentials: list[Shared] = []
        self.resources: list[Shared] = []
        self.destinations: dict[int, Destination] = {}
        self.copies: list[Copy] = []  # stories that syncs brought here
        self.change_requests: list[ChangeRequest] = []  # oldest first
        self.failing: dict[int, str] = {}  # story id → the message that its sync fails with
        self.ids = count(first_id)
        self.story_ids = count(first_id + _STORIES_AFTER)
        self.destination_ids = count(first_id + _DESTINATIONS_AFTER)
        self._windows: dict[str, tuple[datetime, int]] = {}  # calls of each key in its present minute

    def __repr__(self) -> str:
        return f"LocalTines({self.name!r})"

    @property
    def url(self) -> str:
        """The origin it lives at; empty until it was registered with its world."""
        return self.world.url_of(self)

    def advance(self, seconds: float) -> None:
        """Let time pass, for this tenant and all others of its world."""
        self.world.advance(seconds)

    # Keys

    def add_key(self, secret: str, right: Right = Right.OWNER, name: str = "", *, personal: bool = False) -> Key:
        """Give out an API key."""
        self.keys[secret] = Key(name or f"{self.name} {right}", secret, right, personal=personal)
        return self.keys[secret]

    def revoke(self, secret: str) -> None:
        """Make a key worthless, for calls and for publishing."""
        self.keys[secret].revoked = True

    def restore(self, secret: str) -> None:
        """Make a revoked key work again."""
        self.keys[secret].revoked = False

    def authenticate(self, secret: str) -> Key:
        """Return the key that a caller brought. Raises `RefusalError` 401 or 429."""
        key = self.keys.get(secret)
        if key is None or key.revoked:
            raise RefusalError(401, "Invalid API key")
        limit, now = self.switches.rate_limit, self.world.now()
        since, calls = self._windows.get(secret, (now, 0))
        if now - since >= _MINUTE:
            since, calls = now, 0
        if limit is not None and calls >= limit:
            raise RefusalError(429, "Too Many Requests")
        self._windows[secret] = (since, calls + 1)
        return key

    # What it holds

    def add_team(self, name: str) -> TeamRow:
        """Found a team."""
        team = TeamRow(next(self.ids), name)
        self.teams[team.id] = team
        return team

    def add_story(self, team_id: int, name: str, *, edited_at: datetime | None = None, **fields: object) -> StoryRow:
        """Write a story; further fields as in `StoryRow`."""
        edited = edited_at or self.world.now()
        story = StoryRow(next(self.story_ids), name, team_id, created_at=edited, edited_at=edited)
        return self.put_story(replace(story, **fields))  # type: ignore[arg-type]  # a wrong name fails in replace

    def put_story(self, story: StoryRow) -> StoryRow:
        """Take a story as it is, with an id that nobody else has."""
        self.stories[story.id] = story
        return story

    def add_credential(self, team_id: int, slug: str, *, everywhere: bool = False) -> Shared:
        """Store a credential."""
        row = Shared(next(self.ids), slug.replace("_", " ").title(), slug, team_id, everywhere)
        self.credentials.append(row)
        return row

    def remove_credential(self, slug: str) -> None:
        """Remove a credential, from every team that has one of that slug; none is no error."""
        self.credentials = [row for row in self.credentials if row.slug != slug]

    def add_resource(self, team_id: int, slug: str, value: str, *, everywhere: bool = False) -> Shared:
        """Store a resource."""
        row = Shared(next(self.ids), slug.replace("_", " ").title(), slug, team_id, everywhere, value)
        self.resources.append(row)
        return row

    def readable_credentials(self, team_id: int) -> set[str]:
        """Return the slugs of the credentials that a team's stories can use."""
        return {row.slug for row in readable(self.credentials, team_id)}

    # What its people do to stories

    def edit_story(self, story_id: int, *, name: str | None = None, tags: tuple[str, ...] | None = None) -> None:
        """Change a story; it becomes a newer version in any case."""
        story = self.stories[story_id]
        story.name = story.name if name is None else name
        story.tags = story.tags if tags is None else tags
        story.edited_at = self.world.now()

    def edit_action(self, story_id: int, name: str = "", **options: object) -> None:
        """Set options of one of a story's actions, by default the second one; it becomes a newer version.

        Raises `KeyError` when it has no such action.
        """
        story = self.stories[story_id]
        story.content = edited(story, name or actions_of(story)[1].name, **options)
        story.edited_at = self.world.now()

    def hold_change(self, story_id: int, user_id: int = 1) -> ChangeRequest:
        """Ask for the review of a change that is not live yet."""
        row = ChangeRequest(next(self.ids), self.stories[story_id].id, user_id, self.world.now())
        self.change_requests.append(row)
        return row

    def close_change(self, request_id: int, status: str = "PUSHED") -> None:
        """Review a change, or say that it was pushed; `publish_story` does what a push means for syncs."""
        next(row for row in self.change_requests if row.id == request_id).status = status

    def delete_story(self, story_id: int) -> None:
        """Delete a story."""
        del self.stories[story_id]
        self.change_requests = [row for row in self.change_requests if row.story_id != story_id]

    def set_change_control(self, story_id: int, *, enabled: bool) -> None:
        """Switch change control on or off for a story."""
        self.stories[story_id].change_control = enabled

    def fail_story(self, story_id: int, message: str) -> None:
        """Let every sync of a story fail with a message."""
        self.failing[story_id] = message

    def heal_story(self, story_id: int) -> None:
        """Let the syncs of a story work again."""
        self.failing.pop(story_id, None)


def readable(rows: Iterable[Shared], team_id: int) -> list[Shared]:
    """Return the credentials or resources that a team can read."""
    return [row for row in rows if row.everywhere or row.team_id == team_id]


def _system_clock() -> datetime:
    return datetime.now(UTC)


class World:
    """Maps origins to local tenants and keeps their common time."""

    def __init__(self, clock: Callable[[], datetime] = _system_clock) -> None:
        self._clock = clock
        self._ahead = timedelta()
        self._schedule: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._tenants: dict[str, LocalTines] = {}

    def now(self) -> datetime:
        """Return the clock's time and what was advanced."""
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass, and everything happen that falls into it."""
        self._ahead += timedelta(seconds=seconds)
        self.settle()

    def schedule(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later; with 0 seconds, now."""
        heapq.heappush(self._schedule, (self.now() + timedelta(seconds=seconds), next(self._order), action))
        self.settle()

    def settle(self) -> None:
        """Do everything that is due, in order."""
        while self._schedule and self._schedule[0][0] <= self.now():
            heapq.heappop(self._schedule)[2]()

    @property
    def waiting(self) -> int:
        """How many things are still to happen."""
        return len(self._schedule)

    def settle_all(self) -> None:
        """Let as much time pass as everything scheduled needs."""
        while self._schedule:
            self.advance(max(0.0, (self._schedule[0][0] - self.now()).total_seconds()))

    def register(self, url: str, tines: LocalTines) -> None:
        """Let a tenant live at an origin (e.g. "http://127.0.0.1:8001"); a tenant may have several."""
        self._tenants[origin(url)] = tines

    def at(self, url: str) -> LocalTines | None:
        """Return the tenant that lives at the URL's origin."""
        return self._tenants.get(origin(url))

    def url_of(self, tines: LocalTines) -> str:
        """Return the origin that a tenant was last registered at; empty when it lives nowhere yet."""
        return next((url for url, other in reversed(self._tenants.items()) if other is tines), "")

    def secrets(self) -> Iterator[str]:
        """Return the secret of every key of every tenant, to mask them."""
        for tines in set(self._tenants.values()):
            yield from tines.keys


def origin(url: str) -> str:
    """Reduce a URL to scheme, host and port, as tenants are compared."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
