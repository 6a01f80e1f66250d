from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.models import Decision, Verdict
from handlers.people import Person
from handlers.policy import Quorum, quorum
from handlers.policy.matching import most_pairs
from handlers.routes import OperationPolicy, Route

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENTRIES = ("S0SEC", "S0OPS", "S0NET", "U0ADA", "*")


def a_route(
    *,
    approvals: int = 1,
    separate_groups: int = 1,
    approvers: tuple[str, ...] = ENTRIES,
    denied: tuple[str, ...] = (),
) -> Route:
    """Build a route whose approvers are three groups, Ada and everybody."""
    return Route(
        name="dev-to-prod",
        source="dev",
        destination="prod",
        requesters=("*",),
        approvers=approvers,
        denied=denied,
        approvals=approvals,
        separate_groups=separate_groups,
        approval_channel="C0APPROVALS",
    )


def approved(
    actor: str, *groups: str, verdict: Verdict = Verdict.APPROVE, withdrawn_at: datetime | None = None
) -> Decision:
    """Build an approval by the actor, who stood for the given entries."""
    return Decision(
        request_id="TS-00000000",
        revision=1,
        digest="d",
        actor=actor,
        verdict=verdict,
        groups=groups,
        at=NOON,
        withdrawn_at=withdrawn_at,
    )


@dataclass(frozen=True)
class Case:
    """Approvals under a policy, how far they have come, and what people read is missing."""

    id: str
    route: Route
    given: tuple[Decision, ...]
    have: int
    separate_have: int
    missing: str


