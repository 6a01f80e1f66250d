"""What a reviewer is shown of a request, on a real database against a local Tines tenant."""

from collections.abc import Awaitable

import pytest

from handlers.execution.call_journal import CALLED
from handlers.people import Person
from handlers.requests import Refused, Review, look_up_review, review_for

from .conftest import OpenHarness
from .harness import ADA, LEADS, RINA, TOM, RequestHarness, reasons


async def _opened(harness: RequestHarness, actor: str, request_id: str) -> Review:
    found = await review_for(harness.services, actor, request_id)
    assert isinstance(found, Review), found
    return found


async def _seen(looking: Awaitable[Review]) -> str | None:
    await looking
    return "as shown"


async def _closed(looking: Awaitable[Review]) -> str | None:
    await looking
    return None


async def test_nobody_is_told_by_an_old_answer_that_they_may_not_approve(open_harness: OpenHarness) -> None:
    """Who joined the approvers a moment ago reads at first what is remembered of them, and may decide once looked up."""
    harness = await open_harness()
    request = await harness.asks()
    harness.staff.remembered[TOM] = Person(id=TOM)
    harness.staff.groups[LEADS].add(TOM)
    at_once = await _opened(harness, TOM, request.id)
    assert not at_once.can.approve.allowed
    review = await look_up_review(harness.services, TOM, at_once, _seen)
    assert review is not None
    assert review.can.approve.allowed
    assert review.can.reject.allowed


async def test_a_review_says_why_the_request_would_not_run(open_harness: OpenHarness) -> None:
    """A requester who left since is looked up afresh, so that nobody approves what cannot run for them."""
    harness = await open_harness()
    request = await harness.asks()
    harness.staff.remembered[RINA] = await harness.staff.person(RINA, frozenset())
    harness.staff.deactivated.add(RINA)
    review = await look_up_review(harness.services, ADA, await _opened(harness, ADA, request.id), _seen)
    assert review is not None
    assert review.against == ("The requester has a deactivated Slack account.",)


async def test_what_was_shown_is_recorded_after_the_calls_for_it(open_harness: OpenHarness) -> None:
    """A review that somebody sees is on record with its digest, after the calls to Tines that were made for it."""
    harness = await open_harness()
    request = await harness.asks()
    before = len(await harness.events(request.id))
    assert await look_up_review(harness.services, ADA, await _opened(harness, ADA, request.id), _seen) is not None
    *calls, shown = (await harness.events(request.id))[before:]
    assert {(call.kind, call.actor) for call in calls} == {(CALLED, ADA)}
    assert (shown.kind, shown.actor, shown.data["digest"]) == ("shown", ADA, "as shown")


async def test_a_review_that_nobody_saw_is_not_on_record_as_shown(open_harness: OpenHarness) -> None:
    """Where the view was closed before it was filled in, only the calls to Tines are recorded."""
    harness = await open_harness()
    request = await harness.asks()
    before = len(await harness.events(request.id))
    assert await look_up_review(harness.services, ADA, await _opened(harness, ADA, request.id), _closed) is None
    assert {event.kind for event in (await harness.events(request.id))[before:]} == {CALLED}


@pytest.mark.parametrize("request_id", [None, "TS-00000000"], ids=["unreadable", "unknown"])
async def test_no_review_of_what_is_not_there(open_harness: OpenHarness, request_id: str | None) -> None:
    """A review that names no request says what to do instead."""
    harness = await open_harness()
    answer = await review_for(harness.services, ADA, request_id)
    assert isinstance(answer, Refused)
    assert ("Open it again" if request_id is None else "/tines-sync list") in reasons(answer)
