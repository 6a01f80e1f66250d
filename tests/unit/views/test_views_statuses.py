"""The status list tells what became of every story: totals first, failures first, nothing lost, errors whole."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.playground.slack.blocks import message_faults
from bot.views import describe, ids
from bot.views.carried import DestinationButton, ErrorRef
from bot.views.fallback_text import plain_only, simpler
from bot.views.statuses import error_view, status_messages
from bot.views.text import Block, Message
from handlers.comparison import Gap, Gaps, Kind, Reference
from handlers.models import Problem, State, StoryStatus
from handlers.operations.create import CreateFacts
from handlers.routes import OperationPolicy, Route

from .harness import REPAIR, ROUTE, SHOWN, a_request, a_status, synced


def rows(messages: list[Message]) -> list[list[str]]:
    """Return the rows of all tables, without their headers."""
    tables = [block for message in messages for block in message.blocks if block["type"] == "data_table"]
    return [
        [cell.get("text") or linked(cell)["text"] for cell in (row if len(row) == 4 else (*row[:2], *row[3:]))]
        for table in tables
        for row in table["rows"][1:]
    ]


def linked(cell: Block) -> Block:
    """Return the link that a cell of rich text is."""
    (paragraph,) = cell["elements"]
    (link,) = paragraph["elements"]
    assert link["type"] == "link"
    return dict(link)


def buttons_in_rows(messages: list[Message]) -> list[Block | None]:
    """Return the button of each row, None where it has none."""
    tables = [block for message in messages for block in message.blocks if block["type"] == "data_table"]
    return [row[2].get("element") for table in tables for row in table["rows"][1:]]


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED, State.REJECTED, State.CANCELLED, State.EXPIRED])
def test_there_is_no_list_before_something_was_sent(state: State) -> None:
    """A request for which nothing was sent to Tines has no status list."""
    assert status_messages(a_request(state), ROUTE, SHOWN, repair=REPAIR) == []


def test_a_hundred_stories_are_one_message() -> None:
    """Up to 100 stories take one message, with the totals above the table, once."""
    messages = status_messages(
        synced(State.SUCCEEDED, *(a_status(n) for n in range(1, 101))), ROUTE, SHOWN, repair=REPAIR
    )
    assert len(messages) == 1
    assert messages[0].text.split("\n")[:2] == [
        "✅ Created sync destination 24. 100 stories: 100 synced.",
        "dev → prod",
    ]
    assert [block["type"] for block in messages[0].blocks] == ["rich_text", "data_table", "actions"]
    assert len(rows(messages)) == 100


@pytest.mark.parametrize(
    ("state", "statuses", "buttons"),
    [
        (State.FOLLOWING, ["failed"], []),
        (State.SUCCEEDED, ["synced"], ["Open sync destination"]),
        (State.PARTIAL, ["synced", "failed", "requires_sync"], ["Sync failed stories again…", "Open sync destination"]),
        (State.SUCCEEDED, ["requires_sync"], ["Start sync…", "Open sync destination"]),
    ],
)
def test_a_list_that_is_complete_leads_to_what_comes_next(
    state: State, statuses: list[str], buttons: list[str]
) -> None:
    """Once a request ended, its list opens the sync destination, and offers a sync where a story lacks one."""
    messages = status_messages(
        synced(state, *(a_status(n, word) for n, word in enumerate(statuses))), ROUTE, SHOWN, repair=REPAIR
    )
    found = [
        element["text"]["text"]
        for block in messages[-1].blocks
        for element in block.get("elements", ())
        if block["type"] == "actions"
    ]
    assert found == buttons


def test_each_story_has_its_status_in_words_and_its_error() -> None:
    """Failed ones come first, then those still to come, then words that only a newer Tines knows."""
    request = synced(
        State.PARTIAL,
        a_status(1),
        a_status(2, "requires_sync"),
        a_status(3, "failed", "No credential named virustotal"),
        a_status(4, "quarantined"),
    )
    assert rows(status_messages(request, ROUTE, SHOWN, repair=REPAIR)) == [
        ["Story number 3", "❌ Failed", "No credential named virustotal", "3"],
        ["Story number 2", "⏳ Needs sync", "-", "2"],
        ["Story number 4", "❔ quarantined", "-", "4"],
        ["Story number 1", "✅ Synced", "-", "1"],
    ]
    assert SHOWN.totals(request) == ("4 stories: 1 synced, 1 failed, 1 needs a sync, 1 with another status")


def test_the_row_of_a_failed_story_offers_to_sync_it_again() -> None:
    """Once a request ended, the row of each story that failed has a button for exactly that story, and no other row."""
    request = synced(State.PARTIAL, a_status(1), a_status(2, "failed"), a_status(3, "requires_sync"))
    messages = status_messages(request, ROUTE, SHOWN, repair=REPAIR)
    assert message_faults(messages[0].blocks) == []
    first, *others = buttons_in_rows(messages)
    assert first is not None
    about = DestinationButton.read(first["value"])
    assert about == DestinationButton(
        destination=request.destination_id or 0, route=request.route, operation="sync", option="story:2"
    )
    assert others == [None, None]
    assert messages[0].text.endswith("• Story number 1 · ✅ Synced · - · 1")


@pytest.mark.parametrize(
    ("state", "route"),
    [
        (State.FOLLOWING, ROUTE),
        (State.PARTIAL, ROUTE.model_copy(update={"operations": {"sync": OperationPolicy(enabled=False)}})),
    ],
)
def test_no_row_offers_what_cannot_be_done(state: State, route: Route) -> None:
    """While a request runs, and where no sync can be requested, the table has no column with buttons."""
    messages = status_messages(synced(state, a_status(1), a_status(2, "failed")), route, SHOWN, repair=REPAIR)
    assert buttons_in_rows(messages) == [None, None]
    assert [len(block["rows"][0]) for block in messages[0].blocks if block["type"] == "data_table"] == [4]


def test_where_slack_refuses_buttons_in_cells_the_table_stays() -> None:
    """What Slack refused is said without buttons in the table first, with one button below it, then as text alone."""
    request = synced(State.PARTIAL, a_status(1), a_status(2, "failed"))
    (refused,) = status_messages(request, ROUTE, SHOWN, repair=REPAIR)
    (table,) = simpler(refused)
    assert buttons_in_rows([table]) == [None, None]
    assert [block["type"] for block in table.blocks] == [block["type"] for block in refused.blocks]
    assert table.text == refused.text
    (text,) = simpler(table)
    assert text.blocks == []


errors = st.none() | st.integers(min_value=0, max_value=4000).map(lambda n: "A long error " * (n // 13) + "end")
many = st.lists(
    st.builds(
        StoryStatus,
        story_id=st.integers(min_value=1, max_value=10**9),
        name=st.text("abc 🚨", max_size=200),
        status=st.sampled_from(["synced", "failed", "requires_sync", "new"]),
        error=errors,
    ),
    max_size=300,
    unique_by=lambda one: one.story_id,
)


@given(many)
def test_every_story_is_in_the_list_once(statuses: list[StoryStatus]) -> None:
    """However many stories and however long their errors, each has one row, and each cut error has its way to it."""
    messages = status_messages(synced(State.PARTIAL, *statuses), ROUTE, SHOWN, repair=REPAIR)
    assert sorted(int(row[3]) for row in rows(messages)) == sorted(one.story_id for one in statuses)
    opened = [
        ref.story for message in messages for ref in map(ErrorRef.read, choices(message.blocks)) if ref is not None
    ]
    assert sorted(opened) == sorted(one.story_id for one in statuses if one.error and len(one.error) > 250)


def choices(blocks: list[Block]) -> list[str]:
    """Return the value of every action with which an error can be opened."""
    elements = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    clicked = [element["value"] for element in elements if element["action_id"] == ids.ACTION_SHOW_ERROR]
    picked = [
        option["value"]
        for element in elements
        if element["action_id"] == ids.ACTION_PICK_ERROR
        for option in element["options"]
    ]
    return clicked + picked


def test_the_text_says_what_the_table_says() -> None:
    """Without blocks, every row goes out as text, with totals first."""
    messages = status_messages(
        synced(State.PARTIAL, *(a_status(n, "failed", f"Why {n}") for n in range(60))), ROUTE, SHOWN, repair=REPAIR
    )
    text = "\n".join(page.text for message in messages for page in plain_only(message))
    assert text.index("60 stories: 60 failed") < text.index("Story number 0")
    for n in range(60):
        assert f"• Story number {n} · ❌ Failed · Why {n} · {n}" in text


def test_a_long_error_can_be_read_whole() -> None:
    """The view of an error holds all of it, with its spaces and lines, however long within reason."""
    error = "\n".join(f"  line {n}: CREDENTIAL.virustotal <missing>" for n in range(1000))
    view = error_view(a_request(), a_status(3, "failed", error), error)
    chunks = [e["elements"][0]["text"] for b in view["blocks"] if b["type"] == "rich_text" for e in b["elements"][0:1]]
    assert "".join(chunks[1:]) == error.strip()
    assert "submit" not in view


def test_of_an_endless_error_the_start_is_shown_and_the_rest_counted() -> None:
    """An error too long for any view is cut with the number of characters that are missing."""
    view = error_view(a_request(), a_status(3, "failed"), "x" * 100_000)
    assert "40,000 more characters" in view["blocks"][-1]["elements"][0]["text"]


def test_a_refused_create_says_what_tines_said_and_what_to_do() -> None:
    """Our words, Tines's words and the advice are there, and that nothing was created."""
    problem = Problem(
        what="404: not found, or the key of dev may not see it", words="Not Found", advice="Check the key.", status=404
    )
    message = status_messages(a_request(State.FAILED, problem=problem), ROUTE, SHOWN, repair=REPAIR)[0]
    assert "No sync destination was created." in message.text
    assert "404: not found, or the key of dev may not see it" in message.text
    assert "> Not Found" in message.text
    assert "What to do: Check the key." in message.text


