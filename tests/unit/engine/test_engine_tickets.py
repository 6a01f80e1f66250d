"""What changes while a job waits to be run rides on the job's ticket; nothing rides on a ticket that is not there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from handlers.engine import DurableJobs, Engine, new_executor_id
from handlers.jobs import DELIVER, Job
from handlers.store import Store
from handlers.store.database import WRITING, open_engine, parse_url

JOB = Job(DELIVER, "C0")


class Desk:
    """A process that writes jobs and has not begun to run any, with its queue."""

    def __init__(self, url: str, *, head_start: float, runs: bool) -> None:
        self.woken: list[Job] = []
        self.jobs = DurableJobs(parse_url(url), head_start=head_start)
        self.database = open_engine(parse_url(url))
        self.store = Store(self.database, self.jobs, executor=new_executor_id(), clock=lambda: datetime.now(UTC))
        if runs:
            self.jobs.on_wake(self.woken.append)

    async def orders(self) -> None:
        """Commit the job."""
        async with self.store.transaction() as transaction:
            transaction.jobs.add(JOB)

    async def queued(self) -> int:
        """Return how many tickets the queue holds."""
        return len(await self.jobs.client.list_workflows_async())

    async def close(self) -> None:
        """Close the connections."""
        await self.store.close()
        self.jobs.close()


async def _make_queue(url: str) -> None:
    """Make the queue's tables, as the first start of an engine does; it takes the loop's threads with it."""
    jobs = DurableJobs(parse_url(url))
    store = Store(open_engine(parse_url(url)), jobs, executor=new_executor_id(), clock=lambda: datetime.now(UTC))
    engine = Engine(jobs, store)
    await engine.start({})
    await engine.stop()
    await store.close()
    jobs.close()


OpenDesk = Callable[..., Desk]


@pytest.fixture
async def open_desk(prepared_database: str) -> AsyncIterator[OpenDesk]:
    """Give what opens a process on the database; `head_start` is in seconds."""
    await asyncio.to_thread(asyncio.run, _make_queue(prepared_database))
    async with AsyncExitStack() as stack:

        def opened(*, head_start: float = 600, runs: bool = True) -> Desk:
            desk = Desk(prepared_database, head_start=head_start, runs=runs)
            stack.push_async_callback(desk.close)
            return desk

        yield opened


async def test_changes_while_a_job_waits_are_one_ticket_and_all_of_them_wake_it(
    open_desk: OpenDesk,
) -> None:
    """Many requests announced in one channel cost the queue one row."""
    desk = open_desk()
    for _ in range(5):
        await desk.orders()
    assert await desk.queued() == 1
    assert desk.woken == [JOB] * 5


async def test_a_change_after_the_job_began_has_a_ticket_of_its_own(open_desk: OpenDesk) -> None:
    """A run that has begun may have missed what changes from now on."""
    desk = open_desk()
    await desk.orders()
    begun = desk.jobs.tickets(JOB)
    await desk.orders()
    assert await desk.queued() == 2
    desk.jobs.done(begun)
    await desk.jobs.take_back()
    assert await desk.queued() == 1
    assert len(desk.jobs.tickets(JOB)) == 1


async def test_a_ticket_that_somebody_may_have_been_given_is_not_taken_away(open_desk: OpenDesk) -> None:
    """What was done late here is run once more by whoever was given it, rather than vanish under their hands."""
    desk = open_desk(head_start=0.0)
    await desk.orders()
    desk.jobs.done(desk.jobs.tickets(JOB))
    await desk.jobs.take_back()
    assert await desk.queued() == 1


async def test_nothing_rides_on_a_ticket_whose_transaction_was_rolled_back(open_desk: OpenDesk) -> None:
    """A ticket counts when it is committed, not when it is written."""
    desk = open_desk()
    async with desk.database.connect() as plain:
        connection = await plain.execution_options(**WRITING)
        async with connection.begin() as transaction:
            assert await desk.jobs.enqueue(connection, [JOB])
            await transaction.rollback()
    assert await desk.queued() == 0
    await desk.orders()
    assert await desk.queued() == 1


@pytest.mark.parametrize(
    ("head_start", "runs"),
    [
        pytest.param(0.0, True, id="another process may have been given the ticket by now"),
        pytest.param(600, False, id="this process runs no jobs, so it does not hear when they begin"),
    ],
)
async def test_nothing_rides_on_a_ticket_that_may_have_been_used(
    open_desk: OpenDesk, head_start: float, *, runs: bool
) -> None:
    """Each change is written where it is not certain that the earlier ticket still waits."""
    desk = open_desk(head_start=head_start, runs=runs)
    await desk.orders()
    await desk.orders()
    assert await desk.queued() == 2
