from dataclasses import replace
from datetime import timedelta

import pytest

from bot.playground.slack import Json
from bot.playground.stage import APPROVALS
from bot.playground.tines import ErrorShape, Fault, Kind, LocalTines, rival_create
from handlers.models import State, SyncRequest

from .conftest import OpenOffice
from .office import HURRIED, IMPATIENT, OTHER_STORY, PATIENCE, QUICK, STORY, Office

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
async def test_whatever_happens_to_the_create_there_is_one_destination(open_office: OpenOffice, fault: Fault) -> None:
    """However the create's answer gets lost, the request ends with exactly one sync destination, followed to its end."""
    office = await open_office(outside=IMPATIENT if fault.kind in NEVER_IN_TIME else HURRIED)
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    if fault.method == "GET":
        await review.submits()
        office.stage.dev.faults.add(fault)
    else:
        office.stage.dev.faults.add(fault)
        await review.submits()
    done = await office.rests(request, State.SUCCEEDED)
    assert list(office.stage.dev.destinations) == [done.destination_id]


async def test_the_thread_says_that_the_outcome_is_looked_for(open_office: OpenOffice) -> None:
    """While nobody knows whether the create was applied, the message says what is known and goes on by itself."""
    office = await open_office(outside=IMPATIENT)
    office.stage.dev.faults.add(Fault(Kind.HANG, "POST", CREATE, times=1))
    request = await office.asked_and_approved(STORY)
    await office.approval_message(request, pattern="did not answer in time")
    done = await office.rests(request, State.SUCCEEDED)
    assert done.problem is None
    assert "did not answer in time" not in office.thread(request)[0]
    assert "unknown_outcome" in await office.kinds(request)


async def test_a_rival_create_at_the_same_moment_is_adopted_once(office: Office) -> None:
    """Somebody creates the same destination by hand while ours gets no answer: one is adopted, none is made twice by us."""
    office.stage.dev.faults.add(Fault(Kind.RESET_BEFORE, "POST", CREATE, times=1, meanwhile=rival_create))
    request = await office.asked_and_approved(STORY)
    done = await office.rests(request, State.SUCCEEDED)
    assert list(office.stage.dev.destinations) == [done.destination_id]
    assert len(office.creates()) == 1


async def test_a_double_by_somebody_else_is_seen_and_told(office: Office) -> None:
    """Somebody creates the same destination by hand while ours succeeds: the thread names the other one."""
    office.stage.dev.faults.add(Fault(Kind.NONE, "POST", CREATE, times=1, meanwhile=rival_create))
    request = await office.asked_and_approved(STORY)
    done = await office.rests(request, State.SUCCEEDED)
    other = next(number for number in office.stage.dev.destinations if number != done.destination_id)
    assert f"appeared meanwhile ({other})" in "\n".join(office.thread(request))


async def uncertain(office: Office) -> tuple[SyncRequest, Json]:
    """Bring a request to where a person has to look; return it with the message that asks for that."""
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    office.stage.dev.faults.add(Fault(Kind.RESET_AFTER, "POST", CREATE, times=1))
    office.stage.dev.faults.add(Fault(Kind.NONE, "GET", CREATE, times=2))  # the review's last look, and the first look
    number = office.stage.dev.faults.add(Fault(Kind.ANSWER, "GET", CREATE, status=403, message="No more an owner"))
    await review.submits()
    await office.rests(request, State.UNCERTAIN)
    office.stage.dev.faults.remove(number)
    message = await office.in_thread(request, "not known whether")
    return request, message


async def test_looking_that_cannot_tell_asks_a_person(office: Office) -> None:
    """When looking is refused, the thread says what was sent and what to do, and the requester is told."""
    request, message = await uncertain(office)
    said = office.stage.slack.render(message)
    assert "[Check again]" in said
    assert "[Close]" in said
    assert "403" in said
    await office.told(office.rina, request.id)


async def test_check_again_adopts_what_is_there(office: Office) -> None:
    """“Check again” looks once more, finds the destination and goes on."""
    request, message = await uncertain(office)
    await office.ada.clicks("Check again", message, APPROVALS)
    done = await office.rests(request, State.SUCCEEDED)
    assert list(office.stage.dev.destinations) == [done.destination_id]
    assert len(office.creates()) == 1


async def test_close_ends_it_without_another_call(office: Office) -> None:
    """“Close” ends the request as failed; nothing more is sent, and the thread has no buttons any more."""
    request, message = await uncertain(office)
    await office.ada.clicks("Close", message, APPROVALS)
    await office.rests(request, State.FAILED)
    assert len(office.creates()) == 1
    assert "[Close]" not in "\n".join(office.thread(request))


