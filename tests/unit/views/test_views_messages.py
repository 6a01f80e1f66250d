"""Notes, direct messages, lists and the App Home say what happened, to the right reader, in words."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations import all_presentations
from bot.views import ids, lists, notes
from bot.views.carried import PageRef
from bot.views.home import home_view
from bot.views.text import Message, when
from handlers.models import Problem, Request, State
from handlers.policy import Quorum
from handlers.requests import Overview, Part

from .harness import NOW, REPAIR, ROUTE, SHOWN, a_request, a_status, shown, synced

LINK = "https://acme.slack.com/archives/C1/p1"
QUORUM = Quorum(needed=1, have=0, separate_needed=1, separate_have=0, reached=False)


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (
            "edited",
            {"actor": "U0ADA", "approvals_lost": 1},
            "<@U0ADA> edited the request (revision 2). 1 approval",
        ),
        ("edited", {"actor": "U0ADA"}, "(revision 2)."),
        ("edited", {"mentioned": ["U0ADA", "U0BEN"]}, "Please review it again: <@U0ADA> <@U0BEN>"),
        ("reminder", {"missing": "1 more approval"}, "It needs 1 more approval. It expires"),
        ("withdrawn", {"actor": "U0ADA"}, "<@U0ADA> withdrew their approval."),
        (
            "approval_void",
            {"actor": "U0ADA", "have": 0, "needed": 2},
            "denied by the policy. That is 0 of 2 approvals.",
        ),
        ("newly_missing", {"missing": ["credential jira is missing"]}, "• credential jira is missing"),
        ("newly_missing", {"missing": ["x"], "strict": True}, "Nothing was sent. Please review it again:"),
        (
            "newly_missing",
            {"missing": ["x"], "strict": True, "sent": 2},
            "2 calls to Tines may have been applied before that.",
        ),
        (
            "existing_found",
            {"destination_ids": [24, 25]},
            "⚠️ Nothing was sent. After the review, 2 sync destinations (24, 25)",
        ),
        ("double_found", {"destination_ids": [24]}, "1 sync destination (24)"),
        ("stories_changed", {"approvals_lost": 2}, "2 approvals given before no longer count."),
        (
            "stories_changed",
            {"sent": 1},
            "1 call to Tines may have been applied before that. See the history. Please review",
        ),
        ("break_glass", {"actor": "U0ADA"}, "> Incident 42"),
        ("channel_unreachable", {"channel": "C0GONE", "why": "is_archived"}, "the channel <#C0GONE> C0GONE"),
        ("needs_approval_again", {"reasons": ["An approval is too old."]}, "• An approval is too old."),
        (
            "needs_approval_again",
            {"sent": 1},
            "1 call to Tines may have been applied before that. See the history. This",
        ),
        ("adopted", {"destination_id": 24}, "sync destination 24 was found afterwards"),
        ("changed_in_between", {"destination_id": 24}, "Their change stays."),
        ("bot_error", {"error_id": "ab12cd34"}, "ab12cd34"),
        ("quorum_lowered", {"have": 1, "needed": 1}, "dev-to-prod now requires fewer approvals, so this request runs."),
        ("policy_fault", {"faults": ["Nobody is in S0NOBODY."]}, "• Nobody is in S0NOBODY."),
        ("something_new", {"actor": "U0ADA"}, "<@U0ADA>: something new"),
    ],
)
def test_a_note_says_what_happened(kind: str, data: dict[str, object], said: str) -> None:
    """Each kind of note tells its facts, and names the request."""
    text = notes.note_message(kind, data, a_request()).text
    assert said in text
    assert "TS-ABCD1234" in text


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
keys = ["actor", "approvals_lost", "changes", "missing", "have", "needed", "comment", "reasons", "action", "reason"]
keys += ["other", "destination_ids", "destination_id", "problem", "at", "channel", "why", "faults"]


@given(st.sampled_from(list(notes.Note)), st.dictionaries(st.sampled_from(keys), json))
def test_a_note_can_be_drawn_from_any_row(kind: notes.Note, data: dict[str, object]) -> None:
    """Data of another version, or of another type, leaves facts out and never fails."""
    assert notes.note_message(kind, data, a_request()).text.count("TS-ABCD1234") == 1


@pytest.mark.parametrize("state", State)
def test_the_requester_is_told_how_it_stands(state: State) -> None:
    """A direct message says the state in words, what it is about, and where the thread is."""
    text = notes.direct_message(a_request(state), ROUTE, SHOWN, LINK, repair=REPAIR, kind=state.value).text
    assert text.split("\n")[0].endswith("2 stories: dev / SecOps → prod / SecOps copies")
    assert f"<{LINK}|Open the thread>" in text


def test_a_direct_message_tells_one_thing_that_happened() -> None:
    """A direct message of another kind tells that, about which request."""
    text = notes.direct_message(
        a_request(), ROUTE, SHOWN, None, repair=REPAIR, kind="channel_unreachable", data={"channel": "C0GONE"}
    ).text
    assert "the channel <#C0GONE> C0GONE" in text
    assert "2 stories: dev / SecOps" in text
    assert "Open the thread" not in text


def test_a_failed_sync_tells_the_requester_why() -> None:
    """Who was refused by Tines reads what it said, and can ask again."""
    message = notes.direct_message(
        a_request(State.FAILED, problem=Problem(what="404", advice="Check the key.")), ROUTE, SHOWN, LINK, repair=REPAIR
    )
    assert "What to do: Check the key." in message.text
    assert ids.ACTION_ASK_AGAIN in action_ids(message)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(hours=72), "3 days"),
        (timedelta(seconds=90), "90 seconds"),
    ],
)
def test_an_expired_request_says_how_long_it_waited(given: timedelta, said: str) -> None:
    """The time that was given is said as it was configured, not rounded to hours."""
    route = ROUTE.model_copy(update={"expires_after": given})
    text = notes.direct_message(a_request(State.EXPIRED), route, SHOWN, None, repair=REPAIR).text
    assert f"within {said}." in text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.SUCCEEDED, "✅ Synced."),
        (State.PARTIAL, "⚠️ Partly synced: 1 of 2 stories failed."),
        (State.FAILED, "❌ A sync failed."),
    ],
)
def test_a_channel_is_told_in_short(state: State, said: str) -> None:
    """A channel note says the outcome, what, who asked, how many, and where to read more, and pings no approver."""
    words = {State.SUCCEEDED: ("synced",), State.PARTIAL: ("synced", "failed"), State.FAILED: ("failed",)}[state]
    request = synced(state, *(a_status(number, word) for number, word in enumerate(words)))
    text = notes.notify_message(request, ROUTE, SHOWN, LINK).text
    assert text.startswith(said)
    assert "<@U0ASKER>" in text
    assert f"{SHOWN.totals(request)}." in text
    assert f"<{LINK}|Open the thread>" in text


def action_ids(message: Message) -> list[str]:
    """Return the ids of all buttons of a message, in order."""
    return [
        element["action_id"]
        for block in message.blocks
        for element in [*block.get("elements", []), *([block["accessory"]] if "accessory" in block else [])]
        if "action_id" in element
    ]


def test_what_waits_for_the_reader_comes_first() -> None:
    """In a list, requests that wait for the reader's decision can be reviewed; their own show details."""
    items = [lists.ListItem(a_request()), lists.ListItem(a_request(requester="U0BOB"), waits_for_me=True)]
    message = lists.list_message(items, shown, page=1, pages=1, total=2)
    assert message.text.index("Waiting for you") < message.text.index("Your requests")
    assert action_ids(message) == [ids.ACTION_REVIEW, ids.ACTION_STATUS]
    assert "requested by <@U0BOB>" in message.text


