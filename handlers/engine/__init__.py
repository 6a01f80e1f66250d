"""The only module that knows DBOS: durable jobs, the sweep behind them, and the lease of this process.

Three things make sure that somebody looks at every row that needs it. A job is written in the row's own transaction,
unless the same one waits already, and started at once by the process that committed it. DBOS hands the same job to any
live process, should that one die. And a sweep looks, once a second, for rows that are due and that nobody works on.
Jobs are idempotent and read the row first, so that being started by all three does no harm; what must not happen at
the same time is kept apart by claims, which hold while the claiming process renews its lease.

Facts about DBOS 3.4 that shape this module: its default executor id lets two processes run one job; its default
application version strands the jobs of another version; a job that ends in an error is never tried again; queues are
polled; and a dead process's jobs are not taken over by itself.
"""

from handlers.engine._durable import DurableJobs
from handlers.engine._engine import LEASE, Engine, Handler, new_executor_id

__all__ = ["LEASE", "DurableJobs", "Engine", "Handler", "new_executor_id"]
