"""How the sync destinations of a person's routes are, from what watching knows; and muting one of them for a time.

Tines is not asked: whoever wants to know how things are while a tenant is down gets an answer all the same.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from handlers.models import Frozen
from handlers.requests.answers import NotNow, Refused
from handlers.requests.destinations import usable_routes
from handlers.requests.services import Services, refuse
from handlers.watching.known import Health, KnownDestination, KnownTenant

WORST: Final = 10  # sync destinations that are named
LONGEST_MUTE: Final = timedelta(days=90)


class HealthOverview(Frozen):
    """What a person may know of the health of their routes."""

    now: datetime
    watched: bool  # False: the configuration says that nobody looks
    tenants: tuple[KnownTenant, ...] = ()  # the source tenants of their routes
    counts: Mapping[Health, int] = {}
    worst: tuple[KnownDestination, ...] = ()  # those that failed or are behind, worst first
    routes: Mapping[tuple[str, str], str] = {}  # by aliases of source and destination


class Muted(Frozen):
    """A sync destination of which nothing new is told until a moment; None: from now on again."""

    destination: KnownDestination
    until: datetime | None


async def health(services: Services, actor: str) -> HealthOverview | Refused | NotNow:
    """Return how the sync destinations of a person's routes are."""
    routes = await usable_routes(services, actor, None, what="health")
    if not isinstance(routes, tuple):
        return routes
    directions = {(each.route.source, each.route.destination): each.route.name for each in routes}
    sources = {source for source, _ in directions}
    async with services.store.reading() as reader:
        tenants = await reader.destinations.tenants()
        counted = await reader.destinations.counts()
        worst, _ = await reader.destinations.worst(directions.keys(), limit=WORST)
        now = reader.now
    counts = dict.fromkeys(Health, 0)
    for (source, destination, state), count in counted.items():
        if (source, destination) in directions:
            counts[state] += count
    return HealthOverview(
        now=now,
        watched=bool(services.topology.watch.every),
        tenants=tuple(each for each in tenants if each.tenant in sources),
        counts=counts,
        worst=tuple(each for each in worst if each.health in {Health.FAILED, Health.BEHIND}),
        routes=directions,
    )


async def mute(
    services: Services, actor: str, destination_id: int, route: str | None, lasts: timedelta | None, reason: str
) -> Muted | Refused | NotNow:
    """Tell nothing new of a sync destination for a time, or tell again (None), for somebody who uses its route."""
    what = "mute" if lasts else "unmute"
    found = await watched_destination(services, actor, destination_id, route, what=what)
    if not isinstance(found, tuple):
        return found
    if lasts is not None and lasts > LONGEST_MUTE:
        return await refuse(services, actor, (f"Mute it for at most {LONGEST_MUTE.days} days.",), what=what)
    known, name = found
    async with services.store.transaction() as transaction:
        until = None if lasts is None else transaction.now + lasts
        await transaction.destinations.mute(known.source, known.id, until=until, by=actor, reason=reason)
        transaction.audit.record(
            "muted" if lasts else "unmuted",
            actor,
            known.created_by,
            tenant=known.source,
            destination_id=known.id,
            route=name,
            until=None if until is None else until.isoformat(),
            reason=reason,
        )
    return Muted(destination=known, until=until)


async def watched_destination(
    services: Services, actor: str, destination_id: int, route: str | None, *, what: str
) -> tuple[KnownDestination, str] | Refused | NotNow:
    """Return a sync destination that is watched, and the name of its route, to somebody who uses that route."""
    routes = await usable_routes(services, actor, route, what=what)
    if not isinstance(routes, tuple):
        return routes
    directions = {(each.route.source, each.route.destination): each.route.name for each in routes}
    async with services.store.reading() as reader:
        sources = dict.fromkeys(source for source, _ in directions)
        seen = [await reader.destinations.get(source, destination_id) for source in sources]
    found = [each for each in seen if each is not None and (each.source, each.destination) in directions]
    if len(found) != 1:
        which = "Add the route after the id." if found else "The list of sync destinations shows them."
        many = f"There are {len(found)}" if found else "There is no"
        reasons = (f"{many} sync destination {destination_id} that you can see and that is watched. {which}",)
        return await refuse(services, actor, reasons, what=what, route=route or "")
    known = found[0]
    return known, directions[known.source, known.destination]
