import pytest

from bot.playground.slack import Fault, FaultKind, Rates
from bot.playground.stage import APPROVALS, GENERAL, SECOPS
from handlers.models import State

from .conftest import OpenOffice
from .office import FAILING, STORY, Office

APPLIED_OR_NOT = (
    Fault(FaultKind.RATE_LIMITED, retry_after=1),
    Fault(FaultKind.SERVER_ERROR),
    Fault(FaultKind.BAD_GATEWAY),
    Fault(FaultKind.BAD_GATEWAY_APPLIED),
    Fault(FaultKind.RESET_BEFORE),
    Fault(FaultKind.RESET_AFTER),
    Fault(FaultKind.ERROR, code="internal_error"),
)
UNSURE = (Fault(FaultKind.RESET_BEFORE), Fault(FaultKind.RESET_AFTER))


def keys(office: Office, channel: str) -> list[str]:
    """Return the keys of the messages that a reader of a channel sees, threads included."""
    slack = office.stage.slack
    heads = slack.messages(channel)
    found = [*heads, *(reply for head in heads for reply in slack.messages(channel, thread_ts=head["ts"])[1:])]
    return [message["metadata"]["event_payload"]["key"] for message in found if message.get("metadata")]


@pytest.mark.parametrize(
    ("fault", "which"),
    [(fault, "approval") for fault in APPLIED_OR_NOT]
    + [(fault, which) for fault in UNSURE for which in ("status", "channel")],
    ids=[f"{fault.kind} approval" for fault in APPLIED_OR_NOT]
    + [f"{fault.kind} {which}" for fault in UNSURE for which in ("status", "channel")],
)
async def test_a_post_that_fails_is_seen_once_in_the_end(office: Office, fault: Fault, which: str) -> None:
    """Whether Slack had applied a post or not when its answer was lost, a reader sees the message exactly once."""
    slack = office.stage.slack
    only = {
        "approval": lambda args: args.get("channel") == APPROVALS and not args.get("thread_ts"),
        "status": lambda args: bool(args.get("thread_ts")),
        "channel": lambda args: args.get("channel") == SECOPS,
    }[which]
    once = Fault(fault.kind, retry_after=fault.retry_after, code=fault.code, only=only)
    slack.faults.inject("chat.postMessage", once)
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.SUCCEEDED)
    assert "chat.postMessage" not in slack.faults.listing()
    for channel in (APPROVALS, SECOPS):
        found = keys(office, channel)
        assert found
        assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.RATE_LIMITED, times=2, retry_after=1),
        Fault(FaultKind.SERVER_ERROR, times=2),
        Fault(FaultKind.RESET_AFTER, times=2),
    ],
    ids=["rate limited", "500", "reset"],
)
async def test_an_edit_that_fails_arrives_in_the_end(office: Office, fault: Fault) -> None:
    """The approval message shows how the request stands, whatever happened to the edits before."""
    request = await office.asks(STORY)
    await office.approval_message(request)
    office.stage.slack.faults.inject("chat.update", fault)
    await office.approves(request)
    await office.rests(request, State.SUCCEEDED)
    await office.approval_message(request, pattern="Every story is synced")


async def test_strict_rates_are_kept(open_office: OpenOffice) -> None:
    """Under Slack's own rate limits everything arrives, in order and once."""
    office = await open_office(rates=Rates(posts_a_second=5.0, posts_burst=1))
    request = await office.asked_and_approved(STORY, FAILING)
    await office.rests(request, State.PARTIAL)
    found = keys(office, APPROVALS)
    assert len(found) == len(set(found)) == 2


async def test_within_a_thread_order_is_kept(office: Office) -> None:
    """What waited for Slack arrives in the order in which it happened: the head, then the notes as they came."""
    slack = office.stage.slack
    request = await office.asks(STORY)
    await office.approval_message(request)
    fault = slack.faults.inject("chat.postMessage", Fault(FaultKind.SERVER_ERROR, times=None))
    await office.ada.types(GENERAL, "freeze dev-to-prod first reason")
    await office.ada.types(GENERAL, "thaw dev-to-prod")
    await office.ada.types(GENERAL, "freeze dev-to-prod second reason")
    assert fault.times is None
    slack.faults.clear()
    await office.all_said()
    told = [text for text in office.texts(APPROVALS) if request.id not in text]
    assert len(told) == 3
    assert "first reason" in told[0]
    assert "thawed" in told[1]
    assert "second reason" in told[2]


