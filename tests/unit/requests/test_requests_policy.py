import pytest

from handlers.models import State
from handlers.requests import Done, submit

from .conftest import OpenHarness
from .harness import ADA, CLEO, LEADS, RINA


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"approvers": ("S0EMPTY", CLEO)}, "Nobody is in the approver group S0EMPTY"),
        ({"approvers": (LEADS,), "approvals": 3}, "needs 3 approvals, but at most 2 can be given"),
        ({"approvers": (RINA,)}, "needs 1 approval, but at most 0 can be given"),
        (
            {"approvers": (LEADS,), "denied": (LEADS,)},
            "Nobody in the approver group S0LEADS of dev-to-prod can approve",
        ),
    ],
    ids=["empty group", "quorum too large", "only the requester", "all denied"],
)
async def test_a_policy_that_cannot_work_is_said_to_who_asks(
    open_harness: OpenHarness, policy: dict[str, object], said: str
) -> None:
    """Who asks on a route on which nobody can approve reads why at once, and so does the thread; it is recorded."""
    harness = await open_harness(**policy)
    answer = await submit(harness.services, RINA, harness.form(), budget=None)
    assert isinstance(answer, Done)
    assert answer.request.state is State.PENDING
    assert said in answer.text
    note = next(each for each in await harness.told() if each.get("kind") == "policy_fault")
    assert any(said in fault for fault in note["faults"])
    assert await harness.kinds(answer.request.id) == ["asked", "policy_fault"]


async def test_a_policy_that_works_is_not_talked_about(open_harness: OpenHarness) -> None:
    """Nothing is said of a policy when enough people can approve, nor to somebody who needs nobody's approval."""
    harness = await open_harness(approvals=2, break_glass=(ADA,))
    assert await harness.kinds((await harness.asks()).id) == ["asked"]
    alone = await open_harness(approvers=(RINA,), break_glass=(RINA,))
    assert await alone.kinds((await alone.asks(emergency=True, draft_id="other")).id) == ["break_glass"]
