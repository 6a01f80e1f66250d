from typing import Any

import pytest

from handlers.models import State
from handlers.requests import Changed, Done, Refused, approve, cancel, edit, reject, withdraw
from handlers.routes import Ping

from .conftest import OpenHarness
from .harness import ADA, BEN, CLEO, LEADS, OPS, RINA, TOM, reasons


async def test_one_approval_runs_it(open_harness: OpenHarness) -> None:
    """With one approval needed, an approver's approval of what was shown approves, and exactly one create follows."""
    harness = await open_harness()
    request = await harness.asks()
    answer = await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    assert isinstance(answer, Done)
    assert answer.request.state is State.APPROVED
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert harness.creates() == 1
    kinds = await harness.kinds(request.id)
    assert [kind for kind in kinds if kind != "status"] == ["asked", "approved", "create_begun", "created", "succeeded"]


async def test_an_approval_carries_a_comment(open_harness: OpenHarness) -> None:
    """What an approver comments stands on the decision, in the record and in the thread; without one nothing is told."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    shown = await harness.shown(request.id)
    await approve(harness.services, ADA, shown, "Only after 18:00 <!channel>", budget=None)
    await approve(harness.services, CLEO, shown, budget=None)
    assert [each.comment for each in (await harness.now(request.id)).approvals()] == ["Only after 18:00 <!channel>", ""]
    recorded = [event.data.get("comment") for event in await harness.events(request.id) if event.kind == "approved"]
    assert recorded == ["Only after 18:00 <!channel>", None]
    notes = [each for each in await harness.told() if each.get("kind") == "approval_comment"]
    assert [(each["actor"], each["comment"]) for each in notes] == [(ADA, "Only after 18:00 <!channel>")]


@pytest.mark.parametrize(
    ("policy", "requester", "written_to"),
    [
        ({}, RINA, set()),
        ({"ping_approvers": Ping.MENTION}, RINA, set()),
        ({"ping_approvers": Ping.DIRECT}, RINA, {ADA, BEN, CLEO}),
        ({"ping_approvers": Ping.DIRECT}, BEN, {ADA, CLEO}),
        ({"ping_approvers": Ping.DIRECT, "self_approval": True}, BEN, {ADA, BEN, CLEO}),
        ({"ping_approvers": Ping.DIRECT, "denied": (ADA,)}, RINA, {BEN, CLEO}),
        ({"ping_approvers": Ping.DIRECT, "approvers": ("*", CLEO)}, RINA, {CLEO}),
    ],
)
async def test_approvers_are_written_to_where_the_route_says_so(
    open_harness: OpenHarness, policy: dict[str, Any], requester: str, written_to: set[str]
) -> None:
    """With `ping_approvers = "direct"` each listed person who can approve has a message of their own; else nobody."""
    harness = await open_harness(**policy)
    harness.staff.groups = {LEADS: {ADA, BEN}}
    await harness.asks(requester)
    told = {who for who in (ADA, BEN, CLEO, RINA, TOM) if await harness.told(f"@{who}")}
    assert told == written_to


async def test_quorum(open_harness: OpenHarness) -> None:
    """With two approvals needed, the first only counts; each approver counts once, and a double click changes nothing."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    shown = await harness.shown(request.id)
    first = await approve(harness.services, ADA, shown, budget=None)
    again = await approve(harness.services, ADA, shown, budget=None)
    assert isinstance(first, Done)
    assert "needs 1 more approval" in first.text
    assert isinstance(again, Done)
    assert "already approved" in again.text
    assert (await harness.kinds(request.id)).count("repeated") == 1
    assert (await harness.now(request.id)).state is State.PENDING
    await approve(harness.services, CLEO, shown, budget=None)
    now = await harness.now(request.id)
    assert now.state is State.APPROVED
    assert [decision.actor for decision in now.approvals()] == [ADA, CLEO]


async def test_separate_groups(open_harness: OpenHarness) -> None:
    """Where approvals must come from two groups, two people of one group are not enough, a third from another is."""
    harness = await open_harness(approvers=(LEADS, OPS), approvals=2, separate_groups=2)
    harness.staff.groups = {LEADS: {ADA, BEN}, OPS: {CLEO}}
    request = await harness.asks()
    shown = await harness.shown(request.id)
    for actor in (ADA, BEN):
        await approve(harness.services, actor, shown, budget=None)
    assert (await harness.now(request.id)).state is State.PENDING
    await approve(harness.services, CLEO, shown, budget=None)
    assert (await harness.now(request.id)).state is State.APPROVED


