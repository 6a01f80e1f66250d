"""The check before every send, first or repeated: is what was approved still what is there, and still approved.

Tines and Slack are looked at before the transaction that commits "about to send" (`check`). What they said is held
against the row within it, as the row is then (`Checked.against`). A send of many calls, or a slow one, is checked again
before each call that would leave later than a send window after the check before it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from handlers.concurrency import both
from handlers.execution.send_window import Opened
from handlers.models import Facts, Problem, Request, State
from handlers.operations.outcomes import AskAgain, Finished, Happening, Outcome, Send
from handlers.operations.protocol import Access, AnyOperation
from handlers.people import People, Person
from handlers.policy import ApprovalBasis, ApprovedBy, Objection, groups_of, standing_of_approval
from handlers.preflight import newly_missing
from handlers.routes import PreflightRule, Route

LACKING: Final = "newly_missing"  # the kind of note about what the destination lacks since the approval


@dataclass(frozen=True, slots=True)
class PeopleBehind:
    """The people behind a request, as Slack knows them now."""

    route: Route
    persons: Mapping[str, Person]

    def against(self, request: Request, now: datetime, *, broke_glass: datetime | None) -> AskAgain | Finished | None:
        """Return what becomes of a request that must not be sent now, None when it may.

        `broke_glass`: when the audit record says that it was run without approval.
        """
        objections = standing_of_approval(self.route, _basis(request, broke_glass), self.persons, now)
        if not objections:
            return None
        final = [each for each in objections if each.kind.is_final]
        if final:
            problem = Problem(
                what=" ".join(each.text for each in final),
                advice="Someone with the right to do so can request it again.",
            )
            return Finished(state=State.FAILED, problem=problem, unsent=True)
        return AskAgain(
            keeps_approvals=True,
            void=tuple(dict.fromkeys(each.person for each in objections if each.person and not request.emergency)),
            notes=(Happening(kind="needs_approval_again", data={"reasons": _sentences(objections)}),),
        )


async def people_behind(people: People, request: Request, route: Route) -> PeopleBehind:
    """Look up everybody that a send for the request depends on. Raises `PeopleUnavailableError`."""
    ids = dict.fromkeys((request.requester, request.editor, *(each.actor for each in request.approvals())))
    groups = groups_of(route)
    found = await asyncio.gather(*(people.person(each, groups, fresh=True) for each in ids))
    return PeopleBehind(route, dict(zip(ids, found, strict=True)))


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked up before a send, and spoke against nothing."""

    step: Send
    facts: Facts
    lacking: tuple[str, ...]  # what the destination lacks that approvers were not told of, in words
    people: PeopleBehind
    looked_at: datetime
    fresh: Opened  # open as long as no later call of the same send needs a new check

    def against(
        self, request: Request, origins: tuple[str, str], now: datetime, *, broke_glass: datetime | None
    ) -> AskAgain | Finished | None:
        """Return what becomes of a request that must not be sent now, None when it may.

        `origins`: the addresses of both tenants now. `broke_glass`: as `PeopleBehind.against` has it.
        """
        if request.origins != origins:
            return _moved(request, origins)
        return self.people.against(request, now, broke_glass=broke_glass)


async def check(
    people: People, operation: AnyOperation, request: Request, access: Access, *, now: datetime, fresh: Opened
) -> Checked | Outcome:
    """Look at Tines and at the people behind a request; return what was found, or what becomes of the request instead.

    Raises `TinesError` and `PeopleUnavailableError`.
    """
    facts, behind = await both(operation.look(request.params, access), people_behind(people, request, access.route))
    approved = operation.facts_of(request.facts) if request.approvals() else None
    step = operation.decide(request, approved, facts, access.schedule)
    if not isinstance(step, Send):
        return step
    if approved is not None and not operation.covers(request.params, approved, facts):
        reasons = operation.changes(request.params, approved, facts) or ("What would be done in Tines has changed.",)
        return AskAgain(notes=(Happening(kind="needs_approval_again", data={"reasons": [*reasons]}),))
    lacking = tuple(gap.words for gap in newly_missing(approved, facts))
    if lacking and access.route.preflight is PreflightRule.STRICT:
        return AskAgain(notes=(Happening(kind=LACKING, data={"missing": [*lacking], "strict": True}),))
    return Checked(step, facts, lacking, behind, now, fresh)


def _moved(request: Request, origins: tuple[str, str]) -> AskAgain:
    """Return that a request whose tenant has another address than was approved goes back to its approvers."""
    moved = [
        f"{alias} was {then} and is {now}."
        for alias, then, now in zip((request.source, request.destination), request.origins, origins, strict=True)
        if then != now
    ]
    return AskAgain(
        notes=(Happening(kind="needs_approval_again", data={"reasons": ["A tenant's address changed:", *moved]}),)
    )


def _basis(request: Request, broke_glass: datetime | None) -> ApprovalBasis:
    if request.emergency:
        approved_by = ApprovedBy.NOTHING if broke_glass is None else ApprovedBy.BREAK_GLASS
    else:
        approved_by = ApprovedBy.QUORUM
    return ApprovalBasis(
        approved_by=approved_by,
        approvals=request.approvals(),
        requester=request.requester,
        editor=request.editor,
        break_glass=request.editor if request.emergency else "",
        break_glass_at=broke_glass,
    )


def _sentences(objections: tuple[Objection, ...]) -> list[str]:
    return list(dict.fromkeys(each.text for each in objections))
