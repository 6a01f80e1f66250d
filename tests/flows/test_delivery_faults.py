from dataclasses import replace

import pytest

from bot.playground.launch import APPROVALS, GENERAL, SECOPS
from bot.playground.slack import Fault, FaultKind, Rates
from handlers.models import State

from .conftest import OpenHarness
from .harness import FAILING, STORY, FlowHarness

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


def keys(harness: FlowHarness, channel: str) -> list[str]:
    """Return the keys of the messages that a reader of a channel sees, threads included."""
    slack = harness.playground.slack
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
async def test_a_post_that_fails_is_seen_once_in_the_end(harness: FlowHarness, fault: Fault, which: str) -> None:
    """Whether Slack had applied a post or not when its answer was lost, a reader sees the message exactly once."""
    slack = harness.playground.slack
    only = {
        "approval": lambda args: args.get("channel") == APPROVALS and not args.get("thread_ts"),
        "status": lambda args: bool(args.get("thread_ts")),
        "channel": lambda args: args.get("channel") == SECOPS,
    }[which]
    once = Fault(fault.kind, retry_after=fault.retry_after, code=fault.code, only=only)
    slack.faults.inject("chat.postMessage", once)
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.SUCCEEDED)
    assert "chat.postMessage" not in slack.faults.listing()
    for channel in (APPROVALS, SECOPS):
        found = keys(harness, channel)
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
async def test_an_edit_that_fails_arrives_in_the_end(harness: FlowHarness, fault: Fault) -> None:
    """The approval message shows how the request stands, whatever happened to the edits before."""
    request = await harness.asks(STORY)
    await harness.approval_message(request)
    harness.playground.slack.faults.inject("chat.update", fault)
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
    await harness.approval_message(request, pattern="1 synced")


async def test_strict_rates_are_kept(open_harness: OpenHarness) -> None:
    """Under Slack's own rate limits everything arrives, in order and once."""
    harness = await open_harness(rates=Rates(posts_a_second=5.0, posts_burst=1))
    request = await harness.asked_and_approved(STORY, FAILING)
    await harness.rests(request, State.PARTIAL)
    found = keys(harness, APPROVALS)
    assert len(found) == len(set(found)) == 2


async def test_within_a_thread_order_is_kept(harness: FlowHarness) -> None:
    """What waited for Slack arrives in the order in which it happened: the head, then the notes as they came."""
    slack = harness.playground.slack
    request = await harness.asks(STORY)
    await harness.approval_message(request)
    fault = slack.faults.inject("chat.postMessage", Fault(FaultKind.SERVER_ERROR, times=None))
    await harness.ada.types(GENERAL, "freeze dev-to-prod first reason")
    await harness.ada.types(GENERAL, "unfreeze dev-to-prod")
    await harness.ada.types(GENERAL, "freeze dev-to-prod second reason")
    assert fault.times is None
    slack.faults.clear()
    await harness.all_said()
    told = [text for text in harness.texts(APPROVALS) if request.id not in text]
    assert len(told) == 3
    assert "first reason" in told[0]
    assert "unfroze" in told[1]
    assert "second reason" in told[2]


@pytest.mark.parametrize("gone", ["archived", "removed"])
async def test_a_channel_that_takes_nothing_holds_up_nobody_else(harness: FlowHarness, gone: str) -> None:
    """When the notified channel is archived or the bot removed from it, the requester is told, and the rest arrives."""
    slack = harness.playground.slack
    if gone == "archived":
        slack.archive(SECOPS)
    else:
        slack.kick_bot(SECOPS)
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.SUCCEEDED)
    said = slack.render(await harness.told(harness.rina, "could not post"))
    assert SECOPS in said or "secops" in said
    assert "undelivered" in await harness.kinds(request)
    assert "1 synced" in harness.thread(request)[1]
    await harness.told(harness.rina, "synced")


async def test_an_approval_channel_that_takes_nothing_is_told_to_the_requester(harness: FlowHarness) -> None:
    """A request that no approver can see is not silently lost: its requester reads that the channel is closed."""
    harness.playground.slack.archive(APPROVALS)
    request = await harness.asks(STORY)
    await harness.told(harness.rina, "could not post")
    assert "undelivered" in await harness.kinds(request)


