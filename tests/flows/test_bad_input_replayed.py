import asyncio
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from bot.playground.slack import Json
from bot.playground.stage import APPROVALS, GENERAL
from bot.views.ids import VIEW_CANCEL, VIEW_FORM, VIEW_REJECT, VIEW_REVIEW
from handlers.models import State

from .office import STORY, Office

NOT_NOW = "cannot take requests right now"


async def execute(office: Office, sql: str) -> None:
    """Change the bot's database from outside, as an operator could; on a thread, since the bot may be writing."""
    path = office.stage.settings.database_url.removeprefix("sqlite:///")

    def change() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as connection:
            connection.execute(sql)

    await asyncio.to_thread(change)


async def without_table(office: Office) -> None:
    """Break the database as a failed disk or a bad restore does: a table is not there."""
    await execute(office, "ALTER TABLE requests RENAME TO requests_lost")


async def mended(office: Office) -> None:
    """Bring the table back."""
    await execute(office, "ALTER TABLE requests_lost RENAME TO requests")


# ---- the database does not answer


async def test_a_form_is_not_taken_while_the_database_is_away(office: Office) -> None:
    """A form that cannot be kept is not acknowledged as if it were; sent again later, it becomes one request."""
    who = await office.fills_in()
    await without_table(office)
    outcome = await who.submits()
    assert [NOT_NOW in text for text in outcome.errors.values()] == [True]
    await mended(office)
    assert await office.kinds() == []
    await who.submits()  # it is still there, as it was filled in
    assert await office.kinds() == ["asked"]


async def test_a_command_says_that_the_database_is_away(office: Office) -> None:
    """Somebody who types a command reads that it cannot be answered now."""
    await without_table(office)
    outcome = await office.rina.types(GENERAL, "list")
    assert NOT_NOW in office.stage.slack.render(outcome.ephemerals[0])
    await mended(office)


async def test_a_click_says_that_the_database_is_away(office: Office) -> None:
    """Somebody who clicks a button of a message reads, alone, that it cannot be answered now."""
    request = await office.asks()
    message = await office.approval_message(request)
    await without_table(office)
    await office.ada.clicks("Review", message, APPROVALS)
    await office.ada.sees_message(APPROVALS, NOT_NOW)
    await mended(office)
    await office.approves(request)
    await office.rests(request, State.SUCCEEDED)


# ---- a failure that nobody foresaw


async def test_an_unforeseen_failure_has_an_id_on_the_screen_and_in_the_log(office: Office) -> None:
    """A row that cannot be read fails the command with an id, by which the log line is found; Slack gets a 200."""
    request = await office.asks()
    await office.all_said()
    await execute(office, "UPDATE requests SET state = 'nonsense'")
    with capture_logs() as logs:
        outcome = await office.rina.types(GENERAL, f"status {request.id}")
    said = office.stage.slack.render(outcome.ephemerals[0])
    assert "Something went wrong on my side" in said
    ids = [line["error_id"] for line in logs if line["event"] == "a listener failed"]
    assert len(ids) == 1
    assert ids[0] in said


async def test_an_unforeseen_failure_of_a_form_keeps_the_person_informed(office: Office) -> None:
    """A submit that fails shows the id in the view, not Slack's “trouble connecting”."""
    request = await office.asks()
    review = await office.opens_review(request)
    await office.all_said()
    await execute(office, "UPDATE requests SET state = 'nonsense'")
    with capture_logs() as logs:
        await review.submits()
    ids = [line["error_id"] for line in logs if line["event"] == "a listener failed"]
    assert len(ids) == 1
    assert ids[0] in review.reads()


# ---- what no client of Slack would send


def emptied(payload: Json) -> None:
    """Take all that the view carries and holds."""
    payload["view"] |= {"private_metadata": "", "state": {"values": {}}}


def foreign(payload: Json) -> None:
    """Let the view carry what another app could have written."""
    payload["view"]["private_metadata"] = '{"request": "TS-00000000", "revision": "x", "digest": []}'


def hostile(payload: Json) -> None:
    """Let the view's state be of shapes that no field has."""
    payload["view"]["state"] = {"values": {"reason": 5, "mode": [], "stories:": {"form_stories": "all"}}}


@pytest.mark.parametrize("spoil", [emptied, foreign, hostile], ids=["empty", "foreign", "hostile"])
@pytest.mark.parametrize("callback", [VIEW_FORM, VIEW_REVIEW, VIEW_REJECT, VIEW_CANCEL, "another_version"])
async def test_a_view_of_the_wrong_kind_is_answered_in_words(
    office: Office, callback: str, spoil: Callable[[Json], None]
) -> None:
    """A submitted view whose state is missing, foreign or hostile gets an answer that Slack shows; no row changes."""
    who = await office.fills_in()
    await who.submits()
    found = re.search(r"TS-\w{8}", who.reads())
    assert found is not None
    request = await office.request(found[0])
    payload = office.last_sent("view_submission")
    payload["view"]["callback_id"] = callback
    spoil(payload)
    answer = await office.sent_again(payload)
    assert answer.get("response_action") in {"update", "errors"}
    assert (await office.request(request.id)).state is State.PENDING
    assert await office.kinds(request) == ["asked"]


async def test_a_search_in_an_unknown_field_is_answered(office: Office) -> None:
    """Typing in a field of another version gets a line that says to open the form again."""
    await office.rina.opens_form(GENERAL)
    await office.rina.searches("Source team")
    payload = office.last_sent("block_suggestion")
    payload["action_id"] = "unheard_of"
    answer = await office.sent_again(payload)
    assert "out of date" in answer["options"][0]["text"]["text"]
    payload = office.last_sent("block_suggestion") | {"action_id": "form_stories"}
    payload["view"]["private_metadata"] = ""
    answer = await office.sent_again(payload)
    assert answer["options"][0]["text"]["text"] == "Choose a route first."


async def test_hostile_words_are_never_live(office: Office) -> None:
    """Mentions, links and markup in reasons and story names are shown as the text that they are."""
    reason = "<!channel> <@U0BEN> <https://evil.example|click> *bold* &lt; \u202e"
    request = await office.asks("<!channel> broadcast helper", STORY, reason=reason)
    await office.approves(request)
    await office.rests(request, State.SUCCEEDED)
    for call in office.stage.slack.traffic.calls("chat.postMessage"):
        sent = str(call.request)
        assert "<!channel>" not in str(call.request.get("text"))
        assert "'type': 'broadcast'" not in sent
        assert "<https://evil.example" not in str(call.request.get("text"))
        assert {"type": "user", "user_id": "U0BEN"} not in [
            element for block in call.request.get("blocks") or () for element in _elements(block)
        ]


def _elements(block: Json) -> list[Json]:
    return [element for part in block.get("elements", ()) for element in part.get("elements", ())]
