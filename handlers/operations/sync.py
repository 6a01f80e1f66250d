"""Syncing stories of a destination again: all of them, or some.

Both triggers of Tines are fire and forget. The statuses before are kept, and the destination is looked at until the
stories have settled; where before and after look alike, nobody can tell whether anything was synced, and the result
says so. A sync that is started twice does no harm, so a call without an answer is simply made again.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Final

from pydantic import Field, JsonValue

from handlers.models import MAX_STORIES, Frozen, Problem, Request, State, Story, StoryStatus
from handlers.operations.destination import (
    DestinationFacts,
    DestinationOperation,
    DestinationParams,
    DestinationRef,
    chosen,
    gone,
    ids_asked,
    sent_once,
    shown,
    stories_of,
)
from handlers.operations.edits import stories_edited, value_edited
from handlers.operations.following import SyncResult, ending, status_events, statuses_of, unseen_stories, with_copies
from handlers.operations.outcomes import (
    AskAgain,
    Finished,
    Followed,
    Happening,
    HeldUp,
    NotThere,
    Progress,
    Recovered,
    Refused,
    Send,
    Sent,
    Started,
    Step,
)
from handlers.operations.protocol import Access, Wrong
from handlers.operations.schedule import Schedule
from handlers.preflight import SourceFacts, Subject, changed_sources
from handlers.tines import TinesError

_SHOWN: Final = 10  # sentences about what changed


class SyncParams(DestinationParams):
    """Which stories are to be synced."""

    stories: tuple[Story, ...]
    everything: bool = False  # all of them with one call, those that are added meanwhile included

    def essence(self) -> object:
        """Return what is sent."""
        return {
            "destination": self.destination.id,
            "everything": self.everything,
            "stories": sorted(story.id for story in self.stories),
        }


class SyncFacts(DestinationFacts, SourceFacts):
    """The statuses before, and the stories as they are now, as far as the source tenant lists them."""

    stories: tuple[Story, ...] = ()

    def essence(self) -> object:
        """Return what an approval covers: the destination, and the stories' sources. Statuses change by themselves."""
        return {"missing": self.missing, "stories": self.sources_essence(self.stories)}


class SyncWork(Frozen):
    """The statuses before the call."""

    v: int = 1
    before: tuple[StoryStatus, ...] = ()


class SyncAgainResult(SyncResult):
    """The statuses afterwards."""

    refused: dict[int, str] = Field(default_factory=dict)  # stories of which Tines started no sync, and why


