"""The process that gets killed: the real `serve` or `worker`, only in a hurry, and with a trap at its commits.

`python -m tests.crash.serving serve` reads the environment and the configuration file as the command line does. Two
variables are the harness's own: `CRASH_LEASE` (seconds), and `CRASH_AT_COMMIT`, such as "17 before" or "17 after", at
which commit the process kills itself: right before the database hears of it, or right after, before anything else
runs. Nothing in the product knows of this.
"""

import os
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from bot.app import Overrides
from bot.commands.starting import plainly, settings_or_exit, start_logs
from bot.delivery import RateLimit
from bot.running import serve, work
from handlers.operations.schedule import Schedule
from handlers.tines import RetryPolicy, Timeouts

LONGEST_CALL: Final = 1.5
"""Seconds that a call to Tines may take before its client gives up."""

POST_AGAIN: Final = 4.0
"""Seconds after which a create that is not listed counts as never applied."""

_DOOMED: Final = "tines_sync_crash_doomed"


def hurried(lease: float) -> Overrides:
    """Return the real world with shorter waits, in the proportions of the real ones."""
    return Overrides(
        schedule=Schedule(
            look_first=timedelta(seconds=0.1),
            look_most=timedelta(seconds=0.5),
            send_again_after=timedelta(seconds=POST_AGAIN),
            attempts=20,  # a create may be cut off by a kill many times in a row here
            follow_first=timedelta(seconds=0.1),
            follow_most=timedelta(seconds=0.5),
            follow_for=timedelta(seconds=60),
        ),
        timeouts=Timeouts(connect=1.0, read=LONGEST_CALL, write=1.0, pool=1.0, whole=LONGEST_CALL),
        retry_policy=RetryPolicy(attempts=3, total=3.0, wait_initial=0.05, wait_max=0.3, wait_jitter=0.1),
        sweep_seconds=0.1,
        fresh_seconds=0.0,  # every form is checked against Tines
        rate_limit=RateLimit(burst=1000, per_second=1000),
        lease=timedelta(seconds=lease),
    )


def set_trap(order: str) -> None:
    """Kill this process at a commit of any of its connections; "" for none."""
    if not order:
        return
    number, moment = order.split()
    left = int(number)

    def count(connection: sa.Connection) -> None:
        nonlocal left
        left -= 1
        if left:
            return
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        connection.info[_DOOMED] = True

    def committed(_dbapi_connection: Any, record: sa.pool.ConnectionPoolEntry) -> None:  # noqa: ANN401 - any driver's
        if record.info.get(_DOOMED):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(sa.Engine, "commit", count)
    event.listen(sa.Pool, "checkin", committed)  # the first thing that happens to a connection after its commit


def main(command: str, environ: Mapping[str, str]) -> None:
    """Run the command."""
    settings = settings_or_exit()
    start_logs(settings)
    set_trap(environ.get("CRASH_AT_COMMIT", ""))
    with plainly():
        (work if command == "worker" else serve)(settings, hurried(float(environ.get("CRASH_LEASE", "60"))))


if __name__ == "__main__":
    main(sys.argv[1], os.environ)
