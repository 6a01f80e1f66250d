"""Sync destinations that a person may see: those of the routes they use, as they are on Tines now.

A destination belongs to a route when it is listed on the route's source tenant and leads to its destination tenant.
Those of other routes are not told of in any way, not even by number. What was requested for a destination comes from
our own record, as far as the person may read each request; everything else is looked up, and what Tines does not tell
is said in words.
"""

import asyncio
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from handlers.models import Frozen, Problem, Request, State, Team
from handlers.operations import AnyOperation
from handlers.operations.belonging import created_by, leads_to, reached_from
from handlers.operations.destination import DestinationDetail, DestinationRef
from handlers.operations.keys import KeyStanding, standing
from handlers.operations.registry import on_destinations
from handlers.people import PeopleUnavailableError, Person
from handlers.policy import Ruling, groups_of, may_request, may_use
from handlers.requests.answers import NotNow, Refused
from handlers.requests.rights import readable
from handlers.requests.services import OUTDATED_BUTTON, Services, refuse
from handlers.routes import Route, Topology
from handlers.store import ConfiguredKey
from handlers.tines import Listing, SyncDestination, TinesError
from handlers.watching.known import KnownDestination

PAGE: Final = 8  # sync destinations on a page
UNDER_WAY: Final = frozenset({State.PENDING, State.APPROVED, State.RUNNING, State.FOLLOWING})
_AT_ONCE: Final = 500  # sync destinations that requests are looked up for
_MOST: Final = 5_000  # requests about them
_THREADS: Final = 5  # the latest requests of a destination whose threads are linked
_LOOKED_BACK: Final = 25  # requests of a destination among which those are that the person may read


class RequestLine(Frozen):
    """A request, as far as a view of a sync destination tells of it."""

    id: str
    operation: str
    state: State
    requester: str  # Slack user id
    created_at: datetime

    @classmethod
    def of(cls, request: Request) -> "RequestLine":
        """Return the line of a request."""
        return cls(
            id=request.id,
            operation=request.operation,
            state=request.state,
            requester=request.requester,
            created_at=request.created_at,
        )


class Mute(Frozen):
    """Why nothing new is told of a sync destination for a time."""

    until: datetime
    by: str  # Slack user id
    reason: str


class SeenDestination(Frozen):
    """A sync destination as one person may see it, with those of its requests that they may read."""

    detail: DestinationDetail
    source: str  # tenant alias
    destination: str  # tenant alias
    unreadable: int = 0  # records of stories that could not be read
    created: RequestLine | None = None  # the request that created it; None: none that the person may read
    under_way: tuple[RequestLine, ...] = ()
    latest: tuple[RequestLine, ...] = ()  # requests about it, newest first
    may: tuple[str, ...] = ()  # the operations that the person may ask for
    key: KeyStanding | None = None  # None within one tenant, where no key is used
    watched: bool = False  # whether what changes on it is told
    mute: Mute | None = None

    @property
    def synced(self) -> int:
        """How many stories are synced."""
        return sum(status.synced for status in self.detail.statuses)

    @property
    def failed(self) -> int:
        """How many stories failed."""
        return sum(status.failed for status in self.detail.statuses)

    @property
    def waiting(self) -> int:
        """How many stories need a sync."""
        return sum(status.needs_sync for status in self.detail.statuses)


class _Recorded(NamedTuple):
    """What our record has about a sync destination, whoever may read it."""

    creating: tuple[Request, ...]  # those that may have created it
    under_way: tuple[Request, ...]
    latest: tuple[Request, ...]
    rotations: tuple[Request, ...]  # of its source tenant
    configured: Mapping[str, ConfiguredKey]
    known: KnownDestination | None
    now: datetime

    @property
    def told(self) -> tuple[Request, ...]:
        """All that a view may tell of."""
        return (*self.creating, *self.under_way, *self.latest)


class TenantProblem(Frozen):
    """A source tenant whose sync destinations could not be listed, and why."""

    tenant: str
    problem: Problem


class DestinationPage(Frozen):
    """One page of the sync destinations that a person may see and searched for."""

    items: tuple[SeenDestination, ...]
    page: int = 1  # counts from 1
    pages: int = 1
    total: int = 0  # that match
    unreadable: int = 0  # records of listings that could not be read
    incomplete: bool = False  # there were more than is ever read of one listing
    problems: tuple[TenantProblem, ...] = ()


class UsableRoute(Frozen):
    """A route that a person may use, and the operations on its destinations that they may ask for."""

    route: Route
    may: tuple[str, ...]


