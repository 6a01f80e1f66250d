"""Deleting a sync destination, keeping or deleting the copies of its stories.

Tines deletes the copies by default, later and out of sight, so `keep_stories` is always sent. What was deleted cannot
be looked at afterwards: the destination is looked for until it is gone, and then only that is known.
"""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import JsonValue

from handlers.models import DestinationChange, Problem, Request, State
from handlers.operations.destination import (
    DestinationFacts,
    DestinationOperation,
    DestinationParams,
    DestinationResult,
    Nothing,
    chosen,
    done,
    not_there,
    sent_once,
    shown,
)
from handlers.operations.edits import value_edited
from handlers.operations.outcomes import (
    Finished,
    Followed,
    Happening,
    NotThere,
    Progress,
    Recovered,
    Send,
    Sent,
    Started,
    Step,
)
from handlers.operations.protocol import Access, Wrong
from handlers.operations.schedule import Schedule


class DeleteParams(DestinationParams):
    """Whether the copies stay."""

    keep_stories: bool = True


class DeleteFacts(DestinationFacts):
    """What is in it."""

    def essence(self) -> object:
        """Return what an approval covers: the stories whose copies are kept or deleted."""
        return {"missing": self.missing, "stories": sorted(self.story_ids), "unreadable": self.unreadable}


class Delete(DestinationOperation[DeleteParams, DeleteFacts, Nothing, DestinationResult]):
    """Deletes a destination."""

    name: ClassVar[str] = "delete"
    destination_changes: ClassVar[frozenset[DestinationChange]] = frozenset({DestinationChange.DELETED})
    params = DeleteParams
    facts = DeleteFacts
    work = Nothing
    result = DestinationResult

    def edited(self, before: DeleteParams, after: DeleteParams) -> tuple[str, ...]:
        """Say whether the copies stay."""
        return tuple(value_edited("Keep the copies", _yes(before.keep_stories), _yes(after.keep_stories)))

    async def check(self, asked: Mapping[str, JsonValue], access: Access) -> DeleteParams | Wrong:
        """Look whether it is there; whoever deletes the copies types the name of the team that has them."""
        found = await chosen(access, asked.get("destination_id"))
        if isinstance(found, Wrong):
            return found
        _, ref = found
        keep = asked.get("keep_stories") is not False
        typed = " ".join(str(asked.get("team_name") or "").split()).casefold()
        if not keep and typed != " ".join(ref.destination_team.name.split()).casefold():
            return Wrong(
                fields={"team_name": f"Type the team's name, {ref.destination_team.name}, to delete its copies."}
            )
        return DeleteParams(destination=ref, keep_stories=keep)

    async def look(self, params: DeleteParams, access: Access) -> DeleteFacts:
        """Look what is in it."""
        found = await shown(access, params.destination.id)
        if found is None:
            return DeleteFacts(missing=True)
        return DeleteFacts(statuses=found.statuses(), manual=found.manual_sync_only, unreadable=found.unreadable)

    def changes(self, params: DeleteParams, before: DeleteFacts | None, now: DeleteFacts) -> tuple[str, ...]:
        """Say that it holds other stories."""
        if before is not None and not now.missing and before.essence() != now.essence():
            return ("The stories of this sync destination have changed.",)
        return super().changes(params, before, now)

    def decide(self, request: Request, approved: DeleteFacts | None, now: DeleteFacts, schedule: Schedule) -> Step:  # noqa: ARG002 - the protocol's
        """Send it, if there is something to delete."""
        params = self.params_of(request)
        if now.missing:
            return _deleted(params, "was gone already", sign=not_there(request.source, params.destination))
        return Send(work=Nothing())

    async def send(self, request: Request, access: Access) -> Sent:
        """Delete it."""
        params = self.params_of(request)

        async def call() -> Sent:
            await access.source.delete_destination(params.destination.id, keep_stories=params.keep_stories)
            event = Happening(
                kind="deleted", data={"destination_id": params.destination.id, "keep_stories": params.keep_stories}
            )
            result = DestinationResult(destination_id=params.destination.id, text="Tines accepted the call.")
            return Started(result=result, follow_for=access.schedule.follow_for, events=(event,))

        return await sent_once(call)

    async def recover(self, request: Request, access: Access) -> Recovered:
        """Look whether it is gone."""
        params = self.params_of(request)
        if await shown(access, params.destination.id) is not None:
            return NotThere()
        return _deleted(params, "is gone", sign=not_there(request.source, params.destination))

    async def follow(self, request: Request, access: Access, *, over: bool) -> Followed:
        """Look until it is gone."""
        params = self.params_of(request)
        if await shown(access, params.destination.id) is None:
            return _deleted(params, "is gone")  # Tines took the call, and says that it is gone: two signs
        if not over:
            return Progress()
        problem = Problem(
            what=f"Tines accepted the call, but sync destination {params.destination.id} is still there",
            advice=f"Check it on {request.source}.",
        )
        return Finished(state=State.PARTIAL, problem=problem)


def _deleted(params: DeleteParams, how: str, *, sign: Problem | None = None) -> Finished:
    team = params.destination.destination_team.name
    copies = (
        f"The copies stay in {team}; those above its tenant's plan limits are disabled by Tines."
        if params.keep_stories
        else f"Tines deletes the copies in {team} later; tines-sync cannot see when."
    )
    return done(params.destination.id, f"Sync destination {params.destination.id} {how}. {copies}", sign=sign)


def _yes(said: bool) -> str:  # noqa: FBT001 - a word for it
    return "yes" if said else "no"
