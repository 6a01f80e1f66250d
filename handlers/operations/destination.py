"""What the operations on an existing sync destination share: which one it is, what is in it, and what a call came to.

A destination's teams and tenant never change, so all requests for one pair of teams, creating included, wait for each
other by the same name: a delete never overtakes a sync, and an addition never races a removal.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from typing import ClassVar, Final, TypeVar

from pydantic import JsonValue

from handlers.models import Facts, Frozen, Params, Problem, Request, State, Story, StoryStatus, Team
from handlers.operations.belonging import leads_to, reached_from
from handlers.operations.following import NOT_FOUND
from handlers.operations.outcomes import Finished, NotSent, Refused, Sent, Unknown
from handlers.operations.protocol import Access, Operation, Wrong
from handlers.operations.schedule import asked_to_wait, is_transient
from handlers.routes import Route, Topology
from handlers.tines import SyncDestination, TinesError, UnknownOutcomeError

SOON: Final = timedelta(seconds=5)
WHY_WHOLE: Final = (
    "Changing its stories here would remove the ones that cannot be read, so nothing was sent. Change them in Tines."
)


class DestinationRef(Frozen):
    """A sync destination, with its teams as they were called when it was chosen."""

    id: int
    source_team: Team
    destination_team: Team
    written: str | None = None  # the tenant's address as Tines writes it, where that is not surely the tenant's


class DestinationDetail(Frozen):
    """A sync destination as it was looked up for a person who may see it, with the route that it belongs to."""

    ref: DestinationRef
    route: str
    statuses: tuple[StoryStatus, ...] = ()
    manual: bool | None = None  # None: unknown


class DestinationParams(Params):
    """What every operation on a destination asks for."""

    v: int = 1
    destination: DestinationRef

    def essence(self) -> object:
        """Return what is sent; the teams' names change nothing."""
        return {**self.model_dump(mode="json", exclude={"destination", "stories"}), "destination": self.destination.id}


class DestinationFacts(Facts):
    """A destination as it is now."""

    replaces_set: ClassVar[bool] = False  # True: for a call that names every story that is to be in it afterwards
    v: int = 1
    statuses: tuple[StoryStatus, ...] = ()  # of every story in it
    manual: bool | None = None  # None: unknown
    missing: bool = False  # there is no such destination any more
    unreadable: int = 0  # stories in it that could not be read

    @property
    def story_ids(self) -> frozenset[int]:
        """Ids of the stories in it, as far as they can be read."""
        return frozenset(status.story_id for status in self.statuses)

    @property
    def possible(self) -> bool:
        """Whether the call can be made: on what is there, and without removing stories that could not be read."""
        return not (self.missing or (self.replaces_set and self.unreadable))


class Nothing(Frozen):
    """What is kept for a call that needs nothing kept."""

    v: int = 1


class DestinationResult(Frozen):
    """What an operation on a destination came to that syncs no stories."""

    v: int = 1
    destination_id: int
    text: str  # one sentence in plain words


P = TypeVar("P", bound=DestinationParams)
F = TypeVar("F", bound=DestinationFacts)
W = TypeVar("W", bound=Frozen)
R = TypeVar("R", bound=Frozen)


class DestinationOperation(Operation[P, F, W, R]):
    """An operation on a sync destination that is there."""

    on_destination: ClassVar[bool] = True

    def resource(self, params: P, topology: Topology, route: Route) -> str:
        """Return the name of the destination's pair of teams."""
        ref = params.destination
        return topology.pair(route, ref.source_team.id, ref.destination_team.id)

    def destination_of(self, request: Request) -> int | None:
        """Return the destination that the request is about."""
        return self.params_of(request).destination.id

    def can_be_done(self, facts: F) -> bool:
        """Whether the destination is there, and can be read as far as it must be."""
        return facts.possible

    def changes(self, params: P, before: F | None, now: F) -> tuple[str, ...]:
        """Say that the destination is gone, or that what would be done is different."""
        if now.missing:
            return (f"Sync destination {params.destination.id} no longer exists.",)
        if not now.possible:
            return (f"{not_read(now.unreadable, params.destination.id)}.",)
        return super().changes(params, before, now)


async def chosen(access: Access, destination_id: object) -> tuple[SyncDestination, DestinationRef] | Wrong:
    """Return the destination that a form names, if it is one of the route's. Raises `TinesError`.

    A destination that leads to another tenant is none.
    """
    gone = Wrong(fields={"destination": f"There is no such sync destination on {access.route.source} for this route."})
    if not isinstance(destination_id, int):
        return gone
    try:
        found = await access.source.show_destination(destination_id)
    except TinesError as error:
        if error.status == NOT_FOUND:
            return gone
        raise
    ref = await ref_of(access, found)
    return gone if ref is None else (found, ref)


