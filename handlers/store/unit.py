"""The unit of work: state, record, announcements and jobs change together or not at all.

This is the product's first promise in code. A listener answers Slack only after the transaction has committed, so
nothing that was acknowledged can be missing; and nothing was announced or queued for a change that rolled back.

Each part has the statements of its tables, in a module of its own; this module wires them. A transaction that only
reads has the same parts without the methods that change something.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.jobs import ADVANCE, DEFERRED, DELIVER, HOME, SUMMARY, WATCH, Job
from handlers.store import deferred, destinations, homes, outbox, requests, summaries
from handlers.store.audit import Audit, AuditReader
from handlers.store.conversations import Conversations, ConversationsReader
from handlers.store.deferred import Deferred, DeferredReader
from handlers.store.destinations import Destinations, DestinationsReader
from handlers.store.freezes import Freezes, FreezesReader
from handlers.store.homes import Homes, HomesReader
from handlers.store.jobs_ordered import OrderedJobs
from handlers.store.keys import Keys, KeysReader
from handlers.store.outbox import Outbox, OutboxReader
from handlers.store.requests import Requests, RequestsReader
from handlers.store.rows import RowTypes
from handlers.store.summaries import Summaries, SummariesReader


def _longest_due(rank: int, kind: str, due: sa.Select[Any]) -> sa.Select[Any]:
    first = due.order_by(sa.literal_column("at")).limit(200).subquery()
    return sa.select(sa.literal(rank).label("rank"), sa.literal(kind).label("kind"), first.c.key, first.c.at)


# One statement, built once: the sweep runs every few seconds, also where nothing is due.
_DUE: Final = sa.union_all(
    _longest_due(1, ADVANCE, requests.DUE),
    _longest_due(2, DEFERRED, deferred.DUE),
    _longest_due(3, DELIVER, outbox.DUE),
    _longest_due(4, HOME, homes.DUE),
    _longest_due(5, SUMMARY, summaries.DUE),
    _longest_due(6, WATCH, destinations.DUE),
).order_by("rank", "at")


class Reader:
    """Reads the store within one transaction. `freezes_turn`: how many changes of freezes the process had made before."""

    def __init__(
        self,
        connection: AsyncConnection,
        now: datetime,
        types: Mapping[str, RowTypes] | None = None,
        *,
        freezes_turn: int = 0,
    ) -> None:
        self._connection = connection
        self.now = now
        self.requests = RequestsReader(connection, now, types or {})
        self.outbox = OutboxReader(connection, now)
        self.deferred = DeferredReader(connection, now)
        self.audit = AuditReader(connection, now)
        self.freezes = FreezesReader(connection, turn=freezes_turn)
        self.conversations = ConversationsReader(connection, now)
        self.homes = HomesReader(connection, now)
        self.keys = KeysReader(connection, now)
        self.destinations = DestinationsReader(connection, now)
        self.summaries = SummariesReader(connection, now)

    async def due(self) -> tuple[Job, ...]:
        """Return the jobs of rows whose time has come, at most 200 of each kind.

        What people wait for comes first, and of one kind the longest due.
        """
        rows = await self._connection.execute(_DUE, {"now": self.now})
        return tuple(Job(row.kind, row.key) for row in rows)

    async def server_time(self) -> datetime:
        """Return the time of day as the database's server has it. PostgreSQL only."""
        told: datetime = (await self._connection.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
        return told

    async def oldest_waiting(self) -> tuple[float, float]:
        """Return for how many seconds the longest-due job and the oldest undelivered announcement wait; 0 for none."""
        moments = (await self.requests.oldest_due(), await self.deferred.oldest_due())
        due = min((moment for moment in moments if moment is not None), default=None)
        return self._age(due), self._age(await self.outbox.oldest_undelivered())

    def _age(self, moment: datetime | None) -> float:
        return 0.0 if moment is None else max(0.0, (self.now - moment).total_seconds())


class Transaction:
    """Reads and changes the store within one transaction, at one moment, `now`."""

    def __init__(self, connection: AsyncConnection, now: datetime, types: Mapping[str, RowTypes]) -> None:
        self.now = now
        self.jobs = OrderedJobs()
        self.requests = Requests(connection, now, types, self.jobs)
        self.outbox = Outbox(connection, now, self.jobs)
        self.deferred = Deferred(connection, now, self.jobs)
        self.audit = Audit(connection, now)
        self.freezes = Freezes(connection)
        self.conversations = Conversations(connection, now)
        self.homes = Homes(connection, now, self.jobs)
        self.keys = Keys(connection, now)
        self.destinations = Destinations(connection, now)
        self.summaries = Summaries(connection, now)
