"""A harness whose operation can be interrupted: on the line to the source tenant, by its lease, and by the clock.

What a test wants to happen between two instructions happens on the line, right before or right after a call.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Any, Final

import httpx

from bot.playground.tines import LocalTines, build_tines_app
from bot.playground.tines.records import Destination
from bot.playground.tines.seed import PROD_KEY
from bot.playground.tines.syncing import create_destination
from handlers.execution.send_window import SendWindow
from handlers.models import Request
from handlers.operations.schedule import Schedule
from handlers.policy import Freeze
from handlers.requests import Done, Submission, approve, freeze, submit, unfreeze
from handlers.routes import Route, Topology
from handlers.tines import RetryPolicy, TinesClient
from tests.unit.requests.harness import ADA, BEN, RINA, ROUTE, RequestHarness, opened

API: Final = "/api/v1"
RETRY_POLICY: Final = RetryPolicy(attempts=2, wait_initial=0.001, wait_max=0.001, wait_jitter=0)
DESTINATIONS: Final = "/admin/sync_destinations"
Happening = Callable[[], Awaitable[None]]


class Line(httpx.AsyncBaseTransport):
    """The line to a local tenant. What happens on it may raise one of httpx's errors instead of the answer."""

    def __init__(self, tines: LocalTines) -> None:
        self._inner = httpx.ASGITransport(build_tines_app(tines))
        self._before: dict[tuple[str, str], deque[Happening]] = {}
        self._after: dict[tuple[str, str], deque[Happening]] = {}
        self._always: Happening | None = None
        self.failed: list[AssertionError] = []  # of what happened: an operation may take them for a broken line
        self.says: dict[tuple[str, str], dict[str, object]] = {}  # what is answered, with 200, instead of what is true
        self.tried: list[tuple[str, str]] = []  # method and path of every call, whether it arrived or not

    def before(self, method: str, path: str, *happenings: Happening) -> None:
        """Let something happen before each of the next calls of a method and path, one thing a call."""
        self._before.setdefault((method, path), deque()).extend(happenings)

    def always(self, happening: Happening) -> None:
        """Let something happen before each call from now on."""
        self._always = happening

    def after(self, method: str, path: str, *happenings: Happening) -> None:
        """Let something happen when the tenant has answered, before the answer arrives."""
        self._after.setdefault((method, path), deque()).extend(happenings)

    def tries(self, method: str, path: str = DESTINATIONS) -> int:
        """Return how many calls of a method and path were made."""
        return self.tried.count((method, path))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one call."""
        call = request.method, request.url.path.removeprefix(API)
        self.tried.append(call)
        if self._always is not None:
            await self._always()
        await self._next(self._before, call)
        if call in self.says:
            return httpx.Response(200, json=self.says[call])
        response = await self._inner.handle_async_request(request)
        await self._next(self._after, call)
        return response

    async def _next(self, happenings: dict[tuple[str, str], deque[Happening]], call: tuple[str, str]) -> None:
        if waiting := happenings.get(call):
            try:
                await waiting.popleft()()
            except AssertionError as error:
                self.failed.append(error)
                raise


async def no_connection() -> None:
    """Fail to reach the tenant: surely nothing was sent."""
    message = "connection refused"
    raise httpx.ConnectError(message)


async def no_answer() -> None:
    """Break the connection: nobody knows what became of the call."""
    message = "connection reset"
    raise httpx.ReadError(message)


@dataclass
class ExecutionHarness:
    """A harness, the line of its operation to the source tenant, and its standstills."""

    harness: RequestHarness
    line: Line
    client: TinesClient
    database_url: str
    schedule: Schedule
    standstills: Iterator[float] = field(default_factory=lambda: repeat(0.0))  # seconds, before each look at the time
    _stood_still: float = 0.0

    def starts(self, topology: Topology) -> None:
        """Start with a configuration; what was asked for before stays."""
        services = self.harness.services
        executor = replace(
            services.executor,
            topology=topology,
            clients={**services.executor.clients, "dev": self.client},
            schedule=self.schedule,
            window=SendWindow(clock=self._window_time),
        )
        self.harness.services = replace(services, topology=topology, executor=executor)

    def _window_time(self) -> float:
        """Return the time as the send window knows it, which also counts while the process stands still."""
        self._stood_still += next(self.standstills)
        return self.harness.clock().timestamp() + self._stood_still

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[RequestHarness]:
        """Open the same harness in a second process."""
        prod = self.harness.dev.world.at("http://127.0.0.1:2")
        assert prod is not None
        tenants = (self.harness.dev, prod)
        async with opened(self.database_url, clock=self.harness.clock, tenants=tenants) as other:
            yield other

    async def approved(self, *who: str, **form: Any) -> Request:  # noqa: ANN401 - fields of a submission
        """Ask for a sync, let people approve what they see (Ada, if nobody is named), and return the request."""
        request = await self.harness.asks(**form)
        for each in who or (ADA,):
            answer = await approve(self.harness.services, each, await self.harness.shown(request.id), budget=None)
            assert isinstance(answer, Done), answer
        return await self.harness.now(request.id)

    async def approved_on(self, destination: Destination, operation: str, asked: Mapping[str, Any]) -> Request:
        """Ask for an operation on a sync destination, stories by their names, let Ada approve it, and return the request."""
        filled = {"destination_id": destination.id, **asked}
        if "story_ids" in asked:
            filled["story_ids"] = [self.harness.story(name) for name in asked["story_ids"]]
        form = Submission(operation=operation, route=ROUTE, asked=filled, reason="Ready", draft_id=operation)
        answer = await submit(self.harness.services, RINA, form, budget=None)
        assert isinstance(answer, Done), answer
        shown = await self.harness.shown(answer.request.id)
        answer = await approve(self.harness.services, ADA, shown, budget=None)
        assert isinstance(answer, Done), answer
        return await self.harness.now(answer.request.id)

    async def freezes(self) -> None:
        """Let Ada freeze the route."""
        assert isinstance(await freeze(self.harness.services, ADA, ROUTE, "Change freeze"), Freeze)

    async def unfreezes(self) -> None:
        """Let Ben unfreeze the route."""
        assert isinstance(await unfreeze(self.harness.services, BEN, ROUTE), Route)

    async def stands_still(self) -> None:
        """Let the process find, when it looks at the time next, that it was stopped for longer than the send window."""
        self.standstills = chain([60.0], repeat(0.0))

    def somebody_creates(self, *stories: str) -> Destination:
        """Let a person create a sync destination for the usual teams by hand."""
        form = self.harness.form()
        body = {
            "destination_tenant_url": "http://127.0.0.1:2",
            "destination_tenant_api_key": PROD_KEY,
            "destination_team_id": form.asked["destination_team_id"],
            "team_id": form.asked["source_team_id"],
            "story_ids": [self.harness.story(name) for name in stories],
        }
        return create_destination(self.harness.dev, body)

    def synced(self) -> list[set[str]]:
        """Return the names of the stories of every sync destination of the source tenant, oldest first."""
        return [
            {subscription.name for subscription in each.subscriptions.values()}
            for each in self.harness.dev.destinations.values()
        ]

    async def notes(self, request: Request) -> list[str]:
        """Return the kinds of the remarks ordered for a request's thread."""
        return [str(each["kind"]) for each in await self.harness.told() if each["of"] == request.id and "kind" in each]


@asynccontextmanager
async def equipped(
    database_url: str,
    *,
    schedule: Schedule | None = None,
    **differs: Any,  # noqa: ANN401 - see `opened`
) -> AsyncIterator[ExecutionHarness]:
    """Open an execution harness on a migrated database; takes what `opened` takes."""
    async with AsyncExitStack() as stack:
        harness = await stack.enter_async_context(opened(database_url, **differs))
        line = Line(harness.dev)
        client = await stack.enter_async_context(
            TinesClient(harness.services.topology.tenants["dev"], transport=line, retry_policy=RETRY_POLICY)
        )
        execution = ExecutionHarness(harness, line, client, database_url, schedule or Schedule())
        execution.starts(harness.services.topology)
        yield execution
        if line.failed:
            raise line.failed[0]
