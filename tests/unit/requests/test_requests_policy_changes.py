"""A policy that changes while requests wait: what has enough approvals now runs, and nothing else does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers.models import State
from handlers.people import PeopleUnavailableError, Person
from handlers.requests import Done, approve, edit, start_sufficient, withdraw
from handlers.routes import OperationPolicy

from .conftest import OpenHarness
from .harness import ADA, BEN, CLEO, LEADS, OPS, RINA, TOM, RequestHarness, Staff


def configures(harness: RequestHarness, **policy: Any) -> None:  # noqa: ANN401 - fields of the route
    """Start with another policy; what was asked for before stays."""
    harness.route = harness.route.model_copy(update=policy)
    topology = harness.services.topology.model_copy(update={"routes": {harness.route.name: harness.route}})
    executor = replace(harness.services.executor, topology=topology)
    harness.services = replace(harness.services, topology=topology, executor=executor)


async def approves(harness: RequestHarness, request_id: str, who: str = ADA) -> None:
    """Let somebody approve what they see."""
    answer = await approve(harness.services, who, await harness.shown(request_id), budget=None)
    assert isinstance(answer, Done), answer


async def test_approvals_that_are_enough_now_start_the_request(open_harness: OpenHarness) -> None:
    """Where two had to approve and one is enough now, what one approved runs, once, and its thread says why."""
    harness = await open_harness(approvals=2)
    request, other = await harness.asks(), await harness.asks(reason="Nobody looked at it")
    await approves(harness, request.id)
    assert (await harness.works(request.id)).state is State.PENDING
    configures(harness, approvals=1)
    assert await start_sufficient(harness.services)
    assert await start_sufficient(harness.services)
    assert (await harness.now(request.id)).state is State.APPROVED
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert harness.creates() == 1
    assert (await harness.kinds(request.id)).count("quorum_lowered") == 1
    notes = [each for each in await harness.told() if each.get("kind") == "quorum_lowered"]
    assert [(each["of"], each["have"], each["needed"]) for each in notes] == [(request.id, 1, 1)]
    assert (await harness.now(other.id)).state is State.PENDING


async def test_it_is_judged_at_every_look(open_harness: OpenHarness) -> None:
    """Also where nobody looked at the start: the next look that was due anyway starts it, instead of a reminder."""
    harness = await open_harness(approvals=2, remind_after=timedelta(hours=4))
    request = await harness.asks()
    await harness.works(request.id)  # what the destination lacks is found out at once
    await approves(harness, request.id)
    configures(harness, approvals=1)
    due = (await harness.now(request.id)).next_run_at
    assert due is not None
    harness.clock.now = due
    assert (await harness.works(request.id)).state is State.SUCCEEDED
    assert "reminded" not in await harness.kinds(request.id)


@pytest.mark.parametrize(
    "before",
    [{"approvers": (LEADS, OPS), "separate_groups": 2}, {"operations": {"create": OperationPolicy(approvals=3)}}],
    ids=["separate groups", "of the operation"],
)
async def test_every_way_of_asking_for_less(open_harness: OpenHarness, before: dict[str, Any]) -> None:
    """It does not matter which part of the policy asks for less now."""
    harness = await open_harness(**before)
    request = await harness.asks()
    await approves(harness, request.id)
    assert (await harness.now(request.id)).state is State.PENDING
    configures(harness, separate_groups=1, operations={})
    await start_sufficient(harness.services)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED


class Silent(Staff):
    """People of whom Slack says nothing."""

    async def person(self, user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:  # noqa: ARG002 - the protocol's
        """Say nothing."""
        raise PeopleUnavailableError(user_id)


async def test_who_does_not_count_does_not_start_it(open_harness: OpenHarness) -> None:
    """Approvals of people who left, were denied, or took them back start nothing; neither does a silent Slack."""
    harness = await open_harness(approvals=3)
    left, withdrawn, denied, edited, unknown = [
        await harness.asks(draft_id=name) for name in ("left", "withdrawn", "denied", "edited", "unknown")
    ]
    for request in (left, withdrawn, edited, unknown):
        await approves(harness, request.id)
    await approves(harness, denied.id, CLEO)
    await withdraw(harness.services, ADA, withdrawn.id)
    await edit(harness.services, RINA, edited.id, 1, harness.form(reason="Better"), budget=None)
    harness.staff.deactivated.add(ADA)
    configures(harness, approvals=1, denied=(CLEO,))
    people = harness.services.people
    harness.services = replace(harness.services, people=Silent())
    assert not await start_sufficient(harness.services)  # it must be tried again
    harness.services = replace(harness.services, people=people)
    assert await start_sufficient(harness.services)
    for request in (left, withdrawn, denied, edited, unknown):
        assert (await harness.now(request.id)).state is State.PENDING, request.draft_id
    harness.staff.deactivated.clear()
    await start_sufficient(harness.services)
    assert [(await harness.now(each.id)).state.value for each in (left, withdrawn, denied, edited, unknown)] == [
        "approved",
        "pending",
        "pending",
        "pending",
        "approved",
    ]


async def test_where_none_is_needed_any_more(open_harness: OpenHarness) -> None:
    """Where no approval is needed any more, it runs as if it were asked for now; what was sent back waits for a look."""
    harness = await open_harness(break_glass=(TOM,))
    request = await harness.asks()
    taken_back = await harness.asks(reason="Approved before")
    configures(harness, approvals=2)
    await approves(harness, taken_back.id)
    await withdraw(harness.services, ADA, taken_back.id)
    configures(harness, approvals=0)
    await start_sufficient(harness.services)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert (await harness.now(taken_back.id)).state is State.PENDING
    await approves(harness, taken_back.id, BEN)
    assert (await harness.now(taken_back.id)).state is State.APPROVED


async def test_what_was_broken_glass_for_runs_when_it_is_approved(open_harness: OpenHarness) -> None:
    """Who ran it alone and may not any more: it goes to the approvers, and what they approve runs."""
    harness = await open_harness(break_glass=(TOM,))
    request = await harness.asks(TOM, emergency=True)
    configures(harness, break_glass=())
    sent_back = await harness.works(request.id)
    assert (sent_back.state, sent_back.emergency) == (State.PENDING, False)
    await approves(harness, request.id)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert harness.creates() == 1


async def test_an_operation_that_needs_none_on_a_route_that_does(open_harness: OpenHarness) -> None:
    """The operation's own policy counts, also where the route asks for approval of everything else."""
    harness = await open_harness()
    request = await harness.asks()
    configures(harness, operations={"create": OperationPolicy(approvals=0)})
    await start_sufficient(harness.services)
    assert (await harness.now(request.id)).state is State.APPROVED
