from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from handlers.models import Decision, Verdict
from handlers.people import Person
from handlers.policy import ApprovalBasis, ApprovedBy, ObjectionKind, standing_of_approval
from handlers.routes import OperationPolicy, Route

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SEC = frozenset({"S0SEC"})
ASKER, ADA, BOB, CY = "U0ASKER", "U0ADA", "U0BOB", "U0CY"
ROUTE = Route(
    name="dev-to-prod",
    source="dev",
    destination="prod",
    requesters=("*",),
    approvers=("S0SEC", BOB),
    break_glass=(CY,),
    approval_channel="C0APPROVALS",
    expires_after=timedelta(hours=72),
)
EVERYONE = {
    ASKER: Person(id=ASKER),
    ADA: Person(id=ADA, groups=SEC),
    BOB: Person(id=BOB),
    CY: Person(id=CY),
}


def a_route(**changes: object) -> Route:
    """Build a route on which everybody may ask, a group and Bob approve, and Cy may run without approval."""
    return ROUTE.model_copy(update=changes)


def approval(actor: str, *groups: str, age: timedelta = timedelta(hours=1)) -> Decision:
    """Build an approval that was given some time ago by somebody who stood for the entries."""
    return Decision(
        request_id="TS-00000000",
        revision=1,
        digest="d",
        actor=actor,
        verdict=Verdict.APPROVE,
        groups=groups,
        at=NOON - age,
    )


def approved(
    *given: Decision, by: ApprovedBy = ApprovedBy.QUORUM, requester: str = ASKER, editor: str = ASKER
) -> ApprovalBasis:
    """Build what an approved request rests on: approvals."""
    return ApprovalBasis(approved_by=by, approvals=given, requester=requester, editor=editor)


def run_by_cy(at: datetime | None = None, *given: Decision) -> ApprovalBasis:
    """Build what a request rests on that Cy asked for and ran without approval."""
    return ApprovalBasis(
        approved_by=ApprovedBy.BREAK_GLASS,
        approvals=given,
        requester=CY,
        editor=CY,
        break_glass=CY,
        break_glass_at=at,
    )


ADAS = approval(ADA, "S0SEC")
BOBS = approval(BOB, BOB)


@dataclass(frozen=True)
class Case:
    """What an approval rests on, who the people are now, and what speaks against sending, in order."""

    id: str
    against: tuple[ObjectionKind, ...]
    route: Route = ROUTE
    basis: ApprovalBasis = field(default_factory=lambda: approved(ADAS))
    now: Mapping[str, Person | None] = field(default_factory=dict)  # who changed since; None: not known any more
    says: str = ""


K = ObjectionKind

