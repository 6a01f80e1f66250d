"""The public port under strangers, in small: Slack is answered, and nobody can make a question a load."""

import asyncio
import contextlib
import time
from pathlib import Path

import httpx
import pytest

from tests.crash.harness import crash_harness

from .floods import HALF_BODY, HALF_HEAD, HALF_OPEN, KEPT_ALIVE, asked_at_once, occupied, slow_body, target, too_many

SOCKETS = 400  # more than the process keeps


@pytest.mark.parametrize("words", [HALF_OPEN, HALF_HEAD, HALF_BODY], ids=["nothing", "half a head", "half a body"])
async def test_connections_without_a_request(prepared_sqlite: str, tmp_path: Path, words: bytes) -> None:
    """Connections that send no whole request make room, and Slack is answered in time meanwhile."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness, target(harness) as there:
        figures = await occupied(there, "short", words, sockets=SOCKETS, seconds=3)
    assert figures.faults == []
    assert figures.notes["connections closed by the bot"] > 0


async def test_questions_of_machines(prepared_sqlite: str, tmp_path: Path) -> None:
    """Whoever asks at once shares one look at Slack and one rendering of the figures, which have a port of their own."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness, target(harness) as there:
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{there.process.url}/metrics")).status_code == 404
            assert (await client.get(f"{there.metrics_url}/readyz")).status_code == 404
        harness.slack.revoke_token()
        ready = await asked_at_once(
            there, f"{there.process.url}/readyz", times=40, name="", good=lambda code: code < 600
        )
        metrics = await asked_at_once(
            there, f"{there.metrics_url}/metrics", times=40, name="", good=lambda code: code == 200
        )
    assert ready.faults == []
    assert ready.notes["calls of auth.test"] <= 2
    assert metrics.faults == []
    assert metrics.notes["different bodies"] == 1


async def test_a_revoked_token_is_told_to_everybody_alike(prepared_sqlite: str, tmp_path: Path) -> None:
    """However many ask at once, each hears that the process is not ready, from a few looks at Slack."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness:
        harness.slack.revoke_token()
        process = harness.process(module="bot")
        try:
            await process.start()
            await process.answers("/readyz", 503)
            there_before = len(harness.slack.traffic.calls("auth.test"))
            async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
                answers = [await client.get(f"{process.url}/readyz") for _ in range(40)]
        finally:
            await process.close()
    assert {answer.status_code for answer in answers} == {503}
    assert len(harness.slack.traffic.calls("auth.test")) - there_before <= 4


async def test_a_body_that_does_not_arrive(prepared_sqlite: str, tmp_path: Path) -> None:
    """A body of which a byte comes now and then is answered with 408 and closed after five seconds."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness, target(harness) as there:
        figures = await slow_body(there)
    assert figures.faults == []


async def test_a_later_request_that_does_not_arrive(prepared_sqlite: str, tmp_path: Path) -> None:
    """On a connection that was answered before, half a request is cut off in time like a first one."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness, target(harness) as there:
        reader, writer = await asyncio.open_connection(*there.place)
        writer.write(KEPT_ALIVE)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        begun = time.perf_counter()
        writer.write(HALF_HEAD)
        async with asyncio.timeout(30):
            with contextlib.suppress(OSError):
                while await reader.read(1000):
                    pass
        took = time.perf_counter() - begun
        writer.close()
    assert 4 < took < 8


async def test_large_requests_in_one_piece(prepared_sqlite: str, tmp_path: Path) -> None:
    """A request as large as Slack's largest views is answered, however much of it is read at once."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness, target(harness) as there:
        answers = [(await there.command("list " + "1" * size))[0] for size in (1_000, 70_000, 250_000, 900_000)]
    assert answers == [200, 200, 200, 200]


async def test_more_than_can_be_under_way(prepared_sqlite: str, tmp_path: Path) -> None:
    """While the database says nothing, requests beyond a bound are told at once that there are too many."""
    async with crash_harness(tmp_path, prepared_sqlite) as harness, target(harness) as there:
        figures = await too_many(there, prepared_sqlite, times=240)
        status, _ = await there.command()
    assert figures.faults == []
    assert figures.notes["answered 503"] > 0
    assert status == 200
