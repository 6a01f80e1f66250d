import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from handlers.jobs import ADVANCE, Job
from handlers.models import State
from handlers.store import Store
from handlers.store.outbox import LaneClaim

from .shelf import LEASE, MONDAY, Shelf, a_request


@pytest.mark.parametrize("what", ["request", "lane", "intent"])
async def test_claims_hold_while_the_lease_does(shelf: Shelf, what: str) -> None:
    """What a live process works on no other takes; its own second claim, and any after its lease, are granted."""
    one, two = shelf.store("one"), shelf.store("two")
    async with one.transaction() as transaction:
        await transaction.add_request(a_request())
        await transaction.add_intent("intent", "submit", "U0RINA", {})
    claims: dict[str, Callable[[Store], Awaitable[bool]]] = {
        "request": _claim_request,
        "lane": _claim_lane,
        "intent": _claim_intent,
    }
    claim = claims[what]

    for store in (one, two):
        await store.heartbeat(LEASE)
    assert [await claim(one), await claim(two), await claim(one)] == [True, False, True]
    shelf.now += timedelta(seconds=50)
    await one.heartbeat(LEASE)
    shelf.now += timedelta(seconds=20)
    assert not await claim(two)
    shelf.now += timedelta(seconds=41)
    assert await claim(two)
    assert "one" in await two.reap(await two.dead())


async def _claim_request(store: Store) -> bool:
    async with store.transaction() as transaction:
        return await transaction.claim_request("TS-00000001") is not None


async def _claim_lane(store: Store) -> bool:
    async with store.transaction() as transaction:
        return await transaction.claim_lane("C0") is not None


async def _claim_intent(store: Store) -> bool:
    async with store.transaction() as transaction:
        return await transaction.claim_intent("intent")


async def test_who_was_taken_over_holds_nothing(shelf: Shelf) -> None:
    """A process that wakes after its lease finds that it no longer holds what another one has taken."""
    one, two = shelf.store("one"), shelf.store("two")
    request = a_request()
    await one.heartbeat(LEASE)
    async with one.transaction() as transaction:
        await transaction.add_request(request)
        assert await transaction.claim_request(request.id)
        assert await transaction.hold_request(request) == request
    shelf.now += LEASE + timedelta(seconds=1)
    await two.heartbeat(LEASE)
    async with two.transaction() as transaction:
        assert await transaction.claim_request(request.id)
    async with one.transaction() as transaction:
        assert await transaction.hold_request(request) is None
        await transaction.release_request(request.id)
    async with two.transaction() as transaction:
        assert await transaction.hold_request(request) == request


async def test_a_request_that_moved_on_is_not_held(shelf: Shelf) -> None:
    """A claim on a request that was cancelled meanwhile is no reason to go on with it."""
    store = shelf.store()
    request = a_request(state=State.APPROVED)
    await store.heartbeat(LEASE)
    async with store.transaction() as transaction:
        await transaction.add_request(request)
        await transaction.claim_request(request.id)
        await transaction.change(request, state=State.CANCELLED)
        assert await transaction.hold_request(request) is None


async def test_a_lane_tells_how_long_it_has_to_wait(shelf: Shelf) -> None:
    """Who asks need not try to take what another live process has, or what waits."""
    one, two = shelf.store("one"), shelf.store("two")
    for store in (one, two):
        await store.heartbeat(LEASE)
    assert await _rest(one) == await _rest(two) == timedelta()
    await _claim_lane(one)
    assert await _rest(one) == timedelta()
    assert await _rest(two) is None
    async with one.transaction() as transaction:
        await transaction.release_lane("C0", wait=timedelta(seconds=3), owed=timedelta(seconds=7))
    assert await _rest(one) == await _rest(two) == timedelta(seconds=3)
    shelf.now += timedelta(seconds=4)
    assert await _rest(two) == timedelta()
    async with two.transaction() as transaction:
        assert await transaction.claim_lane("C0") == LaneClaim(owed=timedelta(seconds=3))
    shelf.now += LEASE + timedelta(seconds=1)
    assert await _rest(one) == timedelta()


async def _rest(store: Store) -> timedelta | None:
    async with store.reading() as reader:
        return await reader.lane_rest("C0", but_for=store.executor)


async def test_processes_divide_what_is_due(shelf: Shelf) -> None:
    """What one process has taken the next one is not given, nor what is not due, gone, or being taken just now."""
    one, two = shelf.store("one"), shelf.store("two")
    ids = [a_request(number).id for number in range(1, 7)]
    for store in (one, two):
        await store.heartbeat(LEASE)
    async with one.transaction() as transaction:
        for number in range(1, 6):
            await transaction.add_request(a_request(number, due_at=MONDAY))
        await transaction.add_request(a_request(6, due_at=MONDAY + timedelta(hours=1)))
    assert await one.divide([*ids[:2], "TS-GONE"]) == frozenset(ids[:2])
    assert await two.divide(ids) == frozenset(ids[2:5])
    assert await one.divide(ids) == frozenset(ids[:2])  # still its own
    shelf.now += LEASE + timedelta(seconds=1)
    await two.heartbeat(LEASE)
    assert await two.divide(ids) == frozenset(ids[:5])


