from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.operations import all_presentations
from bot.views.carried import PageRef
from bot.views.history import going_on, history_event
from bot.views.lists import history_message
from handlers.models import ApiCall
from handlers.store import Event

CREATE = all_presentations()["create"]
BEGAN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ONE = "/admin/sync_destinations/24"


def called(**differs: Any) -> ApiCall:  # noqa: ANN401 - fields of Called
    """Return a look at a sync destination that went well."""
    said: dict[str, Any] = {"tenant": "dev", "method": "GET", "path": ONE, "outcome": "ok", "status": 200}
    return ApiCall(**{**said, "began": BEGAN, "latest": BEGAN, "ms": 36, **differs})


def told(call: ApiCall) -> str:
    """Return the detail of a call's line in the history."""
    data = call.model_dump(mode="json", exclude_defaults=True)
    event = Event(
        seq=1, at=BEGAN, request_id="TS-ABCD1234", actor="tines-sync", kind="called", data=data, previous="", hash=""
    )
    return history_event(event, CREATE).detail


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            called(back={"sync_destination": 24, "statuses": {"requires_sync": 1, "synced": 2}}),
            "dev: show sync destination 24 → number 24: 1 needs sync, 2 synced, 36 ms",
        ),
        (
            called(path="/admin/sync_destinations", back={"sync_destinations": 500, "ids": [1], "page": 2}),
            "dev: list sync destinations → 500 sync destinations, page 2, 36 ms",
        ),
        (called(path="/stories", back={"stories": 1}), "dev: list stories → 1 story, 36 ms"),
        (
            called(method="POST", path="/admin/sync_destinations", outcome="refused", status=422, words="No such team"),
            "dev: create a sync destination → refused (422): No such team, 36 ms",
        ),
        (
            called(method="PATCH", outcome="unanswered", status=None, why="timeout", ms=90_000),
            "dev: update sync destination 24 → no answer (timeout), 90 s",
        ),
        (
            called(outcome="failed", status=503, times=40, latest=BEGAN + timedelta(minutes=10)),
            "dev: show sync destination 24 → failed (503), 36 ms; 40 times within 10 min",
        ),
        (
            called(times=3, latest=BEGAN + timedelta(seconds=9), back={"sync_destination": 24, "statuses": {}}),
            "dev: show sync destination 24 → number 24: no stories, 36 ms; 3 times within 9 s",
        ),
        (called(path="/teams/7/new"), "dev: GET /teams/7/new → ok, 36 ms"),
    ],
)
def test_a_call_is_told_in_words(call: ApiCall, words: str) -> None:
    """A line says what was asked of which tenant, what came of it, how long it took and how often it was done."""
    assert told(call) == words


def test_looks_that_go_on_are_told_as_well() -> None:
    """What waits on the request's row is the last line, and says that it goes on."""
    line = going_on(called(times=2, latest=BEGAN + timedelta(seconds=15)))
    assert (line.at, line.actor, line.kind) == (BEGAN + timedelta(seconds=15), "tines-sync", "called Tines")
    assert line.detail == "dev: show sync destination 24 → ok, 36 ms; 2 times within 15 s; continues"


def test_words_of_tines_are_text_in_the_history() -> None:
    """What a tenant says cannot become a mention or break the message, however long it is."""
    words = "<!channel> " + "x" * 2000
    message = history_message(
        "TS-ABCD1234", [going_on(called(outcome="failed", status=500, words=words))] * 15, page=1, technical=True
    )
    assert "<!channel>" not in message.text
    assert len(str(message.blocks)) < 12_000


def an_event(kind: str, **data: Any) -> Event:  # noqa: ANN401 - JSON
    """Return an event by a person."""
    return Event(seq=1, at=BEGAN, request_id="TS-ABCD1234", actor="U0ADA", kind=kind, data=data, previous="", hash="")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (an_event("asked", stories=[1, 2], reason="Ready"), "<@U0ADA>  requested this: 2 stories. Ready"),
        (an_event("announced", announcement="approval", channel="C0APPROVALS"), "posted to <#C0APPROVALS>"),
        (an_event("announced", announcement="notify", channel="C0SECOPS"), "posted to <#C0SECOPS>"),
        (an_event("approved", have=1, needed=2, comment="After 18:00"), "approved: 1 of 2. After 18:00"),
        (an_event("rejected", comment="Not now"), "rejected it: Not now"),
        (
            an_event("called", **called(method="POST", path="/admin/sync_destinations").model_dump(mode="json")),
            "called",
        ),
        (an_event("status", story_id=7, status="failed", error="No credential"), "story 7 failed: No credential"),
        (an_event("created", destination_id=24), "created: sync destination 24"),
        (an_event("sync_started", destination_id=24, refused=[7]), "sync started: sync destination 24"),
        (an_event("deleted", destination_id=24, keep_stories=True), "deleted: sync destination 24"),
        (an_event("mode_set", destination_id=24, note="By hand"), "mode set: sync destination 24; By hand"),
        (an_event("key_rotated", destination_ids=[12, 13], refused=[]), "key rotated: sync destinations 12, 13"),
        (
            an_event("key_rotated", destination_ids=[12], refused=[13, 14]),
            "key rotated: refused by sync destinations 13, 14; sync destination 12",
        ),
        (an_event("key_rotated", destination_ids=[], refused=[13]), "key rotated: refused by sync destination 13"),
        (
            an_event("key_rotated", destination_ids=list(range(1, 13))),
            "sync destinations 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more",
        ),
        (an_event("existing_found", destination_ids=[24]), "existing found: sync destination 24"),
        (an_event("something_new", destination_ids="24", destination_id=7), "something new"),
        (an_event("something_new"), "something new"),
    ],
)
def test_the_history_says_who_did_what(event: Event, said: str) -> None:
    """People and channels are named, and what was done is said in words."""
    assert said in history_message("TS-ABCD1234", [history_event(event, CREATE)], page=1).text


def test_only_what_is_about_stories_counts_them() -> None:
    """The line of a request without stories, such as a change of mode, gives its reason and no number of stories."""
    line = history_event(an_event("asked", reason="Ready"), all_presentations()["set_mode"])
    assert line.detail == "Ready"


@pytest.mark.parametrize(
    "event",
    [
        an_event("called", **called().model_dump(mode="json")),
        an_event("shown", revision=1),
        an_event("repeated", what="approve"),
        an_event("create_begun", attempt=1),
        an_event("add_begun", destination_id=24),
        an_event("sync_begun"),
        an_event("status", story_id=7, status="synced"),
        an_event("announced", announcement="statuses", channel="C0APPROVALS"),
        an_event("announced", announcement="direct", channel="D0RINA"),
    ],
    ids=lambda event: event.kind,
)
def test_technical_steps_are_shown_on_demand(event: Event) -> None:
    """Steps that say nothing to most readers stand behind a button, which shows and hides them."""
    lines = [history_event(an_event("asked"), CREATE), history_event(event, CREATE)]
    short = history_message("TS-ABCD1234", lines, page=9)
    full = history_message("TS-ABCD1234", lines, page=1, technical=True)
    (hidden,), (shown,) = (
        [block["elements"] for block in each.blocks if block["type"] == "actions"] for each in (short, full)
    )
    assert hidden[0]["text"]["text"] == "Show technical steps (1)"
    assert PageRef.read(hidden[0]["value"]) == PageRef(page=1, request="TS-ABCD1234", technical=True)
    assert shown[0]["text"]["text"] == "Hide technical steps"
    assert len(full.text.splitlines()) == len(short.text.splitlines()) + 1
