"""What concerns a person: what waits for their decision, what they asked for, and the frozen routes that they use.

It is looked up without an attempt at anything, so that nothing is recorded as refused: what a person may not read is
left out.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from pydantic import Field

from handlers.models import Frozen, Request
from handlers.operations import AnyOperation
from handlers.people import Person
from handlers.policy import Freeze, may_freeze, may_read, may_reject
from handlers.requests.destinations import UsableRoute, groups_on, usable
from handlers.requests.services import Services, identified
from handlers.routes import Route, Topology
from handlers.store import HomePages, Reader
from handlers.watching.known import KnownDestination, KnownTenant

T = TypeVar("T")
PART: Final = 8  # entries on a page of a part: with all parts full, a view stays within 100 blocks


class Part(Frozen, Generic[T]):
    """One page of a part."""

    items: tuple[T, ...] = ()
    page: int = 1  # counts from 1
    pages: int = 1
    total: int = 0


class FrozenRoute(Frozen):
    """A frozen route."""

    freeze: Freeze
    may_unfreeze: bool = False


class WatchedDestinations(Part[KnownDestination]):
    """One page of the sync destinations of the routes that a person uses, worst first, as watching knows them."""

    watched: bool = False  # whether anybody looks
    unseen: tuple[KnownTenant, ...] = ()  # source tenants that cannot be watched now
    routes: Mapping[tuple[str, str], str] = {}  # by aliases of source and destination


class Overview(Frozen):
    """What concerns a person."""

    now: datetime = datetime.min.replace(tzinfo=UTC)

    waiting: Part[Request] = Field(default_factory=Part[Request])
    mine: Part[Request] = Field(default_factory=Part[Request])
    destinations: WatchedDestinations = Field(default_factory=WatchedDestinations)
    frozen: Part[FrozenRoute] = Field(default_factory=Part[FrozenRoute])
    uses: tuple[str, ...] = ()  # the routes that they use

    @property
    def pages(self) -> HomePages:
        """Which page of each part it shows."""
        return HomePages(
            waiting=self.waiting.page,
            mine=self.mine.page,
            destinations=self.destinations.page,
            frozen=self.frozen.page,
        )


class Listed(Part[Request]):
    """A page of what waits for a person's decision, and after that of what they asked for."""

    waiting: int = 0  # how many of its items wait for their decision; they come first


class Rights(Frozen):
    """What a person may see, by route."""

    uses: tuple[UsableRoute, ...] = ()
    decides: tuple[tuple[str, str], ...] = ()  # route and operation
    reads_own: bool = False  # whether there is a route on which they may read what they asked for
    hidden: tuple[str, ...] = ()  # routes on which they may not
    unfreezes: tuple[str, ...] = ()


async def rights_of(services: Services, actor: str) -> Rights:
    """Return what a person may see. Raises `PeopleUnavailableError`."""
    topology = services.topology
    routes = tuple(topology.routes.values())
    people = await asyncio.gather(*(services.people.person(actor, groups_on(route)) for route in routes))
    return rights_on(tuple(zip(routes, people, strict=True)), services.executor.operations)


def rights_on(routes: Sequence[tuple[Route, Person]], operations: Mapping[str, AnyOperation]) -> Rights:
    """Return what a person may see, given the routes, each with the person as its policy knows them. Pure."""
    found = [usable(route, person, operations) for route, person in routes]
    hidden = tuple(
        route.name
        for route, person in routes
        if not may_read(route, person, requester=person.id, request_id="").allowed
    )
    return Rights(
        uses=tuple(each for each in found if isinstance(each, UsableRoute)),
        decides=tuple(
            (route.name, operation)
            for route, person in routes
            for operation in operations
            if may_reject(route.for_operation(operation), person, requester="").allowed
        ),
        reads_own=len(hidden) < len(routes),
        hidden=hidden,
        unfreezes=tuple(route.name for route, person in routes if may_freeze(route, person).allowed),
    )


async def open_home(services: Services, actor: str, pages: HomePages) -> None:
    """Order a person's App Home to be published, with these pages, and kept fresh for a day."""
    async with services.store.transaction() as transaction:
        await transaction.homes.opened(actor, pages)


