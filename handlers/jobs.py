"""Jobs: small, idempotent orders to look at a row, handed over in the same transaction as the row's change.

A job names what to look at and never what to do: whoever runs it reads the row and decides from its state. That is
why it may run twice, late, or on a machine with newer code, and why losing one costs only the time until the sweep.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection


class Job(NamedTuple):
    """Look at one row."""

    kind: str
    key: str


ADVANCE: Final = "advance"  # key: request id
DELIVER: Final = "deliver"  # key: conversation of announcements (a channel, or a person for direct messages)
DEFERRED: Final = "deferred"  # key: id of a form or decision that still has to be checked against Tines

LEFT_FOR: Final = timedelta(minutes=10)
"""How long a row that only a newer version understands is left to it, while both run; after that it was taken back."""


class NewerVersionError(Exception):
    """Only a newer version knows what to do with this row. It stays as it is, for a process of that version."""


class JobQueue(Protocol):
    """Takes jobs."""

    async def enqueue(self, connection: AsyncConnection, jobs: Iterable[Job], /) -> Mapping[Job, str]:
        """Write the jobs in the caller's transaction: they exist if, and only if, it commits.

        Returns the tickets of those that were written. A job that waits to be run for an earlier change needs no other.
        """
        ...

    def wake(self, jobs: Iterable[Job], tickets: Mapping[Job, str], /) -> None:
        """Start the jobs here and now, after the commit that wrote the tickets.

        Only saves waiting: the queue has the jobs anyway.
        """
        ...
