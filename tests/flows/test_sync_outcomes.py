from dataclasses import replace
from datetime import timedelta

import pytest

from bot.playground.launch import APPROVALS
from bot.playground.slack import Json
from bot.playground.tines import ErrorShape, Fault, Kind, LocalTines, rival_create
from handlers.models import Request, State

from .conftest import OpenHarness
from .harness import IMPATIENT, OTHER_STORY, QUICK, RETRY_POLICY, SHORT_TIMES, STORY, FlowHarness

CREATE = "/admin/sync_destinations"
NEVER_IN_TIME = {Kind.HANG, Kind.SLOW, Kind.APPLIED_LATE}

LOST = (
    Fault(Kind.RESET_BEFORE, "POST", CREATE, times=1, label="reset before it was applied"),
    Fault(Kind.RESET_AFTER, "POST", CREATE, times=1, label="reset after it was applied"),
    Fault(Kind.TRUNCATED, "POST", CREATE, times=1, label="half of the answer"),
    Fault(Kind.HANG, "POST", CREATE, times=1, label="never answered"),
    Fault(Kind.APPLIED_LATE, "POST", CREATE, times=1, seconds=0.2, label="applied after its client gave up"),
    Fault(Kind.SLOW, "POST", CREATE, times=1, seconds=0.7, label="answered too late"),
    Fault(Kind.ANSWER, "POST", CREATE, times=1, status=500, label="500, not applied"),
    Fault(Kind.ANSWER, "POST", CREATE, times=1, status=502, shape=ErrorShape.HTML, label="502 page, not applied"),
    Fault(Kind.APPLIED_THEN_ANSWER, "POST", CREATE, times=1, status=502, shape=ErrorShape.HTML, label="502, applied"),
    Fault(Kind.APPLIED_THEN_ANSWER, "POST", CREATE, times=1, status=504, shape=ErrorShape.EMPTY, label="504, applied"),
    Fault(Kind.ANSWER, "POST", CREATE, times=2, status=429, message="Too Many", retry_after=0.05, label="429 twice"),
    Fault(Kind.ANSWER, "GET", CREATE, times=3, status=503, message="Maintenance", label="first look fails"),
)


@pytest.mark.parametrize("fault", LOST, ids=[fault.label for fault in LOST])
async def test_whatever_happens_to_the_create_there_is_one_destination(open_harness: OpenHarness, fault: Fault) -> None:
    """However the create's answer gets lost, the request ends with exactly one sync destination, followed to its end."""
    harness = await open_harness(overrides=IMPATIENT if fault.kind in NEVER_IN_TIME else SHORT_TIMES)
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    if fault.method == "GET":
        await review.submits()
        harness.playground.dev.faults.add(fault)
    else:
        harness.playground.dev.faults.add(fault)
        await review.submits()
    done = await harness.rests(request, State.SUCCEEDED)
    assert list(harness.playground.dev.destinations) == [done.destination_id]


async def test_the_thread_says_that_the_outcome_is_looked_for(open_harness: OpenHarness) -> None:
    """While nobody knows whether the create was applied, the message says what is known and goes on by itself."""
    harness = await open_harness(overrides=IMPATIENT)
    harness.playground.dev.faults.add(Fault(Kind.HANG, "POST", CREATE, times=1))
    request = await harness.asked_and_approved(STORY)
    await harness.approval_message(request, pattern="did not answer in time")
    done = await harness.rests(request, State.SUCCEEDED)
    assert done.problem is None
    assert "did not answer in time" not in harness.thread(request)[0]
    assert "unknown_outcome" in await harness.kinds(request)


async def test_a_rival_create_at_the_same_moment_is_adopted_once(harness: FlowHarness) -> None:
    """Somebody creates the same destination by hand while ours gets no answer: one is adopted, none is made twice by us."""
    harness.playground.dev.faults.add(Fault(Kind.RESET_BEFORE, "POST", CREATE, times=1, meanwhile=rival_create))
    request = await harness.asked_and_approved(STORY)
    done = await harness.rests(request, State.SUCCEEDED)
    assert list(harness.playground.dev.destinations) == [done.destination_id]
    assert len(harness.creates()) == 1


