"""The engine of a single process: jobs run here, each in a task of its own."""

import asyncio
from collections.abc import Sequence

from handlers.engine._base import AT_ONCE, BaseEngine
from handlers.jobs import Job


class EmbeddedEngine(BaseEngine):
    """Runs jobs in this process, which has its database for itself (see `bot.app`)."""

    async def _open(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[Job, asyncio.Task[None]] = {}

    async def _close(self, grace: float) -> None:
        await self._end(self._tasks.values(), grace)

    def _submit(self, job: Job) -> None:
        if job not in self._tasks:  # else it has not begun yet, and will see what changed
            self._tasks[job] = asyncio.create_task(self._run_in_turn(job), name=f"{job.kind} {job.key}")

    async def _submit_found(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._submit(job)

    async def _run_in_turn(self, job: Job) -> None:
        try:
            async with self._slots:
                await self._run(job)
        finally:
            del self._tasks[job]
