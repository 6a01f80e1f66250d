"""Runs jobs: one port, and behind it one of two engines.

A job only says "look at row X" (see `handlers.jobs`). The durable statement is the row: a transaction that wants work done
says on the row when, and a job is woken after the commit. What a crash in between leaves is found by the sweep, which asks
once a second which rows' time has come. So no job can be lost, and none has to be written inside the transaction.

    Embedded      SQLite, one process: jobs run here, one runner for each key
    Distributed   PostgreSQL, any number of processes: procrastinate hands every key to one runner

Nothing else knows which engine runs. Neither promises that a job runs only once: what must not happen twice is kept apart by
the row (compare-and-swap) and by the send window (`handlers.execution.send_window`).
"""

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import sqlalchemy as sa

from handlers.clock import uptime
from handlers.engine._base import POLL_SECONDS, FindDue, Handler, Handlers
from handlers.engine._embedded import EmbeddedEngine
from handlers.jobs import Job
from handlers.store.database import is_sqlite

__all__ = [
    "DEAD_AFTER",
    "POLL_SECONDS",
    "EmbeddedEngine",
    "Engine",
    "FindDue",
    "Handler",
    "Handlers",
    "hears_notifications",
    "open_job_engine",
]


DEAD_AFTER: Final = 20.0
"""Seconds without a heartbeat after which a process counts as dead, and its jobs are given to others."""


class Engine(Protocol):
    """The port. A handler may run twice, but for one key never twice at the same time while its process lives."""

    async def start(self, handlers: Handlers, find_due: FindDue) -> None:
        """Begin to run jobs. `handlers`: a kind of job → what is done with its key; `find_due`: see `FindDue`.

        Raises `StoreUnavailableError` when the database does not answer.
        """
        ...

    async def stop(self, *, grace: float = 20.0) -> None:
        """Take no new job, give running ones `grace` seconds to end, and leave the rest to be found by a sweep."""
        ...

    def wake(self, jobs: Iterable[Job]) -> None:
        """Let jobs run soon. Called after the commit that they are about; before `start` nothing happens."""
        ...

    async def sweep(self) -> None:
        """Wake the jobs of every row whose time has come."""
        ...

    @property
    def working(self) -> bool:
        """Whether jobs are being run."""
        ...


async def hears_notifications(url: sa.URL) -> bool:
    """Whether jobs begin at once on this database; where not, they are polled for every `POLL_SECONDS` (a connection pooler, as a rule).

    Raises `StoreUnavailableError` when the database does not answer.
    """
    if is_sqlite(url):
        return True
    from handlers.engine import _distributed  # noqa: PLC0415 - see `open_job_engine`

    return await _distributed.hears_notifications(url)


def open_job_engine(
    url: sa.URL, *, sweep_seconds: float = 1.0, monotonic: Callable[[], float] = uptime, dead_after: float = DEAD_AFTER
) -> Engine:
    """Return the engine for a database. Nothing is connected yet.

    `sweep_seconds` lie between two sweeps; a process that says nothing for `dead_after` seconds counts as dead where there
    are several.
    """
    if is_sqlite(url):
        return EmbeddedEngine(sweep_seconds=sweep_seconds, monotonic=monotonic)
    from handlers.engine._distributed import DistributedEngine  # noqa: PLC0415 - a file needs none of procrastinate

    return DistributedEngine(url, sweep_seconds=sweep_seconds, monotonic=monotonic, dead_after=dead_after)
