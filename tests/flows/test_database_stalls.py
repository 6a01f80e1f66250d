"""A database that keeps its connections open and says nothing: people hear so in time, and nothing is done twice."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
import pytest

from bot.playground.launch import APPROVALS, GENERAL
from handlers.models import State

from .conftest import OpenHarness
from .harness import SHORT_TIMES, FlowHarness, until
from .stalls import Stall, stalled

NOT_NOW: Final = "cannot process requests right now"
MAY_COUNT: Final = "may still arrive"
SLACK_WAITS: Final = 3.0  # seconds

pytestmark = pytest.mark.parametrize("how", list(Stall))


@pytest.fixture
def url(how: Stall, request: pytest.FixtureRequest) -> str:
    """Return the database that a test will stall."""
    found: str = request.getfixturevalue("prepared_sqlite" if how is Stall.BUSY else "prepared_postgres")
    return found


class Clock:
    """The time, which a test can move on."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        """Return what the bot takes for the time."""
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    """Return the bot's clock."""
    return Clock()


@pytest.fixture
async def harness(url: str, clock: Clock, open_harness: OpenHarness) -> FlowHarness:
    """Return the usual harness, on that database."""
    return await open_harness(database_url=url, overrides=replace(SHORT_TIMES, clock=clock))


async def test_a_command_is_answered_in_time(how: Stall, harness: FlowHarness) -> None:
    """Somebody who types a command hears in time that it cannot be taken now, and that it may still count."""
    async with stalled(how, harness.playground.settings.database_url):
        begun = time.monotonic()
        outcome = await harness.ada.types(GENERAL, "freeze dev-to-prod audit")
        took = time.monotonic() - begun
    said = harness.playground.slack.render(outcome.ephemerals[0])
    assert NOT_NOW in said
    assert "failed" not in said
    assert took < SLACK_WAITS


async def test_a_form_sent_again_counts_once(how: Stall, harness: FlowHarness) -> None:
    """A form that was told "not now" stays open as it was filled in; it is kept late, and sent again it is the same."""
    who = await harness.fills_in()
    async with stalled(how, harness.playground.settings.database_url):
        begun = time.monotonic()
        outcome = await who.submits()
        took = time.monotonic() - begun
    (said,) = outcome.errors.values()
    assert NOT_NOW in said
    assert took < SLACK_WAITS
    assert MAY_COUNT in said or how is Stall.FROZEN  # there also a new connection may have been needed, and failed
    late = await until(lambda: _asked(harness), "what was sent was not kept late") if MAY_COUNT in said else []
    await who.submits()
    (request_id,) = await _asked(harness)
    assert late in ([], [request_id])
    assert request_id in await who.reads_in_view("TS-")
    await harness.all_said()
    assert len([each for each in harness.texts(APPROVALS) if "TS-" in each]) == 1


async def _asked(harness: FlowHarness) -> list[str]:
    """Return the ids of the requests that were made."""
    return [str(event.request_id) for event in await harness.events() if event.kind == "asked"]


async def test_an_approval_given_again_counts_once(how: Stall, harness: FlowHarness) -> None:
    """An approval that was told "not now" and is given again is one approval, and makes one sync destination."""
    request = await harness.asks()
    await harness.all_said()
    review = await harness.opens_review(request)
    async with stalled(how, harness.playground.settings.database_url):
        begun = time.monotonic()
        await review.submits()
        took = time.monotonic() - begun
    said = review.reads()
    assert NOT_NOW in said
    assert took < SLACK_WAITS
    assert MAY_COUNT in said or how is Stall.FROZEN
    await harness.playground.slack.close(review.user, review.view()["id"], everything=True)
    if MAY_COUNT in said:
        await harness.comes_to(request, State.SUCCEEDED)  # kept late
    await harness.sent_again(harness.last_sent("view_submission"))
    ended = await harness.rests(request, State.SUCCEEDED)
    assert len(ended.decisions) == 1
    assert len(harness.creates()) == 1


async def test_a_form_says_so_instead_of_loading(how: Stall, harness: FlowHarness, clock: Clock) -> None:
    """A form opened by somebody new says that it cannot be filled in; where reading works, it opens as ever."""
    async with stalled(how, harness.playground.settings.database_url):
        clock.ahead = timedelta(seconds=4)  # what is remembered of freezes is too old to be shown
        await harness.tom.types(GENERAL)
        view = await harness.tom.sees_view(lambda view: "One moment" not in harness.playground.slack.render(view))
    assert (NOT_NOW in harness.playground.slack.render(view)) is (how is not Stall.BUSY)


async def test_the_process_is_alive_but_not_ready(how: Stall, harness: FlowHarness) -> None:
    """Whoever routes requests here learns in time that none can be taken, and when they can be again."""
    async with httpx.AsyncClient(base_url=harness.playground.bot_url, trust_env=False, timeout=10) as client:

        async def is_ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await until(is_ready, "it did not become ready")
        async with stalled(how, harness.playground.settings.database_url):
            begun = time.monotonic()
            ready = await client.get("/readyz")
            took = time.monotonic() - begun
            alive = await client.get("/healthz")
        await until(is_ready, "it did not become ready again")
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert "database" in ready.text
    assert took < SLACK_WAITS
