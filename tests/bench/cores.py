"""Processes pinned to a core, and what they cost: CPU seconds and memory, as the kernel counts them."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_START_SECONDS: Final = 60.0


def cores() -> tuple[int, int]:
    """Return the core of the servers and the core of the load generator; the same one where there is no second."""
    free = sorted(os.sched_getaffinity(0))
    return free[0], free[-1]


def pin(core: int) -> None:
    """Bind this process to a core."""
    os.sched_setaffinity(0, {core})


class Process:
    """A server in a process of its own, pinned to a core. Its output goes to a file beside its data."""

    def __init__(
        self, command: Sequence[str], *, core: int, env: Mapping[str, str], log: Path, cwd: Path | None = None
    ) -> None:
        self.began = time.perf_counter()
        self._log = log
        with log.open("w") as out:
            self._process = subprocess.Popen(  # noqa: S603 - the commands are those of this benchmark
                ["taskset", "-c", str(core), *command],  # noqa: S607 - wherever the system has it
                env={**os.environ, **env},
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=cwd,
            )

    @property
    def pid(self) -> int:
        """The process's number: `taskset` becomes what it starts."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # not asked to stop: it would wait for the stubs' answers, and they for this process, which waits for it
        self._process.kill()
        self._process.wait()

    def wait_for(self, words: str) -> None:
        """Wait until the process wrote something. Raises `RuntimeError` when it ends, or does not within a minute."""
        end = time.monotonic() + _START_SECONDS
        while words not in (written := self._log.read_text()):
            if self._process.poll() is not None or time.monotonic() > end:
                message = f"{self._log.stem} did not start:\n{written[-4000:]}"
                raise RuntimeError(message)
            time.sleep(0.005)

    def wait_for_port(self, port: int) -> None:
        """Wait until the process takes connections. Raises `RuntimeError` as `wait_for` does."""
        end = time.monotonic() + _START_SECONDS
        while True:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    return
            if self._process.poll() is not None or time.monotonic() > end:
                message = f"{self._log.stem} does not listen:\n{self._log.read_text()[-4000:]}"
                raise RuntimeError(message)
            time.sleep(0.002)

    def cpu(self) -> float:
        """Return the CPU seconds used so far, by all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """Return the resident memory in megabytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0
