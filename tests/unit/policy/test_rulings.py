from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from handlers.models import Decision, Verdict
from handlers.people import Person
from handlers.policy import (
    Ruling,
    groups_of,
    may_approve,
    may_break_glass,
    may_cancel,
    may_edit,
    may_freeze,
    may_read,
    may_reject,
    may_request,
    may_run_for,
    may_use,
    may_withdraw,
)
from handlers.routes import OperationPolicy, Route

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ASKER = "U0ASKER"
ADA = Person(id="U0ADA")

Ask = Callable[[Route, Person], Ruling]

# Every right that a route's policy gives, asked for somebody who neither made nor changed the request.
RIGHTS: dict[str, Ask] = {
    "request": may_request,
    "approve": lambda route, person: may_approve(route, person, requester=ASKER, editor=ASKER),
    "reject": lambda route, person: may_reject(route, person, requester=ASKER),
    "cancel": lambda route, person: may_cancel(route, person, requester=ASKER),
    "edit": lambda route, person: may_edit(route, person, requester=person.id),
    "break glass": may_break_glass,
    "freeze": may_freeze,
    "use": may_use,
    "read": lambda route, person: may_read(route, person, requester=ASKER, request_id="TS-00000000"),
}


def a_route(
    *,
    requesters: tuple[str, ...] = ("*",),
    approvers: tuple[str, ...] = ("S0APPROVERS", "U0ADA"),
    denied: tuple[str, ...] = (),
    break_glass: tuple[str, ...] = (),
    self_approval: bool = False,
) -> Route:
    """Build a route on which everybody may ask, and the approvers' group and Ada decide."""
    return Route(
        name="dev-to-prod",
        source="dev",
        destination="prod",
        requesters=requesters,
        approvers=approvers,
        denied=denied,
        break_glass=break_glass,
        self_approval=self_approval,
        approval_channel="C0APPROVALS",
    )


def a_decision(
    actor: str,
    *groups: str,
    verdict: Verdict = Verdict.APPROVE,
    withdrawn_at: datetime | None = None,
) -> Decision:
    """Build a decision about the first revision of a request."""
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
class Listed:
    """A person, the list they are looked for in, and the entries that must be found to mean them."""

    id: str
    person: Person
    entries: tuple[str, ...]
    found: tuple[str, ...]


LISTED = [
    Listed("by user id", ADA, ("U0BOB", "U0ADA"), ("U0ADA",)),
    Listed("as a member of a group", Person(id="U0CY", groups=frozenset({"S0SEC"})), ("S0SEC",), ("S0SEC",)),
    Listed("as everybody", ADA, ("*",), ("*",)),
    Listed(
        "in several ways, in the order of the policy",
        Person(id="U0ADA", groups=frozenset({"S0SEC", "S0OPS"})),
        ("S0SEC", "*", "U0ADA", "S0OPS"),
        ("S0SEC", "*", "U0ADA", "S0OPS"),
    ),
    Listed("once, though listed twice", ADA, ("U0ADA", "U0ADA"), ("U0ADA",)),
    Listed("by another id of theirs", Person(id="W0ADA", ids=frozenset({"U0ADA"})), ("U0BOB", "U0ADA"), ("U0ADA",)),
    Listed("by an id from an enterprise grid", Person(id="W0ADA"), ("W0ADA",), ("W0ADA",)),
    Listed("not, in a group they are no member of", Person(id="U0CY", groups=frozenset({"S0OPS"})), ("S0SEC",), ()),
    Listed("not, when others are listed", ADA, ("U0BOB",), ()),
    Listed("not, when nobody is listed", ADA, (), ()),
    Listed("not, by a part of an id", Person(id="U0ADAM"), ("U0ADA",), ()),
]


