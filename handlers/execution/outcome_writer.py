"""Writes down what a piece of work came to: the row, the record, the announcements and the next look, in one transaction.

Nothing else writes outcomes. An error that nobody foresaw is none: `handlers.requests.advancing` notes it on the row.
What an outcome means for a request depends on what came before: a call that was refused counts for nothing as long as
an earlier one may have been applied, and a refusal is believed only once it has stayed for a while, as that of a proxy,
or of a tenant that is deployed anew, does not.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from handlers import announcements
from handlers.calendar import first_look
from handlers.execution.call_journal import UNRECORDED, CallJournal, is_recorded
from handlers.models import Frozen, Problem, Request, State, sent_words
from handlers.operations.outcomes import (
    AskAgain,
    Doubtful,
    Finished,
    Happening,
    HeldUp,
    NotSent,
    NotThere,
    Outcome,
    Progress,
    Refused,
    Send,
    Started,
    StartOver,
    Unknown,
)
from handlers.operations.protocol import AnyOperation
from handlers.operations.schedule import Schedule, backoff
from handlers.routes import Calendar, Route
from handlers.store import SYSTEM, Transaction
from handlers.tines import MAY_BE_STRAY

STOOD_STILL: Final = Problem(
    what="tines-sync was interrupted right before a call, so the call was not sent", advice="This is tried again."
)


class OutcomeWriter:
    """Writes what comes of one piece of work for one request; `request` is as this process last saw it."""

    def __init__(
        self,
        request: Request,
        route: Route,
        operation: AnyOperation,
        *,
        journal: CallJournal,
        schedule: Schedule,
        calendar: Calendar,
        clock: Callable[[], datetime],
    ) -> None:
        self.request = request
        self._route = route
        self._operation = operation
        self._journal = journal
        self._schedule = schedule
        self._calendar = calendar
        self._clock = clock
        self._log = structlog.get_logger(__name__).bind(request=request.id)

    async def write(self, outcome: Outcome) -> None:
        """Write an outcome and all that follows from it."""
        match outcome:
            case Started():
                await self._started(outcome)
            case Progress():
                await self._progress(outcome)
            case Finished(sign=Problem() as sign) if not self._is_confirmed(sign):
                await self._look_once_more(sign)
            case AskAgain() | Finished():
                async with self._journal.holding(self.request) as (transaction, held):
                    if held is not None:
                        await self.write_in(transaction, held, outcome)
            case Doubtful(problem=problem):
                await self._ask_a_person(problem)
            case Send() | NotThere():
                message = f"{type(outcome).__name__} is nothing to write"
                raise TypeError(message)
            case _:
                await self._write_not_applied(outcome)

    async def _write_not_applied(self, outcome: Refused | NotSent | HeldUp | Unknown | StartOver) -> None:
        """Write what became of a send that was not, or may not have been, applied."""
        match outcome:
            case Unknown(problem=problem):
                await self._look_soon(problem)
            case NotSent():
                await self._not_sent(outcome)
            case HeldUp():  # nothing is written where the row says why; else the process stood still
                await self._not_sent(NotSent(problem=STOOD_STILL))
            case StartOver(problem=problem, at_least=at_least):
                await self._start_over(problem, at_least)
            case Refused(problem=problem) if self.request.attempts > 1:
                await self._look_soon(problem)  # this one was refused, but an earlier one may have been applied
            case Refused(problem=problem) if problem.status in MAY_BE_STRAY and not self._is_confirmed(problem):
                await self._start_over(problem, timedelta(0), self.request.work)
            case Refused(problem=problem):
                await self._fail(problem)

    async def write_in(self, transaction: Transaction, held: Request, outcome: AskAgain | Finished) -> None:
        """Write, within a transaction that holds the row, that a request goes back to its approvers or ends."""
        if isinstance(outcome, AskAgain):
            await self._ask_again(transaction, held, outcome)
            return
        if outcome.unsent:
            outcome = _saying(outcome, await self._journal.sent(transaction, held.id))
        changes: dict[str, Any] = {}
        if outcome.result is not None:
            changes = {"result": outcome.result, "destination_id": self._destination(outcome.result)}
        for happening in outcome.events:
            transaction.audit.record(happening.kind, SYSTEM, held.id, **happening.data)
        ended = await transaction.requests.change(
            held,
            state=outcome.state,
            problem=outcome.problem,
            note=outcome.remark,
            next_run_at=None,
            finished_at=transaction.now,
            **changes,
        )
        told = {} if outcome.problem is None else {"problem": outcome.problem.model_dump(mode="json")}
        transaction.audit.record(
            outcome.state.value,
            SYSTEM,
            held.id,
            destination_id=self._operation.destination_of(ended),
            note=outcome.remark,
            **told,
        )
        await self.notes(transaction, ended, outcome.notes)
        await self._close(transaction, ended)

    async def cannot_be_done(self, problem: Problem) -> None:
        """End a request that cannot be done any more, whether or not a call before was applied, once that is sure."""
        if problem.status in MAY_BE_STRAY and not self._is_confirmed(problem):
            await self._look_once_more(problem)
        else:
            await self._fail(problem, unsent=True)

    async def try_later(
        self,
        problem: Problem,
        at_least: timedelta,
        **changes: Any,  # noqa: ANN401 - fields of Request
    ) -> None:
        """Wait with a request for which no call is under way; give up after an hour of the same trouble."""
        failing = self.failing_for(problem)
        if failing > self._schedule.give_up_reaching:
            await self._fail(problem, unsent=True)
        else:
            await self.later(
                self.pause(at_least, self._schedule.retry_most, failing), problem, "not_reached", **changes
            )

    async def later(
        self,
        wait: timedelta,
        problem: Problem | None,
        event: str | None,
        **changes: Any,  # noqa: ANN401 - fields of Request
    ) -> None:
        """Wait, with a problem that people may see, and an event for it when it is new."""
        async with self._journal.holding(self.request) as (transaction, held):
            if held is None:
                return
            changes = {"problem": problem, "failing_since": _since(held, problem, transaction.now), **changes}
            waiting = await transaction.requests.change(held, next_run_at=transaction.now + wait, **changes)
            if problem != self.request.problem:
                if event is not None and problem is not None:
                    transaction.audit.record(event, SYSTEM, held.id, problem=problem.model_dump(mode="json"))
                await announcements.changed(transaction, waiting)

    async def wait(self, transaction: Transaction, request: Request, note: str, *, seconds: float = 60) -> None:
        """Wait for people or for another request: at the latest for `seconds`, whoever wakes it before."""
        waiting = await transaction.requests.change(
            request,
            next_run_at=transaction.now + timedelta(seconds=seconds),
            note=note,
            failing_since=None,  # the time of waiting for people or others is not the tenant's trouble
        )
        if note != request.note:
            await announcements.changed(transaction, waiting)

    async def notes(self, transaction: Transaction, request: Request, notes: tuple[Happening, ...]) -> None:
        """Order remarks for the request's thread."""
        for each in notes:
            await announcements.note(transaction, request, self._route, each.kind, **each.data)

    async def pause_send(self, transaction: Transaction, held: Request) -> None:
        """Put a request that something holds up between two calls of one send back to before it."""
        await transaction.requests.change(
            held,
            state=State.APPROVED if held.attempts == 1 else State.RUNNING,
            attempts=held.attempts - 1,
            attempted_at=None,
        )
        transaction.audit.record("paused", SYSTEM, held.id, attempt=held.attempts)

    async def note_unrecorded(self) -> None:
        """Record that a call may have been made, where the process that was about to make it left no word of it."""
        async with self._journal.holding(self.request) as (transaction, held):
            if held is not None and not await is_recorded(transaction, held):
                transaction.audit.record(UNRECORDED, SYSTEM, held.id, attempt=held.attempts)

    def failing_for(self, problem: Problem) -> timedelta:
        """Return for how long the same trouble has lasted."""
        now = self._clock()
        return now - (_since(self.request, problem, now) or now)

    def pause(self, at_least: timedelta, most: timedelta, failing: timedelta) -> timedelta:
        """Return how long to wait before the next look at something that fails: longer, the longer it has failed."""
        return max(at_least, backoff(self._schedule.look_first, most, failing))

    async def _started(self, outcome: Started) -> None:
        async with self._journal.holding(self.request) as (transaction, held):
            if held is not None:
                following = await transaction.requests.change(
                    held,
                    state=State.FOLLOWING,
                    result=outcome.result,
                    destination_id=self._destination(outcome.result),
                    problem=None,
                    failing_since=None,
                    note="",
                    follow_until=transaction.now + outcome.follow_for,
                    next_run_at=transaction.now if outcome.settled else transaction.now + self._schedule.follow_first,
                )
                for happening in outcome.events:
                    transaction.audit.record(
                        happening.kind, SYSTEM, held.id, **{"attempt": held.attempts, **happening.data}
                    )
                await self.notes(transaction, following, outcome.notes)
                await announcements.changed(transaction, following)
                await announcements.statuses(transaction, following, self._route)
                await transaction.requests.wake_next(following)
                if outcome.settled:
                    transaction.jobs.advance(held.id)  # nothing to wait for
                return
        await self._came_too_late(outcome)

    async def _came_too_late(self, outcome: Started) -> None:
        """Tell of an effect whose answer arrived when the request had moved on: somebody must know that it is there."""
        async with self._journal.transaction() as transaction:
            current = await transaction.requests.locked(self.request.id)
            left = None if current is None else self._operation.left_over(outcome.result, current)
            if current is None or left is None:
                return
            transaction.audit.record(left.kind, SYSTEM, current.id, **left.data)
            await self.notes(transaction, current, (left,))

    async def _progress(self, outcome: Progress) -> None:
        async with self._journal.holding(self.request) as (transaction, held):
            if held is None:
                return
            problem = outcome.problem
            changes: dict[str, Any] = {"problem": problem, "failing_since": _since(held, problem, transaction.now)}
            if outcome.result is not None:
                changes["result"] = outcome.result
            wait = max(
                outcome.at_least, backoff(self._schedule.follow_first, self._schedule.follow_most, self._followed())
            )
            going = await transaction.requests.change(held, next_run_at=transaction.now + wait, **changes)
            if (going.result, problem) != (held.result, held.problem):
                if problem is not None and problem != held.problem:
                    transaction.audit.record("look_failed", SYSTEM, held.id, problem=problem.model_dump(mode="json"))
                for happening in outcome.events:
                    transaction.audit.record(happening.kind, SYSTEM, held.id, **happening.data)
                await announcements.changed(transaction, going)
                await announcements.statuses(transaction, going, self._route)

    def _followed(self) -> timedelta:
        """Return for how long the request has been followed."""
        request = self.request
        if request.follow_until is None or request.attempted_at is None:
            return self._schedule.follow_for
        return max(timedelta(0), self._clock() - request.attempted_at)

    async def _not_sent(self, outcome: NotSent) -> None:
        """Go on after a call that surely was not applied: it does not count, and nothing of it can appear later.

        What was there before it is kept where something answered: a proxy may have passed it on and then said no.
        """
        if self.request.attempts == 1:
            work = None if outcome.problem.status is None else self.request.work
            await self._start_over(outcome.problem, outcome.at_least, work)
            return
        failing = self.failing_for(outcome.problem)
        if failing > self._schedule.give_up_reaching:
            await self._ask_a_person(outcome.problem)  # an earlier call may have been applied
            return
        pause = self.pause(outcome.at_least, self._schedule.look_most, failing)
        await self.later(pause, outcome.problem, "not_reached", attempted_at=None, attempts=self.request.attempts - 1)

    async def _start_over(self, problem: Problem, at_least: timedelta, work: Frozen | None = None) -> None:
        """Put a request back to where no call is under way: what is there is looked at anew, and it can be cancelled.

        `work` is kept for a call of which an answer came that may be a stray one.
        """
        await self.try_later(problem, at_least, state=State.APPROVED, attempts=0, attempted_at=None, work=work)

    def _is_confirmed(self, refusal: Problem) -> bool:
        """Whether a refusal has stayed for so long that it is no stray one of a proxy or a deployment."""
        return self.failing_for(refusal) >= self._schedule.confirm_refusal

    async def _look_once_more(self, refusal: Problem) -> None:
        """Look again before a refusal is believed."""
        pause = self.pause(timedelta(0), self._schedule.look_most, self.failing_for(refusal))
        await self.later(pause, refusal, "look_failed")

    async def _fail(self, problem: Problem, *, unsent: bool = False) -> None:
        """End a request that came to nothing."""
        await self.write(Finished(state=State.FAILED, problem=problem, unsent=unsent))

    async def _look_soon(self, problem: Problem) -> None:
        """Note that nobody knows what became of a call, and look shortly."""
        self._log.warning("the outcome of a call is not known", problem=problem.what)
        # another trouble than the one before it
        await self.later(self._schedule.look_first, problem, "unknown_outcome", failing_since=self._clock())

    async def _ask_a_person(self, problem: Problem | None) -> None:
        """Stop: looking cannot tell whether it was applied."""
        async with self._journal.holding(self.request) as (transaction, held):
            if held is None:
                return
            uncertain = await transaction.requests.change(
                held, state=State.UNCERTAIN, problem=problem or held.problem, next_run_at=None
            )
            transaction.audit.record("uncertain", SYSTEM, held.id, attempts=held.attempts)
            await announcements.changed(transaction, uncertain)
            await announcements.statuses(transaction, uncertain, self._route)
            await announcements.direct(
                transaction, uncertain, uncertain.requester, uncertain.state.value, about=str(uncertain.attempts)
            )

    async def _ask_again(self, transaction: Transaction, held: Request, outcome: AskAgain) -> None:
        """Send an approved request back to its approvers; where nobody approves, it ends."""
        outcome = _counting(outcome, await self._journal.sent(transaction, held.id))
        if self._route.approvals == 0 and not held.emergency:
            ended = Finished(state=State.FAILED, problem=_cannot_ask(outcome), notes=outcome.notes, unsent=True)
            await self.write_in(transaction, held, ended)
            return
        pending = await transaction.requests.change(
            held,
            state=State.PENDING,
            revision=held.revision + (0 if outcome.keeps_approvals else 1),
            emergency=False,  # from now on it is approvals that it needs, as any other
            note="",
            problem=None,
            failing_since=None,
            attempts=0,
            attempted_at=None,
            work=None,
            expires_at=transaction.now + self._route.expires_after,
            next_run_at=first_look(self._calendar, self._route, transaction.now),
        )
        for actor in outcome.void:
            await transaction.requests.withdraw_approval(pending, actor)
        for happening in (*outcome.events, *outcome.notes):
            transaction.audit.record(happening.kind, SYSTEM, held.id, revision=pending.revision, **happening.data)
        await announcements.changed(transaction, pending)
        await self.notes(transaction, pending, outcome.notes)
        await transaction.requests.wake_next(pending)

    async def _close(self, transaction: Transaction, request: Request) -> None:
        await announcements.ended(transaction, request, self._route)
        await transaction.requests.wake_next(request)

    def _destination(self, result: Frozen) -> int | None:
        """Return the id of the sync destination that the request is about, given what it came to."""
        return self._operation.destination_of(self.request.model_copy(update={"result": result}))


