from datetime import UTC, datetime, timedelta

import pytest

from handlers.models import Decision, Request, State, Story, Team, Verdict, digest_of
from handlers.operations.create import CreateParams
from handlers.people import Person
from handlers.requests import Abilities, abilities
from handlers.routes import Route

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HIDDEN = ("There is no request TS-00000000 that you can see. /tines-sync list shows yours.",)
ROUTE = Route(
    name="dev-to-prod",
    source="dev",
    destination="prod",
    requesters=("S0TEAM",),
    approvers=("S0SEC",),
    denied=("U0EVE", "S0LEFT"),
    approvals=2,
    approval_channel="C0APPROVALS",
)
EVERYBODY_MAY = ROUTE.model_copy(update={"requesters": ("*",), "approvers": ("*",)})
TEAM, SEC = frozenset({"S0TEAM"}), frozenset({"S0SEC"})
BOTH = TEAM | SEC

PEOPLE = {
    "denied": Person(id="U0EVE", groups=BOTH),
    "denied by another id": Person(id="W0EVE", ids=frozenset({"U0EVE"}), groups=BOTH),
    "perhaps denied": Person(id="U0TOM", groups=BOTH, unreadable=frozenset({"S0LEFT"})),
    "guest": Person(id="U0GUS", groups=BOTH, guest=True),  # and whoever comes through Slack Connect
    "deactivated": Person(id="U0DEA", groups=BOTH, deactivated=True),
    "bystander": Person(id="U0BYE"),
    "colleague": Person(id="U0COL", groups=TEAM),
    "requester": Person(id="U0REQ", groups=TEAM),
    "requester by another id": Person(id="W0REQ", ids=frozenset({"U0REQ"}), groups=TEAM),
    "requester who left the team": Person(id="U0REQ"),
    "requester who is a guest now": Person(id="U0REQ", groups=TEAM, guest=True),
    "approver": Person(id="U0APP", groups=SEC),
    "approver who has approved": Person(id="U0ADA", groups=SEC),
    "approver who has approved by another id": Person(id="W0ADA", ids=frozenset({"U0ADA"}), groups=SEC),
    "somebody who has approved and may not any more": Person(id="U0ADA"),
}
# What each may do with a pending request, and with one of which nobody knows what became.
PENDING: dict[str, set[str]] = {
    "denied": set(),
    "denied by another id": set(),
    "perhaps denied": set(),
    "guest": set(),
    "deactivated": set(),
    "bystander": set(),
    "colleague": {"read", "review", "ask_again"},
    "requester": {"read", "review", "edit", "cancel", "ask_again"},
    "requester by another id": {"read", "review", "edit", "cancel", "ask_again"},
    "requester who left the team": {"read", "review", "cancel"},
    "requester who is a guest now": {"cancel"},
    "approver": {"read", "review", "approve", "reject", "cancel"},
    "approver who has approved": {"read", "review", "reject", "withdraw", "cancel"},
    "approver who has approved by another id": {"read", "review", "reject", "withdraw", "cancel"},
    "somebody who has approved and may not any more": {"withdraw"},
}
UNCERTAIN: dict[str, set[str]] = {
    "denied": set(),
    "denied by another id": set(),
    "perhaps denied": set(),
    "guest": set(),
    "deactivated": set(),
    "bystander": set(),
    "colleague": {"read", "ask_again"},
    "requester": {"read", "check_again", "close", "ask_again"},
    "requester by another id": {"read", "check_again", "close", "ask_again"},
    "requester who left the team": {"read", "check_again", "close"},
    "requester who is a guest now": set(),
    "approver": {"read", "check_again", "close"},
    "approver who has approved": {"read", "check_again", "close"},
    "approver who has approved by another id": {"read", "check_again", "close"},
    "somebody who has approved and may not any more": set(),
}


def a_request(state: State = State.PENDING) -> Request:
    """Build a request that one approver has approved."""
    params = CreateParams(
        source_team=Team(id=1, name="Blue"),
        destination_team=Team(id=2, name="Green"),
        stories=(Story(id=7, name="Alerts"),),
    )
    origins = ("https://dev.example", "https://prod.example")
    digest = digest_of("create", "dev-to-prod", params, origins, None)
    approval = Decision(
        request_id="TS-00000000",
        revision=1,
        digest=digest,
        actor="U0ADA",
        verdict=Verdict.APPROVE,
        groups=("S0SEC",),
        at=NOON,
    )
    return Request(
        id="TS-00000000",
        state=state,
        revision=1,
        operation="create",
        route="dev-to-prod",
        source="dev",
        destination="prod",
        origins=origins,
        resource="dev 1 > prod 2",
        params=params,
        digest=digest,
        reason="because",
        requester="U0REQ",
        editor="U0REQ",
        created_at=NOON,
        updated_at=NOON,
        expires_at=NOON + timedelta(days=3),
        decisions=(approval,),
    )


def allowed(found: Abilities) -> set[str]:
    """Return the names of what somebody may do."""
    return {name for name, ruling in found if name != "cancel_needs_reason" and ruling.allowed}


@pytest.mark.parametrize("who", PEOPLE)
def test_who_may_do_what_with_a_pending_request(who: str) -> None:
    """Everybody may do exactly what their part in the request gives them, under whichever id they come."""
    assert allowed(abilities(ROUTE, PEOPLE[who], a_request())) == PENDING[who]


@pytest.mark.parametrize("who", PEOPLE)
def test_who_may_do_what_with_an_uncertain_request(who: str) -> None:
    """Whoever can call a request off can also look again what became of it, and stop that."""
    assert allowed(abilities(ROUTE, PEOPLE[who], a_request(State.UNCERTAIN))) == UNCERTAIN[who]


@pytest.mark.parametrize("who", ["denied", "denied by another id", "perhaps denied", "guest", "deactivated"])
@pytest.mark.parametrize("state", State)
def test_where_everybody_may_the_unfit_still_learn_nothing(who: str, state: State) -> None:
    """With everybody listed, guests, people from elsewhere and the denied read nothing, not even that there is something."""
    found = abilities(EVERYBODY_MAY, PEOPLE[who], a_request(state))
    assert not allowed(found)
    assert {ruling.reasons for name, ruling in found if name != "cancel_needs_reason"} == {HIDDEN}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("state", [state for state in State if state is not State.PENDING])
def test_nothing_is_decided_about_a_request_that_does_not_wait(who: str, state: State) -> None:
    """Once a request was decided, nobody approves, rejects, withdraws or edits it; readers are told what happened."""
    found = abilities(ROUTE, PEOPLE[who], a_request(state))
    assert not allowed(found) & {"review", "approve", "reject", "withdraw", "edit"}
    if found.read.allowed:
        assert found.approve.reasons[0].startswith("TS-00000000 ")


@pytest.mark.parametrize("state", State)
def test_what_was_sent_is_not_called_off(state: State) -> None:
    """A request is called off only while nothing was sent for it."""
    found = abilities(ROUTE, PEOPLE["requester"], a_request(state))
    assert found.cancel.allowed is (state in {State.PENDING, State.APPROVED})


def test_whoever_calls_off_what_others_asked_for_says_why() -> None:
    """The requester, by whichever id, needs no reason to cancel; an approver does."""
    needs = {who: abilities(ROUTE, PEOPLE[who], a_request()).cancel_needs_reason for who in PEOPLE}
    assert not needs["requester by another id"]
    assert needs["approver"]
