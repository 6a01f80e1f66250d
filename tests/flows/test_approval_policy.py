from dataclasses import replace
from pathlib import Path

from bot.playground.launch import ADA, APPROVALS, APPROVERS, BEN, GENERAL, RINA, TOM, Setup
from handlers.models import State

from .conftest import OpenHarness
from .harness import OTHER_STORY, SHORT_TIMES, STORY, FlowHarness, database, opened, until


async def test_quorum_in_sight(open_harness: OpenHarness) -> None:
    """The message shows how many approvals there are and whose; only with the last one does it run."""
    harness = await open_harness(route={"approvals": 2})
    request = await harness.asks()
    await harness.approval_message(request, pattern="0 of 2 approvals")
    await harness.approves(request, harness.ada)
    await harness.approval_message(request, pattern="1 of 2 approvals.*@ada approved")
    assert (await harness.request(request.id)).state is State.PENDING
    assert harness.creates() == []
    await harness.approves(request, harness.ben)
    await harness.rests(request, State.SUCCEEDED)
    assert len(harness.creates()) == 1


async def test_a_start_with_fewer_approvals_starts_what_waits(tmp_path: Path) -> None:
    """Restarted with a configuration that asks for one approval, the bot runs what one approved, without a click."""
    setup = Setup(database_url=database(tmp_path), overrides=SHORT_TIMES, route={"approvals": 2})
    async with opened(setup) as harness:
        request = await harness.asks()
        await harness.approves(request)
        await harness.approval_message(request, pattern="1 of 2 approvals")
    async with opened(replace(setup, route={"approvals": 1})) as harness:

        async def started() -> bool:
            return "quorum_lowered" in await harness.kinds(request)

        await until(started, "it was not started")


async def test_each_approver_once(open_harness: OpenHarness) -> None:
    """Who has approved is not offered to approve again, and may withdraw until the quorum is reached."""
    harness = await open_harness(route={"approvals": 2})
    request = await harness.asks()
    await harness.approves(request, harness.ada)
    message = await harness.approval_message(request, pattern="1 of 2 approvals")
    await harness.ada.clicks("Review", message, APPROVALS)
    said = await harness.ada.reads_in_view("Stories, as they are now")  # the review is recorded when it is complete
    assert "already approved this" in said
    assert harness.ada.view().get("submit") is None
    await harness.ada.presses("Withdraw my approval")
    await harness.approval_message(request, pattern="0 of 2 approvals")
    await harness.in_thread(request, "@ada withdrew their approval. That is 0 of 2 approvals")
    kinds = await harness.kinds(request)
    assert [kinds.count(kind) for kind in ("asked", "shown", "approved", "withdrawn", "refused")] == [1, 2, 1, 1, 0]


async def test_separate_groups(open_harness: OpenHarness) -> None:
    """Where approvals must come from separate groups the message counts these too."""
    harness = await open_harness(route={"approvers": (APPROVERS, TOM), "approvals": 2, "separate_groups": 2})
    request = await harness.asks()
    await harness.approves(request, harness.ada)
    await harness.approval_message(request, pattern="1 of 2 approvals, from 1 of 2 separate groups")
    await harness.approves(request, harness.tom)
    await harness.comes_to(request, State.SUCCEEDED)


async def test_denied_wins(open_harness: OpenHarness) -> None:
    """Who is denied reads nothing of a request, even as a member of an approver group."""
    harness = await open_harness(route={"denied": (ADA,)})
    request = await harness.asks()
    await harness.ada.clicks("Review", await harness.approval_message(request), APPROVALS)
    await harness.ada.sees_message(APPROVALS, "There is no request .* that you can see")
    assert harness.playground.slack.views(ADA) == []


async def test_who_joined_the_group_just_now_may_approve(harness: FlowHarness) -> None:
    """A group is looked up afresh before anybody is refused: a new member approves at once."""
    request = await harness.asks()
    message = await harness.approval_message(request)
    await harness.tom.clicks("Review", message, APPROVALS)
    await harness.tom.reads_in_view("not an approver")
    await harness.playground.slack.close(TOM, harness.tom.view()["id"], everything=True)
    group = harness.playground.slack.workspace.group(APPROVERS)
    assert group is not None
    group.members.append(TOM)
    await harness.approves(request, harness.tom)
    await harness.comes_to(request, State.SUCCEEDED)


