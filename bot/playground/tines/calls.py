"""The record of every call to a local tenant, for tests to read and for people to watch.

Keys are masked before anything is kept, so that showing the traffic cannot leak one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Final

MASK: Final = "•••"
_SECRET_FIELDS: Final = frozenset({"destination_tenant_api_key", "value"})
_KEPT: Final = 2000  # calls
_CLIP: Final = 20_000  # characters of an answer


@dataclass(frozen=True)
class Call:
    """One call and what came of it."""

    number: int
    at: datetime
    tenant: str
    method: str
    path: str  # below /api/v1
    query: str
    asked: object  # JSON body with keys masked; None when there was none
    key: str = ""  # name of the key used; empty before it was recognised
    done: bool = False
    status: int | None = None  # None: no answer was sent
    answered: str = ""  # the answer's body with keys masked, clipped
    seconds: float = 0.0
    fault: str = ""  # kind of the fault that struck


@dataclass(frozen=True)
class Outcome:
    """What came of a call: the fields of `Call` that are known only at its end."""

    status: int | None
    answered: str
    seconds: float
    key: str = ""
    fault: str = ""


class CallLog:
    """Calls in the order of their arrival; the newest 2,000 are kept."""

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._number = 0
        self._feeds: set[asyncio.Queue[Call]] = set()

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def __len__(self) -> int:
        return len(self._calls)

    def of(self, method: str, path: str) -> list[Call]:
        """Return the kept calls of a method and path, e.g. `of("POST", "/admin/sync_destinations")`."""
        return [call for call in self if (call.method, call.path) == (method, path)]

    def begin(self, *, at: datetime, tenant: str, method: str, path: str, query: str, asked: object) -> Call:
        """Record a call that has arrived; `asked` must be masked already."""
        self._number += 1
        call = Call(self._number, at, tenant, method, path, query, asked)
        self._keep(call)
        return call

    def finish(self, call: Call, outcome: Outcome) -> None:
        """Record what came of a call."""
        self._keep(replace(call, done=True, **asdict(outcome)))

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[AsyncIterator[Call]]:
        """Follow the calls from now on: each comes when it arrives and once more when it is done.

        A reader that falls 1,000 behind misses the oldest.
        """
        queue: asyncio.Queue[Call] = asyncio.Queue(maxsize=1000)
        self._feeds.add(queue)
        try:
            yield _drain(queue)
        finally:
            self._feeds.discard(queue)

    def _keep(self, call: Call) -> None:
        self._calls[call.number] = call
        while len(self._calls) > _KEPT:
            del self._calls[next(iter(self._calls))]
        for queue in self._feeds:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(call)


async def _drain(queue: asyncio.Queue[Call]) -> AsyncIterator[Call]:
    while True:
        yield await queue.get()


def masked(value: object, secrets: Iterable[str]) -> object:
    """Return JSON data without secrets: known ones anywhere in text, and whatever stands in fields for keys."""
    known = list(secrets)
    if isinstance(value, dict):
        return {k: MASK if k in _SECRET_FIELDS and v is not None else masked(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(item, known) for item in value]
    return masked_text(value, known) if isinstance(value, str) else value


def masked_text(text: str, secrets: Iterable[str]) -> str:
    """Return text without the known secrets, clipped to 20,000 characters."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text[:_CLIP]
