"""What Slack hands to an app, and the ways it may go wrong: the words that both transports share."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from bot.playground.slack.shapes import Json

ANSWER_SECONDS: Final = 3.0


class ParcelKind(StrEnum):
    """How a parcel travels. The values are Socket Mode's envelope types."""

    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing that Slack sends to the app."""

    kind: ParcelKind
    name: str  # for the record: the command, or the payload's or event's type
    payload: Json
    retry: int = 0  # of an event: which retry this is, 0 for the first attempt
    retry_reason: str = ""


@dataclass(frozen=True, slots=True)
class AppAnswer:
    """The app's answer in time: its body, empty when it only acknowledged."""

    body: Json = field(default_factory=dict)
    status: int = 200


class DeliveryError(Exception):
    """The app did not answer in time, or not with 200 and a body that can be read."""

    def __init__(self, cause: str, *, status: int = 0, timed_out: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.status = status
        self.timed_out = timed_out


class Courier(Protocol):
    """Takes parcels to the app."""

    async def deliver(self, parcel: Parcel) -> AppAnswer:
        """Hand a parcel over and return the answer. Raises `DeliveryError`."""
        ...
