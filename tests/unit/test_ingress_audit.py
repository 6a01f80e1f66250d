import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bot.ingress_audit import IngressAudit, Reason
from handlers.store import SYSTEM, Event, Store
from tests.unit.store.harness import StoreHarness


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@pytest.fixture
async def store(prepared_database: str) -> AsyncIterator[Store]:
    """Give an empty store, on SQLite and on PostgreSQL."""
    harness = StoreHarness(prepared_database)
    async with harness.stack:
        yield harness.store()


@pytest.fixture
def file(prepared_sqlite: str) -> str:
    """Give the file of an empty store."""
    return prepared_sqlite.removeprefix("sqlite:///")


@pytest.fixture
async def in_file(file: str) -> AsyncIterator[Store]:
    """Give an empty store whose file a test can lock or break."""
    harness = StoreHarness(f"sqlite:///{file}")
    async with harness.stack:
        yield harness.store()


async def rows(store: Store) -> list[Event]:
    """Return the whole record."""
    async with store.reading() as reader:
        return list(await reader.audit.events_after(0))


async def counts(store: Store) -> list[tuple[str, int]]:
    """Return reason and number of each row of the record."""
    return [(event.data["reason"], event.data["count"]) for event in await rows(store)]


def away(file: str) -> Callable[[], None]:
    """Break a database until what is returned is called."""

    def run(sql: str) -> None:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=5)) as connection:
            connection.execute(sql)

    run("ALTER TABLE chain RENAME TO chain_lost")
    return lambda: run("ALTER TABLE chain_lost RENAME TO chain")


async def test_the_first_is_in_the_record_before_it_is_answered(store: Store) -> None:
    """The row names reason, status and number, and has the id that is on the log line; the bot is its actor."""
    with capture_logs([merge_contextvars]) as logs:
        await IngressAudit(store, Clock()).reject(Reason.UNSIGNED, 401, bytes=12)
    (row,) = await rows(store)
    (line,) = [each for each in logs if each["event"] == "a request was rejected"]
    assert (row.actor, row.kind, row.request_id) == (SYSTEM, "turned_away", None)
    assert (row.data["reason"], row.data["status"], row.data["count"]) == ("no valid signature or time", 401, 1)
    assert row.data["trace"] == line["trace"] != ""
    assert (line["reason"], line["status"], line["bytes"]) == ("no valid signature or time", 401, 12)


async def test_a_flood_is_two_rows_in_a_minute_and_loses_no_number(store: Store) -> None:
    """Of five hundred at once the first is a row, and the others are one row with their number a minute later."""
    clock = Clock()
    ingress_audit = IngressAudit(store, clock)
    with capture_logs([merge_contextvars]) as logs:
        await asyncio.gather(*(ingress_audit.reject(Reason.MALFORMED, 400) for _ in range(500)))
        clock.now += 59
        await ingress_audit.write_due()
        assert await counts(store) == [("not a request of Slack", 1)]
        clock.now += 1
        await ingress_audit.write_due()
        await ingress_audit.write_due()
    assert await counts(store) == [("not a request of Slack", 1), ("not a request of Slack", 499)]
    traces = [line["trace"] for line in logs if line["event"] == "a request was rejected"]
    assert len(set(traces)) == 500
    assert [event.data["trace"] for event in await rows(store)] == traces[:2]
    await ingress_audit.close()


async def test_each_reason_has_rows_of_its_own(store: Store) -> None:
    """What is too large does not hide what is unsigned."""
    ingress_audit = IngressAudit(store, Clock())
    for reason, status in ((Reason.UNSIGNED, 401), (Reason.TOO_LARGE, 413), (Reason.UNSIGNED, 401)):
        await ingress_audit.reject(reason, status)
    assert await counts(store) == [("no valid signature or time", 1), ("too large", 1)]
    await ingress_audit.close()


async def test_after_a_quiet_minute_the_next_is_written_at_once(store: Store) -> None:
    """A minute without any ends the counting: the next one is the first again."""
    clock = Clock()
    ingress_audit = IngressAudit(store, clock)
    for number in (1, 2, 3):
        await ingress_audit.reject(Reason.UNSIGNED, 401)
        assert await counts(store) == [("no valid signature or time", 1)] * number
        clock.now += 60
        await ingress_audit.write_due()
        clock.now += 1
    await ingress_audit.close()


async def test_the_end_of_a_minute_is_noticed_without_another_request(store: Store) -> None:
    """What was counted is written when its time has come, though nobody knocks again."""
    ingress_audit = IngressAudit(store, time.monotonic, minute=0.05)
    for _ in range(4):
        await ingress_audit.reject(Reason.UNSIGNED, 401)
    async with asyncio.timeout(5):
        while sum(count for _, count in await counts(store)) < 4:  # noqa: ASYNC110 - rows tell nobody that they are there
            await asyncio.sleep(0.01)
    await ingress_audit.close()


async def test_what_was_counted_is_written_when_the_bot_stops(store: Store) -> None:
    """A stop within the minute loses no number."""
    ingress_audit = IngressAudit(store, Clock())
    for _ in range(3):
        await ingress_audit.reject(Reason.BROKEN_OFF, 400)
    await ingress_audit.close()
    assert await counts(store) == [("ended before its body did", 1), ("ended before its body did", 2)]


async def test_while_the_database_is_away_they_are_counted_and_written_later(in_file: Store, file: str) -> None:
    """Without a database the request is answered all the same; when it is back one row has the number of all."""
    clock = Clock()
    ingress_audit = IngressAudit(in_file, clock)
    back = away(file)
    with capture_logs([merge_contextvars]) as logs:
        await ingress_audit.reject(Reason.UNSIGNED, 401)
        await ingress_audit.reject(Reason.UNSIGNED, 401)
    trace = next(line["trace"] for line in logs if line["event"] == "a request was rejected")
    clock.now += 60
    await ingress_audit.write_due()
    back()
    assert await counts(in_file) == []
    clock.now += 60
    await ingress_audit.write_due()
    assert await counts(in_file) == [("no valid signature or time", 2)]
    assert [event.data["trace"] for event in await rows(in_file)] == [trace]
    await ingress_audit.close()


async def test_a_database_that_stalls_holds_no_answer(in_file: Store, file: str) -> None:
    """While somebody else holds the database an answer waits two seconds at most, and the row follows, once."""
    ingress_audit = IngressAudit(in_file, Clock())
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        await ingress_audit.reject(Reason.UNSIGNED, 401)
        assert time.monotonic() - begun < 2
        holder.execute("ROLLBACK")
    await ingress_audit.close()
    assert await counts(in_file) == [("no valid signature or time", 1)]


async def test_what_could_not_be_written_at_the_stop_is_in_the_log(in_file: Store, file: str) -> None:
    """When the database is away to the end, the last line says how many are not in the record."""
    ingress_audit = IngressAudit(in_file, Clock())
    back = away(file)
    for _ in range(3):
        await ingress_audit.reject(Reason.UNSIGNED, 401)
    with capture_logs() as logs:
        await ingress_audit.close()
    back()
    assert logs[-1]["event"] == "what was rejected could not be recorded"
    assert logs[-1]["no valid signature or time"] == 3