@pytest.mark.parametrize("right", [name for name in RIGHTS if name != "cancel"])
@pytest.mark.parametrize("case", LISTED, ids=lambda case: case.id)
def test_a_right_belongs_to_those_listed(case: Listed, right: str) -> None:
    """Whoever is listed by id, by group or as everybody has the right, and the entries that say so are named."""
    route = a_route(requesters=case.entries, approvers=case.entries, break_glass=case.entries)
    ruling = RIGHTS[right](route, case.person)
    assert (ruling.allowed, ruling.entries) == (bool(case.found), case.found)
    assert bool(ruling.reasons) is not ruling.allowed


@dataclass(frozen=True)
class Unfit:
    """A person who is listed everywhere and yet may nothing, and a word of the reason they read."""

    id: str
    person: Person
    word: str
    denied: tuple[str, ...] = ()


UNFIT = [
    Unfit("a guest", Person(id="U0ADA", guest=True), "Guests"),
    Unfit("a bot", Person(id="U0ADA", bot=True), "Bots"),
    Unfit("a deactivated account", Person(id="U0ADA", deactivated=True), "deactivated"),
    Unfit("denied by id", ADA, "excludes you", denied=("U0ADA",)),
    Unfit("denied by group", Person(id="U0ADA", groups=frozenset({"S0LEFT"})), "excludes you", denied=("S0LEFT",)),
    Unfit("denied by another id", Person(id="U0ADA", ids=frozenset({"W0ADA"})), "excludes you", denied=("W0ADA",)),
    Unfit(
        "of whom nobody can tell whether they are denied",
        Person(id="U0ADA", unreadable=frozenset({"S0LEFT"})),
        "Slack does not say who they are (disabled",
        denied=("S0LEFT",),
    ),
    Unfit("denied with everybody", ADA, "excludes you", denied=("*",)),
    Unfit("denied and a guest", Person(id="U0ADA", guest=True), "excludes you", denied=("U0ADA",)),
]


@pytest.mark.parametrize("right", RIGHTS)
@pytest.mark.parametrize("case", UNFIT, ids=lambda case: case.id)
def test_the_unfit_and_the_denied_may_nothing(case: Unfit, right: str) -> None:
    """A guest, a bot, a deactivated account or a denied person has no right at all, though listed for every one."""
    everywhere = ("*", "U0ADA")
    route = a_route(requesters=everywhere, approvers=everywhere, break_glass=everywhere, denied=case.denied)
    ruling = RIGHTS[right](route, case.person)
    assert not ruling.allowed
    assert (case.word if right != "read" else "There is no request TS-00000000 that you can see.") in ruling.reasons[0]
    assert set(ruling.entries) <= set(case.denied)


@dataclass(frozen=True)
class Approval:
    """Whether Ada, a listed approver, may approve a request with this history, and a word of what she reads."""

    id: str
    allowed: bool
    requester: str = ASKER
    editor: str = ASKER
    self_approval: bool = False
    already: tuple[Decision, ...] = field(default=())
    word: str = ""


APPROVALS = [
    Approval("a request of somebody else", allowed=True),
    Approval("her own", allowed=False, requester="U0ADA", word="You requested this"),
    Approval("one that she was the last to edit", allowed=False, editor="U0ADA", word="last to edit"),
    Approval("her own, where that is allowed", allowed=True, requester="U0ADA", editor="U0ADA", self_approval=True),
    Approval("what others approved", allowed=True, already=(a_decision("U0BOB", "S0APPROVERS"),)),
    Approval("what she approved", allowed=False, already=(a_decision("U0ADA", "U0ADA"),), word="already"),
    Approval(
        "what she approved, then withdrew", allowed=True, already=(a_decision("U0ADA", "U0ADA", withdrawn_at=NOON),)
    ),
    Approval(
        "her own twice, where self-approval is allowed",
        allowed=False,
        requester="U0ADA",
        self_approval=True,
        already=(a_decision("U0ADA", "U0ADA"),),
        word="already",
    ),
]


