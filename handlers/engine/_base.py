"""What both engines share: one runner for each key in this process, pauses after failures, and the sweep."""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import structlog

from handlers.clock import uptime
from handlers.jobs import DELIVER, Job, NewerVersionError
from handlers.store import StoreUnavailableError
from handlers.tracing import traced

Handler = Callable[[str], Awaitable[None]]
Handlers = Mapping[str, Handler]
FindDue = Callable[[], Awaitable[Sequence[Job]]]
"""Returns the jobs of rows whose time has come. Raises `StoreUnavailableError`."""

AT_ONCE: Final = 64
POLL_SECONDS: Final = 0.25
"""Seconds between two looks for jobs, where no notification tells of them."""

_LATE_SECONDS: Final = 15.0  # without a sweep, and jobs count as not being run
_GATHER_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 60.0
_LEAVE_SECONDS: Final = 30.0  # for which a row is left alone that only a newer version understands
_FORGET_SECONDS: Final = 300.0
_CANCEL_SECONDS: Final = 0.2
_END_SECONDS: Final = 2.0  # for a task that was cancelled


async def cancelled(*tasks: asyncio.Task[None], seconds: float) -> None:
    """Cancel tasks until they end, for `seconds` at most: what a task waits for may swallow a cancellation."""
    for _ in range(math.ceil(seconds / _CANCEL_SECONDS)):
        left = [task for task in tasks if not task.done()]
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_CANCEL_SECONDS)


class BaseEngine(ABC):
    """Wakes, runs and sweeps. A subclass says how a job that should run gets to its runner."""

    def __init__(self, *, sweep_seconds: float = 1.0, monotonic: Callable[[], float] = uptime) -> None:
        self._handlers: Handlers = {}
        self._sweep_seconds = sweep_seconds
        self._monotonic = monotonic
        self._log = structlog.get_logger(__name__)
        self._gathering: dict[Job, asyncio.TimerHandle] = {}
        self._running: set[Job] = set()
        self._again: set[Job] = set()
        self._pauses: dict[Job, tuple[int, float]] = {}  # job → failures in a row, and not to be swept before
        self._sweeper: asyncio.Task[None] | None = None
        self._swept_at = float("-inf")
        self._accepting = False

    # ---- the port

    @property
    def working(self) -> bool:
        """Whether jobs are being run and the last sweep is not long ago."""
        return self._accepting and self._monotonic() - self._swept_at < 10 * self._sweep_seconds + _LATE_SECONDS

    async def start(self, handlers: Handlers, find_due: FindDue) -> None:
        """Begin to run jobs."""
        self._handlers, self._find_due = handlers, find_due
        await find_due()  # says soon, and in words, when the database does not answer
        self._accepting = True
        await self._open()
        self._swept_at = self._monotonic()  # a start is no time without a sweep: the first one follows
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="sweep")

    async def stop(self, *, grace: float = 20.0) -> None:
        """Take no new job, give running ones `grace` seconds to end, and leave the rest to be found by a sweep."""
        self._accepting = False
        for timer in self._gathering.values():
            timer.cancel()
        self._gathering.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()  # a database that says nothing may hold it up for a while, beside the others
        await self._close(grace)
        if self._sweeper is not None:
            await cancelled(self._sweeper, seconds=_END_SECONDS)

    def wake(self, jobs: Iterable[Job]) -> None:
        """Let jobs run soon.

        Deliveries wait a moment: changes in quick succession become one edit, and the work itself goes first.
        """
        if not self._accepting:
            return
        for job in jobs:
            if job.kind != DELIVER:
                self._wake(job)
            elif job not in self._gathering:
                self._gathering[job] = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._gathered, job)

    def _gathered(self, job: Job) -> None:
        del self._gathering[job]
        self._wake(job)

    def _wake(self, job: Job) -> None:
        if job in self._running:
            self._again.add(job)  # what changed may have been missed by this run
        else:
            self._submit(job)

    async def sweep(self) -> None:
        """Wake the jobs of every row whose time has come and that this process does not look at just now."""
        due = await self._find_due()
        self._swept_at = self._monotonic()
        await self._submit_found(
            [job for job in due if job not in self._running and self._pauses.get(job, (0, 0.0))[1] <= self._swept_at]
        )

    # ---- what a subclass does

    @abstractmethod
    async def _open(self) -> None:
        """Get ready to run jobs."""

    @abstractmethod
    async def _close(self, grace: float) -> None:
        """End what runs."""

    @abstractmethod
    def _submit(self, job: Job) -> None:
        """Bring a job to its runner."""

    @abstractmethod
    async def _submit_found(self, jobs: Sequence[Job]) -> None:
        """Bring the jobs that a sweep found to their runners."""

    async def _look_after(self) -> None:  # noqa: B027 - not every engine has something to do
        """Do what has to be done now and then."""

    async def _end(self, tasks: Collection[asyncio.Task[None]], grace: float) -> None:
        """Give tasks `grace` seconds to end, then cancel them."""
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace)
        for task in late:
            task.cancel()
        if late:
            self._log.warning("jobs left to be resumed", count=len(late))
            await asyncio.wait(late, timeout=_END_SECONDS)

    # ---- running

    async def _run(self, job: Job) -> None:
        """Run a job, and again as long as it was woken meanwhile."""
        if job in self._running:
            self._again.add(job)
            return
        self._running.add(job)
        try:
            again = True
            while again:
                self._again.discard(job)
                await self._perform(job)
                again = job in self._again and self._accepting
        finally:
            self._running.discard(job)
            self._again.discard(job)

    async def _perform(self, job: Job) -> None:
        handler = self._handlers.get(job.kind)
        if handler is None:
            return  # its row stays due, for a process that knows what to do
        with traced(job=job.kind, key=job.key):
            try:
                await handler(job.key)
            except StoreUnavailableError as error:
                self._log.warning("the database does not answer; the sweep tries again", words=error.words)
            except NewerVersionError as error:
                self._log.warning("a row is left for a newer version", words=str(error))
                self._pauses[job] = (0, self._monotonic() + _LEAVE_SECONDS)
            except Exception:  # noqa: BLE001 - nobody above could do better: the row is still due
                self._pause(job)
            else:
                self._pauses.pop(job, None)

    def _pause(self, job: Job) -> None:
        times = self._pauses.get(job, (0, 0.0))[0] + 1
        seconds = min(2.0**times, _LONGEST_PAUSE_SECONDS)
        self._pauses[job] = (times, self._monotonic() + seconds)
        self._log.exception("a job failed; it is tried again", times=times, seconds=seconds)

    # ---- the sweep

    async def _sweep_forever(self) -> None:
        down = False
        while True:
            try:
                await self.sweep()
                await self._look_after()
                self._forget_pauses()
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

    def _forget_pauses(self) -> None:
        if self._pauses:
            since = self._monotonic() - _FORGET_SECONDS
            self._pauses = {job: pause for job, pause in self._pauses.items() if pause[1] > since}
