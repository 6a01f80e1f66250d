"""The states of a request as people read them: an icon, and words that suit any operation."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from handlers.models import State

_SHOWN: Final[Mapping[State, tuple[str, str]]] = MappingProxyType(
    {
        State.PENDING: ("🕓", "waiting for approval"),
        State.APPROVED: ("👍", "approved"),
        State.RUNNING: ("⏳", "running"),
        State.FOLLOWING: ("⏳", "running"),
        State.SUCCEEDED: ("✅", "done"),
        State.PARTIAL: ("⚠️", "partly done"),
        State.FAILED: ("❌", "failed"),
        State.UNCERTAIN: ("❓", "uncertain: needs a manual check"),
        State.REJECTED: ("⛔", "rejected"),
        State.CANCELLED: ("🚫", "cancelled"),
        State.EXPIRED: ("⌛", "expired"),
    }
)


def icon(state: State) -> str:
    """Return the emoji for a state."""
    return _SHOWN[state][0]


def general_words(state: State) -> str:
    """Return a state in words, e.g. "waiting for approval"."""
    return _SHOWN[state][1]
