import pytest

from handlers.models import State
from handlers.requests import Changed, Done, Refused, approve, cancel, edit, reject, withdraw

from .conftest import OpenRoom
from .room import ADA, BEN, CLEO, LEADS, OPS, RINA, TOM, reasons


async def test_one_approval_runs_it(open_room: OpenRoom) -> None:
    """With one approval needed, an approver's approval of what was shown approves, and exactly one create follows."""
    room = await open_room()
    request = await room.asks()
    answer = await approve(room.desk, ADA, await room.shown(request.id), patience=None)
    assert isinstance(answer, Done)
    assert answer.request.state is State.APPROVED
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert room.creates() == 1
    kinds = await room.kinds(request.id)
    assert [kind for kind in kinds if kind != "status"] == ["asked", "approved", "creating", "created", "succeeded"]


async def test_quorum(open_room: OpenRoom) -> None:
    """With two approvals needed, the first only counts; each approver counts once, and a double click changes nothing."""
    room = await open_room(approvals=2)
    request = await room.asks()
    shown = await room.shown(request.id)
    first = await approve(room.desk, ADA, shown, patience=None)
    again = await approve(room.desk, ADA, shown, patience=None)
    assert isinstance(first, Done)
    assert "needs 1 more approval" in first.text
    assert isinstance(again, Done)
    assert "counts already" in again.text
    assert (await room.kinds(request.id)).count("repeated") == 1
    assert (await room.now(request.id)).state is State.PENDING
    await approve(room.desk, CLEO, shown, patience=None)
    now = await room.now(request.id)
    assert now.state is State.APPROVED
    assert [decision.actor for decision in now.approvals()] == [ADA, CLEO]


async def test_separate_groups(open_room: OpenRoom) -> None:
    """Where approvals must come from two groups, two people of one group are not enough, a third from another is."""
    room = await open_room(approvers=(LEADS, OPS), approvals=2, separate_groups=2)
    room.staff.groups = {LEADS: {ADA, BEN}, OPS: {CLEO}}
    request = await room.asks()
    shown = await room.shown(request.id)
    for actor in (ADA, BEN):
        await approve(room.desk, actor, shown, patience=None)
    assert (await room.now(request.id)).state is State.PENDING
    await approve(room.desk, CLEO, shown, patience=None)
    assert (await room.now(request.id)).state is State.APPROVED


@pytest.mark.parametrize(
    ("policy", "actor", "said"),
    [
        ({}, TOM, "not among the approvers"),
        ({"approvers": ("*",)}, RINA, "nobody approves their own request"),
        ({"denied": (ADA,)}, ADA, "excludes you"),
        ({"denied": (LEADS,)}, ADA, "excludes you"),
        ({"approvers": ("*",), "denied": (TOM,)}, TOM, "excludes you"),
    ],
    ids=["not listed", "own request", "denied by name", "denied through a group", "denied wins over everybody"],
)
async def test_who_may_not_approve(open_room: OpenRoom, policy: dict[str, object], actor: str, said: str) -> None:
    """Who may not approve reads why, nothing changes, and the refusal is recorded with its reasons."""
    room = await open_room(**policy)
    request = await room.asks()
    answer = await approve(room.desk, actor, await room.shown(request.id), patience=None)
    assert isinstance(answer, Refused)
    assert said in reasons(answer)
    assert (await room.now(request.id)).decisions == ()
    refusal = (await room.events(request.id))[-1]
    assert (refusal.kind, refusal.actor, refusal.data["what"]) == ("refused", actor, "approve")
    assert refusal.data["reasons"] == list(answer.reasons)


@pytest.mark.parametrize("which", ["guests", "deactivated"])
async def test_guests_and_deactivated_people_never_count(open_room: OpenRoom, which: str) -> None:
    """A guest or a deactivated account does not approve, even where everybody may."""
    room = await open_room(approvers=("*",))
    getattr(room.staff, which).add(TOM)
    request = await room.asks()
    answer = await approve(room.desk, TOM, await room.shown(request.id), patience=None)
    assert isinstance(answer, Refused)
    assert (await room.now(request.id)).state is State.PENDING


async def test_a_group_is_looked_up_afresh_before_refusing(open_room: OpenRoom) -> None:
    """Who joined the approvers a moment ago is not refused by what is remembered of them."""
    room = await open_room()
    request = await room.asks()
    room.staff.remembered[TOM] = await room.staff.person(TOM, frozenset({LEADS}))
    room.staff.groups[LEADS].add(TOM)
    answer = await approve(room.desk, TOM, await room.shown(request.id), patience=None)
    assert isinstance(answer, Done)


