"""Trigger ids: handed out with each thing a person does, good for one modal within three seconds.

Prevents an app that waits for another service before it opens its form: that works on a developer's fast machine and
fails in a workspace.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.playground.slack.errors import refuse

TRIGGER_SECONDS: Final = 3.0


@dataclass(slots=True)
class Trigger:
    """Whose it is, since when, and from which open modal it came (for `views.push`)."""

    user: str
    issued: float
    view_id: str = ""
    used: bool = False


class Triggers:
    """Issues triggers and exchanges each once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[str, Trigger] = {}

    def issue(self, user: str, view_id: str = "") -> str:
        """Return a new trigger id for something that a person did, in a modal if `view_id` is given."""
        trigger_id = f"{len(self._issued) + 1}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._issued[trigger_id] = Trigger(user, self._clock(), view_id)
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        """Use a trigger up. Raises `ApiError` as Slack does: unknown, used before, or older than three seconds."""
        trigger = self._issued.get(trigger_id)
        if trigger is None:
            refuse("invalid_trigger_id")
        if trigger.used:
            refuse("exchanged_trigger_id")
        if self._clock() - trigger.issued > TRIGGER_SECONDS:
            refuse("expired_trigger_id")
        trigger.used = True
        return trigger
