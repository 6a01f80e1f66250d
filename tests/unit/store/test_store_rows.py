import asyncio
from datetime import timedelta

import pytest

from handlers.jobs import ADVANCE, DELIVER, Job
from handlers.models import Decision, Problem, Request, State, Story, StoryStatus, Team, Verdict
from handlers.operations.create import CreateFacts, CreateWork
from handlers.operations.destination import DestinationRef
from handlers.operations.following import ExistingDestination, SyncResult
from handlers.operations.rotate_key import RotateParams
from handlers.policy import Freeze
from handlers.store import ConflictError, Posted, Store, StoreUnavailableError
from handlers.store.database import open_engine, parse_url

from .harness import MONDAY, Jobs, StoreHarness, a_request


async def test_a_request_is_read_as_it_was_written(harness: StoreHarness) -> None:
    """Every field of a request comes back as it was, whatever it holds."""
    request = a_request(
        state=State.FOLLOWING,
        facts=CreateFacts(stories=(Story(id=11, name="One", edited_at=MONDAY),), existing=(ExistingDestination(id=3),)),
        work=CreateWork(preexisting_ids=(3, 4)),
        attempted_at=MONDAY,
        attempts=2,
        destination_id=9_000_000_000,
        result=SyncResult(
            destination_id=9_000_000_000,
            statuses=(StoryStatus(story_id=11, name="Ünö “x”", status="failed", error="no\ncredential"),),
        ),
        follow_until=MONDAY + timedelta(minutes=10),
        problem=Problem(what="404", words="gone", advice="look", status=404),
        note="waits",
        emergency=True,
    )
    store = harness.store()
    async with store.transaction() as transaction:
        await transaction.requests.add(request)
    async with store.reading() as reader:
        assert await reader.requests.get(request.id) == request
        assert await reader.requests.of_draft("draft-1") == request
        assert await reader.requests.get("TS-NONE") is None
        assert await reader.requests.of_draft("none") is None


async def test_a_change_needs_the_state_and_revision_it_was_decided_on(harness: StoreHarness) -> None:
    """A change decided on an older state or revision is refused whole, and nothing of its transaction is kept."""
    store = harness.store()
    request = a_request()
    async with store.transaction() as transaction:
        await transaction.requests.add(request)
        rejected = await transaction.requests.change(request, state=State.REJECTED, closed_by="U0ADA")
    assert rejected.state is State.REJECTED
    with pytest.raises(ConflictError):
        await _cancel(store, request)
    with pytest.raises(ConflictError):
        await _cancel(store, request.model_copy(update={"state": State.PENDING, "revision": 2}))
    async with store.reading() as reader:
        assert (await reader.audit.head())[0] == 0


async def _cancel(store: Store, request: Request) -> None:
    async with store.transaction() as transaction:
        transaction.audit.record("cancelled", "U0RINA", "TS-00000001")
        await transaction.outbox.announce("k", "note", "C0")
        await transaction.requests.change(request, state=State.CANCELLED)


async def test_a_move_that_nobody_drew_is_a_mistake(harness: StoreHarness) -> None:
    """A request cannot be changed in a way that the diagram of states does not have."""
    async with harness.store().transaction() as transaction:
        await transaction.requests.add(a_request())
        with pytest.raises(ValueError, match="cannot move from pending to succeeded"):
            await transaction.requests.change(a_request(), state=State.SUCCEEDED)