@pytest.mark.parametrize(
    ("page", "pages", "turns"),
    [
        (1, 1, {}),
        (1, 3, {ids.ACTION_LIST_NEXT: 2}),
        (2, 3, {ids.ACTION_LIST_PREVIOUS: 1, ids.ACTION_LIST_NEXT: 3}),
        (3, 3, {ids.ACTION_LIST_PREVIOUS: 2}),
    ],
)
def test_pages_are_turned_only_to_where_there_is_one(page: int, pages: int, turns: dict[str, int]) -> None:
    """Buttons lead to the neighbouring pages that exist, and carry nothing but the number."""
    message = lists.list_message([lists.ListItem(a_request())], shown, page=page, pages=pages, total=20)
    found = {
        element["action_id"]: PageRef.read(element["value"])
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }
    assert found == {action: PageRef(page=to) for action, to in turns.items()}


def test_an_empty_list_offers_to_begin() -> None:
    """Who has nothing in their list is offered the form."""
    assert action_ids(lists.list_message([], shown, page=1, pages=1)) == [ids.ACTION_NEW_SYNC]


def test_the_status_offers_what_the_reader_may_do() -> None:
    """Only buttons for what is allowed are there."""
    assert action_ids(lists.status_message(a_request(), SHOWN, quorum=QUORUM)) == []
    message = lists.status_message(a_request(), SHOWN, quorum=QUORUM, may_review=True, may_edit=True, may_cancel=True)
    assert action_ids(message) == [ids.ACTION_REVIEW, ids.ACTION_EDIT, ids.ACTION_CANCEL]
    assert "0 of 1 approvals." in message.text


