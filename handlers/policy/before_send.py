"""Whether what was approved may still be sent now: asked before every effect, first or repeated.

Hours may lie between the last approval and the call: a freeze, a queue for the same teams, an outage. Meanwhile an
approver can lose the right to approve, the person who asked can leave, and the policy can ask for more. An approval
that nobody would be allowed to give now must not carry an effect.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from handlers.models import Decision, Frozen
from handlers.people import Person
from handlers.policy.quorum import quorum
from handlers.policy.rulings import Cause, cause_against, may_approve, may_break_glass, may_run_for, why_not
from handlers.routes import Route


class ApprovedBy(StrEnum):
    """How a request came to be approved, as its events tell."""

    QUORUM = "quorum"  # enough approvals, or a policy that asks for none
    BREAK_GLASS = "break_glass"  # a person who may run it alone did so
    NOTHING = "nothing"  # neither: the row was changed by something that is no decision


class ObjectionKind(StrEnum):
    """Why what was approved must not be sent."""

    NOT_APPROVED = "not_approved"
    OPERATION_DISABLED = "operation_disabled"
    REQUESTER_NOT_ALLOWED = "requester_not_allowed"
    BREAK_GLASS_NOT_ALLOWED = "break_glass_not_allowed"
    APPROVER_UNKNOWN = "approver_unknown"
    APPROVER_DENIED = "approver_denied"
    APPROVER_DEACTIVATED = "approver_deactivated"
    APPROVER_IS_BOT = "approver_is_bot"
    APPROVER_IS_GUEST = "approver_is_guest"
    APPROVER_NOT_LISTED = "approver_not_listed"
    APPROVER_IS_REQUESTER = "approver_is_requester"
    APPROVAL_TOO_OLD = "approval_too_old"
    QUORUM_RAISED = "quorum_raised"

    @property
    def is_final(self) -> bool:
        """Whether further approvals cannot mend it, so that the request stops instead of waiting for them."""
        return self in _FINAL


_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_FINAL: Final = frozenset({ObjectionKind.OPERATION_DISABLED, ObjectionKind.REQUESTER_NOT_ALLOWED})

_KIND: Final[Mapping[Cause, ObjectionKind]] = {
    Cause.DENIED: ObjectionKind.APPROVER_DENIED,
    Cause.DEACTIVATED: ObjectionKind.APPROVER_DEACTIVATED,
    Cause.BOT: ObjectionKind.APPROVER_IS_BOT,
    Cause.GUEST: ObjectionKind.APPROVER_IS_GUEST,
    Cause.NOT_LISTED: ObjectionKind.APPROVER_NOT_LISTED,
}
_NOT_APPROVED: Final = "It is marked as approved, but without enough approvals. It needs approval now."


class Objection(Frozen):
    """One reason why what was approved must not be sent."""

    kind: ObjectionKind
    text: str  # a sentence for the thread: plain text, without a mention
    person: str = ""  # the stored id of the person it is about, "" for none


class ApprovalBasis(Frozen):
    """What a request's approval rests on. People are given by the ids that are stored."""

    approved_by: ApprovedBy
    approvals: tuple[Decision, ...] = ()  # those for what would be sent (`Request.approvals`)
    requester: str
    editor: str
    break_glass: str = ""  # who ran it without approval
    break_glass_at: datetime | None = None  # when they did


def standing_of_approval(
    route: Route, basis: ApprovalBasis, people: Mapping[str, Person], now: datetime
) -> tuple[Objection, ...]:
    """Return why a request must not be sent now; nothing when it may.

    `route` is the policy of the request's operation as it is now. `people` tells who is behind each stored id as of
    now: whoever is missing there does not count. Approvals older than `route.approval_lifetime` do not count, and
    neither does a run without approval that was asked for so long ago.

    An approval that does not count is an objection only where the others are not enough without it.
    """
    objections = [*_against_asking(route, people.get(basis.requester), basis.requester)]
    match basis.approved_by:
        case _ if not route.enabled:
            pass  # nothing else matters, and nobody has a right to judge by
        case ApprovedBy.BREAK_GLASS:
            objections += _against_break_glass(route, basis, people, now)
        case ApprovedBy.QUORUM:
            objections += _against_approvals(route, basis, people, now)
        case ApprovedBy.NOTHING:
            objections.append(Objection(kind=ObjectionKind.NOT_APPROVED, text=_NOT_APPROVED))
    return tuple(objections)


