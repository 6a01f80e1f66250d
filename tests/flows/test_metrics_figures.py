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

from bot.playground.slack import EVERY_METHOD, FaultKind
from bot.playground.slack import Fault as SlackFault
from bot.playground.stage import GENERAL, Play
from bot.playground.tines import Fault, Kind
from handlers.models import State
from handlers.tines import Timeouts

from .office import FAILING, HURRIED, Office, database, opened


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


async def asked(office: Office, path: str) -> httpx.Response:
    """Ask the bot as a machine does."""
    async with httpx.AsyncClient(base_url=office.stage.bot_url, trust_env=False) as client:
        return await client.get(path)


async def readiness(office: Office) -> httpx.Response:
    """Ask whether the bot is ready, once it has had the time to look for work at all."""
    async with asyncio.timeout(10):
        while (answer := await asked(office, "/readyz")).text == "jobs are not being run\n":
            pass
    return answer


async def figures(office: Office) -> dict[tuple[str, ...], float]:
    """Return every sample as Prometheus reads it: (name, label values…) → value."""
    answer = await asked(office, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_requests_by_state(tmp_path: Path) -> None:
    """Each state has as many as there are, and one that has none any more is not shown with its old number."""
    async with opened(Play(database_url=database(tmp_path), outside=HURRIED)) as office:
        await office.asks()
        failing = await office.asks(FAILING)
        assert (await figures(office))["tines_sync_requests", "pending"] == 2
        await office.approves(failing)
        await office.rests(failing, State.FAILED)
        seen = await figures(office)
        await office.asks()
        again = await figures(office)
    states = {key[1]: value for key, value in seen.items() if key[0] == "tines_sync_requests"}
    assert states == {"pending": 1, "failed": 1}
    assert again["tines_sync_requests", "pending"] == 2


async def test_calls(tmp_path: Path) -> None:
    """Calls are counted by method and outcome, with their latencies, and no address or secret is in a label."""
    async with opened(Play(database_url=database(tmp_path), outside=HURRIED)) as office:
        office.stage.dev.faults.add(Fault(Kind.ANSWER, "POST", "/admin/sync_destinations", status=422, times=1))
        request = await office.asked_and_approved()
        await office.rests(request, State.FAILED)
        posts = office.stage.slack.traffic.calls("chat.postMessage")
        await office.ada.types(GENERAL, "list")
        seen = await figures(office)
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
    outside = replace(HURRIED, clock=clock, timeouts=Timeouts())
    async with opened(Play(database_url=database(tmp_path), outside=outside)) as office:
        request = await office.asks()
        await office.ada.types(GENERAL, "freeze dev-to-prod change window")
        await office.approves(request)
        await office.rests(request, State.APPROVED)
        before = await figures(office)
        office.stage.slack.faults.inject(EVERY_METHOD, SlackFault(FaultKind.SERVER_ERROR, times=None))
        office.stage.dev.faults.add(Fault(Kind.SLOW, "GET", "/admin/sync_destinations*", seconds=1.5))
        await office.ada.types(GENERAL, "thaw dev-to-prod")
        clock.ahead = timedelta(minutes=10)
        during = await figures(office)
    assert before["tines_sync_oldest_announcement_seconds",] < 10
    assert before["tines_sync_oldest_due_seconds",] < 10
    assert during["tines_sync_oldest_announcement_seconds",] >= 600
    assert during["tines_sync_oldest_due_seconds",] >= 600


async def test_alive_and_ready(tmp_path: Path) -> None:
    """A bot that works says so; one whose token was revoked is alive, not ready, and says why, until it is given back."""
    async with opened(Play(database_url=database(tmp_path), outside=HURRIED)) as office:
        office.stage.slack.revoke_token()
        assert (await asked(office, "/healthz")).text == "alive\n"
        refused = await readiness(office)
        assert (refused.status_code, "token" in refused.text) == (503, True)
        office.stage.slack.restore_token()
        ready = await readiness(office)
        assert (ready.status_code, ready.text) == (200, "ready\n")


async def test_ready_without_slack(tmp_path: Path) -> None:
    """A Slack that does not answer is no readiness, and no error of ours."""
    async with opened(Play(database_url=database(tmp_path), outside=HURRIED)) as office:
        office.stage.slack.faults.inject(EVERY_METHOD, SlackFault(FaultKind.RESET_BEFORE, times=None))
        answer = await readiness(office)
    assert answer.status_code == 503
    assert "Slack" in answer.text


async def test_without_database(tmp_path: Path) -> None:
    """With the database gone the bot is alive and not ready, still gives figures, and tells whoever asks to come back."""
    async with opened(Play(database_url=database(tmp_path), outside=HURRIED)) as office:
        await office.asks()
        async with gone(tmp_path / "flow.sqlite"):
            healthy, ready, seen = (
                await asked(office, "/healthz"),
                await asked(office, "/readyz"),
                await figures(office),
            )
        after = await readiness(office)
    assert healthy.status_code == 200
    assert (ready.status_code, "database" in ready.text) == (503, True)
    assert seen["tines_sync_database_up",] == 0
    assert after.status_code == 200
