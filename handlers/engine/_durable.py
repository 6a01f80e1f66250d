"""The queue behind the engine: jobs in DBOS's tables, written with the rows they are about."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import sqlalchemy as sa
from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.jobs import Job
from handlers.store.database import is_sqlite, open_job_engine

APPLICATION: Final = "tines-sync"
QUEUE: Final = "jobs"
WORKFLOW: Final = "look-at-row"
_HEAD_START_SECONDS: Final = 5.0  # of the process that wrote a job, before any may run it
_SURELY_HERE: Final = 0.7  # of the head start: until then nobody else is given the job
LEAVE_SECONDS: Final = 30.0  # for which a process leaves alone what only a newer version understands
AT_ONCE: Final = 500


class Ticket(NamedTuple):
    """A job in DBOS's tables: its id there, and when it was committed, in seconds of the monotonic clock."""

    id: str
    at: float

    def age(self) -> float:
        """Return its age in seconds."""
        return time.monotonic() - self.at


class DurableJobs:
    """The queue: writes jobs into DBOS's tables in the caller's transaction, and starts them here after the commit.

    DBOS waits a few seconds before it hands a job to anybody. By then the process that committed it has usually done it
    and taken it back, many at once: that spares three commits to disk for each job, and does each job once. While a
    job waits here to be run, what changes meanwhile rides on its ticket: many requests announced in one channel are
    one job.
    """

    def __init__(
        self, url: sa.URL, *, head_start: float = _HEAD_START_SECONDS, leave_for: float = LEAVE_SECONDS
    ) -> None:
        self.engine = open_job_engine(url)
        self._head_start = head_start
        self._leave_for = leave_for
        self.sqlite = is_sqlite(url)
        self._client: DBOSClient | None = None
        self._tickets: dict[Job, list[Ticket]] = {}  # of jobs committed here and not begun yet
        self._done: list[Ticket] = []
        self._wake: Callable[[Job], None] | None = None

    @property
    def client(self) -> DBOSClient:
        """DBOS's client, connected lazily: the tables exist only after the engine has started once."""
        if self._client is None:
            self._client = DBOSClient(
                system_database_engine=self.engine,
                serializer=DBOSPortableJSONSerializer(),
                application_name=APPLICATION,
                lazy=True,
                retry_connection_errors=False,  # a database that is away must not hold up the sweep
            )
        return self._client

    def on_wake(self, wake: Callable[[Job], None] | None) -> None:
        """Say who starts jobs in this process."""
        self._wake = wake

    async def enqueue(self, connection: AsyncConnection, jobs: Iterable[Job]) -> Mapping[Job, str]:
        """Write the jobs in the caller's transaction, and return their tickets."""
        return {job: await connection.run_sync(self._enqueue, job) for job in jobs if not self._rides(job)}

    def _rides(self, job: Job) -> bool:
        """Whether a committed ticket will do for this change too: its job has not begun here, and cannot elsewhere.

        Should it begin before the change is committed, `wake` has it run once more; and should the process die just
        then, the sweep finds the row.
        """
        waiting = self._tickets.get(job)
        return waiting is not None and waiting[-1].age() < self._head_start / 2

    def _enqueue(self, connection: sa.Connection, job: Job) -> str:
        ticket = secrets.token_hex(16)
        options: EnqueueOptions = {
            "queue_name": QUEUE,
            "workflow_name": WORKFLOW,
            "workflow_id": ticket,
            "delay_seconds": self._head_start,
        }
        self.client.enqueue_in_transaction(connection, options, job.kind, job.key)
        return ticket

    async def put_back(self, job: Job) -> None:
        """Leave a job that was handed over here, and that only a newer version can run, for somebody else."""
        options: EnqueueOptions = {
            "queue_name": QUEUE,
            "workflow_name": WORKFLOW,
            "workflow_id": secrets.token_hex(16),
            "delay_seconds": self._leave_for,
        }
        await self.client.enqueue_async(options, job.kind, job.key)

    def tickets(self, job: Job) -> list[Ticket]:
        """Return the tickets of a job that is about to be run: what is written from now on wants another run."""
        return self._tickets.pop(job, [])

    def done(self, tickets: Iterable[Ticket]) -> None:
        """Note that jobs were done here."""
        self._done.extend(tickets)

    async def take_back(self) -> None:
        """Take what was done here back from DBOS.

        What cannot be taken back is run once more, to no effect; so is what DBOS may be handing to somebody just now,
        who would find it gone.
        """
        done = [ticket.id for ticket in self._done if ticket.age() < self._head_start * _SURELY_HERE]
        self._done = []
        for begin in range(0, len(done), AT_ONCE):
            await self.client.delete_workflows_async(done[begin : begin + AT_ONCE])

    def wake(self, jobs: Iterable[Job], tickets: Mapping[Job, str]) -> None:
        """Start the jobs here and now."""
        if self._wake is None:
            return  # others run them
        for job in jobs:
            if job in tickets:
                self._tickets.setdefault(job, []).append(Ticket(tickets[job], time.monotonic()))
            self._wake(job)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.destroy()
        self.engine.dispose()
