"""The check before every send: is what was approved still approved, by people who may, for somebody who may.

The persons are looked up before the transaction that commits "about to send", since Slack is asked; the decision itself
(`handlers.policy.standing_of_approval`) is pure and made within it, on the row as it is then.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from handlers.models import Problem, Request, State
from handlers.operations.outcomes import AskAgain, Finished, Happening
from handlers.people import People, Person
from handlers.policy import ApprovalBasis, ApprovedBy, Objection, groups_of, standing_of_approval
from handlers.routes import Route


@dataclass(frozen=True, slots=True)
class Standing:
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
                advice="Nothing was sent. Someone with the right to do so can request it again.",
            )
            return Finished(state=State.FAILED, problem=problem)
        return AskAgain(
            keeps_approvals=True,
            void=tuple(dict.fromkeys(each.person for each in objections if each.person and not request.emergency)),
            notes=(Happening(kind="needs_approval_again", data={"reasons": _sentences(objections)}),),
        )


async def standing_of(people: People, request: Request, route: Route) -> Standing:
    """Look up everybody that a send for the request depends on. Raises `PeopleUnavailableError`."""
    ids = dict.fromkeys((request.requester, request.editor, *(each.actor for each in request.approvals())))
    groups = groups_of(route)
    found = await asyncio.gather(*(people.person(each, groups, fresh=True) for each in ids))
    return Standing(route, dict(zip(ids, found, strict=True)))


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