@pytest.mark.parametrize("case", APPROVALS, ids=lambda case: case.id)
def test_an_approver_approves_the_work_of_others_once(case: Approval) -> None:
    """An approver approves once, and neither their own request nor their own last change unless the route says so."""
    ruling = may_approve(
        a_route(self_approval=case.self_approval),
        ADA,
        requester=case.requester,
        editor=case.editor,
        already=case.already,
    )
    assert ruling.allowed is case.allowed
    assert case.word in " ".join(ruling.reasons)


def test_an_approver_who_asked_is_told_to_cancel_instead_of_rejecting() -> None:
    """A requester who is an approver cancels their own request; rejecting it is for the others."""
    refused = may_reject(a_route(), ADA, requester="U0ADA")
    assert not refused.allowed
    assert "Cancel it instead" in refused.reasons[0]
    assert may_reject(a_route(self_approval=True), ADA, requester="U0ADA").allowed


def test_only_the_requester_and_approvers_cancel() -> None:
    """The requester cancels even as a guest who could not ask today; an approver may; anybody else is told who can."""
    route = a_route(requesters=("U0BOB",))
    assert may_cancel(route, Person(id=ASKER, guest=True), requester=ASKER).allowed
    assert may_cancel(route, ADA, requester=ASKER).entries == ("U0ADA",)
    refused = may_cancel(route, Person(id="U0BOB"), requester=ASKER)
    assert not refused.allowed
    assert "Ask one of them" in refused.reasons[0]
    assert not may_cancel(a_route(denied=(ASKER,)), Person(id=ASKER), requester=ASKER).allowed


def test_only_the_requester_edits_and_only_while_they_may_ask() -> None:
    """An approver does not change what somebody else asked for, nor does a requester who may not ask any more."""
    assert may_edit(a_route(), Person(id=ASKER), requester=ASKER).allowed
    assert "Only the requester" in may_edit(a_route(), ADA, requester=ASKER).reasons[0]
    assert not may_edit(a_route(requesters=("U0BOB",)), Person(id=ASKER), requester=ASKER).allowed


def test_an_approval_is_withdrawn_by_the_one_who_gave_it() -> None:
    """Whoever approved may withdraw, even when they may not approve any more; nobody withdraws for another."""
    given = (a_decision("U0ADA", "U0ADA", "S0APPROVERS"), a_decision("U0BOB", "S0APPROVERS"))
    assert may_withdraw(Person(id="U0ADA", guest=True), given).entries == ("U0ADA", "S0APPROVERS")
    assert not may_withdraw(Person(id="U0CY"), given).allowed
    assert not may_withdraw(ADA, (a_decision("U0ADA", withdrawn_at=NOON),)).allowed
    assert not may_withdraw(ADA, (a_decision("U0ADA", verdict=Verdict.REJECT),)).allowed


def test_a_person_with_two_ids_is_one_person() -> None:
    """Whichever id stands on a request or an approval, its person is recognised under the other as well."""
    ada = Person(id="W0ADA", ids=frozenset({"U0ADA"}))
    route, given = a_route(approvers=("W0ADA",)), (a_decision("U0ADA", "U0ADA"),)
    assert "You requested this" in may_approve(route, ada, requester="U0ADA", editor=ASKER).reasons[0]
    assert "last to edit" in may_approve(route, ada, requester=ASKER, editor="U0ADA").reasons[0]
    assert "already" in may_approve(route, ada, requester=ASKER, editor=ASKER, already=given).reasons[0]
    assert not may_reject(route, ada, requester="U0ADA").allowed
    assert may_cancel(a_route(approvers=("U0BOB",)), ada, requester="U0ADA").allowed
    assert may_edit(route, ada, requester="U0ADA").allowed
    assert may_withdraw(ada, given).allowed
    assert may_read(a_route(requesters=()), ada, requester="U0ADA", request_id="TS-00000000").allowed