async def test_self_approval_where_the_route_allows_it(open_room: OpenRoom) -> None:
    """A requester who is an approver approves their own request only where the route says so."""
    room = await open_room(approvers=("*",), self_approval=True)
    request = await room.asks()
    assert isinstance(await approve(room.desk, RINA, await room.shown(request.id), patience=None), Done)


async def test_a_story_edited_since_is_shown_again(open_room: OpenRoom) -> None:
    """An approval of stories that were edited since is not taken: it says which, and the fresh view is approved."""
    room = await open_room()
    request = await room.asks()
    old = await room.shown(request.id)
    room.clock.passes(minutes=1)
    room.dev.edit_story(room.story("High-Priority Alerts"))
    answer = await approve(room.desk, ADA, old, patience=None)
    assert isinstance(answer, Changed)
    assert answer.changes == ("High-Priority Alerts was edited on Tines since.",)
    assert (await room.now(request.id)).decisions == ()
    assert isinstance(await approve(room.desk, ADA, await room.shown(request.id), patience=None), Done)
    assert (await room.now(request.id)).state is State.APPROVED


async def test_an_approval_of_older_stories_falls_away(open_room: OpenRoom) -> None:
    """When the second approver sees edited stories, the first one's approval was for others and no longer counts."""
    room = await open_room(approvals=2)
    request = await room.asks()
    await approve(room.desk, ADA, await room.shown(request.id), patience=None)
    room.clock.passes(minutes=1)
    room.dev.edit_story(room.story("High-Priority Alerts"))
    await approve(room.desk, BEN, await room.shown(request.id), patience=None)
    now = await room.now(request.id)
    assert now.state is State.PENDING
    assert [decision.actor for decision in now.approvals()] == [BEN]
    assert any(each.get("kind") == "stories_changed" for each in await room.told())
    await approve(room.desk, ADA, await room.shown(request.id), patience=None)
    assert (await room.now(request.id)).state is State.APPROVED


async def test_two_approvals_of_edited_stories_at_once_both_count(open_room: OpenRoom) -> None:
    """Two approvers who both saw the edited stories both count, whoever of them is first to bring them in."""
    room = await open_room(approvals=2)
    request = await room.asks()
    room.clock.passes(minutes=1)
    room.dev.edit_story(room.story("High-Priority Alerts"))
    shown = await room.shown(request.id)
    before = await room.now(request.id)
    assert shown.digest != before.digest
    await approve(room.desk, ADA, shown, patience=None)
    assert isinstance(await approve(room.desk, BEN, shown, patience=None), Done)
    assert (await room.now(request.id)).state is State.APPROVED


async def test_a_story_edited_between_approval_and_create_is_approved_again(open_room: OpenRoom) -> None:
    """What was approved is what is sent: a story edited after the approval sends the request back to its approvers."""
    room = await open_room()
    request = await room.asks()
    await approve(room.desk, ADA, await room.shown(request.id), patience=None)
    room.clock.passes(minutes=1)
    room.dev.edit_story(room.story("High-Priority Alerts"))
    back = await room.works(request.id)
    assert (back.state, back.revision, back.approvals(), room.creates()) == (State.PENDING, 2, (), 0)
    assert isinstance(await approve(room.desk, ADA, await room.shown(request.id), patience=None), Done)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert room.creates() == 1


@pytest.mark.parametrize("what", ["delete", "change control"])
async def test_a_story_that_is_gone_is_not_approved(open_room: OpenRoom, what: str) -> None:
    """A request with a story that cannot be synced any more is not approved, and the story is named."""
    room = await open_room()
    request = await room.asks()
    shown = await room.shown(request.id)
    if what == "delete":
        room.dev.delete_story(room.story("Shift handover notes"))
    else:
        room.dev.set_change_control(room.story("Shift handover notes"), enabled=False)
    answer = await approve(room.desk, ADA, shown, patience=None)
    assert isinstance(answer, Changed)
    assert "Shift handover notes is gone" in answer.changes[0]