async def test_a_revoked_token_holds_everything_until_it_is_given_back(open_harness: OpenHarness) -> None:
    """While Slack does not take the token, nobody knows who approved, so nothing is sent; when it is back, all goes on."""
    harness = await open_harness()
    slack = harness.playground.slack
    request = await harness.asks(STORY)
    await harness.approval_message(request)
    review = await harness.opens_review(request)
    slack.revoke_token()
    await review.submits()
    assert (harness.creates(), len(keys(harness, APPROVALS))) == ([], 1)
    slack.restore_token()
    if (await harness.request(request.id)).state is State.PENDING:
        await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
    found = keys(harness, APPROVALS)
    assert len(found) == len(set(found)) == 2


async def test_what_is_said_while_the_token_is_revoked_arrives_once(open_harness: OpenHarness) -> None:
    """While Slack does not take the token, announcements wait; when it is back, they arrive, once."""
    harness = await open_harness()
    slack = harness.playground.slack
    harness.playground.dev.switches = replace(harness.playground.dev.switches, sync_seconds=1)
    request = await harness.asked_and_approved(STORY)
    await harness.comes_to(request, State.FOLLOWING)
    slack.revoke_token()
    await harness.comes_to(request, State.SUCCEEDED)
    slack.restore_token()
    await harness.all_said()
    found = keys(harness, APPROVALS)
    assert len(found) == len(set(found)) == 2
    assert "1 synced" in harness.thread(request)[1]


async def test_a_post_that_the_token_was_refused_for_is_made_at_once(harness: FlowHarness) -> None:
    """Slack refused the token for a post, so that surely is not there: nobody waits for it to appear."""
    harness.playground.slack.faults.inject("chat.postMessage", Fault(FaultKind.ERROR, code="token_revoked"))
    request = await harness.asks(STORY)
    await harness.approval_message(request)  # this wait is shorter than the one for a post that may still appear
    assert len(keys(harness, APPROVALS)) == 1


async def test_a_thread_whose_head_was_deleted_is_begun_anew(harness: FlowHarness) -> None:
    """When a person deletes the approval message, it is posted again, and the statuses come under the new one."""
    slack = harness.playground.slack
    request = await harness.asks(STORY)
    await harness.approval_message(request)
    review = await harness.opens_review(request)
    slack.delete_message(APPROVALS, slack.messages(APPROVALS)[0]["ts"])
    await review.submits()
    await harness.rests(request, State.SUCCEEDED)
    thread = harness.thread(request)
    assert len(thread) == 2
    assert "1 synced" in thread[1]


async def test_a_status_list_that_was_deleted_is_shown_anew(open_harness: OpenHarness) -> None:
    """When a person deletes the status list while statuses change, the final one is posted."""
    harness = await open_harness()
    switches = harness.playground.dev.switches
    switches = type(switches)(sync_seconds=0.6)
    harness.playground.dev.switches = switches
    request = await harness.asked_and_approved(STORY)
    message = await harness.in_thread(request, "needs? a sync")
    harness.playground.slack.delete_message(APPROVALS, message["ts"])
    await harness.rests(request, State.SUCCEEDED)
    assert "1 synced" in harness.thread(request)[-1]


async def test_a_direct_message_that_slack_refuses_waits_there(harness: FlowHarness) -> None:
    """Somebody whose account is gone cannot be told for now; that is recorded and holds up nothing."""
    request = await harness.asks(STORY)
    await harness.approval_message(request)
    harness.playground.slack.faults.inject(
        "conversations.open", Fault(FaultKind.ERROR, code="user_disabled", times=None)
    )
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
    assert "undelivered" in await harness.kinds(request)
    assert "1 synced" in harness.thread(request)[1]


