"""What is looked up of the sources before a sync, for the review, at an approval, and right before every send.

The hash of each story's normalised source is what an approval covers: positions and guids may move, and nobody is asked
again. What the destination lacks is a warning, or with `preflight = "strict"` a question to the approvers. A destination
that does not tell what it has never keeps anything from being sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import Field

from handlers.comparison import Destination, Gap, Gaps, Kind, References, Shared, missing
from handlers.concurrency import side_by_side
from handlers.models import Facts, Frozen, Story, Team
from handlers.preflight.exports import Exported, Exports, Version
from handlers.tines import Kind as ErrorKind
from handlers.tines import Listing, TinesCalls, TinesClient, TinesError

DESTINATION_SECONDS: Final = 5.0  # for what the destination has; after that it is not known
_BETWEEN: Final = timedelta(seconds=1)  # between two comparisons, each of which takes some six calls
_AT_ONCE: Final = 8  # comparisons that may begin after a pause
_STEP: Final = 0.125  # seconds between those
_LATEST: Final = timedelta(minutes=5)
_MAY_NOT: Final = frozenset({ErrorKind.KEY, ErrorKind.FORBIDDEN, ErrorKind.MISSING})
_PLURALS: Final[Mapping[Kind, str]] = {
    Kind.CREDENTIAL: "credentials",
    Kind.RESOURCE: "resources",
    Kind.STORY: "stories",
}


class Subject(Frozen):
    """Which stories of which team are synced to which team."""

    source_team: Team
    destination_team: Team
    stories: tuple[Story, ...]  # as the source tenant lists them now


class Sources(Frozen):
    """The sources of some stories, and what the destination lacks for them."""

    hashes: dict[int, str] = Field(
        default_factory=dict
    )  # of each normalised source, by story; none where it cannot be compared
    gaps: Gaps = Gaps()
    fetched: bool = False  # whether some had to be fetched, which may have taken long


class SourceFacts(Facts):
    """What every operation that syncs stories looks up of their sources."""

    hashes: dict[int, str] = Field(
        default_factory=dict
    )  # of each story's normalised source; none for one that cannot be compared
    gaps: Gaps | None = None  # what the destination lacks; None: nobody looked

    def sources_essence(self, stories: Sequence[Story]) -> list[list[object]]:
        """Return what an approval covers of each story: its source, or its version where that cannot be compared."""
        return sorted([story.id, self.hashes.get(story.id, story.version)] for story in stories)


def changed_sources(
    before: SourceFacts | None, then: Sequence[Story], facts: SourceFacts, now: Sequence[Story]
) -> tuple[Story, ...]:
    """Return the stories of now whose source is not what it was before; `then` are the stories as they were.

    Where one of both sources is not known, the versions tell.
    """
    versions, hashes = {story.id: story.version for story in then}, before.hashes if before else {}
    changed = []
    for story in now:
        was, becomes = hashes.get(story.id), facts.hashes.get(story.id)
        same = was == becomes if was and becomes else versions.get(story.id) == story.version
        if not same:
            changed.append(story)
    return tuple(changed)


def newly_missing(before: Facts | None, now: Facts) -> tuple[Gap, ...]:
    """Return what the destination lacks that those who approved were not told of; nothing where nobody looked then."""
    if not isinstance(before, SourceFacts) or not isinstance(now, SourceFacts):
        return ()
    if before.gaps is None or now.gaps is None:
        return ()
    told = before.gaps.references
    return tuple(gap for gap in now.gaps.missing if gap.reference not in told)


class Preflight:
    """Looks at sources and destinations, over `exports`."""

    def __init__(self, clients: Mapping[str, TinesClient], exports: Exports) -> None:
        self._clients = clients
        self._next_turn = datetime.min.replace(tzinfo=UTC)
        self._next_start = 0.0  # on the loop's clock
        self.exports = exports

    def turn(self, now: datetime) -> datetime:
        """Return when the next request that was just asked for may be compared, and count it: now, or a little later.

        Some may begin at once after a pause, and the others at an even pace: however many forms are sent, their
        comparisons leave room below the tenants' rate limits, and the process is there for those who click.
        """
        even = max(self._next_turn + _BETWEEN, now - (_AT_ONCE - 1) * _BETWEEN)
        self._next_turn = min(even, now + _LATEST)  # the clock may be set back
        return max(now, self._next_turn)

    async def evenly(self) -> None:
        """Wait a moment where another comparison has just begun: a sweep finds all that became due within a second."""
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + _STEP
        if start > now:
            await asyncio.sleep(start - now)

    async def look(self, source: str, destination: str, subject: Subject) -> Sources:
        """Return the sources of stories and what the destination lacks, both tenants by alias.

        Raises `TinesError` when a source cannot be looked at now.
        """
        exported, fetched = await self._sources(source, subject.stories)
        return Sources(
            hashes={story_id: each.source_hash for story_id, each in exported.items() if each.source_hash},
            gaps=await self._gaps(destination, subject, exported),
            fetched=fetched,
        )

    async def sources(self, tenant: str, stories: Sequence[Story]) -> dict[int, Exported]:
        """Return the exports of stories by id, fetched side by side. Raises `TinesError`."""
        exported, _ = await self._sources(tenant, stories)
        return exported

    async def _sources(self, tenant: str, stories: Sequence[Story]) -> tuple[dict[int, Exported], bool]:
        versions = [Version(tenant, story.id, story.edited_at) for story in stories]
        known = {version.story_id: self.exports.known(version) for version in versions}
        wanted = [version for version in versions if known[version.story_id] is None]
        fetched = await side_by_side(*(self.exports.of(version) for version in wanted))
        exported = {story_id: each for story_id, each in known.items() if each is not None}
        exported |= {version.story_id: each for version, each in zip(wanted, fetched, strict=True)}
        return exported, bool(wanted)

    async def _gaps(self, destination: str, subject: Subject, exported: Mapping[int, Exported]) -> Gaps:
        references: dict[str, References] = {}
        for story in subject.stories:
            if exported[story.id].source_hash:
                references[story.name] = _both(references.get(story.name), exported[story.id].references)
        kinds = {reference.kind for each in references.values() for reference in each.named}
        client, team = self._clients[destination], subject.destination_team
        asked: dict[Kind, Callable[[TinesCalls], Awaitable[Listing[Any]]]] = {
            Kind.CREDENTIAL: lambda calls: calls.list_user_credentials(team.id),
            Kind.RESOURCE: lambda calls: calls.list_global_resources(team.id),
            Kind.STORY: lambda calls: calls.stories(team_id=team.id),
        }
        lists: dict[Kind, tuple[Shared, ...]] = {}
        because: dict[Kind, str] = {}

        async def ask(kind: Kind) -> None:
            try:
                found = await asked[kind](client.with_deadline(DESTINATION_SECONDS))
            except TinesError as error:
                because[kind] = f"{_PLURALS[kind].capitalize()} cannot be checked: {_why(error, kind, destination)}."
                return
            if found.whole:
                lists[kind] = tuple(Shared.model_validate(each, from_attributes=True) for each in found)
            else:
                because[kind] = f"{_PLURALS[kind].capitalize()} cannot be checked: not all of them could be read."

        await side_by_side(*(ask(kind) for kind in sorted(kinds)))
        there = Destination(
            team_id=team.id,
            team_slugs=(team.name,),
            credentials=lists.get(Kind.CREDENTIAL),
            resources=lists.get(Kind.RESOURCE),
            stories=lists.get(Kind.STORY),
        )
        slugs = {each.slug for each in exported.values() if each.slug}
        unread = tuple(story.name for story in subject.stories if not exported[story.id].source_hash)
        gaps = missing(references, there, synced_too=slugs)
        told = tuple(because[kind] for kind in gaps.unchecked if kind in because)
        return gaps.model_copy(update={"unchecked_because": told, "unread": unread})


def _both(one: References | None, other: References) -> References:
    """Return what two stories of one name refer to."""
    if one is None:
        return other
    return References(
        named=tuple(dict.fromkeys((*one.named, *other.named))),
        unresolved=tuple(dict.fromkeys((*one.unresolved, *other.unresolved))),
    )


def _why(error: TinesError, kind: Kind, tenant: str) -> str:
    if error.kind in _MAY_NOT:
        return f"the key of {tenant} may not list {_PLURALS[kind]}"
    return error.problem().what
