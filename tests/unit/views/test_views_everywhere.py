"""Whatever people and Tines write, every message and view is one that Slack takes and in which nothing is live."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from bot.operations import all_presentations
from bot.operations import create_form as form
from bot.playground.slack.blocks import blocks_text_length, home_faults, message_faults, modal_faults, view_bytes
from bot.views import (
    approval,
    asides,
    destinations,
    dialogs,
    fallback_text,
    health,
    home,
    ids,
    lists,
    notes,
    options,
    preflight,
    review,
    statuses,
)
from bot.views.carried import DestinationButton, ListMeta
from bot.views.presentation import RouteChoice
from bot.views.text import Message
from handlers.catalogue import FoundStories, TagCount
from handlers.comparison import (
    ActionChange,
    Counts,
    FieldChange,
    Gap,
    Gaps,
    Kind,
    PairedBy,
    Reference,
    Status,
    StoryDiff,
    Unresolved,
)
from handlers.models import Assessment, Decision, Problem, Request, State, Story, StoryStatus, SyncMode, Team, Verdict
from handlers.operations import Preview
from handlers.operations.create import CreateFacts, CreateParams
from handlers.operations.destination import DestinationDetail, DestinationRef
from handlers.operations.following import ExistingDestination
from handlers.operations.keys import KeyStanding
from handlers.operations.registry import all_operations, on_destinations
from handlers.policy import Freeze, Quorum, Ruling
from handlers.preflight import Report, ReportProgress, Sent, StoryReport
from handlers.requests import (
    DestinationPage,
    FrozenRoute,
    HealthOverview,
    Mute,
    Muted,
    Overview,
    Part,
    RequestLine,
    SeenDestination,
    TenantProblem,
)
from handlers.requests.destinations import PAGE
from handlers.requests.health import WORST
from handlers.requests.overview import PART, WatchedDestinations
from handlers.routes import Route
from handlers.watching.known import Health, KnownDestination, KnownTenant, StoryFault
from handlers.watching.known import Report as HealthReport
from handlers.watching.summary import RouteSummary
from handlers.watching.telling import SHOWN as SHOWN_STORIES

from .harness import NOW, ORIGINS, REPAIR, SHOWN, params_of, shown, synced

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
    chosen = tuple(
        Story(id=n, name=text, tags=(text, "b"), edited_at=NOW if n % 2 else None) for n in range(1, stories + 1)
    )
    source_team, destination_team = Team(id=7, name=text), Team(id=42, name=text)
    kinds = ("synced", "failed", "requires_sync", text)
    request = synced(
        state,
        *(StoryStatus(story_id=s.id, name=s.name, status=kinds[s.id % 4], error=text) for s in chosen),
        params=params_of(*chosen, source_team=source_team, destination_team=destination_team, mode=SyncMode.MANUAL),
        route=text[:75] or "r",
        source=text[:40],
        destination=text[:40],
        revision=3,
        reason=text,
        editor="U0EDITOR",
        emergency=emergency,
        closed_by="U0CLOSER",
        closed_comment=text + "!",
        problem=Problem(what=text, words=text, advice=text, status=404),
        note=text,
        assessment=found(text),
    )
    return request.model_copy(
        update={"decisions": tuple(decided(request.digest, number, text) for number in range(30))}
    )


def found(text: str) -> Assessment:
    """Return what was found for a request, with the text in every place."""
    return Assessment(
        revision=3, missing=(f"credential {text}",) * 30, unchecked=(text,) * 30, totals=text, edited=(text,) * 30
    )


def lacking(text: str) -> Gaps:
    """Return what a destination lacks, with the text in every place."""
    kinds = list(Kind)
    return Gaps(
        missing=tuple(
            Gap(reference=Reference(kind=kinds[n % 3], slug=text), stories=(text,) * 30, not_shared=n % 2 == 0)
            for n in range(60)
        ),
        unresolved=(Unresolved(text=text, stories=(text,) * 30),) * 60,
        unchecked=tuple(kinds),
        unchecked_because=(text,) * 3,
        unread=(text,) * 30,
    )


def different(text: str) -> StoryDiff:
    """Return what changes in a story, with the text in every place."""
    fields = (FieldChange(path=f"/{text}", old=text, new=None), FieldChange(path="/a", old=None, new=text)) * 40
    return StoryDiff(
        status=Status.CHANGED,
        added=(text,) * 40,
        removed=(text,) * 40,
        renamed=((text, text),) * 40,
        changed=(ActionChange(name=text, type=text, fields=fields),) * 90,
        links_added=((text, text),) * 40,
        links_removed=((text, text),) * 40,
        settings=fields,
        versions=fields,
    )


def reported(stories: tuple[Story, ...], text: str) -> Report:
    """Return what is known of stories, with the text in every place."""
    sent = Sent(request_id="TS-ABCD1234", at=NOW, source_hash="", automatic=True)
    return Report(
        stories=tuple(
            StoryReport(
                story=story,
                status=Status.UNKNOWN if story.id % 5 == 4 else Status.CHANGED,
                reason=text,
                counts=Counts(added=3, settings=1),
                paired_by=PairedBy.SLUG,
                edited_since=sent,
                remarks=("disabled on the source", "has a change that is not published yet, which is not synced"),
            )
            for story in stories
        ),
        remarks=(text,) * 9,
    )


def decided(digest: str, number: int, comment: str) -> Decision:
    """Return one of many decisions."""
    return Decision(
        request_id="TS-ABCD1234",
        revision=3 - number % 2,
        digest=digest,
        actor=f"U0APPROVER{number}",
        verdict=Verdict.REJECT if number % 5 == 4 else Verdict.APPROVE,
        comment=comment,
        at=NOW,
        withdrawn_at=NOW if number % 3 == 2 else None,
    )


def on(text: str) -> Route:
    """Return a route with the text as its name."""
    return Route(
        name=text, source=text, destination=text, requesters=("*",), approvers=("*",), approval_channel="C0APPROVALS"
    )


def known_destination(text: str, health: Health) -> KnownDestination:
    """Return a watched sync destination that is muted."""
    return KnownDestination(
        source=text,
        id=2**62,
        destination=text,
        source_team=Team(id=7, name=text),
        destination_team=Team(id=42, name=text),
        health=health,
        since=NOW,
        first_seen=NOW,
        last_seen=NOW,
        muted_until=NOW + timedelta(hours=1),
        muted_by="U0ACTOR",
        mute_reason=text,
    )


def an_overview(request: Request, text: str) -> Overview:
    """Return what concerns a person, as much of it as a home shows at once, with further pages."""
    frozen = FrozenRoute(freeze=Freeze(route=text[:75], by="U0FREEZER", reason=text, at=NOW), may_unfreeze=True)
    requests = Part[Request](items=(request,) * PART, page=2, pages=3, total=20)
    return Overview(
        now=NOW,
        waiting=requests,
        mine=requests,
        destinations=WatchedDestinations(
            items=tuple(known_destination(text, health) for health in Health) * (PART // len(Health)),
            page=2,
            pages=3,
            total=20,
            watched=True,
            unseen=(KnownTenant(tenant=text, origin=text, failing_since=NOW),) * 12,
            routes={(text, text): text},
        ),
        frozen=Part(items=(frozen,) * PART, page=2, pages=3, total=20),
        uses=(text,),
    )


QUORUM = Quorum(needed=2, have=1, separate_needed=2, separate_have=1, reached=False)


def messages(request: Request, text: str) -> Iterator[tuple[str, Message]]:
    """Yield every message about a request."""
    route = on(text)
    freeze = Freeze(route=text, by="U0FREEZER", reason=text, at=NOW)
    yield "approval", approval.approval_message(request, route, QUORUM, SHOWN, repair=REPAIR)
    yield "approval, frozen", approval.approval_message(request, route, QUORUM, SHOWN, repair=REPAIR, freeze=freeze)
    for number, each in enumerate(statuses.status_messages(request, route, SHOWN, repair=REPAIR)):
        yield f"statuses {number}", each
    yield "notify", notes.notify_message(request, route, SHOWN, LINK)
    yield "direct", notes.direct_message(request, route, SHOWN, None, repair=REPAIR)
    data = {
        "actor": "U0ACTOR",
        "reason": text,
        "comment": text,
        "action": text,
        "missing": text,
        "other": text,
        "channel": text,
        "why": text,
        "faults": [text] * 30,
        "changes": [text] * 30,
        "reasons": [text] * 30,
        "destination_ids": list(range(100)),
        "approvals_lost": 2,
        "have": 1,
        "needed": 2,
        "at": NOW.isoformat(),
        "problem": {"what": text, "words": text, "advice": text},
    }
    for kind in [*notes.Note, text]:
        yield f"note {kind}", notes.note_message(kind, data, request)
        yield f"bare note {kind}", notes.note_message(kind, {"actor": text, "changes": text, "at": text}, request)
        yield f"direct {kind}", notes.direct_message(request, route, SHOWN, LINK, repair=REPAIR, kind=kind, data=data)
    yield (
        "status",
        lists.status_message(
            request,
            SHOWN,
            quorum=QUORUM,
            freeze=freeze,
            permalink=LINK,
            may_review=True,
            may_edit=True,
            may_cancel=True,
        ),
    )
    items = [lists.ListItem(request, waits_for_me=n % 2 == 0) for n in range(PART)]
    yield "list", lists.list_message(items, shown, page=2, pages=9, total=70)
    events = [lists.HistoryEvent(NOW, text, text, text, text, n % 5 == 0) for n in range(3 * lists.HISTORY_PAGE_SIZE)]
    yield "history", lists.history_message(request.id, events, page=2, technical=True)
    yield "refusal", lists.refusal_message([text] * 30)
    yield "one refusal", lists.refusal_message([text])
    yield "error", lists.error_message(text)
    yield "told", lists.notice_message(text)
    yield "help", lists.help_message(text[:60] or "/tines-sync", all_presentations().values())
    yield "empty list", lists.list_message([], shown, page=1, pages=1)
    yield from health_messages(text)


def health_messages(text: str) -> Iterator[tuple[str, Message]]:
    """Yield every message about what was seen by watching."""
    troubles = [
        StoryFault(story_id=n, name=text, error=text, since=NOW, until=NOW if n % 3 == 0 else None)
        for n in range(SHOWN_STORIES)
    ]
    names = [text] * SHOWN_STORIES
    bare = HealthReport(
        source=text, destination=text, id=2**62, route=text, source_team=text, destination_team=text, at=NOW
    ).model_dump(mode="json")
    full = {
        **bare,
        "new": True,
        "mode_changed": True,
        "manual": True,
        "added": names,
        "removed": names,
        "failed": [each.model_dump(mode="json") for each in troubles],
        "behind": [each.model_dump(mode="json") for each in troubles],
        "more": 400,
        "more_added": 3,
        "changes": 7,
    }
    changes: tuple[dict[str, object], ...] = (
        {},
        {"deleted": True},
        {"recovered_at": NOW.isoformat()},
        {"behind": []},
        {"failed": []},
    )
    for differs in changes:
        yield (
            f"health {sorted(differs)}",
            health.health_message({**full, **differs}, {text: ORIGINS[0]}, routes={text: on(text)}, repair=REPAIR),
        )
    yield "bare health", health.health_message(bare)
    yield "other health", health.health_message({"at": text})
    week = RouteSummary(route=text, since=NOW, until=NOW, requested=7, approved=5, median_minutes=99, old_keys=2)
    yield "summary", health.summary_message(week.model_dump(mode="json"))
    yield "other summary", health.summary_message({"since": text})
    problem = Problem(what=text, words=text, advice=text)
    down = {"tenant": text, "since": NOW.isoformat(), "problem": problem.model_dump()}
    for ends in ({}, {"until": NOW.isoformat()}, {"since": text}):
        yield f"tenant {ends}", health.tenant_message({**down, **ends})
    team = Team(id=1, name=text)
    known = KnownDestination(
        source=text,
        id=2**62,
        destination=text,
        source_team=team,
        destination_team=team,
        health=Health.FAILED,
        since=NOW,
        first_seen=NOW,
        last_seen=NOW,
        muted_until=NOW + timedelta(days=1),
        muted_by="U0ACTOR",
        mute_reason=text,
    )
    tenants = (
        KnownTenant(tenant=text, origin=text),
        KnownTenant(tenant=text, origin=text, looked_at=NOW, unreadable=3),
        KnownTenant(tenant=text, origin=text, failing_since=NOW, problem=problem),
    )
    overview = HealthOverview(
        now=NOW, watched=True, tenants=tenants, counts={Health.FAILED: 70}, worst=(known,) * WORST, routes={}
    )
    for each in (overview, overview.model_copy(update={"watched": False}), overview.model_copy(update={"tenants": ()})):
        yield "overview", health.overview_message(each)
    yield "muted", health.muted_message(Muted(destination=known, until=NOW))
    yield "unmuted", health.muted_message(Muted(destination=known, until=None))


def views(request: Request, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every view about a request, and the App Home with it."""
    route = on(text)
    problem = Problem(what=text, words=text, advice=text)
    may, may_not = Ruling(allowed=True), Ruling(allowed=False, reasons=(text,) * 30)
    params, other = request.params, Team(id=7, name=text + "!")
    assert isinstance(params, CreateParams)
    stories = params.stories
    existing = tuple(ExistingDestination(id=n, story_names=(text,) * 40) for n in range(200))
    previews = {
        "checking": None,
        "complete": Preview(facts=CreateFacts(stories=stories, existing=existing, add_to=7, source_team=other)),
        "gone": Preview(facts=CreateFacts(gone=stories, unreadable=2)),
        "problem": Preview(problem=problem),
        "lacking": Preview(facts=CreateFacts(stories=stories, gaps=lacking(text))),
        "compared": Preview(
            facts=CreateFacts(stories=stories, existing=existing, gaps=lacking(text)), report=reported(stories, text)
        ),
        "two compared": Preview(facts=CreateFacts(stories=stories[:2]), report=reported(stories[:2], text)),
    }
    for name, preview in previews.items():
        for ruling in (may, may_not):
            yield (
                f"review, {name}, {ruling.allowed}",
                review.review_view(
                    request,
                    route,
                    SHOWN,
                    origins=ORIGINS,
                    quorum=QUORUM,
                    preview=preview,
                    may_approve=ruling,
                    may_reject=ruling,
                    may_withdraw=True,
                    may_edit=True,
                    may_cancel=True,
                    changed=[text] * 30,
                    may_post_diff=True,
                ),
            )
    yield "reject", dialogs.reject_view(review.review_meta(request, previews["complete"], ORIGINS))
    for progress in (None, ReportProgress(9)):
        yield (
            "review, comparing",
            review.review_view(
                request,
                route,
                SHOWN,
                origins=ORIGINS,
                quorum=QUORUM,
                preview=previews["lacking"],
                may_approve=may,
                may_reject=may,
                progress=progress,
            ),
        )
    one = StoryReport(
        story=Story(id=1, name=text), status=Status.CHANGED, diff=different(text), remarks=("locked on the source",)
    )
    yield "changes", preflight.changes_view(request, one)
    yield "asked", dialogs.asked_view(request, text, found(text), looking=False)
    yield "cancel", dialogs.cancel_view(request, SHOWN)
    yield "decided", dialogs.decided_view(text)
    yield "refused", dialogs.refused_view([text] * 30)
    for status in SHOWN.rows(request)[:1]:
        yield "error", statuses.error_view(request, status, text * 20)
    choices = tuple(RouteChoice(f"route-{n}", text, text, frozen_by=text, frozen_reason=text) for n in range(150))
    for editing in (True, False):
        for routes in (choices, choices[:1]):
            state = replace(SHOWN.filled(request, editing=editing), routes=routes, draft_id="d" * 64)
            yield "form", SHOWN.form(state, {"": text, "reason": text})
            chosen = form.CreateFormState(
                routes=routes,
                route=routes[0].name,
                source_team=Team(id=1, name=text),
                selection=form.Selection(
                    everything=True, tag_keys=("k" * 40,), story_ids=tuple(range(200)), labels=(("all", text),)
                ),
                destination_team=Team(id=1, name=text),
                reason=text,
                can_break_glass=True,
            )
            yield "form, filled in", SHOWN.form(chosen)
            yield "checking", asides.checking_view(chosen)
    yield "loading", asides.loading_view()
    yield "problem", asides.problem_view(problem, tenant=text)
    yield "no routes", asides.no_routes_view([text] * 30)
    yield "home", home.home_view(an_overview(request, text), shown)
    yield "empty home", home.home_view(Overview(uses=(text,) * 12), shown)
    yield "home of a stranger", home.home_view(Overview(), shown)
    yield from destination_views(request, text, problem)
    yield "no home", home.home_unavailable_view(text)


