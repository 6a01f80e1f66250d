"""Notes, direct messages, lists and the App Home say what happened, to the right reader, in words."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views import ids, lists, notes
from bot.views.carried import PageRef
from bot.views.home import home_view
from bot.views.text import Message, when
from handlers.models import Content, Problem, Request, State, Story, StoryStatus, SyncMode, Team
from handlers.policy import Quorum
from handlers.routes import Route

NOW = datetime(2026, 10, 1, 12, 30, tzinfo=UTC)
LINK = "https://acme.slack.com/archives/C1/p1"
ROUTE = Route(
    name="dev-to-prod",
    source="dev",
    destination="prod",
    requesters=("*",),
    approvers=("*",),
    approval_channel="C0APPROVALS",
)
CONTENT = Content(
    route="dev-to-prod",
    source="dev",
    destination="prod",
    source_team=Team(id=7, name="SecOps"),
    stories=(Story(id=1, name="One"), Story(id=2, name="Two")),
    destination_team=Team(id=42, name="SecOps"),
    mode=SyncMode.AUTOMATIC,
    reason="Incident 42",
)
QUORUM = Quorum(needed=1, have=0, separate_needed=1, separate_have=0, reached=False)


def asked(state: State = State.PENDING, **changes: Any) -> Request:  # noqa: ANN401 - the fields of a Request
    """Return a request in a state."""
    return Request(
        **{
            "id": "TS-ABCD1234",
            "state": state,
            "revision": 2,
            "content": CONTENT,
            "digest": CONTENT.digest(),
            "requester": "U0ASKER",
            "editor": "U0ASKER",
            "created_at": NOW,
            "updated_at": NOW,
            "expires_at": NOW + timedelta(hours=72),
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (
            "edited",
            {"actor": "U0ADA", "approvals_lost": 1},
            "<@U0ADA> changed the request: it is revision 2 now. 1 approval",
        ),
        ("edited", {"actor": "U0ADA"}, "revision 2 now."),
        ("reminder", {"missing": "1 more approval"}, "It needs 1 more approval. It expires"),
        ("withdrawn", {"actor": "U0ADA"}, "<@U0ADA> withdrew their approval."),
        (
            "approval_void",
            {"actor": "U0ADA", "have": 0, "needed": 2},
            "denied by the policy now. That is 0 of 2 approvals.",
        ),
        ("existing_found", {"destination_ids": [24, 25]}, "2 sync destinations (24, 25)"),
        ("stories_changed", {"approvals_lost": 2}, "2 approvals given before no longer count."),
        ("break_glass", {"actor": "U0ADA"}, "> Incident 42"),
        ("channel_unreachable", {"channel": "C0GONE", "why": "is_archived"}, "the channel C0GONE"),
        ("policy_fault", {"faults": ["Nobody is in S0NOBODY."]}, "• Nobody is in S0NOBODY."),
        ("something_new", {"actor": "U0ADA"}, "<@U0ADA>: something new"),
    ],
)
def test_a_note_says_what_happened(kind: str, data: dict[str, object], said: str) -> None:
    """Each kind of note tells its facts, and names the request."""
    text = notes.note_message(kind, data, asked()).text
    assert said in text
    assert "TS-ABCD1234" in text


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
keys = ["actor", "approvals_lost", "changes", "missing", "have", "needed", "reason", "destination_ids"]
keys += ["channel", "why", "faults"]


@given(st.sampled_from(list(notes.Note)), st.dictionaries(st.sampled_from(keys), json))
def test_a_note_can_be_drawn_from_any_row(kind: notes.Note, data: dict[str, object]) -> None:
    """Data of another version, or of another type, leaves facts out and never fails."""
    assert notes.note_message(kind, data, asked()).text.count("TS-ABCD1234") == 1


@pytest.mark.parametrize("state", State)
def test_the_requester_is_told_how_it_stands(state: State) -> None:
    """A direct message says the state in words, what it is about, and where the thread is."""
    text = notes.direct_message(asked(state), ROUTE, LINK, kind=state.value).text
    assert text.split("\n")[0].endswith("2 stories: dev / SecOps → prod / SecOps")
    assert f"<{LINK}|Open the thread>" in text


def test_a_direct_message_tells_one_thing_that_happened() -> None:
    """A direct message of another kind tells that, about which request."""
    text = notes.direct_message(asked(), ROUTE, None, kind="channel_unreachable", data={"channel": "C0GONE"}).text
    assert "the channel C0GONE" in text
    assert "2 stories: dev / SecOps" in text
    assert "Open the thread" not in text


def test_a_failed_sync_tells_the_requester_why() -> None:
    """Who was refused by Tines reads what it said, and can ask again."""
    message = notes.direct_message(
        asked(State.FAILED, problem=Problem(what="404", advice="Check the key.")), ROUTE, LINK
    )
    assert "What to do: Check the key." in message.text
    assert ids.ACTION_ASK_AGAIN in action_ids(message)


def test_an_expired_request_says_how_long_it_waited() -> None:
    """The time that was given is said in hours."""
    assert "within 72 hours" in notes.direct_message(asked(State.EXPIRED), ROUTE, None).text


@pytest.mark.parametrize(
    ("state", "said"),
    [(State.SUCCEEDED, "✅ Synced."), (State.PARTIAL, "⚠️ Synced in part."), (State.FAILED, "❌ A sync failed.")],
)
def test_a_channel_is_told_in_short(state: State, said: str) -> None:
    """A channel note says the outcome, what, who asked, how many, and where to read more, and pings no approver."""
    done = StoryStatus(story_id=1, name="One", status="synced")
    text = notes.notify_message(asked(state, statuses=(done,)), ROUTE, LINK).text
    assert text.startswith(said)
    assert "<@U0ASKER>" in text
    assert "1 story: 1 synced" in text
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
    items = [lists.ListItem(asked()), lists.ListItem(asked(requester="U0BOB"), waits_for_me=True)]
    message = lists.list_message(items, page=1, pages=1, total=2)
    assert message.text.index("Waiting for you") < message.text.index("Your requests")
    assert action_ids(message) == [ids.ACTION_REVIEW, ids.ACTION_STATUS]
    assert "asked by <@U0BOB>" in message.text


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
    message = lists.list_message([lists.ListItem(asked())], page=page, pages=pages, total=20)
    found = {
        element["action_id"]: PageRef.read(element["value"])
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }
    assert found == {action: PageRef(page=to) for action, to in turns.items()}


def test_an_empty_list_offers_to_begin() -> None:
    """Who has nothing in their list is offered the form."""
    assert action_ids(lists.list_message([], page=1, pages=1)) == [ids.ACTION_NEW_SYNC]


def test_the_status_offers_what_the_reader_may_do() -> None:
    """Only buttons for what is allowed are there."""
    assert action_ids(lists.status_message(asked(), quorum=QUORUM)) == []
    message = lists.status_message(asked(), quorum=QUORUM, may_review=True, may_edit=True, may_cancel=True)
    assert action_ids(message) == [ids.ACTION_REVIEW, ids.ACTION_EDIT, ids.ACTION_CANCEL]
    assert "0 of 1 approval so far." in message.text


def test_the_history_is_told_line_by_line() -> None:
    """Each event has its time, who, what and detail; pages of a history know whose it is."""
    events = [lists.HistoryEvent(NOW, "U0ADA", "approved", "1 of 2"), lists.HistoryEvent(NOW, "tines-sync", "created")]
    message = lists.history_message("TS-ABCD1234", events, page=1, pages=2)
    assert f"{when(NOW)}  <@U0ADA>  approved: 1 of 2" in message.text
    assert f"{when(NOW)}  tines-sync  created" in message.text
    turn = message.blocks[-1]["elements"][0]
    assert PageRef.read(turn["value"]) == PageRef(page=2, request="TS-ABCD1234")


def test_help_names_every_command() -> None:
    """Everything that can be typed is listed with what it does."""
    text = lists.help_message("/tines-sync").text
    for command in ("list", "status ID", "history ID", "cancel ID", "freeze ROUTE reason", "unfreeze ROUTE", "help"):
        assert f"/tines-sync {command}" in text


def test_an_unforeseen_error_has_an_id_to_quote() -> None:
    """What nobody foresaw is told with an id."""
    assert "quote 7f3a" in lists.error_message("7f3a").text


def test_a_refusal_gives_its_reasons() -> None:
    """One reason is a sentence, several are a list, and none still says that it is not allowed."""
    assert lists.refusal_message(["You are not on the list."]).text == "✋ You are not on the list."
    assert "• Two" in lists.refusal_message(["One", "Two"]).text
    assert "not allowed" in lists.refusal_message([" "]).text


def test_the_home_shows_both_lists() -> None:
    """The App Home shows what waits and what was asked, or says that there is nothing."""
    view = home_view([asked()], [asked(requester="U0BOB")])
    accessories = [block["accessory"]["action_id"] for block in view["blocks"] if "accessory" in block]
    assert accessories == [ids.ACTION_REVIEW, ids.ACTION_STATUS]
    empty = str(home_view([], [])["blocks"])
    assert "Nothing waits" in empty
    assert "not asked for a sync yet" in empty


@pytest.mark.parametrize("kind", list(notes.Note))
def test_every_note_is_sent_by_somebody(kind: notes.Note) -> None:
    """No kind of note is drawn that nothing orders."""
    root = Path(__file__).parents[3]
    ordering = [*(root / "handlers").rglob("*.py"), *(root / "bot" / "delivery").glob("*.py")]
    assert [path for path in ordering if f'"{kind}"' in path.read_text(encoding="utf-8")]