async def test_two_who_change_at_once(harness: StoreHarness) -> None:
    """Of many who change a request at the same moment exactly one succeeds; all others are told."""
    store = harness.store()
    request = a_request()
    async with store.transaction() as transaction:
        await transaction.requests.add(request)
    outcomes = await asyncio.gather(*(_cancel(store, request) for _ in range(6)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ConflictError"] * 5 + ["NoneType"]


async def test_a_form_that_arrives_twice_makes_one_request(harness: StoreHarness) -> None:
    """The same form cannot become two requests, even when both arrive at the same moment."""
    store = harness.store()

    async def add(number: int) -> None:
        async with store.transaction() as transaction:
            await transaction.requests.add(a_request(number, draft_id="the same"))

    outcomes = await asyncio.gather(*(add(number) for number in (1, 2, 3)), return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome is None] == [None]


async def test_the_chain_under_many_writers(harness: StoreHarness) -> None:
    """Writers at the same time get numbers without a gap, and each event holds the hash of the one before it."""
    stores = [harness.store(), harness.store()]

    async def write(number: int) -> None:
        async with stores[number % 2].transaction() as transaction:
            transaction.audit.record("first", "U0ADA", None, number=number)
            transaction.audit.record("second", "U0ADA", None, number=number)

    await asyncio.gather(*(write(number) for number in range(12)))
    async with stores[0].reading() as reader:
        events = await reader.audit.events_after(0)
        head = await reader.audit.head()
    assert [event.seq for event in events] == list(range(1, 25))
    assert [event.previous for event in events] == ["", *(event.hash for event in events[:-1])]
    assert head == (24, events[-1].hash)
    assert all(events[place].data == events[place + 1].data for place in range(0, 24, 2))


async def test_a_failed_transaction_leaves_nothing(harness: StoreHarness) -> None:
    """Nothing is recorded, announced or started for a change that did not happen."""
    store = harness.store()
    with pytest.raises(ZeroDivisionError):
        await _fail(store)
    async with store.reading() as reader:
        assert await reader.requests.get("TS-00000001") is None
        assert await reader.outbox.get("key") is None
        assert await reader.audit.head() == (0, "")
    assert harness.jobs.woken == []


async def _fail(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.requests.add(a_request())
        await transaction.outbox.announce("key", "note", "C0")
        transaction.audit.record("asked", "U0RINA", "TS-00000001")
        transaction.jobs.advance("TS-00000001")
        _ = 1 / 0


async def test_jobs_are_woken_once_after_the_commit(harness: StoreHarness) -> None:
    """The jobs of a transaction are started after it, each once, in the order in which they were ordered."""
    async with harness.store().transaction() as transaction:
        for _ in range(2):
            transaction.jobs.advance("TS-00000001")
            await transaction.outbox.announce("key", "note", "C0")
        assert harness.jobs.woken == []
    assert harness.jobs.woken == [Job(ADVANCE, "TS-00000001"), Job(DELIVER, "C0")]


async def test_decisions(harness: StoreHarness) -> None:
    """Decisions are kept oldest first; withdrawing marks a person's own, and only theirs, and only once."""
    store = harness.store()
    request = a_request()
    given = [
        Decision(
            request_id=request.id,
            revision=1,
            digest=request.digest,
            actor=actor,
            verdict=Verdict.APPROVE,
            groups=("S0A",),
            at=MONDAY,
        )
        for actor in ("U0ADA", "U0BEN")
    ]
    async with store.transaction() as transaction:
        await transaction.requests.add(request)
        for decision in given:
            await transaction.requests.add_decision(decision)
    harness.now += timedelta(minutes=1)
    for _ in range(2):
        async with store.transaction() as transaction:
            await transaction.requests.withdraw_approval(request, "U0ADA")
        harness.now += timedelta(minutes=1)
    async with store.reading() as reader:
        found = await reader.requests.get(request.id)
    assert found is not None
    assert found.decisions == (given[0].model_copy(update={"withdrawn_at": MONDAY + timedelta(minutes=1)}), given[1])
    assert found.approvals() == (given[1],)


async def test_announcements_keep_their_order(harness: StoreHarness) -> None:
    """A conversation's announcements are delivered in the order in which they were made; touching one does not move it."""
    store = harness.store()
    async with store.transaction() as transaction:
        for key in ("one", "two", "three"):
            await transaction.outbox.announce(key, "note", "C0", data={"kind": key})
        await transaction.outbox.announce("one", "note", "C0", data={"kind": "again"})
        await transaction.outbox.announce("other", "note", "C1")
    assert await _open(store) == [("one", 1), ("two", 1), ("three", 1)]
    async with store.transaction() as transaction:
        await transaction.outbox.update(
            "one", delivered_version=1, channel="C0", messages=(Posted(ts="1.1", hash="h"),)
        )
        await transaction.outbox.update("two", failure="channel_not_found", delivered_version=1)
    assert await _open(store) == [("three", 1)]
    async with store.transaction() as transaction:
        await transaction.outbox.refresh("two")
        await transaction.outbox.refresh("one")
        await transaction.outbox.refresh("nobody ordered this")
    assert await _open(store) == [("one", 2), ("two", 2), ("three", 1)]
    async with store.reading() as reader:
        one = await reader.outbox.get("one")
    assert one is not None
    assert (one.data, one.messages, one.channel) == ({"kind": "one"}, (Posted(ts="1.1", hash="h"),), "C0")


async def _open(store: Store) -> list[tuple[str, int]]:
    async with store.reading() as reader:
        return [(each.key, each.desired_version) for each in await reader.outbox.undelivered("C0")]


async def test_lists(harness: StoreHarness) -> None:
    """People's lists are newest first, in pages, with the number of all; what waits leaves out one's own."""
    store = harness.store()
    async with store.transaction() as transaction:
        for number in range(1, 6):
            who = "U0RINA" if number % 2 else "U0TOM"
            at = MONDAY + timedelta(minutes=number)
            await transaction.requests.add(a_request(number, requester=who, created_at=at))
        await transaction.requests.change(a_request(5, requester="U0RINA"), state=State.REJECTED)
    async with store.reading() as reader:
        mine, total = await reader.requests.requested_by("U0RINA", limit=2)
        rest, _ = await reader.requests.requested_by("U0RINA", limit=2, offset=2)
        assert await reader.requests.requested_by("U0RINA", limit=2, offset=4) == ((), 3)
        assert await reader.requests.requested_by("U0RINA", limit=0) == ((), 3)
        waiting, waits = await reader.requests.waiting_on([("dev-to-prod", "create")], but_not=["U0TOM"], limit=10)
        nothing = await reader.requests.waiting_on([], but_not=["U0TOM"], limit=10)
        assert await reader.requests.requested_by("U0NOBODY", limit=2) == ((), 0)
        assert await reader.requests.counts() == {"pending": 4, "rejected": 1}
    assert ([each.id[-1] for each in (*mine, *rest)], total) == (["5", "3", "1"], 3)
    assert ([each.id[-1] for each in waiting], waits) == (["3", "1"], 2)
    assert nothing == ((), 0)


async def test_requests_are_found_by_what_their_operation_does(harness: StoreHarness) -> None:
    """Who created a sync destination, and who sent it its key again, is told by what operations say that they change."""
    store = harness.store()
    team = Team(id=1, name="SecOps")
    rotation = RotateParams(destination=DestinationRef(id=24, source_team=team, destination_team=team), key_name="key")
    ended = {"state": State.SUCCEEDED, "destination_id": 24}
    async with store.transaction() as transaction:
        await transaction.requests.add(a_request(1, **ended))
        await transaction.requests.add(a_request(2, **ended, operation="rotate_key", params=rotation))
    async with store.reading() as reader:
        both = await reader.requests.of_destinations("dev", [24])
        created = await reader.requests.of_destinations("dev", [24], creating=True)
        rotated = await reader.requests.rotations("dev")
    assert {each.operation for each in both} == {"create", "rotate_key"}
    assert [each.operation for each in created] == ["create"]
    assert [each.operation for each in rotated] == ["rotate_key"]


async def test_freezes(harness: StoreHarness) -> None:
    """A route is frozen with who and why; freezing again says it anew; unfreezing forgets it."""
    store = harness.store()
    first = Freeze(route="dev-to-prod", by="U0ADA", reason="Audit", at=MONDAY)
    again = first.model_copy(update={"by": "U0BEN", "reason": "Incident"})
    for freeze in (first, again):
        async with store.transaction() as transaction:
            await transaction.freezes.put(freeze)
            assert await transaction.freezes.all() == {"dev-to-prod": freeze}
    async with store.transaction() as transaction:
        await transaction.freezes.drop("dev-to-prod")
        assert await transaction.freezes.get("dev-to-prod") is None


async def test_an_unreachable_database_is_told_as_such() -> None:
    """A database that does not answer is one kind of failure, that people are told about, whatever was asked of it."""
    url = parse_url("postgresql://nobody@127.0.0.1:1/none")
    store = Store(open_engine(url), Jobs().wake, clock=lambda: MONDAY)
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        await store.due()
    with pytest.raises(StoreUnavailableError):
        async with store.reading():
            pass  # pragma: no cover - never reached
    with pytest.raises(StoreUnavailableError):
        await _cancel(store, a_request())
    await store.close()
