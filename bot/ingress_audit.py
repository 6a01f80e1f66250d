"""Records requests that are refused before any listener sees them: for each reason at most one row a minute, however many come.

A request that is unsigned, malformed or too large leaves an event like every other refusal. Anybody on the internet
can send such requests, and as many as they like, so they must not fill the disk or keep the database busy. The first
for a reason is written at once; those that follow within the minute are counted, and written as one row when it is
over. While the database is away the counts are kept, and written when it is back.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import structlog

from handlers.store import SYSTEM, Store, StoreUnavailableError
from handlers.tracing import traced

TURNED_AWAY: Final = "turned_away"  # the kind of the events

_MINUTE: Final = 60.0  # seconds between two rows for the same reason
_ANSWER_WAITS: Final = 1.5  # seconds that an answer waits for its row; it goes out without, and the row follows
_STOP_WAITS: Final = 3.0  # seconds that a stop waits for the last rows


class Reason(StrEnum):
    """Why a request is rejected."""

    METHOD = "not a POST"
    TOO_LARGE = "too large"
    TOO_SLOW = "did not arrive in time"
    BROKEN_OFF = "ended before its body did"
    UNSIGNED = "no valid signature or time"
    MALFORMED = "not a request of Slack"


@dataclass(slots=True)
class _Tally:
    """What is not written yet for one reason."""

    next_row: float  # when the next row may be written, by the monotonic clock
    status: int = 0  # the HTTP status of the first
    trace: str = ""  # of the first
    since: datetime | None = None  # when the first came
    count: int = 0


class IngressAudit:
    """Records what is rejected. `monotonic` tells seconds that never go back, `minute` how many lie between rows."""

    def __init__(self, store: Store, monotonic: Callable[[], float], *, minute: float = _MINUTE) -> None:
        self._store = store
        self._monotonic = monotonic
        self._minute = minute
        self._tallies: dict[Reason, _Tally] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._tending: asyncio.Task[None] | None = None
        self._log = structlog.get_logger(__name__)

    async def reject(self, reason: Reason, status: int, **seen: int | str) -> None:
        """Log a request that is answered with an HTTP status, and record it or count it.

        `seen` is for the log: never a body or a header. Raises nothing, and takes at most two seconds, whatever the
        database does.
        """
        with traced() as trace:
            self._log.warning("a request was rejected", reason=reason.value, status=status, **seen)
        now = self._monotonic()
        tally = self._tallies.setdefault(reason, _Tally(next_row=now))
        if not tally.count:
            tally.status, tally.trace, tally.since = status, trace, self._store.clock()
        tally.count += 1
        if tally.next_row <= now:
            await asyncio.wait({self._write(reason, tally)}, timeout=_ANSWER_WAITS)
        if self._tending is None or self._tending.done():
            self._tending = asyncio.create_task(self._tend())

    async def write_due(self) -> None:
        """Write what was counted for each reason whose minute is over."""
        now = self._monotonic()
        due = [(reason, tally) for reason, tally in self._tallies.items() if tally.next_row <= now]
        for reason, tally in due:
            if tally.count:
                await asyncio.wait({self._write(reason, tally)})
            else:
                del self._tallies[reason]  # nobody came for a minute: the next one is the first again

    async def close(self) -> None:
        """Write what is still counted; what the database does not take in time is only in the log."""
        if self._tending is not None:
            self._tending.cancel()
        if self._writing:
            await asyncio.wait(self._writing, timeout=_STOP_WAITS)
        last = {self._write(reason, tally) for reason, tally in self._tallies.items() if tally.count}
        if last:
            await asyncio.wait(last, timeout=_STOP_WAITS)
        for task in self._writing:
            task.cancel()
        if self._writing:
            await asyncio.wait(self._writing, timeout=_ANSWER_WAITS)
        lost = {reason.value: tally.count for reason, tally in self._tallies.items() if tally.count}
        if lost:
            self._log.warning("what was rejected could not be recorded", **lost)

    async def _tend(self) -> None:
        """Write each minute's counts when it is over, as long as there is something to wait for."""
        while self._tallies:
            next_row = min(tally.next_row for tally in self._tallies.values())
            await asyncio.sleep(max(0.0, next_row - self._monotonic()))
            await self.write_due()

    def _write(self, reason: Reason, tally: _Tally) -> "asyncio.Task[None]":
        """Begin to write a row with what was counted so far; a task of its own, so that a caller that is cancelled does not cut it short."""
        tally.next_row = (
            self._monotonic() + self._minute
        )  # also when it fails: a database that is away is not asked more often
        taken = replace(tally)
        tally.count = 0
        task = asyncio.create_task(self._written(reason, taken))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def _written(self, reason: Reason, taken: _Tally) -> None:
        written = False
        with traced(taken.trace):
            try:
                async with self._store.transaction() as transaction:
                    transaction.audit.record(
                        TURNED_AWAY,
                        SYSTEM,
                        reason=reason.value,
                        status=taken.status,
                        count=taken.count,
                        trace=taken.trace,
                        since=taken.since.isoformat() if taken.since else "",
                    )
                written = True
            except StoreUnavailableError as error:
                self._log.warning("what was rejected is recorded later", words=str(error), count=taken.count)
            except Exception:  # noqa: BLE001 - a stranger's request must not make a server error, whatever is broken
                self._log.exception("what was rejected is not recorded", count=taken.count)
            finally:
                if not written:
                    self._keep(reason, taken)

    def _keep(self, reason: Reason, taken: _Tally) -> None:
        """Count again what could not be written."""
        tally = self._tallies.setdefault(reason, replace(taken, count=0))
        tally.status, tally.trace, tally.since = taken.status, taken.trace, taken.since
        tally.count += taken.count
