"""What is told of a sync destination that was looked at: once for each change, and nothing that the bot did itself. Pure.

What people were told is part of the row. So it does not matter when the process was restarted, whether a tenant was
down in between or a destination was muted: what is as it was told needs no message, and what is not gets one.

    a story fails, or is behind     a new message
    it is well again                the same message is corrected, and says for how long
    stories, mode, new, deleted     a new message
    three changes within an hour    no further message: the last one is corrected, and counts
    muted                           no new message; those that stand are corrected; what still fails afterwards is told
    the bot is at work on it        wait: its request tells of it; what it did not tell of is told afterwards
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from handlers.models import DestinationChange, Frozen
from handlers.watching.comparison import Look, is_behind
from handlers.watching.known import Health, KnownDestination, KnownStory, Report, StandingMessage, StoryFault, Told

SHOWN: Final = 10  # stories of one kind in a message
_MANY: Final = 3  # changes within the time below are told by one message
_WITHIN: Final = timedelta(hours=1)
_NAME: Final = 200  # characters
_ERROR: Final = 500  # characters
_STANDING: Final = 10  # messages of one destination that are kept right


class Own(Frozen):
    """What the bot itself is doing with a destination, or did since the last look."""

    active: bool = False  # a request is at work on it right now
    changes: frozenset[DestinationChange] = (
        frozenset()
    )  # by requests that are at work on it, or were since the last look
    failed: frozenset[int] = frozenset()  # ids of stories whose failure those requests told of


class Telling(NamedTuple):
    """What is told after a look."""

    told: Told  # what people know once this is written down
    post: Report | None = None  # a new message
    revised: tuple[StandingMessage, ...] = ()  # messages that say something else now


def tell(look: Look, own: Own, route: str, now: datetime, behind_after: timedelta, *, first: bool) -> Telling:
    """Return what is told of a destination. `first`: nothing was known of the tenant before."""
    before, after = look
    if after is None:
        return Telling(Told()) if before is None else _deleted(before, own, route, now)
    told = after.told
    unwell = _Unwell.of(after, now, behind_after)
    if first:
        return Telling(told.model_copy(update={"failed": unwell.failed_ids, "behind": unwell.behind_ids}))
    told, revised = _corrected(told, after, unwell, now)
    if revised:
        told = told.model_copy(update={"changed": _recent((*told.changed, now), now)})
    report = _news(look, own, told, unwell, route, now)
    reported_failed = {story.story_id for story in unwell.failed} if not own.active else set()
    if after.muted(now):
        known_failed = own.failed & unwell.failed_set
        return Telling(_with_ids(told, known_failed, set()), None, revised)
    if own.active:
        return Telling(told, report, revised) if report is None else _posted(told, report, revised, now)
    told = _with_ids(told, reported_failed, {story.story_id for story in unwell.behind})
    return Telling(told, None, revised) if report is None else _posted(told, report, revised, now)


def posted(telling: Telling, keys: tuple[str, ...]) -> Told:
    """Return what people know once a new message stands under these keys."""
    if telling.post is None or not keys:
        return telling.told
    standing = (*telling.told.standing, StandingMessage(keys=keys, report=telling.post))[-_STANDING:]
    return telling.told.model_copy(update={"standing": standing})


class _Unwell(NamedTuple):
    """The stories that failed, and those that are behind."""

    failed: tuple[KnownStory, ...]
    behind: tuple[KnownStory, ...]
    well: frozenset[int]

    @classmethod
    def of(cls, after: KnownDestination, now: datetime, behind_after: timedelta) -> "_Unwell":
        automatic = after.manual is not True
        return cls(
            tuple(each for each in after.stories if each.failed),
            tuple(each for each in after.stories if automatic and is_behind(each, now, behind_after)),
            frozenset(each.story_id for each in after.stories if each.synced),
        )

    @property
    def failed_ids(self) -> tuple[int, ...]:
        return tuple(story.story_id for story in self.failed)

    @property
    def failed_set(self) -> frozenset[int]:
        return frozenset(self.failed_ids)

    @property
    def behind_ids(self) -> tuple[int, ...]:
        return tuple(story.story_id for story in self.behind)


def _news(look: Look, own: Own, told: Told, unwell: _Unwell, route: str, now: datetime) -> Report | None:
    """Return what people do not know yet, None when there is nothing."""
    after = look.after
    if after is None:
        return None
    failed = [] if own.active else [s for s in unwell.failed if s.story_id not in {*told.failed, *own.failed}]
    behind = [] if own.active else [s for s in unwell.behind if s.story_id not in told.behind]
    added, removed = ((), ()) if DestinationChange.STORIES in own.changes else (look.added, look.removed)
    new = look.before is None and after.created_by is None and DestinationChange.CREATED not in own.changes
    mode = look.mode_changed and DestinationChange.MODE not in own.changes
    if not (failed or behind or added or removed or new or mode):
        return None
    return _report(after, route, now).model_copy(
        update={
            "new": new,
            "mode_changed": mode,
            "added": _names(added),
            "removed": _names(removed),
            "more_added": max(0, len(added) - SHOWN),
            "more_removed": max(0, len(removed) - SHOWN),
            "failed": tuple(map(_fault_of, failed[:SHOWN])),
            "behind": tuple(map(_fault_of, behind[:SHOWN])),
            "more": max(0, len(failed) - SHOWN) + max(0, len(behind) - SHOWN),
        }
    )


def _posted(told: Told, report: Report, revised: tuple[StandingMessage, ...], now: datetime) -> Telling:
    """Return the telling with a new message, or with the last one corrected when there were many within an hour."""
    changed = _recent((*told.changed, now), now)
    told = told.model_copy(update={"changed": changed})
    last = told.standing[-1] if told.standing else None
    if last is None or len(changed) < _MANY or now - last.report.at >= _WITHIN or not _repeats(last.report, report):
        return Telling(told, report, revised)
    merged = last.model_copy(update={"report": _merged(last.report, report, len(changed))})
    standing = (*told.standing[:-1], merged)
    return Telling(
        told.model_copy(update={"standing": standing}), None, (*(e for e in revised if e.keys != last.keys), merged)
    )


def _merged(before: Report, now: Report, changes: int) -> Report:
    """Return a message that says what it said before, and what happened since."""
    return before.model_copy(
        update={
            "changes": max(changes, before.changes + 1),
            "new": before.new or now.new,
            "deleted": now.deleted,
            "mode_changed": before.mode_changed or now.mode_changed,
            "manual": now.manual,
            "added": tuple(dict.fromkeys((*before.added, *now.added)))[:SHOWN],
            "removed": tuple(dict.fromkeys((*before.removed, *now.removed)))[:SHOWN],
            "more_added": before.more_added + now.more_added,
            "more_removed": before.more_removed + now.more_removed,
            "failed": _of_both(before.failed, now.failed),
            "behind": _of_both(before.behind, now.behind),
            "more": max(before.more, now.more),
            "recovered_at": None if now.failed or now.behind else before.recovered_at,
        }
    )


def _repeats(before: Report, now: Report) -> bool:
    """Whether no story fails or is behind that the message did not name before."""
    named = {fault.story_id for fault in (*before.failed, *before.behind)}
    return named >= {fault.story_id for fault in (*now.failed, *now.behind)}


def _of_both(before: tuple[StoryFault, ...], now: tuple[StoryFault, ...]) -> tuple[StoryFault, ...]:
    again = {fault.story_id for fault in now}
    return (*now, *(fault for fault in before if fault.story_id not in again))[:SHOWN]


def _deleted(before: KnownDestination, own: Own, route: str, now: datetime) -> Telling:
    """Return what is told of a destination that is not there any more. Nothing is told of it after that."""
    revised = tuple(
        standing.model_copy(update={"report": standing.report.model_copy(update={"deleted": True})})
        for standing in before.told.standing
        if _open(standing.report)
    )
    if DestinationChange.DELETED in own.changes or before.muted(now):
        return Telling(Told(), None, revised)
    return Telling(Told(), _report(before, route, now).model_copy(update={"deleted": True}), revised)


def _corrected(
    told: Told, after: KnownDestination, unwell: _Unwell, now: datetime
) -> tuple[Told, tuple[StandingMessage, ...]]:
    """Return what is known with the stories that are well again, and the messages that have to say so.

    A story that failed and needs a sync now is not well yet.
    """
    there = {story.story_id for story in after.stories}
    behind_ids = set(unwell.behind_ids)
    waiting = {s.story_id for s in after.stories if s.needs_sync} if after.manual is not True else set()
    failed = tuple(each for each in told.failed if each in there and each not in unwell.well)
    behind = tuple(each for each in told.behind if each in there and (each in behind_ids or each in waiting))
    healthy = after.health not in {Health.FAILED, Health.BEHIND} and not failed and not behind
    standing, revised = [], []
    for each in told.standing:
        report = each.report.model_copy(
            update={
                "failed": tuple(_ended(one, one.story_id in failed, there, now) for one in each.report.failed),
                "behind": tuple(_ended(one, one.story_id in behind, there, now) for one in each.report.behind),
            }
        )
        if healthy and report.recovered_at is None and (report.failed or report.behind):
            report = report.model_copy(update={"recovered_at": now})
        now_standing = each.model_copy(update={"report": report})
        if report != each.report:
            revised.append(now_standing)
        if _open(report) or now - report.at < _WITHIN:
            standing.append(now_standing)
    kept = told.model_copy(
        update={"failed": failed, "behind": behind, "standing": tuple(standing), "changed": _recent(told.changed, now)}
    )
    return kept, tuple(revised)


def _ended(fault: StoryFault, lasts: bool, there: set[int], now: datetime) -> StoryFault:  # noqa: FBT001 - one of two
    if lasts or fault.until is not None:
        return fault
    return fault.model_copy(update={"until": now, "removed": fault.story_id not in there})


def _open(report: Report) -> bool:
    """Whether a message tells of something that is not over."""
    return not report.deleted and report.recovered_at is None and bool(report.failed or report.behind)


def _with_ids(told: Told, failed: Iterable[int], behind: Iterable[int]) -> Told:
    return told.model_copy(
        update={
            "failed": tuple(sorted({*told.failed, *failed})),
            "behind": tuple(sorted({*told.behind, *behind})),
        }
    )


def _recent(moments: Iterable[datetime], now: datetime) -> tuple[datetime, ...]:
    """Return the moments within the last hour, each once: what one look sees is one change."""
    return tuple(dict.fromkeys(each for each in moments if now - each < _WITHIN))


def _report(known: KnownDestination, route: str, now: datetime) -> Report:
    return Report(
        source=known.source,
        destination=known.destination,
        id=known.id,
        route=route,
        source_team=known.source_team.name[:_NAME],
        destination_team=known.destination_team.name[:_NAME],
        manual=known.manual is True,
        at=now,
    )


def _fault_of(story: KnownStory) -> StoryFault:
    return StoryFault(
        story_id=story.story_id, name=story.name[:_NAME], error=(story.error or "")[:_ERROR], since=story.since
    )


def _names(stories: Iterable[KnownStory]) -> tuple[str, ...]:
    return tuple((story.name or f"story {story.story_id}")[:_NAME] for story in stories)[:SHOWN]
