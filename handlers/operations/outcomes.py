"""What came of a piece of work, written to the row with everything that follows from it, in one transaction each.

Every ending of the create operation passes through here, so that none of them can forget the record, the thread, the
channels, the requester, or the next request that waits for the same two teams.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from handlers import announcements
from handlers.calendar import first_look
from handlers.models import Problem, Request, State, StoryStatus, SyncMode
from handlers.operations.call_journal import CallJournal
from handlers.operations.schedule import Schedule, backoff
from handlers.operations.statuses import named, record_statuses
from handlers.operations.transience import asked_to_wait, is_transient
from handlers.routes import Calendar, Route, retired_route
from handlers.store import SYSTEM, Transaction
from handlers.tines import SyncDestination, TinesError


class Outcomes:
    """Writes outcomes. Each method does nothing when the request was taken over or moved on meanwhile."""

    def __init__(
        self, clock: Callable[[], datetime], calendar: Calendar, schedule: Schedule, journal: CallJournal
    ) -> None:
        self._clock = clock
        self._journal = journal  # of the calls that led to them
        self._calendar = calendar
        self._schedule = schedule
        self._log = structlog.get_logger(__name__)

    async def settle(self, request: Request, route: Route, found: SyncDestination, how: str) -> None:
        """Record the sync destination, created now or found after an unknown outcome, and begin to follow it."""
        statuses = named(found.statuses(), request)
        async with self._journal.holding(request) as (transaction, held):
            if held is None:
                return
            manual = request.content.mode is SyncMode.MANUAL
            follow_for = self._schedule.follow_manual_for if manual else self._schedule.follow_for
            following = await transaction.requests.change(
                held,
                state=State.FOLLOWING,
                destination_id=found.id,
                statuses=statuses,
                problem=None,
                failing_since=None,
                note="",
                follow_until=transaction.now + follow_for,
                next_run_at=transaction.now
                if all(status.settled for status in statuses)
                else transaction.now + self._schedule.follow_first,
            )
            transaction.audit.record(how, SYSTEM, request.id, destination_id=found.id, attempt=request.attempts)
            record_statuses(transaction, request, statuses)
            await announcements.changed(transaction, following)
            await announcements.statuses(transaction, following, route)
            await transaction.requests.wake_next(following)
            if following.next_run_at == transaction.now:
                transaction.jobs.advance(request.id)  # nothing to wait for

    async def fail(self, request: Request, route: Route, problem: Problem) -> None:
        """End a request for which nothing was created."""
        async with self._journal.holding(request) as (transaction, held):
            if held is None:
                return
            failed = await transaction.requests.change(
                held, state=State.FAILED, problem=problem, note="", next_run_at=None, finished_at=transaction.now
            )
            transaction.audit.record("failed", SYSTEM, request.id, problem=problem.model_dump(mode="json"))
            await self._close(transaction, failed, route)

    async def finish(
        self,
        request: Request,
        route: Route,
        state: State,
        statuses: tuple[StoryStatus, ...],
        **changes: Any,  # noqa: ANN401 - fields of Request
    ) -> None:
        """End a request whose stories were followed."""
        async with self._journal.holding(request) as (transaction, held):
            if held is None:
                return
            record_statuses(transaction, held, statuses)
            ended = await transaction.requests.change(
                held, state=state, statuses=statuses, next_run_at=None, finished_at=transaction.now, **changes
            )
            transaction.audit.record(
                state.value, SYSTEM, request.id, destination_id=request.destination_id, note=ended.note
            )
            await self._close(transaction, ended, route)

    # ---- waiting

    async def wait(self, transaction: Transaction, request: Request, note: str, *, seconds: float = 60) -> None:
        """Give a request back, to be looked at again: at the latest after `seconds`, whoever wakes it before."""
        await transaction.requests.change(
            request,
            next_run_at=transaction.now + timedelta(seconds=seconds),
            note=note,
            failing_since=None,  # the time of waiting for people or others is not the tenant's trouble
        )
        if note != request.note:
            await announcements.changed(transaction, request)

    async def note_call(
        self,
        transaction: Transaction,
        request: Request,
        *,
        wait: timedelta,
        **changes: Any,  # noqa: ANN401 - fields of Request
    ) -> Request:
        """Write down that a call is about to be sent, and return the request as it is then.

        From the commit on the call may have been applied, whatever happens to this process. It is looked at again after
        `wait`, by when the call has ended.
        """
        begun = await transaction.requests.change(
            request,
            state=State.RUNNING,
            attempted_at=transaction.now,
            attempts=request.attempts + 1,
            next_run_at=transaction.now + wait,
            note="",
            problem=None,  # but not `failing_since`: whether the trouble is over will be seen
            **changes,
        )
        what = "creating" if begun.destination_id is None else "adding"
        transaction.audit.record(
            what, SYSTEM, request.id, attempt=begun.attempts, digest=request.digest, destination_id=begun.destination_id
        )
        await announcements.changed(transaction, begun)
        return begun

    async def try_later(self, request: Request, route: Route, error: TinesError, **changes: Any) -> None:  # noqa: ANN401 - fields of Request
        """Wait with a request for which nothing was sent; give up after an hour of the same trouble."""
        problem, failing_for = error.problem(), self._failing_for(request)
        if failing_for > self._schedule.give_up_reaching:
            advice = f"Nothing was sent. {problem.advice}".strip()
            await self.fail(request, route, problem.model_copy(update={"advice": advice}))
        else:
            pause = self._pause(error, self._schedule.retry_most, failing_for)
            await self.later(request, pause, problem, "not_reached", **changes)

    async def not_sent(self, request: Request, route: Route, error: TinesError) -> None:
        """Go on after a call that surely was not applied: it does not count, and nothing of it can appear later."""
        failing_for = self._failing_for(request)
        if request.attempts == 1:
            await self.start_over(request, route, error)
        elif failing_for > self._schedule.give_up_reaching:
            await self.ask_a_person(request, route, error.problem())  # an earlier call may have been applied
        else:
            pause = self._pause(error, self._schedule.look_most, failing_for)
            await self.later(
                request, pause, error.problem(), "not_reached", attempted_at=None, attempts=request.attempts - 1
            )

    async def start_over(self, request: Request, route: Route, error: TinesError) -> None:
        """Put a request back to where nothing was sent: what is there is looked at anew, and it can be cancelled."""
        await self.try_later(
            request,
            route,
            error,
            state=State.APPROVED,
            attempts=0,
            attempted_at=None,
            preexisting_ids=None,
            destination_id=None,
        )

    async def look_soon(self, request: Request, error: TinesError) -> None:
        """Note that nobody knows what became of a call, and look shortly."""
        self._log.warning("the outcome of a call is not known", request=request.id, error=str(error))
        await self.later(
            request,
            self._schedule.look_first,
            error.problem(),
            "unknown_outcome",
            failing_since=self._clock(),  # another trouble than the one before it
        )

    async def look_again(self, request: Request) -> None:
        """Nothing has appeared yet: look again later."""
        waited = self._clock() - (request.attempted_at or request.updated_at)
        wait = backoff(self._schedule.look_first, self._schedule.look_most, waited)
        await self.later(request, wait, request.problem, None)

    async def cannot_look(self, request: Request, route: Route, error: TinesError) -> None:
        """Try a look that failed again for a while, then ask a person."""
        failing_for = self._failing_for(request)
        if not is_transient(error) or failing_for > self._schedule.give_up_looking:
            await self.ask_a_person(request, route, error.problem())
            return
        pause = self._pause(error, self._schedule.look_most, failing_for)
        await self.later(request, pause, error.problem(), "look_failed")

    def _failing_for(self, request: Request) -> timedelta:
        """Return for how long the same trouble has lasted."""
        now = self._clock()
        return now - (request.failing_since or now)

    def _pause(self, error: TinesError, most: timedelta, failing_for: timedelta) -> timedelta:
        return max(asked_to_wait(error), backoff(self._schedule.look_first, most, failing_for))

    async def ask_a_person(self, request: Request, route: Route, problem: Problem | None) -> None:
        """Stop: looking cannot tell whether the sync destination exists."""
        async with self._journal.holding(request) as (transaction, held):
            if held is None:
                return
            uncertain = await transaction.requests.change(
                held, state=State.UNCERTAIN, problem=problem or held.problem, next_run_at=None
            )
            transaction.audit.record("uncertain", SYSTEM, request.id, attempts=request.attempts)
            await announcements.changed(transaction, uncertain)
            await announcements.statuses(transaction, uncertain, route)
            await announcements.direct(
                transaction, uncertain, uncertain.requester, uncertain.state.value, about=str(uncertain.attempts)
            )

    async def ask_again(self, request: Request, route: Route, existing: Sequence[int], changed: Sequence[str]) -> None:
        """Send an approved request back to its approvers: what is there now is not what they were shown."""
        async with self._journal.holding(request) as (transaction, held):
            if held is None:
                return
            pending = await transaction.requests.change(
                held,
                state=State.PENDING,
                revision=held.revision + 1,
                note="",
                problem=None,
                failing_since=None,
                expires_at=transaction.now + route.expires_after,
                next_run_at=first_look(self._calendar, route, transaction.now),
            )
            kind = "existing_found" if existing else "stories_changed"
            told: dict[str, Any] = (
                {"destination_ids": list(existing)}
                if existing
                else {"changes": [*changed, "So it needs approval again."]}
            )
            transaction.audit.record(kind, SYSTEM, request.id, revision=pending.revision, **told)
            await announcements.changed(transaction, pending)
            await announcements.note(transaction, pending, route, kind, **told)
            await transaction.requests.wake_next(pending)

    async def unrouted(self, request: Request) -> None:
        """End a request whose route, or a tenant of it, is not in the configuration any more."""
        problem = Problem(
            what=f"The route {request.content.route} is not configured any more, or leads elsewhere",
            advice="Nothing more was sent to Tines. Ask whoever runs tines-sync, then ask again.",
        )
        route = retired_route(request.content)
        if request.state is State.RUNNING:
            await self.ask_a_person(request, route, problem)
        else:
            await self.fail(request, route, problem)

    async def later(
        self,
        request: Request,
        wait: timedelta,
        problem: Problem | None,
        event: str | None,
        **changes: Any,  # noqa: ANN401 - fields of Request
    ) -> None:
        """Wait, with a problem that people may see, and an event for it when it is new."""
        async with self._journal.holding(request) as (transaction, held):
            if held is None:
                return
            failing_since = (held.failing_since or transaction.now) if problem is not None else None
            changes = {"problem": problem, "failing_since": failing_since, **changes}
            waiting = await transaction.requests.change(held, next_run_at=transaction.now + wait, **changes)
            if problem != request.problem:
                if event is not None and problem is not None:
                    transaction.audit.record(event, SYSTEM, request.id, problem=problem.model_dump(mode="json"))
                await announcements.changed(transaction, waiting)

    async def _close(self, transaction: Transaction, request: Request, route: Route) -> None:
        await announcements.ended(transaction, request, route)
        await transaction.requests.wake_next(request)
