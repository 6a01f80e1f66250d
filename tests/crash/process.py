"""One process of the product, as an operating system sees it: started, killed, frozen, asked to end."""

import asyncio
import contextlib
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import httpx

ROOT: Final = Path(__file__).parents[2]
_LOOK_SECONDS: Final = 0.03


class NotReadyError(AssertionError):
    """A process did not become ready in time; the text holds the end of its log."""


class Process:
    """A process that answers on a port of this machine, and writes its log to a file."""

    def __init__(
        self, environ: Mapping[str, str], log: Path, *, module: str = "tests.crash.serving", root: Path = ROOT
    ) -> None:
        self._environ = dict(environ)
        self._log = log
        self._module = module
        self._root = root  # of the source: a copy with changes is another version
        self._child: asyncio.subprocess.Process | None = None
        self.worker = 0  # its number in the database, where several share one
        self.first = False  # whether it is the first process of a container, as far as SIGTERM goes
        self.descriptors = 0  # how many files and sockets it may have open; 0: as many as this process
        self.url = f"http://127.0.0.1:{environ['PORT']}"

    async def start(self, command: str = "serve", **more: str) -> None:
        """Start it; `more` are further variables of its environment."""
        with self._log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                command,
                cwd=self._root,
                env=self._environ | more,
                stdout=log,
                stderr=log,
                preexec_fn=self._prepare if self.first or self.descriptors else None,
            )

    def _prepare(self) -> None:
        """Set up the child before it becomes the program."""
        if self.first:  # it gets no signal that it has not asked for, as if it ignored them
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    async def handles_sigterm(self) -> None:
        """Wait until the process has asked for SIGTERM; only then is it the process that decides what it does."""
        async with asyncio.timeout(30):
            while not _catches(self.child.pid, signal.SIGTERM):  # noqa: ASYNC110 - another process tells no event
                await asyncio.sleep(_LOOK_SECONDS / 10)

    @property
    def child(self) -> asyncio.subprocess.Process:
        """The running process."""
        assert self._child is not None, "it was never started"
        return self._child

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._child is not None and self._child.returncode is None

    def kill(self) -> None:
        """Kill it at once, wherever it is."""
        if self.alive:
            self.child.kill()

    def freeze(self) -> None:
        """Stop it without its noticing."""
        self.child.send_signal(signal.SIGSTOP)

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        status = Path(f"/proc/{self.child.pid}/stat").read_text(encoding="ascii", errors="replace")
        return status.rpartition(")")[2].split()[0] == "T"

    def unfreeze(self) -> None:
        """Let it go on."""
        self.child.send_signal(signal.SIGCONT)

    async def ended(self, seconds: float) -> int:
        """Wait until it has ended, and return its exit status. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            return await self.child.wait()

    async def stop(self, seconds: float = 25.0) -> tuple[int, float]:
        """Ask it to end; return its exit status and how many seconds it took. Raises `TimeoutError`."""
        begun = time.monotonic()
        self.child.terminate()
        return await self.ended(seconds), time.monotonic() - begun

    async def close(self) -> None:
        """Leave nothing behind."""
        if self.alive:
            self.child.kill()
            await self.child.wait()

    def log(self) -> str:
        """Return everything it has written."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def ready(self, seconds: float = 60.0) -> bool:
        """Wait until it is ready; False when it ended before. Raises `NotReadyError`."""
        answer = await self.answers("/readyz", 200, seconds)
        return answer is not None

    async def answers(self, path: str, status: int, seconds: float = 60.0) -> str | None:
        """Wait until a path answers with a status, and return what it says; None when the process ended before."""
        said = "nothing"
        try:
            async with asyncio.timeout(seconds), httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
                while self.alive:
                    try:
                        answer = await client.get(path)
                    except httpx.TransportError:
                        said = "nothing"
                    else:
                        said = f"{answer.status_code} {answer.text}"
                        if answer.status_code == status:
                            return answer.text
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            message = f"{path} answered {said}, not {status}; the log ends with:\n{self.log()[-3000:]}"
            raise NotReadyError(message) from None
        return None


def _catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal (`man 5 proc`)."""
    caught = Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0]
    return bool(int(caught, 16) & 1 << number - 1)


@contextlib.asynccontextmanager
async def closed(*processes: Process) -> AsyncIterator[None]:
    """Leave none of the processes behind."""
    try:
        yield
    finally:
        for process in processes:
            await process.close()
