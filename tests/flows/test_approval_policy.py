from bot.playground.stage import ADA, APPROVALS, APPROVERS, BEN, GENERAL, RINA, TOM
from handlers.models import State

from .conftest import OpenOffice
from .office import OTHER_STORY, STORY, Office


async def test_quorum_in_sight(open_office: OpenOffice) -> None:
    """The message shows how many approvals there are and whose; only with the last one does it run."""
    office = await open_office(route={"approvals": 2})
    request = await office.asks()
    await office.approval_message(request, pattern="0 of 2 approvals")
    await office.approves(request, office.ada)
    await office.approval_message(request, pattern="1 of 2 approvals.*@ada approved")
    assert (await office.request(request.id)).state is State.PENDING
    assert office.creates() == []
    await office.approves(request, office.ben)
    await office.rests(request, State.SUCCEEDED)
    assert len(office.creates()) == 1


async def test_each_approver_once(open_office: OpenOffice) -> None:
    """Who has approved is not offered to approve again, and may withdraw until the quorum is reached."""
    office = await open_office(route={"approvals": 2})
    request = await office.asks()
    await office.approves(request, office.ada)
    message = await office.approval_message(request, pattern="1 of 2 approvals")
    await office.ada.clicks("Review", message, APPROVALS)
    view = await office.ada.sees_view(lambda view: "approved this already" in office.stage.slack.render(view))
    assert view.get("submit") is None
    await office.ada.presses("Withdraw my approval")
    await office.approval_message(request, pattern="0 of 2 approvals")
    await office.in_thread(request, "@ada withdrew their approval. That is 0 of 2 approvals")
    kinds = await office.kinds(request)
    assert [kinds.count(kind) for kind in ("asked", "shown", "approved", "withdrawn", "refused")] == [1, 2, 1, 1, 0]


async def test_separate_groups(open_office: OpenOffice) -> None:
    """Where approvals must come from separate groups the message counts these too."""
    office = await open_office(route={"approvers": (APPROVERS, TOM), "approvals": 2, "separate_groups": 2})
    request = await office.asks()
    await office.approves(request, office.ada)
    await office.approval_message(request, pattern="1 of 2 approvals, from 1 of 2 separate groups")
    await office.approves(request, office.tom)
    await office.comes_to(request, State.SUCCEEDED)


async def test_denied_wins(open_office: OpenOffice) -> None:
    """Who is denied reads so in the review, even as a member of an approver group, and cannot approve or reject."""
    office = await open_office(route={"denied": (ADA,)})
    request = await office.asks()
    await office.ada.clicks("Review", await office.approval_message(request), APPROVALS)
    view = await office.ada.sees_view(lambda view: "excludes you by name" in office.stage.slack.render(view))
    assert view.get("submit") is None
    assert "Reject" not in office.ada.reads()


async def test_who_joined_the_group_just_now_may_approve(office: Office) -> None:
    """A group is looked up afresh before anybody is refused: a new member approves at once."""
    request = await office.asks()
    message = await office.approval_message(request)
    await office.tom.clicks("Review", message, APPROVALS)
    await office.tom.reads_in_view("not among the approvers")
    await office.stage.slack.close(TOM, office.tom.view()["id"], everything=True)
    group = office.stage.slack.workspace.group(APPROVERS)
    assert group is not None
    group.members.append(TOM)
    await office.approves(request, office.tom)
    await office.comes_to(request, State.SUCCEEDED)


async def test_a_policy_that_cannot_work_is_said(open_office: OpenOffice) -> None:
    """Who asks where more approvals are needed than people may give reads so in the form, and all in the thread."""
    office = await open_office(route={"approvals": 5})
    await office.fills_in()
    await office.rina.submits()
    said = await office.rina.reads_in_view(r"TS-\w+")
    assert "needs 5 approvals, but at most 2 can be given" in said
    await office.rina.sees_message(APPROVALS, "TS-")
    async with office.stage.bot.store.reading() as reader:
        (request,), _ = await reader.requested_by(RINA, limit=1)
    await office.in_thread(request, "policy cannot work as it is configured")


async def test_editing_takes_approvals_away(open_office: OpenOffice) -> None:
    """The requester edits through the same form, filled in; approvals fall away, and the thread says so and who."""
    office = await open_office(route={"approvals": 2})
    request = await office.asks(STORY)
    await office.approves(request, office.ada)
    message = await office.approval_message(request, pattern="1 of 2", who=office.rina)
    await office.rina.clicks("Review", message, APPROVALS)
    await office.rina.reads_in_view("Edit…")
    await office.rina.presses("Edit…")
    await office.rina.reads_in_view("(?s)SecOps.*Ready for production")
    await office.rina.writes("Reason", "With more care")
    outcome = await office.rina.submits()
    assert not outcome.errors, outcome.errors
    await office.approval_message(request, pattern="With more care.*0 of 2 approvals.*revision 2")
    await office.in_thread(request, "(?s)@rina changed the request.*1 approval given before no longer counts")
    edited = await office.request(request.id)
    assert (edited.revision, edited.editor, edited.approvals()) == (2, RINA, ())


