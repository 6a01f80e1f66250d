"""What is compared for people: each story with its copy on the destination, and what else is known of it.

Whatever cannot be looked at is said, and nothing here keeps anybody from deciding. Copies are found among the stories
of the destination team that have a source's slug or name; only those are exported.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from pydantic import Field

from handlers.comparison import (
    Candidate,
    Counts,
    Pair,
    PairedBy,
    Pointer,
    Status,
    StoryDiff,
    pair_stories,
    totals,
    words_for,
)
from handlers.concurrency import side_by_side
from handlers.models import Frozen, Story
from handlers.preflight.exports import Exported, Version
from handlers.preflight.looking import DESTINATION_SECONDS, Preflight, Subject
from handlers.tines import ChangeRequest, Listing, TinesClient, TinesError, TinesStory

_SOURCE_SECONDS: Final = 15.0  # for a listing of the source tenant
_WAITS: Final = frozenset({"PENDING", "APPROVED", "IN_PROGRESS"})
_PUSHED: Final = "PUSHED"
T = TypeVar("T")


class Sent(Frozen):
    """What was synced last of a story, as far as this product did it."""

    request_id: str  # "" for somebody who may not read it
    at: datetime
    source_hash: str
    automatic: bool  # whether Tines may have synced a later version by itself


class Earlier(Frozen):
    """What earlier requests for the same teams tell of stories, by their ids."""

    sent: Mapping[int, Sent] = Field(default_factory=dict)  # what was synced last
    copies: Mapping[int, int] = Field(default_factory=dict)  # ids of the copies that appeared with a sync


class StoryReport(Frozen):
    """What is known of one story before it is synced."""

    story: Story
    status: Status
    counts: Counts = Counts()
    reason: str | None = None  # why it cannot be compared
    paired_by: PairedBy | None = None
    diff: StoryDiff | None = None  # where it was asked for
    edited_since: Sent | None = None  # the copy is neither what was synced then nor what would be synced now
    remarks: tuple[str, ...] = ()  # such as "disabled"

    @property
    def words(self) -> str:
        """What a sync would do with the copy, and how that was found, in a line for people."""
        paired = f" (copy found by {self.paired_by.words})" if self.paired_by else ""
        return f"{words_for(self.status, self.counts, self.reason)}{paired}"


class Report(Frozen):
    """What is known of the stories of a request before they are synced."""

    stories: tuple[StoryReport, ...] = ()
    remarks: tuple[str, ...] = ()  # what could not be looked at, in sentences
    alike: tuple[int, ...] | None = None  # ids of what has a story's name in the destination team; None: not known

    @property
    def totals(self) -> str:
        """What a sync would do, in a line for people."""
        return totals(self.stories)

    @property
    def edited(self) -> tuple[StoryReport, ...]:
        """The stories whose copies were changed since they were synced."""
        return tuple(each for each in self.stories if each.edited_since is not None)


def whole_text(report: Report, most: int) -> str:
    """Return the whole diffs of a report as one text of at most about `most` characters."""
    parts: list[str] = []
    room = most
    for each in report.stories:
        part = f"# {' '.join(each.story.name.split())}: {' '.join(each.words.split())}\n"
        part += each.diff.unified if each.diff is not None else ""
        if len(part) > room:
            parts.append("# There is more than one file can hold.\n")
            break
        parts.append(part)
        room -= len(part)
    return "\n".join(parts)


class ReportProgress:
    """How far a comparison is."""

    def __init__(self, of: int) -> None:
        self.of = of  # stories
        self._steps = 0
        self._taken = 0

    @property
    def done(self) -> int:
        """How many stories are done, about: fetching a copy and comparing it are one step each."""
        return self.of * self._taken // max(1, self._steps)

    def expect(self, steps: int) -> None:
        """Say how many steps it will be."""
        self._steps = steps

    def step(self) -> None:
        """Count one more step as taken."""
        self._taken += 1


class _Listed:
    """Listings that may be missing, each with a remark why."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    async def of(self, listing: Callable[[], Awaitable[T]], remark: str) -> T | None:
        try:
            return await listing()  # not made before: a stop in between would leave a call that nobody awaits
        except TinesError as error:
            self.remarks.append(f"{remark}: {error.problem().what}.")
            return None


