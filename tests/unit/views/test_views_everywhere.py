"""Whatever people and Tines write, every message and view is one that Slack takes and in which nothing is live."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest

from bot.playground.slack.blocks import blocks_text_length, home_faults, message_faults, modal_faults, view_bytes
from bot.views import approval, fallback_text, form, home, lists, notes, options, review, statuses
from bot.views.text import Message
from handlers.catalogue import FoundStories, TagCount
from handlers.models import (
    Content,
    Decision,
    Problem,
    Request,
    State,
    Story,
    StoryStatus,
    SyncMode,
    Team,
    Verdict,
)
from handlers.operations import ExistingDestination, Preview
from handlers.policy import Freeze, Quorum, Ruling
from handlers.routes import Route

NOW = datetime(2026, 10, 1, 12, 30, tzinfo=UTC)
LINK = "https://acme.slack.com/archives/C1/p1"
HOSTILE = {
    "calm": "Phishing triage",
    "everybody": "<!channel> <!here> <!everyone> <!subteam^S0ALL>",
    "person": "<@U0EVIL> and <#C0SECRET>",
    "link": "<https://evil.example|your bank> https://evil.example mailto:x@evil.example",
    "entities": "&lt;!channel&gt; &amp;lt; &",
    "markup": "*bold* _it_ ~gone~ `code` ```pre``` > quote\n* list",
    "long": "A very long name " * 600,
    "unbroken": "x" * 10_000,
    "ampersands": "&<>" * 3_500,
    "emoji": "👩‍👩‍👧‍👦" * 400,
    "backwards": "\u202edlrow\u202c \u2066x\u2069 \u200f\u200e",
    "nothing": "",
    "blank": " \u200b\u3164\n\t ",
    "controls": "a\x00b\x07c\x1b[31md\x7f\x9f\ufeff",
    "halves": "a\ud83d b\udc00",
    "lines": "one\r\ntwo\rthree\u2028four\n\n\nfive",
}


def asked(text: str, state: State, *, stories: int, emergency: bool = False) -> Request:
    """Return a request in a state, with the text in every place where somebody could write."""
    content = Content(
        route=text[:75] or "r",
        source=text[:40],
        destination=text[:40],
        source_team=Team(id=7, name=text),
        stories=tuple(
            Story(id=n, name=text, tags=(text, "b"), edited_at=NOW if n % 2 else None) for n in range(1, stories + 1)
        ),
        destination_team=Team(id=42, name=text),
        mode=SyncMode.MANUAL,
        reason=text,
    )
    kinds = ("synced", "failed", "requires_sync", text)
    return Request(
        id="TS-ABCD1234",
        state=state,
        revision=3,
        content=content,
        digest=content.digest(),
        requester="U0ASKER",
        editor="U0EDITOR",
        emergency=emergency,
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + timedelta(hours=72),
        decisions=tuple(
            Decision(
                request_id="TS-ABCD1234",
                revision=3 - n % 2,
                digest=content.digest(),
                actor=f"U0APPROVER{n}",
                verdict=Verdict.REJECT if n % 5 == 4 else Verdict.APPROVE,
                comment=text,
                at=NOW,
                withdrawn_at=NOW if n % 3 == 2 else None,
            )
            for n in range(30)
        ),
        closed_by="U0CLOSER",
        closed_comment=text + "!",
        destination_id=24,
        statuses=tuple(
            StoryStatus(story_id=s.id, name=s.name, status=kinds[s.id % 4], error=text) for s in content.stories
        ),
        problem=Problem(what=text, words=text, advice=text, status=404),
        note=text,
    )


def on(text: str) -> Route:
    """Return a route with the text as its name."""
    return Route(
        name=text, source=text, destination=text, requesters=("*",), approvers=("*",), approval_channel="C0APPROVALS"
    )


QUORUM = Quorum(needed=2, have=1, separate_needed=2, separate_have=1, reached=False)


def messages(request: Request, text: str) -> Iterator[tuple[str, Message]]:
    """Yield every message about a request."""
    route = on(text)
    freeze = Freeze(route=text, by="U0FREEZER", reason=text, at=NOW)
    yield "approval", approval.approval_message(request, route, QUORUM)
    yield "approval, frozen", approval.approval_message(request, route, QUORUM, freeze=freeze)
    for number, each in enumerate(statuses.status_messages(request, route)):
        yield f"statuses {number}", each
    yield "notify", notes.notify_message(request, route, LINK)
    yield "direct", notes.direct_message(request, route, None)
    data = {
        "actor": "U0ACTOR",
        "reason": text,
        "comment": text,
        "action": text,
        "missing": text,
        "channel": text,
        "why": text,
        "faults": [text] * 30,
        "changes": [text] * 30,
        "destination_ids": list(range(100)),
        "approvals_lost": 2,
        "have": 1,
        "needed": 2,
    }
    for kind in [*notes.Note, text]:
        yield f"note {kind}", notes.note_message(kind, data, request)
        yield f"bare note {kind}", notes.note_message(kind, {"actor": text, "changes": text}, request)
        yield f"direct {kind}", notes.direct_message(request, route, LINK, kind=kind, data=data)
    everything = {"may_review": True, "may_edit": True, "may_cancel": True}
    yield "status", lists.status_message(request, quorum=QUORUM, freeze=freeze, permalink=LINK, **everything)
    items = [lists.ListItem(request, waits_for_me=n % 2 == 0) for n in range(lists.PAGE_SIZE)]
    yield "list", lists.list_message(items, page=2, pages=9, total=70)
    events = [lists.HistoryEvent(NOW, text, text, text)] * lists.HISTORY_PAGE_SIZE
    yield "history", lists.history_message(request.id, events, page=2, pages=3)
    yield "refusal", lists.refusal_message([text] * 30)
    yield "one refusal", lists.refusal_message([text])
    yield "error", lists.error_message(text)
    yield "told", lists.notice_message(text)
    yield "help", lists.help_message(text[:60] or "/tines-sync")
    yield "empty list", lists.list_message([], page=1, pages=1)


def views(request: Request, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every view about a request, and the App Home with it."""
    route = on(text)
    problem = Problem(what=text, words=text, advice=text)
    may, may_not = Ruling(allowed=True), Ruling(allowed=False, reasons=(text,) * 30)
    existing = tuple(ExistingDestination(id=n, story_names=(text,) * 40) for n in range(200))
    previews = {
        "checking": None,
        "complete": Preview(stories=request.content.stories, existing=existing),
        "gone": Preview(stories=(), gone=request.content.stories),
        "problem": Preview(problem=problem),
    }
    for name, preview in previews.items():
        for ruling in (may, may_not):
            yield (
                f"review, {name}, {ruling.allowed}",
                review.review_view(
                    request,
                    route,
                    quorum=QUORUM,
                    preview=preview,
                    may_approve=ruling,
                    may_reject=ruling,
                    may_withdraw=True,
                    may_edit=True,
                    may_cancel=True,
                    changed=[text] * 30,
                ),
            )
    yield "reject", review.reject_view(review.review_meta(request, previews["complete"]))
    yield "cancel", review.cancel_view(request)
    yield "decided", review.decided_view(text)
    yield "refused", review.refused_view([text] * 30)
    if request.statuses:
        yield "error", statuses.error_view(request.statuses[0], text * 20)
    choices = tuple(form.RouteChoice(f"route-{n}", text, text, frozen_by=text, frozen_reason=text) for n in range(150))
    for editing in (True, False):
        for routes in (choices, choices[:1]):
            state = form.state_of(request, routes, editing=editing, draft_id="d" * 64)
            yield "form", form.form_view(state, errors={"": text, "reason": text}, loading=True)
            chosen = form.FormState(
                routes=routes,
                route=routes[0].name,
                source_team=Team(id=1, name=text),
                selection=form.Selection(
                    everything=True, tag_keys=("k" * 40,), story_ids=tuple(range(200)), labels=(("all", text),)
                ),
                destination_team=Team(id=1, name=text),
                reason=text,
                can_break_glass=True,
                emergency=True,
            )
            yield "form, filled in", form.form_view(chosen)
            yield "checking", form.checking_view(chosen)
    yield "loading", form.loading_view()
    yield "problem", form.problem_view(problem, tenant=text)
    yield "no routes", form.no_routes_view([text] * 30)
    yield "home", home.home_view([request] * 20, [request] * 20, more=True)
    yield "no home", home.home_unavailable_view(text)


