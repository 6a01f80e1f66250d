"""What a person sees and points at: outcomes, references, option answers, and the error a person reads.

Kept apart from the machinery so that a page, a demo or a test can name these types without pulling in a server. It
prevents the confusion of an error that the app gets (`ApiError`) with the one a person sees (`SlackClientError`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""An object as it travels: the keys are Slack's, the values whatever JSON can hold."""


class SlackClientError(Exception):
    """What Slack shows a person when the app did not answer in time or answered badly.

    `text` is what stands on the person's screen. `cause` says in plain words what went wrong, for the developer.
    """

    def __init__(self, text: str, cause: str) -> None:
        super().__init__(f"{text} ({cause})")
        self.text = text
        self.cause = cause


class NotThereError(LookupError):
    """A person cannot do that: the element, option, view or message they point at is not on their screen."""


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message on somebody's screen: its channel and timestamp (ephemeral ones have a timestamp, too)."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class ViewRef:
    """A modal on somebody's screen, or their App Home."""

    view_id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a person has in front of them right after something they did was answered by the app.

    Whatever the app does after its answer comes later, as a `Change`.
    """

    answer: Json = field(default_factory=dict)  # the body of the app's answer; empty when it only acknowledged
    errors: Mapping[str, str] = field(default_factory=dict)  # after a submit: block_id → the text under that field
    view: Json | None = None  # the modal on top now, if one is open
    ephemerals: tuple[Json, ...] = ()  # messages that appeared for this person alone meanwhile, oldest first
    trigger_id: str = ""  # the one that was handed to the app


@dataclass(frozen=True, slots=True)
class OptionsAnswer:
    """What a type-ahead field offers: options or groups of them, or nothing when Slack shows "No result"."""

    options: tuple[Json, ...] = ()
    option_groups: tuple[Json, ...] = ()
    problem: str = ""  # why Slack threw the app's answer away; a person only sees "No result"

    @property
    def all_options(self) -> tuple[Json, ...]:
        """Every option in the order of the screen, out of its group."""
        return self.options + tuple(option for group in self.option_groups for option in group["options"])
