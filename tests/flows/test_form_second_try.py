import pytest

from bot.playground.launch import GENERAL
from bot.playground.slack import Fault, FaultKind

from .harness import FlowHarness


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.RESET_BEFORE),
        Fault(FaultKind.RESET_AFTER),
        Fault(FaultKind.SERVER_ERROR),
        Fault(FaultKind.BAD_GATEWAY_APPLIED),
        Fault(FaultKind.ERROR, code="internal_error"),
    ],
    ids=lambda fault: fault.code or fault.kind.name,
)
async def test_a_form_whose_opening_broke_opens_at_the_second_try(harness: FlowHarness, fault: Fault) -> None:
    """One reset, 5xx or error inside Slack costs nobody their click, whether Slack had opened the form by then or not, and it is filled in."""
    harness.playground.slack.faults.inject("views.open", fault)
    await harness.rina.opens_form(GENERAL)
    await harness.fills_in(who=harness.rina)
    assert len(harness.playground.slack.views(harness.rina.user)) == 1


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(FaultKind.ERROR, code="expired_trigger_id"), "more than three seconds after the click"),
        (Fault(FaultKind.SERVER_ERROR, times=None), "did not answer in time"),
        (Fault(FaultKind.RATE_LIMITED, retry_after=7), "Try again in 7 seconds"),
        (Fault(FaultKind.ERROR, code="team_access_not_granted"), "refused (team_access_not_granted)"),
    ],
    ids=["late", "away", "too many", "refused"],
)
async def test_who_sees_no_form_reads_what_happened(harness: FlowHarness, fault: Fault, why: str) -> None:
    """The words say what Slack did, not what it might have done."""
    slack = harness.playground.slack
    slack.faults.inject("views.open", fault)
    await harness.rina.types(GENERAL, "")
    said = await slack.until(lambda: slack.ephemerals(harness.rina.user, GENERAL))
    assert why in slack.render(said[-1])