async def test_a_double_by_somebody_else_is_seen_and_told(harness: FlowHarness) -> None:
    """Somebody creates the same destination by hand while ours succeeds: the thread names the other one."""
    harness.playground.dev.faults.add(Fault(Kind.NONE, "POST", CREATE, times=1, meanwhile=rival_create))
    request = await harness.asked_and_approved(STORY)
    done = await harness.rests(request, State.SUCCEEDED)
    other = next(number for number in harness.playground.dev.destinations if number != done.destination_id)
    assert f"appeared ({other})" in "\n".join(harness.thread(request))


async def uncertain(harness: FlowHarness) -> tuple[Request, Json]:
    """Bring a request to where a person has to look; return it with the message that asks for that."""
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    harness.playground.dev.faults.add(Fault(Kind.RESET_AFTER, "POST", CREATE, times=1))
    harness.playground.dev.faults.add(
        Fault(Kind.NONE, "GET", CREATE, times=2)
    )  # the review's last look, and the first look
    number = harness.playground.dev.faults.add(
        Fault(Kind.ANSWER, "GET", CREATE, status=403, message="No more an owner")
    )
    await review.submits()
    await harness.rests(request, State.UNCERTAIN)
    harness.playground.dev.faults.remove(number)
    message = await harness.in_thread(request, "unclear whether")
    return request, message


async def test_looking_that_cannot_tell_asks_a_person(harness: FlowHarness) -> None:
    """When looking is refused, the thread says what was sent and what to do, and the requester is told."""
    request, message = await uncertain(harness)
    said = harness.playground.slack.render(message)
    assert "[Check again]" in said
    assert "[Close]" in said
    assert "403" in said
    await harness.told(harness.rina, request.id)


async def test_check_again_adopts_what_is_there(harness: FlowHarness) -> None:
    """“Check again” looks once more, finds the destination and goes on."""
    request, message = await uncertain(harness)
    await harness.ada.clicks("Check again", message, APPROVALS)
    done = await harness.rests(request, State.SUCCEEDED)
    assert list(harness.playground.dev.destinations) == [done.destination_id]
    assert len(harness.creates()) == 1


async def test_close_ends_it_without_another_call(harness: FlowHarness) -> None:
    """“Close” ends the request as failed; nothing more is sent, and the thread has no buttons any more."""
    request, message = await uncertain(harness)
    await harness.ada.clicks("Close", message, APPROVALS)
    await harness.rests(request, State.FAILED)
    assert len(harness.creates()) == 1
    assert "[Close]" not in "\n".join(harness.thread(request))


@pytest.mark.parametrize("button", ["Check again", "Close"])
async def test_onlookers_cannot_end_it(harness: FlowHarness, button: str) -> None:
    """Somebody who neither asked nor decides reads why the button is not for them."""
    request, message = await uncertain(harness)
    await harness.tom.clicks(button, message, APPROVALS)
    await harness.tom.sees_message(APPROVALS, "Only the requester")
    assert (await harness.request(request.id)).state is State.UNCERTAIN


async def test_a_late_click_on_an_uncertain_request_reads_what_happened(harness: FlowHarness) -> None:
    """Two people click at once: the second reads what the first did."""
    request, message = await uncertain(harness)
    await harness.ada.clicks("Close", message, APPROVALS)
    late = harness.last_sent("block_actions")
    await harness.rests(request, State.FAILED)
    late["user"]["id"] = harness.ben.user
    await harness.sent_again(late)
    await harness.ben.sees_message(APPROVALS, f"{request.id} failed")