@pytest.mark.parametrize("button", ["Check again", "Close"])
async def test_onlookers_cannot_end_it(office: Office, button: str) -> None:
    """Somebody who neither asked nor decides reads why the button is not for them."""
    request, message = await uncertain(office)
    await office.tom.clicks(button, message, APPROVALS)
    await office.tom.sees_message(APPROVALS, "Only the person who asked")
    assert (await office.request(request.id)).state is State.UNCERTAIN


async def test_a_late_click_on_an_uncertain_request_reads_what_happened(office: Office) -> None:
    """Two people click at once: the second reads what the first did."""
    request, message = await uncertain(office)
    await office.ada.clicks("Close", message, APPROVALS)
    late = office.last_sent("block_actions")
    await office.rests(request, State.FAILED)
    late["user"]["id"] = office.ben.user
    await office.sent_again(late)
    await office.ben.sees_message(APPROVALS, f"{request.id} failed")


async def test_a_create_that_never_works_ends_with_a_person(open_office: OpenOffice) -> None:
    """After three creates without an answer and without a trace, a person is asked; no fourth is sent."""
    pacing = replace(QUICK, post_again_after=timedelta(milliseconds=100))
    office = await open_office(outside=replace(HURRIED, pacing=pacing))
    office.stage.dev.faults.add(Fault(Kind.ANSWER, "POST", CREATE, status=500))
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.UNCERTAIN)
    assert len(office.creates()) == 3


async def test_a_tenant_that_stays_away_fails_the_request_in_the_end(open_office: OpenOffice) -> None:
    """A tenant that cannot be asked before anything was sent is tried for a while; then the request fails, in words."""
    pacing = replace(QUICK, give_up_reaching=timedelta(milliseconds=200))
    office = await open_office(outside=replace(HURRIED, pacing=pacing))
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    office.stage.dev.faults.add(Fault(Kind.NONE, "GET", CREATE, times=1))
    office.stage.dev.faults.add(Fault(Kind.ANSWER, "GET", CREATE, status=503, message="Maintenance"))
    await review.submits()
    await office.rests(request, State.FAILED)
    said = "\n".join(office.thread(request))
    assert "Nothing was sent" in said
    assert "503" in said
    assert office.creates() == []


async def test_looking_that_stays_unanswered_asks_a_person(open_office: OpenOffice) -> None:
    """When the tenant does not answer any look for long after a lost create, a person is asked."""
    pacing = replace(QUICK, give_up_looking=timedelta(milliseconds=200))
    office = await open_office(outside=replace(HURRIED, pacing=pacing))
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    office.stage.dev.faults.add(Fault(Kind.RESET_AFTER, "POST", CREATE, times=1))
    office.stage.dev.faults.add(Fault(Kind.NONE, "GET", CREATE, times=2))
    office.stage.dev.faults.add(Fault(Kind.ANSWER, "GET", CREATE, status=503, message="Maintenance"))
    await review.submits()
    await office.rests(request, State.UNCERTAIN)


async def test_check_again_is_patient_once_more(open_office: OpenOffice) -> None:
    """After "Check again" a look that fails is repeated, however long the trouble before was; nobody is asked at once."""
    pacing = replace(QUICK, give_up_looking=timedelta(seconds=2))
    office = await open_office(outside=replace(HURRIED, pacing=pacing))
    request = await office.asks(STORY)
    review = await office.opens_review(request)
    faults = office.stage.dev.faults
    faults.add(Fault(Kind.RESET_AFTER, "POST", CREATE, times=1))
    faults.add(Fault(Kind.NONE, "GET", CREATE, times=2))
    number = faults.add(Fault(Kind.ANSWER, "GET", CREATE, status=503, message="Maintenance"))
    await review.submits()
    await office.rests(request, State.UNCERTAIN)
    message = await office.in_thread(request, "not known whether")
    faults.remove(number)
    faults.add(Fault(Kind.ANSWER, "GET", CREATE, status=503, message="Maintenance", times=PATIENCE.attempts))
    await office.ada.clicks("Check again", message, APPROVALS)
    await office.rests(request, State.SUCCEEDED)
    kinds = await office.kinds(request)
    assert kinds.count("uncertain") == 1
    assert "look_failed" in kinds[kinds.index("check_again") :]


# ---- while stories are followed


