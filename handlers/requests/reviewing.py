"""What a reviewer is shown of a request: what they may do with it, what Tines says of it now, and whole diffs.

Everything is looked up for the person who reads it. The calls to Tines that this takes are recorded, and after them
what was shown, since that is what a decision is about.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from handlers.execution.call_journal import CallJournal
from handlers.models import Frozen, Problem, Request
from handlers.operations import Preview
from handlers.policy import Quorum, groups_of, may_run_for, quorum
from handlers.preflight import Report, ReportProgress
from handlers.requests.answers import NotNow, Refused
from handlers.requests.assessing import compared
from handlers.requests.rights import Abilities, abilities, able
from handlers.requests.services import Services, deadline, looked_up
from handlers.routes import Route, retired_route

OUTDATED_REVIEW: Final = "This review is outdated. Open it again."
"""What somebody reads whose review does not tell which request it is about."""

_LONGEST_PREVIEW: Final = 30.0  # seconds; after that the reviewer is told that Tines does not answer
_NOT_THERE: Final = "This story is no longer part of the request, or Tines does not answer right now."


class Review(Frozen):
    """A request as one person reviews it."""

    request: Request
    route: Route
    origins: tuple[str, str]  # the addresses of both tenants
    can: Abilities
    preview: Preview | None = None  # None: Tines is still being asked
    against: tuple[str, ...] = ()  # why it would not run for the person who requested it

    @property
    def quorum(self) -> Quorum:
        """Which approvals count, and what is still missing."""
        return quorum(self.route, self.request.approvals())


async def review_for(services: Services, actor: str, request_id: str | None) -> Review | Refused | NotNow:
    """Return a request that waits for a decision as somebody who may read it sees it at once; else what to answer."""
    found = await able(services, actor, request_id, lambda can: can.review, what="review", unread=OUTDATED_REVIEW)
    return found if isinstance(found, Refused | NotNow) else _review(services, *found)


async def review_again(services: Services, actor: str, request: Request, preview: Preview | None) -> Review:
    """Return a request with what was just looked up for it, for somebody whose approval was not taken.

    Raises `PeopleUnavailableError`.
    """
    route = services.topology.route_for(request) or retired_route(request)
    someone = await services.people.person(actor, groups_of(route))
    return _review(services, request, route, abilities(route, someone, request), preview)


async def look_up_review(
    services: Services, actor: str, opened: Review, show: Callable[[Awaitable[Review]], Awaitable[str | None]]
) -> Review | None:
    """Look up what Slack and Tines say now, have it shown, and record that; return it, None when nobody saw it.

    `show` is given what to wait for, so that it can show how that failed as well. It returns the digest of what is
    shown, None when nothing is.
    """
    request = opened.request
    async with CallJournal(services.store, request.id, actor) as journal:
        looked: list[Review] = []

        async def looking() -> Review:
            looked.append(await _looked_up(services, actor, opened, journal))
            return looked[0]

        digest = await show(looking())
        if digest is None:
            return None
        async with journal.transaction() as transaction:
            transaction.audit.record("shown", actor, request.id, revision=request.revision, digest=digest)
        return looked[0]


async def _looked_up(services: Services, actor: str, opened: Review, journal: CallJournal) -> Review:
    request, route, can = opened.request, opened.route, opened.can
    if not can.approve.allowed:  # nobody is told by an old answer that they may not
        can = abilities(route, await services.people.person(actor, groups_of(route), fresh=True), request)
    preview = await looked_up(services, request, route, deadline(_LONGEST_PREVIEW), journal)
    if preview is None:
        preview = Preview(problem=_no_answer(request, "Open the review again in a minute."))
    requester = await services.people.person(request.requester, groups_of(route), fresh=True)
    return opened.model_copy(update={"can": can, "preview": preview, "against": may_run_for(route, requester).reasons})


async def whole_diff(services: Services, actor: str, review: Review, story: int | None) -> Report | Refused | NotNow:
    """Return the whole diff of one story of a request, or of all for None; else why there is none."""
    request, route = review.request, review.route
    async with CallJournal(services.store, request.id, actor) as journal:
        preview = await looked_up(services, request, route, deadline(_LONGEST_PREVIEW), journal)
    if preview is None or preview.facts is None:
        problem = preview.problem if preview is not None else None
        return NotNow(problem=problem or _no_answer(request, "Try again in a minute."))
    subject = services.executor.subject(request, preview.facts)
    every = frozenset(each.id for each in subject.stories) if subject is not None else frozenset[int]()
    whole = every if story is None else frozenset({story})
    report = await compared(
        services, request, route, preview.facts, progress=ReportProgress(0), whole=whole, actor=actor
    )
    if report is None or (story is not None and not report.stories):
        return Refused(reasons=(report.remarks if report is not None else ()) or (_NOT_THERE,))
    return report


def _review(
    services: Services, request: Request, route: Route, can: Abilities, preview: Preview | None = None
) -> Review:
    return Review(request=request, route=route, origins=_origins(services, request, route), can=can, preview=preview)


def _origins(services: Services, request: Request, route: Route) -> tuple[str, str]:
    """Return the addresses of both tenants as they are configured now, or were where one is not any more."""
    known = {route.source, route.destination} <= services.topology.tenants.keys()
    return services.topology.origins(route) if known else request.origins


def _no_answer(request: Request, advice: str) -> Problem:
    return Problem(what=f"{request.source} does not answer", advice=advice)
