from dataclasses import replace

from bot.playground.slack import Fault, FaultKind
from bot.playground.stage import APPROVALS
from bot.playground.tines import Fault as TinesFault
from bot.playground.tines import Kind
from handlers.models import State

from .conftest import OpenOffice
from .office import HURRIED, OTHER_STORY, STORY, Office


async def test_the_approval_message_says_everything(office: Office) -> None:
    """Who asks, route, teams, stories, mode, reason, when it expires, and a Review button."""
    request = await office.asks(STORY, OTHER_STORY, reason="Release <!here> & more")
    message = await office.approval_message(request)
    said = office.stage.slack.render(message)
    for part in (
        "rina",
        "dev-to-prod",
        "SecOps Production",
        STORY,
        OTHER_STORY,
        "automatically",
        "Expires",
        "[Review]",
    ):
        assert part in said
    assert "Release <!here> & more" in said


async def test_ten_stories_are_named_and_the_rest_counted(office: Office) -> None:
    """Of 17 stories ten are named in the message and seven counted; the review shows every one."""
    request = await office.asks("All 17 stories")
    said = office.stage.slack.render(await office.approval_message(request))
    names = [story.name for story in request.content.stories]
    assert sum(name in said for name in names) == 10
    assert "7 more" in said
    review = await office.opens_review(request)
    assert all(name in review.reads() for name in names)


async def test_the_review_shows_what_tines_says_now(office: Office) -> None:
    """The review lists stories with tags and last edit, what will be called, and that nothing exists for the teams yet."""
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    said = review.reads()
    for part in (
        STORY,
        "alerts",
        "edited",
        "POST /api/v1/admin/sync_destinations",
        "No sync destination for these two teams",
    ):
        assert part in said


async def test_the_review_shows_destinations_that_exist(office: Office) -> None:
    """A sync destination for the same teams is shown with its number and its stories."""
    number = office.somebody_creates(OTHER_STORY)
    request = await office.asks(STORY)
    said = (await office.opens_review(request)).reads()
    assert f"Number {number}" in said
    assert OTHER_STORY in said


async def test_the_review_of_a_silent_tenant_offers_no_approval(office: Office) -> None:
    """When Tines does not say how the stories stand, the review says so and cannot approve; looked at again, it can."""
    request = await office.asks(STORY)
    fault = office.stage.dev.faults.add(TinesFault(Kind.ANSWER, status=503, message="Maintenance"))
    message = await office.approval_message(request)
    await office.ada.clicks("Review", message, APPROVALS)
    said = await office.ada.reads_in_view("could not be looked up")
    assert "Maintenance" in said
    assert office.ada.view().get("submit") is None
    office.stage.dev.faults.remove(fault)
    await office.ada.presses("Look again")
    await office.ada.sees_view(lambda view: view.get("submit") is not None)


async def test_a_story_gone_before_the_approval_stops_it(office: Office) -> None:
    """A story deleted after it was asked for is shown as gone, and the request cannot be approved as it is."""
    request = await office.asks(STORY, OTHER_STORY)
    office.stage.dev.delete_story(request.content.stories[0].id)
    await office.ada.clicks("Review", await office.approval_message(request), APPROVALS)
    said = await office.ada.reads_in_view("can no longer be synced")
    assert STORY in said
    assert office.ada.view().get("submit") is None


async def test_what_changed_under_the_review_is_shown_again(office: Office) -> None:
    """A story edited while the review was open is not approved unseen: the review comes back with what changed."""
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    office.stage.dev.edit_story(request.content.stories[0].id, name="High-Priority Alerts v2")
    await review.submits()
    said = await review.reads_in_view("changed since you looked")
    assert "High-Priority Alerts v2" in said
    assert (await office.request(request.id)).state is State.PENDING
    await review.submits()
    done = await office.rests(request, State.SUCCEEDED)
    assert done.content.stories[0].name == "High-Priority Alerts v2"


async def test_a_decision_takes_the_button_away(office: Office) -> None:
    """After a decision the message says who decided and when, and nobody can decide any more."""
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.SUCCEEDED)
    message = await office.approval_message(request, pattern="ada")
    assert "[Review]" not in office.stage.slack.render(message)


async def test_a_rejection_says_why_and_sends_nothing(office: Office) -> None:
    """A rejection with its comment stands on the message and reaches the requester; Tines is never called."""
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    await review.presses("Reject")
    await review.writes("", "Not <!channel> before Monday")
    await review.submits()
    await office.rests(request, State.REJECTED)
    said = office.stage.slack.render(await office.approval_message(request, pattern="Monday"))
    assert "Not <!channel> before Monday" in said
    assert "[Review]" not in said
    await office.told(office.rina, "Not <!channel> before Monday")
    assert office.creates() == []


async def test_whoever_is_late_reads_what_happened(office: Office) -> None:
    """Two approvers in the same review: the second reads what the first decided, in a sentence without codes."""
    request = await office.asks(STORY)
    await office.opens_review(request, office.ben)
    ada = await office.opens_review(request, office.ada)
    await ada.presses("Reject")
    await ada.writes("", "No")
    await ada.submits()
    await office.rests(request, State.REJECTED)
    await office.ben.submits()
    said = office.ben.reads()
    assert "was rejected" in said
    assert "U0ADA" not in said


async def test_an_approver_reads_why_they_cannot_approve_their_own(office: Office) -> None:
    """An approver who asked can open the review, and reads that nobody approves their own request."""
    request = await office.asks(STORY, who=office.ada)
    await office.ada.clicks("Review", await office.approval_message(request), APPROVALS)
    assert "nobody approves their own request" in await office.ada.reads_in_view("You can read this")
    assert office.ada.view().get("submit") is None


async def test_a_slow_tenant_keeps_an_approval(open_office: OpenOffice) -> None:
    """When Tines is slow at the click, the view says “Checking…”; the approval is kept and counts in the end."""
    office = await open_office(outside=replace(HURRIED, click_patience=0.1))
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    office.stage.dev.faults.add(TinesFault(Kind.SLOW, "GET", seconds=0.4, times=2))
    await review.submits()
    assert "Checking…" in review.reads()
    await office.rests(request, State.SUCCEEDED)
    assert len(office.creates()) == 1


async def test_a_tenant_down_at_the_click_is_said_and_nothing_is_decided(office: Office) -> None:
    """When Tines fails at the click, the approver reads so, and the request still waits."""
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    office.stage.dev.faults.add(TinesFault(Kind.ANSWER, status=502, message="Bad Gateway"))
    await review.submits()
    assert "502" in await review.reads_in_view("did not work")
    assert (await office.request(request.id)).state is State.PENDING


async def test_an_old_review_button_of_a_decided_request_says_so(office: Office) -> None:
    """A Review clicked on a message that Slack shows too old is answered with what happened."""
    request = await office.asks(STORY)
    old = await office.approval_message(request)
    await office.ada.clicks("Review", old, APPROVALS)
    click = office.last_sent("block_actions")
    await office.ada.sees_view(lambda view: view.get("submit") is not None)
    await office.ada.submits()
    await office.rests(request, State.SUCCEEDED)
    await office.sent_again(click)
    await office.ada.sees_message(APPROVALS, "was carried out")


async def test_slack_silent_about_people_is_said_in_the_review(office: Office) -> None:
    """When Slack does not say who the reader is, the review says that instead of offering a decision."""
    request = await office.asks(STORY)
    office.stage.slack.faults.inject("users.info", Fault(FaultKind.SERVER_ERROR, times=None))
    await office.ben.clicks("Review", await office.approval_message(request), APPROVALS)
    await office.ben.reads_in_view("does not say who you are")
