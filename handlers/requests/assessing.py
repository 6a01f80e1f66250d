"""What approvers and requesters are told before anybody decides: what the destination lacks, and what would change.

Found by a job right after a form was taken, and anew by every review. It is for people, so whatever goes wrong with it
is said in a sentence, and holds nothing up.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog

from handlers import announcements
from handlers.calendar import first_look
from handlers.comparison import Gaps
from handlers.execution.call_journal import CallJournal
from handlers.models import Assessment, Facts, Request, State
from handlers.operations import AnyOperation
from handlers.operations.following import SyncResult, copies_of
from handlers.people import PeopleUnavailableError
from handlers.preflight import Earlier, Report, ReportProgress, Sent, SourceFacts
from handlers.requests.rights import readable
from handlers.requests.services import Services
from handlers.routes import Route, retired_route
from handlers.store import StoreUnavailableError, Transaction

_LOOKED_BACK: Final = 10  # requests for the same teams
_REMEMBERED: Final = 100  # results for the same teams, of which the copies are known
_LONGEST_WAIT: Final = timedelta(seconds=30)  # that a confirmation waits for what was found
_SWEEP: Final = 1.0  # seconds between two looks for what is due
_PAUSE: Final = 0.25  # seconds before the first look at the row; each next pause is longer
_LONGEST_PAUSE: Final = 1.0
_NAMED: Final = 3  # stories that a sentence names
_NAME: Final = 40  # characters of each


def will_be_assessed(services: Services, request: Request) -> bool:
    """Whether a request waits, and nobody has found out yet what the destination lacks for it as it asks now."""
    if request.state is not State.PENDING or services.topology.route_for(request) is None:
        return False
    known = request.assessment
    return (known is None or known.revision != request.revision) and _compares(services, request)


def assessed_soon(services: Services, request: Request) -> bool:
    """Whether it is worth waiting for what the destination lacks for a request that was just asked for."""
    turn = request.next_run_at
    soon = turn is not None and turn < services.store.clock() + _LONGEST_WAIT
    return soon and will_be_assessed(services, request)


def _compares(services: Services, request: Request) -> bool:
    try:
        return services.executor.subject(request, None) is not None
    except TypeError:  # stored by a version that keeps something else
        return False


async def assess(services: Services, request: Request) -> None:
    """Find out what the destination lacks for a waiting request, and what would change there, and show both."""
    await services.executor.preflight.evenly()
    route = services.topology.route_for(request) or retired_route(request)
    facts: Facts | None = None
    async with CallJournal(services.store, request.id) as journal:
        try:
            preview = await services.executor.preview(request, route, journal)
            facts = preview.facts
            if preview.problem is not None or facts is None:
                what = preview.problem.what if preview.problem is not None else "nothing was found"
                found = Report(remarks=(f"The stories cannot be compared: {what}.",))
            else:
                found = await compared(services, request, route, facts, progress=ReportProgress(0)) or Report()
        except StoreUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - whatever it was, the request can be decided about
            structlog.get_logger(__name__).exception("a request could not be assessed")
            found = Report(remarks=("The stories could not be compared. The review tries it again.",))
        async with journal.transaction() as transaction:
            await _keep(services, transaction, request, facts, found)


async def compared(
    services: Services,
    request: Request,
    route: Route,
    facts: Facts,
    *,
    progress: ReportProgress,
    whole: frozenset[int] | None = None,
    actor: str = "",
) -> Report | None:
    """Compare the stories of a request with their copies; None for an operation that syncs none.

    `whole`: ids of the stories whose whole diff is wanted; then no others are compared. `actor`: who reads it. No
    earlier request is named that they may not read, and none at all where nobody in particular reads it.
    """
    async with services.store.reading() as reader:
        earlier = await reader.requests.on_resources(
            [request.resource], {State.SUCCEEDED, State.PARTIAL}, limit=_LOOKED_BACK
        )
        results = await reader.requests.results_on(request.resource, limit=_REMEMBERED)
    sent = _sent(services.executor.operations, earlier)
    seen = await _readable(services, actor, earlier) if sent and actor else frozenset()
    subject = services.executor.subject(request, facts)
    progress.of = 0 if subject is None else len(subject.stories)
    return await services.executor.report(
        request,
        route,
        facts,
        earlier=Earlier(sent={story: _as_read(each, seen) for story, each in sent.items()}, copies=copies_of(results)),
        progress=progress,
        whole=whole,
    )


async def _readable(services: Services, actor: str, earlier: tuple[Request, ...]) -> frozenset[str]:
    try:
        return await readable(services, actor, earlier)
    except PeopleUnavailableError:
        return frozenset()


def _as_read(sent: Sent, seen: frozenset[str]) -> Sent:
    """Return what was synced without the id of its request, for somebody who may not read that."""
    return sent if sent.request_id in seen else sent.model_copy(update={"request_id": ""})


async def keep_assessment(services: Services, request: Request, facts: Facts | None, found: Report) -> None:
    """Show on a waiting request what was found, if it still asks for the same."""
    async with services.store.transaction() as transaction:
        await _keep(services, transaction, request, facts, found)


async def _keep(
    services: Services, transaction: Transaction, request: Request, facts: Facts | None, found: Report
) -> None:
    assessment = _assessment(services, request, facts, found)
    current = await transaction.requests.locked(request.id)
    if current is None or current.state is not State.PENDING or current.revision != request.revision:
        return
    route = services.topology.route_for(current) or retired_route(current)
    first = current.assessment is None or current.assessment.revision != current.revision
    changes: dict[str, Any] = {}
    if first:  # from when it was asked for, however late this comes
        since = current.expires_at - route.expires_after
        looked = first_look(services.topology.calendar, route, since)
        changes = {"next_run_at": min(current.expires_at, looked)}
    if first or current.assessment != assessment:
        await transaction.requests.change(current, assessment=assessment, **changes)
        await announcements.changed(transaction, current)


async def record_diff(services: Services, actor: str, request: Request) -> None:
    """Record that somebody had the whole diff posted into the thread."""
    async with services.store.transaction() as transaction:
        transaction.audit.record("diff_posted", actor, request.id, revision=request.revision)


async def assessed(services: Services, request: Request) -> Assessment | None:
    """Return what was found for a request that was just asked for; None when that takes longer than half a minute."""
    over = asyncio.get_running_loop().time() + _LONGEST_WAIT.total_seconds()
    turn = request.next_run_at - services.store.clock() if request.next_run_at else timedelta()
    pause = turn.total_seconds() + _SWEEP if turn > timedelta() else _PAUSE
    while asyncio.get_running_loop().time() + pause < over:
        await asyncio.sleep(pause)
        async with services.store.reading() as reader:
            current = await reader.requests.get(request.id)
        if current is None or current.state is not State.PENDING or current.revision != request.revision:
            return None
        if current.assessment is not None and current.assessment.revision == current.revision:
            return current.assessment
        pause = min(2 * pause, _LONGEST_PAUSE)
    return None


def _assessment(services: Services, request: Request, facts: Facts | None, found: Report) -> Assessment:
    gaps = facts.gaps if isinstance(facts, SourceFacts) and facts.gaps is not None else Gaps()
    unread = (_unread(gaps.unread, request.source),) if gaps.unread else ()
    return Assessment(
        revision=request.revision,
        missing=tuple(f"{gap.reference.kind.words} {gap.reference.slug}" for gap in gaps.missing),
        unchecked=(*gaps.unchecked_because, *unread, *found.remarks),
        totals=found.totals if found.stories else "",
        edited=tuple(each.story.name for each in found.edited),
        existing="" if facts is None else services.executor.operations[request.operation].already_there(facts),
        alike=found.alike,
    )


def _unread(names: Sequence[str], source: str) -> str:
    """Say which stories nobody could check, and what to do."""
    several = len(names) > 1
    stories = f"{len(names):,} stories" if several else "1 story"
    named = ", ".join(" ".join(name.split())[:_NAME] for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return (
        f"{stories} could not be exported from {source}, so nobody checked what {'they need' if several else 'it needs'}: "
        f"{named}{more}. The review says why."
    )


def _sent(operations: Mapping[str, AnyOperation], earlier: tuple[Request, ...]) -> dict[int, Sent]:
    """Return what was synced last of each story, given requests for the same teams, the newest first.

    A later sync of which nobody knows what it sent hides the one before it.
    """
    latest: dict[int, Sent | None] = {}
    for request in earlier:
        if request.operation not in operations or not isinstance(request.result, SyncResult):
            continue
        hashes = request.facts.hashes if isinstance(request.facts, SourceFacts) else {}
        by_hand = operations[request.operation].synced_by_hand(request)
        for status in request.result.statuses:
            if status.synced:
                known = hashes.get(status.story_id)
                latest.setdefault(
                    status.story_id,
                    None
                    if known is None
                    else Sent(
                        request_id=request.id,
                        at=request.finished_at or request.updated_at,
                        source_hash=known,
                        automatic=not by_hand,
                    ),
                )
    return {story_id: sent for story_id, sent in latest.items() if sent is not None}
