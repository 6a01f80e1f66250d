"""What a person is told no for because of something elsewhere is recorded too: a wrong key, a route, an older form."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bot.playground.launch import ADA, APPROVALS, GENERAL, RINA, TOM
from bot.playground.slack import Fault as SlackFault
from bot.playground.slack import FaultKind
from bot.playground.tines import Fault, Kind
from handlers.store import Event

from .conftest import OpenHarness
from .harness import SHORT_TIMES, FlowHarness, until

WRONG_KEY = Fault(Kind.ANSWER, status=401, message="Invalid API key", times=None)


async def refusal(harness: FlowHarness) -> Event:
    """Return the one refusal of the record."""

    async def there() -> list[Event]:
        return [event for event in await harness.events() if event.kind == "refused"]

    (event,) = await until(there, "it was not recorded")
    return event


async def test_a_key_that_tines_does_not_take_at_an_approval(open_harness: OpenHarness) -> None:
    """An approval that cannot be checked since the key is wrong is not taken; the row says so."""
    harness = await open_harness(overrides=replace(SHORT_TIMES, fresh_seconds=0))
    request = await harness.asks()
    review = await harness.opens_review(request)
    harness.playground.dev.faults.add(WRONG_KEY)
    await review.submits()
    assert "does not accept the bot's key" in await review.reads_in_view("401")
    event = await refusal(harness)
    assert (event.actor, event.request_id, event.data["what"]) == (ADA, request.id, "approve")
    assert "401" in event.data["reasons"][0]


async def test_a_key_that_tines_does_not_take_while_somebody_types(open_harness: OpenHarness) -> None:
    """Who searches reads in place of the teams what Tines said; however much is typed, that is one row."""
    harness = await open_harness(overrides=replace(SHORT_TIMES, fresh_seconds=0))
    harness.playground.dev.faults.add(WRONG_KEY)
    await harness.rina.opens_form(GENERAL)
    for typed in ("s", "se", "sec"):
        found = await harness.rina.searches("Source team", typed)
        assert "401" in found.all_options[0]["text"]["text"]
    event = await refusal(harness)
    assert (event.actor, event.data["what"], event.data["route"]) == (RINA, "search", "dev-to-prod")
    assert "401" in event.data["reasons"][0]


async def test_slack_silent_about_who_somebody_is(harness: FlowHarness) -> None:
    """While Slack does not say who somebody is, nothing of theirs is taken; they read it, and the row says so."""
    request = await harness.asks()
    await harness.opens_review(request)
    await harness.ada.presses("Reject")
    await harness.ada.writes("Why?", "Not now")
    await harness.playground.slack.submit(ADA, harness.ada.view()["id"])
    sent = harness.last_sent("view_submission") | {"user": {"id": TOM}}
    other = await harness.asks()
    sent["view"]["private_metadata"] = sent["view"]["private_metadata"].replace(request.id, other.id)
    harness.playground.slack.faults.inject("users.info", SlackFault(FaultKind.SERVER_ERROR, times=None))
    answer = await harness.sent_again(sent)
    assert "Slack does not say who you are" in str(answer)
    event = await refusal(harness)
    assert (event.actor, event.request_id, event.data["what"]) == (TOM, other.id, "reject")
    assert event.data["reasons"] == ["Slack does not say who you are right now"]


@pytest.mark.parametrize(("typed", "what"), [("", "open"), ("list", "command")])
async def test_slack_silent_before_anything_is_shown(harness: FlowHarness, typed: str, what: str) -> None:
    """While Slack does not say who somebody is, the form and the list say so and leave a row and a line with an id."""
    harness.playground.slack.faults.inject("users.info", SlackFault(FaultKind.SERVER_ERROR, times=None))
    with capture_logs([merge_contextvars]) as logs:
        outcome = await harness.tom.types(GENERAL, typed)
        if typed:
            assert "Slack did not say" in harness.playground.slack.render(outcome.ephemerals[0])
        else:
            await harness.tom.reads_in_view("Slack does not say who you are")
        event = await refusal(harness)
    assert (event.actor, event.data["what"]) == (TOM, what)
    assert "Slack did not say" in event.data["reasons"][0]
    (line,) = [line for line in logs if line["event"] == "Slack does not say who somebody is"]
    assert line["trace"] in {answer["trace"] for answer in logs if answer["event"] == "answered Slack"}


async def test_a_request_of_a_route_that_is_gone(harness: FlowHarness) -> None:
    """Who reviews a request of a route that was taken out reads so; the row has the request and the route."""
    request = await harness.asks()
    message = await harness.approval_message(request)
    del harness.playground.settings.topology.routes["dev-to-prod"]
    await harness.ada.clicks("Review", message, APPROVALS)
    await harness.ada.sees_message(APPROVALS, "dev-to-prod is no longer configured")
    event = await refusal(harness)
    assert (event.actor, event.request_id) == (ADA, request.id)
    assert (event.data["what"], event.data["route"]) == ("review", "dev-to-prod")


async def test_a_form_when_no_route_is_left(harness: FlowHarness) -> None:
    """Who opens the form when every route was taken out reads that there is none; the row says so."""
    harness.playground.settings.topology.routes.clear()
    await harness.rina.types(GENERAL)
    await harness.rina.reads_in_view("no longer configured")
    event = await refusal(harness)
    assert (event.actor, event.data["what"]) == (RINA, "ask")


@pytest.mark.parametrize(
    ("kind", "data"),
    [("submit", {}), ("edit", {"submission": {}}), ("approve", {"shown": {"revision": "x"}})],
)
async def test_what_was_kept_for_later_and_cannot_be_read(
    harness: FlowHarness, kind: str, data: dict[str, Any]
) -> None:
    """A form kept while Tines was slow that this version cannot read ends in a message to its sender, and a row."""
    async with harness.playground.bot.store.transaction() as transaction:
        await transaction.deferred.add("kept", kind, RINA, data)
    await harness.told(harness.rina, "A newer version of tines-sync sent this, and it cannot be finished here")
    event = await refusal(harness)
    assert (event.actor, event.data["what"]) == (RINA, kind)
    assert "newer version" in event.data["reasons"][0]