async def list_destinations(
    services: Services, actor: str, route: str | None = None, *, query: str = "", page: int = 1
) -> DestinationPage | Refused | NotNow:
    """Return a page of the sync destinations of a person's routes, or of one of them, that match the query."""
    routes = await usable_routes(services, actor, route, what="destinations")
    if not isinstance(routes, tuple):
        return routes
    sources = tuple(dict.fromkeys(each.route.source for each in routes))
    listings = await asyncio.gather(*(_listing(services, source) for source in sources))
    found: list[SeenDestination] = []
    problems: list[TenantProblem] = []
    unreadable, incomplete = 0, False
    teams = await _teams(services, sources)
    for source, listing in zip(sources, listings, strict=True):
        if isinstance(listing, Problem):
            problems.append(TenantProblem(tenant=source, problem=listing))
            continue
        unreadable += listing.unreadable
        incomplete = incomplete or not listing.complete
        made = await _made(services, source, listing)
        found.extend(assigned(services.topology, routes, source, listing, teams, made))
    matching = [each for each in found if matches(each.detail, query)]
    matching.sort(key=lambda each: (each.detail.ref.source_team.name.casefold(), each.source, each.detail.ref.id))
    pages = max(1, math.ceil(len(matching) / PAGE))
    page = min(max(page, 1), pages)
    items = await _with_requests(services, actor, matching[(page - 1) * PAGE : page * PAGE], what="destinations")
    if isinstance(items, NotNow):
        return items
    return DestinationPage(
        items=items,
        page=page,
        pages=pages,
        total=len(matching),
        unreadable=unreadable,
        incomplete=incomplete,
        problems=tuple(problems),
    )


async def read_destination(
    services: Services, actor: str, destination_id: int, route: str | None = None, *, what: str = "destination"
) -> SeenDestination | Refused | NotNow:
    """Return one sync destination as it is now, to somebody who uses its route; `what` is what they attempt."""
    routes = await usable_routes(services, actor, route, what=what)
    if not isinstance(routes, tuple):
        return routes
    sources = tuple(dict.fromkeys(each.route.source for each in routes))
    shown = await asyncio.gather(*(_shown(services, source, destination_id) for source in sources))
    teams = await _teams(services, sources)
    found = [
        seen
        for source, each in zip(sources, shown, strict=True)
        if isinstance(each, SyncDestination)
        for seen in assigned(services.topology, routes, source, (each,), teams, await _made(services, source, (each,)))
    ]
    if len(found) > 1:
        where = " and ".join(each.source for each in found)
        which = f"There is a sync destination {destination_id} on {where}. Add the route as well."
        return await refuse(services, actor, (which,), what=what)
    if found:
        told = await _with_requests(services, actor, found, what=what)
        return told if isinstance(told, NotNow) else told[0]
    problem = next((each for each in shown if isinstance(each, Problem)), None)
    if problem is not None:
        await refuse(services, actor, (problem.what,), what=what, route=route or "")
        return NotNow(problem=problem)
    reasons = (f"There is no sync destination {destination_id} that you can see.",)
    return await refuse(services, actor, reasons, what=what)


async def destination_for(
    services: Services, actor: str, destination_id: int, route: str | None, operation: str
) -> SeenDestination | Refused | NotNow:
    """Return a sync destination to somebody who may ask for an operation on it."""
    seen = await read_destination(services, actor, destination_id, route, what=operation)
    if not isinstance(seen, SeenDestination) or operation in seen.may:
        return seen
    name = seen.detail.route
    policy = services.topology.policy_for(name, operation)
    if policy is None or operation not in on_destinations(services.executor.operations):
        return await refuse(services, actor, (OUTDATED_BUTTON,), what=operation, route=name)
    person = await services.people.person(actor, groups_on(services.topology.routes[name]))
    return await refuse(services, actor, may_request(policy, person).reasons, what=operation, route=name)


# --- pure ----------------------------------------------------------------------------------------------------------


def usable(route: Route, person: Person, operations: Mapping[str, AnyOperation]) -> UsableRoute | Ruling:
    """Return a route with what the person may ask for on its destinations, or why they do not use it."""
    policies = [route.for_operation(each) for each in on_destinations(operations)]
    rulings = [may_use(each, person) for each in (route, *policies)]
    if not any(ruling.allowed for ruling in rulings):
        return rulings[0]
    return UsableRoute(route=route, may=tuple(each.operation for each in policies if may_request(each, person).allowed))


def groups_on(route: Route) -> frozenset[str]:
    """Return the user groups that the policies of a route list: its own, and those of its operations."""
    return groups_of(route).union(*(groups_of(route.for_operation(each)) for each in route.operations))