MANY = {"calm", "ampersands", "emoji", "blank"}  # with 500 stories
CASES = [
    pytest.param((asked(text, state, stories=stories, emergency=stories == 12), text), id=f"{name}-{state}-{stories}")
    for number, (name, text) in enumerate(HOSTILE.items())
    for state, stories in (
        *((state, 12) for state in State if number == 0 or state in {State.PENDING, State.FAILED}),
        *([(State.PARTIAL, 500)] if name in MANY else []),
        (State.PENDING, 1),
    )
]


Scene: TypeAlias = tuple[list[tuple[str, Message]], list[tuple[str, dict[str, Any]]]]


@pytest.fixture(scope="module", params=CASES)
def scene(request: pytest.FixtureRequest) -> Scene:
    """Return every message and every view about one request."""
    about, text = request.param
    return list(messages(about, text)), list(views(about, text))


def test_slack_takes_every_message(scene: Scene) -> None:
    """Blocks, cells and text of every message are within Slack's limits, and so are the texts that replace blocks."""
    for name, message in scene[0]:
        assert message_faults(message.blocks) == [], name
        assert blocks_text_length(message.blocks) <= 13_200, name
        assert wire(message.blocks), name
        for each in (message, *fallback_text.plain_only(message)):
            assert 0 < utf16(each.text) < 4_000, name