async def test_a_create_that_never_works_ends_with_a_person(open_harness: OpenHarness) -> None:
    """After three creates without an answer and without a trace, a person is asked; no fourth is sent."""
    schedule = replace(QUICK, send_again_after=timedelta(milliseconds=100))
    harness = await open_harness(overrides=replace(SHORT_TIMES, schedule=schedule))
    harness.playground.dev.faults.add(Fault(Kind.ANSWER, "POST", CREATE, status=500))
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.UNCERTAIN)
    assert len(harness.creates()) == 3


async def test_a_tenant_that_stays_away_fails_the_request_in_the_end(open_harness: OpenHarness) -> None:
    """A tenant that cannot be asked before anything was sent is tried for a while; then the request fails, in words."""
    schedule = replace(QUICK, give_up_reaching=timedelta(milliseconds=200))
    harness = await open_harness(overrides=replace(SHORT_TIMES, schedule=schedule))
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    harness.playground.dev.faults.add(Fault(Kind.NONE, "GET", CREATE, times=1))
    harness.playground.dev.faults.add(Fault(Kind.ANSWER, "GET", CREATE, status=503, message="Maintenance"))
    await review.submits()
    await harness.rests(request, State.FAILED)
    said = "\n".join(harness.thread(request))
    assert "Nothing was sent" in said
    assert "503" in said
    assert harness.creates() == []


async def test_looking_that_stays_unanswered_asks_a_person(open_harness: OpenHarness) -> None:
    """When the tenant does not answer any look for long after a lost create, a person is asked."""
    schedule = replace(QUICK, give_up_looking=timedelta(milliseconds=200))
    harness = await open_harness(overrides=replace(SHORT_TIMES, schedule=schedule))
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    harness.playground.dev.faults.add(Fault(Kind.RESET_AFTER, "POST", CREATE, times=1))
    harness.playground.dev.faults.add(Fault(Kind.NONE, "GET", CREATE, times=2))
    harness.playground.dev.faults.add(Fault(Kind.ANSWER, "GET", CREATE, status=503, message="Maintenance"))
    await review.submits()
    await harness.rests(request, State.UNCERTAIN)


async def test_check_again_is_patient_once_more(open_harness: OpenHarness) -> None:
    """After "Check again" a look that fails is repeated, however long the trouble before was; nobody is asked at once."""
    schedule = replace(QUICK, give_up_looking=timedelta(seconds=2))
    harness = await open_harness(overrides=replace(SHORT_TIMES, schedule=schedule))
    request = await harness.asks(STORY)
    review = await harness.opens_review(request)
    faults = harness.playground.dev.faults
    faults.add(Fault(Kind.RESET_AFTER, "POST", CREATE, times=1))
    faults.add(Fault(Kind.NONE, "GET", CREATE, times=2))
    number = faults.add(Fault(Kind.ANSWER, "GET", CREATE, status=503, message="Maintenance"))
    await review.submits()
    await harness.rests(request, State.UNCERTAIN)
    message = await harness.in_thread(request, "unclear whether")
    faults.remove(number)
    faults.add(Fault(Kind.ANSWER, "GET", CREATE, status=503, message="Maintenance", times=RETRY_POLICY.attempts))
    await harness.ada.clicks("Check again", message, APPROVALS)
    await harness.rests(request, State.SUCCEEDED)
    kinds = await harness.kinds(request)
    assert kinds.count("uncertain") == 1
    assert "look_failed" in kinds[kinds.index("check_again") :]


# ---- while stories are followed


async def test_a_tenant_down_while_settling_costs_time_only(open_harness: OpenHarness) -> None:
    """A tenant that is down for a while during settling is said, and the request ends well when it is back."""
    harness = await open_harness()
    harness.playground.dev.switches = replace(harness.playground.dev.switches, sync_seconds=0.2)
    number = harness.playground.dev.faults.add(
        Fault(Kind.ANSWER, "GET", f"{CREATE}/*", status=503, message="Maintenance")
    )
    request = await harness.asked_and_approved(STORY)
    await harness.in_thread(request, "Maintenance")
    harness.playground.dev.faults.remove(number)
    done = await harness.rests(request, State.SUCCEEDED)
    assert done.problem is None
    assert "Maintenance" not in "\n".join(harness.thread(request))