async def test_a_policy_that_cannot_work_is_said(open_harness: OpenHarness) -> None:
    """Who asks where more approvals are needed than people may give reads so in the form, and all in the thread."""
    harness = await open_harness(route={"approvals": 5})
    await harness.fills_in()
    await harness.rina.submits()
    said = await harness.rina.reads_in_view(r"TS-\w+")
    assert "needs 5 approvals, but at most 2 can be given" in said
    await harness.rina.sees_message(APPROVALS, "TS-")
    async with harness.playground.bot.store.reading() as reader:
        (request,), _ = await reader.requests.requested_by(RINA, limit=1)
    await harness.in_thread(request, "policy cannot work as it is configured")


async def test_editing_takes_approvals_away(open_harness: OpenHarness) -> None:
    """The requester edits through the same form, filled in; approvals no longer count, and the thread says so and who."""
    harness = await open_harness(route={"approvals": 2})
    request = await harness.asks(STORY)
    await harness.approves(request, harness.ada)
    message = await harness.approval_message(request, pattern="1 of 2", who=harness.rina)
    await harness.rina.clicks("Review", message, APPROVALS)
    await harness.rina.reads_in_view("Edit…")
    await harness.rina.presses("Edit…")
    await harness.rina.reads_in_view("(?s)SecOps.*Ready for production")
    await harness.rina.writes("Reason", "With more care")
    outcome = await harness.rina.submits()
    assert not outcome.errors, outcome.errors
    await harness.approval_message(request, pattern="With more care.*0 of 2 approvals.*revision 2")
    await harness.in_thread(request, "(?s)@rina edited the request.*1 approval given before no longer counts")
    edited = await harness.request(request.id)
    assert (edited.revision, edited.editor, edited.approvals()) == (2, RINA, ())


async def test_an_approval_of_what_was_edited_meanwhile_is_shown_again(harness: FlowHarness) -> None:
    """A review opened before an edit does not approve after it: it shows what is asked now, which then is approved."""
    request = await harness.asks(STORY)
    reviewer = await harness.opens_review(request)
    await harness.rina.clicks("Review", await harness.approval_message(request), APPROVALS)
    await harness.rina.reads_in_view("Edit…")
    await harness.rina.presses("Edit…")
    await harness.rina.reads_in_view("Ready for production")
    await harness.rina.writes("Reason", "Something else")
    await harness.rina.submits()
    await harness.approval_message(request, pattern="Something else")
    await reviewer.submits()
    await reviewer.reads_in_view("(?s)requester edited the request.*Something else")
    assert (await harness.request(request.id)).state is State.PENDING
    await reviewer.submits()
    await harness.comes_to(request, State.SUCCEEDED)


async def test_cancel_by_an_approver_says_why(harness: FlowHarness) -> None:
    """An approver must say why they cancel; the message and the requester's direct message say it too."""
    request = await harness.asks()
    await harness.ada.types(GENERAL, f"cancel {request.id}")
    await harness.ada.sees_view(lambda view: view.get("submit") is not None)
    assert (await harness.ada.submits()).errors
    await harness.ada.writes("Why", "Wrong quarter")
    await harness.ada.submits()
    await harness.approval_message(request, pattern="Cancelled.*@ada.*Wrong quarter")
    await harness.told(harness.rina, "(?s)cancelled.*Wrong quarter")
    assert (await harness.request(request.id)).state is State.CANCELLED


async def test_a_cancellation_without_its_reason_is_not_taken(harness: FlowHarness) -> None:
    """A form from an approver that holds no reason, which Slack's own client would not send, is answered at its field."""
    request = await harness.asks()
    await harness.ada.types(GENERAL, f"cancel {request.id}")
    await harness.ada.sees_view(lambda view: view.get("submit") is not None)
    await harness.ada.writes("Why", "Wrong quarter")
    await harness.ada.submits()
    sent = harness.last_sent("view_submission")
    other = await harness.asks(OTHER_STORY)
    sent["view"]["private_metadata"] = sent["view"]["private_metadata"].replace(request.id, other.id)
    for block in sent["view"]["state"]["values"].values():
        for action in block.values():
            action["value"] = None
    answer = await harness.sent_again(sent)
    assert "Add a reason" in str(answer)
    assert (answer["response_action"], (await harness.request(other.id)).state) == ("errors", State.PENDING)
    assert await harness.kinds(other) == ["asked", "refused"]