def test_a_group_that_cannot_be_read_is_named_to_those_it_may_list() -> None:
    """Where nobody can tell whether somebody is listed, they are refused with what to tell the operator."""
    hidden = Person(id="U0CY", unreadable=frozenset({"S0APPROVERS"}))
    refused = may_approve(a_route(), hidden, requester=ASKER, editor=ASKER)
    assert "S0APPROVERS is disabled, deleted or not readable in Slack" in refused.reasons[0]
    listed = hidden.model_copy(update={"ids": frozenset({"U0CY", "U0ADA"})})
    assert may_approve(a_route(), listed, requester=ASKER, editor=ASKER).allowed


def test_those_who_use_a_route_read_its_requests() -> None:
    """Who asks, approves or runs without approval on a route reads what is asked on it; a colleague elsewhere does not."""
    route = a_route(requesters=("U0BOB",), approvers=("S0APPROVERS",), break_glass=("U0CY",))
    for user in ("U0BOB", "U0CY", ASKER):
        assert may_read(route, Person(id=user), requester=ASKER, request_id="TS-00000000").allowed
    approver = Person(id="U0ADA", groups=frozenset({"S0APPROVERS"}))
    assert may_read(route, approver, requester=ASKER, request_id="TS-00000000").allowed
    refused = may_read(route, Person(id="U0DOM"), requester=ASKER, request_id="TS-00000000")
    assert refused.reasons == ("There is no request TS-00000000 that you can see. /tines-sync list shows yours.",)


@pytest.mark.parametrize(
    ("requester", "reason"),
    [
        (Person(id=ASKER, deactivated=True), "The requester has a deactivated Slack account."),
        (Person(id=ASKER, guest=True), "The requester is a guest or from another workspace."),
        (Person(id=ASKER, bot=True), "The requester is a bot or an app."),
        (
            Person(id="U0DOM"),
            "The requester is no longer among the people who can request syncs on dev-to-prod.",
        ),
        (Person(id="U0EVE"), "The requester is excluded by the policy of dev-to-prod."),
    ],
    ids=["deactivated", "a guest", "a bot", "not listed", "denied"],
)
def test_what_somebody_asked_for_who_left_is_not_run(requester: Person, reason: str) -> None:
    """Whoever reviews a request reads that its requester may not ask any more, and why."""
    route = a_route(requesters=(ASKER, "U0EVE"), denied=("U0EVE",))
    assert may_run_for(route, Person(id=ASKER)) == Ruling(allowed=True)
    assert may_run_for(route, requester) == Ruling(allowed=False, reasons=(reason,))


def test_an_operation_that_is_switched_off_is_asked_for_and_approved_by_nobody() -> None:
    """A switched-off operation refuses those who ask, approve or run it without approval; cancelling stays possible."""
    off = a_route(break_glass=("*",)).model_copy(update={"operations": {"sync": OperationPolicy(enabled=False)}})
    sync = off.for_operation("sync")
    for right in ("request", "approve", "break glass", "edit"):
        refused = RIGHTS[right](sync, ADA)
        assert refused.reasons == ("This is switched off on dev-to-prod. Ask your tines-sync admin.",)
        assert RIGHTS[right](off.for_operation("create"), ADA).allowed
        assert RIGHTS[right](sync.for_operation("create"), ADA).allowed  # not the other's policy
    for right in ("reject", "cancel", "read"):
        assert RIGHTS[right](sync, ADA).allowed


def test_whoever_uses_a_route_reads_every_operation_on_it() -> None:
    """An operation with other people of its own is read by them and by the people of the route alike."""
    own = OperationPolicy(requesters=("U0CY",), approvers=("S0PLATFORM",))
    delete = a_route(requesters=("U0BOB",)).model_copy(update={"operations": {"delete": own}}).for_operation("delete")
    assert may_use(delete, Person(id="U0BOB")).allowed
    assert may_use(delete, Person(id="U0CY")).allowed
    assert not may_request(delete, Person(id="U0BOB")).allowed
    assert groups_of(delete) == {"S0APPROVERS", "S0PLATFORM"}


