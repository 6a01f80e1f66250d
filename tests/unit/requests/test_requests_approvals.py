from dataclasses import replace

import pytest

from handlers.models import State
from handlers.people import PeopleUnavailableError, Person
from handlers.requests import Done, NotNow, approve, cancel
from handlers.requests.answers import Field, Invalid
from tests.unit.requests.conftest import OpenHarness
from tests.unit.requests.harness import ADA, APPROVALS, BEN, CLEO, LEADS, OPS, RINA, Staff


@pytest.mark.parametrize("why", ["guests", "deactivated"])
async def test_who_does_not_count_any_more_is_not_counted(open_harness: OpenHarness, why: str) -> None:
    """An approval of somebody who was deactivated or became a guest since no longer counts when the quorum is counted."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    shown = await harness.shown(request.id)
    assert isinstance(await approve(harness.services, ADA, shown, budget=None), Done)
    getattr(harness.staff, why).add(ADA)
    second = await approve(harness.services, BEN, shown, budget=None)
    assert isinstance(second, Done)
    assert "needs 1 more approval" in second.text
    waiting = await harness.now(request.id)
    assert (waiting.state, [each.actor for each in waiting.approvals()]) == (State.PENDING, [BEN])
    (void,) = [each for each in await harness.events(request.id) if each.kind == "approval_void"]
    assert (void.actor, void.data["approver"]) == ("tines-sync", ADA)
    assert void.data["reasons"]
    (told,) = [each for each in await harness.told(APPROVALS) if each.get("kind") == "approval_void"]
    assert (told["actor"], told["have"], told["needed"]) == (ADA, 0, 2)
    assert isinstance(await approve(harness.services, CLEO, shown, budget=None), Done)
    assert (await harness.now(request.id)).state is State.APPROVED


async def test_who_left_the_group_since_still_counts(open_harness: OpenHarness) -> None:
    """People on duty change with every shift: who was an approver when they approved is counted."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    shown = await harness.shown(request.id)
    await approve(harness.services, ADA, shown, budget=None)
    harness.staff.groups[LEADS].remove(ADA)
    await approve(harness.services, BEN, shown, budget=None)
    assert (await harness.now(request.id)).state is State.APPROVED


async def test_who_was_put_on_the_denied_group_since_is_not_counted(open_harness: OpenHarness) -> None:
    """Denied wins, also over an approval that was given before, and through a group."""
    harness = await open_harness(approvals=2, approvers=("*",), denied=(OPS,))
    harness.staff.groups[OPS] = set()
    request = await harness.asks()
    shown = await harness.shown(request.id)
    await approve(harness.services, ADA, shown, budget=None)
    harness.staff.groups[OPS].add(ADA)
    await approve(harness.services, BEN, shown, budget=None)
    assert (await harness.now(request.id)).state is State.PENDING


class Silent(Staff):
    """People of whom Slack says who they are, but for one."""

    async def person(self, user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        """Return the person; Slack does not answer for Ada."""
        if user_id == ADA:
            message = "Slack does not answer"
            raise PeopleUnavailableError(message)
        return await super().person(user_id, groups, fresh=fresh)


async def test_nothing_is_counted_with_people_whom_nobody_knows(open_harness: OpenHarness) -> None:
    """While Slack does not say who approved before, nothing is decided, and the attempt is recorded."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    shown = await harness.shown(request.id)
    await approve(harness.services, ADA, shown, budget=None)
    answer = await approve(replace(harness.services, people=Silent()), BEN, shown, budget=None)
    assert isinstance(answer, NotNow)
    waiting = await harness.now(request.id)
    assert (waiting.state, [each.actor for each in waiting.approvals()]) == (State.PENDING, [ADA])
    last = (await harness.events(request.id))[-1]
    assert (last.kind, last.actor, last.data["what"]) == ("refused", BEN, "approve")


@pytest.mark.parametrize(("actor", "reason", "taken"), [(ADA, " \n", False), (ADA, "Wrong", True), (RINA, "", True)])
async def test_who_cancels_for_others_says_why(
    open_harness: OpenHarness, actor: str, reason: str, *, taken: bool
) -> None:
    """Whatever the form let through: only the requester cancels without a word, and the attempt is recorded."""
    harness = await open_harness()
    request = await harness.asks()
    answer = await cancel(harness.services, actor, request.id, reason)
    assert ((await harness.now(request.id)).state is State.CANCELLED) is taken
    last = (await harness.events(request.id))[-1]
    if taken:
        assert last.kind == "cancelled"
    else:
        assert isinstance(answer, Invalid)
        assert Field.REASON in answer.fields
        assert (last.kind, last.actor, last.data["what"]) == ("refused", ADA, "cancel")
