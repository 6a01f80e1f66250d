"""Every operation on a sync destination: its form gives back what was typed, and its texts claim no more than is known."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from bot.operations import all_presentations
from bot.operations.create_form import Selection
from bot.operations.delete import DeleteForm
from bot.operations.destination_forms import DestinationForm
from bot.operations.set_mode import ModeForm
from bot.operations.sync import SyncForm
from bot.playground.slack.blocks import message_faults, modal_faults
from bot.playground.slack.formstate import state_of
from bot.views import approval, destinations, ids, notes, options, review, statuses
from bot.views.carried import FormMeta
from bot.views.presentation import Presentation, RouteChoice
from bot.views.states import general_words
from handlers.models import Facts, Frozen, Params, Problem, Request, State, Story, StoryStatus, SyncMode, Team
from handlers.operations import Preview
from handlers.operations.add_stories import AddFacts, AddParams
from handlers.operations.delete import DeleteFacts, DeleteParams
from handlers.operations.destination import DestinationDetail, DestinationRef, DestinationResult
from handlers.operations.following import SyncResult
from handlers.operations.remove_stories import RemoveFacts, RemoveParams
from handlers.operations.rotate_key import RotateFacts, RotateParams, RotateResult
from handlers.operations.set_mode import ModeFacts, ModeParams
from handlers.operations.sync import SyncFacts, SyncParams, SyncWork
from handlers.policy import Quorum, Ruling
from handlers.requests import RequestLine, SeenDestination

from .harness import ORIGINS, REPAIR, a_request, a_status
from .test_views_everywhere import HIDDEN, HOSTILE, assert_harmless, mrkdwn_in, on, strings_in, view_bytes_of

NAMES: Final = ("add_stories", "remove_stories", "sync", "set_mode", "rotate_key", "delete")
QUORUM: Final = Quorum(needed=1, have=0, separate_needed=1, separate_have=0, reached=False)
MAY: Final = Ruling(allowed=True)
ROUTES: Final = (RouteChoice("dev-to-prod", "dev", "prod"),)


def ref(text: str = "SecOps", number: int = 12) -> DestinationRef:
    """Return a destination whose teams are called by the text."""
    return DestinationRef(id=number, source_team=Team(id=7, name=text), destination_team=Team(id=42, name=text))


def statuses_named(text: str, count: int) -> tuple[StoryStatus, ...]:
    """Return statuses of stories that are called by the text."""
    return tuple(StoryStatus(story_id=n, name=text, status="synced" if n % 2 else text) for n in range(1, count + 1))


def parts(name: str, text: str = "Triage", count: int = 3) -> tuple[Params, Facts, Frozen]:
    """Return parameters, facts and a result of an operation."""
    stories = tuple(Story(id=n, name=text) for n in range(1, count + 1))
    there = statuses_named(text, count)
    told = DestinationResult(destination_id=12, text="Removed 3 stories from sync destination 12.")
    match name:
        case "add_stories":
            facts: Facts = AddFacts(statuses=there, stories=stories, gone=stories[:1])
            return (
                AddParams(destination=ref(text), stories=stories),
                facts,
                SyncResult(destination_id=12, how="added", statuses=there),
            )
        case "remove_stories":
            return RemoveParams(destination=ref(text), stories=stories), RemoveFacts(statuses=there), told
        case "sync":
            result = SyncResult(destination_id=12, how="synced again", statuses=there)
            return SyncParams(destination=ref(text), stories=stories), SyncFacts(statuses=there), result
        case "set_mode":
            return (
                ModeParams(destination=ref(text), mode=SyncMode.MANUAL),
                ModeFacts(statuses=there, manual=False),
                told,
            )
        case "rotate_key":
            others = tuple(ref(text, number) for number in range(13, 100))
            rotated = RotateResult(
                destination_id=12, text="publish_key of prod was sent to 1 sync destination.", refused={13: text}
            )
            return (
                RotateParams(destination=ref(text), others=others, key_name="publish_key of prod"),
                RotateFacts(key="salt$hash"),
                rotated,
            )
        case _:
            return DeleteParams(destination=ref(text), keep_stories=False), DeleteFacts(statuses=there), told


def asked(name: str, state: State, text: str = "Triage", count: int = 3, **differs: Any) -> Request:  # noqa: ANN401 - of a Request
    """Return a request for an operation, in a state."""
    params, _, result = parts(name, text, count)
    fields: dict[str, Any] = {
        "operation": name,
        "params": params,
        "result": result if state.final or state is State.FOLLOWING else None,
        "destination_id": 12,
        "reason": text,
    }
    return a_request(state, **{**fields, **differs})


def shown_by(name: str) -> Presentation:
    """Return how an operation is presented."""
    return all_presentations()[name]


def views_of(name: str, text: str, count: int) -> Iterator[dict[str, Any]]:
    """Yield the forms and reviews of an operation."""
    presentation, request = shown_by(name), asked(name, State.PENDING, text, count)
    _, facts, _ = parts(name, text, count)
    missing = facts.model_copy(update={"missing": True})
    for preview in (None, Preview(facts=facts), Preview(facts=missing), Preview(problem=Problem(what=text))):
        yield review.review_view(
            request,
            on(text),
            presentation,
            origins=ORIGINS,
            quorum=QUORUM,
            preview=preview,
            may_approve=MAY,
            may_reject=MAY,
        )
    for editing in (True, False):
        state = replace(presentation.filled(request, editing=editing), routes=ROUTES)
        yield presentation.form(state, {"": text, "reason": text})
    detail = DestinationDetail(ref=ref(text), route="dev-to-prod", statuses=statuses_named(text, count))
    opened = presentation.on_destination(detail, "failed")
    assert opened is not None
    yield presentation.form(replace(opened, routes=ROUTES, can_break_glass=True))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_slack_takes_every_view_and_message(name: str, text: str) -> None:
    """Whatever teams and stories are called, forms, reviews and messages are within the limits, and nothing is live."""
    for view in views_of(name, text, 500 if text == HOSTILE["emoji"] else 12):
        assert modal_faults(view) == []
        assert view_bytes_of(view) <= 250_000
        assert len(view["private_metadata"]) <= 3_000
        assert not any(HIDDEN.search(string) for string in strings_in(view))
        for markup in mrkdwn_in(view):
            assert_harmless(markup, name)
    presentation = shown_by(name)
    for state in State:
        request = asked(name, state, text)
        messages = [
            approval.approval_message(request, on(text), QUORUM, presentation, repair=REPAIR),
            notes.direct_message(request, on(text), presentation, None, repair=REPAIR),
            *statuses.status_messages(request, on(text), presentation, repair=REPAIR),
        ]
        assert all(message_faults(message.blocks) == [] for message in messages)
        assert len(presentation.line(request)) <= 250


def submitted(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a view as Slack sends it when nothing was changed in it."""
    return {**view, "state": {"values": state_of(view["blocks"], None)}}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_filled_in_comes_back(name: str) -> None:
    """A form that opens on a request and is submitted untouched asks for the same, on the same destination and route."""
    presentation = shown_by(name)
    request = asked(name, State.PENDING)
    if name == "delete":
        request = asked(name, State.PENDING, params=DeleteParams(destination=ref()))
    state = replace(presentation.filled(request, editing=True), routes=ROUTES)
    read = presentation.parse(submitted(presentation.form(state)))
    assert read.errors == {}
    assert read.asked["destination_id"] == 12
    assert replace(read.state, routes=ROUTES).meta == state.meta
    assert presentation.form(replace(read.state, routes=ROUTES)) == presentation.form(state)


