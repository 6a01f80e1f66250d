import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from handlers.clock import SharedClock
from handlers.jobs import ADVANCE, DEFERRED, DELIVER, Job
from handlers.models import State
from handlers.store import ConversationState, Store
from handlers.store.database import open_engine, parse_url

from .harness import MONDAY, Jobs, StoreHarness, a_request


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": State.CANCELLED}, id="it was cancelled"),
        pytest.param({"state": State.RUNNING, "attempts": 1}, id="another process has sent it"),
        pytest.param({"revision": 2}, id="it was edited"),
    ],
)
async def test_a_request_that_moved_on_is_not_held(harness: StoreHarness, changes: dict[str, object]) -> None:
    """Who goes on with a request as it was seen goes on only if it is there still."""
    store = harness.store()
    request = a_request(state=State.APPROVED)
    async with store.transaction() as transaction:
        await transaction.requests.add(request)
        assert await transaction.requests.hold(request) == request
        await transaction.requests.change(request, **changes)
        assert await transaction.requests.hold(request) is None
        assert await transaction.requests.hold(a_request(2)) is None


async def test_a_repeated_send_is_begun_by_one(harness: StoreHarness) -> None:
    """Of two processes that both found that a call did not arrive, one sends it again."""
    store = harness.store()
    request = a_request(state=State.RUNNING, attempts=1)
    async with store.transaction() as transaction:
        await transaction.requests.add(request)

    async def sends() -> bool:
        async with store.transaction() as transaction:
            held = await transaction.requests.hold(request)
            if held is not None:
                await transaction.requests.change(held, attempts=held.attempts + 1)
            return held is not None

    assert sorted(await asyncio.gather(*(sends() for _ in range(4)))) == [False, False, False, True]


async def test_a_conversation_tells_how_long_it_has_to_wait(harness: StoreHarness) -> None:
    """What one process has learnt of a conversation, its wait and its burst, the next one knows."""
    one, two = harness.store(), harness.store()
    assert await _state(one) == ConversationState()
    for _ in range(2):  # noted for the first time, and anew
        async with one.transaction() as transaction:
            noted = ConversationState(wait=timedelta(seconds=3), debt=timedelta(seconds=7))
            await transaction.conversations.note("C0", noted)
    assert await _state(two) == noted
    harness.now += timedelta(seconds=4)
    assert await _state(two) == ConversationState(debt=timedelta(seconds=3))
    async with two.transaction() as transaction:
        await transaction.conversations.note("C0", ConversationState())
    assert await _state(one) == ConversationState()


async def _state(store: Store) -> ConversationState:
    async with store.reading() as reader:
        return await reader.conversations.get("C0")


async def test_what_is_due(harness: StoreHarness) -> None:
    """The sweep finds what is due, the longest-due first, and nothing else."""
    store = harness.store()
    async with store.transaction() as transaction:
        for number, due in ((1, -1), (2, -5), (3, 5)):
            await transaction.requests.add(a_request(number, next_run_at=MONDAY + timedelta(seconds=due)))
        await transaction.requests.add(a_request(4))
        await transaction.outbox.announce("a", "note", "C0")
        await transaction.outbox.announce("b", "note", "C1")
        await transaction.deferred.add("deferred", "submit", "U0RINA", {})
    assert await _due(store) == (["TS-00000002", "TS-00000001"], {"C0", "C1"}, ["deferred"])
    async with store.transaction() as transaction:
        await transaction.outbox.update("a", delivered_version=1)
        await transaction.conversations.note("C1", ConversationState(wait=timedelta(seconds=3)))
        assert await transaction.deferred.finish("deferred", "Done")
        assert not await transaction.deferred.finish("deferred", "Done")
    assert await _due(store) == (["TS-00000002", "TS-00000001"], set(), [])
    harness.now += timedelta(seconds=5)
    assert await _due(store) == (["TS-00000002", "TS-00000001", "TS-00000003"], {"C1"}, [])


async def _due(store: Store) -> tuple[list[str], set[str], list[str]]:
    due = await store.due()

    def keys(kind: str) -> list[str]:
        return [job.key for job in due if job.kind == kind]

    return keys(ADVANCE), set(keys(DELIVER)), keys(DEFERRED)


def _time(ahead: timedelta) -> datetime:
    return datetime.now(UTC) + ahead


async def test_machines_whose_clocks_differ_tell_the_same_time(prepared_postgres: str) -> None:
    """Processes on one PostgreSQL have its time: a machine that is minutes ahead or behind changes nothing."""
    stores = []
    for minutes in (-150, 0, 150):
        clock = SharedClock(partial(_time, timedelta(minutes=minutes)))
        stores.append(Store(open_engine(parse_url(prepared_postgres)), Jobs().wake, clock=clock))
    for store in stores:
        await store.due()
    times = [store.clock() for store in stores]
    assert max(times) - min(times) < timedelta(seconds=5)
    assert abs(times[0] - datetime.now(UTC)) < timedelta(seconds=5)
    for store in stores:
        await store.close()


async def test_who_waits_for_the_same_resource(harness: StoreHarness) -> None:
    """Requests for the same two teams are found, oldest first, so that their creates come one after the other."""
    store = harness.store()
    mine = a_request(1, state=State.APPROVED)
    async with store.transaction() as transaction:
        await transaction.requests.add(mine)
        for number, minutes in ((2, 5), (3, 1)):
            at = MONDAY + timedelta(minutes=minutes)
            await transaction.requests.add(a_request(number, state=State.RUNNING, updated_at=at, attempted_at=at))
        await transaction.requests.lock_resource(mine)
        assert await transaction.requests.same_resource(mine, {State.RUNNING}) == ("TS-00000003", "TS-00000002")
        assert await transaction.requests.same_resource(mine, {State.UNCERTAIN}) == ()
        assert await transaction.requests.begun_since(mine, MONDAY + timedelta(minutes=5))
        assert not await transaction.requests.begun_since(mine, MONDAY + timedelta(minutes=6))


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
