"""Ways in which a stranger occupies a public port, and what Slack sees meanwhile.

Each runs against a real process of the product that may have 1,024 files and sockets open, and returns figures.
"""

import asyncio
import contextlib
import socket
import statistics
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx
from slack_sdk.signature import SignatureVerifier

from bot.playground.launch import GENERAL
from tests.crash.harness import CrashHarness, free_port
from tests.crash.process import ROOT, Process, closed
from tests.flows.stalls import Stall, stalled

DESCRIPTORS: Final = 1024
SLACK_WAITS: Final = 3.0  # seconds
_NO_ANSWER: Final = 0  # in place of a status
_PAUSE: Final = 0.1  # between two commands
_AGAIN: Final = 1.0  # until somebody whose connection was closed opens another
_GRACE: Final = 30.0  # seconds until a client of the flood gives up

HALF_OPEN: Final = b""
HALF_HEAD: Final = b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nX-Slack-Signa"
HALF_BODY: Final = b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Length: 500000\r\n\r\npayload="
KEPT_ALIVE: Final = b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a line of the load test found."""

    name: str
    seconds: list[float]  # that Slack's requests took
    statuses: list[int]  # of Slack's requests
    notes: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def row(self) -> str:
        """Return the figures on one line."""
        notes = ", ".join(f"{name} {value:,.4g}" for name, value in self.notes.items())
        times = ""
        if self.seconds:
            times = (
                f"{len(self.seconds)} commands, median {statistics.median(self.seconds) * 1000:,.0f} ms, "
                f"slowest {max(self.seconds) * 1000:,.0f} ms"
            )
        return f"{self.name}: " + "; ".join(part for part in (times, notes, *self.faults) if part)


@dataclass(slots=True)
class Target:
    """A running process, and where it is."""

    harness: CrashHarness
    process: Process
    metrics_url: str

    @property
    def place(self) -> tuple[str, int]:
        """The host and port of the public port."""
        parts = urlsplit(self.process.url)
        return str(parts.hostname), int(parts.port or 0)

    async def command(self, text: str = "list") -> tuple[int, float]:
        """Type a command on a connection of its own; returns the answer's status and how many seconds it took."""
        form = {
            "command": "/tines-sync",
            "text": text,
            "user_id": self.harness.requesters[0].user,
            "channel_id": GENERAL,
            "team_id": "T0LOCAL",
            "trigger_id": "1.2.3",
            "response_url": f"{self.harness.slack.base_url}/commands/none",
        }
        body = urlencode(form)
        signature = SignatureVerifier(self.harness.slack.app.signing_secret)
        now = str(int(time.time()))
        head = (
            "POST /slack/events HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
            f"X-Slack-Request-Timestamp: {now}\r\n"
            f"X-Slack-Signature: {signature.generate_signature(timestamp=now, body=body)}\r\n\r\n"
        )
        # in a thread: a request is sent as soon as there is a connection, whatever else this side is busy with
        return await asyncio.to_thread(_asked, self.place, (head + body).encode())


def _asked(place: tuple[str, int], request: bytes) -> tuple[int, float]:
    """Send a request on a connection of its own; returns the answer's status and how many seconds it took."""
    begun = time.perf_counter()
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection(place, timeout=_GRACE) as connection:
        connection.sendall(request)
        while received := connection.recv(65_536):
            answer += received
    status = int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else _NO_ANSWER
    return status, time.perf_counter() - begun


@asynccontextmanager
async def target(harness: CrashHarness) -> AsyncIterator[Target]:
    """Start a process with few descriptors."""
    port = free_port()
    process = harness.process(module="bot", root=ROOT, METRICS_PORT=str(port))
    process.descriptors = DESCRIPTORS
    async with closed(process):
        await process.start()
        if not await process.ready():
            message = f"the process ended: {process.log()[-3000:]}"
            raise AssertionError(message)
        yield Target(harness, process, f"http://127.0.0.1:{port}")


async def occupied(there: Target, name: str, words: bytes, *, sockets: int, seconds: float) -> Figures:
    """Hold many connections that say a part of a request, open another for each that is closed, and ask as Slack."""
    ended: list[float] = []
    holding = [asyncio.create_task(_hold(there.place, words, ended)) for _ in range(sockets)]
    await asyncio.sleep(0)
    figures = Figures(name, [], [])
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        status, took = await there.command()
        figures.statuses.append(status)
        figures.seconds.append(took)
        await asyncio.sleep(_PAUSE)
    for task in holding:
        task.cancel()
    await asyncio.gather(*holding, return_exceptions=True)
    figures.notes["connections closed by the bot"] = len(ended)
    _judge(figures)
    return figures