@pytest.mark.parametrize(
    ("policy", "actor", "said"),
    [
        ({}, TOM, "not an approver"),
        ({"approvers": ("*",)}, RINA, "requesters cannot approve their own requests"),
        ({"denied": (ADA,)}, ADA, "that you can see"),
        ({"denied": (LEADS,)}, ADA, "that you can see"),
        ({"approvers": ("*",), "denied": (TOM,)}, TOM, "that you can see"),
    ],
    ids=["not listed", "own requests", "denied by name", "denied through a group", "denied wins over everybody"],
)
async def test_who_may_not_approve(open_harness: OpenHarness, policy: dict[str, object], actor: str, said: str) -> None:
    """Who may not approve reads why, nothing changes, and the refusal is recorded with its reasons."""
    harness = await open_harness(**policy)
    request = await harness.asks()
    answer = await approve(harness.services, actor, await harness.shown(request.id), budget=None)
    assert isinstance(answer, Refused)
    assert said in reasons(answer)
    assert (await harness.now(request.id)).decisions == ()
    refusal = (await harness.events(request.id))[-1]
    assert (refusal.kind, refusal.actor, refusal.data["what"]) == ("refused", actor, "approve")
    assert refusal.data["reasons"] == list(answer.reasons)


@pytest.mark.parametrize("which", ["guests", "deactivated"])
async def test_guests_and_deactivated_people_never_count(open_harness: OpenHarness, which: str) -> None:
    """A guest or a deactivated account does not approve, even where everybody may."""
    harness = await open_harness(approvers=("*",))
    getattr(harness.staff, which).add(TOM)
    request = await harness.asks()
    answer = await approve(harness.services, TOM, await harness.shown(request.id), budget=None)
    assert isinstance(answer, Refused)
    assert (await harness.now(request.id)).state is State.PENDING


async def test_a_group_is_looked_up_afresh_before_refusing(open_harness: OpenHarness) -> None:
    """Who joined the approvers a moment ago is not refused by what is remembered of them."""
    harness = await open_harness()
    request = await harness.asks()
    harness.staff.remembered[TOM] = await harness.staff.person(TOM, frozenset({LEADS}))
    harness.staff.groups[LEADS].add(TOM)
    answer = await approve(harness.services, TOM, await harness.shown(request.id), budget=None)
    assert isinstance(answer, Done)


async def test_self_approval_where_the_route_allows_it(open_harness: OpenHarness) -> None:
    """A requester who is an approver approves their own request only where the route says so."""
    harness = await open_harness(approvers=("*",), self_approval=True)
    request = await harness.asks()
    assert isinstance(await approve(harness.services, RINA, await harness.shown(request.id), budget=None), Done)


async def test_a_story_edited_since_is_shown_again(open_harness: OpenHarness) -> None:
    """An approval of stories that were edited since is not taken: it says which, and the fresh view is approved."""
    harness = await open_harness()
    request = await harness.asks()
    old = await harness.shown(request.id)
    harness.clock.passes(minutes=1)
    harness.dev.edit_action(harness.story("High-Priority Alerts"), mode="extract")
    answer = await approve(harness.services, ADA, old, budget=None)
    assert isinstance(answer, Changed)
    assert answer.changes == ("High-Priority Alerts was edited in Tines since then.",)
    assert (await harness.now(request.id)).decisions == ()
    assert isinstance(await approve(harness.services, ADA, await harness.shown(request.id), budget=None), Done)
    assert (await harness.now(request.id)).state is State.APPROVED