@pytest.mark.parametrize("name", ["add_stories", "remove_stories", "sync"])
def test_more_stories_than_a_field_keeps_are_not_lost(name: str) -> None:
    """A request for more than 100 stories is edited with one choice that stands for all of them."""
    presentation = shown_by(name)
    state = replace(presentation.filled(asked(name, State.PENDING, count=150), editing=True), routes=ROUTES)
    read = presentation.parse(submitted(presentation.form(state)))
    assert (read.kept, read.errors) == (True, {})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "meta", ["", "{", "[]", '{"operation":"sync","destination":"x"}', '{"destination":-1}', '{"names":["a"]}']
)
def test_a_form_of_anything_reads_as_not_filled_in(name: str, meta: str) -> None:
    """Whatever comes in place of a form is read without an exception, and asks for what is missing."""
    states: tuple[object, ...] = (None, {}, {"values": {ids.BLOCK_REASON: {}}}, {"values": {ids.BLOCK_WHICH: [1]}})
    for state in states:
        read = shown_by(name).parse({"private_metadata": meta, "state": state})
        assert read.errors


def test_sync_opens_on_the_stories_that_failed() -> None:
    """The form for failed stories has those chosen; chosen stories beside another choice are asked about."""
    presentation = shown_by("sync")
    opened = presentation.on_destination(DestinationDetail(ref=ref(), route="dev-to-prod"), "failed")
    assert isinstance(opened, SyncForm)
    assert opened.which == "failed"
    both = replace(opened, routes=ROUTES, reason="x", selection=Selection(story_ids=(1,), labels=(("story:1", "A"),)))
    read = presentation.parse(submitted(presentation.form(both)))
    assert set(read.errors) == {ids.BLOCK_WHICH}


def test_the_mode_that_it_does_not_have_is_chosen_at_first() -> None:
    """The form offers the other mode, and says so where the tenant knows no modes."""
    presentation = shown_by("set_mode")
    for manual, mode in ((True, SyncMode.AUTOMATIC), (False, SyncMode.MANUAL)):
        opened = presentation.on_destination(DestinationDetail(ref=ref(), route="dev-to-prod", manual=manual))
        assert isinstance(opened, ModeForm)
        assert opened.mode is mode
    unknown = presentation.on_destination(DestinationDetail(ref=ref(), route="dev-to-prod"))
    assert unknown is not None
    assert "does not support sync modes" in json.dumps(presentation.form(replace(unknown, routes=ROUTES)))


