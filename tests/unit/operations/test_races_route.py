from collections.abc import Callable

import pytest

from handlers.models import State
from handlers.requests import Refused, approve, cancel, check_again
from handlers.routes import Atlas
from tests.unit.requests.room import ADA, APPROVALS, RINA, ROUTE, Room, reasons

from .conftest import OpenShop
from .workshop import DESTINATIONS, no_answer

Configure = Callable[[Room], Atlas]


def _turned(room: Room) -> Atlas:
    """Return the configuration with the route's name for the way back."""
    turned = room.route.model_copy(update={"source": "prod", "destination": "dev"})
    return room.desk.atlas.model_copy(update={"routes": {ROUTE: turned}})


def _without_tenant(room: Room) -> Atlas:
    """Return the configuration without the destination tenant."""
    tenants = {"dev": room.desk.atlas.tenants["dev"]}
    return room.desk.atlas.model_copy(update={"tenants": tenants})


def _without_route(room: Room) -> Atlas:
    """Return the configuration without the route."""
    return room.desk.atlas.model_copy(update={"routes": {}})


OTHERWISE = pytest.mark.parametrize(
    "configured", [_turned, _without_tenant, _without_route], ids=["leads elsewhere", "tenant gone", "route gone"]
)


@OTHERWISE
async def test_nothing_is_decided_on_a_route_that_allows_nothing(open_shop: OpenShop, configured: Configure) -> None:
    """What was asked for on a route that leads elsewhere or nowhere by now is neither approved nor executed."""
    shop = await open_shop()
    room = shop.room
    request = await room.asks()
    shown = await room.shown(request.id)
    shop.starts(configured(room))
    for answer in (
        await approve(room.desk, ADA, shown, patience=None),
        await cancel(room.desk, RINA, request.id, "Never mind"),
    ):
        assert isinstance(answer, Refused)
        assert "is not configured any more, or leads elsewhere" in reasons(answer)
    room.clock.passes(hours=100)
    assert (await room.works(request.id)).state is State.EXPIRED
    assert [each["kind"] for each in await room.told(f"@{RINA}")] == ["expired"]
    assert shop.line.tries("POST") == 0


@OTHERWISE
async def test_an_approved_request_ends_where_its_route_does(open_shop: OpenShop, configured: Configure) -> None:
    """Approved while the route was there, nothing is sent on what bears its name now; its requester is told."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    shop.starts(configured(room))
    failed = await room.works(request.id)
    assert failed.state is State.FAILED
    assert failed.problem is not None
    assert failed.problem.what == "The route dev-to-prod is not configured any more, or leads elsewhere"
    assert shop.line.tries("POST") == 0
    assert [each["kind"] for each in await room.told(f"@{RINA}")] == ["failed"]


@OTHERWISE
async def test_a_begun_request_is_left_to_a_person(open_shop: OpenShop, configured: Configure) -> None:
    """After a lost create, no one can look any more: the thread says so and offers what a person may do."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    shop.line.before("POST", DESTINATIONS, no_answer)
    await room.works(request.id)
    before = room.desk.atlas
    shop.starts(configured(room))
    room.clock.passes(minutes=5)
    unsure = await room.works(request.id)
    assert (unsure.state, unsure.due_at) == (State.UNCERTAIN, None)
    assert [each["kind"] for each in await room.told(f"@{RINA}")] == ["uncertain"]
    async with room.store.reading() as reader:
        told = await reader.open_announcements(APPROVALS)
    assert [each.kind for each in told] == ["approval", "statuses"]
    shop.starts(before)  # an operator put the route back: the person's button goes on from there
    await check_again(room.desk, RINA, request.id)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert room.creates() == 1


async def test_notes_go_where_the_thread_is(open_shop: OpenShop) -> None:
    """When the route names another approval channel by now, what follows still goes to the thread that people know."""
    shop = await open_shop()
    room = shop.room
    request = await room.asks()
    moved = room.route.model_copy(update={"approval_channel": "C0ELSEWHERE"})
    shop.starts(room.desk.atlas.model_copy(update={"routes": {ROUTE: moved}}))
    await approve(room.desk, ADA, await room.shown(request.id), patience=None)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    async with room.store.reading() as reader:
        assert [each.kind for each in await reader.open_announcements(APPROVALS)] == ["approval", "statuses"]
        assert await reader.open_announcements("C0ELSEWHERE") == ()
    later = await room.asks()
    async with room.store.reading() as reader:
        assert [each.request_id for each in await reader.open_announcements("C0ELSEWHERE")] == [later.id]