async def test_an_approval_of_older_stories_falls_away(open_harness: OpenHarness) -> None:
    """When the second approver sees edited stories, the first one's approval was for others and no longer counts."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    harness.clock.passes(minutes=1)
    harness.dev.edit_action(harness.story("High-Priority Alerts"), mode="extract")
    await approve(harness.services, BEN, await harness.shown(request.id), budget=None)
    now = await harness.now(request.id)
    assert now.state is State.PENDING
    assert [decision.actor for decision in now.approvals()] == [BEN]
    assert any(each.get("kind") == "stories_changed" for each in await harness.told())
    await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    assert (await harness.now(request.id)).state is State.APPROVED


async def test_two_approvals_of_edited_stories_at_once_both_count(open_harness: OpenHarness) -> None:
    """Two approvers who both saw the edited stories both count, whoever of them is first to bring them in."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    harness.clock.passes(minutes=1)
    harness.dev.edit_action(harness.story("High-Priority Alerts"), mode="extract")
    shown = await harness.shown(request.id)
    before = await harness.now(request.id)
    assert shown.digest != before.digest
    await approve(harness.services, ADA, shown, budget=None)
    assert isinstance(await approve(harness.services, BEN, shown, budget=None), Done)
    assert (await harness.now(request.id)).state is State.APPROVED


async def test_a_story_edited_between_approval_and_create_is_approved_again(open_harness: OpenHarness) -> None:
    """What was approved is what is sent: a story edited after the approval sends the request back to its approvers."""
    harness = await open_harness()
    request = await harness.asks()
    await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    harness.clock.passes(minutes=1)
    harness.dev.edit_action(harness.story("High-Priority Alerts"), mode="extract")
    back = await harness.works(request.id)
    assert (back.state, back.revision, back.approvals(), harness.creates()) == (State.PENDING, 2, (), 0)
    assert isinstance(await approve(harness.services, ADA, await harness.shown(request.id), budget=None), Done)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert harness.creates() == 1


@pytest.mark.parametrize("what", ["delete", "change control"])
async def test_a_story_that_is_gone_is_not_approved(open_harness: OpenHarness, what: str) -> None:
    """A request with a story that cannot be synced any more is not approved, and the story is named."""
    harness = await open_harness()
    request = await harness.asks()
    shown = await harness.shown(request.id)
    if what == "delete":
        harness.dev.delete_story(harness.story("Shift handover notes"))
    else:
        harness.dev.set_change_control(harness.story("Shift handover notes"), enabled=False)
    answer = await approve(harness.services, ADA, shown, budget=None)
    assert isinstance(answer, Changed)
    assert "Shift handover notes was deleted" in answer.changes[0]


@pytest.mark.parametrize(
    ("ping", "written_to", "mentioned"),
    [(Ping.OFF, [], []), (Ping.MENTION, [], [ADA]), (Ping.DIRECT, [ADA], [])],
)
async def test_who_had_approved_is_asked_again_after_an_edit(
    open_harness: OpenHarness, ping: Ping, written_to: list[str], mentioned: list[str]
) -> None:
    """Those whose approval an edit cleared are pinged as the route says, once; the editor and everybody else are not."""
    harness = await open_harness(approvals=3, self_approval=True, approvers=("*",), ping_approvers=ping)
    request = await harness.asks()
    for actor in (ADA, RINA):
        await approve(harness.services, actor, await harness.shown(request.id), budget=None)
    for revision, reason in ((1, "More of it"), (2, "Even more")):
        harness.clock.passes(minutes=1)
        edited = await edit(harness.services, RINA, request.id, revision, harness.form(reason=reason), budget=None)
        assert isinstance(edited, Done)
    told = {who: [each["kind"] for each in await harness.told(f"@{who}")] for who in (ADA, BEN, RINA)}
    assert told == {who: ["approval_lost"] if who in written_to else [] for who in (ADA, BEN, RINA)}
    notes = [each for each in await harness.told() if each.get("kind") == "edited"]
    assert [note["mentioned"] for note in notes] == [mentioned, []]


