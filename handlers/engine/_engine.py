"""Running jobs: those woken here, those that DBOS hands over, and those that the sweep finds."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from dbos import DBOS, DBOSPortableJSONSerializer

from handlers.engine._durable import APPLICATION, AT_ONCE, LEAVE_SECONDS, QUEUE, WORKFLOW, DurableJobs
from handlers.jobs import ADVANCE, DEFERRED, DELIVER, Job, NewerVersionError
from handlers.store import Store, StoreUnavailableError
from handlers.tracing import traced

LEASE: Final = timedelta(seconds=60)
_HEARTBEATS: Final = 4  # in a lease
_MARGIN: Final = 1 / 6  # of a lease: effects stop this long before others may take the claims over
_LATE_SECONDS: Final = 15.0  # without a sweep, and jobs count as not being run
_TIDY_SECONDS: Final = 300.0
_KEEP_FINISHED: Final = timedelta(hours=1)
_APPLICATION_VERSION: Final = "1"  # jobs are names of rows: any version can run any other's
_AT_ONCE: Final = 64
_DBOS_STOP_SECONDS: Final = 5.0
_GATHER_SECONDS: Final = 0.05
_LONGEST_BACKOFF_SECONDS: Final = 60.0

Handler = Callable[[str], Awaitable[None]]


def uptime() -> float:
    """Return seconds that also count while the machine is suspended, where the system tells: leases end meanwhile."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def new_executor_id() -> str:
    """Return an id that no other process has, not even this one after a restart."""
    return f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(4)}"


