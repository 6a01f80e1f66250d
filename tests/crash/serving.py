"""The process that gets killed or frozen: the real `serve` or `worker`, only with shorter waits, and with traps at its commits.

`python -m tests.crash.serving serve` reads the environment and the configuration file as the command line does. Five
variables are the harness's own. `CRASH_DEAD_AFTER`: seconds of silence after which others take over. `CRASH_AT_COMMIT`, such
as "17 before" or "17 after": the commit at which the process kills itself, right before the database hears of it, or right
after, before anything else runs. `CRASH_STOP_FILE`: when this file is there and holds "before" or "after", the process that
commits that it is about to send something takes it away and stops itself there, until somebody lets it go on.
`CRASH_CLOCK_AHEAD`: seconds by which this machine's time of day is wrong. `CRASH_WATCH_EVERY`: seconds between two looks at the
sync destinations. Nothing in the product knows of this.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from bot.app import Overrides
from bot.commands.starting import plainly, settings_or_exit, start_logs
from bot.delivery import RateLimit
from bot.running import serve, work
from handlers.clock import machine_time
from handlers.execution.send_window import SendWindow
from handlers.operations.schedule import Schedule
from handlers.tines import RetryPolicy, Timeouts

LONGEST_CALL: Final = 1.5
"""Seconds that a call to Tines may take before its client gives up."""

POST_AGAIN: Final = 5.0
"""Seconds after which a create that is not listed counts as never applied."""

_DOOMED: Final = "tines_sync_crash_doomed"


SEND_WINDOW: Final = 3.0
"""Seconds from the commit of "about to send" within which the bytes must leave."""

_SLACK_SECONDS: Final = 2.0  # that a call to Slack may take
_STOPPED: Final = "tines_sync_crash_stopped"


def short_times(dead_after: float, clock_ahead: float = 0.0) -> Overrides:
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
        dead_after=dead_after,
        window=SendWindow(seconds=SEND_WINDOW),
        slack_timeout=_SLACK_SECONDS,
        machine_clock=lambda: machine_time() + timedelta(seconds=clock_ahead),
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
        connection.info[_DOOMED] = signal.SIGKILL

    event.listen(sa.Engine, "commit", count)
    event.listen(sa.Pool, "checkin", _committed)


def _committed(_dbapi_connection: Any, record: sa.pool.ConnectionPoolEntry) -> None:  # noqa: ANN401 - any driver's
    """Do what a commit has doomed the process to: the first thing that happens to a connection after its commit."""
    if doom := record.info.pop(_DOOMED, None):
        os.kill(os.getpid(), doom)


def set_stop(file: str) -> None:
    """Stop this process around a commit that says that something is about to be sent, when the file tells to; "" for never."""
    if not file:
        return
    path = Path(file)

    def executed(  # the event's signature
        connection: sa.Connection, _cursor: object, statement: str, _values: object, _context: object, _many: object
    ) -> None:
        if statement.startswith("UPDATE") and ("attempted_at=" in statement or "posting_at=" in statement):
            connection.info[_STOPPED] = True

    def count(connection: sa.Connection) -> None:
        if connection.info.pop(_STOPPED, False) and path.exists():
            moment = path.read_text()
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                path.unlink()
                if moment == "before":
                    os.kill(os.getpid(), signal.SIGSTOP)
                else:
                    connection.info[_DOOMED] = signal.SIGSTOP

    event.listen(sa.Engine, "before_cursor_execute", executed)
    event.listen(sa.Engine, "commit", count)
    event.listen(sa.Pool, "checkin", _committed)


def main(command: str, environ: Mapping[str, str]) -> None:
    """Run the command."""
    settings = settings_or_exit()
    if seconds := float(environ.get("CRASH_WATCH_EVERY", "0")):
        watch = settings.topology.watch.model_copy(update={"every": timedelta(seconds=seconds)})
        settings = settings.model_copy(update={"topology": settings.topology.model_copy(update={"watch": watch})})
    start_logs(settings)
    set_trap(environ.get("CRASH_AT_COMMIT", ""))
    set_stop(environ.get("CRASH_STOP_FILE", ""))
    overrides = short_times(float(environ.get("CRASH_DEAD_AFTER", "20")), float(environ.get("CRASH_CLOCK_AHEAD", "0")))
    with plainly():
        (work if command == "worker" else serve)(settings, overrides)


if __name__ == "__main__":
    main(sys.argv[1], os.environ)
