"""Faults to inject into a local tenant's HTTP: what networks, proxies and other people do to a call.

Each fault names the calls it is for and how often it strikes. The kinds differ in the one thing that matters to a
caller without idempotency keys: whether the call was applied although no good answer came.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import count
from types import MappingProxyType
from typing import Any, Final

from bot.playground.tines.switches import ErrorShape

Meanwhile = Callable[[Any, object], None]  # the tenant, which holds its faults, and the JSON body


class Kind(StrEnum):
    """What happens to a call."""

    ANSWER = "answer"  # answered with the fault's status, not applied
    SLOW = "slow"  # applied at once, answered after `seconds`
    HANG = "hang"  # neither applied nor answered
    RESET_BEFORE = "reset_before"  # connection reset, not applied
    RESET_AFTER = "reset_after"  # applied, then the connection is reset
    APPLIED_THEN_ANSWER = "applied_then_answer"  # applied, but answered with the fault's status
    APPLIED_LATE = "applied_late"  # no answer; applied `seconds` after the client gave up
    TRUNCATED = "truncated"  # applied; half of the answer's body
    NONE = "none"  # only `meanwhile`


@dataclass(frozen=True)
class Fault:
    """A fault and the calls it strikes."""

    kind: Kind
    method: str = "*"
    path: str = "*"  # a glob over the path below /api/v1, e.g. "/admin/sync_destinations*"
    times: int | None = None  # how many calls it strikes; None: until it is taken away
    probability: float = 1.0
    status: int = 500
    message: str = "Internal Server Error"
    shape: ErrorShape = ErrorShape.ERRORS
    retry_after: float | None = None  # seconds
    seconds: float = 0.0
    meanwhile: Meanwhile | None = None  # done when the call arrives, with the tenant and the call's JSON body
    label: str = ""  # how a person finds it again

    def matches(self, method: str, path: str) -> bool:
        """Whether a call is one of those it is for."""
        return self.method in {"*", method} and fnmatchcase(path, self.path)


class Faults:
    """The faults that are set on one tenant."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - picks the calls that fail, guards nothing
        self._ids = count(1)
        self._set: dict[int, Fault] = {}
        self._struck: dict[int, int] = {}

    def add(self, fault: Fault) -> int:
        """Set a fault; returns the number to take it away by. Of several that match a call the first one strikes."""
        number = next(self._ids)
        self._set[number] = fault
        self._struck[number] = 0
        return number

    def remove(self, number: int) -> None:
        """Take a fault away; one that is gone already is no error."""
        self._set.pop(number, None)

    def clear(self) -> None:
        """Take every fault away."""
        self._set.clear()

    def active(self) -> dict[int, Fault]:
        """Return the faults that still strike."""
        return dict(self._set)

    def struck(self, number: int) -> int:
        """Return how many calls a fault has struck, also after it was used up."""
        return self._struck[number]

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes this call, and count it."""
        for number, fault in self._set.items():
            if fault.matches(method, path) and self._chance.random() < fault.probability:
                self._struck[number] += 1
                if fault.times is not None and self._struck[number] >= fault.times:
                    del self._set[number]
                return fault
        return None


@dataclass(frozen=True)
class Preset:
    """A fault that a person may want to see, with the words on its switch."""

    name: str
    title: str
    fault: Fault


_CREATE: Final = "/admin/sync_destinations"


def _preset(name: str, fault: Fault) -> Preset:
    return Preset(name, fault.label, fault)


_STRAY: Final[Mapping[int, str]] = MappingProxyType(
    {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 423: "Locked", 425: "Too Early"}
)


def _stray(status: int, message: str) -> Preset:
    """Return a refusal that comes once, although everything is well."""
    label = f"One look at a sync destination is refused ({status})"
    return _preset(
        f"stray_{status}",
        Fault(Kind.ANSWER, "GET", f"{_CREATE}*", times=1, status=status, message=message, label=label),
    )


PRESETS: Final = (
    _preset("slow_create", Fault(Kind.SLOW, "POST", _CREATE, seconds=8, label="Creating takes 8 seconds")),
    _preset("lost_answer", Fault(Kind.RESET_AFTER, "POST", _CREATE, times=1, label="The create's answer gets lost")),
    _preset(
        "rate_limited",
        Fault(Kind.ANSWER, status=429, message="Too Many Requests", retry_after=5, label="Too many requests (429)"),
    ),
    _preset(
        "lost_update",
        Fault(Kind.RESET_AFTER, "PATCH", f"{_CREATE}/*", times=1, label="The answer of an update gets lost"),
    ),
    _preset(
        "lost_delete",
        Fault(Kind.RESET_AFTER, "DELETE", f"{_CREATE}/*", times=1, label="The answer of a delete gets lost"),
    ),
    _preset(
        "lost_sync",
        Fault(Kind.RESET_AFTER, "POST", f"{_CREATE}/*/*sync", times=1, label="The answer of a sync gets lost"),
    ),
    *(_stray(status, message) for status, message in _STRAY.items()),
    _preset("broken", Fault(Kind.ANSWER, label="Internal errors (500)")),
    _preset("silent", Fault(Kind.HANG, label="No answer at all")),
    _preset("revoked", Fault(Kind.ANSWER, status=401, message="Invalid API key", label="Key revoked (401)")),
)
