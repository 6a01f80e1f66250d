"""Following the stories of a sync destination: what each sync came to, shared by the operations that start syncs.

No webhook tells of a failed sync, so the destination is shown again and again. Only "synced" and "failed" end that; a
status that a newer Tines made up may still change, so it is followed until the time is over and shown in Tines's words.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from pydantic import Field

from handlers.models import NOT_LISTED, Frozen, Problem, Request, State, Story, StoryStatus, Team
from handlers.operations.outcomes import Finished, Happening, Progress
from handlers.operations.protocol import Access
from handlers.tines import SyncDestination, TinesError

NOT_FOUND: Final = 404
_LISTED: Final = 10  # sync destinations
_COPIES_SECONDS: Final = 5.0  # for the destination to list its stories; after that no copy is remembered


class ExistingDestination(Frozen):
    """A sync destination for the same two teams that is there already."""

    id: int
    story_names: tuple[str, ...] = ()
    story_ids: tuple[int, ...] = ()
    manual: bool = False
    url: str = ""  # as Tines writes it, where that is not how the tenant is configured


def existing_words(ids: Sequence[int]) -> str:
    """Return "Sync destination 121 for these two teams exists already.", for the ids of one or more."""
    named = ", ".join(map(str, ids[:_LISTED])) + (", …" if len(ids) > _LISTED else "")
    if len(ids) > 1:
        return f"{len(ids):,} sync destinations for these two teams exist already ({named})."
    return f"Sync destination {named} for these two teams exists already."


class SyncResult(Frozen):
    """The sync destination that a request made or changed, and the status of each of the request's stories."""

    v: int = 1
    destination_id: int
    how: str = "created"  # or "added", "found" (every story was there), "adopted" (found after an unknown outcome)
    statuses: tuple[StoryStatus, ...] = ()
    key: str = ""  # fingerprint of the key that was sent with it, where one surely was
    copies: dict[int, int] = Field(
        default_factory=dict
    )  # ids of stories, and of the copies that appeared with the sync

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


async def follow_stories(
    access: Access, stories: tuple[Story, ...], result: SyncResult | None, *, over: bool, manual: bool
) -> Progress | Finished:
    """Look at the statuses of stories, until they have settled or the time for it is over. Raises `TinesError`."""
    if result is None:
        return Finished(state=State.PARTIAL)
    events: tuple[Happening, ...] = ()
    if not (result.statuses and result.settled):
        found = await access.source.show_destination(result.destination_id)
        statuses = statuses_of(found, stories)
        events = status_events(result.statuses, statuses)
        result = result.model_copy(update={"statuses": statuses})
        if not (over or result.settled):
            return Progress(result=result, events=events)
    late = not manual and not result.settled
    remark = "Some stories still needed a sync when tines-sync stopped checking." if late else ""
    return Finished(state=ending(result.statuses, None, manual=manual), result=result, remark=remark, events=events)


async def with_copies(access: Access, request: Request, team: Team, outcome: Finished) -> Finished:
    """Remember which copies appeared with a sync: they stay the stories' own, however they are called later.

    A copy is a story of the destination team that was not there when the request was compared, with the name of one
    story that was synced. Where that is not certain, nothing is remembered.
    """
    result, compared = outcome.result, request.assessment
    if not isinstance(result, SyncResult) or not any(each.synced for each in result.statuses):
        return outcome
    if compared is None or compared.revision != request.revision or compared.alike is None:
        return outcome  # before an edit it may have been another team
    try:
        async with asyncio.timeout(_COPIES_SECONDS):
            there = await access.destination.stories(team_id=team.id)
    except (TinesError, TimeoutError):
        return outcome
    sources = [each for each in result.statuses if each.synced]
    new = [each for each in there if each.id not in compared.alike]
    named, asked = Counter(each.name for each in new), Counter(each.name for each in result.statuses)
    found = {each.name: each.id for each in new}
    copies = {each.story_id: found[each.name] for each in sources if named[each.name] == asked[each.name] == 1}
    return outcome.model_copy(update={"result": result.model_copy(update={"copies": copies})}) if copies else outcome


def copies_of(results: Iterable[Frozen]) -> dict[int, int]:
    """Return the copies of stories that appeared with syncs, given what these came to, the newest first."""
    copies: dict[int, int] = {}
    for result in results:
        if isinstance(result, SyncResult):
            copies = {**result.copies, **copies}
    return copies


def unseen_stories(request: Request, result: SyncResult | None, error: TinesError) -> Finished:
    """Return how a request ends whose destination can no longer be seen: deleted by hand, where 404 stays the answer."""
    problem = error.problem()
    if error.status == NOT_FOUND and request.destination_id is not None:
        problem = Problem(
            what=f"Sync destination {request.destination_id} no longer exists",
            words=problem.words,
            advice=f"Somebody deleted it on {request.source}, or its key may no longer see it.",
            status=problem.status,
        )
    return Finished(state=ending(result.statuses if result else (), problem, manual=False), problem=problem)
