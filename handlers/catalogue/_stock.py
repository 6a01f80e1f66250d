"""What is known of a tenant at one moment: its teams, and the stories of each team, indexed.

Stories are kept in columns and not as objects: 50,000 of them as models would take a hundred megabytes, and a search
hands out 99. Building takes its time in small steps, so that nobody's click waits for it.
"""

import asyncio
import hashlib
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import Final

from handlers.catalogue._index import TextIndex, fold
from handlers.models import Frozen, Story, Team
from handlers.tines import TinesStory

_STEP: Final = 250  # stories indexed before others get their turn: a few milliseconds
_KEY_LENGTH: Final = 20  # 80 bits: among a tenant's tags no two will ever share a key


class TagCount(Frozen):
    """A tag, and on how many stories of the team that can be synced it stands."""

    tag: str
    count: int
    key: str  # see `tag_key`


def tag_key(tag: str) -> str:
    """Return a short name for a tag: the same for ever, and 20 characters long however long the tag is.

    Tags may be longer than the 75 characters that Slack allows in the value of an option.
    """
    return hashlib.sha256(tag.encode()).hexdigest()[:_KEY_LENGTH]


class Rows:
    """Stories on their way into the index.

    In columns of plain values, which Python's garbage collector has no reason to walk through: 50,000 objects more would
    make it stop everything for a tenth of a second, again and again.
    """

    def __init__(self) -> None:
        self.team_ids: list[int | None] = []
        self.ids: list[int] = []
        self.names: list[str] = []
        self.tags: list[tuple[str, ...]] = []
        self.edited: list[datetime | None] = []
        self.ranks: list[float] = []  # smaller is later edited
        self._tag_sets: dict[tuple[str, ...], tuple[str, ...]] = {}  # equal sets of tags are kept once

    def add(self, story: TinesStory, team_id: int | None = None) -> None:
        """Keep what is needed of a listed story. `team_id` is that of a listing of one team."""
        self.team_ids.append(story.team_id if team_id is None else team_id)
        self.ids.append(story.id)
        self.names.append(story.name)
        self.tags.append(self._tag_sets.setdefault(story.tags, story.tags))
        self.edited.append(story.edited_at)
        self.ranks.append(-story.edited_at.timestamp() if story.edited_at else inf)