async def test_editing_clears_approvals(open_room: OpenRoom) -> None:
    """An edit makes a new revision: approvals fall away with a note, an old review is shown again, a new one counts."""
    room = await open_room(approvals=2)
    request = await room.asks()
    old = await room.shown(request.id)
    await approve(room.desk, ADA, old, patience=None)
    edited = await edit(room.desk, RINA, request.id, 1, room.form(reason="More of it"), patience=None)
    assert isinstance(edited, Done)
    now = await room.now(request.id)
    assert (now.revision, now.approvals(), now.content.reason) == (2, (), "More of it")
    note = next(each for each in await room.told() if each.get("kind") == "edited")
    assert note["approvals_lost"] == 1
    assert note["actor"] == RINA
    answer = await approve(room.desk, BEN, old, patience=None)
    assert isinstance(answer, Changed)
    assert "changed by the person who asked" in answer.changes[0]
    for actor in (ADA, BEN):
        assert isinstance(await approve(room.desk, actor, await room.shown(request.id), patience=None), Done)
    assert (await room.now(request.id)).state is State.APPROVED


async def test_only_the_requester_edits_and_only_what_is_pending(open_room: OpenRoom) -> None:
    """Nobody else edits a request, an outdated form does not, and none edits what was decided."""
    room = await open_room()
    request = await room.asks()
    other = await edit(room.desk, ADA, request.id, 1, room.form(), patience=None)
    assert "Only the person who asked" in reasons(other)
    await edit(room.desk, RINA, request.id, 1, room.form(reason="Second"), patience=None)
    late = await edit(room.desk, RINA, request.id, 1, room.form(reason="Third"), patience=None)
    assert "shows an old version" in reasons(late)
    await reject(room.desk, ADA, await room.shown(request.id), "No")
    decided = await edit(room.desk, RINA, request.id, 2, room.form(), patience=None)
    assert "was rejected" in reasons(decided)


async def test_withdraw_until_the_quorum(open_room: OpenRoom) -> None:
    """An approver takes an approval back while the quorum is missing, may give it again, and not take it back after."""
    room = await open_room(approvals=2)
    request = await room.asks()
    shown = await room.shown(request.id)
    await approve(room.desk, ADA, shown, patience=None)
    assert isinstance(await withdraw(room.desk, ADA, request.id), Done)
    assert (await room.now(request.id)).approvals() == ()
    note = next(each for each in await room.told() if each.get("kind") == "withdrawn")
    assert (note["actor"], note["have"], note["needed"]) == (ADA, 0, 2)
    assert isinstance(await withdraw(room.desk, ADA, request.id), Refused)
    for actor in (BEN, ADA):
        assert isinstance(await approve(room.desk, actor, shown, patience=None), Done)
    late = await withdraw(room.desk, ADA, request.id)
    assert "was approved meanwhile" in reasons(late)


async def test_reject_ends_it(open_room: OpenRoom) -> None:
    """A rejection ends the request with its comment, its requester is told, and later approvals are told by whom."""
    room = await open_room()
    request = await room.asks()
    shown = await room.shown(request.id)
    assert isinstance(await reject(room.desk, ADA, shown, "Not this week"), Done)
    now = await room.now(request.id)
    assert (now.state, now.closed_by, now.closed_comment) == (State.REJECTED, ADA, "Not this week")
    assert [each["kind"] for each in await room.told(f"@{RINA}")] == ["rejected"]
    late = await approve(room.desk, BEN, shown, patience=None)
    assert "was rejected" in reasons(late)
    assert isinstance(late, Refused)
    assert late.request is not None
    assert late.request.closed_by == ADA
    assert (await room.finishes(request.id)).state is State.REJECTED
    assert room.creates() == 0


@pytest.mark.parametrize(("actor", "may"), [(RINA, True), (ADA, True), (TOM, False)])
async def test_who_cancels(open_room: OpenRoom, actor: str, *, may: bool) -> None:
    """The requester or an approver cancels, with a reason that is kept; nobody else does."""
    room = await open_room()
    request = await room.asks()
    answer = await cancel(room.desk, actor, request.id, "Wrong team")
    now = await room.now(request.id)
    assert isinstance(answer, Done) is may
    assert (now.state is State.CANCELLED) is may
    if may:
        assert (now.closed_by, now.closed_comment) == (actor, "Wrong team")
        assert (await room.events(request.id))[-1].data["reason"] == "Wrong team"


async def test_an_approved_request_can_still_be_cancelled_before_it_is_sent(open_room: OpenRoom) -> None:
    """Between approval and create a cancellation wins, and nothing is sent; after the create it is refused."""
    room = await open_room()
    first, second = await room.asks(), await room.asks()
    for request in (first, second):
        await approve(room.desk, ADA, await room.shown(request.id), patience=None)
    assert isinstance(await cancel(room.desk, RINA, first.id, "Changed my mind"), Done)
    assert (await room.finishes(first.id)).state is State.CANCELLED
    assert room.creates() == 0
    await room.finishes(second.id)
    assert "was carried out" in reasons(await cancel(room.desk, RINA, second.id, "Too late"))