class Engine:
    """Runs jobs: those woken here, those DBOS hands over, and those the sweep finds.

    A handler may run twice, but for one key never twice at the same time in this process. What it does not catch is
    logged, and the sweep tries again, less and less often.
    """

    def __init__(
        self,
        jobs: DurableJobs,
        store: Store,
        *,
        sweep_seconds: float = 1.0,
        poll_seconds: float = 1.0,
        lease: timedelta = LEASE,
        monotonic: Callable[[], float] = uptime,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._handlers: Mapping[str, Handler] = {}
        self._sweep_seconds = sweep_seconds
        self._poll_seconds = poll_seconds
        self._lease = lease
        self._monotonic = monotonic
        self._log = structlog.get_logger(__name__).bind(executor=store.executor)
        self._running: dict[Job, asyncio.Task[None]] = {}
        self._again: set[Job] = set()
        self._failed: dict[Job, tuple[int, float]] = {}  # job → how often in a row, and not to be swept before
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._sweeper: asyncio.Task[None] | None = None
        self._beaten_at = float("-inf")
        self._accepting = False
        self._swept_at = float("-inf")

    @property
    def working(self) -> bool:
        """Whether jobs are being run and the last sweep is not long ago."""
        return self._accepting and self._monotonic() - self._swept_at < 10 * self._sweep_seconds + _LATE_SECONDS

    def holds_lease(self) -> bool:
        """Whether this process's claims surely still hold. Asked right before an effect that must not happen twice.

        False after the process was stopped or cut off from the database for about as long as its lease.
        """
        return self._monotonic() - self._beaten_at < self._lease.total_seconds() * (1 - _MARGIN)

    async def start(self, handlers: Mapping[str, Handler]) -> None:
        """Begin to run jobs; `handlers` maps a kind of job to what is done with its key.

        Raises `StoreUnavailableError` when the database does not answer.
        """
        self._handlers = handlers
        # an SQLite file belongs to one process (see `bot.app`), so whoever else is listed there is dead
        dead = await self._store.retire(everybody=True) if self._jobs.sqlite else ()
        await self._beat()
        self._launch_dbos()
        await DBOS.register_queue_async(QUEUE, polling_interval_sec=self._poll_seconds, worker_concurrency=_AT_ONCE)
        self._accepting = True
        self._jobs.on_wake(self.wake)
        await self._hand_over(dead)
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="sweep")

    def _launch_dbos(self) -> None:
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": str(self._jobs.engine.url),
                "system_database_engine": self._jobs.engine,
                "executor_id": self._store.executor,
                "application_version": _APPLICATION_VERSION,
                "max_executor_threads": 32,
                "serializer": DBOSPortableJSONSerializer(),
                "log_level": "WARNING",
                "use_listen_notify": False,  # nobody waits for DBOS's own messages
            }
        )

        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
        async def look_at_row(kind: str, key: str) -> None:
            if kind in self._handlers:
                await self._run(Job(kind, key))
            else:
                self._log.warning("a job is left for a newer version", kind=kind, key=key)
                await self._jobs.put_back(Job(kind, key))

        DBOS.launch()

    async def stop(self, *, grace: float = 20.0) -> None:
        """Take no new job, give running ones `grace` seconds to end, leave the rest to be resumed."""
        self._accepting = False
        self._jobs.on_wake(None)
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=grace)
            for task in late:
                task.cancel()
            if late:
                self._log.warning("jobs left to be resumed", count=len(late))
                await asyncio.wait(late, timeout=2)
        with suppress(TimeoutError):
            async with asyncio.timeout(_DBOS_STOP_SECONDS):
                await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        with suppress(StoreUnavailableError):
            await self._store.retire()

    def wake(self, job: Job) -> None:
        """Run a job here, now or right after its present run."""
        if not self._accepting:
            return
        if job in self._running:
            self._again.add(job)
            return
        task = asyncio.create_task(self._perform(job), name=f"{job.kind} {job.key}")
        self._running[job] = task
        task.add_done_callback(lambda _: self._finished(job))

    def _finished(self, job: Job) -> None:
        del self._running[job]
        if job in self._again:
            self._again.discard(job)
            self.wake(job)

    async def _run(self, job: Job) -> None:
        """Run a job and wait until it ended, whoever started it."""
        self.wake(job)
        task = self._running.get(job)
        if task is not None:
            await asyncio.wait([task])

    async def _perform(self, job: Job) -> None:
        handler = self._handlers.get(job.kind)
        if handler is None:
            return  # the queue has it, for a process that knows what to do
        if job.kind == DELIVER:
            # what is told waits a moment: changes in quick succession become one edit, and the work itself goes first
            await asyncio.sleep(_GATHER_SECONDS)
            self._again.discard(job)
        with traced(job=job.kind, key=job.key):
            async with self._slots:
                tickets = self._jobs.tickets(job)
                try:
                    await handler(job.key)
                except StoreUnavailableError as error:
                    self._log.warning("the database does not answer; the sweep tries again", words=error.words)
                except NewerVersionError as error:
                    self._log.warning("a row is left for a newer version", words=str(error))
                    self._failed[job] = (0, self._monotonic() + LEAVE_SECONDS)
                except Exception:  # noqa: BLE001 - nobody above could do better: the row is still due
                    self._back_off(job)
                else:
                    self._failed.pop(job, None)
                    self._jobs.done(tickets)

    def _back_off(self, job: Job) -> None:
        times = self._failed.get(job, (0, 0.0))[0] + 1
        wait = min(2.0**times, _LONGEST_BACKOFF_SECONDS)
        self._failed[job] = (times, self._monotonic() + wait)
        self._log.exception("a job failed; it is tried again", times=times, seconds=wait)

    async def _sweep_forever(self) -> None:
        tidied_at = self._monotonic()
        down = False
        while True:
            try:
                if self._monotonic() - self._beaten_at >= self._lease.total_seconds() / _HEARTBEATS:
                    await self._beat()
                    await self._take_over()
                await self.sweep()
                await self._jobs.take_back()
                if self._monotonic() - tidied_at >= _TIDY_SECONDS:
                    tidied_at = self._monotonic()
                    await self._tidy()
                if down:
                    self._log.info("the database answers again")
                down = False
            except StoreUnavailableError as error:
                if not down:
                    self._log.warning("the database does not answer; waiting for it", words=error.words)
                down = True
            except Exception:  # noqa: BLE001 - a sweep that ended would leave every row to itself
                self._log.exception("a sweep failed; the next one tries again")
            await asyncio.sleep(self._sweep_seconds)

    async def sweep(self) -> None:
        """Start the jobs of every row that is due and that nobody works on."""
        async with self._store.reading() as reader:
            await self._store.note_freezes(reader)  # so that whoever opens a form need not wait for the database
            requests, conversations, deferred = await reader.claims.due(self._store.executor)
        due = {ADVANCE: requests, DELIVER: conversations, DEFERRED: deferred}
        self._swept_at = self._monotonic()
        found = [Job(kind, key) for kind, keys in due.items() for key in keys]
        free = [
            job for job in found if job not in self._running and self._failed.get(job, (0, 0.0))[1] <= self._swept_at
        ]
        for job in free if self._jobs.sqlite else await self._mine(free):
            self.wake(job)

    async def _mine(self, found: Sequence[Job]) -> list[Job]:
        """Take from what all processes find the requests that this one will work on, no more than it has room for."""
        requests = [job.key for job in found if job.kind == ADVANCE][: max(0, _AT_ONCE - len(self._running))]
        taken = await self._store.divide(requests) if requests else frozenset()
        return [job for job in found if job.kind != ADVANCE or job.key in taken]

    async def _beat(self) -> None:
        begun = self._monotonic()
        await self._store.heartbeat(self._lease)
        self._beaten_at = begun

    async def _take_over(self) -> None:
        """Free what dead processes had claimed, and hand their unfinished jobs over."""
        dead = await self._store.dead()
        if dead:
            await self._hand_over(dead)
            await self._store.reap(dead)

    async def _hand_over(self, executors: Iterable[str]) -> None:
        for dead in executors:
            self._log.warning("a process is gone; its work is taken over", dead=dead)
            left = await self._jobs.client.list_workflows_async(
                executor_id=dead, status="PENDING", load_input=False, load_output=False
            )
            for workflow in left:
                await self._jobs.client.resume_workflow_async(workflow.workflow_id, queue_name=QUEUE)

    async def _tidy(self) -> None:
        """Drop jobs and deferred commands that ended a while ago; the record of what happened is in the events, not in them."""
        before = datetime.now(UTC) - _KEEP_FINISHED
        while True:
            old = await self._jobs.client.list_workflows_async(
                status=["SUCCESS", "ERROR", "CANCELLED"],
                completed_before=before.isoformat(),
                limit=AT_ONCE,
                load_input=False,
                load_output=False,
            )
            if not old:
                break
            await self._jobs.client.delete_workflows_async([workflow.workflow_id for workflow in old])
        await self._store.forget_deferred(before)
        self._failed = {job: when for job, when in self._failed.items() if when[1] > self._monotonic() - _TIDY_SECONDS}
