"""A harness in which requests are made and decided: use cases, store and operation, against local Tines tenants.

Time stands still until a test moves it, and no job runs unless a test says so: what an engine would do is `works`.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import httpx
from pydantic import SecretStr

from bot.playground.tines import LocalTines, World, build_tines_app
from bot.playground.tines.seed import DEV_KEY, PROD_KEY, PROD_PUBLISH_KEY, seeded
from bot.playground.tines.switches import Switches
from handlers.audit import Break, Verified, verify
from handlers.catalogue import Catalogue
from handlers.execution.call_journal import CALLED, CallJournal
from handlers.execution.executor import Executor
from handlers.execution.send_window import SendWindow
from handlers.jobs import Job
from handlers.models import Request, State, SyncMode, digest_of
from handlers.operations.create import CreateParams
from handlers.operations.registry import all_operations
from handlers.operations.schedule import Schedule
from handlers.people import Identity, Person
from handlers.preflight import Exports, Preflight
from handlers.requests import Done, ReviewedVersion, Services, Submission, advance, looked_up, submit
from handlers.routes import Calendar, Route, Tenant, Topology
from handlers.store import Event, Store
from handlers.store.database import open_engine, parse_url
from handlers.tines import TinesClient

RINA: Final = "U0RINA"  # asks
ADA: Final = "U0ADA"  # approves
BEN: Final = "U0BEN"  # approves
CLEO: Final = "U0CLEO"  # approves
TOM: Final = "U0TOM"  # looks on
LEADS: Final = "S0LEADS"  # Ada and Ben
OPS: Final = "S0OPS"  # Ben and Cleo
APPROVALS: Final = "C0APPROVALS"
ROUTE: Final = "dev-to-prod"
STORIES: Final = ("High-Priority Alerts", "Shift handover notes")
MONDAY: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = MONDAY

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def passes(self, **time: float) -> None:
        """Let time pass; the arguments are those of a `timedelta`."""
        self.now += timedelta(**time)


@dataclass
class Staff:
    """The people of a workspace. Everybody may change while a test runs."""

    groups: dict[str, set[str]] = field(default_factory=lambda: {LEADS: {ADA, BEN}, OPS: {BEN, CLEO}})
    same: dict[str, str] = field(default_factory=dict)  # another id of a person → the one that is stored
    unreadable: set[str] = field(default_factory=set)  # groups whose members Slack does not tell
    guests: set[str] = field(default_factory=set)
    deactivated: set[str] = field(default_factory=set)
    remembered: dict[str, Person] = field(default_factory=dict)  # what is answered until somebody asks afresh

    async def identity(self, user_id: str) -> Identity:
        """Return whom an id means."""
        return Identity(id=self.same.get(user_id, user_id), ids=self._ids(user_id))

    def _ids(self, user_id: str) -> frozenset[str]:
        stored = self.same.get(user_id, user_id)
        return frozenset({user_id, stored, *(other for other, same in self.same.items() if same == stored)})

    async def person(self, user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        """Return what is remembered of a person, or known now."""
        if not fresh and user_id in self.remembered:
            return self.remembered[user_id]
        return Person(
            id=self.same.get(user_id, user_id),
            ids=self._ids(user_id),
            groups=frozenset(group for group in groups if self._ids(user_id) & set(self.groups.get(group, ()))),
            unreadable=groups & self.unreadable,
            guest=user_id in self.guests,
            deactivated=user_id in self.deactivated,
        )

    async def members(self, group: str) -> frozenset[str]:
        """Return who is in a group."""
        return frozenset(self.groups.get(group, ()))

    def cached_members(self, group: str) -> frozenset[str] | None:
        """Return who is in a group."""
        return frozenset(self.groups.get(group, ()))

    def cached_person(self, user_id: str, groups: frozenset[str]) -> Person | None:  # noqa: ARG002 - the protocol's
        """Return what is remembered."""
        return self.remembered.get(user_id)


@dataclass
class JobList:
    """Keeps jobs instead of running them."""

    jobs: list[Job] = field(default_factory=list)

    def wake(self, jobs: Iterable[Job]) -> None:
        """Note the jobs."""
        self.jobs.extend(jobs)


@dataclass
class RequestHarness:
    """Everything in one place."""

    services: Services
    store: Store
    staff: Staff
    clock: Clock
    dev: LocalTines
    route: Route
    _drafts: "count[int]" = field(default_factory=lambda: count(1))

    async def asks(self, who: str = RINA, **differs: Any) -> Request:  # noqa: ANN401 - fields of a submission
        """Ask for a sync and return the request."""
        answer = await submit(self.services, who, self.form(**differs), budget=None)
        assert isinstance(answer, Done), answer
        return answer.request

    def form(self, **differs: Any) -> Submission:  # noqa: ANN401 - fields of a submission
        """Return a form as it is filled in, a new one each time."""
        teams = {team.name: team.id for team in self.dev.teams.values()}
        destination = self.dev.world.at("http://127.0.0.1:2")
        assert destination is not None
        asked: dict[str, Any] = {
            "source_team_id": teams["SecOps"],
            "everything": False,
            "tag_keys": [],
            "story_ids": [self.story(name) for name in STORIES],
            "destination_team_id": next(iter(destination.teams)),
            "mode": SyncMode.AUTOMATIC.value,
        }
        filled: dict[str, Any] = {
            "operation": "create",
            "route": ROUTE,
            "reason": "Ready for production",
            "draft_id": f"draft-{next(self._drafts)}",
            **{name: value for name, value in differs.items() if name not in asked},
        }
        asked |= {
            name: list(value) if isinstance(value, tuple) else value for name, value in differs.items() if name in asked
        }
        return Submission(asked=asked, **filled)

    def story(self, name: str) -> int:
        """Return the id of a story by its name."""
        return next(each.id for each in self.dev.stories.values() if each.name == name)

    async def shown(self, request_id: str) -> ReviewedVersion:
        """Return what a review of the request shows now."""
        request = await self.now(request_id)
        journal = CallJournal(self.store, request.id)  # never written: nobody reads it
        preview = await looked_up(self.services, request, self.route, None, journal)
        assert preview is not None
        origins = self.services.topology.origins(self.route)
        return ReviewedVersion(
            request_id=request.id,
            revision=request.revision,
            digest=digest_of(request.operation, request.route, request.params, origins, preview.facts),
        )

    async def now(self, request_id: str) -> Request:
        """Return the request as it stands."""
        async with self.store.reading() as reader:
            found = await reader.requests.get(request_id)
        assert found is not None
        return found

    async def works(self, request_id: str, *, rounds: int = 8) -> Request:
        """Do what an engine would do for a request now, until nothing is due."""
        for _ in range(rounds):
            request = await self.now(request_id)
            if request.next_run_at is None or request.next_run_at > self.clock():
                return request
            await advance(self.services, request_id)
        return await self.now(request_id)

    async def finishes(self, request_id: str) -> Request:
        """Let time pass until an approved request has ended."""
        for _ in range(60):
            request = await self.works(request_id)
            if request.state.final or request.state is State.PENDING:
                return request
            self.clock.passes(seconds=5)
        return await self.now(request_id)

    async def events(self, request_id: str) -> tuple[Event, ...]:
        """Return the record of a request."""
        async with self.store.reading() as reader:
            return await reader.audit.events(request_id)

    async def kinds(self, request_id: str) -> list[str]:
        """Return the kinds of a request's events, without the calls to Tines that led to them."""
        return [event.kind for event in await self.events(request_id) if event.kind != CALLED]

    async def told(self, conversation: str = APPROVALS) -> list[Mapping[str, Any]]:
        """Return what is ordered to be shown in a conversation, with the id of its request, oldest first."""
        async with self.store.reading() as reader:
            return [
                {"of": each.request_id, **each.data}
                for each in await reader.outbox.undelivered(conversation, limit=1000)
            ]

    async def record(self) -> Verified | Break:
        """Walk the chain of events."""
        async with self.store.reading() as reader:
            return await verify(reader)

    def creates(self) -> int:
        """Return how many sync destinations the source tenant has."""
        return len(self.dev.destinations)


