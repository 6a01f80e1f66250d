from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.models import Decision, Verdict
from handlers.people import Person
from handlers.policy import groups_of, may_approve, may_request, policy_faults, quorum
from handlers.routes import OperationPolicy, Route

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_route(
    *,
    requesters: tuple[str, ...] = ("*",),
    approvers: tuple[str, ...] = ("U0ADA",),
    denied: tuple[str, ...] = (),
    break_glass: tuple[str, ...] = (),
    approvals: int = 1,
    separate_groups: int = 1,
    self_approval: bool = False,
    operations: dict[str, OperationPolicy] | None = None,
) -> Route:
    """Build a route on which everybody may ask and Ada approves."""
    return Route(
        name="dev-to-prod",
        source="dev",
        destination="prod",
        requesters=requesters,
        approvers=approvers,
        denied=denied,
        break_glass=break_glass,
        approvals=approvals,
        separate_groups=separate_groups,
        self_approval=self_approval,
        approval_channel="C0APPROVALS",
        operations=operations or {},
    )


@dataclass(frozen=True)
class Case:
    """A policy with the people behind it, and a part of each fault that must be found, in order."""

    id: str
    route: Route
    faults: tuple[str, ...]
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    requester: str | None = None
    unreadable: frozenset[str] = frozenset()


OFF = OperationPolicy(enabled=False, approvals=9)
ADA_AND_BOB = {"S0SEC": frozenset({"U0ADA", "U0BOB"})}