async def ref_of(access: Access, found: SyncDestination) -> DestinationRef | None:
    """Return a destination of the source tenant with its teams' names, None when it does not lead where the route does."""
    source, topology = access.route.source, access.topology
    leads = leads_to(found, source, topology)
    if leads is None:
        teams = {alias: await access.catalogue.team_names(alias) for alias in reached_from(source, topology)}
        leads = leads_to(found, source, topology, teams, await access.requests_about(found.id))
    if leads is None or leads.tenant != access.route.destination:
        return None
    return DestinationRef(
        id=found.id,
        source_team=await _team(access, access.route.source, found.origin_team_id),
        destination_team=await _team(access, access.route.destination, found.destination_team_id),
        written=leads.written,
    )


async def _team(access: Access, tenant: str, team_id: int) -> Team:
    known = access.catalogue.cached_teams(tenant)
    if known is not None and team_id in known:
        return known[team_id]
    try:
        return await access.catalogue.team_now(tenant, team_id) or Team(id=team_id, name=f"team {team_id}")
    except TinesError:
        return Team(id=team_id, name=f"team {team_id}")  # a name is a courtesy


async def shown(access: Access, destination_id: int) -> SyncDestination | None:
    """Return a destination as it is now, None when there is none any more. Raises `TinesError` for anything else."""
    try:
        return await access.source.show_destination(destination_id)
    except TinesError as error:
        if error.status == NOT_FOUND:
            return None
        raise


def ids_asked(asked: Mapping[str, JsonValue]) -> list[int]:
    """Return the ids of the stories that a form names, and of those that it began from and could not show one by one."""
    named = asked.get("story_ids")
    kept = asked.get("kept")
    before = kept.get("stories") if isinstance(kept, dict) and _same_destination(kept, asked) else None
    stories = before if isinstance(before, list) else []
    earlier = [each.get("id") for each in stories if isinstance(each, dict)]
    return [each for each in (*(named if isinstance(named, list) else ()), *earlier) if isinstance(each, int)]


def _same_destination(kept: Mapping[str, JsonValue], asked: Mapping[str, JsonValue]) -> bool:
    ref = kept.get("destination")
    return isinstance(ref, dict) and ref.get("id") == asked.get("destination_id")


def stories_of(found: SyncDestination, ids: Collection[int] | None) -> tuple[Story, ...]:
    """Return those stories of a destination that have the ids; every one for None."""
    return tuple(
        Story(id=status.story_id, name=status.name)
        for status in found.statuses()
        if ids is None or status.story_id in ids
    )


async def sent_once(call: Callable[[], Awaitable[Sent]]) -> Sent:
    """Make a call that changes something, and return what is known of it."""
    try:
        return await call()
    except UnknownOutcomeError as error:
        return Unknown(problem=error.problem())
    except TinesError as error:
        if is_transient(error):
            return NotSent(problem=error.problem(), at_least=asked_to_wait(error))
        return Refused(problem=error.problem())


def done(destination_id: int, text: str, **outcome: object) -> Finished:
    """Return the end of an operation that is done with its call."""
    result = DestinationResult(destination_id=destination_id, text=text)
    return Finished.model_validate({"state": State.SUCCEEDED, "result": result, **outcome})


def not_whole(found: SyncDestination) -> Refused | None:
    """Return the end of a change of the set of stories when not all of it can be read, None when all can.

    An update replaces the whole set: what could not be read would be taken out of the sync.
    """
    if not found.unreadable:
        return None
    return Refused(problem=Problem(what=not_read(found.unreadable, found.id), advice=WHY_WHOLE))


def not_read(number: int, destination_id: int) -> str:
    """Say how many stories of a destination could not be read."""
    return f"{'1 story' if number == 1 else f'{number} stories'} of sync destination {destination_id} could not be read"


def gone(request: Request, ref: DestinationRef) -> Refused:
    """Return the end of an operation on a destination that no longer exists."""
    return Refused(problem=not_there(request.source, ref))


def not_there(source: str, ref: DestinationRef) -> Problem:
    """Return what is known when Tines says that there is no such destination."""
    return Problem(
        what=f"Sync destination {ref.id} no longer exists",
        advice=f"Somebody deleted it on {source}, or its key may no longer see it.",
        status=NOT_FOUND,
    )
