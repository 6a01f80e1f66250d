"""One function for each right, so that the same question gets the same answer wherever it is asked.

Three rules hold for all of them and are written once, in `_listed`: `denied` wins over every other list; a
deactivated account, a guest or a bot never counts; and what remains must be listed. Without that single place a new
button would sooner or later skip one of the three.

People are compared as persons: ids that are stored or listed go through `Person.is_`, never through `==`.

Reasons are plain text, with no mentions and no markup. They may contain the route's name, so show them as text.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from handlers.models import Decision, Frozen, Verdict
from handlers.people import Person
from handlers.routes import EVERYBODY, Route


class Ruling(Frozen):
    """Whether a person may do something, and why."""

    allowed: bool
    reasons: tuple[str, ...] = ()  # sentences for the person: why not, and what to do next; empty when allowed
    entries: tuple[str, ...] = ()  # entries of the policy that decided it: those listing, or denying, the person


class Cause(StrEnum):
    """What keeps somebody from a right."""

    DENIED = "denied"
    DEACTIVATED = "deactivated"
    BOT = "bot"
    GUEST = "guest"
    NOT_LISTED = "not_listed"


class Freeze(Frozen):
    """A route on which requests can be made and reviewed, but none is executed."""

    route: str
    by: str  # Slack user id
    reason: str
    at: datetime


def groups_of(route: Route) -> frozenset[str]:
    """Return the ids of every user group that the policy of the route names: what to look a person up in."""
    return frozenset(entry for entry in (*route.users, *route.denied) if is_group(entry))


def is_group(entry: str) -> bool:
    """Whether an entry of a policy is a Slack user group (`S…`), not a person or everybody."""
    return entry.startswith("S")


def may_request(route: Route, person: Person) -> Ruling:
    """Whether the person may ask for the operation that `route` is the policy of."""
    return _disabled(route) or _listed(
        route,
        person,
        route.requesters,
        otherwise=f"You cannot request syncs on {route.name}. "
        "Ask a colleague who can, or ask your tines-sync admin to add you to its requesters.",
    )


def may_approve(
    route: Route, person: Person, *, requester: str, editor: str, already: Sequence[Decision] = ()
) -> Ruling:
    """Whether an approval by the person would count; `entries` are the approver entries they would stand for.

    `requester` and `editor` are Slack user ids: who asked, and who changed the request last. `already` holds the
    approvals that were given so far for what is shown: each person approves once.
    """
    ruling = _disabled(route) or _approver(route, person)
    if not ruling.allowed:
        return ruling
    if not route.self_approval and person.is_(requester):
        return _refused(
            f"You requested this, and on {route.name} requesters cannot approve their own requests. Ask another approver."
        )
    if not route.self_approval and person.is_(editor):
        return _refused(
            f"You were the last to edit this request, and on {route.name} editors cannot approve their own changes. "
            "Ask another approver."
        )
    if _approved_by(person, already):
        return _refused("You have already approved this. It is waiting for other approvers.")
    return ruling


def may_run_for(route: Route, requester: Person) -> Ruling:
    """Whether what the person asked for earlier may still be done: they may still ask for it.

    The reasons are for others: for the approvers who review it, and for the thread.
    """
    if may_request(route, requester).allowed:
        return Ruling(allowed=True)
    if not route.enabled:
        return _refused(f"This operation is switched off on {route.name}.")
    return _refused(f"The requester {why_not(route, requester, 'who can request syncs')}.")


def may_count(route: Route, person: Person) -> Ruling:
    """Whether an approval that the person gave earlier may still count: not denied now, and a full member still."""
    return _denial(route, person) or _unfit(person) or Ruling(allowed=True)


def may_reject(route: Route, person: Person, *, requester: str) -> Ruling:
    """Whether the person may reject a request that `requester` (Slack user id) made.

    Someone who has approved may still reject: saying no after a second look must never be harder than saying yes.
    """
    ruling = _approver(route, person)
    if ruling.allowed and not route.self_approval and person.is_(requester):
        return _refused(
            f"You requested this, and on {route.name} requesters cannot decide on their own requests. Cancel it instead."
        )
    return ruling


def may_cancel(route: Route, person: Person, *, requester: str) -> Ruling:
    """Whether the person may call off a request that `requester` made: its requester and the approvers may.

    The requester need not be allowed to ask any more: taking back what one asked for harms nobody.
    """
    if person.is_(requester):
        return _denial(route, person) or Ruling(allowed=True, entries=(person.id,))
    return _listed(
        route,
        person,
        route.approvers,
        otherwise="Only the requester or an approver of the route can cancel this. Ask one of them.",
    )


def may_edit(route: Route, person: Person, *, requester: str) -> Ruling:
    """Whether the person may change a pending request: only its requester, and only while they may ask at all."""
    if not person.is_(requester):
        return _refused("Only the requester can edit this. Ask them, or make a request of your own.")
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
    return _disabled(route) or _listed(
        route,
        person,
        route.break_glass,
        otherwise=f"You cannot run requests on {route.name} without approval. "
        "Request it in the usual way, and tell an approver that it is urgent.",
    )


def may_freeze(route: Route, person: Person) -> Ruling:
    """Whether the person may freeze and unfreeze the route: its approvers may."""
    return _listed(
        route,
        person,
        route.approvers,
        otherwise=f"Only approvers of {route.name} can freeze or unfreeze it. Ask one of them.",
    )


def may_use(route: Route, person: Person) -> Ruling:
    """Whether the person has to do with the route: those who may ask, approve or run without approval on it have."""
    return _listed(
        route,
        person,
        route.users,
        otherwise=f"You cannot use {route.name}. Ask your tines-sync admin to add you.",
    )


def may_read(route: Route, person: Person, *, requester: str, request_id: str) -> Ruling:
    """Whether the person may see a request: its requester may, and whoever has to do with the route.

    Guests, people from elsewhere and those whom the route denies may not, not even what they asked for themselves
    before. A refusal says nothing of the request, not even whether there is one.
    """
    if _denial(route, person) is None and _unfit(person) is None and person.is_(requester):
        return Ruling(allowed=True, entries=(requester,))
    ruling = may_use(route, person)
    return ruling if ruling.allowed else _refused(no_request(request_id))


def no_request(request_id: str) -> str:
    """Say that there is no such request for somebody: the same whether it does not exist or they may not see it."""
    return f"There is no request {request_id} that you can see. /tines-sync list shows yours."


def _approver(route: Route, person: Person) -> Ruling:
    return _listed(
        route,
        person,
        route.approvers,
        otherwise=f"You are not an approver of {route.name}. "
        "Ask an approver to decide, or ask your tines-sync admin to add you.",
    )


def _listed(route: Route, person: Person, entries: Iterable[str], *, otherwise: str) -> Ruling:
    if refusal := _denial(route, person) or _unfit(person):
        return refusal
    listed = tuple(entries)
    if matching := _matching(listed, person):
        return Ruling(allowed=True, entries=matching)
    return _unreadable(route, listed, person) or _refused(otherwise)


def _denial(route: Route, person: Person) -> Ruling | None:
    """Refuse whom `denied` lists, and everybody when nobody can tell whom it lists."""
    denying = _matching(route.denied, person)
    if denying:
        return _refused(
            f"The policy of {route.name} excludes you by name, through a group or as everybody. "
            "If that is wrong, ask your tines-sync admin.",
            entries=denying,
        )
    unknown = _unreadable_of(route.denied, person)
    if unknown:
        return _refused(
            f"Nobody can use {route.name} right now: it excludes the members of {_named(unknown)}, and Slack does not "
            "say who they are (disabled, deleted or not readable). Tell your tines-sync admin.",
            entries=unknown,
        )
    return None


def _unreadable(route: Route, entries: Iterable[str], person: Person) -> Ruling | None:
    """Refuse somebody who may be a member of a listed group of which Slack does not tell the members."""
    unknown = _unreadable_of(entries, person)
    if not unknown:
        return None
    return _refused(
        f"Slack does not say whether you are listed on {route.name}: {_named(unknown)} is disabled, deleted or not readable "
        "in Slack. Tell your tines-sync admin."
    )


def _unreadable_of(entries: Iterable[str], person: Person) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry for entry in entries if entry in person.unreadable))


def _named(groups: tuple[str, ...]) -> str:
    return f"the user group {' and '.join(groups)}"


def _disabled(route: Route) -> Ruling | None:
    return None if route.enabled else _refused(f"This is switched off on {route.name}. Ask your tines-sync admin.")


def _unfit(person: Person) -> Ruling | None:
    if person.deactivated:
        return _refused("This Slack account is deactivated and cannot do anything here.")
    if person.bot:
        return _refused("Bots and apps cannot do this. Only a person can.")
    if person.guest:
        return _refused("Guests and people from other workspaces cannot do this. Ask a full member of this workspace.")
    return None


def _matching(entries: Iterable[str], person: Person) -> tuple[str, ...]:
    """Return the entries that mean the person, each once, in the order of the policy."""
    meant = {EVERYBODY, *person.ids, *person.groups}
    return tuple(dict.fromkeys(entry for entry in entries if entry in meant))


def _approved_by(person: Person, decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    return tuple(
        d for d in decisions if person.is_(d.actor) and d.verdict is Verdict.APPROVE and d.withdrawn_at is None
    )


def cause_against(route: Route, person: Person) -> Cause:
    """Return the first thing that keeps a person from every right on the route; not being listed when nothing does."""
    if _denial(route, person) is not None:
        return Cause.DENIED
    if person.deactivated:
        return Cause.DEACTIVATED
    if person.bot:
        return Cause.BOT
    return Cause.GUEST if person.guest else Cause.NOT_LISTED


def why_not(route: Route, person: Person, listed: str) -> str:
    """Say of somebody else why they may not do something now, to be read after a subject such as "The approver".

    `listed` completes "is not among the people …" for those who are fit but not listed.
    """
    return {
        Cause.DENIED: f"is excluded by the policy of {route.name}",
        Cause.DEACTIVATED: "has a deactivated Slack account",
        Cause.BOT: "is a bot or an app",
        Cause.GUEST: "is a guest or from another workspace",
        Cause.NOT_LISTED: f"is no longer among the people {listed} on {route.name}",
    }[cause_against(route, person)]


def _refused(*reasons: str, entries: tuple[str, ...] = ()) -> Ruling:
    return Ruling(allowed=False, reasons=reasons, entries=entries)
