"""Jobs: small, idempotent orders to look at a row, given right after the commit of the row's change.

A job names what to look at and never what to do: whoever runs it reads the row and decides from its state. That is
why it may run twice, late, or on a machine with newer code, and why losing one costs only the time until the sweep.
"""

from datetime import timedelta
from typing import Final, NamedTuple


class Job(NamedTuple):
    """Look at one row."""

    kind: str
    key: str


ADVANCE: Final = "advance"  # key: request id
DELIVER: Final = "deliver"  # key: conversation of announcements (a channel, or a person for direct messages)
HOME: Final = "home"  # key: Slack user id of whoever looks at their App Home
DEFERRED: Final = "deferred"  # key: id of a form or decision that still has to be checked against Tines
SUMMARY: Final = "summary"  # key: name of a route whose weekly summary is told
WATCH: Final = "watch"  # key: alias of a source tenant whose sync destinations are looked at

LEFT_FOR: Final = timedelta(minutes=10)
"""How long a row that only a newer version understands is left to it, while both run; after that it was taken back."""


class NewerVersionError(Exception):
    """Only a newer version knows what to do with this row. It stays as it is, for a process of that version."""
