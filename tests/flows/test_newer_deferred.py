"""What a newer version kept for later, while both run: left to it, and answered here only when it never came."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.testing import capture_logs

from bot.playground.launch import RINA
from handlers.jobs import DEFERRED, LEFT_FOR, Job

from .conftest import OpenHarness
from .harness import SHORT_TIMES, FlowHarness, database, until


async def _keeps(harness: FlowHarness) -> None:
    """Keep something that only a newer version can finish."""
    async with harness.playground.bot.store.transaction() as transaction:
        await transaction.deferred.add("kept", "from_the_future", RINA, {"view_id": "V0CLOSED"})


async def test_it_is_left_to_the_newer_version(harness: FlowHarness) -> None:
    """It stays due and free, is no failure, and its sender is not told that it cannot be finished."""
    with capture_logs() as logs:
        await _keeps(harness)

        async def left() -> bool:
            return any(line["event"] == "a row is left for a newer version" for line in logs)

        await until(left, "it was not left alone")
    async with harness.playground.bot.store.reading() as reader:
        due = await reader.due()
    assert due == (Job(DEFERRED, "kept"),)
    assert harness.texts(harness.playground.slack.open_dm(RINA)) == []


async def test_its_sender_is_told_when_no_newer_version_came(open_harness: OpenHarness, tmp_path: Path) -> None:
    """After a newer version was taken back, whoever waits for an answer of it gets one."""
    ahead = timedelta(0)

    def clock() -> datetime:
        return datetime.now(UTC) + ahead

    harness = await open_harness(database_url=database(tmp_path), overrides=replace(SHORT_TIMES, clock=clock))
    ahead = -LEFT_FOR - timedelta(seconds=1)
    await _keeps(harness)
    ahead = timedelta(0)
    harness.playground.bot.engine.wake([Job(DEFERRED, "kept")])
    await harness.told(harness.rina, "A newer version of tines-sync sent this, and it cannot be finished here")
