from dataclasses import replace

from bot.playground.launch import APPROVALS
from bot.playground.slack import Fault, FaultKind
from bot.playground.tines import Fault as TinesFault
from bot.playground.tines import Kind
from handlers.models import State
from handlers.operations.create import CreateFacts

from .conftest import OpenHarness
from .harness import OTHER_STORY, SHORT_TIMES, STORY, FlowHarness, create_of


async def test_the_approval_message_says_everything(harness: FlowHarness) -> None:
    """Who asks, route, teams, stories, mode, reason, when it expires, and a Review button."""
    request = await harness.asks(STORY, OTHER_STORY, reason="Release <!here> & more")
    message = await harness.approval_message(request)
    said = harness.playground.slack.render(message)
    for part in (
        "rina",
        "dev-to-prod",
        "SecOps Production",
        STORY,
        OTHER_STORY,
        "automatic, on every publish",
        "Expires",
        "[Review]",
    ):
        assert part in said
    assert "Release <!here> & more" in said


async def test_ten_stories_are_named_and_the_rest_counted(harness: FlowHarness) -> None:
    """Of 17 stories ten are named in the message and seven counted; the review shows every one."""
    request = await harness.asks("All 17 stories")
    said = harness.playground.slack.render(await harness.approval_message(request))
    names = [story.name for story in create_of(request).stories]
    assert sum(name in said for name in names) == 10
    assert "7 more" in said
    review = await harness.opens_review(request)
    assert all(name in review.reads() for name in names)


async def test_the_review_shows_what_tines_says_now(harness: FlowHarness) -> None:
    """The review lists stories with tags and last edit, what will be called, and that nothing exists for the teams yet."""
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    said = review.reads()
    for part in (
        STORY,
        "alerts",
        "edited",
        "POST /api/v1/admin/sync_destinations",
        "No sync destination for these two teams",
    ):
        assert part in said


async def test_the_review_shows_destinations_that_exist(harness: FlowHarness) -> None:
    """A sync destination for the same teams is shown with its number and its stories."""
    number = harness.somebody_creates(OTHER_STORY)
    request = await harness.asks(STORY)
    said = (await harness.opens_review(request)).reads()
    assert f"Number {number}" in said
    assert OTHER_STORY in said


async def test_the_review_of_a_silent_tenant_offers_no_approval(harness: FlowHarness) -> None:
    """When Tines does not say how the stories stand, the review says so and cannot approve; looked at again, it can."""
    request = await harness.asks(STORY)
    fault = harness.playground.dev.faults.add(TinesFault(Kind.ANSWER, status=503, message="Maintenance"))
    message = await harness.approval_message(request)
    await harness.ada.clicks("Review", message, APPROVALS)
    said = await harness.ada.reads_in_view("could not be checked")
    assert "Maintenance" in said
    assert harness.ada.view().get("submit") is None
    harness.playground.dev.faults.remove(fault)
    await harness.ada.presses("Refresh")
    await harness.ada.sees_view(lambda view: view.get("submit") is not None)


async def test_rejecting_needs_nothing_from_tines(harness: FlowHarness) -> None:
    """While Tines is slow, the review can be rejected at once, by somebody of whom nothing was known yet as well."""
    request = await harness.asks(STORY)
    await harness.approval_message(request, pattern="Changes:")
    harness.playground.dev.faults.add(TinesFault(Kind.SLOW, "GET", seconds=20))
    await harness.ben.clicks("Review", await harness.approval_message(request), APPROVALS)
    assert "Checking in Tines" in await harness.ben.reads_in_view("Reject…")
    await harness.ben.presses("Reject")
    await harness.ben.writes("", "Not now")
    await harness.ben.submits()
    await harness.comes_to(request, State.REJECTED)


async def test_a_story_gone_before_the_approval_stops_it(harness: FlowHarness) -> None:
    """A story deleted after it was asked for is shown as gone, and the request cannot be approved as it is."""
    request = await harness.asks(STORY, OTHER_STORY)
    harness.playground.dev.delete_story(create_of(request).stories[0].id)
    await harness.ada.clicks("Review", await harness.approval_message(request), APPROVALS)
    said = await harness.ada.reads_in_view("can no longer be synced")
    assert STORY in said
    assert harness.ada.view().get("submit") is None