@pytest.mark.parametrize("gone", ["archived", "removed"])
async def test_a_channel_that_takes_nothing_holds_up_nobody_else(office: Office, gone: str) -> None:
    """When the notified channel is archived or the bot removed from it, the requester is told, and the rest arrives."""
    slack = office.stage.slack
    if gone == "archived":
        slack.archive(SECOPS)
    else:
        slack.kick_bot(SECOPS)
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.SUCCEEDED)
    said = slack.render(await office.told(office.rina, "could not post"))
    assert SECOPS in said or "secops" in said
    assert "undelivered" in await office.kinds(request)
    assert "every story is synced" in office.thread(request)[1]
    await office.told(office.rina, "are synced")


async def test_an_approval_channel_that_takes_nothing_is_told_to_the_requester(office: Office) -> None:
    """A request that no approver can see is not silently lost: its requester reads that the channel is closed."""
    office.stage.slack.archive(APPROVALS)
    request = await office.asks(STORY)
    await office.told(office.rina, "could not post")
    assert "undelivered" in await office.kinds(request)


async def test_a_revoked_token_holds_everything_until_it_is_given_back(open_office: OpenOffice) -> None:
    """While Slack does not take the token, announcements wait; when it is back, they arrive, once."""
    office = await open_office()
    slack = office.stage.slack
    request = await office.asks(STORY)
    await office.approval_message(request)
    review = await office.opens_review(request)
    slack.revoke_token()
    await review.submits()
    await office.comes_to(request, State.SUCCEEDED)
    assert len(keys(office, APPROVALS)) == 1
    slack.restore_token()
    await office.all_said()
    found = keys(office, APPROVALS)
    assert len(found) == len(set(found)) == 2


async def test_a_thread_whose_head_was_deleted_is_begun_anew(office: Office) -> None:
    """When a person deletes the approval message, it is posted again, and the statuses come under the new one."""
    slack = office.stage.slack
    request = await office.asks(STORY)
    await office.approval_message(request)
    review = await office.opens_review(request)
    slack.delete_message(APPROVALS, slack.messages(APPROVALS)[0]["ts"])
    await review.submits()
    await office.rests(request, State.SUCCEEDED)
    thread = office.thread(request)
    assert len(thread) == 2
    assert "every story is synced" in thread[1]


async def test_a_status_list_that_was_deleted_is_shown_anew(open_office: OpenOffice) -> None:
    """When a person deletes the status list while statuses change, the final one is posted."""
    office = await open_office()
    switches = office.stage.dev.switches
    switches = type(switches)(sync_seconds=0.6)
    office.stage.dev.switches = switches
    request = await office.asked_and_approved(STORY)
    message = await office.in_thread(request, "waiting for their sync")
    office.stage.slack.delete_message(APPROVALS, message["ts"])
    await office.rests(request, State.SUCCEEDED)
    assert "every story is synced" in office.thread(request)[-1]


async def test_a_direct_message_that_slack_refuses_ends_there(office: Office) -> None:
    """Somebody whose account is gone cannot be told; that is recorded and holds up nothing."""
    request = await office.asks(STORY)
    await office.approval_message(request)
    office.stage.slack.faults.inject("conversations.open", Fault(FaultKind.ERROR, code="user_disabled", times=None))
    await office.approves(request)
    await office.rests(request, State.SUCCEEDED)
    assert "undelivered" in await office.kinds(request)


async def test_a_link_that_slack_does_not_give_is_left_out(office: Office) -> None:
    """A permalink is a courtesy: without it the channel is told all the same."""
    office.stage.slack.faults.inject("chat.getPermalink", Fault(FaultKind.ERROR, code="message_not_found", times=None))
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.SUCCEEDED)
    assert len(office.texts(SECOPS)) == 1


async def test_a_view_closed_too_early_loses_nothing(office: Office) -> None:
    """A review closed while it is being filled in does no harm: the next one opens as ever."""
    request = await office.asks(STORY)
    message = await office.approval_message(request)
    await office.ada.clicks("Review", message, APPROVALS)
    await office.stage.slack.close(office.ada.user, office.ada.view()["id"], everything=True)
    await office.approves(request)
    await office.rests(request, State.SUCCEEDED)
