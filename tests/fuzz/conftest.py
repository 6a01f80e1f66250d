"""A running bot with a past: requests in several states, and what Slack sent while they came about."""

import asyncio
import contextlib
import copy
import os
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from bot.app import Overrides
from bot.delivery import RateLimit
from bot.playground.actor import Actor
from bot.playground.launch import ADA, APPROVALS, GENERAL, RINA, Playground, Setup, launched
from bot.playground.slack import Direction, Json
from handlers.operations.schedule import Schedule

QUICK: Final = Schedule(
    look_first=timedelta(milliseconds=40),
    look_most=timedelta(milliseconds=100),
    follow_first=timedelta(milliseconds=40),
    follow_most=timedelta(milliseconds=100),
)
TABLES: Final = ("requests", "decisions", "announcements", "deferred_commands", "events", "freezes")

_MANY: Final = int(os.environ.get("FUZZ", "0"))  # examples in a long run; in a short one the same few every time

FUZZ: Final = (
    settings(max_examples=_MANY, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
    if _MANY
    else settings(max_examples=60, deadline=None, print_blob=True, derandomize=True, database=None)
)
FEW: Final = settings(FUZZ, max_examples=max(1, FUZZ.max_examples // 5))  # where every example goes the same way
RESTING: Final = frozenset({"pending", "rejected", "cancelled", "succeeded", "partial", "failed"})
Rows = dict[str, list[tuple[object, ...]]]


class Past:
    """A playground after people worked on it, and what Slack sent meanwhile."""

    # No dataclass: Hypothesis would print its fields, all that was ever sent, with each example that fails.
    def __init__(
        self, playground: Playground, recorded: tuple[Json, ...], file: Path, client: httpx.AsyncClient
    ) -> None:
        self.playground = playground
        self.recorded = recorded  # one payload for each thing that was done, of every type
        self.client = client
        self._file = file

    def rows(self) -> Rows:
        """Return the content of every table that a request of Slack can change."""
        with contextlib.closing(sqlite3.connect(self._file)) as connection:
            return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608 - names from above

    async def quiet(self) -> None:
        """Wait until everything that was begun is done and told."""
        async with asyncio.timeout(10):
            while not await self._done():  # noqa: ASYNC110 - no event tells when a delivery is noted in its row
                await asyncio.sleep(0.01)

    async def _done(self) -> bool:
        async with self.playground.bot.store.reading() as reader:
            counts = await reader.requests.counts()
            _, age = await reader.oldest_waiting()
        return age == 0 and counts.keys() <= RESTING

    def payload(self, number: int) -> Json:
        """Return a copy of one of the recorded payloads."""
        return copy.deepcopy(self.recorded[number % len(self.recorded)])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def past(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Past]:
    """Let people ask, look, approve, reject, cancel and read once, for all examples of a module."""
    file = tmp_path_factory.mktemp("fuzz") / "fuzz.sqlite"
    setup = Setup(
        database_url=f"sqlite:///{file}",
        overrides=Overrides(schedule=QUICK, rate_limit=RateLimit(burst=1000, per_second=1000), sweep_seconds=0.05),
        route={"requesters": (RINA, ADA)},
    )
    async with (
        launched(setup) as playground,
        httpx.AsyncClient(base_url=playground.bot_url, trust_env=False, timeout=3) as client,
    ):
        playground.dev.switches = replace(playground.dev.switches, sync_seconds=0, sync_spread=0, rate_limit=None)
        await _work(playground)
        recorded = [each.request for each in playground.slack.traffic if each.direction is Direction.TO_APP]
        submitted = next(each for each in recorded if each.get("type") == "view_submission")
        recorded.append({**submitted, "type": "view_closed", "is_cleared": False})
        recorded.append({"type": "url_verification", "token": "x", "challenge": "3eZbrw1aB"})
        past = Past(playground, tuple(recorded), file, client)
        await past.quiet()
        yield past


async def _work(playground: Playground) -> None:
    rina, ada = Actor(playground.slack, RINA), Actor(playground.slack, ADA)
    for reason in ("Approve this", "Reject this", "Cancel this", "Leave this"):
        await rina.opens_form(GENERAL)
        await rina.fills_in("High-Priority Alerts", destination="SecOps Production", reason=reason)
        await rina.submits()
        await playground.slack.close(RINA, rina.view()["id"], everything=True)
    approve = await ada.sees_message(APPROVALS, "(?s)Approve this")
    await ada.clicks("Review", approve, APPROVALS)
    await ada.sees_view(lambda view: view.get("submit") is not None)
    await ada.presses("Refresh")
    await ada.sees_view(lambda view: view.get("submit") is not None)
    await ada.submits()
    reject = await ada.sees_message(APPROVALS, "(?s)Reject this")
    await ada.clicks("Review", reject, APPROVALS)
    await ada.sees_view(lambda view: view.get("submit") is not None)
    await ada.presses("Reject")
    await ada.writes("Why?", "Not now")
    await ada.submits()
    cancelled = await _request_of(playground, "Cancel this")
    await rina.types(GENERAL, f"cancel {cancelled}")
    await rina.submits()
    for text in ("help", "list", f"status {cancelled}", f"history {cancelled}", "freeze dev-to-prod", "nonsense"):
        await ada.types(GENERAL, text)
    await playground.slack.shortcut(RINA, "tines_sync_form")
    await rina.sees_view(lambda view: view.get("submit") is not None)
    await playground.slack.close(RINA, rina.view()["id"], everything=True)
    await playground.slack.open_home(RINA)


async def _request_of(playground: Playground, reason: str) -> str:
    async with playground.bot.store.reading() as reader:
        found, _ = await reader.requests.requested_by(RINA, limit=20)
    return next(request.id for request in found if request.reason == reason)