CASES = [
    Case("one approver for everybody", a_route(), ()),
    Case("a group with enough people", a_route(approvers=("S0SEC",), approvals=2), (), ADA_AND_BOB),
    Case(
        "an approver group nobody is in",
        a_route(approvers=("S0SEC", "U0ADA")),
        ("Nobody is in the approver group S0SEC",),
        {"S0SEC": frozenset()},
    ),
    Case(
        "an approver group of guests and denied people",
        a_route(approvers=("S0SEC", "U0CY"), denied=("U0ADA",)),
        ("Nobody in the approver group S0SEC",),
        ADA_AND_BOB,
        {"U0BOB": Person(id="U0BOB", guest=True)},
    ),
    Case("a group that was not looked up may have members", a_route(approvers=("S0NEW",), approvals=9), ()),
    Case("everybody may be many", a_route(approvers=("*",), approvals=9), ()),
    Case(
        "a quorum larger than the people",
        a_route(approvers=("S0SEC", "U0ADA"), approvals=3),
        ("needs 3 approvals, but at most 2 can be given.",),
        ADA_AND_BOB,
    ),
    Case(
        "a quorum that denying made impossible",
        a_route(approvers=("S0SEC",), approvals=2, denied=("S0LEFT",)),
        ("needs 2 approvals, but at most 1 can be given.",),
        {**ADA_AND_BOB, "S0LEFT": frozenset({"U0BOB"})},
    ),
    Case(
        "a quorum that needs a bot and a deactivated account",
        a_route(approvers=("U0ADA", "U0BOB", "U0CY"), approvals=2),
        ("needs 2 approvals, but at most 1 can be given.",),
        people={"U0BOB": Person(id="U0BOB", bot=True), "U0CY": Person(id="U0CY", deactivated=True)},
    ),
    Case(
        "only the approvers ask, and none approves their own",
        a_route(requesters=("S0SEC",), approvers=("S0SEC",), approvals=2),
        ("at most 1 can be given without the requester, because self_approval is off.",),
        ADA_AND_BOB,
    ),
    Case(
        "only the approvers ask, and may approve their own",
        a_route(requesters=("S0SEC",), approvers=("S0SEC",), approvals=2, self_approval=True),
        (),
        ADA_AND_BOB,
    ),
    Case(
        "somebody who is no approver asks as well",
        a_route(requesters=("S0SEC", "U0CY"), approvers=("S0SEC",), approvals=2),
        (),
        ADA_AND_BOB,
    ),
    Case(
        "the only approver asks",
        a_route(),
        ("needs 1 approval, but at most 0 can be given without the requester",),
        requester="U0ADA",
    ),
    Case("somebody else asks the only approver", a_route(), (), requester="U0BOB"),
    Case(
        "more groups than are listed",
        a_route(approvers=("S0SEC",), approvals=2, separate_groups=2),
        ("from 2 separate groups, but its approvers can stand for 1 at most",),
        ADA_AND_BOB,
    ),
    Case(
        "two groups of one and the same person",
        a_route(approvers=("S0SEC", "S0OPS", "U0BOB"), approvals=2, separate_groups=3),
        ("from 3 separate groups, but its approvers can stand for 2 at most",),
        {"S0SEC": frozenset({"U0ADA"}), "S0OPS": frozenset({"U0ADA"})},
    ),
    Case(
        "everybody stands for one entry more",
        a_route(approvers=("S0SEC", "*"), separate_groups=2),
        (),
        {"S0SEC": frozenset({"U0ADA"})},
    ),
    Case(
        "a route nobody may use",
        a_route(requesters=("S0TEAM", "U0BOB"), denied=("U0BOB",)),
        ("Nobody can request syncs on dev-to-prod",),
        {"S0TEAM": frozenset()},
    ),
    Case("a route without requesters", a_route(requesters=()), ("Nobody can request syncs on dev-to-prod",)),
    Case("a route that denies everybody", a_route(denied=("U0BOB", "*")), ("denied of dev-to-prod lists everybody",)),
    Case(
        "break-glass that opens for nobody",
        a_route(break_glass=("S0ONCALL",)),
        ("Nobody can run requests without approval",),
        {"S0ONCALL": frozenset()},
    ),
    Case(
        "a denied group of which nobody can tell the members",
        a_route(denied=("U0EVE", "S0LEFT")),
        ("denied of dev-to-prod lists the user group S0LEFT, which is disabled, unknown or not readable in Slack",),
        {"S0LEFT": frozenset()},
        unreadable=frozenset({"S0LEFT", "S0SEC"}),
    ),
    Case(
        "one person under two ids",
        a_route(approvers=("U0ADA", "W0ADA"), approvals=2),
        ("needs 2 approvals, but at most 1 can be given.",),
        people={"U0ADA": Person(id="W0ADA", ids=frozenset({"U0ADA"}))},
    ),
    Case(
        "a person denied by another id",
        a_route(approvers=("S0SEC",), denied=("W0BOB",), approvals=2),
        ("needs 2 approvals, but at most 1 can be given.",),
        ADA_AND_BOB,
        {"U0BOB": Person(id="W0BOB", ids=frozenset({"U0BOB"}))},
    ),
    Case(
        "an operation that asks for more than there are",
        a_route(operations={"delete": OperationPolicy(approvals=2)}),
        ("dev-to-prod (delete) needs 2 approvals, but at most 1 can be given.",),
    ),
    Case(
        "an operation that nobody may ask for",
        a_route(operations={"sync": OperationPolicy(requesters=("S0NONE",))}),
        ("Nobody can request syncs on dev-to-prod (sync)",),
        {"S0NONE": frozenset()},
    ),
    Case(
        "an operation that is wrong as the route is",
        a_route(approvals=2, operations={"sync": OperationPolicy(self_approval=True)}),
        ("dev-to-prod needs 2 approvals, but at most 1 can be given.",),
    ),
    Case(
        "operations that need nobody",
        a_route(operations={"sync": OperationPolicy(approvals=0, approvers=("S0NONE",)), "delete": OFF}),
        (),
        {"S0NONE": frozenset()},
    ),
    Case("break-glass for somebody", a_route(break_glass=("S0SEC",)), (), ADA_AND_BOB),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_policy_that_cannot_work_is_found(case: Case) -> None:
    """Each fault is told in a whole sentence that names the route; a policy that can work has none."""
    faults = policy_faults(case.route, case.members, case.people, requester=case.requester, unreadable=case.unreadable)
    assert len(faults) == len(case.faults)
    for found, expected in zip(faults, case.faults, strict=True):
        assert expected in found
        assert case.route.name in found
        assert found.endswith(".")


USERS = ("U0ADA", "U0BOB", "U0CY", "U0DOM")
GROUPS = ("S0SEC", "S0OPS", "S0NET")
NAMED = st.lists(st.sampled_from((*USERS, *GROUPS)), min_size=1, max_size=4).map(tuple)
ROUTES = st.builds(
    a_route,
    requesters=NAMED,
    approvers=NAMED,
    denied=st.lists(st.sampled_from((*USERS, *GROUPS)), max_size=1).map(tuple),
    approvals=st.integers(1, 3),
    separate_groups=st.integers(1, 3),
    self_approval=st.booleans(),
)
MEMBERS = st.fixed_dictionaries({group: st.frozensets(st.sampled_from(USERS)) for group in GROUPS})
UNFIT = st.frozensets(st.sampled_from(USERS), max_size=1)


@given(route=ROUTES, members=MEMBERS, unfit=UNFIT, requester=st.sampled_from(USERS))
def test_a_request_has_no_fault_exactly_when_all_approvers_together_reach_the_quorum(
    route: Route, members: dict[str, frozenset[str]], unfit: frozenset[str], requester: str
) -> None:
    """What is said to be impossible agrees with letting everybody who may approve a person's request do so."""
    people = _people(route, members, unfit)
    faults = policy_faults(route, members, people, requester=requester)
    assert _tells_of_approvals(faults) is not _can_be_approved(route, people, requester)


@given(route=ROUTES, members=MEMBERS, unfit=UNFIT)
def test_a_route_is_faulty_only_when_no_request_at_all_can_be_approved(
    route: Route, members: dict[str, frozenset[str]], unfit: frozenset[str]
) -> None:
    """Without a requester, a quorum is called impossible only if nobody who may ask could be given it."""
    people = _people(route, members, unfit)
    askers = [user for user, person in people.items() if may_request(route, person).allowed]
    faults = policy_faults(route, members, people)
    assert any("Nobody can request syncs" in fault for fault in faults) is not bool(askers)
    if askers:
        assert _tells_of_approvals(faults) is not any(_can_be_approved(route, people, asker) for asker in askers)


def _people(route: Route, members: Mapping[str, frozenset[str]], unfit: frozenset[str]) -> dict[str, Person]:
    asked = groups_of(route)
    return {
        user: Person(
            id=user,
            groups=frozenset(group for group in asked if user in members[group]),
            guest=user in unfit,
        )
        for user in USERS
    }


def _can_be_approved(route: Route, people: Mapping[str, Person], requester: str) -> bool:
    rulings = {
        user: may_approve(route, person, requester=requester, editor=requester) for user, person in people.items()
    }
    given_by_all = [
        Decision(
            request_id="TS-00000000",
            revision=1,
            digest="d",
            actor=user,
            verdict=Verdict.APPROVE,
            groups=ruling.entries,
            at=NOON,
        )
        for user, ruling in rulings.items()
        if ruling.allowed
    ]
    return quorum(route, given_by_all).reached


def _tells_of_approvals(faults: tuple[str, ...]) -> bool:
    return any("approval" in fault and "needs" in fault for fault in faults)