class Sync(DestinationOperation[SyncParams, SyncFacts, SyncWork, SyncAgainResult]):
    """Starts syncs, and follows them."""

    name: ClassVar[str] = "sync"
    harmless_to_repeat: ClassVar[bool] = True
    params = SyncParams
    facts = SyncFacts
    work = SyncWork
    result = SyncAgainResult

    def edited(self, before: SyncParams, after: SyncParams) -> tuple[str, ...]:
        """Say which stories are synced besides, or no longer."""
        return (
            *value_edited("Stories", _which(before), _which(after)),
            *stories_edited(before.stories, after.stories, "Also syncs", "No longer syncs"),
        )

    async def check(self, asked: Mapping[str, JsonValue], access: Access) -> SyncParams | Wrong:
        """Look which stories are meant: `which` is "all", "failed" or "chosen"."""
        found = await chosen(access, asked.get("destination_id"))
        if isinstance(found, Wrong):
            return found
        destination, ref = found
        match asked.get("which"):
            case "all":
                stories, everything = stories_of(destination, None), True
            case "failed":
                failed = {status.story_id for status in destination.statuses() if not status.synced}
                stories, everything = tuple(s for s in stories_of(destination, None) if s.id in failed), False
            case _:
                stories, everything = stories_of(destination, ids_asked(asked)), False
        if not stories:
            none = "No story of it failed." if asked.get("which") == "failed" else "Choose at least one story of it."
            return Wrong(fields={"stories": none})
        return SyncParams(destination=ref, stories=stories[:MAX_STORIES], everything=everything)

    async def look(self, params: SyncParams, access: Access) -> SyncFacts:
        """Look at the statuses."""
        found = await shown(access, params.destination.id)
        if found is None:
            return SyncFacts(missing=True)
        listed = await access.catalogue.current(
            access.route.source,
            params.destination.source_team.id,
            [story.id for story in params.stories],
            recording=access.recorded,
        )
        stories = tuple(listed[story.id] for story in params.stories if story.id in listed)
        sources = await access.preflight.look(
            access.route.source, access.route.destination, _subject(params.destination, stories)
        )
        return SyncFacts(
            statuses=statuses_of(found, params.stories),
            manual=found.manual_sync_only,
            unreadable=found.unreadable,
            stories=stories,
            hashes=sources.hashes,
            gaps=sources.gaps,
        )

    def subject(self, params: SyncParams, facts: SyncFacts | None) -> Subject:
        """Return the stories that the source tenant lists, and the teams."""
        return _subject(params.destination, params.stories if facts is None else facts.stories)

    def synced_by_hand(self, request: Request) -> bool:
        """Whether the destination is in manual mode, as it was shown."""
        facts = self.facts_of(request.facts)
        return facts is not None and facts.manual is True

    def changes(self, params: SyncParams, before: SyncFacts | None, now: SyncFacts) -> tuple[str, ...]:
        """Say which stories are gone or were edited."""
        if now.missing or before is None:
            return super().changes(params, before, now)
        there = {story.id for story in now.stories}
        return (
            *(f"{each.name} was deleted, or was moved." for each in before.stories if each.id not in there),
            *(
                f"{story.name} was edited in Tines since."
                for story in changed_sources(before, before.stories, now, now.stories)
            ),
        )

    def covers(self, params: SyncParams, approved: SyncFacts, now: SyncFacts) -> bool:
        """Whether the stories are the same."""
        return not self.changes(params, approved, now)

    def decide(self, request: Request, approved: SyncFacts | None, now: SyncFacts, schedule: Schedule) -> Step:  # noqa: ARG002 - the protocol's
        """Send it, if all is as it was approved; the first statuses are those before, also for a second call."""
        params, work = self.params_of(request), self.work_of(request)
        if not now.missing and approved is not None and (edited := self.changes(params, approved, now)):
            sentences = [*edited[:_SHOWN], "It needs approval again."]
            return AskAgain(notes=(Happening(kind="stories_changed", data={"changes": sentences}),))
        return (
            gone(request, params.destination)
            if now.missing
            else Send(work=SyncWork(before=work.before or now.statuses))
        )

    async def send(self, request: Request, access: Access) -> Sent:
        """Start one sync of all, or one for each story."""
        params, work = self.params_of(request), self.work_of(request)
        number = params.destination.id
        wanted: tuple[Story | None, ...] = (None,) if params.everything else params.stories
        refused: dict[int, str] = {}
        for place, story in enumerate(wanted):
            allowed = await access.next_call() if place else access
            if allowed is None:
                return HeldUp()
            outcome = await sent_once(partial(_triggered, allowed, number, story))
            if story is not None and len(wanted) > 1 and isinstance(outcome, Refused):
                refused[story.id] = outcome.problem.what  # the others are synced all the same
                if len(refused) == len(wanted):
                    return outcome
            elif not isinstance(outcome, Finished):
                return outcome
        result = SyncAgainResult(
            destination_id=number, how="synced again", statuses=_but(work.before, refused), refused=refused
        )
        event = Happening(kind="sync_started", data={"destination_id": number, "refused": sorted(refused)})
        return Started(result=result, follow_for=access.schedule.follow_for, events=(event,))

    async def recover(self, request: Request, access: Access) -> Recovered:  # noqa: ARG002 - the protocol's
        """Say that it may be sent again: a second sync is harmless."""
        return NotThere()

    async def follow(self, request: Request, access: Access, *, over: bool) -> Followed:
        """Look until no story needs a sync, and none that failed before may still be as it was."""
        params, before = self.params_of(request), {each.story_id: each for each in self.work_of(request).before}
        known = self.result_of(request)
        found = await access.source.show_destination(params.destination.id)
        refused = known.refused if known else {}
        statuses = _but(statuses_of(found, params.stories), refused)
        events = status_events(known.statuses if known else (), statuses)
        result = SyncAgainResult(destination_id=found.id, how="synced again", statuses=statuses, refused=refused)
        waits = any(
            not each.settled or (each.failed and each == before.get(each.story_id))
            for each in statuses
            if each.story_id not in refused
        )
        if waits and not over:
            return Progress(result=result, events=events)
        alike = sum(each.synced and each == before.get(each.story_id) for each in statuses)
        remark = ""
        if alike:
            stories = "1 story was" if alike == 1 else f"{alike} stories were"
            remark = f"{stories} already synced before: Tines reports them as synced, but not since when."
        done = Finished(state=ending(statuses, None, manual=False), result=result, remark=remark, events=events)
        return await with_copies(access, request, params.destination.destination_team, done)

    def unseen(self, request: Request, error: TinesError) -> Finished:
        """Say that the destination is gone, or cannot be seen."""
        return unseen_stories(request, self.result_of(request), error)


async def _triggered(access: Access, destination_id: int, story: Story | None) -> Sent:
    """Start a sync of one story, or of all of them for None."""
    if story is None:
        begun = await access.source.manual_sync(destination_id)
    else:
        begun = await access.source.sync_story(destination_id, story.id)
    if begun:
        return Finished(state=State.SUCCEEDED)
    what = f"Tines accepted the call, but started no sync of {'its stories' if story is None else story.name}"
    return Refused(problem=Problem(what=what, advice="Look at the sync destination in Tines, then request it again."))


def _but(statuses: tuple[StoryStatus, ...], refused: Mapping[int, str]) -> tuple[StoryStatus, ...]:
    """Return the statuses, with stories of which Tines started no sync as failed: what it says of them is older."""
    return tuple(
        each.model_copy(update={"status": "failed", "error": refused[each.story_id]})
        if each.story_id in refused
        else each
        for each in statuses
    )


def _subject(ref: DestinationRef, stories: tuple[Story, ...]) -> Subject:
    return Subject(source_team=ref.source_team, destination_team=ref.destination_team, stories=stories)


def _which(params: SyncParams) -> str:
    return "all" if params.everything else "only those chosen"
