"""What a newer version kept for later, while both run: left to it, and answered here only when it never came."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.testing import capture_logs

from bot.playground.stage import RINA
from handlers.jobs import INTENT, LEFT_FOR, Job

from .conftest import OpenOffice
from .office import HURRIED, Office, database, until


async def _keeps(office: Office) -> None:
    """Keep something that only a newer version can finish."""
    async with office.stage.bot.store.transaction() as transaction:
        await transaction.add_intent("kept", "from_the_future", RINA, {"view_id": "V0CLOSED"})


async def test_it_is_left_to_the_newer_version(office: Office) -> None:
    """It stays due and free, is no failure, and its sender is not told that it cannot be finished."""
    with capture_logs() as logs:
        await _keeps(office)

        async def left() -> bool:
            return any(line["event"] == "a row is left for a newer version" for line in logs)

        await until(left, "it was not left alone")
    async with office.stage.bot.store.reading() as reader:
        _, _, due = await reader.due("newer")
    assert due == ("kept",)
    assert office.texts(office.stage.slack.open_dm(RINA)) == []


async def test_its_sender_is_told_when_no_newer_version_came(open_office: OpenOffice, tmp_path: Path) -> None:
    """After a newer version was taken back, whoever waits for an answer of it gets one."""
    ahead = timedelta(0)

    def clock() -> datetime:
        return datetime.now(UTC) + ahead

    office = await open_office(database_url=database(tmp_path), outside=replace(HURRIED, clock=clock))
    ahead = -LEFT_FOR - timedelta(seconds=1)
    await _keeps(office)
    ahead = timedelta(0)
    office.stage.bot.engine.wake(Job(INTENT, "kept"))
    await office.told(office.rina, "sent by a newer version and cannot be finished here")
