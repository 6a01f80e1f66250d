"""The job that watches a source tenant: one listing, compared with what was known, written down and announced at once.

The listing is read outside of any transaction. What it shows is compared with the rows as they were right before it;
then one transaction writes rows, announcements and when to look next, if no other process has written a round
meanwhile. So a process that dies in between has told nothing, and one that was frozen tells nothing a second time.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog

from handlers import announcements
from handlers.catalogue import Catalogue
from handlers.models import Problem, Request, State, Team
from handlers.operations import AnyOperation
from handlers.operations.belonging import created_by, leads_to, reached_from
from handlers.operations.following import NOT_FOUND, SyncResult
from handlers.routes import Route, Topology
from handlers.store import SYSTEM, Store, Transaction
from handlers.tines import Listing, SyncDestination, TinesClient, TinesError
from handlers.watching.comparison import Look, Seen, absent, look
from handlers.watching.known import KnownDestination, KnownTenant, Report
from handlers.watching.telling import Own, Telling, posted, tell

_SOON: Final = timedelta(minutes=1)  # after which a look that failed is repeated
_OVERLAP: Final = timedelta(minutes=2)  # a request counts from that long before the look before
_LINK_FOR: Final = timedelta(days=1)  # for which a new destination may still get to know its request
_CHUNK: Final = 100  # destinations compared without letting others have a turn
_MOST_CONFIRMED: Final = 20  # destinations of one round that are asked for because they are not listed
_AT_ONCE: Final = 2  # tenants that one process looks at
_IDS: Final = 500  # of one query
_MOST_REQUESTS: Final = 5_000  # of one query


@dataclass(frozen=True, slots=True)
class Watcher:
    """Watches source tenants. With a time of nothing between two looks, nobody watches."""

    store: Store
    topology: Topology
    clients: Mapping[str, TinesClient]
    catalogue: Catalogue
    operations: Mapping[str, AnyOperation]
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def begin(self) -> None:
        """Watch the source tenants of the configuration, and no others. Raises `StoreUnavailableError`."""
        async with self.store.transaction() as transaction:
            await transaction.destinations.watch(self._origins())

    def _origins(self) -> dict[str, str]:
        if not self.topology.watch.every:
            return {}
        sources = dict.fromkeys(route.source for route in self.topology.routes.values())
        return {alias: self.topology.tenants[alias].url for alias in sources}

    async def look(self, tenant: str) -> None:
        """Look at the sync destinations of a tenant, if that is due. Raises `StoreUnavailableError`."""
        async with self._turns:
            async with self.store.reading() as reader:
                known = await reader.destinations.tenant(tenant)
                if known is None or known.next_run_at is None or known.next_run_at > reader.now:
                    return
                before = await reader.destinations.of(tenant)
            if self._origins().get(tenant) != known.origin:
                return  # a process with another configuration watches it
            began = self.store.clock()
            try:
                listing = await self.clients[tenant].list_destinations()
                gone = await self._gone(tenant, before, listing)
            except TinesError as error:
                await self._failed(known, error.problem())
                return
            await self._write(_Round(known, before, listing, gone, began))

    async def _gone(
        self, tenant: str, before: Mapping[int, KnownDestination], listing: Listing[SyncDestination]
    ) -> frozenset[int]:
        """Return the destinations that are surely deleted: not in the listing, and not there when asked for by id.

        A listing can lack what could not be read, or what came while its pages were turned. Raises `TinesError`.
        """
        gone = set()
        for destination_id in absent(before, [each.id for each in listing])[:_MOST_CONFIRMED]:
            try:
                await self.clients[tenant].show_destination(destination_id)
            except TinesError as error:
                if error.status != NOT_FOUND:
                    raise
                gone.add(destination_id)
        return frozenset(gone)

    # ---- a good round

    async def _write(self, this: "_Round") -> None:
        seen = await self._seen(this)
        looks: list[Look] = []
        for start in range(0, len(seen), _CHUNK):
            looks.extend(
                look(this.before.get(each.id), each, this.began, self.topology.watch.behind_after)
                for each in seen[start : start + _CHUNK]
            )
            await asyncio.sleep(0)  # others have a turn
        looks += [Look(this.before[gone], None) for gone in sorted(this.gone)]
        interesting = [each for each in looks if self._is_interesting(this, each)]
        async with self.store.transaction() as transaction:
            current = await transaction.destinations.locked(this.known.tenant)
            if current is None or (current.rounds, current.origin) != (this.known.rounds, this.known.origin):
                return  # another process was faster
            interesting = await self._linked(transaction, this, interesting)
            own = await self._own(transaction, this, interesting)
            await self._write_looks(transaction, this, [(each, own[_id(each)]) for each in interesting])
            if moved := [
                each for each in interesting if each.health_changed
            ]:  # what shows it is drawn anew with the record
                transaction.audit.record("looked", SYSTEM, None, tenant=this.known.tenant, destinations=len(moved))
            missed = this.before.keys() - {each.id for each in seen}
            await transaction.destinations.seen(this.known.tenant, this.began, but_not=missed)
            await self._can_be_watched(transaction, current)
            await transaction.destinations.change_tenant(
                this.known.tenant,
                rounds=current.rounds + 1,
                looked_at=this.began,
                next_run_at=transaction.now + self._pause(current),
                failing_since=None,
                problem=None,
                told=[],
                unreadable=this.listing.unreadable + sum(each.unreadable for each in this.listing),
            )

    async def _seen(self, this: "_Round") -> Sequence[Seen]:
        """Return the destinations of the listing that lead where a route does, with the names of their teams."""
        source, topology = this.known.tenant, self.topology
        tenants = (source, *reached_from(source, topology))
        urls = {each.destination_tenant_url: each for each in this.listing}  # few: one of a kind will do
        by_url = {url: leads_to(each, source, topology) for url, each in urls.items()}
        sure = {each.id: by_url[each.destination_tenant_url] for each in this.listing}
        unclear = [number for number, leads in sure.items() if leads is None]
        if unclear or sure.keys() - this.before.keys():
            teams = {alias: await self.catalogue.team_names(alias) for alias in tenants}
        else:  # nothing hangs on the names: what is known of them will do
            teams = {alias: self.catalogue.cached_teams(alias) or {} for alias in tenants}
        made = await self._made(source, unclear)
        seen = []
        for each in this.listing:
            leads = sure[each.id] or leads_to(each, source, topology, teams, made)
            before = this.before.get(each.id)
            to = leads.tenant if leads is not None else "" if before is None else before.destination
            if (source, to) in self._directions():
                seen.append(_seen(source, to, each, before, teams))
        return seen

    def _directions(self) -> frozenset[tuple[str, str]]:
        return frozenset((route.source, route.destination) for route in self.topology.routes.values())

    async def _made(self, source: str, ids: Sequence[int]) -> Sequence[Request]:
        """Return the requests that may have created destinations."""
        made: list[Request] = []
        async with self.store.reading() as reader:
            for start in range(0, len(ids), _IDS):
                some = ids[start : start + _IDS]
                made += await reader.requests.of_destinations(source, some, creating=True, limit=_MOST_REQUESTS)
        return made

    def _is_interesting(self, this: "_Round", each: Look) -> bool:
        """Whether something of a destination must be written, told or linked."""
        if each.changed or each.after is None:
            return True
        if each.after.created_by is None and this.began - each.after.first_seen < _LINK_FOR:
            return True
        return self._tell(this, each, Own()) != Telling(each.after.told)

    def _tell(self, this: "_Round", each: Look, own: Own) -> Telling:
        known = each.after or each.before
        route = next(iter(self._routes(known)), None) if known is not None else None
        name = route.name if route is not None else ""
        return tell(each, own, name, this.began, self.topology.watch.behind_after, first=this.first)

    def _routes(self, known: KnownDestination) -> tuple[Route, ...]:
        """Return the routes that a destination belongs to."""
        return tuple(
            route
            for route in self.topology.routes.values()
            if (route.source, route.destination) == (known.source, known.destination)
        )

    async def _linked(self, transaction: Transaction, this: "_Round", looks: Sequence[Look]) -> list[Look]:
        """Return the looks, new destinations with the request that made them."""
        source = this.known.tenant
        ids = [each.after.id for each in looks if each.after is not None and each.after.created_by is None]
        made: dict[int, str] = {}
        for start in range(0, len(ids), _IDS):
            some = ids[start : start + _IDS]
            for request in await transaction.requests.of_destinations(
                source, some, creating=True, limit=_MOST_REQUESTS
            ):
                if request.destination_id is not None and created_by(request, source, self.topology):
                    made[request.destination_id] = request.id
        return [
            Look(each.before, each.after.model_copy(update={"created_by": made[each.after.id]}))
            if each.after is not None and each.after.id in made
            else each
            for each in looks
        ]

    async def _own(self, transaction: Transaction, this: "_Round", looks: Sequence[Look]) -> Mapping[int, Own]:
        """Return what the bot itself is doing with destinations, or did since the last look, by their ids."""
        resources = {_id(each): self._resource(each) for each in looks}
        names = sorted({name for name in resources.values() if name})
        since = (this.known.looked_at or this.began) - _OVERLAP
        at_work: dict[str, list[Request]] = {}
        for start in range(0, len(names), _IDS):
            for request in await transaction.requests.at_work_since(names[start : start + _IDS], since):
                at_work.setdefault(request.resource, []).append(request)
        return {
            number: own_of(
                (request for request in at_work.get(name, ()) if self._is_about(request, number)), self.operations
            )
            for number, name in resources.items()
        }

    def _resource(self, each: Look) -> str:
        known = each.after or each.before
        route = next(iter(self._routes(known)), None) if known is not None else None
        if known is None or route is None:
            return ""
        return self.topology.pair(route, known.source_team.id, known.destination_team.id)

    def _is_about(self, request: Request, destination_id: int) -> bool:
        """Whether a request works on a destination, as far as it is known which one it is."""
        operation = self.operations.get(request.operation)
        about = request.destination_id
        if about is None and operation is not None and isinstance(request.params, operation.params):
            about = operation.destination_of(request)
        return about == destination_id or (about is None and not request.state.final)

    async def _write_looks(self, transaction: Transaction, this: "_Round", looks: Sequence[tuple[Look, Own]]) -> None:
        changed: list[KnownDestination] = []
        for each, own in looks:
            telling = self._tell(this, each, own)
            known = each.after or each.before
            if known is None:
                continue
            keys = await self._announce(transaction, this, known, telling)
            if each.after is None:
                await transaction.destinations.drop(known.source, known.id)
                continue
            changed.append(each.after.model_copy(update={"told": posted(telling, keys)}))
            if each.removed:
                removed = [story.story_id for story in each.removed]
                await transaction.destinations.drop_stories(known.source, known.id, removed)
        await transaction.destinations.put([each for each in changed if each != this.before.get(each.id)])
        known_stories = {each.before.id: frozenset(each.before.stories) for each, _ in looks if each.before is not None}
        stories = [
            (each.after.id, story)
            for each, _ in looks
            if each.after is not None
            for story in each.after.stories
            if each.before is None or story not in known_stories[each.after.id]
        ]
        await transaction.destinations.put_stories(this.known.tenant, stories)

    async def _announce(
        self, transaction: Transaction, this: "_Round", known: KnownDestination, telling: Telling
    ) -> tuple[str, ...]:
        """Order a new message everywhere where it belongs, and those that stand to be corrected; return the new keys."""
        for standing in telling.revised:
            for key in standing.keys:
                await transaction.outbox.revise(key, standing.report.model_dump(mode="json"))
        if any(standing.report.recovered_at == this.began for standing in telling.revised):
            transaction.audit.record(
                "recovered",
                SYSTEM,
                known.created_by,
                tenant=known.source,
                destination_id=known.id,
                route=next((route.name for route in self._routes(known)), ""),
                recovered=True,
            )
        report = telling.post
        if report is None:
            return ()
        transaction.audit.record("watched", SYSTEM, known.created_by, **_recorded(report))
        base = f"{announcements.HEALTH}:{known.source}:{known.id}:{this.known.rounds + 1}"
        keys: list[str] = []
        routes = self._routes(known)
        data = report.model_dump(mode="json")
        head = announcements.approval_key(known.created_by) if known.created_by else None
        if head is not None and routes and await transaction.outbox.get(head) is not None:
            keys.append(f"{base}:thread")
            await transaction.outbox.announce(
                keys[-1], announcements.HEALTH, routes[0].approval_channel, thread_key=head, data=data
            )
        for channel in _channels(routes, otherwise=not keys):
            keys.append(f"{base}:{channel}")
            await transaction.outbox.announce(keys[-1], announcements.HEALTH, channel, data=data)
        return tuple(keys)

    # ---- a tenant that cannot be watched

    async def _failed(self, known: KnownTenant, problem: Problem) -> None:
        """Note that a tenant could not be looked at; from the second time in a row on, people are told once."""
        log = structlog.get_logger(__name__)
        async with self.store.transaction() as transaction:
            current = await transaction.destinations.locked(known.tenant)
            if current is None or (current.rounds, current.next_run_at) != (known.rounds, known.next_run_at):
                return
            since = current.failing_since or transaction.now
            again = current.failing_since is not None
            log.warning("a tenant cannot be watched", tenant=known.tenant, problem=problem.what, again=again)
            told = current.told
            if again and not told:
                told = await self._tell_tenant(transaction, known.tenant, problem, since)
            every = self._pause(current)
            await transaction.destinations.change_tenant(
                known.tenant,
                failing_since=since,
                problem=problem,
                told=list(told),
                next_run_at=transaction.now + (every if again else min(every, _SOON)),
            )

    async def _tell_tenant(
        self, transaction: Transaction, tenant: str, problem: Problem, since: datetime
    ) -> tuple[str, ...]:
        data = {"tenant": tenant, "since": since.isoformat(), "problem": problem.model_dump(mode="json")}
        transaction.audit.record("unwatched", SYSTEM, None, **data)
        moment = int(since.timestamp() * 1_000_000)
        routes = [route for route in self.topology.routes.values() if route.source == tenant]
        keys = []
        for channel in _channels(routes, otherwise=True):
            keys.append(f"{announcements.TENANT}:{tenant}:{moment}:{channel}")
            await transaction.outbox.announce(keys[-1], announcements.TENANT, channel, data=data)
        return tuple(keys)

    async def _can_be_watched(self, transaction: Transaction, known: KnownTenant) -> None:
        if not known.told or known.failing_since is None:
            return
        data = {
            "tenant": known.tenant,
            "since": known.failing_since.isoformat(),
            "until": transaction.now.isoformat(),
            "problem": None if known.problem is None else known.problem.model_dump(mode="json"),
        }
        transaction.audit.record("watched_again", SYSTEM, None, tenant=known.tenant)
        for key in known.told:
            await transaction.outbox.revise(key, data)

    def _pause(self, known: KnownTenant) -> timedelta:
        """Return how long to wait until the next look: not the same for all, so that tenants are not asked at once."""
        return jittered(self.topology.watch.every, f"{known.tenant} {known.rounds}")


class _Round(NamedTuple):
    """One look at a tenant."""

    known: KnownTenant
    before: Mapping[int, KnownDestination]
    listing: Listing[SyncDestination]
    gone: frozenset[int]
    began: datetime

    @property
    def first(self) -> bool:
        """Whether nothing was known of the tenant."""
        return self.known.looked_at is None


# --- pure ----------------------------------------------------------------------------------------------------------


def jittered(every: timedelta, of: str) -> timedelta:
    """Return a time that differs by up to a tenth from another, always the same for the same text."""
    number = int.from_bytes(hashlib.sha256(of.encode()).digest()[:4])
    return every * (0.9 + 0.2 * number / 2**32)


def own_of(requests: Iterable[Request], operations: Mapping[str, AnyOperation]) -> Own:
    """Return what requests that are at work on a destination, or were lately, do with it."""
    found = tuple(requests)
    results = [request.result for request in found if isinstance(request.result, SyncResult)]
    return Own(
        active=any(request.state in {State.RUNNING, State.FOLLOWING} for request in found),
        changes=frozenset(
            change
            for request in found
            if (operation := operations.get(request.operation)) is not None
            for change in operation.destination_changes
        ),
        failed=frozenset(status.story_id for result in results for status in result.statuses if status.failed),
    )


def _seen(
    source: str,
    destination: str,
    found: SyncDestination,
    before: KnownDestination | None,
    names: Mapping[str, Mapping[int, Team]],
) -> Seen:
    old = before.source_team if before else None
    source_team = names.get(source, {}).get(found.origin_team_id) or _same(old, found.origin_team_id)
    old = before.destination_team if before else None
    destination_team = names.get(destination, {}).get(found.destination_team_id) or _same(
        old, found.destination_team_id
    )
    return Seen(
        source=source,
        id=found.id,
        destination=destination,
        source_team=source_team,
        destination_team=destination_team,
        manual=found.manual_sync_only,
        stories=found.statuses(),
        whole=not found.unreadable,
    )


def _same(team: Team | None, team_id: int) -> Team:
    return team if team is not None and team.id == team_id else Team(id=team_id, name=f"team {team_id}")


def _id(each: Look) -> int:
    known = each.after or each.before
    return -1 if known is None else known.id


def _channels(routes: Iterable[Route], *, otherwise: bool) -> tuple[str, ...]:
    """Return the channels of routes to tell, each once; `otherwise`: without any, those where requests are approved."""
    found = tuple(routes)
    notify = tuple(dict.fromkeys(channel for route in found for channel in route.notify))
    return notify or (tuple(dict.fromkeys(route.approval_channel for route in found)) if otherwise else ())


def _recorded(report: Report) -> dict[str, object]:
    return report.model_dump(mode="json", exclude_defaults=True)