async def test_editing_clears_approvals(open_harness: OpenHarness) -> None:
    """An edit makes a new revision: approvals no longer count, with a note, an old review is shown again, a new one counts."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    old = await harness.shown(request.id)
    await approve(harness.services, ADA, old, budget=None)
    edited = await edit(harness.services, RINA, request.id, 1, harness.form(reason="More of it"), budget=None)
    assert isinstance(edited, Done)
    now = await harness.now(request.id)
    assert (now.revision, now.approvals(), now.reason) == (2, (), "More of it")
    note = next(each for each in await harness.told() if each.get("kind") == "edited")
    assert note["approvals_lost"] == 1
    assert note["actor"] == RINA
    answer = await approve(harness.services, BEN, old, budget=None)
    assert isinstance(answer, Changed)
    assert "requester edited the request" in answer.changes[0]
    for actor in (ADA, BEN):
        assert isinstance(await approve(harness.services, actor, await harness.shown(request.id), budget=None), Done)
    assert (await harness.now(request.id)).state is State.APPROVED


async def test_only_the_requester_edits_and_only_what_is_pending(open_harness: OpenHarness) -> None:
    """Nobody else edits a request, an outdated form does not, and none edits what was decided."""
    harness = await open_harness()
    request = await harness.asks()
    other = await edit(harness.services, ADA, request.id, 1, harness.form(), budget=None)
    assert "Only the requester" in reasons(other)
    await edit(harness.services, RINA, request.id, 1, harness.form(reason="Second"), budget=None)
    late = await edit(harness.services, RINA, request.id, 1, harness.form(reason="Third"), budget=None)
    assert "form is outdated" in reasons(late)
    await reject(harness.services, ADA, await harness.shown(request.id), "No")
    decided = await edit(harness.services, RINA, request.id, 2, harness.form(), budget=None)
    assert "was rejected" in reasons(decided)


async def test_withdraw_until_the_quorum(open_harness: OpenHarness) -> None:
    """An approver takes an approval back while the quorum is missing, may give it again, and not take it back after."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    shown = await harness.shown(request.id)
    await approve(harness.services, ADA, shown, budget=None)
    assert isinstance(await withdraw(harness.services, ADA, request.id), Done)
    assert (await harness.now(request.id)).approvals() == ()
    note = next(each for each in await harness.told() if each.get("kind") == "withdrawn")
    assert (note["actor"], note["have"], note["needed"]) == (ADA, 0, 2)
    assert isinstance(await withdraw(harness.services, ADA, request.id), Refused)
    for actor in (BEN, ADA):
        assert isinstance(await approve(harness.services, actor, shown, budget=None), Done)
    late = await withdraw(harness.services, ADA, request.id)
    assert "is already approved" in reasons(late)


async def test_reject_ends_it(open_harness: OpenHarness) -> None:
    """A rejection ends the request with its comment, its requester is told, and later approvals are told by whom."""
    harness = await open_harness()
    request = await harness.asks()
    shown = await harness.shown(request.id)
    assert isinstance(await reject(harness.services, ADA, shown, "Not this week"), Done)
    now = await harness.now(request.id)
    assert (now.state, now.closed_by, now.closed_comment) == (State.REJECTED, ADA, "Not this week")
    assert [each["kind"] for each in await harness.told(f"@{RINA}")] == ["rejected"]
    late = await approve(harness.services, BEN, shown, budget=None)
    assert "was rejected" in reasons(late)
    assert isinstance(late, Refused)
    assert late.request is not None
    assert late.request.closed_by == ADA
    assert (await harness.finishes(request.id)).state is State.REJECTED
    assert harness.creates() == 0


@pytest.mark.parametrize(("actor", "may"), [(RINA, True), (ADA, True), (TOM, False)])
async def test_who_cancels(open_harness: OpenHarness, actor: str, *, may: bool) -> None:
    """The requester or an approver cancels, with a reason that is kept; nobody else does."""
    harness = await open_harness()
    request = await harness.asks()
    answer = await cancel(harness.services, actor, request.id, "Wrong team")
    now = await harness.now(request.id)
    assert isinstance(answer, Done) is may
    assert (now.state is State.CANCELLED) is may
    if may:
        assert (now.closed_by, now.closed_comment) == (actor, "Wrong team")
        assert (await harness.events(request.id))[-1].data["reason"] == "Wrong team"
        told = [each["kind"] for each in await harness.told(f"@{RINA}")]
        assert told == ([] if actor == RINA else ["cancelled"]), "nobody is told in person what they did themselves"


async def test_an_approved_request_can_still_be_cancelled_before_it_is_sent(open_harness: OpenHarness) -> None:
    """Between approval and create a cancellation wins, and nothing is sent; after the create it is refused."""
    harness = await open_harness()
    first, second = await harness.asks(), await harness.asks()
    for request in (first, second):
        await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    assert isinstance(await cancel(harness.services, RINA, first.id, "Changed my mind"), Done)
    assert (await harness.finishes(first.id)).state is State.CANCELLED
    assert harness.creates() == 0
    await harness.finishes(second.id)
    assert "was carried out" in reasons(await cancel(harness.services, RINA, second.id, "Too late"))