def test_the_status_of_a_result_says_what_failed_and_leads_on() -> None:
    """Totals, the stories that failed with their errors, what to do, the thread and a new sync are in one answer."""
    request = synced(State.PARTIAL, a_status(1), a_status(2, "failed", "No credential virustotal"))
    message = lists.status_message(request, SHOWN, quorum=QUORUM, route=ROUTE, repair=REPAIR, permalink=LINK)
    assert "2 stories: 1 synced, 1 failed." in message.text
    assert "|Story number 2>: No credential virustotal" in message.text
    assert "What to do:" in message.text
    assert f"<{LINK}|Open the thread>" in message.text
    assert action_ids(message) == [f"{ids.ACTION_OPERATE}sync", ids.ACTION_DESTINATION]
    many = synced(State.FAILED, *(a_status(number, "failed", "x" * 900) for number in range(1, 41)))
    assert "and 30 more failed" in lists.status_message(many, SHOWN, quorum=QUORUM).text


@pytest.mark.parametrize(
    ("state", "word"), [(State.CANCELLED, "Cancelled"), (State.REJECTED, "Rejected"), (State.FAILED, "Closed")]
)
def test_the_status_says_who_ended_it(state: State, word: str) -> None:
    """Who cancelled, rejected or closed a request, and why, is said once."""
    ended = a_request(state, closed_by="U0ADA", closed_comment="Wrong team", finished_at=NOW)
    text = lists.status_message(ended, SHOWN, quorum=QUORUM).text
    assert f"{word} by <@U0ADA>" in text
    assert text.count("Wrong team") == 1


def test_the_history_is_told_line_by_line() -> None:
    """Each event has its time, who, what and detail; pages of a history know whose it is."""
    events = [lists.HistoryEvent(NOW, "U0ADA", "approved", "1 of 2"), lists.HistoryEvent(NOW, "tines-sync", "created")]
    message = lists.history_message("TS-ABCD1234", events * lists.HISTORY_PAGE_SIZE, page=1)
    assert f"{when(NOW)}  <@U0ADA>  approved: 1 of 2" in message.text
    assert f"{when(NOW)}  tines-sync  created" in message.text
    turn = message.blocks[-1]["elements"][0]
    assert PageRef.read(turn["value"]) == PageRef(page=2, request="TS-ABCD1234")


def test_help_names_every_command() -> None:
    """Everything that can be typed is listed with what it does."""
    text = lists.help_message("/tines-sync", all_presentations().values()).text
    for command in ("list", "status ID", "history ID", "cancel ID", "freeze ROUTE reason", "unfreeze ROUTE", "help"):
        assert f"/tines-sync {command}" in text


def test_an_unforeseen_error_has_an_id_to_quote() -> None:
    """What nobody foresaw is told with an id."""
    assert "quote 7f3a" in lists.error_message("7f3a").text


def test_a_refusal_gives_its_reasons() -> None:
    """One reason is a sentence, several are a list, and none still says that it is not allowed."""
    assert lists.refusal_message(["You are not on the list."]).text == "✋ You are not on the list."
    assert "✋ Two" in lists.refusal_message(["One", "Two"]).text
    assert "not allowed" in lists.refusal_message([" "]).text


def test_the_home_shows_both_lists() -> None:
    """The App Home shows what waits and what was asked, or says that there is nothing."""
    mine = Part[Request](items=(a_request(),), total=1)
    waiting = Part[Request](items=(a_request(requester="U0BOB"),), total=1)
    view = home_view(Overview(mine=mine, waiting=waiting), shown)
    accessories = [block["accessory"]["action_id"] for block in view["blocks"] if "accessory" in block]
    assert accessories == [ids.ACTION_REVIEW, ids.ACTION_STATUS]
    assert "no requests yet" in str(home_view(Overview(waiting=waiting), shown)["blocks"])
    assert "No requests are waiting" in str(home_view(Overview(mine=mine), shown)["blocks"])
    assert "choose a team" in str(home_view(Overview(uses=("r",)), shown)["blocks"])
    assert "Ask your tines-sync admin to add you" in str(home_view(Overview(), shown)["blocks"])
