"""Clocks: seconds that count suspension, and one time of day for every process that shares a database."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

_LONGEST_QUESTION: Final = 1.0  # seconds; a slower answer says too little about when it was given


def uptime() -> float:
    """Return seconds that also count while the machine is suspended, where the system tells."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def machine_time() -> datetime:
    """Return the time of day as this machine has it (aware, UTC)."""
    return datetime.now(UTC)


class SharedClock:
    """The time of day as the database's server has it, read now and then and counted on from there.

    Machines that share a database compare moments that others wrote down. A machine whose own clock is minutes off
    would otherwise see a call that was sent just now as one from long ago.
    """

    def __init__(self, machine: Callable[[], datetime] = machine_time, uptime: Callable[[], float] = uptime) -> None:
        self._machine = machine  # until the server was asked
        self._uptime = uptime
        self._read: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """Return the time (aware, UTC)."""
        if self._read is None:
            return self._machine()
        then, at = self._read
        return then + timedelta(seconds=self._uptime() - at)

    async def read(self, ask: Callable[[], Awaitable[datetime]]) -> None:
        """Ask the server for its time. A process that was stopped meanwhile learns nothing from the answer."""
        begun = self._uptime()
        told = await ask()
        took = self._uptime() - begun
        if took <= _LONGEST_QUESTION or self._read is None:
            self._read = (told, begun + took / 2)
