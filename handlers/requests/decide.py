"""Approving, rejecting and withdrawing: exactly one outcome, whoever clicks what at the same time.

The request's row is locked while a decision is made, the state, revision and digest are compared, and only then is
anything written. Whoever comes second is told what happened first.
"""

from datetime import datetime
from functools import partial
from typing import Final

from handlers import announcements
from handlers.concurrency import both
from handlers.execution.call_journal import CallJournal
from handlers.models import Decision, Facts, Frozen, Request, State, Verdict, digest_of
from handlers.operations import Preview
from handlers.people import Identity
from handlers.policy import Ruling, groups_of, quorum
from handlers.preflight import SourceFacts
from handlers.requests.answers import Answer, Changed, Done, NotNow, Refused, Slow
from handlers.requests.approvals import invalid_approvals, void_approvals, without
from handlers.requests.locking import in_time, locked
from handlers.requests.rights import Abilities, abilities, able, able_with
from handlers.requests.services import (
    Services,
    deadline,
    find,
    identified,
    looked_up,
    record_refusal,
    refused_in,
    repeated,
    what_happened,
)
from handlers.routes import Route
from handlers.store import Transaction

_OPEN: Final = frozenset({State.PENDING})


class ReviewedVersion(Frozen):
    """What a person saw when they decided."""

    request_id: str
    revision: int
    digest: str
    missing: frozenset[str] | None = None  # marks of what was said to be missing; None: that is not known


async def approve(
    services: Services,
    actor: str,
    shown: ReviewedVersion,
    comment: str = "",
    *,
    budget: float | None,
    since: datetime | None = None,
) -> Answer:
    """Take an approval of what was shown, if it is still what is there, with a comment for everybody who reads it.

    `budget`: seconds within which Slack and Tines must answer; None waits for them. `since`: when the person clicked,
    for a job that finishes it and may run again.
    """
    until = deadline(budget)
    person = await identified(services, actor)
    actor = person.id
    found = await find(services, actor, shown.request_id, what="approve")
    if isinstance(found, Refused):
        return found
    request, route = found
    given = _given(request, person, shown, since)
    if given is not None:
        return await _again(services, actor, request, given, since)
    async with CallJournal(services.store, request.id, actor) as journal:
        looking = partial(looked_up, services, request, route, until, journal)
        granting = _granted(services, actor, request, route)
        if _is_known_approver(services, actor, request, route):  # Slack is asked while Tines is looked at
            granted, preview = await both(granting, looking())
        else:
            granted = await granting
            preview = await looking() if isinstance(granted, tuple) else None
        if not isinstance(granted, tuple):
            return granted
        ruling, gone = granted
        if preview is None:
            return Slow()
        if preview.problem is not None:
            unknown = NotNow(problem=preview.problem)
            return await record_refusal(services, actor, unknown, what="approve", route=route.name, request=request)
        async with journal.transaction() as transaction:
            current = await in_time(transaction, request.id, route)
            if current is not None and _given(current, person, shown, since) is not None:
                transaction.audit.record("repeated", actor, current.id, what="approve")
                return _counts(current)
            if current is None or current.state is not State.PENDING:
                now = current or request
                return refused_in(transaction, actor, (what_happened(now),), what="approve", request=now)
            changes = _changes(services, current, request, route, shown, preview)
            if changes:
                transaction.audit.record(
                    "shown_again", actor, current.id, changes=list(changes), revision=current.revision
                )
                fits = current.revision == request.revision  # else it was looked up for what was asked before
                return Changed(request=current, preview=preview if fits else None, changes=changes)
            current = await void_approvals(transaction, current, route, gone)
            current = await _as_shown(services, transaction, current, route, actor, shown, preview.facts)
            return await _take(transaction, current, route, actor, shown, ruling, comment)


