from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from handlers.models import Content, Decision, Request, State, Story, SyncMode, Team, Verdict
from handlers.operations.plan import Plan, Step, plan
from handlers.routes import Existing, Route
from handlers.tines import SyncDestination

NOW: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LATER: Final = NOW + timedelta(minutes=5)
ONE: Final = Story(id=11, name="One", edited_at=NOW)
TWO: Final = Story(id=12, name="Two", edited_at=NOW)
AS_APPROVED: Final = {11: ONE, 12: TWO}
EDITED: Final = {11: ONE.model_copy(update={"edited_at": LATER}), 12: TWO}
RENAMED: Final = {11: ONE.model_copy(update={"name": "Eins"}), 12: TWO}
GONE: Final = {12: TWO}


def an_approved(
    *acknowledged: tuple[int, ...], emergency: bool = False, mode: SyncMode = SyncMode.AUTOMATIC
) -> Request:
    """Return a request for two stories; each of `acknowledged` is what one of its approvers was shown."""
    content = Content(
        route="dev-to-prod",
        source="dev",
        destination="prod",
        source_team=Team(id=1, name="SecOps"),
        stories=(ONE, TWO),
        destination_team=Team(id=2, name="SecOps"),
        mode=mode,
        reason="Ready",
    )
    return Request(
        id="TS-00000001",
        state=State.APPROVED,
        revision=1,
        content=content,
        digest=content.digest(),
        requester="U0RINA",
        editor="U0RINA",
        emergency=emergency,
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + timedelta(days=3),
        decisions=tuple(
            Decision(
                request_id="TS-00000001",
                revision=1,
                digest=content.digest(),
                actor=f"U0{number}",
                verdict=Verdict.APPROVE,
                acknowledged_ids=ids,
                at=NOW,
            )
            for number, ids in enumerate(acknowledged)
        ),
    )


def there(*ids: int, manual: bool = False) -> tuple[SyncDestination, ...]:
    """Return sync destinations for the same two teams."""
    return tuple(
        SyncDestination(
            id=each,
            destination_tenant_url="https://acme.tines.com",
            destination_team_id=2,
            origin_team_id=1,
            manual_sync_only=manual,
        )
        for each in ids
    )


CREATE: Final = Plan(step=Step.CREATE)
GLASS: Final = an_approved(emergency=True)
TABLE: Final = [
    ("nothing is there", Existing.ASK, an_approved(()), there(), AS_APPROVED, CREATE),
    ("the approver saw it", Existing.ASK, an_approved((7,)), there(7), AS_APPROVED, CREATE),
    ("both approvers saw it", Existing.ASK, an_approved((7,), (7, 8)), there(7), AS_APPROVED, CREATE),
    (
        "nobody saw it",
        Existing.ASK,
        an_approved(()),
        there(7),
        AS_APPROVED,
        Plan(step=Step.ASK_AGAIN, existing=(7,)),
    ),
    (
        "one of two approvers saw it",
        Existing.ASK,
        an_approved((), (7,)),
        there(7),
        AS_APPROVED,
        Plan(step=Step.ASK_AGAIN, existing=(7,)),
    ),
    (
        "one of two destinations was seen",
        Existing.ASK,
        an_approved((7,)),
        there(7, 8),
        AS_APPROVED,
        Plan(step=Step.ASK_AGAIN, existing=(8,)),
    ),
    ("one that was seen is gone", Existing.ASK, an_approved((7, 8)), there(7), AS_APPROVED, CREATE),
    (
        "a story was edited",
        Existing.ASK,
        an_approved(()),
        there(),
        EDITED,
        Plan(step=Step.ASK_AGAIN, changed=("One was edited on Tines.",)),
    ),
    (
        "a story is gone",
        Existing.ASK,
        an_approved(()),
        there(),
        GONE,
        Plan(step=Step.ASK_AGAIN, changed=("One is gone, was moved, or has no change control any more.",)),
    ),
    ("a story was only renamed", Existing.ASK, an_approved(()), there(), RENAMED, CREATE),
    (
        "a story was edited where stories are added",
        Existing.ADD,
        an_approved((7,)),
        there(7),
        EDITED,
        Plan(step=Step.ASK_AGAIN, changed=("One was edited on Tines.",)),
    ),
    ("broken glass, edited", Existing.ASK, GLASS, there(), EDITED, CREATE),
    ("broken glass, gone", Existing.ASK, GLASS, there(), GONE, CREATE),
    ("broken glass, one is there", Existing.ASK, GLASS, there(7), AS_APPROVED, CREATE),
    ("add to the one", Existing.ADD, an_approved(()), there(7), AS_APPROVED, Plan(step=Step.ADD, existing=(7,))),
    ("broken glass adds, too", Existing.ADD, GLASS, there(7), AS_APPROVED, Plan(step=Step.ADD, existing=(7,))),
    ("nothing to add to", Existing.ADD, an_approved(()), there(), AS_APPROVED, CREATE),
    (
        "two to add to, unseen",
        Existing.ADD,
        an_approved(()),
        there(7, 8),
        AS_APPROVED,
        Plan(step=Step.ASK_AGAIN, existing=(7, 8)),
    ),
    ("two to add to, seen", Existing.ADD, an_approved((7, 8)), there(7, 8), AS_APPROVED, CREATE),
    (
        "the one syncs only when told to",
        Existing.ADD,
        an_approved(()),
        there(7, manual=True),
        AS_APPROVED,
        Plan(step=Step.ASK_AGAIN, existing=(7,)),
    ),
    (
        "the request is for when it is told to, and so is the one",
        Existing.ADD,
        an_approved((), mode=SyncMode.MANUAL),
        there(7, manual=True),
        AS_APPROVED,
        Plan(step=Step.ADD, existing=(7,)),
    ),
]


@pytest.mark.parametrize(
    ("existing", "request_", "same_teams", "stories", "expected"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_what_is_done(
    existing: Existing,
    request_: Request,
    same_teams: tuple[SyncDestination, ...],
    stories: dict[int, Story],
    expected: Plan,
) -> None:
    """What is done for an approved request follows from what is there and what its approvers were shown."""
    route = Route(
        name="dev-to-prod",
        source="dev",
        destination="prod",
        requesters=("*",),
        approvers=("*",),
        approval_channel="C0APPROVALS",
        existing=existing,
    )
    assert plan(request_, route, same_teams, stories) == expected


def test_an_approval_of_something_else_saw_nothing() -> None:
    """Only approvals that count say what was seen: one of an older revision does not."""
    old = an_approved((7,), (7,))
    now = old.model_copy(
        update={
            "decisions": (old.decisions[0].model_copy(update={"revision": 0, "acknowledged_ids": ()}), old.decisions[1])
        }
    )
    route = Route(name="r", source="dev", destination="prod", requesters=(), approvers=(), approval_channel="C")
    assert plan(now, route, there(7), AS_APPROVED).step is Step.CREATE
    withdrawn = now.model_copy(
        update={"decisions": (now.decisions[0], now.decisions[1].model_copy(update={"withdrawn_at": NOW}))}
    )
    assert plan(withdrawn, route, there(7), AS_APPROVED).step is Step.ASK_AGAIN
