import asyncio
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from bot.playground.launch import APPROVALS, GENERAL, RINA
from bot.playground.slack import Json
from bot.views.ids import ACTION_ASK_AGAIN, ACTION_EDIT, VIEW_CANCEL, VIEW_FORM, VIEW_REJECT, VIEW_REVIEW
from handlers.models import State

from .harness import STORY, FlowHarness

NOT_NOW = "cannot process requests right now"


async def execute(harness: FlowHarness, sql: str) -> None:
    """Change the bot's database from outside, as an operator could; on a thread, since the bot may be writing."""
    path = harness.playground.settings.database_url.removeprefix("sqlite:///")

    def change() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as connection:
            connection.execute(sql)

    await asyncio.to_thread(change)


async def without_table(harness: FlowHarness) -> None:
    """Break the database as a failed disk or a bad restore does: a table is not there."""
    await execute(harness, "ALTER TABLE requests RENAME TO requests_lost")


async def mended(harness: FlowHarness) -> None:
    """Bring the table back."""
    await execute(harness, "ALTER TABLE requests_lost RENAME TO requests")


# ---- the database does not answer


async def test_a_form_is_not_taken_while_the_database_is_away(harness: FlowHarness) -> None:
    """A form that cannot be kept is not acknowledged as if it were; sent again later, it becomes one request."""
    who = await harness.fills_in()
    await without_table(harness)
    outcome = await who.submits()
    assert [NOT_NOW in text for text in outcome.errors.values()] == [True]
    await mended(harness)
    assert await harness.kinds() == []
    await who.submits()  # it is still there, as it was filled in
    assert await harness.kinds() == ["asked"]


async def test_a_command_says_that_the_database_is_away(harness: FlowHarness) -> None:
    """Somebody who types a command reads that it cannot be answered now."""
    await without_table(harness)
    outcome = await harness.rina.types(GENERAL, "list")
    assert NOT_NOW in harness.playground.slack.render(outcome.ephemerals[0])
    await mended(harness)


async def test_a_click_says_that_the_database_is_away(harness: FlowHarness) -> None:
    """Somebody who clicks a button of a message reads, alone, that it cannot be answered now."""
    request = await harness.asks()
    message = await harness.approval_message(request)
    await without_table(harness)
    await harness.ada.clicks("Review", message, APPROVALS)
    await harness.ada.sees_message(APPROVALS, NOT_NOW)
    await mended(harness)
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)


# ---- a failure that nobody foresaw


async def test_an_unforeseen_failure_has_an_id_on_the_screen_and_in_the_log(harness: FlowHarness) -> None:
    """A row that cannot be read fails the command with an id, by which the log line is found; Slack gets a 200."""
    request = await harness.asks()
    await harness.all_said()
    await execute(harness, "UPDATE requests SET state = 'nonsense'")
    with capture_logs() as logs:
        outcome = await harness.rina.types(GENERAL, f"status {request.id}")
    said = harness.playground.slack.render(outcome.ephemerals[0])
    assert "Something went wrong in tines-sync" in said
    ids = [line["error_id"] for line in logs if line["event"] == "a listener failed"]
    # what still compares the stories for the confirmation may fail as well, with an id of its own
    assert len([each for each in ids if each in said]) == 1


async def test_an_unforeseen_failure_of_a_form_keeps_the_person_informed(harness: FlowHarness) -> None:
    """A submit that fails shows the id in the view, not Slack's “trouble connecting”."""
    request = await harness.asks()
    review = await harness.opens_review(request)
    await harness.all_said()
    await execute(harness, "UPDATE requests SET state = 'nonsense'")
    with capture_logs() as logs:
        await review.submits()
    # what still compares the stories for the open review may fail as well, with an id of its own
    ids = [line["error_id"] for line in logs if line["event"] == "a listener failed"]
    assert len([each for each in ids if each in review.reads()]) == 1


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
    harness: FlowHarness, callback: str, spoil: Callable[[Json], None]
) -> None:
    """A submitted view whose state is missing, foreign or hostile gets an answer that Slack shows; no row changes."""
    who = await harness.fills_in()
    await who.submits()
    found = re.search(r"TS-\w{8}", who.reads())
    assert found is not None
    request = await harness.request(found[0])
    payload = harness.last_sent("view_submission")
    payload["view"]["callback_id"] = callback
    spoil(payload)
    answer = await harness.sent_again(payload)
    assert answer.get("response_action") in {"update", "errors"}
    assert (await harness.request(request.id)).state is State.PENDING
    assert await harness.kinds(request) == ["asked"]


