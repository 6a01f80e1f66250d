"""What came of a piece of work, written to the row with everything that follows from it, in one transaction each.

Every ending of the create operation passes through here, so that none of them can forget the record, the thread, the
channels, the requester, or the next request that waits for the same two teams.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from handlers import announcing
from handlers.calendar import first_look
from handlers.models import Problem, State, StoryStatus, SyncMode, SyncRequest
from handlers.operations.logbook import Logbook
from handlers.operations.pacing import Pacing, backoff
from handlers.operations.told import named, record_statuses
from handlers.operations.trouble import asked_to_wait, passing
from handlers.routes import Calendar, Route, bygone
from handlers.store import SYSTEM, Transaction
from handlers.tines import SyncDestination, TinesError


class Outcomes:
    """Writes outcomes. Each method does nothing when the request was taken over or moved on meanwhile."""

    def __init__(self, clock: Callable[[], datetime], calendar: Calendar, pacing: Pacing, book: Logbook) -> None:
        self._clock = clock
        self._book = book  # of the calls that led to them
        self._calendar = calendar
        self._pacing = pacing
        self._log = structlog.get_logger(__name__)

    async def settle(self, request: SyncRequest, route: Route, found: SyncDestination, how: str) -> None:
        """Record the sync destination, created now or found after an unknown outcome, and begin to follow it."""
        statuses = named(found.statuses(), request)
        async with self._book.holding(request) as (transaction, held):
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
                troubled_at=None,
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
            await transaction.wake_next(settling)
            await transaction.release_request(request.id)
            if settling.due_at == transaction.now:
                transaction.advance(request.id)  # nothing to wait for

    async def fail(self, request: SyncRequest, route: Route, problem: Problem) -> None:
        """End a request for which nothing was created."""
        async with self._book.holding(request) as (transaction, held):
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
        async with self._book.holding(request) as (transaction, held):
            if held is None:
                return
            record_statuses(transaction, held, statuses)
            ended = await transaction.change(
                held, state=state, statuses=statuses, due_at=None, finished_at=transaction.now, **changes
            )
            transaction.record(state.value, SYSTEM, request.id, destination_id=request.destination_id, note=ended.note)
            await self._close(transaction, ended, route)

    # ---- waiting

    async def wait(self, transaction: Transaction, request: SyncRequest, note: str, *, seconds: float = 60) -> None:
        """Give a request back, to be looked at again: at the latest after `seconds`, whoever wakes it before."""
        await transaction.change(
            request,
            due_at=transaction.now + timedelta(seconds=seconds),
            note=note,
            troubled_at=None,  # the time of waiting for people or others is not the tenant's trouble
        )
        await transaction.release_request(request.id)
        if note != request.note:
            await announcing.changed(transaction, request)

    async def note_call(
        self,
        transaction: Transaction,
        request: SyncRequest,
        *,
        wait: timedelta,
        **changes: Any,  # noqa: ANN401 - fields of SyncRequest
    ) -> SyncRequest:
        """Write down that a call is about to be sent, and return the request as it is then.

        From the commit on the call may have been applied, whatever happens to this process. It is looked at again after
        `wait`, by when the call has ended.
        """
        begun = await transaction.change(
            request,
            state=State.CREATING,
            posted_at=transaction.now,
            posts=request.posts + 1,
            due_at=transaction.now + wait,
            note="",
            problem=None,  # but not `troubled_at`: whether the trouble is over will be seen
            **changes,
        )
        what = "creating" if begun.destination_id is None else "adding"
        transaction.record(
            what, SYSTEM, request.id, attempt=begun.posts, digest=request.digest, destination_id=begun.destination_id
        )
        await announcing.changed(transaction, begun)
        return begun

    async def try_later(self, request: SyncRequest, route: Route, error: TinesError, **changes: Any) -> None:  # noqa: ANN401 - fields of SyncRequest
        """Wait with a request for which nothing was sent; give up after an hour of the same trouble."""
        problem, troubled = error.problem(), self._troubled_for(request)
        if troubled > self._pacing.give_up_reaching:
            advice = f"Nothing was sent. {problem.advice}".strip()
            await self.fail(request, route, problem.model_copy(update={"advice": advice}))
        else:
            pause = self._pause(error, self._pacing.retry_most, troubled)
            await self.later(request, pause, problem, "not_reached", **changes)

    async def not_sent(self, request: SyncRequest, route: Route, error: TinesError) -> None:
        """Go on after a call that surely was not applied: it does not count, and nothing of it can appear later."""
        troubled = self._troubled_for(request)
        if request.posts == 1:
            await self.start_over(request, route, error)
        elif troubled > self._pacing.give_up_reaching:
            await self.ask_a_person(request, route, error.problem())  # an earlier call may have been applied
        else:
            pause = self._pause(error, self._pacing.look_most, troubled)
            await self.later(request, pause, error.problem(), "not_reached", posted_at=None, posts=request.posts - 1)

    async def start_over(self, request: SyncRequest, route: Route, error: TinesError) -> None:
        """Put a request back to where nothing was sent: what is there is looked at anew, and it can be cancelled."""
        await self.try_later(
            request,
            route,
            error,
            state=State.APPROVED,
            posts=0,
            posted_at=None,
            known_ids=None,
            destination_id=None,
        )

    async def look_soon(self, request: SyncRequest, error: TinesError) -> None:
        """Note that nobody knows what became of a call, and look shortly."""
        self._log.warning("the outcome of a call is not known", request=request.id, error=str(error))
        await self.later(
            request,
            self._pacing.look_first,
            error.problem(),
            "unknown_outcome",
            troubled_at=self._clock(),  # another trouble than the one before it
        )

    async def look_again(self, request: SyncRequest) -> None:
        """Nothing has appeared yet: look again later."""
        waited = self._clock() - (request.posted_at or request.updated_at)
        wait = backoff(self._pacing.look_first, self._pacing.look_most, waited)
        await self.later(request, wait, request.problem, None)

    async def cannot_look(self, request: SyncRequest, route: Route, error: TinesError) -> None:
        """Try a look that failed again for a while, then ask a person."""
        troubled = self._troubled_for(request)
        if not passing(error) or troubled > self._pacing.give_up_looking:
            await self.ask_a_person(request, route, error.problem())
            return
        pause = self._pause(error, self._pacing.look_most, troubled)
        await self.later(request, pause, error.problem(), "look_failed")

    def _troubled_for(self, request: SyncRequest) -> timedelta:
        """Return for how long the same trouble has lasted."""
        now = self._clock()
        return now - (request.troubled_at or now)

    def _pause(self, error: TinesError, most: timedelta, troubled: timedelta) -> timedelta:
        return max(asked_to_wait(error), backoff(self._pacing.look_first, most, troubled))

    async def ask_a_person(self, request: SyncRequest, route: Route, problem: Problem | None) -> None:
        """Stop: looking cannot tell whether the sync destination exists."""
        async with self._book.holding(request) as (transaction, held):
            if held is None:
                return
            uncertain = await transaction.change(
                held, state=State.UNCERTAIN, problem=problem or held.problem, due_at=None
            )
            transaction.record("uncertain", SYSTEM, request.id, attempts=request.posts)
            await announcing.changed(transaction, uncertain)
            await announcing.statuses(transaction, uncertain, route)
            await announcing.direct(
                transaction, uncertain, uncertain.requester, uncertain.state.value, about=str(uncertain.posts)
            )
            await transaction.release_request(request.id)

    async def ask_again(
        self, request: SyncRequest, route: Route, existing: Sequence[int], changed: Sequence[str]
    ) -> None:
        """Send an approved request back to its approvers: what is there now is not what they were shown."""
        async with self._book.holding(request) as (transaction, held):
            if held is None:
                return
            pending = await transaction.change(
                held,
                state=State.PENDING,
                revision=held.revision + 1,
                note="",
                problem=None,
                troubled_at=None,
                expires_at=transaction.now + route.expires_after,
                due_at=first_look(self._calendar, route, transaction.now),
            )
            kind = "existing_found" if existing else "stories_changed"
            told: dict[str, Any] = (
                {"destination_ids": list(existing)}
                if existing
                else {"changes": [*changed, "So it needs approval again."]}
            )
            transaction.record(kind, SYSTEM, request.id, revision=pending.revision, **told)
            await announcing.changed(transaction, pending)
            await announcing.note(transaction, pending, route, kind, **told)
            await transaction.wake_next(pending)
            await transaction.release_request(request.id)

    async def unrouted(self, request: SyncRequest) -> None:
        """End a request whose route, or a tenant of it, is not in the configuration any more."""
        problem = Problem(
            what=f"The route {request.content.route} is not configured any more, or leads elsewhere",
            advice="Nothing more was sent to Tines. Ask whoever runs tines-sync, then ask again.",
        )
        route = bygone(request.content)
        if request.state is State.CREATING:
            await self.ask_a_person(request, route, problem)
        else:
            await self.fail(request, route, problem)

    async def later(
        self,
        request: SyncRequest,
        wait: timedelta,
        problem: Problem | None,
        event: str | None,
        **changes: Any,  # noqa: ANN401 - fields of SyncRequest
    ) -> None:
        """Wait, with a problem that people may see, and an event for it when it is new."""
        async with self._book.holding(request) as (transaction, held):
            if held is None:
                return
            troubled_at = (held.troubled_at or transaction.now) if problem is not None else None
            changes = {"problem": problem, "troubled_at": troubled_at, **changes}
            waiting = await transaction.change(held, due_at=transaction.now + wait, **changes)
            if problem != request.problem:
                if event is not None and problem is not None:
                    transaction.record(event, SYSTEM, request.id, problem=problem.model_dump(mode="json"))
                await announcing.changed(transaction, waiting)
            await transaction.release_request(request.id)

    async def _close(self, transaction: Transaction, request: SyncRequest, route: Route) -> None:
        await announcing.ended(transaction, request, route)
        await transaction.wake_next(request)
        await transaction.release_request(request.id)