def test_an_uncertain_outcome_can_be_checked_again_or_closed() -> None:
    """A person is asked to look, with a button to check again and one to close, which asks before it does."""
    message = status_messages(a_request(State.UNCERTAIN), ROUTE, SHOWN, repair=REPAIR)[0]
    check, close = message.blocks[-1]["elements"]
    assert (check["action_id"], close["action_id"]) == (ids.ACTION_CHECK_AGAIN, ids.ACTION_CLOSE_UNCERTAIN)
    assert "nothing more is sent" in close["confirm"]["text"]["text"]


def test_what_to_do_names_what_is_missing_and_where() -> None:
    """A story that failed for want of something known is told with its kind, name, team and tenant; others in general."""
    gaps = Gaps(
        missing=(
            Gap(reference=Reference(kind=Kind.CREDENTIAL, slug="virustotal"), stories=("One",)),
            Gap(reference=Reference(kind=Kind.RESOURCE, slug="blocklist"), stories=("Two",), not_shared=True),
        )
    )
    rows = (
        StoryStatus(story_id=1, name="One", status="failed", error="Credential virustotal was not found"),
        StoryStatus(story_id=2, name="Two", status="failed", error="Resource blocklist was not found"),
        StoryStatus(story_id=3, name="Three", status="failed", error="Something else"),
    )
    request = synced(State.PARTIAL, *rows, facts=CreateFacts(stories=(), gaps=gaps))
    assert list(SHOWN.next_steps(request)) == [
        "Add credential virustotal to SecOps copies on prod, then choose Sync failed stories again.",
        "Share resource blocklist with SecOps copies on prod, then choose Sync failed stories again.",
        "Fix the errors that Tines reports for SecOps copies on prod, then choose Sync failed stories again.",
    ]


@pytest.mark.parametrize(
    ("origins", "links"),
    [
        (("https://dev.example", "https://prod.example:8443"), ["https://dev.example", "https://prod.example:8443"]),
        (("javascript:alert(1)", "https://prod.example/<!channel>"), []),
        (("https://dev.example|x> <!here", "https://prod.example"), ["https://prod.example"]),
    ],
)
def test_tenants_are_linked_at_their_configured_address(origins: tuple[str, str], links: list[str]) -> None:
    """A link leads to the configured origin and nowhere else; what is no origin is no link."""
    assert re.findall(r"<([^|]*)\|Open (?:dev|prod)>", describe.tenant_links(a_request(origins=origins))) == links
