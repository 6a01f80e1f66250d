from collections.abc import Callable

import pytest

from handlers.models import State
from handlers.requests import Refused, approve, cancel, check_again
from handlers.routes import Topology
from tests.unit.requests.harness import ADA, APPROVALS, RINA, ROUTE, RequestHarness, reasons

from .conftest import OpenExecution
from .harness import DESTINATIONS, no_answer

Configure = Callable[[RequestHarness], Topology]


def _turned(harness: RequestHarness) -> Topology:
    """Return the configuration with the route's name for the way back."""
    turned = harness.route.model_copy(update={"source": "prod", "destination": "dev"})
    return harness.services.topology.model_copy(update={"routes": {ROUTE: turned}})


def _without_tenant(harness: RequestHarness) -> Topology:
    """Return the configuration without the destination tenant."""
    tenants = {"dev": harness.services.topology.tenants["dev"]}
    return harness.services.topology.model_copy(update={"tenants": tenants})


def _without_route(harness: RequestHarness) -> Topology:
    """Return the configuration without the route."""
    return harness.services.topology.model_copy(update={"routes": {}})


OTHERWISE = pytest.mark.parametrize(
    "configured", [_turned, _without_tenant, _without_route], ids=["leads elsewhere", "tenant gone", "route gone"]
)


@OTHERWISE
async def test_nothing_is_decided_on_a_route_that_allows_nothing(
    open_execution: OpenExecution, configured: Configure
) -> None:
    """What was asked for on a route that leads elsewhere or nowhere by now is neither approved nor executed."""
    execution = await open_execution()
    harness = execution.harness
    request = await harness.asks()
    shown = await harness.shown(request.id)
    execution.starts(configured(harness))
    for answer in (
        await approve(harness.services, ADA, shown, budget=None),
        await cancel(harness.services, RINA, request.id, "Never mind"),
    ):
        assert isinstance(answer, Refused)
        assert "is no longer configured, or now leads elsewhere" in reasons(answer)
    harness.clock.passes(hours=100)
    assert (await harness.works(request.id)).state is State.EXPIRED
    assert [each["kind"] for each in await harness.told(f"@{RINA}")] == ["expired"]
    assert execution.line.tries("POST") == 0


@OTHERWISE
async def test_an_approved_request_ends_where_its_route_does(
    open_execution: OpenExecution, configured: Configure
) -> None:
    """Approved while the route was there, nothing is sent on what bears its name now; its requester is told."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    execution.starts(configured(harness))
    failed = await harness.works(request.id)
    assert failed.state is State.FAILED
    assert failed.problem is not None
    assert failed.problem.what == "The route dev-to-prod is no longer configured, or now leads elsewhere"
    assert execution.line.tries("POST") == 0
    assert [each["kind"] for each in await harness.told(f"@{RINA}")] == ["failed"]


@OTHERWISE
async def test_a_begun_request_is_left_to_a_person(open_execution: OpenExecution, configured: Configure) -> None:
    """After a lost create, no one can look any more: the thread says so and offers what a person may do."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    execution.line.before("POST", DESTINATIONS, no_answer)
    await harness.works(request.id)
    before = harness.services.topology
    execution.starts(configured(harness))
    harness.clock.passes(minutes=5)
    unsure = await harness.works(request.id)
    assert (unsure.state, unsure.next_run_at) == (State.UNCERTAIN, None)
    assert [each["kind"] for each in await harness.told(f"@{RINA}")] == ["uncertain"]
    async with harness.store.reading() as reader:
        told = await reader.outbox.undelivered(APPROVALS)
    assert [each.kind for each in told] == ["approval", "statuses"]
    execution.starts(before)  # an operator put the route back: the person's button goes on from there
    await check_again(harness.services, RINA, request.id)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert harness.creates() == 1


async def test_notes_go_where_the_thread_is(open_execution: OpenExecution) -> None:
    """When the route names another approval channel by now, what follows still goes to the thread that people know."""
    execution = await open_execution()
    harness = execution.harness
    request = await harness.asks()
    moved = harness.route.model_copy(update={"approval_channel": "C0ELSEWHERE"})
    execution.starts(harness.services.topology.model_copy(update={"routes": {ROUTE: moved}}))
    await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    async with harness.store.reading() as reader:
        assert [each.kind for each in await reader.outbox.undelivered(APPROVALS)] == ["approval", "statuses"]
        assert await reader.outbox.undelivered("C0ELSEWHERE") == ()
    later = await harness.asks()
    async with harness.store.reading() as reader:
        assert [each.request_id for each in await reader.outbox.undelivered("C0ELSEWHERE")] == [later.id]
