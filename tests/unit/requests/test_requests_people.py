import pytest

from handlers.models import State
from handlers.people import PeopleUnavailableError, Person
from handlers.requests import (
    Done,
    Invalid,
    NotNow,
    Refused,
    approve,
    cancel,
    edit,
    freeze,
    submit,
    unfreeze,
    withdraw,
)

from .conftest import OpenHarness
from .harness import ADA, BEN, CLEO, LEADS, RINA, ROUTE, TOM, RequestHarness, Staff, reasons

GRID = {"W0ADA": ADA, "W0RINA": RINA}  # another id of a person → the one that is stored


async def test_the_same_person_by_two_ids_approves_once(open_harness: OpenHarness) -> None:
    """Where two must approve, one person with two ids is one of them; a click twice by either counts once."""
    harness = await open_harness(approvals=2)
    harness.staff.same.update(GRID)
    request = await harness.asks()
    shown = await harness.shown(request.id)
    assert isinstance(await approve(harness.services, "W0ADA", shown, budget=None), Done)
    again = await approve(harness.services, ADA, shown, budget=None)
    assert isinstance(again, Done)
    assert "already approved" in again.text
    now = await harness.now(request.id)
    assert (now.state, [each.actor for each in now.decisions]) == (State.PENDING, [ADA])


async def test_nobody_approves_what_they_asked_for_under_another_id(open_harness: OpenHarness) -> None:
    """A requester who comes back under their other id is still the requester."""
    harness = await open_harness(approvers=("*",))
    harness.staff.same.update(GRID)
    request = await harness.asks("W0RINA")
    assert request.requester == RINA
    refused = await approve(harness.services, RINA, await harness.shown(request.id), budget=None)
    assert "You requested this" in reasons(refused)
    edited = await edit(harness.services, "W0RINA", request.id, 1, harness.form(reason="Better"), budget=None)
    assert isinstance(edited, Done)
    assert isinstance(await cancel(harness.services, "W0RINA", request.id, ""), Done)


async def test_an_approval_is_withdrawn_under_whichever_id_it_was_given(open_harness: OpenHarness) -> None:
    """Somebody whose ids changed since takes back what they gave before."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    assert isinstance(await approve(harness.services, ADA, await harness.shown(request.id), budget=None), Done)
    harness.staff.same.update({ADA: "W0ADA"})  # from now on the other one is stored
    answer = await withdraw(harness.services, "W0ADA", request.id)
    assert isinstance(answer, Done)
    assert not answer.request.approvals()
    assert not (await harness.now(request.id)).approvals()


@pytest.fixture
async def outdated(open_harness: OpenHarness) -> RequestHarness:
    """Return a harness in which Ada was an approver within the last minute, is remembered as one, and is none now."""
    harness = await open_harness(approvers=(LEADS, CLEO), break_glass=(LEADS,))
    harness.staff.remembered[ADA] = await harness.staff.person(ADA, frozenset({LEADS}))
    harness.staff.groups[LEADS].discard(ADA)
    return harness


async def test_who_was_an_approver_a_moment_ago_does_not_approve(outdated: RequestHarness) -> None:
    """Before an approval counts Slack is asked afresh: what is remembered of a person approves nothing."""
    request = await outdated.asks()
    refused = await approve(outdated.services, ADA, await outdated.shown(request.id), budget=None)
    assert "not an approver" in reasons(refused)
    assert (await outdated.now(request.id)).state is State.PENDING


async def test_who_was_listed_a_moment_ago_does_not_break_the_glass(outdated: RequestHarness) -> None:
    """Before a request runs without approval Slack is asked afresh."""
    refused = await submit(outdated.services, ADA, outdated.form(emergency=True), budget=None)
    assert isinstance(refused, Invalid)
    assert "without approval" in str(refused.fields)


async def test_who_was_an_approver_a_moment_ago_does_not_unfreeze(outdated: RequestHarness) -> None:
    """Before a frozen route runs again Slack is asked afresh."""
    assert not isinstance(await freeze(outdated.services, BEN, ROUTE, "an incident"), Refused)
    assert "Only approvers" in reasons(await unfreeze(outdated.services, ADA, ROUTE))


async def test_who_is_deactivated_a_moment_later_does_not_count_with_others(open_harness: OpenHarness) -> None:
    """An approval given before is judged afresh as well when the last one is given."""
    harness = await open_harness(approvals=2)
    request = await harness.asks()
    shown = await harness.shown(request.id)
    assert isinstance(await approve(harness.services, ADA, shown, budget=None), Done)
    harness.staff.remembered[ADA] = await harness.staff.person(ADA, frozenset({LEADS}))
    harness.staff.deactivated.add(ADA)
    assert isinstance(await approve(harness.services, BEN, shown, budget=None), Done)
    assert (await harness.now(request.id)).state is State.PENDING


class _Silent(Staff):
    """A Slack that answers from memory only."""

    async def person(self, user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        """Give what is remembered; nothing afresh."""
        if fresh:
            message = "Slack did not say."
            raise PeopleUnavailableError(message)
        return await super().person(user_id, groups)


async def test_where_slack_does_not_answer_nothing_is_approved(open_harness: OpenHarness) -> None:
    """When Slack cannot be asked afresh, the approver reads to try again, whatever is remembered of them."""
    harness = await open_harness(staff=_Silent())
    request = await harness.asks()
    answer = await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    assert isinstance(answer, NotNow)
    assert answer.problem.what == "Slack does not say who you are right now"
    assert not (await harness.now(request.id)).decisions


async def test_a_group_in_denied_that_nobody_can_read_closes_the_route(open_harness: OpenHarness) -> None:
    """While nobody can tell whom a route denies, nobody approves on it; who asks or freezes reads why not."""
    harness = await open_harness(denied=("S0LEFT",))
    request = await harness.asks()
    shown = await harness.shown(request.id)
    harness.staff.unreadable.add("S0LEFT")
    said = f"Nobody can use {ROUTE} right now"
    assert "that you can see" in reasons(await approve(harness.services, ADA, shown, budget=None))
    assert said in reasons(await freeze(harness.services, ADA, ROUTE, "an incident"))
    refused = await submit(harness.services, TOM, harness.form(), budget=None)
    assert isinstance(refused, Invalid)
    assert said in str(refused.fields)