async def report(
    preflight: Preflight,
    clients: Mapping[str, TinesClient],
    aliases: tuple[str, str],
    subject: Subject,
    *,
    ignore: Sequence[Pointer] = (),
    earlier: Earlier,
    progress: ReportProgress,
    whole: Collection[int] | None = None,
) -> Report:
    """Compare stories with their copies; `aliases` are those of the source and the destination tenant.

    `whole`: ids of the stories whose whole diff is wanted; then no others are compared. Raises `TinesError` when a
    source cannot be looked at now.
    """
    source, destination = aliases
    exported = await preflight.sources(source, subject.stories)
    listed = _Listed()
    calls, team = clients[source].with_deadline(_SOURCE_SECONDS), subject.source_team.id
    changes, there = await asyncio.gather(
        listed.of(
            partial(calls.change_requests, team, (*sorted(_WAITS), _PUSHED)),
            f"Whether stories have unpublished changes on {source} cannot be checked",
        ),
        listed.of(
            partial(
                clients[destination].with_deadline(DESTINATION_SECONDS).stories, team_id=subject.destination_team.id
            ),
            f"The stories of {destination} cannot be listed",
        ),
    )
    known = _remarks_by_story(subject.stories, changes)
    wanted = [story for story in subject.stories if whole is None or story.id in whole]
    if there is None:
        reason = f"the stories of {destination} cannot be listed"
        return Report(
            stories=tuple(
                StoryReport(story=story, status=Status.UNKNOWN, reason=reason, remarks=tuple(known.get(story.id, ())))
                for story in wanted
            ),
            remarks=tuple(listed.remarks),
        )
    candidates = _candidates(exported, subject.stories, there, earlier.copies.values())
    progress.expect(len(candidates) + len(wanted))
    copies = await _copies(preflight, destination, candidates, progress)
    pairs = _pairs(subject.stories, exported, copies, earlier.copies)

    async def one(story: Story) -> StoryReport:
        mine, pair = exported[story.id], pairs.get(story.id)
        copy = copies[pair.copy_id][1] if pair else None
        if pair is None and mine.source_hash and _unclear(story, mine, copies, pairs):
            diff: StoryDiff | None = StoryDiff(
                status=Status.UNKNOWN, reason=f"several stories on {destination} may be its copy"
            )
        else:
            diff = await _compared(preflight, mine, copy, pair, ignore, whole=whole is not None)
        if diff is None and copy is not None:
            status, counts = await preflight.exports.counted(mine, copy, ignore)
        else:
            status, counts = (diff.status, diff.counts) if diff else (Status.NEW, Counts())
        progress.step()
        return StoryReport(
            story=story,
            status=status,
            counts=counts,
            reason=diff.reason if diff else None,
            paired_by=pair.by if pair else None,
            diff=diff if whole is not None else None,
            edited_since=_edited_since(earlier.sent.get(story.id), mine, copy),
            remarks=tuple(known.get(story.id, ())),
        )

    compared = await side_by_side(*(one(story) for story in wanted))
    names = {story.name for story in subject.stories}
    alike = tuple(each.id for each in there if each.name in names)
    return Report(stories=tuple(compared), remarks=tuple(listed.remarks), alike=alike)


def _candidates(
    exported: Mapping[int, Exported], stories: Sequence[Story], there: Sequence[TinesStory], remembered: Collection[int]
) -> list[TinesStory]:
    """Return what may be a copy of one of the stories."""
    slugs = {each.slug for each in exported.values() if each.slug}
    names, sources = {story.name for story in stories}, {story.id for story in stories}
    return [
        each
        for each in there
        if (each.id in remembered or each.slug in slugs or each.name in names) and each.id not in sources
    ]