async def test_an_approval_of_what_was_edited_meanwhile_is_shown_again(office: Office) -> None:
    """A review opened before an edit does not approve after it: it shows what is asked now, which then is approved."""
    request = await office.asks(STORY)
    reviewer = await office.opens_review(request)
    await office.rina.clicks("Review", await office.approval_message(request), APPROVALS)
    await office.rina.reads_in_view("Edit…")
    await office.rina.presses("Edit…")
    await office.rina.reads_in_view("Ready for production")
    await office.rina.writes("Reason", "Something else")
    await office.rina.submits()
    await office.approval_message(request, pattern="Something else")
    await reviewer.submits()
    await reviewer.reads_in_view("(?s)changed by the person who asked.*Something else")
    assert (await office.request(request.id)).state is State.PENDING
    await reviewer.submits()
    await office.comes_to(request, State.SUCCEEDED)


async def test_cancel_by_an_approver_says_why(office: Office) -> None:
    """An approver must say why they cancel; the message and the requester's direct message say it too."""
    request = await office.asks()
    await office.ada.types(GENERAL, f"cancel {request.id}")
    await office.ada.sees_view(lambda view: view.get("submit") is not None)
    assert (await office.ada.submits()).errors
    await office.ada.writes("Why", "Wrong quarter")
    await office.ada.submits()
    await office.approval_message(request, pattern="Cancelled.*@ada.*Wrong quarter")
    await office.told(office.rina, "(?s)cancelled.*Wrong quarter")
    assert (await office.request(request.id)).state is State.CANCELLED


async def test_a_cancellation_without_its_reason_is_not_taken(office: Office) -> None:
    """A form from an approver that holds no reason, which Slack's own client would not send, is answered at its field."""
    request = await office.asks()
    await office.ada.types(GENERAL, f"cancel {request.id}")
    await office.ada.sees_view(lambda view: view.get("submit") is not None)
    await office.ada.writes("Why", "Wrong quarter")
    await office.ada.submits()
    sent = office.last_sent("view_submission")
    other = await office.asks(OTHER_STORY)
    sent["view"]["private_metadata"] = sent["view"]["private_metadata"].replace(request.id, other.id)
    for block in sent["view"]["state"]["values"].values():
        for action in block.values():
            action["value"] = None
    answer = await office.sent_again(sent)
    assert "Say why" in str(answer)
    assert (answer["response_action"], (await office.request(other.id)).state) == ("errors", State.PENDING)
    assert await office.kinds(other) == ["asked", "refused"]


async def test_break_glass_is_loud(open_office: OpenOffice) -> None:
    """A break-glass person runs it at once, alone; the channel shows so loudly with the reason, and the record says so."""
    office = await open_office(route={"break_glass": (TOM,)})
    await office.fills_in(STORY, who=office.tom, reason="Phishing wave right now")
    await office.tom.picks("Emergency", "Run at once")
    await office.tom.submits()
    await office.tom.reads_in_view("runs at once, without approval")
    async with office.stage.bot.store.reading() as reader:
        (request,), _ = await reader.requested_by(TOM, limit=1)
    await office.approval_message(request, pattern="BREAK-GLASS.*Phishing wave right now")
    await office.in_thread(request, "(?s)Break-glass.*@tom.*Phishing wave right now")
    await office.rests(request, State.SUCCEEDED)
    assert (await office.kinds(request))[0] == "break_glass"


async def test_break_glass_is_offered_to_nobody_else(open_office: OpenOffice) -> None:
    """The form of somebody who is not listed has no such field."""
    office = await open_office(route={"break_glass": (TOM,)})
    await office.fills_in()
    assert "Emergency" not in office.rina.reads()


async def test_freeze_is_said_everywhere_and_holds(office: Office) -> None:
    """The channel, the waiting message, the form and the status say who froze the route and why; nothing runs until thaw."""
    request = await office.asks(STORY)
    await office.ada.types(GENERAL, "freeze dev-to-prod Quarter end")
    await office.ada.sees_message(APPROVALS, "(?s)@ada froze.*Quarter end")
    await office.approval_message(request, pattern="Frozen.*@ada.*Quarter end")
    await office.fills_in(OTHER_STORY)
    assert "Quarter end" in office.rina.reads()
    await office.approves(request)
    await office.approval_message(request, pattern="runs when it is thawed")
    assert office.creates() == []
    await office.ben.types(GENERAL, "thaw dev-to-prod")
    await office.comes_to(request, State.SUCCEEDED)
    await office.ada.sees_message(APPROVALS, "@ben thawed")
    assert len(office.creates()) == 1


async def test_only_approvers_freeze(office: Office) -> None:
    """Who is no approver reads so, the route stays open, and the attempt is recorded."""
    await office.tom.types(GENERAL, "freeze dev-to-prod because I can")
    await office.tom.sees_message(GENERAL, "Only approvers of dev-to-prod can freeze")
    async with office.stage.bot.store.reading() as reader:
        assert await reader.freezes() == {}
    event = (await office.events())[-1]
    assert (event.kind, event.actor, event.data["what"]) == ("refused", TOM, "freeze")


async def test_guests_and_deactivated_people_do_not_count(open_office: OpenOffice) -> None:
    """Where everybody may approve, a guest reads why they may not."""
    office = await open_office(route={"approvers": ("*",)})
    request = await office.asks()
    ben = office.stage.slack.workspace.user(BEN)
    assert ben is not None
    ben.is_restricted = True
    await office.ben.clicks("Review", await office.approval_message(request), APPROVALS)
    view = await office.ben.sees_view(lambda view: "Guests and people" in office.stage.slack.render(view))
    assert view.get("submit") is None
