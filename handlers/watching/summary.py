"""The weekly summary of a route, for those who want one: what was requested, and how its sync destinations did."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from handlers import announcements
from handlers.calendar import next_weekly
from handlers.models import Frozen, Request, State, Verdict
from handlers.operations.keys import standing
from handlers.routes import Route, Topology
from handlers.store import Store, Transaction
from handlers.watching.known import Health

_WEEK: Final = timedelta(days=7)
_NOT_APPROVED: Final = frozenset({State.PENDING, State.REJECTED, State.CANCELLED, State.EXPIRED})
_MOST: Final = 5_000  # sync destinations, or requests, that are counted
_IDS: Final = 500  # of one query


class RouteSummary(Frozen):
    """What happened on a route in a week."""

    route: str
    since: datetime
    until: datetime
    requested: int = 0
    approved: int = 0  # of those; without break-glass
    rejected: int = 0
    median_minutes: float | None = None  # from the request to its last approval
    failures: int = 0  # messages that told of a failure
    recoveries: int = 0
    failed_now: int = 0  # sync destinations
    old_keys: int = 0  # sync destinations that were last sent another key than the configured one


@dataclass(frozen=True, slots=True)
class Summarizer:
    """Tells the weekly summaries."""

    store: Store
    topology: Topology

    async def begin(self) -> None:
        """Plan the summaries that the configuration asks for, and no others. Raises `StoreUnavailableError`."""
        async with self.store.transaction() as transaction:
            await transaction.summaries.plan(
                {
                    route.name: next_weekly(self.topology.calendar, route.summary, transaction.now)
                    for route in self.topology.routes.values()
                    if route.summary is not None
                }
            )

    async def tell(self, name: str) -> None:
        """Tell a route's summary, if it is due. Raises `StoreUnavailableError`."""
        route = self.topology.routes.get(name)
        if route is None or route.summary is None:
            return  # a process with another configuration tells it
        async with self.store.transaction() as transaction:
            due = await transaction.summaries.locked(name)
            if due is None or due > transaction.now:
                return
            summary = await self._summary(transaction, route, due)
            for channel in route.notify or (route.approval_channel,):
                await transaction.outbox.announce(
                    f"{announcements.SUMMARY}:{name}:{int(due.timestamp())}:{channel}",
                    announcements.SUMMARY,
                    channel,
                    data=summary.model_dump(mode="json"),
                )
            following = next_weekly(self.topology.calendar, route.summary, transaction.now)
            await transaction.summaries.put_off(name, following)

    async def _summary(self, transaction: Transaction, route: Route, due: datetime) -> RouteSummary:
        since = due - _WEEK
        requests = await transaction.requests.made_between(route.name, since, due, limit=_MOST)
        events = await transaction.audit.data_of(("watched", "recovered"), since, due)
        known, _ = await transaction.destinations.worst([(route.source, route.destination)], limit=_MOST)
        return summarized(route.name, since, due, requests, events).model_copy(
            update={
                "failed_now": sum(each.health is Health.FAILED for each in known),
                "old_keys": await self._old_keys(transaction, route, [each.id for each in known]),
            }
        )

    async def _old_keys(self, transaction: Transaction, route: Route, ids: list[int]) -> int:
        if route.source == route.destination:
            return 0
        origins = self.topology.origins(route)
        sent = [each for each in await transaction.requests.rotations(route.source) if each.origins == origins]
        created: dict[int | None, list[Request]] = {}
        for start in range(0, len(ids), _IDS):
            some = ids[start : start + _IDS]
            for each in await transaction.requests.of_destinations(route.source, some, creating=True, limit=_MOST):
                if each.origins == origins:
                    created.setdefault(each.destination_id, []).append(each)
        tenant = self.topology.tenants[route.destination]
        return sum(standing(each, tenant, (*created.get(each, ()), *sent), None).older for each in ids)


def summarized(
    route: str, since: datetime, until: datetime, requests: Iterable[Request], events: Iterable[Mapping[str, Any]]
) -> RouteSummary:
    """Return the summary of what was requested on a route, and of what was told of its sync destinations. Pure."""
    asked = tuple(requests)
    told = [event for event in events if event.get("route") == route]
    approved = [each for each in asked if each.state not in _NOT_APPROVED and not each.emergency]
    waited = [minutes for each in approved if (minutes := _waited(each)) is not None]
    return RouteSummary(
        route=route,
        since=since,
        until=until,
        requested=len(asked),
        approved=len(approved),
        rejected=sum(each.state is State.REJECTED for each in asked),
        median_minutes=statistics.median(waited) if waited else None,
        failures=sum(bool(event.get("failed")) for event in told),
        recoveries=sum(bool(event.get("recovered")) for event in told),
    )


def _waited(request: Request) -> float | None:
    """Return for how many minutes a request waited for its last approval, None when nobody approved it."""
    given = [each.at for each in request.decisions if each.verdict is Verdict.APPROVE and each.withdrawn_at is None]
    return (max(given) - request.created_at).total_seconds() / 60 if given else None
