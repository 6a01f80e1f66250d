"""Figures for Prometheus: what waits, for how long, and how Slack and Tines answer.

An operator sees here, before people complain, that a job or an announcement is stuck. Counts of rows are read from
the database when they are asked for, so that they are right in every process and after every restart. What is counted
here is a line in the log as well, which the trace id connects with the click behind it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from handlers.store import Store, StoreUnavailableError
from handlers.watching.known import Health

_CHANGES: Final = frozenset({"chat.postMessage", "chat.update", "chat.delete"})  # what readers get to see
_FRESH_SECONDS: Final = 10.0  # Prometheus asks every 15 to 60
_DATABASE_SECONDS: Final = 3.0  # that whoever asks waits for it
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The figures of one process, in a registry of their own."""

    def __init__(self) -> None:
        self._log = structlog.get_logger(__name__)
        self._look: asyncio.Task[bool] | None = None  # at the rows; one at a time
        self._registry = CollectorRegistry()
        self._requests = Gauge("tines_sync_requests", "Requests by state", ["state"], registry=self._registry)
        self._oldest_job = Gauge(
            "tines_sync_oldest_due_seconds",
            "Age of the oldest request that is due and not done",
            registry=self._registry,
        )
        self._oldest_announcement = Gauge(
            "tines_sync_oldest_announcement_seconds",
            "Age of the oldest announcement not delivered",
            registry=self._registry,
        )
        self._refused = Gauge(
            "tines_sync_refused_conversations",
            "Conversations in which Slack refuses what is posted for now, by its error code",
            ["code"],
            registry=self._registry,
        )
        self._destinations = Gauge(
            "tines_sync_destinations", "Sync destinations by health", ["tenant", "health"], registry=self._registry
        )
        self._oldest_failure = Gauge(
            "tines_sync_oldest_failure_seconds",
            "Age of the oldest failure of a sync destination, 0 for none",
            registry=self._registry,
        )
        self._looked = Gauge(
            "tines_sync_watched_seconds",
            "Age of the latest good look at a source tenant; -1 before the first",
            ["tenant"],
            registry=self._registry,
        )
        self._rounds = Gauge(
            "tines_sync_watch_rounds", "Good looks at a source tenant so far", ["tenant"], registry=self._registry
        )
        self._unreadable = Gauge(
            "tines_sync_watch_unreadable",
            "Records of the latest good look that could not be read",
            ["tenant"],
            registry=self._registry,
        )
        self._database = Gauge("tines_sync_database_up", "Whether the database answers", registry=self._registry)
        self._tines = Counter(
            "tines_sync_tines_calls", "Calls to Tines", ["tenant", "method", "outcome"], registry=self._registry
        )
        self._tines_seconds = Histogram(
            "tines_sync_tines_seconds",
            "Seconds of a call to Tines",
            ["tenant"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._socket: Gauge | None = None
        self._socket_lost = Counter(
            "tines_sync_socket_lost",
            "Socket Mode connections that ended or could not be opened, by reason",
            ["reason"],
            registry=self._registry,
        )
        self._slack = Counter(
            "tines_sync_slack_calls", "Calls to Slack", ["method", "outcome"], registry=self._registry
        )
        self._slack_seconds = Histogram(
            "tines_sync_slack_seconds",
            "Seconds of a call to Slack",
            ["method"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._answers = Histogram(
            "tines_sync_answer_seconds",
            "Seconds until Slack had its answer",
            ["kind", "status"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def socket_connected(self, *, connected: bool) -> None:
        """Tell whether there is a Socket Mode connection; where none is used, there is no such figure."""
        if self._socket is None:
            self._socket = Gauge(
                "tines_sync_socket_connected", "Whether a Socket Mode connection is open", registry=self._registry
            )
        self._socket.set(1 if connected else 0)

    def socket_lost(self, reason: str) -> None:
        """Count a Socket Mode connection that ended or could not be opened."""
        self._socket_lost.labels(reason).inc()

    def tines_call(self, tenant: str, method: str, outcome: str, seconds: float) -> None:
        """Count a call to a tenant."""
        self._tines.labels(tenant, method, outcome).inc()
        self._tines_seconds.labels(tenant).observe(seconds)
        level = logging.DEBUG if method == "GET" else logging.INFO
        self._log.log(level, "called Tines", tenant=tenant, method=method, outcome=outcome, seconds=round(seconds, 3))

    def answered(self, kind: str, status: int, seconds: float) -> None:
        """Count an answer to Slack."""
        self._answers.labels(kind, str(status)).observe(seconds)
        level = logging.DEBUG if kind == "block_suggestion" else logging.INFO  # typing would drown the rest
        self._log.log(level, "answered Slack", kind=kind, status=status, seconds=round(seconds, 3))

    def slack_call(self, method: str, outcome: str, seconds: float) -> None:
        """Count a call of a Web API method; `outcome` is "ok", Slack's error code, or how it failed without an answer."""
        self._slack.labels(method, outcome).inc()
        self._slack_seconds.labels(method).observe(seconds)
        level = logging.INFO if method in _CHANGES else logging.DEBUG
        self._log.log(level, "called Slack", method=method, outcome=outcome, seconds=round(seconds, 3))

    async def render(self, store: Store) -> bytes:
        """Return all figures in Prometheus's text format; without those of rows when the database does not answer."""
        look = self._look
        if look is None or look.done():
            self._look = look = asyncio.create_task(self._count_rows(store))
        done, _ = await asyncio.wait({look}, timeout=_DATABASE_SECONDS)
        self._database.set(1 if done and look.result() else 0)
        return generate_latest(self._registry)

    async def _count_rows(self, store: Store) -> bool:
        """Set the figures of rows; whether the database answered."""
        try:
            async with store.reading() as reader:
                counts = await reader.requests.counts()
                job, announcement = await reader.oldest_waiting()
                refused = await reader.outbox.refused_conversations()
                destinations = await reader.destinations.counts()
                failure = await reader.destinations.oldest_failure()
                watched = [each for each in await reader.destinations.tenants() if each.next_run_at is not None]
                now = reader.now
        except StoreUnavailableError:
            return False
        self._requests.clear()
        for state, count in counts.items():
            self._requests.labels(state).set(count)
        self._refused.clear()
        for code, conversations in refused.items():
            self._refused.labels(code).set(conversations)
        self._count_destinations(destinations)
        self._oldest_failure.set(0 if failure is None else max(0.0, (now - failure).total_seconds()))
        for gauge in (self._looked, self._rounds, self._unreadable):
            gauge.clear()
        for each in watched:
            self._looked.labels(each.tenant).set(
                -1 if each.looked_at is None else (now - each.looked_at).total_seconds()
            )
            self._rounds.labels(each.tenant).set(each.rounds)
            self._unreadable.labels(each.tenant).set(each.unreadable)
        self._oldest_job.set(job)
        self._oldest_announcement.set(announcement)
        return True

    def _count_destinations(self, counts: Mapping[tuple[str, str, Health], int]) -> None:
        self._destinations.clear()
        for (source, _, health), count in counts.items():
            self._destinations.labels(source, health.value).inc(count)


class Shared:
    """What was rendered, for everybody who asks within some seconds: the figures cost queries that count rows."""

    def __init__(
        self, render: Callable[[], Awaitable[bytes]], monotonic: Callable[[], float], *, seconds: float = _FRESH_SECONDS
    ) -> None:
        self._render = render
        self._monotonic = monotonic
        self._seconds = seconds
        self._rendered: tuple[float, bytes] | None = None
        self._turn = asyncio.Lock()

    async def __call__(self) -> bytes:
        """Return the figures, at most some seconds old."""
        async with self._turn:
            if self._rendered is None or self._monotonic() - self._rendered[0] >= self._seconds:
                self._rendered = self._monotonic(), await self._render()
            return self._rendered[1]