def destination_views(request: Request, text: str, problem: Problem) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every view of sync destinations, with the statuses of a request's stories."""
    ref = DestinationRef(
        id=2**62, source_team=Team(id=7, name=text), destination_team=Team(id=42, name=text), written=text
    )
    lines = (RequestLine.of(request),) * 30
    detail = DestinationDetail(ref=ref, route=text[:75], statuses=SHOWN.rows(request), manual=True)
    full = SeenDestination(
        detail=detail,
        source=text,
        destination=text,
        unreadable=3,
        created=lines[0],
        under_way=lines,
        latest=lines,
        may=on_destinations(all_operations()),
        key=KeyStanding(name=text, sent_at=NOW, older=True, configured_at=NOW),
        watched=True,
        mute=Mute(until=NOW, by="U0ACTOR", reason=text),
    )
    yield "mute", dialogs.mute_view(DestinationButton(destination=ref.id, route=text[:75]))
    bare = SeenDestination(detail=DestinationDetail(ref=ref, route="r"), source="dev", destination="prod")
    for seen in (full, bare):
        yield "destination", destinations.destination_view(seen, all_presentations(), {request.id: LINK}, ORIGINS)
    page = DestinationPage(
        items=(full, bare) * (PAGE // 2),
        page=2,
        pages=3,
        total=20,
        unreadable=1,
        incomplete=True,
        problems=(TenantProblem(tenant=text, problem=problem),) * 9,
    )
    meta = ListMeta(route="r", query=destinations.query_of({"state": {"values": searched(text)}}), page=2)
    yield "destinations", destinations.list_view(page, meta, all_presentations())
    yield "no destinations", destinations.list_view(DestinationPage(items=()), meta, all_presentations())


def searched(text: str) -> dict[str, Any]:
    """Return what Slack says was typed into the search."""
    return {ids.BLOCK_SEARCH: {ids.ACTION_SEARCH: {"type": "plain_text_input", "value": text}}}


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
        for url in (each["url"] for each in objects_in(payload) if "url" in each):
            assert url == LINK or STORY.fullmatch(url), name
    for name, message in scene[0]:
        for each in (message, *fallback_text.plain_only(message)):
            assert_harmless(each.text, name)


def test_every_button_is_called_what_it_says(scene: Scene) -> None:
    """What a screen reader calls a button contains the words that are seen on it, so that it can be told to press them."""
    for name, payload in [*((name, message.blocks) for name, message in scene[0]), *scene[1]]:
        for button in (each for each in objects_in(payload) if each.get("type") == "button"):
            seen = bare(button["text"]["text"])
            called = bare(button["accessibility_label"])
            assert seen in called, name


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
STORY = re.compile(r"https://dev\.example/stories/\d+")
OUR_OWN = re.compile(
    rf"@(?:{'|'.join(sorted(OURS))})|!date\^\d+\^[^^|>]+\|[0-9: UTC-]+|{re.escape(LINK)}\|Open the thread"
    r"|https://(?:dev|prod)\.example\|Open .*"
    rf"|{STORY.pattern}\|[^<]*"
)


def bare(text: str) -> str:
    """Return the words of a text, without pictures and punctuation."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


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