CASES = [
    Case("nothing given", a_route(), (), 0, 0, "1 more approval"),
    Case("one of one", a_route(), (approved("U1", "S0SEC"),), 1, 1, ""),
    Case("one of two", a_route(approvals=2), (approved("U1", "S0SEC"),), 1, 1, "1 more approval"),
    Case("none of three", a_route(approvals=3), (), 0, 0, "3 more approvals"),
    Case(
        "the same person twice is one person",
        a_route(approvals=2),
        (approved("U1", "S0SEC"), approved("U1", "S0OPS")),
        1,
        1,
        "1 more approval",
    ),
    Case(
        "two of one group are two people",
        a_route(approvals=2),
        (approved("U1", "S0SEC"), approved("U2", "S0SEC")),
        2,
        1,
        "",
    ),
    Case(
        "two of one group are not two groups",
        a_route(approvals=2, separate_groups=2),
        (approved("U1", "S0SEC"), approved("U2", "S0SEC")),
        2,
        1,
        "1 more approval, from 1 more group of approvers",
    ),
    Case(
        "a person in two groups stands for one of them",
        a_route(separate_groups=2),
        (approved("U1", "S0SEC", "S0OPS"),),
        1,
        1,
        "1 more approval, from 1 more group of approvers",
    ),
    Case(
        "a person in two groups makes room for one who is in a single one",
        a_route(approvals=2, separate_groups=2),
        (approved("U1", "S0SEC", "S0OPS"), approved("U2", "S0SEC")),
        2,
        2,
        "",
    ),
    Case(
        "room is made along a chain",
        a_route(approvals=3, separate_groups=3),
        (approved("U1", "S0SEC", "S0OPS"), approved("U2", "S0OPS", "S0NET"), approved("U3", "S0SEC")),
        3,
        3,
        "",
    ),
    Case(
        "three groups need three people even where two approvals would do",
        a_route(approvals=2, separate_groups=3),
        (),
        0,
        0,
        "3 more approvals, from 3 more groups of approvers",
    ),
    Case(
        "more people than groups are missing",
        a_route(approvals=4, separate_groups=2),
        (approved("U1", "S0SEC"),),
        1,
        1,
        "3 more approvals, 1 of them from 1 more group of approvers",
    ),
    Case("a withdrawn approval is none", a_route(), (approved("U1", "*", withdrawn_at=NOON),), 0, 0, "1 more approval"),
    Case("a rejection is none", a_route(), (approved("U1", "*", verdict=Verdict.REJECT),), 0, 0, "1 more approval"),
    Case(
        "an approver whose entry was struck from the policy counts no more",
        a_route(approvers=("S0OPS",)),
        (approved("U1", "S0SEC"),),
        0,
        0,
        "1 more approval",
    ),
    Case(
        "an approver denied since counts no more",
        a_route(approvals=2, denied=("U1",)),
        (approved("U1", "S0SEC"), approved("U2", "S0SEC")),
        1,
        1,
        "1 more approval",
    ),
    Case(
        "nobody counts when everybody is denied",
        a_route(denied=("*",)),
        (approved("U1", "*"),),
        0,
        0,
        "1 more approval",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_quorum_counts_people_and_what_they_stand_for(case: Case) -> None:
    """The count of people and groups, whether they are enough and what is missing agree with each other."""
    result = quorum(case.route, case.given)
    assert (result.have, result.separate_have) == (case.have, case.separate_have)
    assert result.missing == case.missing
    assert result.reached is (case.missing == "")


APPROVALS = st.lists(
    st.builds(
        lambda actor, groups: approved(actor, *groups),
        st.sampled_from(("U0ADA", "U1", "U2", "U3", "U4")),
        st.sets(st.sampled_from((*ENTRIES, "S0GONE"))),
    ),
    max_size=6,
)
ROUTES = st.builds(
    a_route,
    approvals=st.integers(1, 4),
    separate_groups=st.integers(1, 4),
    approvers=st.sets(st.sampled_from(ENTRIES), min_size=1).map(tuple),
)


@given(route=ROUTES, approvals=APPROVALS, order=st.randoms(use_true_random=False))
def test_the_order_of_approvals_does_not_matter(route: Route, approvals: list[Decision], order: Random) -> None:
    """Approvals in any order come to the same quorum."""
    shuffled = list(approvals)
    order.shuffle(shuffled)
    assert quorum(route, shuffled) == quorum(route, approvals)


@given(route=ROUTES, approvals=APPROVALS, further=APPROVALS)
def test_a_further_approval_never_takes_anything_away(
    route: Route, approvals: list[Decision], further: list[Decision]
) -> None:
    """More approvals bring the quorum nearer or leave it, and what was reached stays reached."""
    before, after = quorum(route, approvals), quorum(route, [*approvals, *further])
    assert (after.have, after.separate_have) >= (before.have, before.separate_have)
    assert after.reached or not before.reached


@given(route=ROUTES, approvals=APPROVALS)
def test_a_reached_quorum_has_what_the_policy_asks_for(route: Route, approvals: list[Decision]) -> None:
    """Nothing goes ahead with fewer distinct people than either rule needs, and a missing text says so until then."""
    result = quorum(route, approvals)
    people = {each.actor for each in approvals if set(each.groups) & set(route.approvers)}
    assert result.have == len(people)
    assert result.needed == max(route.approvals, route.separate_groups)
    assert result.reached is (
        len(people) >= route.approvals and _most_by_force(route, approvals) >= route.separate_groups
    )
    assert result.reached is not bool(result.missing)


@given(
    st.dictionaries(
        st.sampled_from(("U0", "U1", "U2", "U3", "U4")),
        st.lists(st.sampled_from(("A", "B", "C", "D", "E")), max_size=4, unique=True),
        max_size=5,
    )
)
def test_the_matching_is_the_largest_there_is(choices: dict[str, list[str]]) -> None:
    """Trying every way of handing out the choices finds no more pairs than the matching does."""
    assert most_pairs(choices) == _most_pairs_by_force(choices)


def test_a_long_chain_of_people_is_moved_without_running_out_of_stack() -> None:
    """The last of 3,000 people takes the first choice although all others must move on for it."""
    choices = {f"U{n}": [f"G{n}", f"G{n + 1}"] for n in range(3000)}
    assert most_pairs({**choices, "ULAST": ["G0"]}) == 3001


def test_the_quorum_can_be_built_from_its_numbers() -> None:
    """Views that are handed only numbers read the same words as those that counted."""
    waiting = Quorum(needed=2, have=1, separate_needed=1, separate_have=1, reached=False)
    assert waiting.missing == "1 more approval"


def _most_by_force(route: Route, approvals: list[Decision]) -> int:
    people: dict[str, list[str]] = {}
    for each in approvals:
        people.setdefault(each.actor, []).extend(entry for entry in each.groups if entry in route.approvers)
    return _most_pairs_by_force(people)


def _most_pairs_by_force(choices: dict[str, list[str]]) -> int:
    slots = sorted({choice for each in choices.values() for choice in each})
    padded = [*slots, *[""] * len(choices)]
    return max(
        sum(slot in choices[key] for key, slot in zip(choices, handed_out, strict=True))
        for handed_out in set(permutations(padded, len(choices)))
    )


def test_two_ids_of_one_person_are_one_approval() -> None:
    """A person whose approvals are stored under two ids counts once, and not at all when one of them is denied."""
    ada = Person(id="W1", ids=frozenset({"U1"}))
    given, people = (approved("U1", "S0SEC"), approved("W1", "S0OPS")), {"U1": ada, "W1": ada}
    route = a_route(approvals=2, separate_groups=2)
    assert (quorum(route, given, people).have, quorum(route, given, people).separate_have) == (1, 1)
    assert quorum(a_route(denied=("W1",)), given[:1], people).have == 0


def test_no_approvals_are_needed_where_the_policy_asks_for_none() -> None:
    """An operation that runs without approval has its quorum from the start, whatever groups the route asks for."""
    route = a_route(approvals=2, separate_groups=2).model_copy(
        update={"operations": {"sync": OperationPolicy(approvals=0)}}
    )
    found = quorum(route.for_operation("sync"), ())
    assert found == Quorum(needed=0, have=0, separate_needed=0, separate_have=0, reached=True)
    assert found.missing == ""