def test_every_group_of_a_policy_is_looked_up() -> None:
    """Groups of all four lists are named, so that no list is decided on without knowing its members."""
    route = a_route(requesters=("S1", "*"), approvers=("S2", "U1"), denied=("S3", "W1"), break_glass=("S4", "S1"))
    assert groups_of(route) == {"S1", "S2", "S3", "S4"}


IDS = ("U0ADA", "U0BOB", "W0CY")
GROUPS = ("S0APPROVERS", "S0SEC", "S0OPS")
ENTRIES = st.lists(st.sampled_from((*IDS, *GROUPS, "*")), max_size=5).map(tuple)
PERSONS = st.builds(
    Person,
    id=st.sampled_from(IDS),
    ids=st.frozensets(st.sampled_from(IDS)),
    groups=st.frozensets(st.sampled_from(GROUPS)),
    unreadable=st.frozensets(st.sampled_from(GROUPS)),
    guest=st.booleans(),
    deactivated=st.booleans(),
    bot=st.booleans(),
)
ROUTES = st.builds(
    a_route,
    requesters=ENTRIES,
    approvers=ENTRIES,
    denied=ENTRIES,
    break_glass=ENTRIES,
    self_approval=st.booleans(),
)


@given(route=ROUTES, person=PERSONS, requester=st.sampled_from(IDS), entry=st.sampled_from((*IDS, *GROUPS, "*")))
def test_denying_more_never_allows_more(route: Route, person: Person, requester: str, entry: str) -> None:
    """A further entry in `denied` takes rights away or changes nothing, for every right and every person."""
    stricter = route.model_copy(update={"denied": (*route.denied, entry)})
    rulings = zip(_all_rulings(route, person, requester), _all_rulings(stricter, person, requester), strict=True)
    for before, after in rulings:
        assert before.allowed or not after.allowed


@given(route=ROUTES, person=PERSONS, requester=st.sampled_from(IDS))
def test_nobody_denied_is_ever_allowed(route: Route, person: Person, requester: str) -> None:
    """Whatever else the policy says, a person whom `denied` means is refused each right, with a reason."""
    assume({*person.ids, "*", *person.groups, *person.unreadable} & set(route.denied))
    for ruling in _all_rulings(route, person, requester):
        assert not ruling.allowed
        assert ruling.reasons


@given(route=ROUTES, person=PERSONS, requester=st.sampled_from(IDS), editor=st.sampled_from(IDS))
def test_nobody_approves_their_own_where_self_approval_is_off(
    route: Route, person: Person, requester: str, editor: str
) -> None:
    """Neither the requester nor the last editor is allowed to approve, whatever lists and groups they are in."""
    assume(not route.self_approval and person.ids & {requester, editor})
    assert not may_approve(route, person, requester=requester, editor=editor).allowed


@given(route=ROUTES, person=PERSONS, requester=st.sampled_from(IDS))
def test_a_refusal_always_says_why(route: Route, person: Person, requester: str) -> None:
    """A refused person reads at least one whole sentence; an allowed one is not bothered with reasons."""
    for ruling in _all_rulings(route, person, requester):
        assert bool(ruling.reasons) is not ruling.allowed
        assert all(reason[0].isupper() and reason.endswith(".") for reason in ruling.reasons)


def _all_rulings(route: Route, person: Person, requester: str) -> list[Ruling]:
    return [
        may_request(route, person),
        may_approve(route, person, requester=requester, editor=requester),
        may_reject(route, person, requester=requester),
        may_cancel(route, person, requester=requester),
        may_edit(route, person, requester=person.id),
        may_break_glass(route, person),
        may_freeze(route, person),
        may_use(route, person),
        may_read(route, person, requester=requester, request_id="TS-00000000"),
    ]