def test_deleting_copies_asks_for_the_name_of_the_team() -> None:
    """Copies are kept unless somebody says otherwise, and then the team's name is asked for."""
    presentation = shown_by("delete")
    opened = presentation.on_destination(DestinationDetail(ref=ref(), route="dev-to-prod"))
    assert isinstance(opened, DeleteForm)
    assert opened.keep
    typed = replace(opened, routes=ROUTES, reason="x", keep=False)
    assert set(presentation.parse(submitted(presentation.form(typed))).errors) == {ids.BLOCK_TEAM_NAME}


CALLS: Final = {
    "add_stories": ("PATCH /api/v1/admin/sync_destinations/12", "more stories", "stay"),
    "remove_stories": (
        "PATCH /api/v1/admin/sync_destinations/12",
        "does not document what happens to the copies",
        "No stories would be left",
    ),
    "sync": ("POST /api/v1/admin/sync_destinations/12/story/{story id}/sync", "is harmless", "present status"),
    "set_mode": (
        "PATCH /api/v1/admin/sync_destinations/12",
        "automatic, on every publish",
        "manual, only when someone starts it",
    ),
    "rotate_key": ("PATCH /api/v1/admin/sync_destinations/{id}", "publish_key of prod", "88 times"),
    "delete": ("DELETE /api/v1/admin/sync_destinations/12", "keep_stories = false", "3 copies deleted"),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_review_says_what_is_called_and_what_it_means(name: str) -> None:
    """A review has the exact endpoint, and what an approver has to know of this operation."""
    _, facts, _ = parts(name)
    view = json.dumps(
        review.review_view(
            asked(name, State.PENDING),
            on("dev-to-prod"),
            shown_by(name),
            origins=ORIGINS,
            quorum=QUORUM,
            preview=Preview(facts=facts),
            may_approve=MAY,
            may_reject=MAY,
        )
    )
    assert [words for words in CALLS[name] if words not in view] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_gone_cannot_be_approved(name: str) -> None:
    """A destination that is gone is not approved, and the review says so."""
    presentation = shown_by(name)
    _, facts, _ = parts(name)
    gone = Preview(facts=facts.model_copy(update={"missing": True}))
    assert not presentation.complete(gone)
    assert "no longer exists" in json.dumps(list(presentation.warnings(asked(name, State.PENDING), gone, on("r"))))


def test_a_story_that_was_synced_before_is_only_reported_synced() -> None:
    """Where before and after look alike, nobody reads that a story was synced."""
    before = (a_status(1),)
    request = asked(
        "sync",
        State.SUCCEEDED,
        work=SyncWork(before=before),
        result=SyncResult(destination_id=12, statuses=before),
    )
    assert shown_by("sync").state_words(request) == "reported synced"
    failed = request.model_copy(update={"work": SyncWork(before=(a_status(1, "failed", "no credential"),))})
    assert shown_by("sync").state_words(failed) == "synced"


def test_every_story_of_a_destination_can_be_found() -> None:
    """Typing finds stories by name and id among 500, within 100 options; all of them are one choice."""
    there = tuple(StoryStatus(story_id=n, name=f"Story {n:03}", status="synced") for n in range(1, 501))
    untouched = options.status_options(there)["options"]
    assert len(untouched) <= 100
    assert (untouched[0]["value"], untouched[-1]["value"]) == ("all", "more")
    assert [each["value"] for each in options.status_options(there, "story 417")["options"]] == ["story:417"]
    assert options.status_options(there, "499")["options"][0]["value"] == "story:499"
    assert options.status_options((), "")["options"][0]["value"] == "more"


def test_what_a_view_carries_reads_back() -> None:
    """The destination and its teams' names survive the round trip, and what carries none still reads."""
    state = DestinationForm(route="dev-to-prod", destination=12, team_names=("A" * 500, ""))
    read = FormMeta.read(state.meta.dump())
    assert read is not None
    assert (read.destination, read.route) == (12, "dev-to-prod")
    old = FormMeta.read('{"route":"dev-to-prod"}')
    assert old is not None
    assert old.destination is None


@pytest.mark.parametrize("state", State)
def test_a_destination_tells_of_its_requests_in_words(state: State) -> None:
    """Where a request stands is said in the words that every other view uses, whatever its state."""
    detail = DestinationDetail(ref=ref(), route="dev-to-prod")
    lines = (RequestLine.of(asked("set_mode", state)),)
    view = destinations.destination_view(
        SeenDestination(detail=detail, source="dev", destination="prod", latest=lines), all_presentations()
    )
    assert any(f" change mode {general_words(state)}, requested by" in said for said in strings_in(view))