async def _copies(
    preflight: Preflight, tenant: str, candidates: Sequence[TinesStory], progress: ReportProgress
) -> dict[int, tuple[TinesStory, Exported]]:
    """Return what may be a copy with its export, by id."""

    async def one(copy: TinesStory) -> Exported:
        try:
            return await preflight.exports.of(Version(tenant, copy.id, copy.edited_at))
        except TinesError as error:
            return Exported(None, error.problem().what)
        finally:
            progress.step()

    found = await side_by_side(*(one(copy) for copy in candidates))
    return {copy.id: (copy, each) for copy, each in zip(candidates, found, strict=True)}


def _pairs(
    stories: Sequence[Story],
    exported: Mapping[int, Exported],
    copies: Mapping[int, tuple[TinesStory, Exported]],
    remembered: Mapping[int, int],
) -> dict[int, Pair]:
    return pair_stories(
        [
            Candidate(id=story.id, name=story.name, slug=exported[story.id].slug, origin=exported[story.id].origin)
            for story in stories
        ],
        [
            Candidate(id=listed.id, name=listed.name, slug=each.slug or listed.slug or None, origin=each.origin)
            for listed, each in copies.values()
        ],
        remembered,
    )


def _unclear(
    story: Story, source: Exported, copies: Mapping[int, tuple[TinesStory, Exported]], pairs: Mapping[int, Pair]
) -> bool:
    """Whether a story without a copy has stories of its name or slug on the destination: one may be its copy."""
    taken = {pair.copy_id for pair in pairs.values()}
    return any(
        listed.id not in taken and (listed.name == story.name or source.slug in {each.slug or listed.slug} - {None, ""})
        for listed, each in copies.values()
    )


async def _compared(
    preflight: Preflight,
    source: Exported,
    copy: Exported | None,
    pair: Pair | None,
    ignore: Sequence[Pointer],
    *,
    whole: bool,
) -> StoryDiff | None:
    """Return what would change; None where only how much is asked for, and both can be compared."""
    paired_by = pair.by if pair else None
    if source.source_hash is None:
        return StoryDiff(status=Status.UNKNOWN, paired_by=paired_by, reason=f"the source: {source.problem}")
    if copy is None:
        return StoryDiff(status=Status.NEW, source_hash=source.source_hash)
    if copy.source_hash is None:
        return StoryDiff(status=Status.UNKNOWN, paired_by=paired_by, reason=f"the copy: {copy.problem}")
    return await preflight.exports.compare(source, copy, paired_by, ignore) if whole else None


def _edited_since(sent: Sent | None, source: Exported, copy: Exported | None) -> Sent | None:
    """Return what was synced last, where the copy is neither that nor what would be synced now."""
    if sent is None or copy is None or copy.source_hash is None or source.source_hash is None:
        return None
    return None if copy.source_hash in {sent.source_hash, source.source_hash} else sent


def _remarks_by_story(stories: Sequence[Story], changes: Listing[ChangeRequest] | None) -> dict[int, list[str]]:
    """Return what else is to be known of stories, by id, each in a few words."""
    known: dict[int, list[str]] = {}

    def say(story_id: int, words: str) -> None:
        known.setdefault(story_id, []).append(words)

    for story in stories:
        if story.disabled:
            say(story.id, "disabled on the source")
        if story.locked:
            say(story.id, "locked on the source")
    for change in changes or ():
        if change.story_id is not None and change.status.upper() in _WAITS:
            say(change.story_id, "has a change that is not published yet, which is not synced")
        elif change.story_id is not None and change.status.upper() == _PUSHED and change.user_id is not None:
            say(change.story_id, f"published last by user {change.user_id} of Tines")
    return known
