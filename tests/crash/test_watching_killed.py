"""Watching under `kill -9`: what changed on Tines is told once, whenever the process dies."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from bot.playground.launch import SECOPS
from bot.playground.tines import create_destination
from bot.playground.tines.records import Destination
from bot.playground.tines.seed import PROD_KEY

from .harness import CrashHarness, crash_harness
from .points import Moment, Point
from .process import Process, closed

_LISTING: Final = "/api/v1/admin/sync_destinations"
_EVERY: Final = "0.3"
_LONGEST: Final = 60.0
_POST: Final = "/api/chat.postMessage"
_CORRECTED: Final = Point("POST", "/api/chat.update", Moment.APPLIED)
_ON_SQLITE: Final = (
    (Point("POST", _POST, Moment.ARRIVES), "9 before"),
    (Point("GET", _LISTING, Moment.APPLIED), "9 after"),
)
_ON_POSTGRESQL: Final = ((Point("POST", _POST, Moment.APPLIED), ""),)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _LONGEST
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


def somebody_creates(harness: CrashHarness) -> Destination:
    """Create a destination for the first teams by hand."""
    dev, prod = harness.dev, harness.prod
    team, target = next(iter(dev.teams)), next(iter(prod.teams))
    stories = [story.id for story in dev.stories.values() if story.team_id == team]
    body = {
        "destination_tenant_url": prod.url,
        "destination_tenant_api_key": PROD_KEY,
        "destination_team_id": target,
        "team_id": team,
        "story_ids": stories,
    }
    return create_destination(dev, body)


def told(harness: CrashHarness) -> list[str]:
    """Return what the channel reads."""
    return [harness.slack.render(message) for message in harness.slack.messages(SECOPS)]


def says(harness: CrashHarness, words: str) -> Callable[[], bool]:
    """Return what says whether somebody reads some words in the channel."""
    return lambda: any(words in text for text in told(harness))


async def looked(harness: CrashHarness) -> None:
    """Wait until a listing that began after this moment was dealt with: the next one follows it."""
    calls = len(harness.dev.calls.of("GET", "/admin/sync_destinations"))
    await until(
        lambda: len(harness.dev.calls.of("GET", "/admin/sync_destinations")) >= calls + 3, "nobody looks any more"
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Give an empty database of each kind."""
    url: str = request.getfixturevalue("prepared_sqlite" if request.param == "sqlite" else "postgres_database")
    return url


async def test_no_change_is_told_twice_or_lost(database: str, tmp_path: Path) -> None:
    """Killed while it lists, posts or corrects, or at a commit, the process tells every change once in the end."""
    kills = _ON_SQLITE if database.startswith("sqlite") else _ON_POSTGRESQL
    async with crash_harness(tmp_path, database, dead_after=4) as harness:
        process: Process = harness.process()
        async with closed(process):
            await process.start(CRASH_WATCH_EVERY=_EVERY)
            await looked(harness)
            destination = somebody_creates(harness)
            await until(says(harness, "created on Tines"), "the new one was not told")
            stories = list(destination.subscriptions.values())
            await until(lambda: all(each.status == "synced" for each in stories), "it was never synced")
            await looked(harness)
            for (point, commit), story in zip(kills, stories, strict=False):
                harness.trap.arm(point, process.kill)
                story.status, story.error_message = "failed", "The key was revoked"
                await process.ended(_LONGEST)
                if commit:  # and once more, at one of its first commits
                    await process.start(CRASH_WATCH_EVERY=_EVERY, CRASH_AT_COMMIT=commit)
                    await process.ended(_LONGEST)
                await process.start(CRASH_WATCH_EVERY=_EVERY)
                await until(says(harness, f"{story.name} since"), f"{story.name} was not told")
            harness.trap.arm(_CORRECTED, process.kill)
            for story in stories:
                story.status, story.error_message = "synced", None
            await process.ended(_LONGEST)
            await process.start(CRASH_WATCH_EVERY=_EVERY)
            await until(
                lambda: sum("Recovered after" in text for text in told(harness)) == len(kills),
                "a recovery was not told",
            )
            await looked(harness)
    texts = told(harness)
    counted = Counter(story.name for story in stories for text in texts if f"{story.name}: recovered" in text)
    assert counted == {story.name: 1 for story in stories[: len(kills)]}
    assert len(texts) == 1 + len(kills)  # the new one, and the failures that are over
