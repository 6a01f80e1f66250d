"""The promises of a request hold for each operation on a sync destination: time, freeze, quorum, edit and cancel."""

from datetime import timedelta

import pytest
from pydantic import JsonValue

from bot.playground.tines.seed import PROD_KEY
from bot.playground.tines.syncing import create_destination
from handlers.audit import Verified
from handlers.models import Request, State
from handlers.operations.registry import all_operations, on_destinations
from handlers.requests import Done, Submission, approve, cancel, close, edit, freeze, submit, unfreeze

from .conftest import OpenHarness
from .harness import ADA, BEN, RINA, ROUTE, STORIES, RequestHarness, reasons

every = pytest.mark.parametrize("name", on_destinations(all_operations()))


def form(harness: RequestHarness, name: str, number: int, reason: str = "Now") -> Submission:
    """Return the form of an operation on a destination, filled in."""
    own: dict[str, dict[str, JsonValue]] = {
        "add_stories": {"story_ids": [harness.story(STORIES[1])]},
        "remove_stories": {"story_ids": [harness.story(STORIES[0])]},
        "sync": {"which": "all"},
        "set_mode": {"mode": "manual"},
        "rotate_key": {"everywhere": False},
        "delete": {"keep_stories": True},
    }
    asked = {"destination_id": number, **own[name]}
    return Submission(operation=name, route=ROUTE, asked=asked, reason=reason, draft_id=f"{name} {reason}")


async def asks(harness: RequestHarness, name: str) -> tuple[Request, int]:
    """Request an operation on a new destination, and return the request with the destination's id."""
    dev = harness.dev
    prod = dev.world.at("http://127.0.0.1:2")
    assert prod is not None
    body = {
        "destination_tenant_url": "http://127.0.0.1:2",
        "destination_tenant_api_key": PROD_KEY,
        "destination_team_id": next(iter(prod.teams)),
        "team_id": dev.stories[harness.story(STORIES[0])].team_id,
        "story_ids": [harness.story(STORIES[0])],
    }
    number = create_destination(dev, body).id
    answer = await submit(harness.services, RINA, form(harness, name, number), budget=None)
    assert isinstance(answer, Done), answer
    return answer.request, number


def sent(harness: RequestHarness, number: int) -> int:
    """Return how many calls that change or sync a destination arrived."""
    path = f"/admin/sync_destinations/{number}"
    calls = harness.dev.calls
    return sum(
        len(list(calls.of(*each))) for each in (("PATCH", path), ("DELETE", path), ("POST", f"{path}/manual_sync"))
    )


@every
async def test_time_reminds_and_ends(open_harness: OpenHarness, name: str) -> None:
    """Approvers are reminded of a request that waits, and it expires; nothing is sent."""
    harness = await open_harness(expires_after=timedelta(hours=5), remind_after=timedelta(hours=4))
    request, number = await asks(harness, name)
    harness.clock.passes(hours=4)
    await harness.works(request.id)
    assert [each.get("kind") for each in await harness.told()][-1] == "reminder"
    harness.clock.passes(hours=1)
    assert (await harness.works(request.id)).state is State.EXPIRED
    assert [each["kind"] for each in await harness.told(f"@{RINA}")] == ["expired"]
    assert sent(harness, number) == 0


@every
async def test_a_freeze_holds_it(open_harness: OpenHarness, name: str) -> None:
    """What is approved on a frozen route is not sent before the route is unfrozen, and then once."""
    harness = await open_harness()
    request, number = await asks(harness, name)
    await freeze(harness.services, ADA, ROUTE, "Hold on")
    assert isinstance(await approve(harness.services, ADA, await harness.shown(request.id), budget=None), Done)
    assert (await harness.works(request.id)).state is State.APPROVED
    assert sent(harness, number) == 0
    await unfreeze(harness.services, ADA, ROUTE)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert sent(harness, number) == 1


@every
async def test_a_quorum_of_the_latest_revision_is_needed(open_harness: OpenHarness, name: str) -> None:
    """Two approvals are two, an edit makes the first one void, and the record says all of it."""
    harness = await open_harness(approvals=2)
    request, number = await asks(harness, name)
    await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    edited = await edit(harness.services, RINA, request.id, 1, form(harness, name, number, "Later"), budget=None)
    assert isinstance(edited, Done), edited
    await approve(harness.services, BEN, await harness.shown(request.id), budget=None)
    assert (await harness.works(request.id)).state is State.PENDING
    await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert sent(harness, number) == 1
    kinds = await harness.kinds(request.id)
    assert [kind for kind in kinds if kind in {"asked", "approved", "edited"}] == [
        "asked",
        "approved",
        "edited",
        "approved",
        "approved",
    ]
    assert isinstance(await harness.record(), Verified)


@every
async def test_what_is_cancelled_is_not_sent(open_harness: OpenHarness, name: str) -> None:
    """A request that its requester cancels cannot be approved any more, and nothing is sent."""
    harness = await open_harness()
    request, number = await asks(harness, name)
    shown = await harness.shown(request.id)
    await cancel(harness.services, RINA, request.id, "Not needed")
    assert "was cancelled" in reasons(await approve(harness.services, ADA, shown, budget=None))
    assert (await harness.works(request.id)).state is State.CANCELLED
    assert sent(harness, number) == 0


@every
async def test_what_is_closed_while_it_is_unclear_is_said_for_any_operation(
    open_harness: OpenHarness, name: str
) -> None:
    """Whoever closes a request that nobody knows the end of leaves words that fit what was requested."""
    harness = await open_harness()
    request, _ = await asks(harness, name)
    async with harness.store.transaction() as transaction:
        current = await transaction.requests.locked(request.id)
        assert current is not None
        for state in (State.APPROVED, State.RUNNING, State.UNCERTAIN):
            current = await transaction.requests.change(current, state=state, next_run_at=None)
    assert isinstance(await close(harness.services, ADA, request.id), Done)
    closed = await harness.now(request.id)
    assert closed.problem is not None
    assert (closed.state, closed.problem.what) == (
        State.FAILED,
        "Closed by a person while it was unclear whether Tines applied the change",
    )
    assert "created" not in closed.problem.advice
    assert "exists" not in closed.problem.advice