async def test_what_changed_under_the_review_is_shown_again(harness: FlowHarness) -> None:
    """A story edited while the review was open is not approved unseen: the review comes back with what changed."""
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    harness.playground.dev.edit_story(create_of(request).stories[0].id, name="High-Priority Alerts v2")
    await review.submits()
    said = await review.reads_in_view("changed after you opened it")
    assert "High-Priority Alerts v2" in said
    assert (await harness.request(request.id)).state is State.PENDING
    await review.submits()
    done = await harness.rests(request, State.SUCCEEDED)
    assert isinstance(done.facts, CreateFacts)
    assert done.facts.stories[0].name == "High-Priority Alerts v2"


async def test_a_decision_takes_the_button_away(harness: FlowHarness) -> None:
    """After a decision the message says who decided and when, and nobody can decide any more."""
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.SUCCEEDED)
    message = await harness.approval_message(request, pattern="ada")
    assert "[Review]" not in harness.playground.slack.render(message)


async def test_a_rejection_says_why_and_sends_nothing(harness: FlowHarness) -> None:
    """A rejection with its comment stands on the message and reaches the requester; Tines is never called."""
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    await review.presses("Reject")
    await review.writes("", "Not <!channel> before Monday")
    await review.submits()
    await harness.rests(request, State.REJECTED)
    said = harness.playground.slack.render(await harness.approval_message(request, pattern="Monday"))
    assert "Not <!channel> before Monday" in said
    assert "[Review]" not in said
    await harness.told(harness.rina, "Not <!channel> before Monday")
    assert harness.creates() == []


async def test_whoever_is_late_reads_what_happened(harness: FlowHarness) -> None:
    """Two approvers in the same review: the second reads what the first decided, in a sentence without codes."""
    request = await harness.asks(STORY)
    await harness.opens_review(request, harness.ben)
    ada = await harness.opens_review(request, harness.ada)
    await ada.presses("Reject")
    await ada.writes("", "No")
    await ada.submits()
    await harness.rests(request, State.REJECTED)
    await harness.ben.submits()
    said = harness.ben.reads()
    assert "was rejected" in said
    assert "U0ADA" not in said


async def test_an_approver_reads_why_they_cannot_approve_their_own(harness: FlowHarness) -> None:
    """An approver who asked can open the review, and reads that requesters cannot approve their own requests."""
    request = await harness.asks(STORY, who=harness.ada)
    await harness.ada.clicks("Review", await harness.approval_message(request), APPROVALS)
    assert "requesters cannot approve their own requests" in await harness.ada.reads_in_view(
        "You can view this request"
    )
    assert harness.ada.view().get("submit") is None


async def test_a_slow_tenant_keeps_an_approval(open_harness: OpenHarness) -> None:
    """When Tines is slow at the click, the view says “Checking…”; the approval is kept and counts in the end."""
    harness = await open_harness(overrides=replace(SHORT_TIMES, click_budget=0.1))
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    await review.reads_in_view("What would change")
    harness.playground.dev.faults.add(TinesFault(Kind.SLOW, "GET", seconds=0.4, times=2))
    await review.submits()
    assert "Checking…" in review.reads()
    await harness.rests(request, State.SUCCEEDED)
    assert len(harness.creates()) == 1


async def test_a_tenant_down_at_the_click_is_said_and_nothing_is_decided(harness: FlowHarness) -> None:
    """When Tines fails at the click, the approver reads so, and the request still waits."""
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    harness.playground.dev.faults.add(TinesFault(Kind.ANSWER, status=502, message="Bad Gateway"))
    await review.submits()
    assert "502" in await review.reads_in_view("did not work")
    assert (await harness.request(request.id)).state is State.PENDING


async def test_an_old_review_button_of_a_decided_request_says_so(harness: FlowHarness) -> None:
    """A Review clicked on a message that Slack shows too old is answered with what happened."""
    request = await harness.asks(STORY)
    old = await harness.approval_message(request)
    await harness.ada.clicks("Review", old, APPROVALS)
    click = harness.last_sent("block_actions")
    await harness.ada.sees_view(lambda view: view.get("submit") is not None)
    await harness.ada.submits()
    await harness.rests(request, State.SUCCEEDED)
    await harness.sent_again(click)
    await harness.ada.sees_message(APPROVALS, "was carried out")


async def test_slack_silent_about_people_is_said_in_the_review(harness: FlowHarness) -> None:
    """When Slack does not say who the reader is, they read that instead of the request."""
    request = await harness.asks(STORY)
    harness.playground.slack.faults.inject("users.info", Fault(FaultKind.SERVER_ERROR, times=None))
    await harness.ben.clicks("Review", await harness.approval_message(request), APPROVALS)
    await harness.ben.sees_message(APPROVALS, "does not say who you are")
