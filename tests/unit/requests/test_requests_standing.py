from dataclasses import replace

import pytest

from handlers.models import State
from handlers.people import PeopleUnavailableError, Person
from handlers.requests import Done, NotNow, approve, cancel
from handlers.requests.answers import Field, Invalid
from tests.unit.requests.conftest import OpenRoom
from tests.unit.requests.room import ADA, APPROVALS, BEN, CLEO, LEADS, OPS, RINA, Staff


@pytest.mark.parametrize("why", ["guests", "deactivated"])
async def test_who_does_not_count_any_more_is_not_counted(open_room: OpenRoom, why: str) -> None:
    """An approval of somebody who was deactivated or became a guest since falls away before the quorum is counted."""
    room = await open_room(approvals=2)
    request = await room.asks()
    shown = await room.shown(request.id)
    assert isinstance(await approve(room.desk, ADA, shown, patience=None), Done)
    getattr(room.staff, why).add(ADA)
    second = await approve(room.desk, BEN, shown, patience=None)
    assert isinstance(second, Done)
    assert "needs 1 more approval" in second.text
    waiting = await room.now(request.id)
    assert (waiting.state, [each.actor for each in waiting.approvals()]) == (State.PENDING, [BEN])
    (void,) = [each for each in await room.events(request.id) if each.kind == "approval_void"]
    assert (void.actor, void.data["approver"]) == ("tines-sync", ADA)
    assert void.data["reasons"]
    (told,) = [each for each in await room.told(APPROVALS) if each.get("kind") == "approval_void"]
    assert (told["actor"], told["have"], told["needed"]) == (ADA, 0, 2)
    assert isinstance(await approve(room.desk, CLEO, shown, patience=None), Done)
    assert (await room.now(request.id)).state is State.APPROVED


async def test_who_left_the_group_since_still_counts(open_room: OpenRoom) -> None:
    """People on duty change with every shift: who was an approver when they approved is counted."""
    room = await open_room(approvals=2)
    request = await room.asks()
    shown = await room.shown(request.id)
    await approve(room.desk, ADA, shown, patience=None)
    room.staff.groups[LEADS].remove(ADA)
    await approve(room.desk, BEN, shown, patience=None)
    assert (await room.now(request.id)).state is State.APPROVED


async def test_who_was_put_on_the_denied_group_since_is_not_counted(open_room: OpenRoom) -> None:
    """Denied wins, also over an approval that was given before, and through a group."""
    room = await open_room(approvals=2, approvers=("*",), denied=(OPS,))
    room.staff.groups[OPS] = set()
    request = await room.asks()
    shown = await room.shown(request.id)
    await approve(room.desk, ADA, shown, patience=None)
    room.staff.groups[OPS].add(ADA)
    await approve(room.desk, BEN, shown, patience=None)
    assert (await room.now(request.id)).state is State.PENDING


class Silent(Staff):
    """People of whom Slack says who they are, but for one."""

    async def person(self, user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        """Return the person; Slack does not answer for Ada."""
        if user_id == ADA:
            message = "Slack does not answer"
            raise PeopleUnavailableError(message)
        return await super().person(user_id, groups, fresh=fresh)


async def test_nothing_is_counted_with_people_whom_nobody_knows(open_room: OpenRoom) -> None:
    """While Slack does not say who approved before, nothing is decided, and the attempt is recorded."""
    room = await open_room(approvals=2)
    request = await room.asks()
    shown = await room.shown(request.id)
    await approve(room.desk, ADA, shown, patience=None)
    answer = await approve(replace(room.desk, people=Silent()), BEN, shown, patience=None)
    assert isinstance(answer, NotNow)
    waiting = await room.now(request.id)
    assert (waiting.state, [each.actor for each in waiting.approvals()]) == (State.PENDING, [ADA])
    last = (await room.events(request.id))[-1]
    assert (last.kind, last.actor, last.data["what"]) == ("refused", BEN, "approve")


@pytest.mark.parametrize(("actor", "reason", "taken"), [(ADA, " \n", False), (ADA, "Wrong", True), (RINA, "", True)])
async def test_who_cancels_for_others_says_why(open_room: OpenRoom, actor: str, reason: str, *, taken: bool) -> None:
    """Whatever the form let through: only the requester cancels without a word, and the attempt is recorded."""
    room = await open_room()
    request = await room.asks()
    answer = await cancel(room.desk, actor, request.id, reason)
    assert ((await room.now(request.id)).state is State.CANCELLED) is taken
    last = (await room.events(request.id))[-1]
    if taken:
        assert last.kind == "cancelled"
    else:
        assert isinstance(answer, Invalid)
        assert Field.REASON in answer.fields
        assert (last.kind, last.actor, last.data["what"]) == ("refused", ADA, "cancel")
