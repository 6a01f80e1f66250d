"""What came of a piece of work, written to the row with everything that follows from it, in one transaction each.

Every ending of the create operation passes through here, so that none of them can forget the record, the thread, the
channels, the requester, or the next request that waits for the same two teams.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog

from handlers import announcing
from handlers.calendar import first_look
from handlers.models import Problem, State, StoryStatus, SyncMode, SyncRequest
from handlers.operations.pacing import Pacing, backoff
from handlers.routes import Calendar, Route
from handlers.store import SYSTEM, Store, Transaction
from handlers.tines import RefusedError, SyncDestination, TinesError


class Outcomes:
    """Writes outcomes. Each method does nothing when the request was taken over or moved on meanwhile."""

    def __init__(self, store: Store, calendar: Calendar, pacing: Pacing) -> None:
        self._store = store
        self._calendar = calendar
        self._pacing = pacing
        self._log = structlog.get_logger(__name__)

    async def settle(self, request: SyncRequest, route: Route, found: SyncDestination, how: str) -> None:
        """Record the sync destination, created now or found after an unknown outcome, and begin to follow it."""
        statuses = named(found.statuses(), request)
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            if held is None:
                return
            manual = request.content.mode is SyncMode.MANUAL
            follow_for = self._pacing.follow_manual_for if manual else self._pacing.follow_for
            settling = await transaction.change(
                held,
                state=State.SETTLING,
                destination_id=found.id,
                statuses=statuses,
                problem=None,
                note="",
                settle_until=transaction.now + follow_for,
                due_at=transaction.now
                if all(status.settled for status in statuses)
                else transaction.now + self._pacing.follow_first,
            )
            transaction.record(how, SYSTEM, request.id, destination_id=found.id, attempt=request.posts)
            record_statuses(transaction, request, statuses)
            await announcing.changed(transaction, settling)
            await announcing.statuses(transaction, settling, route)
            await self._next_for_the_same_teams(transaction, settling)
            await transaction.release_request(request.id)
            if settling.due_at == transaction.now:
                transaction.advance(request.id)  # nothing to wait for

    async def fail(self, request: SyncRequest, route: Route, problem: Problem) -> None:
        """End a request for which nothing was created."""
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            if held is None:
                return
            failed = await transaction.change(
                held, state=State.FAILED, problem=problem, note="", due_at=None, finished_at=transaction.now
            )
            transaction.record("failed", SYSTEM, request.id, problem=problem.model_dump(mode="json"))
            await self._close(transaction, failed, route)

    async def finish(
        self,
        request: SyncRequest,
        route: Route,
        state: State,
        statuses: tuple[StoryStatus, ...],
        **changes: Any,  # noqa: ANN401 - fields of SyncRequest
    ) -> None:
        """End a request whose stories were followed."""
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            if held is None:
                return
            record_statuses(transaction, held, statuses)
            ended = await transaction.change(
                held, state=state, statuses=statuses, due_at=None, finished_at=transaction.now, **changes
            )
            transaction.record(state.value, SYSTEM, request.id, destination_id=request.destination_id, note=ended.note)
            await self._close(transaction, ended, route)

    async def try_later(self, request: SyncRequest, route: Route, error: TinesError) -> None:
        """Wait after a call that surely was not applied; give up after an hour of that."""
        since = approved_since(request)
        waited = self._store.clock() - since
        problem = error.problem()
        if waited > self._pacing.give_up_reaching:
            await self.fail(
                request, route, problem.model_copy(update={"advice": f"Nothing was sent. {problem.advice}"})
            )
            return
        asked = timedelta(seconds=error.retry_after or 0)
        wait = max(asked, backoff(self._pacing.look_first, self._pacing.retry_most, waited))
        changes: dict[str, Any] = {}
        if request.state is State.CREATING:
            # it did not arrive, so it does not count, and nothing of it can appear later
            changes = {"posted_at": None, "posts": request.posts - 1}
        await self.later(request, wait, problem, "not_reached", **changes)

    async def look_soon(self, request: SyncRequest, error: TinesError) -> None:
        """Note that nobody knows what became of a POST, and look shortly."""
        self._log.warning("the outcome of a create is not known", request=request.id, error=str(error))
        await self.later(request, self._pacing.look_first, error.problem(), "unknown_outcome")

    async def look_again(self, request: SyncRequest) -> None:
        """Nothing has appeared yet: look again later."""
        waited = self._store.clock() - (request.posted_at or request.updated_at)
        wait = backoff(self._pacing.look_first, self._pacing.look_most, waited)
        await self.later(request, wait, request.problem, None)

    async def cannot_look(self, request: SyncRequest, route: Route, error: TinesError) -> None:
        """Try a look that failed again for a while, then ask a person."""
        waited = self._store.clock() - (request.posted_at or request.updated_at)
        if isinstance(error, RefusedError) or waited > self._pacing.give_up_looking:
            await self.ask_a_person(request, route, error.problem())
            return
        asked = timedelta(seconds=error.retry_after or 0)
        wait = max(asked, backoff(self._pacing.look_first, self._pacing.look_most, waited))
        await self.later(request, wait, error.problem(), None)

    async def ask_a_person(self, request: SyncRequest, route: Route, problem: Problem | None) -> None:
        """Stop: looking cannot tell whether the sync destination exists."""
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            if held is None:
                return
            uncertain = await transaction.change(
                held, state=State.UNCERTAIN, problem=problem or held.problem, due_at=None
            )
            transaction.record("uncertain", SYSTEM, request.id, attempts=request.posts)
            await announcing.changed(transaction, uncertain)
            await announcing.statuses(transaction, uncertain, route)
            await announcing.direct(transaction, uncertain, uncertain.requester, uncertain.state.value)
            await transaction.release_request(request.id)

    async def ask_again(self, request: SyncRequest, route: Route, existing: Iterable[int]) -> None:
        """Send an approved request back to its approvers: a destination exists that they were not shown."""
        ids = list(existing)
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            if held is None:
                return
            pending = await transaction.change(
                held,
                state=State.PENDING,
                revision=held.revision + 1,
                note="",
                expires_at=transaction.now + route.expires_after,
                due_at=first_look(self._calendar, route, transaction.now),
            )
            transaction.record("existing_found", SYSTEM, request.id, destination_ids=ids, revision=pending.revision)
            await announcing.changed(transaction, pending)
            await announcing.note(transaction, pending, route, "existing_found", destination_ids=ids)
            await self._next_for_the_same_teams(transaction, pending)
            await transaction.release_request(request.id)

    async def unrouted(self, request: SyncRequest) -> None:
        """End a request whose route or tenant was taken out of the configuration."""
        problem = Problem(
            what=f"The route {request.content.route} is not configured any more",
            advice="Nothing more was sent to Tines. Ask whoever runs tines-sync, then ask again.",
        )
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            if held is None:
                return
            state = State.UNCERTAIN if held.state is State.CREATING else State.FAILED
            ended = await transaction.change(
                held, state=state, problem=problem, due_at=None, finished_at=transaction.now
            )
            transaction.record(state.value, SYSTEM, request.id, problem=problem.model_dump(mode="json"))
            await announcing.changed(transaction, ended)
            await announcing.direct(transaction, ended, ended.requester, ended.state.value)
            await transaction.release_request(request.id)

    async def later(
        self,
        request: SyncRequest,
        wait: timedelta,
        problem: Problem | None,
        event: str | None,
        **changes: Any,  # noqa: ANN401 - fields of SyncRequest
    ) -> None:
        """Wait, with a problem that people may see, and an event for it when it is new."""
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            if held is None:
                return
            waiting = await transaction.change(held, due_at=transaction.now + wait, problem=problem, **changes)
            if problem != request.problem:
                if event is not None and problem is not None:
                    transaction.record(event, SYSTEM, request.id, problem=problem.model_dump(mode="json"))
                await announcing.changed(transaction, waiting)
            await transaction.release_request(request.id)

    async def _close(self, transaction: Transaction, request: SyncRequest, route: Route) -> None:
        await announcing.ended(transaction, request, route)
        await self._next_for_the_same_teams(transaction, request)
        await transaction.release_request(request.id)

    async def _next_for_the_same_teams(self, transaction: Transaction, request: SyncRequest) -> None:
        for waiting in (await transaction.same_teams(request, {State.APPROVED}))[:1]:
            await transaction.make_due(waiting)


def approved_since(request: SyncRequest) -> datetime:
    """Return when the request could first be sent: the last approval that counts, or when it was made."""
    return max((decision.at for decision in request.approvals()), default=request.created_at)


def named(statuses: tuple[StoryStatus, ...], request: SyncRequest) -> tuple[StoryStatus, ...]:
    """Return one status for each story asked for, named as asked where Tines gives no name.

    A destination may hold other stories, which are not this request's to report.
    """
    names = {story.id: story.name for story in request.content.stories}
    told = tuple(
        status if status.name else status.model_copy(update={"name": names[status.story_id]})
        for status in statuses
        if status.story_id in names
    )
    missing = tuple(
        StoryStatus(story_id=story_id, name=name, status="not listed")
        for story_id, name in names.items()
        if story_id not in {status.story_id for status in told}
    )
    return told + missing


def record_statuses(transaction: Transaction, request: SyncRequest, statuses: tuple[StoryStatus, ...]) -> None:
    """Record each status that was not seen before."""
    before = {status.story_id: status for status in request.statuses}
    for status in statuses:
        if before.get(status.story_id) != status:
            transaction.record(
                "status", SYSTEM, request.id, story_id=status.story_id, status=status.status, error=status.error
            )
