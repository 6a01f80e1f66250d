from datetime import timedelta
from itertools import chain, repeat

import pytest

from bot.playground.tines.faults import Fault, Kind
from handlers.models import State
from handlers.operations.schedule import Schedule
from handlers.requests import cancel, check_again
from tests.unit.requests.harness import RINA, STORIES

from .conftest import OpenExecution
from .harness import DESTINATIONS, no_answer, no_connection


async def test_something_else_that_appeared_is_left_to_a_person(open_execution: OpenExecution) -> None:
    """After a lost create, a new destination with other stories is not ours and no proof either: nothing more is sent."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()

    async def rival() -> None:
        execution.somebody_creates(STORIES[0])
        await no_answer()

    execution.line.before("POST", DESTINATIONS, rival)
    assert (await harness.works(request.id)).state is State.RUNNING
    harness.clock.passes(minutes=5)
    unsure = await harness.works(request.id)
    assert (unsure.state, unsure.next_run_at, unsure.destination_id) == (State.UNCERTAIN, None, None)
    assert (execution.line.tries("POST"), harness.creates()) == (1, 1)
    await check_again(harness.services, RINA, request.id)
    assert (await harness.works(request.id)).state is State.UNCERTAIN
    assert execution.line.tries("POST") == 1
    assert [each["kind"] for each in await harness.told(f"@{RINA}")] == ["uncertain"]


@pytest.mark.parametrize("trouble", ["429", "no connection"])
async def test_a_create_that_was_refused_is_sent_once_and_later_again(
    open_execution: OpenExecution, trouble: str
) -> None:
    """A create is never repeated within a try; refused, the request can be cancelled, and is sent again later."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    if trouble == "429":
        harness.dev.faults.add(Fault(Kind.ANSWER, "POST", DESTINATIONS, times=1, status=429, retry_after=20))
    else:
        execution.line.before("POST", DESTINATIONS, no_connection)
    waiting = await harness.works(request.id)
    assert (waiting.state, waiting.attempts, waiting.attempted_at) == (State.APPROVED, 0, None)
    assert (waiting.work is None) is (trouble == "no connection")  # a proxy may have passed it on and then said no
    assert waiting.problem is not None
    assert waiting.next_run_at is not None
    assert (waiting.next_run_at - harness.clock()).total_seconds() >= (20 if trouble == "429" else 1)
    assert execution.line.tries("POST") == 1
    harness.clock.passes(minutes=1)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert (execution.line.tries("POST"), harness.creates()) == (2, 1)


async def test_a_create_that_was_refused_can_be_cancelled(open_execution: OpenExecution) -> None:
    """Between two tries of a create that surely was not applied, a cancellation wins and nothing more is sent."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    execution.line.before("POST", DESTINATIONS, no_connection)
    await harness.works(request.id)
    await cancel(harness.services, RINA, request.id, "Never mind")
    harness.clock.passes(minutes=10)
    assert (await harness.works(request.id)).state is State.CANCELLED
    assert (execution.line.tries("POST"), harness.creates()) == (1, 0)


async def test_a_create_that_is_refused_for_long_fails_in_words(open_execution: OpenExecution) -> None:
    """Creates that are refused again and again are sent less and less often, and given up in the end."""
    execution = await open_execution(schedule=Schedule(give_up_reaching=timedelta(minutes=10)))
    harness = execution.harness
    request = await execution.approved()
    harness.dev.faults.add(Fault(Kind.ANSWER, "POST", DESTINATIONS, status=429, message="Too Many Requests"))
    began = harness.clock()
    while not (await harness.works(request.id)).state.final:
        assert harness.clock() - began < timedelta(hours=1), "it was never given up"
        harness.clock.passes(seconds=30)
    failed = await harness.now(request.id)
    assert failed.problem is not None
    assert (failed.state, failed.problem.words) == (State.FAILED, "Too Many Requests")
    assert failed.problem.advice.startswith("Nothing was sent.")
    assert timedelta(minutes=10) < harness.clock() - began <= timedelta(minutes=12)
    assert execution.line.tries("POST") <= 20
    assert harness.creates() == 0


async def test_a_tenant_that_cannot_be_looked_at_for_an_hour_fails_the_request(open_execution: OpenExecution) -> None:
    """The hour of a look that does not work is counted from its first failure; nothing was sent, and that is said."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    harness.clock.passes(hours=2)  # waited for its turn: not the tenant's trouble
    harness.dev.faults.add(
        Fault(Kind.ANSWER, "GET", DESTINATIONS, status=429, retry_after=300, message="Too Many Requests")
    )
    began = harness.clock()
    while not (await harness.works(request.id)).state.final:
        assert harness.clock() - began < timedelta(hours=2), "it was never given up"
        harness.clock.passes(minutes=5)
    failed = await harness.now(request.id)
    assert failed.problem is not None
    assert (failed.state, failed.problem.advice[:17]) == (State.FAILED, "Nothing was sent.")
    assert harness.clock() - began > timedelta(hours=1)
    assert execution.line.tries("POST") == 0


async def test_the_same_trouble_begins_anew_after_it_was_over(open_execution: OpenExecution) -> None:
    """When a lost create follows on creates that were refused, looking has its own time before a person is asked."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    execution.line.before("POST", DESTINATIONS, no_connection, no_answer)
    await harness.works(request.id)
    harness.clock.passes(minutes=50)
    lost = await harness.works(request.id)
    assert (lost.state, lost.attempts, lost.failing_since) == (State.RUNNING, 1, harness.clock())


async def test_absurd_waits_are_not_waited_for(open_execution: OpenExecution) -> None:
    """A tenant that asks to wait for years is asked again within the hour."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    harness.dev.faults.add(Fault(Kind.ANSWER, "GET", DESTINATIONS, times=1, status=429, retry_after=1e12))
    waiting = await harness.works(request.id)
    assert waiting.next_run_at is not None
    assert waiting.next_run_at - harness.clock() == timedelta(hours=1)


async def test_a_process_that_stood_still_sends_nothing(open_execution: OpenExecution) -> None:
    """A process that was stopped for longer than the send window sends nothing; another one looks, and goes on."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    execution.standstills = chain([0.0, 0.0, 60.0], repeat(0.0))
    stopped = await harness.works(request.id, rounds=1)
    assert execution.line.tries("POST") == 0
    assert (stopped.state, stopped.attempts) == (State.APPROVED, 0)
    harness.clock.passes(minutes=5)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert (execution.line.tries("POST"), harness.creates()) == (1, 1)
