"""`python -m tests.stress.tines`: how much memory and time of the event loop hostile answers of a tenant take.

Each case runs in a process of its own, so that its peak of memory is its own, and prints a line: what came of the call,
how long it took, the longest time that nothing else could run meanwhile, and how much memory it took at most above what
the process had before. `--size` is how many megabytes a tenant tries to send.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from itertools import count
from types import MappingProxyType
from typing import Final

import httpx

from handlers.routes import Tenant
from handlers.tines import RetryPolicy, TinesClient, TinesError
from tests.memory import peak

MOST_MEMORY: Final = 600  # MB above what the process had before; the largest body that is read takes 32 of them
MOST_LAG: Final = 0.1  # of the yardstick's time: the longest that nothing else may run, on a machine of any speed
FULL: Final = 100  # MB
_PART: Final = 65_536  # bytes that arrive at once
_TICK: Final = 0.001
_TENANT: Final = Tenant.model_validate({"alias": "dev", "url": "https://dev.example", "api_key": "dev-key-0123456789"})

Respond = Callable[[httpx.Request], httpx.Response]
Operation = Callable[[TinesClient], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one case took."""

    case: str
    outcome: str
    seconds: float
    lag: float  # seconds
    memory: float  # MB
    calls: int


class Repeated(httpx.AsyncByteStream):
    """A body that is the same piece again and again, never held as a whole, between a head and a tail."""

    def __init__(self, piece: bytes, size: int, head: bytes = b"", tail: bytes = b"") -> None:
        self._piece = piece * max(1, _PART // len(piece))
        self._size = size
        self._head = head
        self._tail = tail

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._head
        for _ in range(max(1, self._size // len(self._piece))):
            await asyncio.sleep(0)  # as the network does, between two parts
            yield self._piece
        yield self._tail


class Packed(httpx.AsyncByteStream):
    """A body of blanks, packed: about a thousandth of what it becomes."""

    def __init__(self, size: int) -> None:
        self._size = size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        packer, blanks = zlib.compressobj(9), b" " * 1024 * 1024
        for _ in range(self._size // len(blanks)):
            await asyncio.sleep(0)
            yield packer.compress(blanks)
        yield packer.flush()


def _body(status: int, stream: httpx.AsyncByteStream, **headers: str) -> Respond:
    return lambda _: httpx.Response(status, headers=headers, stream=stream)


def _whole(size: int, record: bytes, fits: int = 31) -> Respond:
    """Answer with as many records as fit into what is read at most."""
    piece = record + b","
    return _body(200, Repeated(piece, min(size, fits) * 1024 * 1024, b'{"stories":[', record + b"]}"))


def _page(records: Callable[[int], list[object]]) -> Respond:
    def answer(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        return httpx.Response(200, json={"stories": records(page), "meta": {"next_page_number": page + 1}})

    return answer


def _growing() -> Callable[[int], list[object]]:
    numbers = count(1)
    return lambda _: [{"id": next(numbers), "name": "Collect alerts", "tags": ["edr"]} for _ in range(500)]


_STORY: Final = json.dumps({"id": 1, "name": "Collect alerts", "description": "x" * 1_400, "tags": ["edr"]}).encode()
_MEGA: Final = 1024 * 1024

CASES: Final[Mapping[str, Callable[[int], Respond]]] = MappingProxyType(
    {
        "a good answer that is too large": lambda size: _body(200, Repeated(b" ", size * _MEGA)),
        "an error that is too large": lambda size: _body(503, Repeated(b"trouble ", size * _MEGA)),
        "gzip that expands a thousandfold": lambda size: _body(
            200, Packed(size * _MEGA), **{"content-encoding": "gzip"}
        ),
        "an error that expands a thousandfold": lambda size: _body(
            401, Packed(size * _MEGA), **{"content-encoding": "gzip"}
        ),
        "the largest listing that is read": lambda size: _whole(size, _STORY),
        "small records without number": lambda size: _whole(size, b'{"id":1}'),
        "odd records without number": lambda size: _whole(size, b"{}", fits=1),
        "lists in lists": lambda size: _whole(size, b"[[],[]]"),
        "no end of nesting": lambda size: _body(200, Repeated(b"[", size * _MEGA // 10)),
        "paging without end": lambda _: _page(_growing()),
        "paging that repeats itself": lambda _: _page(lambda _: [{"id": 1, "name": "Collect alerts"}]),
        "a page of <a": lambda _: _body(502, Repeated(b"<a ", _MEGA)),
        "a page of <![foo[": lambda _: _body(502, Repeated(b"<![foo[", _MEGA)),
        "a page of <": lambda _: _body(502, Repeated(b"<", _MEGA)),
        "an error of 60 kB of JSON": lambda _: _body(422, Repeated(b'[{"message":[1,{"a":2}]}],', 60_000, b"[", b"1]")),
    }
)


async def measure(case: str, size: int) -> Figures:
    """Run one case, and watch the event loop meanwhile."""
    calls = 0
    respond = CASES[case](size)

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        return respond(request)

    operation: Operation = lambda client: client.stories()  # noqa: E731 - one line
    gc.collect()
    gc.freeze()  # what the modules hold is not looked through again while something is read: it would hide the rest
    before = peak()
    async with TinesClient(
        _TENANT, transport=httpx.MockTransport(answer), retry_policy=RetryPolicy(attempts=1)
    ) as client:
        worst = [0.0]
        watch = asyncio.create_task(_watch(worst))
        await asyncio.sleep(_TICK)
        began = time.perf_counter()
        try:
            outcome = f"{len(tuple(await operation(client)))} records"  # type: ignore[arg-type]  # a listing
        except TinesError as error:
            outcome = f"{type(error).__name__}: {error.words[:50]}"
        seconds = time.perf_counter() - began
        await asyncio.sleep(_TICK)
        watch.cancel()
    return Figures(case, outcome, seconds, worst[0], peak() - before, calls)


async def _watch(worst: list[float]) -> None:
    """Note the longest time by which a short sleep was late."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_TICK)
        worst[0] = max(worst[0], time.perf_counter() - began - _TICK)


def yardstick() -> float:
    """Return how many seconds the standard library's parser of pages takes for 3,000 times `<a `, which is 9 kB."""
    began = time.perf_counter()
    parser = HTMLParser()
    parser.feed("<a " * 3_000)
    parser.close()
    return time.perf_counter() - began


def run(case: str, size: int) -> Figures:
    """Run one case in a process of its own."""
    command = [sys.executable, "-m", "tests.stress.tines", "--case", case, "--size", str(size)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)  # noqa: S603 - ourselves
    return Figures(**json.loads(done.stdout))


def line(figures: Figures) -> str:
    """Write the figures of a case as a line."""
    return (
        f"{figures.case:38} {figures.seconds:7.2f} s {figures.lag * 1000:7.0f} ms {figures.memory:6.0f} MB"
        f" {figures.calls:5} calls   {figures.outcome}"
    )


def main() -> int:
    """Run all cases, or the one that was asked for; 1 when one takes too much."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress.tines", description=__doc__)
    parser.add_argument("--case", choices=CASES, help="run this case here, and print its figures as JSON")
    parser.add_argument("--size", type=int, default=FULL, help="MB that a tenant tries to send")
    asked = parser.parse_args()
    if asked.case:
        sys.stdout.write(json.dumps(asdict(asyncio.run(measure(asked.case, asked.size)))))
        return 0
    sys.stdout.write(f"{'a tenant that sends':38} {'takes':>9} {'stands still':>10} {'memory':>9}\n")
    bad = 0
    for case in CASES:
        figures = run(case, asked.size)
        too_much = figures.memory > MOST_MEMORY or figures.lag > MOST_LAG * yardstick()
        bad += too_much
        sys.stdout.write(line(figures) + ("   TOO MUCH" if too_much else "") + "\n")
    sys.stdout.write(f"for comparison, html.parser on 9 kB of '<a ': {yardstick():.2f} s\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
