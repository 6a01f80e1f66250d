"""A database that keeps its connections open and says nothing: people hear so in time, and nothing is done twice."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
import pytest

from bot.playground.stage import APPROVALS, GENERAL
from handlers.models import State

from .conftest import OpenOffice
from .office import HURRIED, Office, until
from .stalls import Stall, stalled

NOT_NOW: Final = "cannot take requests right now"
MAY_COUNT: Final = "may still be taken"
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
async def office(url: str, clock: Clock, open_office: OpenOffice) -> Office:
    """Return the usual office, on that database."""
    return await open_office(database_url=url, outside=replace(HURRIED, clock=clock))


async def test_a_command_is_answered_in_time(how: Stall, office: Office) -> None:
    """Somebody who types a command hears in time that it cannot be taken now, and that it may still count."""
    async with stalled(how, office.stage.settings.database_url):
        begun = time.monotonic()
        outcome = await office.ada.types(GENERAL, "freeze dev-to-prod audit")
        took = time.monotonic() - begun
    said = office.stage.slack.render(outcome.ephemerals[0])
    assert NOT_NOW in said
    assert "failed" not in said
    assert took < SLACK_WAITS


async def test_a_form_sent_again_counts_once(how: Stall, office: Office) -> None:
    """A form that was told "not now" stays open as it was filled in; it is kept late, and sent again it is the same."""
    who = await office.fills_in()
    async with stalled(how, office.stage.settings.database_url):
        begun = time.monotonic()
        outcome = await who.submits()
        took = time.monotonic() - begun
    (said,) = outcome.errors.values()
    assert NOT_NOW in said
    assert took < SLACK_WAITS
    assert MAY_COUNT in said or how is Stall.FROZEN  # there also a new connection may have been needed, and failed
    late = await until(lambda: _asked(office), "what was sent was not kept late") if MAY_COUNT in said else []
    await who.submits()
    (request_id,) = await _asked(office)
    assert late in ([], [request_id])
    assert request_id in await who.reads_in_view("TS-")
    await office.all_said()
    assert len([each for each in office.texts(APPROVALS) if "TS-" in each]) == 1


async def _asked(office: Office) -> list[str]:
    """Return the ids of the requests that were made."""
    return [str(event.request_id) for event in await office.events() if event.kind == "asked"]


async def test_an_approval_given_again_counts_once(how: Stall, office: Office) -> None:
    """An approval that was told "not now" and is given again is one approval, and makes one sync destination."""
    request = await office.asks()
    await office.all_said()
    review = await office.opens_review(request)
    async with stalled(how, office.stage.settings.database_url):
        begun = time.monotonic()
        await review.submits()
        took = time.monotonic() - begun
    said = review.reads()
    assert NOT_NOW in said
    assert took < SLACK_WAITS
    assert MAY_COUNT in said or how is Stall.FROZEN
    await office.stage.slack.close(review.user, review.view()["id"], everything=True)
    if MAY_COUNT in said:
        await office.comes_to(request, State.SUCCEEDED)  # kept late
    await office.sent_again(office.last_sent("view_submission"))
    ended = await office.rests(request, State.SUCCEEDED)
    assert len(ended.decisions) == 1
    assert len(office.creates()) == 1


async def test_a_form_says_so_instead_of_loading(how: Stall, office: Office, clock: Clock) -> None:
    """A form opened by somebody new says that it cannot be filled in; where reading works, it opens as ever."""
    async with stalled(how, office.stage.settings.database_url):
        clock.ahead = timedelta(seconds=4)  # what is remembered of freezes is too old to be shown
        await office.tom.types(GENERAL)
        view = await office.tom.sees_view(lambda view: "One moment" not in office.stage.slack.render(view))
    assert (NOT_NOW in office.stage.slack.render(view)) is (how is not Stall.BUSY)


async def test_the_process_is_alive_but_not_ready(how: Stall, office: Office) -> None:
    """Whoever routes requests here learns in time that none can be taken, and when they can be again."""
    async with httpx.AsyncClient(base_url=office.stage.bot_url, trust_env=False, timeout=10) as client:

        async def is_ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await until(is_ready, "it did not become ready")
        async with stalled(how, office.stage.settings.database_url):
            begun = time.monotonic()
            ready = await client.get("/readyz")
            took = time.monotonic() - begun
            alive = await client.get("/healthz")
        await until(is_ready, "it did not become ready again")
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert "database" in ready.text
    assert took < SLACK_WAITS