async def test_who_divides_does_not_wait_for_who_divides_at_the_same_moment(prepared_postgres: str) -> None:
    """Rows that another process is just taking are left to it, where more than one can write at a time."""
    shelf = Shelf(prepared_postgres)
    one, two = shelf.store("one"), shelf.store("two")
    ids = [a_request(number).id for number in range(1, 4)]
    async with one.transaction() as transaction:
        for number in range(1, 4):
            await transaction.add_request(a_request(number, due_at=MONDAY))
    async with one.transaction() as taking:
        await taking.claim_requests(ids[:2])
        async with asyncio.timeout(5):
            assert await two.divide(ids) == frozenset(ids[2:])
    await shelf.stack.aclose()


async def test_what_is_due(shelf: Shelf) -> None:
    """The sweep finds what is due and that nobody alive works on, the longest-due first, and nothing else."""
    one, two = shelf.store("one"), shelf.store("two")
    for store in (one, two):
        await store.heartbeat(LEASE)
    async with one.transaction() as transaction:
        for number, due in ((1, -1), (2, -5), (3, 5)):
            await transaction.add_request(a_request(number, due_at=MONDAY + timedelta(seconds=due)))
        await transaction.add_request(a_request(4))
        await transaction.announce("a", "note", "C0")
        await transaction.announce("b", "note", "C1")
        await transaction.add_intent("intent", "submit", "U0RINA", {})
        await transaction.claim_request("TS-00000001")
        await transaction.claim_lane("C1")
    assert await _due(one) == (("TS-00000002", "TS-00000001"), {"C0", "C1"}, ("intent",))
    assert await _due(two) == (("TS-00000002",), {"C0"}, ("intent",))
    async with one.transaction() as transaction:
        await transaction.update_announcement("a", delivered=1)
        await transaction.release_lane("C1", wait=timedelta(seconds=3))
        assert await transaction.finish_intent("intent", "Done")
        assert not await transaction.finish_intent("intent", "Done")
        assert not await transaction.claim_intent("intent")
        assert not await transaction.claim_lane("C1")
    assert await _due(one) == (("TS-00000002", "TS-00000001"), set(), ())
    shelf.now += timedelta(seconds=5)
    assert await _due(one) == (("TS-00000002", "TS-00000001", "TS-00000003"), {"C1"}, ())


async def _due(store: Store) -> tuple[tuple[str, ...], set[str], tuple[str, ...]]:
    async with store.reading() as reader:
        requests, lanes, intents = await reader.due(store.executor)
    return requests, set(lanes), intents


async def test_who_waits_for_the_same_teams(shelf: Shelf) -> None:
    """Requests for the same two teams are found, oldest first, so that their creates come one after the other."""
    store = shelf.store()
    mine = a_request(1, state=State.APPROVED)
    async with store.transaction() as transaction:
        await transaction.add_request(mine)
        for number, minutes in ((2, 5), (3, 1)):
            at = MONDAY + timedelta(minutes=minutes)
            await transaction.add_request(a_request(number, state=State.CREATING, updated_at=at, posted_at=at))
        await transaction.lock_teams(mine)
        assert await transaction.same_teams(mine, {State.CREATING}) == ("TS-00000003", "TS-00000002")
        assert await transaction.same_teams(mine, {State.UNCERTAIN}) == ()
        assert await transaction.begun_since(mine, MONDAY + timedelta(minutes=5))
        assert not await transaction.begun_since(mine, MONDAY + timedelta(minutes=6))


async def test_executors_come_and_go(shelf: Shelf) -> None:
    """Who ends its lease, or whose lease is over, is forgotten; one process alone forgets all others."""
    one, two, three = (shelf.store(name) for name in ("one", "two", "three"))
    for store in (one, two, three):
        await store.heartbeat(LEASE)
    assert await one.retire() == ("one",)
    assert await two.retire(everybody=True) == ("three",)
    assert await two.reap(await two.dead()) == ()
    shelf.now += LEASE * 2
    assert await one.reap(await one.dead()) == ("two",)


async def test_figures_of_what_waits(shelf: Shelf) -> None:
    """How long the longest-due request and the oldest open announcement wait is told in seconds, 0 for none."""
    store = shelf.store()
    async with store.reading() as reader:
        assert await reader.oldest_waiting() == (0.0, 0.0)
    async with store.transaction() as transaction:
        await transaction.add_request(a_request(due_at=MONDAY))
        await transaction.announce("a", "note", "C0")
    shelf.now += timedelta(seconds=30)
    async with store.reading() as reader:
        assert await reader.oldest_waiting() == (30.0, 30.0)
    async with store.transaction() as transaction:
        await transaction.wake({State.PENDING}, "TS-00000001")
    assert shelf.jobs.woken[-1] == Job(ADVANCE, "TS-00000001")
    async with store.reading() as reader:
        assert await reader.oldest_waiting() == (0.0, 30.0)
