"""The engine of any number of processes on one PostgreSQL: procrastinate divides the jobs among them.

    lock           the job's name: one runner for each key, whichever process it is in
    queueing_lock  the same: to order a job that waits already changes nothing
    queue          the job's kind: a process asks only for the kinds that it knows, and leaves the others to newer ones

Jobs are ordered after the commit, on connections of their own: inside a transaction a job that waits already would abort it.

Facts about procrastinate 3.10 that shape this module: a worker ends when the database fails once, and its heartbeat can end
without its noticing, so its connector waits here until the database is back; a job that was held up by its lock is found by
polling; a stalled job that is retried keeps its id, so the process that was only frozen would end the run of the one that
took over; and jobs of dead workers are found by whoever looks.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, LiteralString, TypeVar

import procrastinate
import psycopg
import sqlalchemy as sa
from procrastinate import jobs as queued
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from handlers.clock import uptime
from handlers.engine._base import AT_ONCE, POLL_SECONDS, BaseEngine, cancelled
from handlers.jobs import Job
from handlers.store import StoreUnavailableError
from handlers.store._postgres import connect_arguments
from handlers.store.failures import driver_words, drops_connection

_HEARTBEATS: Final = 4  # in the time after which a process without one counts as dead
_TASK: Final = "look-at-row"
_CONNECTIONS: Final = 4  # and one that listens
_PROBE_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.5
_END_SECONDS: Final = 2.0  # for a worker without jobs to sign off

T = TypeVar("T")


class DistributedEngine(BaseEngine):
    """Runs jobs that procrastinate hands to this process."""

    def __init__(
        self,
        url: sa.URL,
        *,
        sweep_seconds: float,
        monotonic: Callable[[], float] = uptime,
        dead_after: float,
    ) -> None:
        super().__init__(sweep_seconds=sweep_seconds, monotonic=monotonic)
        self._url = url
        self._heartbeat_seconds = dead_after / _HEARTBEATS
        self._dead_after = dead_after
        self._looked_at = float("-inf")
        self._tasks: set[asyncio.Task[Any]] = set()
        self._to_defer: dict[Job, None] = {}  # a set that keeps its order
        self._news = asyncio.Event()

    async def _open(self) -> None:
        self._connector = _WaitingConnector(
            kwargs=connect_arguments(self._url, pooler=True), min_size=1, max_size=_CONNECTIONS, configure=_configure
        )
        self._app = procrastinate.App(connector=self._connector)

        self._app.task(name=_TASK)(self._look_at_row)
        try:
            await self._app.open_async()
            listens = await hears_notifications(self._url)
        except (ConnectorException, StoreUnavailableError) as error:
            await self._app.close_async()
            if isinstance(error, StoreUnavailableError):
                raise
            raise StoreUnavailableError(driver_words(error.__cause__ or error)) from error
        if not listens:
            self._log.warning("the database does not pass notifications on (a pooler?); jobs are polled for")
        self._deferrer = asyncio.create_task(self._defer_forever(), name="defer jobs")
        self._worker = asyncio.create_task(self._work_forever(listens=listens), name="procrastinate")

    async def _close(self, grace: float) -> None:
        self._deferrer.cancel()
        self._worker.cancel()  # takes no new job, and waits for those that run
        await self._end(self._tasks, grace)
        self._connector.waits = False  # a database that says nothing keeps nobody from ending
        await cancelled(self._deferrer, self._worker, seconds=_END_SECONDS)
        with suppress(TimeoutError, ConnectorException):
            async with asyncio.timeout(_END_SECONDS):
                await self._app.close_async()

    async def _look_at_row(self, kind: str, key: str) -> None:
        task = asyncio.current_task()
        assert task is not None, "jobs run in tasks"  # noqa: S101 - for the type checker
        self._tasks.add(task)
        try:
            await self._run(Job(kind, key))
        finally:
            self._tasks.discard(task)

    async def _work_forever(self, *, listens: bool) -> None:
        poll = self._sweep_seconds if listens else min(self._sweep_seconds, POLL_SECONDS)
        while self._accepting:
            try:
                await self._app.run_worker_async(
                    queues=list(self._handlers),
                    concurrency=AT_ONCE,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=poll,
                    listen_notify=listens,
                    delete_jobs="always",
                    update_heartbeat_interval=self._heartbeat_seconds,
                    stalled_worker_timeout=self._dead_after,
                )
            except ConnectorException as error:
                # such as after a long freeze: others took this process for dead, and struck it off
                self._log.warning("the worker signs on again", words=driver_words(error.__cause__ or error))
            await asyncio.sleep(_RETRY_SECONDS)

    # ---- ordering jobs

    def _submit(self, job: Job) -> None:
        self._to_defer[job] = None
        self._news.set()

    async def _defer_forever(self) -> None:
        while self._accepting:
            await self._news.wait()
            self._news.clear()
            jobs, self._to_defer = list(self._to_defer), {}
            try:
                await self._defer(jobs)
            except ConnectorException as error:
                self._log.warning(
                    "jobs could not be ordered; the sweep finds their rows",
                    words=driver_words(error.__cause__ or error),
                )

    async def _submit_found(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        there = {each.lock for each in await self._app.job_manager.list_jobs_async()}
        left = [job for job in jobs if _name(job) not in there]
        if left:  # looked at anew: some may have been done between the two looks
            due = set(await self._find_due())
            await self._defer([job for job in left if job in due])

    async def _defer(self, jobs: Sequence[Job]) -> None:
        """Order jobs. One that waits already is left as it is."""
        if not jobs:
            return
        manager = self._app.job_manager
        try:
            await manager.batch_defer_jobs_async([_queued(job) for job in jobs])
        except AlreadyEnqueued:
            if len(jobs) > 1:  # then none was ordered, and those that do not wait yet must be
                for job in jobs:
                    with suppress(AlreadyEnqueued):
                        await manager.defer_job_async(_queued(job))

    # ---- what dead processes left

    async def _look_after(self) -> None:
        now = self._monotonic()
        if now - self._looked_at < self._heartbeat_seconds:
            return
        self._looked_at = now
        stalled = await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._dead_after)
        await self._take_over(stalled)

    async def _take_over(self, stalled: Iterable[queued.Job]) -> None:
        """Order anew what a dead process was at.

        As new jobs: one that kept its id would be ended by a process that was only frozen, once it goes on.
        """
        for job in stalled:
            if job.id is None:
                continue
            self._log.warning("a process is gone; its work is taken over", job=job.lock, worker=job.worker_id)
            await self._app.job_manager.finish_job_by_id_async(job.id, queued.Status.FAILED, delete_job=True)
            await self._defer([Job(str(job.task_kwargs["kind"]), str(job.task_kwargs["key"]))])


class _WaitingConnector(procrastinate.PsycopgConnector):
    """A connector that waits for a database that is away, instead of ending the worker that asks."""

    waits = True

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:  # noqa: ANN401 - procrastinate's
        """Run a query. To end a job that somebody took over, or ended before, does nothing."""
        try:
            await self._once_answered(lambda: super(_WaitingConnector, self).execute_query_async(query, **arguments))
        except ConnectorException as error:
            if not isinstance(error.__cause__, psycopg.errors.RaiseException):  # procrastinate's own "not found"
                raise

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - procrastinate's
        """Run a query and return its row."""
        return await self._once_answered(
            lambda: super(_WaitingConnector, self).execute_query_one_async(query, **arguments)
        )

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - procrastinate's
        """Run a query and return its rows."""
        return await self._once_answered(
            lambda: super(_WaitingConnector, self).execute_query_all_async(query, **arguments)
        )

    async def listen_notify(self, on_notification: procrastinate.connector.Notify, channels: Iterable[str]) -> None:
        """Listen until cancelled."""
        wanted = list(channels)
        await self._once_answered(lambda: super(_WaitingConnector, self).listen_notify(on_notification, wanted))

    async def _once_answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await ask()
            except ConnectorException as error:
                cause = error.__cause__
                demoted = cause is not None and drops_connection(cause)
                away = demoted or isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
                if not (away and self.waits):
                    raise
                if demoted:  # no connection that is open now can be trusted
                    await self.pool.drain()
            await asyncio.sleep(_RETRY_SECONDS)


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    """Prepare a connection: each query is one statement."""
    await connection.set_autocommit(True)


async def hears_notifications(url: sa.URL) -> bool:
    """Whether a process hears of jobs at once; behind a pooler that lends connections for a transaction it does not.

    Raises `StoreUnavailableError` when the database does not answer.
    """
    try:
        return await _hears_itself(url)
    except psycopg.Error as error:
        raise StoreUnavailableError(driver_words(error)) from error


async def _hears_itself(url: sa.URL) -> bool:
    """Listen, and say something on another connection."""
    channel = f"tines_sync_{secrets.token_hex(8)}"
    arguments = connect_arguments(url, pooler=True)
    connect = psycopg.AsyncConnection.connect
    async with (
        await connect(**arguments, autocommit=True) as listener,
        await connect(**arguments, autocommit=True) as speaker,
    ):
        await listener.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
        await speaker.execute("SELECT pg_notify(%s, '')", [channel])
        async for _ in listener.notifies(timeout=_PROBE_SECONDS, stop_after=1):
            return True
    return False


def _name(job: Job) -> str:
    return f"{job.kind}:{job.key}"


def _queued(job: Job) -> queued.Job:
    return queued.Job(
        queue=job.kind, lock=_name(job), queueing_lock=_name(job), task_name=_TASK, task_kwargs=job._asdict()
    )
