"""One id leads from Slack's request through the row and the job to every call that was made because of it."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.logs import configure_logs
from bot.playground.launch import GENERAL, Setup
from bot.playground.tines import Fault, Kind, World
from handlers.execution.call_journal import CALLED
from handlers.models import State

from .harness import SHORT_TIMES, database, opened
from .quiet_logs import logging_as_before


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Write the log as production does, where the test can read it."""
    with logging_as_before():
        stream = io.StringIO()
        configure_logs(as_json=True, level="debug", stream=stream)
        yield stream


def lines(out: io.StringIO, trace: str) -> list[dict[str, Any]]:
    """Return the lines that carry an id."""
    return [line for line in map(json.loads, out.getvalue().splitlines()) if line.get("trace") == trace]


async def test_one_id_from_click_to_call(tmp_path: Path, out: io.StringIO) -> None:
    """Searching the log for the row's id finds the approval, the job, the create and the messages that followed."""
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        request = await harness.asks()
        await harness.approves(request)
        done = await harness.rests(request, State.SUCCEEDED)
    asked = lines(out, request.trace)
    assert {line["event"] for line in asked} >= {"recorded", "answered Slack", "called Slack"}
    assert next(line["kind"] for line in asked if line["event"] == "recorded") == "asked"
    assert done.trace != request.trace
    approved = lines(out, done.trace)
    kinds = [line["kind"] for line in approved if line["event"] == "recorded"]
    assert [kind for kind in kinds if kind != CALLED][:2] == ["approved", "create_begun"]
    (create,) = [line for line in approved if line["event"] == "called Tines" and line["method"] == "POST"]
    assert (create["job"], create["key"], create["request"]) == ("advance", request.id, request.id)
    assert create["outcome"] == "201"
    assert [line for line in approved if line["event"] == "called Slack" and line["method"].startswith("chat.")]
    assert [line["kind"] for line in approved if line["event"] == "answered Slack"] == ["view_submission"]


async def test_id_survives_a_restart(tmp_path: Path, out: io.StringIO) -> None:
    """What a new process does for a request carries the id of the click that an earlier process took."""
    noon = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # the same tenants, so the same stories, before and after
    first = Setup(database_url=database(tmp_path), overrides=SHORT_TIMES, world=World(lambda: noon))
    async with opened(first) as harness:
        request = await harness.asks()
        harness.playground.dev.faults.add(Fault(Kind.ANSWER, "POST", "/admin/sync_destinations", status=503))
        await harness.approves(request)
        trace = (await harness.comes_to(request, State.RUNNING)).trace
        ports = tuple(urlsplit(url).port or 0 for url in (harness.playground.dev.url, harness.playground.prod.url))
    out.seek(0)
    out.truncate()
    again = replace(first, world=World(lambda: noon), tenant_ports=(ports[0], ports[1]))
    async with opened(again) as harness:
        await harness.comes_to(request, State.SUCCEEDED)
    assert "succeeded" in [line["kind"] for line in lines(out, trace) if line["event"] == "recorded"]
    assert [line["outcome"] for line in lines(out, trace) if line.get("method") == "POST"] == ["201"]


async def test_clicks_have_ids_of_their_own(tmp_path: Path, out: io.StringIO) -> None:
    """Two clicks never share an id, and every line that a click causes has one."""
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        for word in ("help", "list"):
            await harness.tom.types(GENERAL, word)
    answered = [line for line in map(json.loads, out.getvalue().splitlines()) if line["event"] == "answered Slack"]
    assert len(answered) == 2
    assert len({line["trace"] for line in answered}) == 2
