import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.playground.actor import Actor
from bot.playground.launch import APPROVALS, GENERAL
from bot.playground.slack import Outcome
from handlers.models import Request, State

from .conftest import OpenHarness
from .harness import SHORT_TIMES, FlowHarness

ENDED = (State.SUCCEEDED, State.REJECTED, State.CANCELLED, State.EXPIRED)


class Clock:
    """The time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self.ahead


async def _ready_to_reject(harness: FlowHarness, request: Request, who: Actor) -> Actor:
    await harness.opens_review(request, who)
    await who.presses("Reject…")
    await who.sees_view(lambda view: "Reject" in view["title"]["text"])
    await who.writes("Why", "Not today")
    return who


async def _ready_to_cancel(request: Request, who: Actor) -> Actor:
    await who.types(GENERAL, f"cancel {request.id}")
    await who.sees_view(lambda view: "Cancel" in view["title"]["text"])
    return who


async def _one_outcome(harness: FlowHarness, request: Request) -> Request:
    """Wait until it has ended and all is said; check that what is recorded, created and told fits that end alone."""
    ended = await harness.rests(request, *ENDED)
    kinds = await harness.kinds(request)
    ends = [kind for kind in kinds if kind in {"created", "rejected", "cancelled", "expired"}]
    assert ends == [{State.SUCCEEDED: "created"}.get(ended.state, ended.state.value)]
    assert len(harness.creates()) == (1 if ended.state is State.SUCCEEDED else 0)
    direct = harness.texts(harness.playground.slack.open_dm(ended.requester))
    told = 0 if ended.closed_by == ended.requester else 1  # nobody is told what they did themselves
    assert len([text for text in direct if request.id in text]) == told
    heads = [text for text in harness.texts(APPROVALS) if request.id in text]
    assert len(heads) == 1
    assert "[Review]" not in heads[0]
    return ended


async def _told(who: Actor, outcome: Outcome) -> str:
    """Return what a person reads after their click: "" when it was done.

    On a busy machine a click may take longer than Slack waits: then a view says so, until it says what came of it.
    """
    assert not outcome.errors, outcome.errors
    slack = who.slack

    def said() -> list[str] | None:
        texts = [slack.render(view) for view in slack.views(who.user)]
        return None if texts and "Checking" in texts[-1] else texts or [""]

    text = (await slack.until(said, 20))[-1]
    return "" if re.search("is approved and running now|Your approval counts", text) else text


async def test_two_approvers_at_once(harness: FlowHarness) -> None:
    """Of two approvers who approve at the same moment one runs it, once, and the other reads that it was approved."""
    request = await harness.asks()
    for who in (harness.ada, harness.ben):
        await harness.opens_review(request, who)
    outcomes = await asyncio.gather(harness.ada.submits(), harness.ben.submits())
    told = [await _told(who, outcome) for who, outcome in zip((harness.ada, harness.ben), outcomes, strict=True)]
    assert sorted(bool(text) for text in told) == [False, True]
    assert "already approved" in "".join(told) or "carried out" in "".join(told)
    assert (await _one_outcome(harness, request)).state is State.SUCCEEDED
    assert (await harness.kinds(request)).count("approved") == 1


async def test_two_of_two_at_once(open_harness: OpenHarness) -> None:
    """Where two are needed, two who approve at the same moment both count, and it runs once."""
    harness = await open_harness(route={"approvals": 2})
    request = await harness.asks()
    for who in (harness.ada, harness.ben):
        await harness.opens_review(request, who)
    outcomes = await asyncio.gather(harness.ada.submits(), harness.ben.submits())
    assert [await _told(who, each) for who, each in zip((harness.ada, harness.ben), outcomes, strict=True)] == ["", ""]
    assert (await _one_outcome(harness, request)).state is State.SUCCEEDED
    assert (await harness.kinds(request)).count("approved") == 2


async def test_approve_and_reject_at_once(harness: FlowHarness) -> None:
    """When one approves and one rejects at the same moment, one of both happens, and the other one reads which."""
    request = await harness.asks()
    await harness.opens_review(request, harness.ada)
    await _ready_to_reject(harness, request, harness.ben)
    approval, rejection = await asyncio.gather(harness.ada.submits(), harness.ben.submits())
    ended = await _one_outcome(harness, request)
    told = (await _told(harness.ada, approval), await _told(harness.ben, rejection))
    if ended.state is State.REJECTED:
        assert "was rejected" in told[0]
        assert "@ben" in told[0]
    else:
        assert any(words in told[1] for words in ("already approved", "was approved", "carried out"))


async def test_approve_and_cancel_at_once(harness: FlowHarness) -> None:
    """When it is approved and cancelled at the same moment, either nothing is sent, or who cancels reads that it was."""
    request = await harness.asks()
    await harness.opens_review(request, harness.ada)
    await _ready_to_cancel(request, harness.rina)
    approval, cancellation = await asyncio.gather(harness.ada.submits(), harness.rina.submits())
    ended = await _one_outcome(harness, request)
    told = (await _told(harness.ada, approval), await _told(harness.rina, cancellation))
    if ended.state is State.CANCELLED:
        assert not told[0] or "was cancelled" in told[0]
    else:
        assert any(words in told[1] for words in ("already approved", "was approved", "carried out"))


async def test_approve_and_expire_at_once(open_harness: OpenHarness) -> None:
    """An approval at the moment at which the time is over does not count any more, and the approver reads so."""
    clock = Clock()
    harness = await open_harness(overrides=replace(SHORT_TIMES, clock=clock))
    request = await harness.asks()
    await harness.opens_review(request, harness.ada)
    clock.ahead = timedelta(hours=73)
    outcome = await harness.ada.submits()
    assert "expired before it was approved" in await _told(harness.ada, outcome)
    assert (await _one_outcome(harness, request)).state is State.EXPIRED


async def test_expired_offers_to_ask_again(open_harness: OpenHarness) -> None:
    """An expired request says so, and *Request again* opens the form filled in, for a request of its own."""
    clock = Clock()
    harness = await open_harness(overrides=replace(SHORT_TIMES, clock=clock))
    request = await harness.asks(reason="For the audit")
    clock.ahead = timedelta(hours=73)
    message = await harness.told(harness.rina, "(?s)expired.*Not enough people approved it within 3 days")
    await harness.rina.clicks("Request again", message, harness.playground.slack.open_dm(harness.rina.user))
    await harness.rina.reads_in_view("For the audit")
    await harness.rina.submits()
    await harness.rina.reads_in_view(r"TS-\w+ is waiting for approval")
    async with harness.playground.bot.store.reading() as reader:
        mine, total = await reader.requests.requested_by(harness.rina.user, limit=5)
    assert total == 2
    again = next(each for each in mine if each.id != request.id)
    assert again.state is State.PENDING
    assert again.digest == request.digest


@pytest.mark.parametrize("decided", ["approved", "rejected"])
async def test_a_decision_that_arrives_twice(harness: FlowHarness, decided: str) -> None:
    """A double click, or Slack's retry of the same submission, decides once; both are answered as if they were first."""
    request = await harness.asks()
    who = await harness.opens_review(request) if decided == "approved" else harness.ada
    if decided == "rejected":
        await _ready_to_reject(harness, request, who)
    outcomes = await asyncio.gather(who.submits(), who.submits(), return_exceptions=True)
    assert any(isinstance(outcome, Outcome) and not outcome.errors for outcome in outcomes)
    await _one_outcome(harness, request)
    assert (await harness.kinds(request)).count(decided) == 1


async def test_reminders_reach_the_thread_and_the_channel(open_harness: OpenHarness) -> None:
    """A request that waits is brought up again in its thread and its channel, with what is missing."""
    clock = Clock()
    harness = await open_harness(
        route={"remind_after": timedelta(hours=1)}, overrides=replace(SHORT_TIMES, clock=clock)
    )
    request = await harness.asks()
    await harness.approval_message(request, pattern="Changes:")  # found out by its first job
    due = (await harness.request(request.id)).next_run_at
    assert due is not None
    assert due - request.created_at >= timedelta(hours=1)
    clock.ahead = due - datetime.now(UTC) + timedelta(seconds=1)
    await harness.in_thread(request, "still waiting. It needs 1 more approval")
    shown = [harness.playground.slack.render(message) for message in harness.playground.slack.messages(APPROVALS)]
    assert sum("still waiting. It needs 1 more approval" in text for text in shown) == 1
