"""The load generator: one after the other, as fast as it goes, or at a steady rate."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.bench.product import EVENTS, command_form, trigger
from tests.bench.stub import Slack
from tests.bench.wire import Caller, signed

Shot = Callable[[Caller, int], Awaitable[float]]
"""Does one thing with a connection, and returns the seconds until it was done."""


@dataclass(frozen=True, slots=True)
class Burst:
    """What came of many at once."""

    per_second: float
    count: int


async def one_by_one(url: str, shot: Shot, count: int) -> list[float]:
    """Do it on one connection, each after the other, and return the seconds of each."""
    caller = await Caller.to(url)
    try:
        return [await shot(caller, number) for number in range(count)]
    finally:
        caller.close()


async def flat_out(url: str, shot: Shot, *, seconds: float, connections: int = 16) -> Burst:
    """Do it on many connections, each as fast as it is answered."""
    callers = [await Caller.to(url) for _ in range(connections)]
    numbers = iter(range(10**9))
    begun = time.perf_counter()
    done = 0

    async def one(caller: Caller) -> None:
        nonlocal done
        while time.perf_counter() - begun < seconds:
            await shot(caller, next(numbers))
            done += 1

    await asyncio.gather(*(one(caller) for caller in callers))
    took = time.perf_counter() - begun
    for caller in callers:
        caller.close()
    return Burst(per_second=done / took, count=done)


async def steadily(url: str, shot: Shot, *, per_second: float, seconds: float) -> list[float]:
    """Begin one at each tick, whether or not those before are done, and return the seconds since its tick of each.

    A server that falls behind is thus not spared: what waits for a free connection is counted.
    """
    idle: list[Caller] = [await Caller.to(url) for _ in range(8)]
    taken: list[float] = []
    begun = time.perf_counter()

    async def one(number: int) -> None:
        due = begun + number / per_second
        caller = idle.pop() if idle else await Caller.to(url)
        started = time.perf_counter()
        taken.append(started - due + await shot(caller, number))
        idle.append(caller)

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
            tasks.create_task(one(number))
    for caller in idle:
        caller.close()
    return taken


def asks(url: str, make: Callable[[int], dict[str, str]], *, expects: bytes = b"") -> Shot:
    """Return a shot that sends a request of Slack and is done with its answer. Raises on any but a good one."""
    host = urlsplit(url).netloc

    async def shot(caller: Caller, number: int) -> float:
        request = signed(EVENTS, make(number), host)
        begun = time.perf_counter()
        status, body = await caller.ask(request)
        took = time.perf_counter() - begun
        if status != 200 or expects not in body:
            message = f"answered {status}: {body[:500]!r}"
            raise RuntimeError(message)
        return took

    return shot


def opens(url: str, slack: Slack, name: str, people: Sequence[int] = (0,)) -> Shot:
    """Return a shot that types a command and is done when it is acknowledged and its view stands open."""
    host = urlsplit(url).netloc

    async def shot(caller: Caller, number: int) -> float:
        trigger_id = trigger()
        form = command_form(name, trigger_id, number=people[number % len(people)])
        request = signed(EVENTS, form, host)
        begun = time.perf_counter()
        status, body = await caller.ask(request)
        acknowledged = time.perf_counter()
        if status != 200:
            message = f"answered {status}: {body[:500]!r}"
            raise RuntimeError(message)
        return max(acknowledged, await slack.view_opened(trigger_id)) - begun

    return shot