async def _granted(
    services: Services, actor: str, request: Request, route: Route
) -> tuple[Ruling, dict[str, tuple[str, ...]]] | Answer:
    """Return why a person may approve, and whose earlier approvals must not count any more; else what to answer."""
    can = await able_with(services, actor, request, route, lambda can: can.approve, what="approve", fresh=True)
    if not isinstance(can, Abilities):
        return can
    gone = await invalid_approvals(services, request, route)
    if isinstance(gone, NotNow):
        return await record_refusal(services, actor, gone, what="approve", route=route.name, request=request)
    return can.approve, gone


def _is_known_approver(services: Services, actor: str, request: Request, route: Route) -> bool:
    """Whether a person may approve, as far as is remembered: nobody else's click is worth a look at Tines."""
    known = services.people.cached_person(actor, groups_of(route))
    return known is not None and abilities(route, known, request).approve.allowed


async def _again(services: Services, actor: str, request: Request, given: Decision, since: datetime | None) -> Done:
    if since is None or given.at < since:  # else this very job gave it, before it had to run again
        await repeated(services, actor, request, what="approve")
    return _counts(request)


def _counts(request: Request) -> Done:
    return Done(request=request, text=f"You have already approved {request.id}.")


def _given(request: Request, person: Identity, shown: ReviewedVersion, since: datetime | None) -> Decision | None:
    """Return this very approval if it was taken already: by a second click, or by a job that runs again.

    Taken since the click, it counts as given even if it was withdrawn after that. A request that somebody ended is not
    a success to report: then the person is told what happened.
    """
    if request.state in {State.REJECTED, State.CANCELLED, State.EXPIRED}:
        return None
    taken = (
        each
        for each in request.decisions
        if person.is_(each.actor)
        and (
            each.counts_for(shown.revision, shown.digest)
            or (since is not None and each.at >= since and each.verdict is Verdict.APPROVE)
        )
    )
    return max(taken, key=lambda each: each.at, default=None)


async def _as_shown(
    services: Services,
    transaction: Transaction,
    current: Request,
    route: Route,
    actor: str,
    shown: ReviewedVersion,
    facts: Facts | None,
) -> Request:
    """Return the request with the facts that were shown; where they differ, approvals of the earlier ones are void."""
    if shown.digest == current.digest and current.approvals():
        return current  # what the first approver was told counts: of what is new since then, the thread tells
    operation = services.executor.operations[current.operation]
    lost = len(current.approvals())
    changes = operation.changes(current.params, current.facts, facts) if facts is not None else ()
    changed = await transaction.requests.change(
        current, facts=facts, origins=services.topology.origins(route), digest=shown.digest
    )
    if lost:
        transaction.audit.record("stories_changed", actor, current.id, approvals_lost=lost, digest=shown.digest)
        await announcements.note(
            transaction, changed, route, "stories_changed", approvals_lost=lost, changes=list(changes)
        )
    return changed


async def _take(
    transaction: Transaction,
    current: Request,
    route: Route,
    actor: str,
    shown: ReviewedVersion,
    ruling: Ruling,
    comment: str,
) -> Done:
    decision = Decision(
        request_id=current.id,
        revision=current.revision,
        digest=shown.digest,
        actor=actor,
        verdict=Verdict.APPROVE,
        comment=comment,
        groups=ruling.entries,
        at=transaction.now,
    )
    await transaction.requests.add_decision(decision)
    decided = current.model_copy(update={"decisions": (*current.decisions, decision)})
    standing = quorum(route, decided.approvals())
    transaction.audit.record(
        "approved",
        actor,
        current.id,
        revision=current.revision,
        digest=shown.digest,
        have=standing.have,
        needed=standing.needed,
        **({"comment": comment} if comment else {}),
    )
    if comment:
        await announcements.note(transaction, decided, route, "approval_comment", actor=actor, comment=comment)
    if standing.reached:
        decided = await transaction.requests.change(decided, state=State.APPROVED, next_run_at=transaction.now, note="")
        transaction.jobs.advance(decided.id)
        frozen = await transaction.freezes.get(route.name)
        text = (
            f"{current.id} is approved and running now."
            if frozen is None
            else f"{current.id} is approved. {route.name} is frozen, so it will run when the route is unfrozen."
        )
    else:
        text = f"Your approval counts. {current.id} needs {standing.missing}."
    await announcements.changed(transaction, decided)
    return Done(request=decided, text=text)


