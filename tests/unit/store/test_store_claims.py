import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from handlers.jobs import ADVANCE, Job
from handlers.models import State
from handlers.store import Store
from handlers.store.claims import ConversationClaim

from .harness import LEASE, MONDAY, StoreHarness, a_request


@pytest.mark.parametrize("what", ["request", "conversation", "deferred"])
async def test_claims_hold_while_the_lease_does(harness: StoreHarness, what: str) -> None:
    """What a live process works on no other takes; its own second claim, and any after its lease, are granted."""
    one, two = harness.store("one"), harness.store("two")
    async with one.transaction() as transaction:
        await transaction.requests.add(a_request())
        await transaction.deferred.add("deferred", "submit", "U0RINA", {})
    claims: dict[str, Callable[[Store], Awaitable[bool]]] = {
        "request": _claim_request,
        "conversation": _claim_conversation,
        "deferred": _claim_deferred,
    }
    claim = claims[what]

    for store in (one, two):
        await store.heartbeat(LEASE)
    assert [await claim(one), await claim(two), await claim(one)] == [True, False, True]
    harness.now += timedelta(seconds=50)
    await one.heartbeat(LEASE)
    harness.now += timedelta(seconds=20)
    assert not await claim(two)
    harness.now += timedelta(seconds=41)
    assert await claim(two)
    assert "one" in await two.reap(await two.dead())


async def _claim_request(store: Store) -> bool:
    async with store.transaction() as transaction:
        return await transaction.claims.take_request("TS-00000001") is not None


async def _claim_conversation(store: Store) -> bool:
    async with store.transaction() as transaction:
        return await transaction.claims.take_conversation("C0") is not None


async def _claim_deferred(store: Store) -> bool:
    async with store.transaction() as transaction:
        return await transaction.claims.take_deferred("deferred")


async def test_who_was_taken_over_holds_nothing(harness: StoreHarness) -> None:
    """A process that wakes after its lease finds that it no longer holds what another one has taken."""
    one, two = harness.store("one"), harness.store("two")
    request = a_request()
    await one.heartbeat(LEASE)
    async with one.transaction() as transaction:
        await transaction.requests.add(request)
        assert await transaction.claims.take_request(request.id)
        assert await transaction.claims.hold_request(request) == request
    harness.now += LEASE + timedelta(seconds=1)
    await two.heartbeat(LEASE)
    async with two.transaction() as transaction:
        assert await transaction.claims.take_request(request.id)
    async with one.transaction() as transaction:
        assert await transaction.claims.hold_request(request) is None
        await transaction.claims.release_request(request.id)
    async with two.transaction() as transaction:
        assert await transaction.claims.hold_request(request) == request


async def test_a_request_that_moved_on_is_not_held(harness: StoreHarness) -> None:
    """A claim on a request that was cancelled meanwhile is no reason to go on with it."""
    store = harness.store()
    request = a_request(state=State.APPROVED)
    await store.heartbeat(LEASE)
    async with store.transaction() as transaction:
        await transaction.requests.add(request)
        await transaction.claims.take_request(request.id)
        await transaction.requests.change(request, state=State.CANCELLED)
        assert await transaction.claims.hold_request(request) is None


async def test_a_conversation_tells_how_long_it_has_to_wait(harness: StoreHarness) -> None:
    """Who asks need not try to take what another live process has, or what waits."""
    one, two = harness.store("one"), harness.store("two")
    for store in (one, two):
        await store.heartbeat(LEASE)
    assert await _rest(one) == await _rest(two) == timedelta()
    await _claim_conversation(one)
    assert await _rest(one) == timedelta()
    assert await _rest(two) is None
    async with one.transaction() as transaction:
        await transaction.claims.release_conversation("C0", wait=timedelta(seconds=3), debt=timedelta(seconds=7))
    assert await _rest(one) == await _rest(two) == timedelta(seconds=3)
    harness.now += timedelta(seconds=4)
    assert await _rest(two) == timedelta()
    async with two.transaction() as transaction:
        assert await transaction.claims.take_conversation("C0") == ConversationClaim(debt=timedelta(seconds=3))
    harness.now += LEASE + timedelta(seconds=1)
    assert await _rest(one) == timedelta()


async def _rest(store: Store) -> timedelta | None:
    async with store.reading() as reader:
        return await reader.claims.conversation_rest("C0", but_for=store.executor)


async def test_processes_divide_what_is_due(harness: StoreHarness) -> None:
    """What one process has taken the next one is not given, nor what is not due, gone, or being taken just now."""
    one, two = harness.store("one"), harness.store("two")
    ids = [a_request(number).id for number in range(1, 7)]
    for store in (one, two):
        await store.heartbeat(LEASE)
    async with one.transaction() as transaction:
        for number in range(1, 6):
            await transaction.requests.add(a_request(number, next_run_at=MONDAY))
        await transaction.requests.add(a_request(6, next_run_at=MONDAY + timedelta(hours=1)))
    assert await one.divide([*ids[:2], "TS-GONE"]) == frozenset(ids[:2])
    assert await two.divide(ids) == frozenset(ids[2:5])
    assert await one.divide(ids) == frozenset(ids[:2])  # still its own
    harness.now += LEASE + timedelta(seconds=1)
    await two.heartbeat(LEASE)
    assert await two.divide(ids) == frozenset(ids[:5])