def create_of(request: Request) -> CreateParams:
    """Return what a request asks `create` for."""
    assert isinstance(request.params, CreateParams)
    return request.params


def reasons(answer: object) -> str:
    """Return what a refusal says."""
    return " ".join(getattr(answer, "reasons", ()))


@asynccontextmanager
async def opened(
    database_url: str,
    *,
    clock: Clock | None = None,
    staff: Staff | None = None,
    calendar: Calendar | None = None,
    tenants: tuple[LocalTines, LocalTines] | None = None,
    **policy: Any,  # noqa: ANN401 - fields of the route
) -> AsyncIterator[RequestHarness]:
    """Open a harness on a migrated database. `policy` holds fields of the route that differ."""
    clock, staff = clock or Clock(), staff or Staff()
    dev, prod = tenants or local_tenants(clock)
    route = Route(
        **{
            "name": ROUTE,
            "source": "dev",
            "destination": "prod",
            "requesters": ("*",),
            "approvers": (LEADS, CLEO),
            "approval_channel": APPROVALS,
            **policy,
        }
    )
    topology = Topology(
        tenants={
            "dev": Tenant(alias="dev", url="http://127.0.0.1:1", api_key=SecretStr(DEV_KEY)),
            "prod": Tenant(
                alias="prod",
                url="http://127.0.0.1:2",
                api_key=SecretStr(PROD_KEY),
                publish_key=SecretStr(PROD_PUBLISH_KEY),
            ),
        },
        routes={ROUTE: route},
        calendar=calendar or Calendar(),
    )
    async with AsyncExitStack() as stack:
        clients = {
            alias: await stack.enter_async_context(
                TinesClient(topology.tenants[alias], transport=httpx.ASGITransport(build_tines_app(local)))
            )
            for alias, local in (("dev", dev), ("prod", prod))
        }
        store = Store(open_engine(parse_url(database_url)), JobList().wake, clock=clock, types=all_operations())
        stack.push_async_callback(store.close)
        catalogue = Catalogue(clients, topology.tenants)
        stack.push_async_callback(catalogue.close)
        exports = Exports(clients, clock)
        stack.push_async_callback(exports.close)
        executor = Executor(
            store=store,
            topology=topology,
            clients=clients,
            catalogue=catalogue,
            preflight=Preflight(clients, exports),
            people=staff,
            operations=all_operations(),
            schedule=Schedule(),
            window=SendWindow(clock=lambda: clock().timestamp()),
        )
        services = Services(store=store, topology=topology, people=staff, catalogue=catalogue, executor=executor)
        yield RequestHarness(services, store, staff, clock, dev, route)


def local_tenants(clock: Clock) -> tuple[LocalTines, LocalTines]:
    """Return two new tenants that live in the clock's time, and sync at once."""
    tenants = seeded(World(clock), Switches(sync_seconds=0, sync_spread=0))
    tenants.register("http://127.0.0.1:1", "http://127.0.0.1:2")
    return tenants.dev, tenants.prod