class TeamList:
    """The stories of one team that can be synced, the latest edited first: to be picked from, not to be searched."""

    __slots__ = ("_edited", "_ids", "_names", "_positions", "_tagged", "_tags")

    def __init__(self) -> None:
        self._ids: array[int] = array("q")
        self._names: list[str] = []
        self._tags: list[tuple[str, ...]] = []
        self._edited: list[datetime | None] = []
        self._positions: dict[int, int] = {}
        self._tagged: dict[str, array[int]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    async def fill(self, rows: Rows, numbers: Iterable[int]) -> None:
        """Take the rows with these numbers, once."""
        ordered = sorted(numbers, key=rows.ids.__getitem__)  # pages come in any order
        await asyncio.sleep(0)
        ordered.sort(key=rows.ranks.__getitem__)
        for number in ordered:
            if len(self._ids) % _STEP == 0:
                await asyncio.sleep(0)
            story_id = rows.ids[number]
            if story_id in self._positions:
                continue  # pages shift while they are listed
            position = len(self._ids)
            self._positions[story_id] = position
            self._ids.append(story_id)
            self._names.append(rows.names[number])
            self._tags.append(rows.tags[number])
            self._edited.append(rows.edited[number])
            for tag in dict.fromkeys(rows.tags[number]):
                self._tagged.setdefault(tag, array("I")).append(position)

    def pick(self, *, everything: bool, tag_keys: Collection[str], ids: Collection[int]) -> tuple[Story, ...]:
        """Return the union of what is named, each once, by name; ids that are not here are left out."""
        if everything:
            return _by_name(map(self._story, range(len(self))))
        keys = frozenset(tag_keys)
        positions = {self._positions[story_id] for story_id in ids if story_id in self._positions}
        for tag, tagged in self._tagged.items():
            if keys and tag_key(tag) in keys:
                positions.update(tagged)
        return _by_name(map(self._story, positions))

    def _story(self, position: int) -> Story:
        return Story(
            id=self._ids[position],
            name=self._names[position],
            tags=self._tags[position],
            edited_at=self._edited[position],
        )


class TeamStories(TeamList):
    """The stories of one team that can be synced, to be searched as well."""

    __slots__ = ("_index",)

    def __init__(self) -> None:
        super().__init__()
        self._index = TextIndex()

    async def fill(self, rows: Rows, numbers: Iterable[int]) -> None:
        """Take the rows with these numbers, once, and index them."""
        await super().fill(rows, numbers)
        for position, story_id in enumerate(self._ids):
            if position % _STEP == 0:
                await asyncio.sleep(0)
            self._index.add(self._names[position], self._tags[position], story_id)

    def search(self, query: str, limit: int) -> tuple[tuple[Story, ...], int]:
        """Return the best matches by name, tag or id, best first, and how many there are.

        An id typed in full comes first.
        """
        positions, total = self._index.search(query, limit)
        exact = self._positions.get(int(query)) if _is_id(query) else None
        if exact is not None:
            positions = [exact, *(position for position in positions if position != exact)][:limit]
        return tuple(map(self._story, positions)), total

    def tags(self, query: str, limit: int) -> tuple[TagCount, ...]:
        """Return the tags that match, those that begin with the query first, then by number of stories."""
        wanted = fold(query.strip())
        if query.strip() and not wanted:
            return ()  # an accent alone is not everything
        found = [(tag, folded) for tag in self._tagged if wanted in (folded := fold(tag))]
        found.sort(key=lambda item: (not item[1].startswith(wanted), -len(self._tagged[item[0]]), item[1]))
        return tuple(TagCount(tag=tag, count=len(self._tagged[tag]), key=tag_key(tag)) for tag, _ in found[:limit])


class Stories:
    """The stories of a tenant that can be synced, by team."""

    __slots__ = ("_teams",)

    def __init__(self, teams: Mapping[int, TeamStories]) -> None:
        self._teams = teams

    @classmethod
    async def build(cls, rows: Rows) -> "Stories":
        """Index the rows in small steps, other work going on in between."""
        by_team: dict[int, list[int]] = {}
        for number, team_id in enumerate(rows.team_ids):
            if team_id is not None:
                by_team.setdefault(team_id, []).append(number)
        teams: dict[int, TeamStories] = {}
        for team_id, numbers in by_team.items():
            teams[team_id] = TeamStories()
            await teams[team_id].fill(rows, numbers)
        return cls(teams)

    @property
    def empty(self) -> bool:
        """Whether no team has a story that can be synced."""
        return not self._teams

    def of(self, team_id: int) -> TeamStories:
        """Return the stories of a team; none when it has none that can be synced."""
        return self._teams.get(team_id) or TeamStories()


class Teams:
    """The teams of a tenant, by name."""

    __slots__ = ("_index", "_teams", "by_id")

    def __init__(self, teams: Iterable[Team]) -> None:
        self._teams: Sequence[Team] = sorted(teams, key=lambda team: (fold(team.name), team.id))
        self._index = TextIndex()
        for team in self._teams:
            self._index.add(team.name, number=team.id)
        self.by_id: Mapping[int, Team] = {team.id: team for team in self._teams}

    def search(self, query: str, limit: int) -> tuple[tuple[Team, ...], int]:
        """Return the best matches by name or id, best first, and how many there are."""
        positions, total = self._index.search(query, limit)
        found = [self._teams[position] for position in positions]
        exact = self.by_id.get(int(query)) if _is_id(query) else None
        if exact is not None:
            found = [exact, *(team for team in found if team != exact)][:limit]
        return tuple(found), total


def _by_name(stories: Iterable[Story]) -> tuple[Story, ...]:
    return tuple(sorted(stories, key=lambda story: (fold(story.name), story.id)))


def _is_id(query: str) -> bool:
    bare = query.strip()
    return bare.isascii() and bare.isdecimal() and len(bare) <= 18  # noqa: PLR2004 (what fits into 64 bits)
