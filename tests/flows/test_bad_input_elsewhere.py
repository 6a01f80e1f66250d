"""What a person is told no for because of something elsewhere is recorded too: a wrong key, a route, an older form."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bot.playground.slack import Fault as SlackFault
from bot.playground.slack import FaultKind
from bot.playground.stage import ADA, APPROVALS, GENERAL, RINA, TOM
from bot.playground.tines import Fault, Kind
from handlers.store import Event

from .conftest import OpenOffice
from .office import HURRIED, Office, until

WRONG_KEY = Fault(Kind.ANSWER, status=401, message="Invalid API key", times=None)


async def refusal(office: Office) -> Event:
    """Return the one refusal of the record."""

    async def there() -> list[Event]:
        return [event for event in await office.events() if event.kind == "refused"]

    (event,) = await until(there, "it was not recorded")
    return event


async def test_a_key_that_tines_does_not_take_at_an_approval(open_office: OpenOffice) -> None:
    """An approval that cannot be checked since the key is wrong is not taken; the row says so."""
    office = await open_office(outside=replace(HURRIED, fresh_seconds=0))
    request = await office.asks()
    review = await office.opens_review(request)
    office.stage.dev.faults.add(WRONG_KEY)
    await review.submits()
    assert "does not accept the bot's key" in await review.reads_in_view("401")
    event = await refusal(office)
    assert (event.actor, event.request_id, event.data["what"]) == (ADA, request.id, "approve")
    assert "401" in event.data["reasons"][0]


async def test_a_key_that_tines_does_not_take_while_somebody_types(open_office: OpenOffice) -> None:
    """Who searches reads in place of the teams what Tines said; however much is typed, that is one row."""
    office = await open_office(outside=replace(HURRIED, fresh_seconds=0))
    office.stage.dev.faults.add(WRONG_KEY)
    await office.rina.opens_form(GENERAL)
    for typed in ("s", "se", "sec"):
        found = await office.rina.searches("Source team", typed)
        assert "401" in found.all_options[0]["text"]["text"]
    event = await refusal(office)
    assert (event.actor, event.data["what"], event.data["route"]) == (RINA, "search", "dev-to-prod")
    assert "401" in event.data["reasons"][0]


async def test_slack_silent_about_who_somebody_is(office: Office) -> None:
    """While Slack does not say who somebody is, nothing of theirs is taken; they read it, and the row says so."""
    request = await office.asks()
    await office.opens_review(request)
    await office.ada.presses("Reject")
    await office.ada.writes("Why?", "Not now")
    await office.stage.slack.submit(ADA, office.ada.view()["id"])
    sent = office.last_sent("view_submission") | {"user": {"id": TOM}}
    other = await office.asks()
    sent["view"]["private_metadata"] = sent["view"]["private_metadata"].replace(request.id, other.id)
    office.stage.slack.faults.inject("users.info", SlackFault(FaultKind.SERVER_ERROR, times=None))
    answer = await office.sent_again(sent)
    assert "Slack does not say who you are" in str(answer)
    event = await refusal(office)
    assert (event.actor, event.request_id, event.data["what"]) == (TOM, other.id, "reject")
    assert event.data["reasons"] == ["Slack does not say who you are right now"]


@pytest.mark.parametrize(("typed", "what"), [("", "open"), ("list", "command")])
async def test_slack_silent_before_anything_is_shown(office: Office, typed: str, what: str) -> None:
    """While Slack does not say who somebody is, the form and the list say so and leave a row and a line with an id."""
    office.stage.slack.faults.inject("users.info", SlackFault(FaultKind.SERVER_ERROR, times=None))
    with capture_logs([merge_contextvars]) as logs:
        outcome = await office.tom.types(GENERAL, typed)
        if typed:
            assert "Slack did not say" in office.stage.slack.render(outcome.ephemerals[0])
        else:
            await office.tom.reads_in_view("Slack does not say who you are")
        event = await refusal(office)
    assert (event.actor, event.data["what"]) == (TOM, what)
    assert "Slack did not say" in event.data["reasons"][0]
    (line,) = [line for line in logs if line["event"] == "Slack does not say who somebody is"]
    assert line["trace"] in {answer["trace"] for answer in logs if answer["event"] == "answered Slack"}


async def test_a_request_of_a_route_that_is_gone(office: Office) -> None:
    """Who reviews a request of a route that was taken out reads so; the row has the request and the route."""
    request = await office.asks()
    message = await office.approval_message(request)
    del office.stage.settings.atlas.routes["dev-to-prod"]
    await office.ada.clicks("Review", message, APPROVALS)
    await office.ada.sees_message(APPROVALS, "dev-to-prod is not configured any more")
    event = await refusal(office)
    assert (event.actor, event.request_id) == (ADA, request.id)
    assert (event.data["what"], event.data["route"]) == ("review", "dev-to-prod")


async def test_a_form_when_no_route_is_left(office: Office) -> None:
    """Who opens the form when every route was taken out reads that there is none; the row says so."""
    office.stage.settings.atlas.routes.clear()
    await office.rina.types(GENERAL)
    await office.rina.reads_in_view("not configured any more")
    event = await refusal(office)
    assert (event.actor, event.data["what"]) == (RINA, "ask")


@pytest.mark.parametrize(
    ("kind", "data"),
    [("submit", {}), ("edit", {"submission": {}}), ("approve", {"shown": {"revision": "x"}})],
)
async def test_what_was_kept_for_later_and_cannot_be_read(office: Office, kind: str, data: dict[str, Any]) -> None:
    """A form kept while Tines was slow that this version cannot read ends in a message to its sender, and a row."""
    async with office.stage.bot.store.transaction() as transaction:
        await transaction.add_intent("kept", kind, RINA, data)
    await office.told(office.rina, "sent by a newer version and cannot be finished here")
    event = await refusal(office)
    assert (event.actor, event.data["what"]) == (RINA, kind)
    assert "newer version" in event.data["reasons"][0]