async def _hold(place: tuple[str, int], words: bytes, ended: list[float]) -> None:
    """Connect, say something, wait until the other side closes, and do it again, for ever."""
    while True:
        begun = time.perf_counter()
        try:
            reader, writer = await asyncio.open_connection(*place)
        except OSError:
            await asyncio.sleep(_AGAIN)
            continue
        try:
            with contextlib.suppress(OSError):
                writer.write(words)
                await reader.read()
            ended.append(time.perf_counter() - begun)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        await asyncio.sleep(_AGAIN)


def _judge(figures: Figures) -> None:
    """Find what Slack would have noticed."""
    wrong = [status for status in figures.statuses if status != 200]
    if wrong:
        figures.faults.append(f"FAULT: {len(wrong)} commands were not answered with 200 but {sorted(set(wrong))}")
    if not figures.seconds or max(figures.seconds) >= SLACK_WAITS:
        figures.faults.append("FAULT: a command was not answered within three seconds")


async def slow_body(there: Target) -> Figures:
    """Send a body that never ends, byte by byte, and see when that is answered and closed."""
    figures = Figures("a body that does not arrive", [], [])
    reader, writer = await asyncio.open_connection(*there.place)
    writer.write(HALF_BODY)
    begun = time.perf_counter()
    # the first of the answer counts: one more byte to a closed connection resets it, and what was not read yet is lost
    reading = asyncio.create_task(reader.read(1000))
    while not reading.done() and time.perf_counter() - begun < _GRACE:
        with contextlib.suppress(OSError):
            writer.write(b"x")
        await asyncio.wait({reading}, timeout=_PAUSE)
    said = b""
    with contextlib.suppress(OSError):
        said = await reading
        await reader.read()
    took = time.perf_counter() - begun
    writer.close()
    figures.notes["closed after seconds"] = took
    if not said.startswith(b"HTTP/1.1 408"):
        figures.faults.append(f"FAULT: it was not answered with 408 but {said[:60]!r}")
    if not 4 < took < 8:
        figures.faults.append("FAULT: it was not closed after five seconds")
    return figures


async def asked_at_once(there: Target, url: str, *, times: int, name: str, good: Callable[[int], bool]) -> Figures:
    """Ask something many times at once and then many times in a row."""
    figures = Figures(name, [], [])
    limits = httpx.Limits(max_connections=times)
    async with httpx.AsyncClient(trust_env=False, timeout=_GRACE, limits=limits) as client:
        before = len(there.harness.slack.traffic.calls("auth.test"))
        begun = time.perf_counter()
        answers = list(await asyncio.gather(*(client.get(url) for _ in range(times))))
        at_once = time.perf_counter() - begun
        answers += [await client.get(url) for _ in range(times)]
        figures.notes["answers"] = len(answers)
        figures.notes["seconds for those at once"] = at_once
        figures.notes["different bodies"] = len({answer.text for answer in answers})
        figures.notes["calls of auth.test"] = len(there.harness.slack.traffic.calls("auth.test")) - before
    bad = sorted({answer.status_code for answer in answers if not good(answer.status_code)})
    if bad:
        figures.faults.append(f"FAULT: answered with {bad}")
    return figures


async def too_many(there: Target, database_url: str, *, times: int) -> Figures:
    """Type many commands at once while the database says nothing; those beyond the bound hear so at once."""
    figures = Figures("more commands than can be under way", [], [])
    # as many threads as there are commands
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(times + 8))
    async with stalled(Stall.BUSY, database_url):
        found = await asyncio.gather(*(there.command(f"freeze dev-to-prod {number}") for number in range(times)))
    busy = [took for status, took in found if status == 503]
    figures.notes["answered 200"] = sum(status == 200 for status, _ in found)
    figures.notes["answered 503"] = len(busy)
    figures.notes["slowest seconds"] = max(took for _, took in found)
    others = {status for status, _ in found} - {200, 503}
    if others:
        figures.faults.append(f"FAULT: answered with {sorted(others)}")
    if times > 300 and not busy:
        figures.faults.append("FAULT: there is no bound")
    return figures
