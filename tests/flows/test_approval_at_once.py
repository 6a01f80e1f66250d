import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.playground.actor import Actor
from bot.playground.slack import Outcome
from bot.playground.stage import APPROVALS, GENERAL
from handlers.models import State, SyncRequest

from .conftest import OpenOffice
from .office import HURRIED, Office

ENDED = (State.SUCCEEDED, State.REJECTED, State.CANCELLED, State.EXPIRED)


class Clock:
    """The time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self.ahead


async def _ready_to_reject(office: Office, request: SyncRequest, who: Actor) -> Actor:
    await office.opens_review(request, who)
    await who.presses("Reject…")
    await who.sees_view(lambda view: "Reject" in view["title"]["text"])
    await who.writes("Why", "Not today")
    return who


async def _ready_to_cancel(request: SyncRequest, who: Actor) -> Actor:
    await who.types(GENERAL, f"cancel {request.id}")
    await who.sees_view(lambda view: "Cancel" in view["title"]["text"])
    return who


async def _one_outcome(office: Office, request: SyncRequest) -> SyncRequest:
    """Wait until it has ended and all is said; check that what is recorded, created and told fits that end alone."""
    ended = await office.rests(request, *ENDED)
    kinds = await office.kinds(request)
    ends = [kind for kind in kinds if kind in {"created", "rejected", "cancelled", "expired"}]
    assert ends == [{State.SUCCEEDED: "created"}.get(ended.state, ended.state.value)]
    assert len(office.creates()) == (1 if ended.state is State.SUCCEEDED else 0)
    direct = office.texts(office.stage.slack.open_dm(ended.requester))
    assert len([text for text in direct if request.id in text]) == 1
    heads = [text for text in office.texts(APPROVALS) if request.id in text]
    assert len(heads) == 1
    assert "[Review]" not in heads[0]
    return ended


def _told(who: Actor, outcome: Outcome) -> str:
    """Return what a person reads after their click: "" when the view closed because it was done."""
    assert not outcome.errors, outcome.errors
    views = who.slack.views(who.user)
    return who.slack.render(views[-1]) if views else ""


async def test_two_approvers_at_once(office: Office) -> None:
    """Of two approvers who approve at the same moment one runs it, once, and the other reads that it was approved."""
    request = await office.asks()
    for who in (office.ada, office.ben):
        await office.opens_review(request, who)
    outcomes = await asyncio.gather(office.ada.submits(), office.ben.submits())
    told = [_told(who, outcome) for who, outcome in zip((office.ada, office.ben), outcomes, strict=True)]
    assert sorted(bool(text) for text in told) == [False, True]
    assert "was approved" in "".join(told) or "carried out" in "".join(told)
    assert (await _one_outcome(office, request)).state is State.SUCCEEDED
    assert (await office.kinds(request)).count("approved") == 1


async def test_two_of_two_at_once(open_office: OpenOffice) -> None:
    """Where two are needed, two who approve at the same moment both count, and it runs once."""
    office = await open_office(route={"approvals": 2})
    request = await office.asks()
    for who in (office.ada, office.ben):
        await office.opens_review(request, who)
    outcomes = await asyncio.gather(office.ada.submits(), office.ben.submits())
    assert [_told(who, each) for who, each in zip((office.ada, office.ben), outcomes, strict=True)] == ["", ""]
    assert (await _one_outcome(office, request)).state is State.SUCCEEDED
    assert (await office.kinds(request)).count("approved") == 2


async def test_approve_and_reject_at_once(office: Office) -> None:
    """When one approves and one rejects at the same moment, one of both happens, and the other one reads which."""
    request = await office.asks()
    await office.opens_review(request, office.ada)
    await _ready_to_reject(office, request, office.ben)
    approval, rejection = await asyncio.gather(office.ada.submits(), office.ben.submits())
    ended = await _one_outcome(office, request)
    told = (_told(office.ada, approval), _told(office.ben, rejection))
    if ended.state is State.REJECTED:
        assert "was rejected" in told[0]
        assert "@ben" in told[0]
    else:
        assert "was approved" in told[1] or "carried out" in told[1]


async def test_approve_and_cancel_at_once(office: Office) -> None:
    """When it is approved and cancelled at the same moment, either nothing is sent, or who cancels reads that it was."""
    request = await office.asks()
    await office.opens_review(request, office.ada)
    await _ready_to_cancel(request, office.rina)
    approval, cancellation = await asyncio.gather(office.ada.submits(), office.rina.submits())
    ended = await _one_outcome(office, request)
    told = (_told(office.ada, approval), _told(office.rina, cancellation))
    if ended.state is State.CANCELLED:
        assert not told[0] or "was cancelled" in told[0]
    else:
        assert "was approved" in told[1] or "carried out" in told[1]


async def test_approve_and_expire_at_once(open_office: OpenOffice) -> None:
    """An approval at the moment at which the time is over does not count any more, and the approver reads so."""
    clock = Clock()
    office = await open_office(outside=replace(HURRIED, clock=clock))
    request = await office.asks()
    await office.opens_review(request, office.ada)
    clock.ahead = timedelta(hours=73)
    outcome = await office.ada.submits()
    assert "expired before it was approved" in _told(office.ada, outcome)
    assert (await _one_outcome(office, request)).state is State.EXPIRED


async def test_expired_offers_to_ask_again(open_office: OpenOffice) -> None:
    """An expired request says so, and *Ask again* opens the form filled in, for a request of its own."""
    clock = Clock()
    office = await open_office(outside=replace(HURRIED, clock=clock))
    request = await office.asks(reason="For the audit")
    clock.ahead = timedelta(hours=73)
    message = await office.told(office.rina, "(?s)expired.*Not enough people approved it within 72 hours")
    await office.rina.clicks("Ask again", message, office.stage.slack.open_dm(office.rina.user))
    await office.rina.reads_in_view("For the audit")
    await office.rina.submits()
    await office.rina.reads_in_view(r"TS-\w+ waits for approval")
    async with office.stage.bot.store.reading() as reader:
        mine, total = await reader.requested_by(office.rina.user, limit=5)
    assert total == 2
    again = next(each for each in mine if each.id != request.id)
    assert again.state is State.PENDING
    assert again.content.digest() == request.content.digest()


@pytest.mark.parametrize("decided", ["approved", "rejected"])
async def test_a_decision_that_arrives_twice(office: Office, decided: str) -> None:
    """A double click, or Slack's retry of the same submission, decides once; both are answered as if they were first."""
    request = await office.asks()
    who = await office.opens_review(request) if decided == "approved" else office.ada
    if decided == "rejected":
        await _ready_to_reject(office, request, who)
    outcomes = await asyncio.gather(who.submits(), who.submits(), return_exceptions=True)
    assert any(isinstance(outcome, Outcome) and not outcome.errors for outcome in outcomes)
    await _one_outcome(office, request)
    assert (await office.kinds(request)).count(decided) == 1


async def test_reminders_reach_the_thread_and_the_channel(open_office: OpenOffice) -> None:
    """A request that waits is brought up again in its thread and its channel, with what is missing."""
    clock = Clock()
    office = await open_office(route={"remind_after": timedelta(hours=1)}, outside=replace(HURRIED, clock=clock))
    request = await office.asks()
    due = (await office.request(request.id)).due_at
    assert due is not None
    assert due - request.created_at >= timedelta(hours=1)
    clock.ahead = due - datetime.now(UTC) + timedelta(seconds=1)
    await office.in_thread(request, "still waiting. It needs 1 more approval")
    shown = [office.stage.slack.render(message) for message in office.stage.slack.messages(APPROVALS)]
    assert sum("still waiting. It needs 1 more approval" in text for text in shown) == 1