async def test_who_divides_does_not_wait_for_who_divides_at_the_same_moment(prepared_postgres: str) -> None:
    """Rows that another process is just taking are left to it, where more than one can write at a time."""
    harness = StoreHarness(prepared_postgres)
    one, two = harness.store("one"), harness.store("two")
    ids = [a_request(number).id for number in range(1, 4)]
    async with one.transaction() as transaction:
        for number in range(1, 4):
            await transaction.requests.add(a_request(number, next_run_at=MONDAY))
    async with one.transaction() as taking:
        await taking.claims.take_requests(ids[:2])
        async with asyncio.timeout(5):
            assert await two.divide(ids) == frozenset(ids[2:])
    await harness.stack.aclose()


async def test_what_is_due(harness: StoreHarness) -> None:
    """The sweep finds what is due and that nobody alive works on, the longest-due first, and nothing else."""
    one, two = harness.store("one"), harness.store("two")
    for store in (one, two):
        await store.heartbeat(LEASE)
    async with one.transaction() as transaction:
        for number, due in ((1, -1), (2, -5), (3, 5)):
            await transaction.requests.add(a_request(number, next_run_at=MONDAY + timedelta(seconds=due)))
        await transaction.requests.add(a_request(4))
        await transaction.outbox.announce("a", "note", "C0")
        await transaction.outbox.announce("b", "note", "C1")
        await transaction.deferred.add("deferred", "submit", "U0RINA", {})
        await transaction.claims.take_request("TS-00000001")
        await transaction.claims.take_conversation("C1")
    assert await _due(one) == (("TS-00000002", "TS-00000001"), {"C0", "C1"}, ("deferred",))
    assert await _due(two) == (("TS-00000002",), {"C0"}, ("deferred",))
    async with one.transaction() as transaction:
        await transaction.outbox.update("a", delivered_version=1)
        await transaction.claims.release_conversation("C1", wait=timedelta(seconds=3))
        assert await transaction.deferred.finish("deferred", "Done")
        assert not await transaction.deferred.finish("deferred", "Done")
        assert not await transaction.claims.take_deferred("deferred")
        assert not await transaction.claims.take_conversation("C1")
    assert await _due(one) == (("TS-00000002", "TS-00000001"), set(), ())
    harness.now += timedelta(seconds=5)
    assert await _due(one) == (("TS-00000002", "TS-00000001", "TS-00000003"), {"C1"}, ())


async def _due(store: Store) -> tuple[tuple[str, ...], set[str], tuple[str, ...]]:
    async with store.reading() as reader:
        requests, conversations, deferred = await reader.claims.due(store.executor)
    return requests, set(conversations), deferred


async def test_who_waits_for_the_same_teams(harness: StoreHarness) -> None:
    """Requests for the same two teams are found, oldest first, so that their creates come one after the other."""
    store = harness.store()
    mine = a_request(1, state=State.APPROVED)
    async with store.transaction() as transaction:
        await transaction.requests.add(mine)
        for number, minutes in ((2, 5), (3, 1)):
            at = MONDAY + timedelta(minutes=minutes)
            await transaction.requests.add(a_request(number, state=State.RUNNING, updated_at=at, attempted_at=at))
        await transaction.requests.lock_teams(mine)
        assert await transaction.requests.same_teams(mine, {State.RUNNING}) == ("TS-00000003", "TS-00000002")
        assert await transaction.requests.same_teams(mine, {State.UNCERTAIN}) == ()
        assert await transaction.requests.begun_since(mine, MONDAY + timedelta(minutes=5))
        assert not await transaction.requests.begun_since(mine, MONDAY + timedelta(minutes=6))


async def test_executors_come_and_go(harness: StoreHarness) -> None:
    """Who ends its lease, or whose lease is over, is forgotten; one process alone forgets all others."""
    one, two, three = (harness.store(name) for name in ("one", "two", "three"))
    for store in (one, two, three):
        await store.heartbeat(LEASE)
    assert await one.retire() == ("one",)
    assert await two.retire(everybody=True) == ("three",)
    assert await two.reap(await two.dead()) == ()
    harness.now += LEASE * 2
    assert await one.reap(await one.dead()) == ("two",)


async def test_figures_of_what_waits(harness: StoreHarness) -> None:
    """How long the longest-due request and the oldest open announcement wait is told in seconds, 0 for none."""
    store = harness.store()
    async with store.reading() as reader:
        assert await reader.oldest_waiting() == (0.0, 0.0)
    async with store.transaction() as transaction:
        await transaction.requests.add(a_request(next_run_at=MONDAY))
        await transaction.outbox.announce("a", "note", "C0")
    harness.now += timedelta(seconds=30)
    async with store.reading() as reader:
        assert await reader.oldest_waiting() == (30.0, 30.0)
    async with store.transaction() as transaction:
        await transaction.requests.wake({State.PENDING}, "TS-00000001")
    assert harness.jobs.woken[-1] == Job(ADVANCE, "TS-00000001")
    async with store.reading() as reader:
        assert await reader.oldest_waiting() == (0.0, 30.0)
