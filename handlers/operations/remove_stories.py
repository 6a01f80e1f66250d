"""Removing stories from a sync destination.

`story_ids` of an update replaces the whole set, so the destination is looked at immediately before the update and the
difference is sent: what somebody else added meanwhile stays. Tines does not document what happens to the copies.
"""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import JsonValue

from handlers.models import DestinationChange, Problem, Request, State, Story
from handlers.operations.destination import (
    SOON,
    DestinationFacts,
    DestinationOperation,
    DestinationParams,
    DestinationResult,
    Nothing,
    chosen,
    done,
    gone,
    ids_asked,
    not_there,
    not_whole,
    sent_once,
    shown,
    stories_of,
)
from handlers.operations.edits import stories_edited
from handlers.operations.outcomes import (
    Doubtful,
    Finished,
    Followed,
    Happening,
    HeldUp,
    NotSent,
    NotThere,
    Recovered,
    Send,
    Sent,
    Step,
)
from handlers.operations.protocol import Access, Wrong
from handlers.operations.schedule import Schedule


class RemoveParams(DestinationParams):
    """Which stories are to be removed."""

    stories: tuple[Story, ...]

    def essence(self) -> object:
        """Return what is sent: names change nothing, and neither does the order of stories."""
        return {"destination": self.destination.id, "stories": sorted(story.id for story in self.stories)}


class RemoveFacts(DestinationFacts):
    """The destination as it is now."""

    replaces_set: ClassVar[bool] = True

    def essence(self) -> object:
        """Return what an approval covers: whether it is there. Others may add stories meanwhile; they stay."""
        return {"missing": self.missing}


class RemoveStories(DestinationOperation[RemoveParams, RemoveFacts, Nothing, DestinationResult]):
    """Removes stories from a destination."""

    name: ClassVar[str] = "remove_stories"
    destination_changes: ClassVar[frozenset[DestinationChange]] = frozenset({DestinationChange.STORIES})
    params = RemoveParams
    facts = RemoveFacts
    work = Nothing
    result = DestinationResult

    def edited(self, before: RemoveParams, after: RemoveParams) -> tuple[str, ...]:
        """Say which stories are removed besides, or no longer."""
        return tuple(stories_edited(before.stories, after.stories, "Also removes", "No longer removes"))

    async def check(self, asked: Mapping[str, JsonValue], access: Access) -> RemoveParams | Wrong:
        """Look whether the destination and its stories are there."""
        found = await chosen(access, asked.get("destination_id"))
        if isinstance(found, Wrong):
            return found
        destination, ref = found
        if (unknown := not_whole(destination)) is not None:
            return Wrong(fields={"stories": f"{unknown.problem.what}. {unknown.problem.advice}"})
        stories = stories_of(destination, None if asked.get("everything") is True else ids_asked(asked))
        if not stories:
            return Wrong(fields={"stories": "Choose at least one story that is in this sync destination."})
        return RemoveParams(destination=ref, stories=stories)

    async def look(self, params: RemoveParams, access: Access) -> RemoveFacts:
        """Look what is in the destination."""
        found = await shown(access, params.destination.id)
        if found is None:
            return RemoveFacts(missing=True)
        return RemoveFacts(statuses=found.statuses(), manual=found.manual_sync_only, unreadable=found.unreadable)

    def decide(self, request: Request, approved: RemoveFacts | None, now: RemoveFacts, schedule: Schedule) -> Step:  # noqa: ARG002 - the protocol's
        """Send the difference, if the destination is there."""
        params = self.params_of(request)
        return gone(request, params.destination) if now.missing else Send(work=Nothing())

    async def send(self, request: Request, access: Access) -> Sent:
        """Look, compute the difference, look again, and send it."""
        params = self.params_of(request)
        unwanted = frozenset(story.id for story in params.stories)

        async def call() -> Sent:
            found = await shown(access, params.destination.id)
            if found is None:
                return gone(request, params.destination)
            if (unknown := not_whole(found)) is not None:  # also when none is seen: one may be among them
                return unknown
            if unwanted & found.story_ids:
                again = await access.source.show_destination(found.id)
                if again.story_ids != found.story_ids:
                    return NotSent(problem=_in_motion(found.id), at_least=SOON)
                if (allowed := await access.next_call()) is None:
                    return HeldUp()
                after = await allowed.source.update_destination(found.id, story_ids=sorted(found.story_ids - unwanted))
                if still := unwanted & after.story_ids:
                    return _still_in(params, still)
            return _removed(params, found.story_ids - unwanted)

        return await sent_once(call)

    async def recover(self, request: Request, access: Access) -> Recovered:
        """Look whether the stories are still in the destination."""
        params = self.params_of(request)
        found = await shown(access, params.destination.id)
        if found is None:
            return _gone_with_them(request, params)
        unwanted = frozenset(story.id for story in params.stories)
        if unwanted & found.story_ids:
            return NotThere()
        if (unknown := not_whole(found)) is not None:  # they may be among those
            return Doubtful(problem=unknown.problem.model_copy(update={"advice": ""}))
        return _removed(params, found.story_ids)

    async def follow(self, request: Request, access: Access, *, over: bool) -> Followed:  # noqa: ARG002 - the protocol's
        """Return the end: there is nothing to follow."""
        return Finished(state=State.SUCCEEDED)


def _removed(params: RemoveParams, left: frozenset[int]) -> Finished:
    number, stay = len(params.stories), len(left)
    text = (
        f"Removed {number} {'story' if number == 1 else 'stories'} from sync destination {params.destination.id}. "
        f"{stay} {'story stays' if stay == 1 else 'stories stay'} in it."
    )
    event = Happening(
        kind="removed",
        data={"destination_id": params.destination.id, "story_ids": sorted(story.id for story in params.stories)},
    )
    return done(params.destination.id, text, events=(event,))


def _still_in(params: RemoveParams, still: frozenset[int]) -> Finished:
    """Return the end where Tines took the call, and answered with stories that it should have removed."""
    number = len(still)
    problem = Problem(
        what=f"Tines accepted the call, but {number} {'story is' if number == 1 else 'stories are'} still in it",
        words=", ".join(story.name for story in params.stories if story.id in still)[:500],
        advice="Look at the sync destination in Tines, then request it again.",
    )
    state = State.FAILED if number == len(params.stories) else State.PARTIAL
    return Finished(state=state, problem=problem)


def _gone_with_them(request: Request, params: RemoveParams) -> Finished:
    """Return the end where the destination itself is gone, after a call of which nobody knows the outcome."""
    number = params.destination.id
    text = f"Sync destination {number} no longer exists: somebody deleted it, so it syncs none of its stories."
    return done(number, text, sign=not_there(request.source, params.destination))


def _in_motion(destination_id: int) -> Problem:
    return Problem(what=f"Somebody else is changing sync destination {destination_id}", advice="This is tried again.")