def test_slack_takes_every_view(scene: Scene) -> None:
    """Every modal and App Home is within Slack's limits of blocks, lengths and bytes, with input only where allowed."""
    for name, view in scene[1]:
        faults = home_faults(view) if view["type"] == "home" else modal_faults(view)
        assert faults == [], name
        assert view_bytes_of(view) <= 250_000, name


def test_nothing_from_outside_is_live(scene: Scene) -> None:
    """No mrkdwn holds a mention, link or special that is not our own, and no text holds a hidden character."""
    for name, payload in [*((name, message.blocks) for name, message in scene[0]), *scene[1]]:
        for markup in mrkdwn_in(payload):
            assert_harmless(markup, name)
        for string in strings_in(payload):
            assert not HIDDEN.search(string), name
        assert set(users_in(payload)) <= OURS, name
    for name, message in scene[0]:
        for each in (message, *fallback_text.plain_only(message)):
            assert_harmless(each.text, name)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_slack_takes_every_answer_to_typing(text: str) -> None:
    """An options answer holds at most 100 options, over all groups, each with a text and a value that are short."""
    stories = tuple(Story(id=n, name=text, tags=(text,) * 9, edited_at=NOW) for n in range(120))
    tags = tuple(TagCount(tag=text, count=3, key=f"{n:040}") for n in range(30))
    for answer in (
        options.team_options([Team(id=n, name=text) for n in range(120)], 5_000),
        options.story_options(FoundStories(items=stories, total=5_000, everything=400, tags=tags)),
        options.story_options(FoundStories(items=stories[:100], total=100, everything=900), text),
        options.note_options(text),
        options.problem_options(Problem(what=text)),
    ):
        groups = answer.get("option_groups", [{"label": {"text": "one"}, "options": answer.get("options")}])
        found = [option for group in groups for option in group["options"]]
        assert 0 < len(found) <= 100
        assert all(0 < utf16(option["text"]["text"]) <= 75 and 0 < len(option["value"]) <= 75 for option in found)
        assert all(0 < utf16(option.get("description", {"text": "-"})["text"]) <= 75 for option in found)
        assert len({option["value"] for option in found}) == len(found)


# What is looked for, written without the code that is tested

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
OURS = {"U0ASKER", "U0EDITOR", "U0CLOSER", "U0FREEZER", "U0ACTOR", *(f"U0APPROVER{n}" for n in range(30))}
LIVE = re.compile(r"<([^>]*)>?")
OUR_OWN = re.compile(
    rf"@(?:{'|'.join(sorted(OURS))})|!date\^\d+\^[^^|>]+\|[0-9: UTC-]+|{re.escape(LINK)}\|Open the thread"
)


def assert_harmless(markup: str, name: str) -> None:
    """Fail if mrkdwn holds anything live but mentions of those concerned, dates and the link to the thread."""
    for live in LIVE.findall(markup):
        assert OUR_OWN.fullmatch(live), f"{name}: {live!r}"


def mrkdwn_in(payload: object) -> Iterator[str]:
    """Yield what Slack would parse."""
    for each in objects_in(payload):
        if each.get("type") == "mrkdwn":
            assert each["verbatim"] is True
            yield each["text"]


def users_in(payload: object) -> Iterator[str]:
    """Yield who is mentioned in rich text."""
    for each in objects_in(payload):
        assert each.get("type") not in {"broadcast", "usergroup", "channel"}
        if each.get("type") == "user":
            yield each["user_id"]


def objects_in(payload: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object in a payload, at any depth."""
    if isinstance(payload, dict):
        yield payload
    for child in payload.values() if isinstance(payload, dict) else payload if isinstance(payload, list) else ():
        yield from objects_in(child)


def strings_in(payload: object) -> Iterable[str]:
    """Yield every string that is a value in a payload."""
    return (value for each in objects_in(payload) for value in each.values() if isinstance(value, str))


def wire(payload: object) -> bytes:
    """Return a payload as it is sent; fails for what cannot be."""
    return json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()


def view_bytes_of(view: dict[str, Any]) -> int:
    """Return a view's size, with other characters than ASCII as they are or as escapes, whichever is more."""
    return max(view_bytes(view), len(json.dumps(view, separators=(",", ":"))))


def utf16(text: str) -> int:
    """Return the length in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2