async def test_a_tenant_down_for_hours_ends_the_watching(open_harness: OpenHarness) -> None:
    """A tenant that never comes back while settling ends the request in part, with what is known and why."""
    schedule = replace(QUICK, follow_for=timedelta(0), follow_unreachable_for=timedelta(milliseconds=200))
    harness = await open_harness(overrides=replace(SHORT_TIMES, schedule=schedule))
    harness.playground.dev.switches = replace(harness.playground.dev.switches, sync_seconds=3600)
    harness.playground.dev.faults.add(Fault(Kind.ANSWER, "GET", f"{CREATE}/*", status=503, message="Maintenance"))
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.PARTIAL)
    assert "Maintenance" in "\n".join(harness.thread(request))


async def test_a_destination_deleted_while_settling_is_told(open_harness: OpenHarness) -> None:
    """A destination deleted by somebody while its stories sync ends the request in part, with Tines's words."""
    harness = await open_harness()
    harness.playground.dev.switches = replace(harness.playground.dev.switches, sync_seconds=3600)
    request = await harness.asked_and_approved(STORY)
    await harness.in_thread(request, "needs? a sync")
    harness.playground.dev.destinations.clear()
    await harness.rests(request, State.PARTIAL)
    assert "no longer exists" in "\n".join(harness.thread(request))


# ---- two requests for the same teams


async def test_a_destination_found_before_the_create_asks_the_approvers_again(harness: FlowHarness) -> None:
    """A destination that the approver was not shown sends the request back, with a note that says which."""
    request = await harness.asks(STORY)
    await harness.ada.types("C0GENERAL", "freeze dev-to-prod wait")
    await harness.approves(request)
    await harness.approval_message(request, pattern="when the route is unfrozen")
    number = harness.somebody_creates(OTHER_STORY)
    await harness.ada.types("C0GENERAL", "unfreeze dev-to-prod")
    await harness.rests(request, State.PENDING)
    await harness.in_thread(request, f"(?s){number}")
    assert harness.creates() == []
    review = await harness.opens_review(request)
    assert f"Number {number}" in review.reads()
    await review.submits()
    done = await harness.rests(request, State.SUCCEEDED)
    assert done.destination_id != number


async def test_a_route_may_add_to_the_destination_that_exists(open_harness: OpenHarness) -> None:
    """With `existing = "add"` the stories are added to it, those that were in it stay, and nothing is created."""
    harness = await open_harness(route={"existing": "add"})
    request = await harness.asks(STORY)
    number = harness.somebody_creates(OTHER_STORY)
    review = await harness.opens_review(request)
    assert f"PATCH /api/v1/admin/sync_destinations/{number}" in review.reads()
    await review.submits()
    done = await harness.rests(request, State.SUCCEEDED)
    assert done.destination_id == number
    assert harness.creates() == []
    assert len(stories_of(harness.playground.dev, number)) == 2
    assert "added" in await harness.kinds(request)


async def test_two_requests_for_the_same_teams_run_one_after_the_other(harness: FlowHarness) -> None:
    """Approved at once, the second waits for the first and is then shown what the first created."""
    first, second = await harness.asks(STORY), await harness.asks(OTHER_STORY)
    await harness.opens_review(first, harness.ada)
    await harness.opens_review(second, harness.ben)
    await harness.ada.submits()
    await harness.ben.submits()
    await harness.rests(first, State.SUCCEEDED, State.PENDING)
    await harness.rests(second, State.SUCCEEDED, State.PENDING)
    states = {(await harness.request(each.id)).state for each in (first, second)}
    assert states == {State.SUCCEEDED, State.PENDING}
    assert len(harness.playground.dev.destinations) == 1


def stories_of(tenant: LocalTines, number: int) -> set[int]:
    """Return the stories that a sync destination holds."""
    return set(tenant.destinations[number].subscriptions)