async def test_break_glass_is_loud(open_harness: OpenHarness) -> None:
    """A break-glass person runs it at once, alone; the channel shows so loudly with the reason, and the record says so."""
    harness = await open_harness(route={"break_glass": (TOM,)})
    await harness.fills_in(STORY, who=harness.tom, reason="Phishing wave right now")
    await harness.tom.presses("Run now without approval…")
    await harness.tom.reads_in_view("is running now, without approval")
    async with harness.playground.bot.store.reading() as reader:
        (request,), _ = await reader.requests.requested_by(TOM, limit=1)
    await harness.approval_message(request, pattern="BREAK-GLASS.*Phishing wave right now")
    await harness.in_thread(request, "(?s)Break-glass.*@tom.*Phishing wave right now")
    await harness.rests(request, State.SUCCEEDED)
    assert (await harness.kinds(request))[0] == "break_glass"


async def test_break_glass_requires_a_reason(open_harness: OpenHarness) -> None:
    """Without a reason nothing runs: the form comes back as it was filled in, and says what to add."""
    harness = await open_harness(route={"break_glass": (TOM,)})
    await harness.fills_in(STORY, who=harness.tom, reason="")
    await harness.tom.presses("Run now without approval…")
    said = await harness.tom.reads_in_view("Add a reason")
    assert STORY in said
    assert harness.creates() == []


async def test_break_glass_is_offered_to_nobody_else(open_harness: OpenHarness) -> None:
    """The form of somebody who is not listed has no such button."""
    harness = await open_harness(route={"break_glass": (TOM,)})
    await harness.fills_in()
    assert "Run now" not in harness.rina.reads()


async def test_freeze_is_said_everywhere_and_holds(harness: FlowHarness) -> None:
    """The channel, the waiting message, the form and the status say who froze the route and why; nothing runs until unfreeze."""
    request = await harness.asks(STORY)
    await harness.ada.types(GENERAL, "freeze dev-to-prod Quarter end")
    await harness.ada.sees_message(APPROVALS, "(?s)@ada froze.*Quarter end")
    await harness.approval_message(request, pattern="Frozen.*@ada.*Quarter end")
    await harness.fills_in(OTHER_STORY)
    assert "Quarter end" in harness.rina.reads()
    await harness.approves(request)
    await harness.approval_message(request, pattern="when the route is unfrozen")
    assert harness.creates() == []
    await harness.ben.types(GENERAL, "unfreeze dev-to-prod")
    await harness.comes_to(request, State.SUCCEEDED)
    await harness.ada.sees_message(APPROVALS, "@ben unfroze")
    assert len(harness.creates()) == 1


async def test_only_approvers_freeze(harness: FlowHarness) -> None:
    """Who is no approver reads so, the route stays open, and the attempt is recorded."""
    await harness.tom.types(GENERAL, "freeze dev-to-prod because I can")
    await harness.tom.sees_message(GENERAL, "Only approvers of dev-to-prod can freeze")
    async with harness.playground.bot.store.reading() as reader:
        assert await reader.freezes.all() == {}
    event = (await harness.events())[-1]
    assert (event.kind, event.actor, event.data["what"]) == ("refused", TOM, "freeze")


async def test_guests_and_deactivated_people_do_not_count(open_harness: OpenHarness) -> None:
    """Where everybody may approve, a guest reads nothing of a request."""
    harness = await open_harness(route={"approvers": ("*",)})
    request = await harness.asks()
    ben = harness.playground.slack.workspace.user(BEN)
    assert ben is not None
    ben.is_restricted = True
    await harness.ben.clicks("Review", await harness.approval_message(request), APPROVALS)
    await harness.ben.sees_message(APPROVALS, "There is no request .* that you can see")
    assert harness.playground.slack.views(BEN) == []