CASES = [
    Case("an approval by somebody who may still give it", ()),
    Case("an approver by name", (), basis=approved(BOBS)),
    Case(
        "the approver is denied now",
        (K.APPROVER_DENIED,),
        route=a_route(denied=(ADA,)),
        says="An approval no longer counts: the person is excluded by the policy of dev-to-prod.",
    ),
    Case(
        "the approver is denied under another id",
        (K.APPROVER_DENIED,),
        route=a_route(denied=("W0ADA",)),
        now={ADA: Person(id=ADA, ids=frozenset({"W0ADA"}), groups=SEC)},
    ),
    Case(
        "nobody can tell whom the route denies",
        (K.REQUESTER_NOT_ALLOWED, K.APPROVER_DENIED),
        route=a_route(denied=("S0LEFT",)),
        now={
            ADA: Person(id=ADA, groups=SEC, unreadable=frozenset({"S0LEFT"})),
            ASKER: Person(id=ASKER, unreadable=frozenset({"S0LEFT"})),
        },
    ),
    Case(
        "the approver was taken out of the group",
        (K.APPROVER_NOT_LISTED,),
        now={ADA: Person(id=ADA)},
        says="the person is no longer among the people who approve on dev-to-prod.",
    ),
    Case("the approver's entry was taken out of the policy", (K.APPROVER_NOT_LISTED,), route=a_route(approvers=(BOB,))),
    Case(
        "the approver is listed for another reason than the one they stood for",
        (K.APPROVER_NOT_LISTED,),
        route=a_route(approvers=(ADA, BOB)),
    ),
    Case(
        "the approver's group cannot be read",
        (K.APPROVER_NOT_LISTED,),
        now={ADA: Person(id=ADA, unreadable=SEC)},
    ),
    Case(
        "the approver is deactivated",
        (K.APPROVER_DEACTIVATED,),
        now={ADA: Person(id=ADA, groups=SEC, deactivated=True)},
        says="the person has a deactivated Slack account.",
    ),
    Case("the approver is a guest", (K.APPROVER_IS_GUEST,), now={ADA: Person(id=ADA, groups=SEC, guest=True)}),
    Case("the approver is a bot", (K.APPROVER_IS_BOT,), now={ADA: Person(id=ADA, groups=SEC, bot=True)}),
    Case("the approver is not known", (K.APPROVER_UNKNOWN,), now={ADA: None}),
    Case(
        "the approver asked for it, and may not approve that by now",
        (K.APPROVER_IS_REQUESTER,),
        basis=approved(ADAS, requester=ADA),
    ),
    Case(
        "the approver changed it, and may not approve that by now",
        (K.APPROVER_IS_REQUESTER,),
        basis=approved(ADAS, editor=ADA),
    ),
    Case(
        "the approver asked for it under another id",
        (K.APPROVER_IS_REQUESTER,),
        now={ADA: Person(id=ADA, ids=frozenset({ASKER}), groups=SEC)},
    ),
    Case(
        "the approver asked for it, and may",
        (),
        route=a_route(self_approval=True),
        basis=approved(ADAS, requester=ADA, editor=ADA),
    ),
    Case(
        "an approval older than approvals are valid",
        (K.APPROVAL_TOO_OLD,),
        route=a_route(approval_valid_for=timedelta(minutes=59)),
        says="it was given more than 59 minutes ago.",
    ),
    Case("an approval as old as may be", (), route=a_route(approval_valid_for=timedelta(hours=1))),
    Case(
        "an approval older than requests wait, where nothing else is said",
        (K.APPROVAL_TOO_OLD,),
        basis=approved(approval(ADA, "S0SEC", age=timedelta(hours=73))),
        says="more than 3 days ago",
    ),
    Case(
        "more approvals are asked for now",
        (K.QUORUM_RAISED,),
        route=a_route(approvals=2),
        says="dev-to-prod now requires more approvals than when it was approved: it needs 1 more approval.",
    ),
    Case(
        "more groups are asked for now",
        (K.QUORUM_RAISED,),
        route=a_route(approvals=2, separate_groups=2),
        basis=approved(ADAS, approval("U0EVE", "S0SEC")),
        now={"U0EVE": Person(id="U0EVE", groups=SEC)},
    ),
    Case(
        "an approver left, and more are asked for now",
        (K.APPROVER_NOT_LISTED, K.QUORUM_RAISED),
        route=a_route(approvals=2),
        now={ADA: Person(id=ADA)},
    ),
    Case(
        "one of two is left out",
        (K.APPROVER_IS_GUEST,),
        a_route(approvals=2),
        approved(ADAS, BOBS),
        {BOB: Person(id=BOB, guest=True)},
    ),
    Case("the other is enough", (), basis=approved(ADAS, BOBS), now={BOB: Person(id=BOB, guest=True)}),
    Case(
        "two approvals by one person under two ids",
        (K.QUORUM_RAISED,),
        a_route(approvals=2, approvers=("S0SEC",)),
        approved(ADAS, approval("W0ADA", "S0SEC")),
        {
            ADA: Person(id="W0ADA", ids=frozenset({ADA}), groups=SEC),
            "W0ADA": Person(id="W0ADA", ids=frozenset({ADA}), groups=SEC),
        },
    ),
    Case(
        "the person who asked may not ask any more",
        (K.REQUESTER_NOT_ALLOWED,),
        route=a_route(requesters=(BOB,)),
        says="The requester is no longer among the people who can request syncs on dev-to-prod.",
    ),
    Case("the person who asked is denied", (K.REQUESTER_NOT_ALLOWED,), route=a_route(denied=(ASKER,))),
    Case("the person who asked left", (K.REQUESTER_NOT_ALLOWED,), now={ASKER: Person(id=ASKER, deactivated=True)}),
    Case("the person who asked is a guest", (K.REQUESTER_NOT_ALLOWED,), now={ASKER: Person(id=ASKER, guest=True)}),
    Case("the person who asked is not known", (K.REQUESTER_NOT_ALLOWED,), now={ASKER: None}),
    Case("neither approved nor run without approval", (K.NOT_APPROVED,), basis=approved(ADAS, by=ApprovedBy.NOTHING)),
    Case("no approvals at all", (K.QUORUM_RAISED,), basis=approved()),
    Case("run without approval by somebody who may", (), basis=run_by_cy()),
    Case(
        "run without approval by somebody who may not any more",
        (K.BREAK_GLASS_NOT_ALLOWED,),
        route=a_route(break_glass=(BOB,)),
        basis=run_by_cy(),
        says="The person who chose to run it without approval is no longer among the people who can run requests without approval",
    ),
    Case(
        "run without approval by somebody who left",
        (K.REQUESTER_NOT_ALLOWED, K.BREAK_GLASS_NOT_ALLOWED),
        basis=run_by_cy(),
        now={CY: Person(id=CY, deactivated=True)},
    ),
    Case(
        "run without approval by nobody known",
        (K.BREAK_GLASS_NOT_ALLOWED,),
        basis=approved(ADAS, by=ApprovedBy.BREAK_GLASS),
    ),
    Case(
        "run without approval long ago",
        (K.APPROVAL_TOO_OLD,),
        basis=run_by_cy(NOON - timedelta(hours=73)),
        says="It needs approval now.",
    ),
    Case("run without approval of late", (), basis=run_by_cy(NOON - timedelta(hours=72))),
    Case(
        "approvals do not stand in for it", (K.BREAK_GLASS_NOT_ALLOWED,), a_route(break_glass=()), run_by_cy(NOON, ADAS)
    ),
    Case(
        "an operation without approvals",
        (),
        route=a_route(operations={"sync": OperationPolicy(approvals=0)}).for_operation("sync"),
        basis=approved(),
    ),
    Case(
        "an operation that is switched off now",
        (K.OPERATION_DISABLED,),
        route=a_route(operations={"sync": OperationPolicy(enabled=False)}).for_operation("sync"),
        says="This operation is switched off on dev-to-prod.",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_speaks_against_sending_what_was_approved(case: Case) -> None:
    """Before each send the approval must be one that the policy and the people of now would give again."""
    people = {key: person for key, person in {**EVERYONE, **case.now}.items() if person is not None}
    objections = standing_of_approval(case.route, case.basis, people, NOON)
    assert tuple(each.kind for each in objections) == case.against
    assert case.says in " ".join(each.text for each in objections)
    assert all(each.text.endswith(".") and "<@" not in each.text for each in objections)


def test_only_what_further_approvals_cannot_mend_stops_a_request() -> None:
    """A request whose requester left, or whose operation is switched off, stops; the rest waits for approvals anew."""
    assert {kind for kind in ObjectionKind if kind.is_final} == {K.REQUESTER_NOT_ALLOWED, K.OPERATION_DISABLED}


def test_an_objection_names_the_person_it_is_about() -> None:
    """Who lost the right is told apart from the sentence, so that the thread can mention them."""
    people = {**EVERYONE, ADA: Person(id=ADA)}
    assert [each.person for each in standing_of_approval(ROUTE, approved(ADAS), people, NOON)] == [ADA]