def assigned(
    topology: Topology,
    routes: Sequence[UsableRoute],
    source: str,
    found: Iterable[SyncDestination],
    teams: Mapping[str, Mapping[int, Team]],
    made: Collection[Request] = (),
) -> Iterable[SeenDestination]:
    """Yield the destinations of a source tenant that lead where one of the routes does.

    `made` are requests about those whose address does not tell. Of several routes between the same tenants, the one counts on which the person may do most.
    """
    leading = sorted((each for each in routes if each.route.source == source), key=lambda each: -len(each.may))
    for each in found:
        leads = leads_to(each, source, topology, teams, made)
        mine = next((one for one in leading if leads is not None and one.route.destination == leads.tenant), None)
        if leads is None or mine is None:
            continue
        ref = DestinationRef(
            id=each.id,
            source_team=_team(teams, source, each.origin_team_id),
            destination_team=_team(teams, mine.route.destination, each.destination_team_id),
            written=leads.written,
        )
        yield SeenDestination(
            detail=DestinationDetail(
                ref=ref, route=mine.route.name, statuses=each.statuses(), manual=each.manual_sync_only
            ),
            source=source,
            destination=mine.route.destination,
            unreadable=each.unreadable,
            may=mine.may,
        )


def matches(detail: DestinationDetail, query: str) -> bool:
    """Whether every word of a query is in a name of a team or story, or is an id, of the destination."""
    ref = detail.ref
    names = [ref.source_team.name, ref.destination_team.name, *(status.name for status in detail.statuses)]
    ids = {
        str(number)
        for number in (
            ref.id,
            ref.source_team.id,
            ref.destination_team.id,
            *(status.story_id for status in detail.statuses),
        )
    }
    whole = "\n".join(names).casefold()
    return all(word in whole or word.lstrip("#") in ids for word in query.casefold().split())


def creation(requests: Iterable[Request], source: str, topology: Topology) -> Request | None:
    """Return the request that made a destination: not one that only added stories, nor one between other tenants."""
    return next((each for each in requests if created_by(each, source, topology)), None)


def _lines(requests: Iterable[Request | None], seen: Collection[str]) -> Iterator[RequestLine]:
    """Yield the lines of those requests that somebody may read, given the ids of all that they may."""
    return (RequestLine.of(each) for each in requests if each is not None and each.id in seen)


def _team(teams: Mapping[str, Mapping[int, Team]], tenant: str, team_id: int) -> Team:
    return teams.get(tenant, {}).get(team_id) or Team(id=team_id, name=f"team {team_id}")


def _resource(topology: Topology, seen: SeenDestination) -> str:
    ref, route = seen.detail.ref, topology.routes[seen.detail.route]
    return topology.pair(route, ref.source_team.id, ref.destination_team.id)


def _key(
    topology: Topology,
    seen: SeenDestination,
    requests: Iterable[Request],
    configured: Mapping[str, ConfiguredKey],
) -> KeyStanding | None:
    """Return which key a destination was sent; only what was sent between the tenants of now counts."""
    if seen.source == seen.destination:
        return None
    origins = topology.origins(topology.routes[seen.detail.route])
    known = configured.get(seen.destination)
    sent = [each for each in requests if each.origins == origins]
    return standing(seen.detail.ref.id, topology.tenants[seen.destination], sent, known.since if known else None)


def _mute(known: KnownDestination | None, now: datetime) -> Mute | None:
    if known is None or known.muted_until is None or not known.muted(now):
        return None
    return Mute(until=known.muted_until, by=known.muted_by, reason=known.mute_reason)


# --- looking up ----------------------------------------------------------------------------------------------------


async def usable_routes(
    services: Services, actor: str, name: str | None, *, what: str
) -> tuple[UsableRoute, ...] | Refused | NotNow:
    """Return the routes that a person may use, those of one name or all; a refusal tells of no route they do not use."""
    topology = services.topology
    named = [route for each, route in topology.routes.items() if name is None or each.casefold() == name.casefold()]
    try:
        for fresh in (False, True):  # nobody is refused because of an old answer
            people = await asyncio.gather(
                *(services.people.person(actor, groups_on(each), fresh=fresh) for each in named)
            )
            operations = services.executor.operations
            found = [usable(each, person, operations) for each, person in zip(named, people, strict=True)]
            routes = tuple(each for each in found if isinstance(each, UsableRoute))
            if routes:
                return routes
    except PeopleUnavailableError as error:
        return await _unknown(services, actor, error, what=what)
    if name is not None:
        return await refuse(services, actor, (f"There is no route {name} that you can use.",), what=what)
    reasons = dict.fromkeys(reason for each in found if isinstance(each, Ruling) for reason in each.reasons)
    return await refuse(services, actor, tuple(reasons) or ("No route is configured.",), what=what)