async def overview(services: Services, actor: str, pages: HomePages) -> tuple[Overview, str]:
    """Return what concerns a person, and the mark of what it was drawn from.

    Raises `PeopleUnavailableError` and `StoreUnavailableError`.
    """
    rights = await rights_of(services, actor)
    ids = (await identified(services, actor)).ids
    async with services.store.reading() as reader:
        mark = await reader.homes.mark()  # first: what changes while it is read is looked at again
        waiting = await _waiting(reader, rights, ids, pages.waiting)
        mine = await _mine(reader, rights, ids, pages.mine)
        destinations = await _destinations(services.topology, reader, rights, pages.destinations)
        freezes = await reader.freezes.all()
        now = reader.now
    uses = tuple(each.route.name for each in rights.uses)
    frozen = [
        FrozenRoute(freeze=freeze, may_unfreeze=name in rights.unfreezes)
        for name, freeze in sorted(freezes.items())
        if name in uses
    ]
    found = Overview(
        now=now,
        waiting=waiting,
        mine=mine,
        destinations=destinations,
        frozen=part_of(frozen, pages.frozen),
        uses=uses,
    )
    return found, mark


async def listed(services: Services, actor: str, page: int) -> Listed:
    """Return a page of what waits for a person and of what they asked for.

    Raises `PeopleUnavailableError` and `StoreUnavailableError`.
    """
    rights = await rights_of(services, actor)
    ids = (await identified(services, actor)).ids
    async with services.store.reading() as reader:
        _, waiting = await reader.requests.waiting_on(rights.decides, but_not=ids, limit=0)
        _, own = await _own(reader, rights, ids, limit=0)
        page, pages = _within(page, waiting + own)
        skip = (page - 1) * PART
        first: tuple[Request, ...] = ()
        second: tuple[Request, ...] = ()
        if skip < waiting:
            first, _ = await reader.requests.waiting_on(rights.decides, but_not=ids, limit=PART, offset=skip)
        if len(first) < PART:
            skip = max(0, skip - waiting)
            second, _ = await _own(reader, rights, ids, limit=PART - len(first), offset=skip)
    return Listed(items=first + second, page=page, pages=pages, total=waiting + own, waiting=len(first))


async def _waiting(reader: Reader, rights: Rights, ids: frozenset[str], page: int) -> Part[Request]:
    _, total = await reader.requests.waiting_on(rights.decides, but_not=ids, limit=0)
    page, pages = _within(page, total)
    found, _ = await reader.requests.waiting_on(rights.decides, but_not=ids, limit=PART, offset=(page - 1) * PART)
    return Part(items=found, page=page, pages=pages, total=total)


async def _mine(reader: Reader, rights: Rights, ids: frozenset[str], page: int) -> Part[Request]:
    _, total = await _own(reader, rights, ids, limit=0)
    page, pages = _within(page, total)
    found, _ = await _own(reader, rights, ids, limit=PART, offset=(page - 1) * PART)
    return Part(items=found, page=page, pages=pages, total=total)


async def _own(
    reader: Reader, rights: Rights, ids: frozenset[str], *, limit: int, offset: int = 0
) -> tuple[tuple[Request, ...], int]:
    """Return what a person asked for and may read, and how much there is: also on routes that are retired by now."""
    if not rights.reads_own:
        return (), 0
    return await reader.requests.requested_by(*ids, but_on=rights.hidden, limit=limit, offset=offset)


async def _destinations(topology: Topology, reader: Reader, rights: Rights, page: int) -> WatchedDestinations:
    if not topology.watch.every:
        return WatchedDestinations()
    routes = {(each.route.source, each.route.destination): each.route.name for each in rights.uses}
    _, total = await reader.destinations.worst(routes.keys(), limit=1)
    page, pages = _within(page, total)
    found, _ = await reader.destinations.worst(routes.keys(), limit=PART, offset=(page - 1) * PART)
    sources = {source for source, _ in routes}
    unseen = [each for each in await reader.destinations.tenants() if each.tenant in sources and each.failing_since]
    return WatchedDestinations(
        items=found, page=page, pages=pages, total=total, watched=True, unseen=tuple(unseen), routes=routes
    )


def part_of(items: Sequence[T], page: int) -> Part[T]:
    """Return a page of what is known whole."""
    page, pages = _within(page, len(items))
    return Part(items=tuple(items[(page - 1) * PART : page * PART]), page=page, pages=pages, total=len(items))


def _within(page: int, total: int) -> tuple[int, int]:
    """Return the page to show, of how many: the last one where there are fewer than asked for."""
    pages = max(1, math.ceil(total / PART))
    return min(max(page, 1), pages), pages
