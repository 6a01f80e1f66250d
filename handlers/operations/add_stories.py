"""Adding stories to a sync destination that is there already.

`story_ids` of an update replaces the whole set, so a stale read would take somebody else's stories out of the sync. The
destination is therefore looked at immediately before the update, the union is sent only if nobody changed the set
between two looks, and an update is never sent again without a new look.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from pydantic import JsonValue

from handlers.models import MAX_STORIES, DestinationChange, Problem, Request, Story, SyncMode
from handlers.operations.destination import (
    SOON,
    DestinationFacts,
    DestinationOperation,
    DestinationParams,
    Nothing,
    chosen,
    gone,
    ids_asked,
    not_whole,
    shown,
)
from handlers.operations.edits import stories_edited
from handlers.operations.following import (
    SyncResult,
    follow_stories,
    status_events,
    statuses_of,
    unseen_stories,
    with_copies,
)
from handlers.operations.outcomes import (
    AskAgain,
    Finished,
    Followed,
    Happening,
    HeldUp,
    NotSent,
    NotThere,
    Progress,
    Recovered,
    Refused,
    Send,
    Sent,
    Started,
    Step,
    Unknown,
)
from handlers.operations.protocol import Access, Wrong
from handlers.operations.schedule import Schedule, asked_to_wait, is_transient
from handlers.preflight import SourceFacts, Subject, changed_sources
from handlers.tines import SyncDestination, TinesError, UnknownOutcomeError


async def add_to(
    access: Access,
    destination_id: int,
    stories: tuple[Story, ...],
    follow_for: timedelta,
    *,
    present: frozenset[int] | None = None,
) -> Sent:
    """Add what is missing to a destination. `present`: the stories that people were told are in it."""
    wanted = frozenset(story.id for story in stories)
    try:
        found = after = await access.source.show_destination(destination_id)
        if not wanted <= found.story_ids:
            if (unknown := not_whole(found)) is not None:
                return unknown
            again = await access.source.show_destination(destination_id)
            if again.story_ids != found.story_ids:
                return NotSent(problem=_in_motion(destination_id), at_least=SOON)
            if (allowed := await access.next_call()) is None:
                return HeldUp()
            after = await allowed.source.update_destination(destination_id, story_ids=sorted(found.story_ids | wanted))
    except UnknownOutcomeError as error:
        return Unknown(problem=error.problem())
    except TinesError as error:
        if is_transient(error):
            return NotSent(problem=error.problem(), at_least=asked_to_wait(error))
        return Refused(problem=error.problem())
    changed = () if present is None or found.story_ids == present else (_changed_in_between(destination_id),)
    how = "found" if wanted <= found.story_ids else "added"
    return _started(after, stories, how, follow_for, notes=changed)


def _started(
    found: SyncDestination,
    stories: tuple[Story, ...],
    how: str,
    follow_for: timedelta,
    *,
    notes: tuple[Happening, ...] = (),
) -> Started:
    statuses = statuses_of(found, stories)
    result = SyncResult(destination_id=found.id, how=how, statuses=statuses)
    return Started(
        result=result,
        follow_for=follow_for,
        settled=result.settled,
        events=(Happening(kind=how, data={"destination_id": found.id}), *status_events((), statuses)),
        notes=notes,
    )


def _in_motion(destination_id: int) -> Problem:
    return Problem(what=f"Somebody else is changing sync destination {destination_id}", advice="This is tried again.")


def _changed_in_between(destination_id: int) -> Happening:
    return Happening(kind="changed_in_between", data={"destination_id": destination_id})


class AddParams(DestinationParams):
    """Which stories are to be added."""

    stories: tuple[Story, ...]

    def essence(self) -> object:
        """Return what is sent: names change nothing, and neither does the order of stories."""
        return {"destination": self.destination.id, "stories": sorted(story.id for story in self.stories)}


class AddFacts(DestinationFacts, SourceFacts):
    """The stories to be added as they are now, and what is in the destination."""

    replaces_set: ClassVar[bool] = True
    stories: tuple[Story, ...] = ()
    gone: tuple[Story, ...] = ()

    def essence(self) -> object:
        """Return what an approval covers: the stories' sources. Others may add stories meanwhile; they stay."""
        return {"missing": self.missing, "stories": self.sources_essence(self.stories)}