def _changes(
    services: Services, current: Request, before: Request, route: Route, shown: ReviewedVersion, preview: Preview
) -> tuple[str, ...]:
    """Say what is different from what was shown; nothing when it is the same."""
    if not current.revision == shown.revision == before.revision:
        return ("The requester edited the request. The new version is below.",)
    operation, facts = services.executor.operations[current.operation], preview.facts
    known = current.facts if current.digest == shown.digest else None
    if facts is not None and not operation.can_be_done(facts):
        return operation.changes(current.params, known, facts)
    origins = services.topology.origins(route)
    if digest_of(current.operation, current.route, current.params, origins, facts) == shown.digest:
        return _newly_missing(shown, facts)
    said = operation.changes(current.params, known, facts) if facts is not None else ()
    return said or ("What would be done in Tines has changed since you opened this.",)


def _newly_missing(shown: ReviewedVersion, facts: Facts | None) -> tuple[str, ...]:
    """Say what the destination lacks by now that was not shown."""
    gaps = facts.gaps if isinstance(facts, SourceFacts) else None
    if gaps is None or shown.missing is None:
        return ()
    return tuple(f"New: {gap.words}." for gap in gaps.missing if gap.mark not in shown.missing)


async def reject(services: Services, actor: str, shown: ReviewedVersion, comment: str) -> Answer:
    """End a pending request with a comment for its requester. What was shown is recorded, whatever is there now."""
    request_id = shown.request_id
    actor = (await identified(services, actor)).id
    found = await able(services, actor, request_id, lambda can: can.reject, what="reject")
    if not isinstance(found, tuple):
        return found
    request, route, can = found
    async with services.store.transaction() as transaction:
        current = await locked(transaction, request, route, _OPEN, actor, what="reject")
        if isinstance(current, Refused):
            return current
        await transaction.requests.add_decision(
            Decision(
                request_id=current.id,
                revision=shown.revision,
                digest=shown.digest,
                actor=actor,
                verdict=Verdict.REJECT,
                comment=comment,
                groups=can.reject.entries,
                at=transaction.now,
            )
        )
        rejected = await transaction.requests.change(
            current,
            state=State.REJECTED,
            closed_by=actor,
            closed_comment=comment,
            next_run_at=None,
            finished_at=transaction.now,
        )
        transaction.audit.record(
            "rejected", actor, current.id, revision=shown.revision, digest=shown.digest, comment=comment
        )
        await announcements.ended(transaction, rejected, route)
    return Done(request=rejected, text=f"{request_id} is rejected. The requester is told why.")


async def withdraw(services: Services, actor: str, request_id: str) -> Answer:
    """Take back an approval, while the quorum is not reached."""
    person = await identified(services, actor)
    actor = person.id
    found = await able(services, actor, request_id, lambda can: can.withdraw, what="withdraw")
    if not isinstance(found, tuple):
        return found
    request, route, _ = found
    async with services.store.transaction() as transaction:
        current = await locked(transaction, request, route, _OPEN, actor, what="withdraw")
        if isinstance(current, Refused):
            return current
        remaining = current
        for given_as in [approval.actor for approval in current.approvals() if person.is_(approval.actor)]:
            await transaction.requests.withdraw_approval(current, given_as)
            remaining = without(remaining, given_as, transaction.now)
        transaction.audit.record("withdrawn", actor, current.id, revision=current.revision)
        await announcements.changed(transaction, remaining)
        standing = quorum(route, remaining.approvals())
        await announcements.note(
            transaction, remaining, route, "withdrawn", actor=actor, have=standing.have, needed=standing.needed
        )
    return Done(request=remaining, text=f"You withdrew your approval of {request_id}.")