def of_an_older_version(payload: Json) -> None:
    """Let a form carry no operation, as one did that was opened before a form of every operation said which it is."""
    carried = json.loads(payload["view"]["private_metadata"])
    assert carried.pop("operation") == "create"
    payload["view"]["private_metadata"] = json.dumps(carried | {"draft": "older"})


async def test_a_form_of_an_older_version_is_taken(harness: FlowHarness) -> None:
    """A form that was open while the bot was updated names no operation: it is the one that the command opens."""
    await (await harness.fills_in()).submits()
    payload = harness.last_sent("view_submission")
    of_an_older_version(payload)
    answer = await harness.sent_again(payload)
    found = re.search(r"TS-\w{8}", json.dumps(answer))
    assert found is not None
    assert (await harness.request(found[0])).operation == "create"


@pytest.mark.parametrize("action", [ACTION_EDIT, ACTION_ASK_AGAIN])
async def test_a_request_of_a_newer_version_has_no_form_here(harness: FlowHarness, action: str) -> None:
    """Whoever wants to edit a request whose operation is not known here, or ask for it again, reads why there is no form."""
    request = await harness.asks()
    await harness.opens_review(request)
    payload = harness.last_sent("block_actions") | {"user": {"id": RINA}}
    payload["actions"][0] |= {"action_id": action, "value": json.dumps({"request": request.id})}
    await harness.all_said()
    await execute(harness, "UPDATE requests SET operation = 'unheard_of'")
    await harness.sent_again(payload)
    await harness.rina.sees_message(APPROVALS, "A newer version of tines-sync made this request")
    assert (await harness.kinds(request)).count("refused") == 1


async def test_a_search_in_an_unknown_field_is_answered(harness: FlowHarness) -> None:
    """Typing in a field of another version gets a line that says to open the form again."""
    await harness.rina.opens_form(GENERAL)
    await harness.rina.searches("Source team")
    payload = harness.last_sent("block_suggestion")
    payload["action_id"] = "unheard_of"
    answer = await harness.sent_again(payload)
    assert "outdated" in answer["options"][0]["text"]["text"]
    payload = harness.last_sent("block_suggestion") | {"action_id": "form_stories"}
    payload["view"]["private_metadata"] = ""
    answer = await harness.sent_again(payload)
    assert "This form is outdated" in answer["options"][0]["text"]["text"]


async def test_hostile_words_are_never_live(harness: FlowHarness) -> None:
    """Mentions, links and markup in reasons and story names are shown as the text that they are."""
    reason = "<!channel> <@U0BEN> <https://evil.example|click> *bold* &lt; \u202e"
    request = await harness.asks("<!channel> broadcast helper", STORY, reason=reason)
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
    for call in harness.playground.slack.traffic.calls("chat.postMessage"):
        sent = str(call.request)
        assert "<!channel>" not in str(call.request.get("text"))
        assert "'type': 'broadcast'" not in sent
        assert "<https://evil.example" not in str(call.request.get("text"))
        assert {"type": "user", "user_id": "U0BEN"} not in [
            element for block in call.request.get("blocks") or () for element in _elements(block)
        ]


def _elements(block: Json) -> list[Json]:
    return [element for part in block.get("elements", ()) for element in part.get("elements", ())]