class AddStories(DestinationOperation[AddParams, AddFacts, Nothing, SyncResult]):
    """Adds stories to a destination."""

    name: ClassVar[str] = "add_stories"
    destination_changes: ClassVar[frozenset[DestinationChange]] = frozenset({DestinationChange.STORIES})
    params = AddParams
    facts = AddFacts
    work = Nothing
    result = SyncResult

    def edited(self, before: AddParams, after: AddParams) -> tuple[str, ...]:
        """Say which stories are added besides, or no longer."""
        return tuple(stories_edited(before.stories, after.stories, "Also adds", "No longer adds"))

    async def check(self, asked: Mapping[str, JsonValue], access: Access) -> AddParams | Wrong:
        """Look whether the destination is there, and which stories are meant."""
        found = await chosen(access, asked.get("destination_id"))
        if isinstance(found, Wrong):
            return found
        destination, ref = found
        if (unknown := not_whole(destination)) is not None:
            return Wrong(fields={"stories": f"{unknown.problem.what}. {unknown.problem.advice}"})
        ids, tags = ids_asked(asked), asked.get("tag_keys")
        stories = await access.catalogue.resolve(
            access.route.source,
            ref.source_team.id,
            everything=asked.get("everything") is True,
            tag_keys=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
            ids=ids,
            deadline=None,
        )
        lost = sorted(set(ids) - {story.id for story in stories})
        if lost:
            listed = ", ".join(str(story) for story in lost[:5]) + ("…" if len(lost) > 5 else "")  # noqa: PLR2004 - as many as fit a line
            return Wrong(fields={"stories": f"No longer in this team, deleted, or without change control: {listed}."})
        new = tuple(story for story in stories if story.id not in destination.story_ids)
        if not new:
            return Wrong(fields={"stories": "Choose at least one story that is not in this sync destination yet."})
        if len(new) + len(destination.story_ids) > MAX_STORIES:
            return Wrong(fields={"stories": f"A sync destination holds at most {MAX_STORIES} stories here."})
        return AddParams(destination=ref, stories=tuple(sorted(new, key=lambda each: (each.name.casefold(), each.id))))

    async def look(self, params: AddParams, access: Access) -> AddFacts:
        """Look at the stories and what is in the destination."""
        ref = params.destination
        current = await access.catalogue.current(
            access.route.source, ref.source_team.id, [story.id for story in params.stories], recording=access.recorded
        )
        stories = tuple(current[story.id] for story in params.stories if story.id in current)
        subject = _subject(params, stories)
        sources = await access.preflight.look(access.route.source, access.route.destination, subject)
        found = await shown(access, ref.id)
        return AddFacts(
            missing=found is None,
            statuses=() if found is None else found.statuses(),
            manual=None if found is None else found.manual_sync_only,
            unreadable=0 if found is None else found.unreadable,
            stories=stories,
            hashes=sources.hashes,
            gaps=sources.gaps,
            gone=tuple(story for story in params.stories if story.id not in current),
        )

    def can_be_done(self, facts: AddFacts) -> bool:
        """Whether the destination and every story are there, and can be read."""
        return facts.possible and not facts.gone

    def covers(self, params: AddParams, approved: AddFacts, now: AddFacts) -> bool:
        """Whether the stories to be added are the same; others may have changed the rest of the set."""
        return not self.changes(params, approved, now)

    def changes(self, params: AddParams, before: AddFacts | None, now: AddFacts) -> tuple[str, ...]:
        """Say which stories are gone or were edited."""
        if not now.possible:
            return super().changes(params, before, now)
        then = params.stories if before is None else before.stories
        return (
            *(f"{story.name} was deleted, was moved, or no longer has change control." for story in now.gone),
            *(
                f"{story.name} was edited in Tines since then."
                for story in changed_sources(before, then, now, now.stories)
            ),
        )

    def subject(self, params: AddParams, facts: AddFacts | None) -> Subject:
        """Return the stories to be added and the teams."""
        return _subject(params, params.stories if facts is None else facts.stories)

    def decide(self, request: Request, approved: AddFacts | None, now: AddFacts, schedule: Schedule) -> Step:  # noqa: ARG002 - the protocol's
        """Send the union, if the stories are as they were approved."""
        params = self.params_of(request)
        if now.missing:
            return gone(request, params.destination)
        different = self.changes(params, approved, now) if approved is not None else ()
        if different or (now.gone and not request.emergency):
            sentences = [*(different or self.changes(params, None, now)), "It needs approval again."]
            return AskAgain(notes=(Happening(kind="stories_changed", data={"changes": sentences[-10:]}),))
        return Send(work=Nothing())

    def synced_by_hand(self, request: Request) -> bool:
        """Whether the destination is in manual mode, as it was shown."""
        facts = self.facts_of(request.facts)
        return facts is not None and facts.manual is True

    async def send(self, request: Request, access: Access) -> Sent:
        """Send the union of what is there and what was asked for."""
        params, facts = self.params_of(request), self.facts_of(request.facts)
        return await add_to(
            access,
            params.destination.id,
            params.stories,
            access.schedule.follow_time(SyncMode.MANUAL if self.synced_by_hand(request) else SyncMode.AUTOMATIC),
            present=None if facts is None else facts.story_ids,
        )

    async def recover(self, request: Request, access: Access) -> Recovered:
        """Look whether the stories are in the destination."""
        params = self.params_of(request)
        found = await shown(access, params.destination.id)
        if found is None or not frozenset(story.id for story in params.stories) <= found.story_ids:
            return NotThere()
        return _started(found, params.stories, "added", access.schedule.follow_for)

    async def follow(self, request: Request, access: Access, *, over: bool) -> Followed:
        """Look at the stories' statuses."""
        params, manual = self.params_of(request), self.synced_by_hand(request)
        outcome = await follow_stories(access, params.stories, self.result_of(request), over=over, manual=manual)
        if isinstance(outcome, Progress):
            return outcome
        return await with_copies(access, request, params.destination.destination_team, outcome)

    def unseen(self, request: Request, error: TinesError) -> Finished:
        """Say that the destination is gone, or cannot be seen."""
        return unseen_stories(request, self.result_of(request), error)


def _subject(params: AddParams, stories: tuple[Story, ...]) -> Subject:
    ref = params.destination
    return Subject(source_team=ref.source_team, destination_team=ref.destination_team, stories=stories)