async def _unknown(services: Services, actor: str, error: PeopleUnavailableError, *, what: str) -> NotNow:
    """Record that Slack does not say who a person is, and return what they are answered."""
    problem = Problem(
        what="Slack does not say who you are right now", words=str(error), advice="Try again in a minute."
    )
    await refuse(services, actor, (problem.what,), what=what)
    return NotNow(problem=problem)


async def _listing(services: Services, source: str) -> Listing[SyncDestination] | Problem:
    try:
        return await services.catalogue.destinations(source)
    except TinesError as error:
        return error.problem()


async def _shown(services: Services, source: str, destination_id: int) -> SyncDestination | Problem | None:
    try:
        return await services.catalogue.destination(source, destination_id)
    except TinesError as error:
        return error.problem()


async def _made(services: Services, source: str, found: Iterable[SyncDestination]) -> tuple[Request, ...]:
    """Return the requests about those destinations whose address does not tell where they lead."""
    unclear = [each.id for each in found if leads_to(each, source, services.topology) is None]
    made: list[Request] = []
    async with services.store.reading() as reader:
        for start in range(0, len(unclear), _AT_ONCE):
            some = unclear[start : start + _AT_ONCE]
            made.extend(await reader.requests.of_destinations(source, some, creating=True, limit=_MOST))
    return tuple(made)


async def _teams(services: Services, sources: Sequence[str]) -> Mapping[str, Mapping[int, Team]]:
    reached = (alias for source in sources for alias in (source, *reached_from(source, services.topology)))
    tenants = tuple(dict.fromkeys(reached))
    found = await asyncio.gather(*(services.catalogue.team_names(alias) for alias in tenants))
    return dict(zip(tenants, found, strict=True))


async def _with_requests(
    services: Services, actor: str, found: Collection[SeenDestination], *, what: str
) -> tuple[SeenDestination, ...] | NotNow:
    """Add what was requested here for each of a few destinations, as far as the person may read it.

    Who uses a destination for one operation need not be allowed to read what was asked by another, or on another route
    between the same tenants.
    """
    topology = services.topology
    recorded = await _recorded(services, found)
    try:
        seen = await readable(services, actor, [each for one in recorded for each in one.told])
    except PeopleUnavailableError as error:
        return await _unknown(services, actor, error, what=what)
    return tuple(
        each.model_copy(
            update={
                "created": next(_lines((creation(one.creating, each.source, topology),), seen), None),
                "under_way": tuple(_lines(one.under_way, seen)),
                "key": _key(topology, each, (*one.creating, *one.rotations), one.configured),
                "latest": tuple(_lines(one.latest, seen))[:_THREADS],
                "watched": one.known is not None,
                "mute": _mute(one.known, one.now),
            }
        )
        for each, one in zip(found, recorded, strict=True)
    )


async def _recorded(services: Services, found: Collection[SeenDestination]) -> tuple[_Recorded, ...]:
    """Return what our record has about each of a few destinations, whoever may read it."""
    topology = services.topology
    resources = [_resource(topology, each) for each in found]
    recorded: list[_Recorded] = []
    async with services.store.reading() as reader:
        under_way = await reader.requests.on_resources(resources, UNDER_WAY)
        configured = await reader.keys.all()
        rotations = {source: await reader.requests.rotations(source) for source in {each.source for each in found}}
        for each, resource in zip(found, resources, strict=True):
            number, origins = each.detail.ref.id, topology.origins(topology.routes[each.detail.route])
            latest = await reader.requests.of_destinations(each.source, (number,), limit=_LOOKED_BACK)
            recorded.append(
                _Recorded(
                    creating=await reader.requests.of_destinations(each.source, (number,), creating=True),
                    under_way=tuple(one for one in under_way if one.resource == resource),
                    latest=tuple(one for one in latest if one.origins == origins),
                    rotations=rotations[each.source],
                    configured=configured,
                    known=await reader.destinations.get(each.source, number) if topology.watch.every else None,
                    now=reader.now,
                )
            )
    return tuple(recorded)


async def known_between(services: Services, route: Route, source_team: int, destination_team: int) -> tuple[int, ...]:
    """Return the ids of the sync destinations between two teams of a route's tenants, as watching knows them.

    Raises `StoreUnavailableError`.
    """
    async with services.store.reading() as reader:
        return await reader.destinations.between((route.source, source_team), (route.destination, destination_team))