async def test_a_tenant_down_while_settling_costs_time_only(open_office: OpenOffice) -> None:
    """A tenant that is down for a while during settling is said, and the request ends well when it is back."""
    office = await open_office()
    office.stage.dev.switches = replace(office.stage.dev.switches, sync_seconds=0.2)
    number = office.stage.dev.faults.add(Fault(Kind.ANSWER, "GET", f"{CREATE}/*", status=503, message="Maintenance"))
    request = await office.asked_and_approved(STORY)
    await office.in_thread(request, "Maintenance")
    office.stage.dev.faults.remove(number)
    done = await office.rests(request, State.SUCCEEDED)
    assert done.problem is None
    assert "Maintenance" not in "\n".join(office.thread(request))


async def test_a_tenant_down_for_hours_ends_the_watching(open_office: OpenOffice) -> None:
    """A tenant that never comes back while settling ends the request in part, with what is known and why."""
    pacing = replace(QUICK, follow_for=timedelta(0), follow_unreachable_for=timedelta(milliseconds=200))
    office = await open_office(outside=replace(HURRIED, pacing=pacing))
    office.stage.dev.switches = replace(office.stage.dev.switches, sync_seconds=3600)
    office.stage.dev.faults.add(Fault(Kind.ANSWER, "GET", f"{CREATE}/*", status=503, message="Maintenance"))
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.PARTIAL)
    assert "Maintenance" in "\n".join(office.thread(request))


async def test_a_destination_deleted_while_settling_is_told(open_office: OpenOffice) -> None:
    """A destination deleted by somebody while its stories sync ends the request in part, with Tines's words."""
    office = await open_office()
    office.stage.dev.switches = replace(office.stage.dev.switches, sync_seconds=3600)
    request = await office.asked_and_approved(STORY)
    await office.in_thread(request, "waiting for their sync")
    office.stage.dev.destinations.clear()
    await office.rests(request, State.PARTIAL)
    assert "404" in "\n".join(office.thread(request))


# ---- two requests for the same teams


async def test_a_destination_found_before_the_create_asks_the_approvers_again(office: Office) -> None:
    """A destination that the approver was not shown sends the request back, with a note that says which."""
    request = await office.asks(STORY)
    await office.ada.types("C0GENERAL", "freeze dev-to-prod wait")
    await office.approves(request)
    await office.approval_message(request, pattern="runs when it is thawed")
    number = office.somebody_creates(OTHER_STORY)
    await office.ada.types("C0GENERAL", "thaw dev-to-prod")
    await office.rests(request, State.PENDING)
    await office.in_thread(request, f"(?s){number}")
    assert office.creates() == []
    review = await office.opens_review(request)
    assert f"Number {number}" in review.reads()
    await review.submits()
    done = await office.rests(request, State.SUCCEEDED)
    assert done.destination_id != number


async def test_a_route_may_add_to_the_destination_that_exists(open_office: OpenOffice) -> None:
    """With `existing = "add"` the stories are added to it, those that were in it stay, and nothing is created."""
    office = await open_office(route={"existing": "add"})
    request = await office.asks(STORY)
    await office.ada.types("C0GENERAL", "freeze dev-to-prod wait")
    await office.approves(request)
    await office.approval_message(request, pattern="runs when it is thawed")
    number = office.somebody_creates(OTHER_STORY)
    await office.ada.types("C0GENERAL", "thaw dev-to-prod")
    done = await office.rests(request, State.SUCCEEDED)
    assert done.destination_id == number
    assert office.creates() == []
    assert len(stories_of(office.stage.dev, number)) == 2
    assert "added" in await office.kinds(request)


async def test_two_requests_for_the_same_teams_run_one_after_the_other(office: Office) -> None:
    """Approved at once, the second waits for the first and is then shown what the first created."""
    first, second = await office.asks(STORY), await office.asks(OTHER_STORY)
    await office.opens_review(first, office.ada)
    await office.opens_review(second, office.ben)
    await office.ada.submits()
    await office.ben.submits()
    await office.rests(first, State.SUCCEEDED, State.PENDING)
    await office.rests(second, State.SUCCEEDED, State.PENDING)
    states = {(await office.request(each.id)).state for each in (first, second)}
    assert states == {State.SUCCEEDED, State.PENDING}
    assert len(office.stage.dev.destinations) == 1


def stories_of(tenant: LocalTines, number: int) -> set[int]:
    """Return the stories that a sync destination holds."""
    return set(tenant.destinations[number].subscriptions)
