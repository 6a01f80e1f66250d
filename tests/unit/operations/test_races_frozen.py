from datetime import timedelta

from handlers.jobs import ADVANCE
from handlers.models import State

from .conftest import OpenExecution
from .harness import DESTINATIONS, RETRY_POLICY, no_answer, no_connection


async def test_a_freeze_never_leaves_a_begun_request_stuck(open_execution: OpenExecution) -> None:
    """Frozen after a create that was lost, a request keeps a due time, sends nothing, and goes on at the unfreeze."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    execution.line.before("POST", DESTINATIONS, no_answer)
    assert (await harness.works(request.id)).state is State.RUNNING
    await execution.freezes()
    harness.clock.passes(minutes=5)  # longer than the lost call can be under way: it may be sent again
    held = await harness.works(request.id)
    assert (held.state, held.note) == (State.RUNNING, "The route is frozen. This runs when the route is unfrozen.")
    assert held.next_run_at is not None
    assert held.next_run_at > harness.clock()
    assert (execution.line.tries("POST"), harness.creates()) == (1, 0)
    await execution.unfreezes()
    assert (await harness.now(request.id)).next_run_at == harness.clock()
    assert (await harness.works(request.id)).state is State.SUCCEEDED
    assert (execution.line.tries("POST"), harness.creates()) == (2, 1)


async def test_a_freeze_does_not_keep_the_teams_from_others_for_ever(open_execution: OpenExecution) -> None:
    """Whoever waits for a request that a freeze held up runs after it, once the route is unfrozen."""
    execution = await open_execution()
    harness = execution.harness
    first = await execution.approved()
    second = await execution.approved(reason="The same again")
    execution.line.before("POST", DESTINATIONS, no_answer)
    await harness.works(first.id)
    await execution.freezes()
    harness.clock.passes(minutes=5)
    await harness.works(first.id)
    await harness.works(second.id)
    await execution.unfreezes()
    assert (await harness.finishes(first.id)).state is State.SUCCEEDED
    # the second is not created unseen beside what the first one made
    again = await harness.works(second.id)
    assert (again.state, again.revision) == (State.PENDING, 2)
    assert harness.creates() == 1


async def test_a_freeze_right_before_the_create_stops_it(open_execution: OpenExecution) -> None:
    """A freeze that comes while an approved request is looked into is asked again before anything is sent."""
    execution = await open_execution()
    request = await execution.approved()
    execution.line.after("GET", DESTINATIONS, execution.freezes)
    held = await execution.harness.works(request.id)
    assert (held.state, held.attempts) == (State.APPROVED, 0)
    assert held.next_run_at is not None
    assert execution.line.tries("POST") == 0
    await execution.unfreezes()
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED


async def test_a_freeze_of_hours_is_no_trouble_of_the_tenant(open_execution: OpenExecution) -> None:
    """The hour after which a request fails begins with the first failure: neither approval nor freeze count."""
    execution = await open_execution()
    harness = execution.harness
    await execution.freezes()
    request = await execution.approved()
    await harness.works(request.id)
    harness.clock.passes(hours=3)
    await execution.unfreezes()
    execution.line.before("GET", DESTINATIONS, *[no_connection] * RETRY_POLICY.attempts)
    waiting = await harness.works(request.id)
    assert waiting.state is State.APPROVED
    assert waiting.failing_since == harness.clock()
    await execution.freezes()
    harness.clock.passes(minutes=5)
    await harness.works(request.id)
    harness.clock.passes(hours=3)
    await execution.unfreezes()
    execution.line.before("GET", DESTINATIONS, *[no_connection] * RETRY_POLICY.attempts)
    assert (await harness.works(request.id)).state is State.APPROVED
    harness.clock.passes(minutes=2)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED


async def test_a_cancelled_request_is_woken_by_nobody(open_execution: OpenExecution) -> None:
    """Neither an unfreeze nor the next request in line makes a request due that was called off meanwhile."""
    execution = await open_execution()
    harness = execution.harness
    await execution.freezes()
    request = await execution.approved()
    async with harness.store.transaction() as transaction:
        cancelled = await transaction.requests.change(request, state=State.CANCELLED, next_run_at=None)
    async with harness.store.transaction() as transaction:
        await transaction.requests.wake({State.APPROVED, State.RUNNING}, request.id)
        assert list(transaction.jobs) == []
    await execution.unfreezes()
    assert (await harness.now(request.id)).next_run_at is None
    assert cancelled.next_run_at is None


async def test_a_final_row_that_is_due_is_cleared_once(open_execution: OpenExecution) -> None:
    """A request that ended and is due all the same is looked at once, and never comes up in a sweep again."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    async with harness.store.transaction() as transaction:
        await transaction.requests.change(
            request, state=State.CANCELLED, next_run_at=harness.clock() - timedelta(seconds=1)
        )
    ended = await harness.works(request.id, rounds=1)
    assert (ended.state, ended.next_run_at) == (State.CANCELLED, None)
    async with harness.store.reading() as reader:
        assert [job for job in await reader.due() if job.kind == ADVANCE] == []