def _since(request: Request, problem: Problem | None, now: datetime) -> datetime | None:
    """Return since when the same trouble lasts: a refusal after an hour of silence is a new one, and may be a stray."""
    if problem is None:
        return None
    before = request.problem
    if request.failing_since is None or (before is not None and _is_refusal(before) != _is_refusal(problem)):
        return now
    return request.failing_since


def _is_refusal(problem: Problem) -> bool:
    return problem.status is not None and 400 <= problem.status < 500 and problem.status != 429  # noqa: PLR2004 - HTTP


def _saying(outcome: Finished, sent: int) -> Finished:
    """Return the end of a request, its advice beginning with how many calls were sent for the request before."""
    problem = outcome.problem
    if problem is None:
        return outcome
    advice = f"{sent_words(sent)} {problem.advice}".strip()
    return outcome.model_copy(update={"problem": problem.model_copy(update={"advice": advice})})


def _counting(outcome: AskAgain, sent: int) -> AskAgain:
    """Return the outcome, its notes carrying how many calls were sent for the request before; unchanged for none."""
    notes = tuple(each.model_copy(update={"data": {**each.data, "sent": sent}}) for each in outcome.notes)
    return outcome.model_copy(update={"notes": notes}) if sent else outcome


def _cannot_ask(outcome: AskAgain) -> Problem:
    said = " ".join(str(each) for note in outcome.notes for each in note.data.get("changes", ()))
    return Problem(what="Tines has changed since this was requested", words=said, advice="Request it again.")
