"""What an operator is told: figures that are right, alive or not, ready or not and why."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bot.playground.launch import GENERAL, Setup
from bot.playground.slack import EVERY_METHOD, FaultKind
from bot.playground.slack import Fault as SlackFault
from bot.playground.tines import Fault, Kind
from handlers.models import State
from handlers.tines import Timeouts

from .harness import FAILING, SHORT_TIMES, FlowHarness, database, opened


class Clock:
    """The time, and what a test adds to it."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the time as the bot sees it."""
        return datetime.now(UTC) + self.ahead


@asynccontextmanager
async def gone(file: Path) -> AsyncIterator[None]:
    """Let every question to the database fail, as one that is being restored does, and bring it back.

    In a thread of its own: what the bot is writing just then must be able to end first.
    """
    tables = ("requests", "chain", "announcements", "freezes")
    with closing(sqlite3.connect(file, isolation_level=None, timeout=10, check_same_thread=False)) as connection:
        renamed = "; ".join(f"ALTER TABLE {table} RENAME TO away_{table}" for table in tables)
        back = "; ".join(f"ALTER TABLE away_{table} RENAME TO {table}" for table in tables)
        await asyncio.to_thread(connection.executescript, f"BEGIN IMMEDIATE; {renamed}; COMMIT")
        yield
        await asyncio.to_thread(connection.executescript, f"BEGIN IMMEDIATE; {back}; COMMIT")


async def asked(harness: FlowHarness, path: str) -> httpx.Response:
    """Ask the bot as a machine does."""
    async with httpx.AsyncClient(base_url=harness.playground.bot_url, trust_env=False) as client:
        return await client.get(path)


async def readiness(harness: FlowHarness) -> httpx.Response:
    """Ask whether the bot is ready, once it has had the time to look for work at all."""
    async with asyncio.timeout(10):
        while (answer := await asked(harness, "/readyz")).text == "jobs are not being run\n":
            pass
    return answer


async def figures(harness: FlowHarness) -> dict[tuple[str, ...], float]:
    """Return every sample as Prometheus reads it, as it is now: (name, label values…) → value."""
    bot = harness.playground.bot
    text = (await bot.metrics.render(bot.store)).decode()
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_requests_by_state(tmp_path: Path) -> None:
    """Each state has as many as there are, and one that has none any more is not shown with its old number."""
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        await harness.asks()
        failing = await harness.asks(FAILING)
        assert (await figures(harness))["tines_sync_requests", "pending"] == 2
        await harness.approves(failing)
        await harness.rests(failing, State.FAILED)
        seen = await figures(harness)
        await harness.asks()
        again = await figures(harness)
    states = {key[1]: value for key, value in seen.items() if key[0] == "tines_sync_requests"}
    assert states == {"pending": 1, "failed": 1}
    assert again["tines_sync_requests", "pending"] == 2


async def test_calls(tmp_path: Path) -> None:
    """Calls are counted by method and outcome, with their latencies, and no address or secret is in a label."""
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        harness.playground.dev.faults.add(Fault(Kind.ANSWER, "POST", "/admin/sync_destinations", status=422, times=1))
        request = await harness.asked_and_approved()
        await harness.rests(request, State.FAILED)
        posts = harness.playground.slack.traffic.calls("chat.postMessage")
        await harness.ada.types(GENERAL, "list")
        seen = await figures(harness)
    assert seen["tines_sync_tines_calls_total", "POST", "422", "dev"] == 1
    assert seen["tines_sync_tines_seconds_count", "dev"] >= 1
    assert seen["tines_sync_slack_calls_total", "chat.postMessage", "ok"] == len(posts)
    assert seen["tines_sync_slack_seconds_count", "chat.postMessage"] == len(posts)
    assert seen["tines_sync_answer_seconds_count", "command", "200"] == 2
    labels = {label for key in seen for label in key[1:]}
    assert not [label for label in labels if "/" in label or "http" in label]


async def test_what_waits(tmp_path: Path) -> None:
    """What waits for Slack or for Tines is seen by the age of the oldest, and is young while nobody is away."""
    clock = Clock()
    overrides = replace(SHORT_TIMES, clock=clock, timeouts=Timeouts())
    async with opened(Setup(database_url=database(tmp_path), overrides=overrides)) as harness:
        request = await harness.asks()
        await harness.ada.types(GENERAL, "freeze dev-to-prod change window")
        await harness.approves(request)
        await harness.rests(request, State.APPROVED)
        before = await figures(harness)
        for method in ("chat.postMessage", "chat.update"):
            harness.playground.slack.faults.inject(method, SlackFault(FaultKind.SERVER_ERROR, times=None))
        harness.playground.dev.faults.add(Fault(Kind.SLOW, "GET", "/admin/sync_destinations*", seconds=1.5))
        await harness.ada.types(GENERAL, "unfreeze dev-to-prod")
        clock.ahead = timedelta(minutes=10)
        during = await figures(harness)
    assert before["tines_sync_oldest_announcement_seconds",] < 10
    assert before["tines_sync_oldest_due_seconds",] < 10
    assert during["tines_sync_oldest_announcement_seconds",] >= 600
    assert during["tines_sync_oldest_due_seconds",] >= 600


async def test_alive_and_ready(tmp_path: Path) -> None:
    """A bot that works says so; one whose token was revoked is alive, not ready, and says why, until it is given back."""
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        harness.playground.slack.revoke_token()
        assert (await asked(harness, "/healthz")).text == "alive\n"
        refused = await readiness(harness)
        assert (refused.status_code, "token" in refused.text) == (503, True)
        harness.playground.slack.restore_token()
        ready = await readiness(harness)
        assert (ready.status_code, ready.text) == (200, "ready\n")


async def test_ready_without_slack(tmp_path: Path) -> None:
    """A Slack that does not answer is no readiness, and no error of ours."""
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        harness.playground.slack.faults.inject(EVERY_METHOD, SlackFault(FaultKind.RESET_BEFORE, times=None))
        answer = await readiness(harness)
    assert answer.status_code == 503
    assert "Slack" in answer.text


async def test_without_database(tmp_path: Path) -> None:
    """With the database gone the bot is alive and not ready, still gives figures, and tells whoever asks to come back."""
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        await harness.asks()
        async with gone(tmp_path / "flow.sqlite"):
            healthy, ready, seen = (
                await asked(harness, "/healthz"),
                await asked(harness, "/readyz"),
                await figures(harness),
            )
        after = await readiness(harness)
    assert healthy.status_code == 200
    assert (ready.status_code, "database" in ready.text) == (503, True)
    assert seen["tines_sync_database_up",] == 0
    assert after.status_code == 200
