"""One function for each right, so that the same question gets the same answer wherever it is asked.

Three rules hold for all of them and are written once, in `_listed`: `denied` wins over every other list; a
deactivated account, a guest or a bot never counts; and what remains must be listed. Without that single place a new
button would sooner or later skip one of the three.

Reasons are plain text, with no mentions and no markup. They may contain the route's name, so show them as text.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from handlers.models import Decision, Frozen, Verdict
from handlers.people import Person
from handlers.routes import EVERYBODY, Route


class Ruling(Frozen):
    """Whether a person may do something, and why."""

    allowed: bool
    reasons: tuple[str, ...] = ()  # sentences for the person: why not, and what to do next; empty when allowed
    entries: tuple[str, ...] = ()  # entries of the policy that decided it: those listing, or denying, the person


class Freeze(Frozen):
    """A route on which requests can be made and reviewed, but none is executed."""

    route: str
    by: str  # Slack user id
    reason: str
    at: datetime


def groups_of(route: Route) -> frozenset[str]:
    """Return the ids of every user group that the policy of the route names: what to look a person up in."""
    lists = (route.requesters, route.approvers, route.denied, route.break_glass)
    return frozenset(entry for entries in lists for entry in entries if is_group(entry))


def is_group(entry: str) -> bool:
    """Whether an entry of a policy is a Slack user group (`S…`), not a person or everybody."""
    return entry.startswith("S")


def may_request(route: Route, person: Person) -> Ruling:
    """Whether the person may ask for a sync on the route."""
    return _listed(
        route,
        person,
        route.requesters,
        otherwise=f"You are not among the people who may ask on {route.name}. "
        "Ask a colleague who is, or whoever runs tines-sync to add you to its requesters.",
    )


def may_approve(
    route: Route, person: Person, *, requester: str, editor: str, already: Sequence[Decision] = ()
) -> Ruling:
    """Whether an approval by the person would count; `entries` are the approver entries they would stand for.

    `requester` and `editor` are Slack user ids: who asked, and who changed the request last. `already` holds the
    approvals that were given so far for what is shown: each person approves once.
    """
    ruling = _approver(route, person)
    if not ruling.allowed:
        return ruling
    if not route.self_approval and person.id == requester:
        return _refused(
            f"You asked for this, and on {route.name} nobody approves their own request. Ask another approver."
        )
    if not route.self_approval and person.id == editor:
        return _refused(
            f"You were the last to change this request, and on {route.name} nobody approves what they changed. "
            "Ask another approver."
        )
    if _approved_by(person, already):
        return _refused("You have approved this already. The request now waits for other approvers.")
    return ruling


def may_count(route: Route, person: Person) -> Ruling:
    """Whether an approval that the person gave earlier may still count: not denied now, and a full member still."""
    return _denial(route, person) or _unfit(person) or Ruling(allowed=True)


def may_reject(route: Route, person: Person, *, requester: str) -> Ruling:
    """Whether the person may reject a request that `requester` (Slack user id) made.

    Someone who has approved may still reject: saying no after a second look must never be harder than saying yes.
    """
    ruling = _approver(route, person)
    if ruling.allowed and not route.self_approval and person.id == requester:
        return _refused(
            f"You asked for this, and on {route.name} nobody decides about their own request. Cancel it instead."
        )
    return ruling


def may_cancel(route: Route, person: Person, *, requester: str) -> Ruling:
    """Whether the person may call off a request that `requester` made: its requester and the approvers may.

    The requester need not be allowed to ask any more: taking back what one asked for harms nobody.
    """
    if person.id == requester:
        return _denial(route, person) or Ruling(allowed=True, entries=(person.id,))
    return _listed(
        route,
        person,
        route.approvers,
        otherwise="Only the person who asked for this, or an approver of the route, can cancel it. Ask one of them.",
    )


def may_edit(route: Route, person: Person, *, requester: str) -> Ruling:
    """Whether the person may change a pending request: only its requester, and only while they may ask at all."""
    if person.id != requester:
        return _refused("Only the person who asked for this can change it. Ask them, or make a request of your own.")
    return may_request(route, person)


def may_withdraw(person: Person, approvals: Sequence[Decision]) -> Ruling:
    """Whether the person has an approval among `approvals` to take back; `entries` are those it stood for.

    Nothing else is asked: whoever gave an approval can take it back, even if they may not approve any more. The caller
    sees to it that the request is still pending: once the quorum is reached there is nothing to withdraw from.
    """
    given = _approved_by(person, approvals)
    if not given:
        return _refused("You have not approved this, so there is no approval of yours to withdraw.")
    return Ruling(allowed=True, entries=tuple(dict.fromkeys(entry for each in given for entry in each.groups)))


def may_break_glass(route: Route, person: Person) -> Ruling:
    """Whether the person may run a request on the route at once, alone, without approval."""
    return _listed(
        route,
        person,
        route.break_glass,
        otherwise=f"You are not among the people who may run a request on {route.name} without approval. "
        "Ask for it in the usual way, and tell an approver that it is urgent.",
    )


def may_freeze(route: Route, person: Person) -> Ruling:
    """Whether the person may freeze and thaw the route: its approvers may."""
    return _listed(
        route,
        person,
        route.approvers,
        otherwise=f"Only approvers of {route.name} can freeze or thaw it. Ask one of them.",
    )


def _approver(route: Route, person: Person) -> Ruling:
    return _listed(
        route,
        person,
        route.approvers,
        otherwise=f"You are not among the approvers of {route.name}. "
        "Ask one of them to decide, or whoever runs tines-sync to add you.",
    )


def _listed(route: Route, person: Person, entries: Iterable[str], *, otherwise: str) -> Ruling:
    if refusal := _denial(route, person) or _unfit(person):
        return refusal
    matching = _matching(entries, person)
    return Ruling(allowed=True, entries=matching) if matching else _refused(otherwise)


def _denial(route: Route, person: Person) -> Ruling | None:
    denying = _matching(route.denied, person)
    if not denying:
        return None
    return _refused(
        f"The policy of {route.name} excludes you by name, through a group or as everybody. "
        "If that is wrong, ask whoever runs tines-sync.",
        entries=denying,
    )


def _unfit(person: Person) -> Ruling | None:
    if person.deactivated:
        return _refused("This Slack account is deactivated, so nothing it does counts here.")
    if person.bot:
        return _refused("Bots and apps cannot do this. A person has to.")
    if person.guest:
        return _refused("Guests and people from other workspaces cannot do this. Ask a full member of this workspace.")
    return None


def _matching(entries: Iterable[str], person: Person) -> tuple[str, ...]:
    """Return the entries that mean the person, each once, in the order of the policy."""
    meant = {EVERYBODY, person.id, *person.groups}
    return tuple(dict.fromkeys(entry for entry in entries if entry in meant))


def _approved_by(person: Person, decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    return tuple(
        d for d in decisions if d.actor == person.id and d.verdict is Verdict.APPROVE and d.withdrawn_at is None
    )


def _refused(*reasons: str, entries: tuple[str, ...] = ()) -> Ruling:
    return Ruling(allowed=False, reasons=reasons, entries=entries)