def _against_asking(route: Route, requester: Person | None, stored: str) -> Iterator[Objection]:
    if requester is None:
        text = "Slack no longer knows the requester."
        yield Objection(kind=ObjectionKind.REQUESTER_NOT_ALLOWED, text=text, person=stored)
        return
    ruling = may_run_for(route, requester)
    if not ruling.allowed:
        kind = ObjectionKind.REQUESTER_NOT_ALLOWED if route.enabled else ObjectionKind.OPERATION_DISABLED
        yield Objection(kind=kind, text=" ".join(ruling.reasons), person=stored if route.enabled else "")


def _against_break_glass(
    route: Route, basis: ApprovalBasis, people: Mapping[str, Person], now: datetime
) -> Iterator[Objection]:
    kind, stored = ObjectionKind.BREAK_GLASS_NOT_ALLOWED, basis.break_glass
    person = people.get(stored)
    if person is None:
        yield Objection(
            kind=kind, text="Slack does not know the person who chose to run it without approval.", person=stored
        )
    elif not may_break_glass(route, person).allowed:
        why = why_not(route, person, "who can run requests without approval")
        yield Objection(kind=kind, text=f"The person who chose to run it without approval {why}.", person=stored)
    elif basis.break_glass_at is not None and now - basis.break_glass_at > route.approval_lifetime:
        text = (
            f"It was requested without approval more than {span(route.approval_lifetime)} ago. It needs approval now."
        )
        yield Objection(kind=ObjectionKind.APPROVAL_TOO_OLD, text=text, person=stored)


def _against_approvals(
    route: Route, basis: ApprovalBasis, people: Mapping[str, Person], now: datetime
) -> Iterator[Objection]:
    lost: list[Objection] = []
    kept: list[Decision] = []
    for approval in basis.approvals:
        found = _against_approval(route, basis, approval, people.get(approval.actor), now)
        if isinstance(found, Objection):
            lost.append(found)
        else:
            kept.append(approval.model_copy(update={"groups": found}))
    remaining = quorum(route, kept, people)
    if remaining.reached:
        return
    yield from lost
    if len(kept) + len(lost) < remaining.needed or not lost:
        text = f"{route.name} now requires more approvals than when it was approved: it needs {remaining.missing}."
        yield Objection(kind=ObjectionKind.QUORUM_RAISED, text=text)


def _against_approval(
    route: Route, basis: ApprovalBasis, approval: Decision, person: Person | None, now: datetime
) -> Objection | tuple[str, ...]:
    """Return why an approval does not count now, else the entries that the person still stands for."""

    def because(kind: ObjectionKind, text: str) -> Objection:
        return Objection(kind=kind, text=f"An approval no longer counts: {text}.", person=approval.actor)

    if person is None:
        return because(ObjectionKind.APPROVER_UNKNOWN, "Slack does not know the person who gave it")
    ruling = may_approve(route, person, requester="", editor="")  # whose request it is comes after
    entries = tuple(entry for entry in approval.groups if entry in ruling.entries)
    if not ruling.allowed or not entries:
        return because(_KIND[cause_against(route, person)], f"the person {why_not(route, person, 'who approve')}")
    if not route.self_approval and (person.is_(basis.requester) or person.is_(basis.editor)):
        return because(
            ObjectionKind.APPROVER_IS_REQUESTER,
            f"the person requested or edited this, and on {route.name} requesters cannot approve their own requests",
        )
    if now - approval.at > route.approval_lifetime:
        return because(ObjectionKind.APPROVAL_TOO_OLD, f"it was given more than {span(route.approval_lifetime)} ago")
    return entries


def span(time: timedelta) -> str:
    """Return a duration in the largest unit that it is a whole number of: "1 minute", "90 minutes", "3 days"."""
    for unit, length in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE), ("second", timedelta(seconds=1))):
        if time >= length and not time % length:
            number = time // length
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{time.total_seconds():.0f} seconds"
