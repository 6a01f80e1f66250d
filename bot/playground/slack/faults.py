"""Faults to inject into the Web API: what Slack, or the network before it, does on a bad day.

They prove that an app waits, retries, looks before it posts again, and loses nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.playground.slack.shapes import Json

EVERY_METHOD: Final = "*"


class FaultKind(StrEnum):
    """What happens to a call."""

    RATE_LIMITED = "rate_limited"  # 429 with `Retry-After`; nothing is applied
    SERVER_ERROR = "server_error"  # 500; nothing is applied
    BAD_GATEWAY = "bad_gateway"  # 502 with an HTML page; nothing is applied
    BAD_GATEWAY_APPLIED = "bad_gateway_applied"  # the same, although the call was applied
    RESET_BEFORE = "reset_before"  # the connection breaks; nothing is applied
    RESET_AFTER = "reset_after"  # the call is applied, then the connection breaks
    SLOW = "slow"  # nothing happens for some seconds, then all goes well
    SLOW_ANSWER = "slow_answer"  # applied at once, answered after some seconds
    ERROR = "error"  # Slack's own `{"ok": false, "error": code}`


@dataclass(slots=True)
class Fault:
    """One fault, for the next `times` matching calls (None: until cleared)."""

    kind: FaultKind
    times: int | None = 1
    retry_after: int = 1  # seconds
    seconds: float = 1.0  # of SLOW and SLOW_ANSWER
    code: str = "internal_error"  # of ERROR
    only: Callable[[Json], bool] | None = None  # which calls, by their arguments; None: all


class Faults:
    """The faults that are switched on, by Web API method ("chat.postMessage"), "response_url", "upload" or "*"."""

    def __init__(self) -> None:
        self._on: dict[str, list[Fault]] = {}

    def inject(self, method: str, fault: Fault) -> Fault:
        """Switch a fault on; several of one method happen one after the other."""
        self._on.setdefault(method, []).append(fault)
        return fault

    def clear(self, method: str | None = None) -> None:
        """Switch the faults of a method off, or all of them."""
        if method is None:
            self._on.clear()
        else:
            self._on.pop(method, None)

    def listing(self) -> dict[str, tuple[Fault, ...]]:
        """Return what is switched on, by method."""
        return {method: tuple(faults) for method, faults in self._on.items() if faults}

    def take(self, method: str, args: Json) -> Fault | None:
        """Return the fault that this call meets, and count it; None when all goes well."""
        for key in (method, EVERY_METHOD):
            faults = self._on.get(key, [])
            for fault in faults:
                if fault.only is None or fault.only(args):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            faults.remove(fault)
                    return fault
        return None