@pytest.mark.parametrize("code", ["restricted_action", "ekm_access_denied", "a_code_of_next_year"])
async def test_what_is_refused_for_now_appears_when_it_passes(harness: FlowHarness, code: str) -> None:
    """What a channel does not take waits; when it does again, everything appears, as it is by then, and in order."""
    slack = harness.playground.slack
    request = await harness.asks(STORY)
    head = await harness.approval_message(request)
    for method in ("chat.postMessage", "chat.update"):
        refusal = Fault(FaultKind.ERROR, code=code, times=None, only=lambda args: args.get("channel") == APPROVALS)
        slack.faults.inject(method, refusal)
    review = await harness.ada.clicks("Review", head, APPROVALS)
    assert review is not None
    await harness.ada.sees_view(lambda view: view.get("submit") is not None)
    await harness.ada.submits()
    await harness.comes_to(request, State.SUCCEEDED)
    await harness.told(harness.rina, "could not post")
    assert (await harness.kinds(request)).count("undelivered") == 1
    figures = await harness.playground.bot.metrics.render(harness.playground.bot.store)
    assert f'tines_sync_refused_conversations{{code="{code}"}} 1.0' in figures.decode()
    slack.faults.clear()
    await harness.approval_message(request, pattern="1 synced")
    await harness.all_said()
    found = keys(harness, APPROVALS)
    assert len(found) == len(set(found)) == 2


async def test_who_removed_the_bot_reads_how_to_invite_it(harness: FlowHarness) -> None:
    """Where the bot is not in the channel any more, its requester reads once what to type, and where.

    The approvers get the request directly, and can decide about it there.
    """
    slack = harness.playground.slack
    slack.kick_bot(APPROVALS)
    slack.app.scopes = slack.app.scopes - {"chat:write.public"}
    request = await harness.asks(STORY)
    said = slack.render(await harness.told(harness.rina, "could not post"))
    assert "/invite @tines-sync" in said
    assert f"#tines-approvals {APPROVALS}" in said
    assert "to 2 approvers directly" in said
    told = await harness.told(harness.ada, "made a request that you can approve")
    await harness.ada.clicks("Review", told, slack.open_dm(harness.ada.user))
    view = await harness.ada.sees_view(lambda view: view.get("submit") is not None)
    assert view["submit"]["text"] == "Approve"
    slack.invite_bot(APPROVALS)
    await harness.approval_message(request)


async def test_a_missing_scope_holds_up_only_what_needs_it(harness: FlowHarness) -> None:
    """Without the scope for direct messages, channels are served as ever."""
    slack = harness.playground.slack
    slack.app.scopes = slack.app.scopes - {"im:write"}
    request = await harness.asked_and_approved(STORY)
    await harness.comes_to(request, State.SUCCEEDED)
    await harness.in_thread(request, "1 synced")
    slack.app.scopes = slack.app.scopes | {"im:write"}
    await harness.told(harness.rina, "synced")


async def test_a_message_that_may_be_edited_no_more_is_shown_anew_once(harness: FlowHarness) -> None:
    """After the time for edits the outcome is one new message, and the old one says beneath it where to look."""
    slack = harness.playground.slack
    request = await harness.asks(STORY)
    old = await harness.approval_message(request)
    slack.close_edits(0)
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
    heads = [text for text in harness.texts(APPROVALS) if request.id in text]
    assert len(heads) == 2
    assert "1 synced" in heads[1]
    assert "1 synced" in harness.thread(request)[1]
    assert "new message" in slack.render(slack.messages(APPROVALS, thread_ts=old["ts"])[-1])


async def test_a_link_that_slack_does_not_give_is_left_out(harness: FlowHarness) -> None:
    """A permalink is a courtesy: without it the channel is told all the same."""
    harness.playground.slack.faults.inject(
        "chat.getPermalink", Fault(FaultKind.ERROR, code="message_not_found", times=None)
    )
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.SUCCEEDED)
    assert len(harness.texts(SECOPS)) == 1


async def test_a_view_closed_too_early_loses_nothing(harness: FlowHarness) -> None:
    """A review closed while it is being filled in does no harm: the next one opens as ever."""
    request = await harness.asks(STORY)
    message = await harness.approval_message(request)
    await harness.ada.clicks("Review", message, APPROVALS)
    await harness.playground.slack.close(harness.ada.user, harness.ada.view()["id"], everything=True)
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
