"""The executor: does what is due for a request, and is the only one that writes down what came of it.

The order never changes: freeze → look → decide → rights and approvals → hold the row → freeze → resource → approvals
→ commit "about to send" → send window → send → write the outcome. The same order holds for a first send and for one
that is repeated because the one before surely did not arrive: nothing is sent that was not looked at and approved.

Whoever dies or is stopped at any point leaves a row from which somebody else can go on: a request that says "about to
send" is looked for on Tines before anything is sent again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog

from handlers import announcements
from handlers.calendar import first_look
from handlers.catalogue import Catalogue
from handlers.comparison import parse_pointer
from handlers.execution.before_send import LACKING, Checked, check
from handlers.execution.call_journal import CallJournal
from handlers.execution.send_window import Opened, SendWindow
from handlers.models import Facts, Frozen, Problem, Request, State, digest_of
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
from handlers.operations.protocol import Access, AnyOperation, Preview
from handlers.operations.schedule import Schedule, backoff
from handlers.operations.transience import asked_to_wait, is_transient
from handlers.people import People, PeopleUnavailableError
from handlers.preflight import Earlier, Preflight, Report, ReportProgress, Subject, report
from handlers.routes import Route, Topology, retired_route
from handlers.store import SYSTEM, Store, Transaction
from handlers.tines import TinesClient, TinesError

_BEGUN: Final = frozenset({State.RUNNING, State.UNCERTAIN})  # what it will do, or did, is not known yet
_MAY_BE_STRAY: Final = frozenset({401, 403, 404, 423, 425})  # HTTP; of a proxy, or while a tenant is deployed anew
_CLOCK_SKEW: Final = timedelta(seconds=5)  # between the machines that share a database


@dataclass(frozen=True, slots=True)
class Executor:
    """Looks things up for requests, and carries approved ones out."""

    store: Store
    topology: Topology
    clients: Mapping[str, TinesClient]
    catalogue: Catalogue
    preflight: Preflight
    people: People
    operations: Mapping[str, AnyOperation]
    schedule: Schedule
    window: SendWindow

    def access(self, route: Route, journal: CallJournal | None = None) -> Access:
        """Return what an operation reaches the tenants of a route with; calls are recorded in the journal, if any."""
        source, destination = self.clients[route.source], self.clients[route.destination]
        recorded = journal.recording if journal is not None else _unrecorded
        return Access(
            source=recorded(source),
            destination=recorded(destination),
            catalogue=self.catalogue,
            preflight=self.preflight,
            topology=self.topology,
            route=route,
            schedule=self.schedule,
            recorded=recorded,
            requests_about=partial(self._requests_about, route.source),
        )

    async def _requests_about(self, source: str, destination_id: int) -> tuple[Request, ...]:
        async with self.store.reading() as reader:
            return await reader.requests.of_destinations(source, (destination_id,), creating=True)

    async def preview(self, request: Request, route: Route, journal: CallJournal) -> Preview:
        """Look up what would be done for a request. Never raises for what Tines answers: see `Preview.problem`."""
        try:
            operation = self.operations[request.operation]
            return Preview(facts=await operation.look(request.params, self.access(route, journal)))
        except TinesError as error:
            return Preview(problem=error.problem())

    async def report(
        self,
        request: Request,
        route: Route,
        facts: Facts | None,
        *,
        earlier: Earlier,
        progress: ReportProgress,
        whole: Collection[int] | None = None,
    ) -> Report | None:
        """Compare the stories of a request with their copies; None for an operation that syncs none.

        `whole`: ids of the stories whose whole diff is wanted. Never raises for what Tines answers.
        """
        subject = self.subject(request, facts)
        if subject is None:
            return None
        try:
            return await report(
                self.preflight,
                self.clients,
                (route.source, route.destination),
                subject,
                ignore=[parse_pointer(each) for each in route.diff_ignore],
                earlier=earlier,
                progress=progress,
                whole=whole,
            )
        except TinesError as error:
            return Report(remarks=(f"The stories cannot be compared: {error.problem().what}.",))

    def subject(self, request: Request, facts: Facts | None) -> Subject | None:
        """Return which stories a request syncs to which team, given what was looked up for it."""
        operation = self.operations.get(request.operation)
        return None if operation is None else operation.subject(request.params, operation.facts_of(facts))

    async def advance(self, request: Request) -> None:
        """Do the next piece of work for a request, as its state says, and commit what came of it."""
        async with CallJournal(self.store, request.id) as journal:
            route = self.topology.route_for(request)
            piece = _Piece(self, journal, request, route or retired_route(request))
            if route is None:
                await piece.end_without_route()
            else:
                await piece.go_on()


def _unrecorded(calls: Any) -> Any:  # noqa: ANN401 - returns what it is given
    return calls


class _Piece:
    """One piece of work for one request."""

    def __init__(self, executor: Executor, journal: CallJournal, request: Request, route: Route) -> None:
        self._parts = executor
        self._journal = journal
        self._request = request
        self._route = route
        self._operation = executor.operations[request.operation]
        self._schedule = executor.schedule
        self._checked: Checked | None = None  # before the latest call of a send
        self._log = structlog.get_logger(__name__).bind(request=request.id)

    def _now(self) -> datetime:
        return self._parts.store.clock()

    def _access(self, opened: Opened | None = None) -> Access:
        """Return the way to Tines; with a send window, each call is made once, within it and the longest call."""
        access = self._parts.access(self._route, self._journal)
        if opened is None:
            return access
        client = self._parts.clients[self._route.source]
        return access.for_one_call(client, lambda: opened.open, self._next_call)

    async def go_on(self) -> None:
        """Do what the request's state says."""
        match self._request.state:
            case State.APPROVED:
                await self._begin()
            case State.RUNNING:
                await self._find_out()
            case State.FOLLOWING:
                await self._follow()

    async def end_without_route(self) -> None:
        """End a request whose route, or a tenant of it, is not in the configuration any more."""
        problem = Problem(
            what=f"The route {self._request.route} is no longer configured, or now leads elsewhere",
            advice="Nothing more was sent to Tines. Ask your tines-sync admin, then request it again.",
        )
        if self._request.state is State.RUNNING:
            await self._ask_a_person(problem)
        else:
            await self._fail(problem)

    # ---- before a send

    async def _begin(self) -> None:
        """Look, decide, check everything, write down what is about to be sent, and send it."""
        if await self._frozen():
            return
        try:
            checked = await self._check()
        except TinesError as error:
            await self._cannot_begin(error)
            return
        except PeopleUnavailableError as error:
            await self._later(self._schedule.retry_most, _nobody_known(error), "not_reached")
            return
        if isinstance(checked, Refused):
            await self._cannot_be_done(checked.problem)
            return
        if not isinstance(checked, Checked):
            await self._write(checked)
            return
        begun = await self._about_to_send(checked)
        if begun is None:
            return
        opened, self._request = begun
        self._seen_for()  # from now on it is known of
        if not opened.open:
            self._log.warning("the process was interrupted before a send; nothing was sent")
            await self._not_sent(NotSent(problem=_STOOD_STILL))
            return
        self._checked = checked
        await self._write(await self._operation.send(self._request, self._access(opened)))

    async def _check(self) -> Checked | Outcome:
        parts = self._parts
        return await check(
            parts.people, self._operation, self._request, self._access(), now=self._now(), fresh=parts.window.opened()
        )

    async def _about_to_send(self, checked: Checked) -> tuple[Opened, Request] | None:
        """Check everything once more, under lock, and commit that the call is about to be sent.

        Returns when that was, for the send window, and the request as it is then; None when it must not be sent.
        """
        operation, step, lacking = self._operation, checked.step, checked.lacking
        opened = self._parts.window.opened()
        async with self._journal.holding(self._request) as (transaction, held):
            if held is None or await self._held_up(transaction, held):
                return None
            if await transaction.requests.begun_since(held, checked.looked_at - _CLOCK_SKEW):
                # what was listed may lack the other one's effect, which could then pass for ours
                await self._wait(transaction, held, held.note, seconds=1)
                return None
            if await self._speaks_against(transaction, held, checked):
                return None
            changes: dict[str, Any] = {}
            if not held.approvals():  # nobody was shown anything: what is there now is what is done
                digest = digest_of(held.operation, held.route, held.params, held.origins, checked.facts)
                changes = {"facts": checked.facts, "digest": digest}
            begun = await transaction.requests.change(
                held,
                state=State.RUNNING,
                work=step.work,
                attempted_at=transaction.now,
                attempts=held.attempts + 1,
                next_run_at=self._taken_over_at(transaction.now),
                note="",
                problem=None,  # but not `failing_since`: whether the trouble is over will be seen
                **changes,
            )
            transaction.audit.record(
                operation.verb(step.work),
                SYSTEM,
                held.id,
                attempt=begun.attempts,
                digest=begun.digest,
                destination_id=operation.destination_of(begun),
            )
            await announcements.changed(transaction, begun)
            if lacking and begun.attempts == 1:
                await self._notes(transaction, begun, (Happening(kind=LACKING, data={"missing": [*lacking]}),))
        return opened, begun

    async def _speaks_against(self, transaction: Transaction, held: Request, checked: Checked) -> bool:
        """Whether a request must not be sent as it is now, under lock; if so, write what becomes of it."""
        broke_glass = await transaction.audit.latest(held.id, "break_glass") if held.emergency else None
        origins = self._parts.topology.origins(self._route)
        instead = checked.against(held, origins, transaction.now, broke_glass=broke_glass)
        if instead is not None:
            await self._write_in(transaction, held, instead)
        return instead is not None

    async def _next_call(self) -> Access | None:
        """Commit once more "about to send", and return the way to Tines for the next call of a send; None to send nothing.

        The checks are those before the first. Each call has a send window and a deadline of its own: a tenant that takes
        long for the calls before it is no reason to send nothing, and to begin again from the first. What holds the
        request up, or became of it instead, is on its row.
        """
        checked = await self._checked_still()
        if checked is None:
            return None
        opened = self._parts.window.opened()
        async with self._journal.holding(self._request) as (transaction, held):
            if held is None:
                return None
            if await self._held_up(transaction, held):
                await transaction.requests.change(
                    held,
                    state=State.APPROVED if held.attempts == 1 else State.RUNNING,
                    attempts=held.attempts - 1,
                    attempted_at=None,
                )
                return None
            if await self._speaks_against(transaction, held, checked):
                return None
            begun = await transaction.requests.change(
                held, attempted_at=transaction.now, next_run_at=self._taken_over_at(transaction.now)
            )
        self._request = begun
        self._seen_for()
        return self._access(opened) if opened.open else None

    async def _checked_still(self) -> Checked | None:
        """Return what is known before another call of a send, looked up anew where that was long ago.

        None when the call must not be sent; why is on the row then.
        """
        if self._checked is not None and self._checked.fresh.open:
            return self._checked
        try:
            checked = await self._check()
        except TinesError as error:
            await self._not_sent(NotSent(problem=error.problem(), at_least=asked_to_wait(error)))
            return None
        except PeopleUnavailableError as error:
            await self._not_sent(NotSent(problem=_nobody_known(error), at_least=self._schedule.retry_most))
            return None
        if isinstance(checked, Refused):
            await self._not_sent(NotSent(problem=checked.problem))  # it is looked at from the start
        elif not isinstance(checked, Checked):
            await self._write(checked)
        self._checked = checked if isinstance(checked, Checked) else None
        return self._checked

    def _taken_over_at(self, now: datetime) -> datetime:
        """Return when somebody else looks at a request whose call is about to be sent, if nothing comes of it."""
        return now + self._longest_call() + timedelta(seconds=self._parts.window.seconds)

    def _longest_call(self) -> timedelta:
        return timedelta(seconds=self._parts.clients[self._route.source].longest_call)

    async def _frozen(self) -> bool:
        """Whether a freeze holds this one up, as far as this process knows; if so, say it on the row.

        Asked before Tines is, so that a long freeze costs no calls; asked again, under lock, right before the effect.
        """
        if self._request.route not in await self._parts.store.freezes():
            return False
        async with self._journal.holding(self._request) as (transaction, held):
            return held is None or await self._held_up(transaction, held)

    async def _held_up(self, transaction: Transaction, request: Request) -> bool:
        """Whether a freeze, or another request for the same resource, holds the request up; if so, say it on the row."""
        if await transaction.freezes.get(request.route) is not None:
            await self._wait(transaction, request, "The route is frozen. This runs when the route is unfrozen.")
            return True
        await transaction.requests.lock_resource(request)
        others = await transaction.requests.same_resource(request, _BEGUN)
        if others:
            await self._wait(transaction, request, f"Waiting for {others[0]}, which works on the same in Tines.")
            return True
        return False

    async def _cannot_begin(self, error: TinesError) -> None:
        """Wait with a request for which nothing is under way; a refusal counts once it has stayed for a while."""
        if self._request.state is State.RUNNING:
            await self._cannot_look(error)
        elif not is_transient(error) and self._failing_for(error.problem()) >= self._schedule.confirm_refusal:
            await self._fail(error.problem())
        else:
            await self._try_later(error.problem(), asked_to_wait(error))

    # ---- after a send of which nobody knows the outcome

    async def _find_out(self) -> None:
        """Adopt what appeared; send again only what surely is not there and cannot appear any more."""
        try:
            outcome = await self._operation.recover(self._request, self._access())
        except TinesError as error:
            await self._cannot_look(error)
            return
        if not isinstance(outcome, NotThere | Doubtful):
            await self._write(outcome)
            return
        if self._may_still_appear():
            await self._look_again()
        elif isinstance(outcome, Doubtful):
            await self._ask_a_person(outcome.problem)
        elif self._request.attempts >= self._schedule.attempts:
            await self._ask_a_person(None)  # calls vanish: looking cannot tell
        else:
            await self._begin()

    def _may_still_appear(self) -> bool:
        """Whether the latest call may still be under way: by this process's own clock, since it first knew of the call.

        Other machines' clocks, and the times that they wrote on the row, are not trusted for that.
        """
        if self._request.attempted_at is None or self._operation.harmless_to_repeat:
            return False  # it surely did not arrive; or it does not matter
        return self._seen_for() < self._schedule.send_again_after.total_seconds()

    def _seen_for(self) -> float:
        """Return for how many seconds this process has known of the latest call."""
        request = self._request
        call = (request.id, request.revision, request.attempts, request.attempted_at)
        return self._parts.window.seen_for(call)

    async def _look_again(self) -> None:
        """Look again later: nothing has appeared yet."""
        waited = self._now() - (self._request.attempted_at or self._request.updated_at)
        await self._later(
            backoff(self._schedule.look_first, self._schedule.look_most, waited), self._request.problem, None
        )

    async def _cannot_look(self, error: TinesError) -> None:
        """Try a look that failed again for a while, then ask a person."""
        problem = error.problem()
        failing = self._failing_for(problem)
        bound = self._schedule.give_up_looking if is_transient(error) else self._schedule.confirm_refusal
        if failing > bound:
            await self._ask_a_person(problem)
        else:
            await self._later(
                self._pause(asked_to_wait(error), self._schedule.look_most, failing), problem, "look_failed"
            )

    # ---- following

    async def _follow(self) -> None:
        """Look how far it is, and end the request or say when to look again."""
        request = self._request
        until = request.follow_until or request.updated_at
        try:
            outcome = await self._operation.follow(request, self._access(), over=self._now() >= until)
        except TinesError as error:
            problem = error.problem()
            passing = is_transient(error) and self._now() <= until + self._schedule.follow_unreachable_for
            stray = not is_transient(error) and self._failing_for(problem) < self._schedule.confirm_refusal
            if passing or stray:
                await self._progress(Progress(problem=problem, at_least=asked_to_wait(error)))
            else:
                await self._write(self._operation.unseen(request, error))
            return
        await self._write(outcome)

    # ---- writing outcomes

    async def _write(self, outcome: Outcome) -> None:
        """Write an outcome and all that follows from it."""
        match outcome:
            case Started():
                await self._started(outcome)
            case Progress():
                await self._progress(outcome)
            case Finished(sign=Problem() as sign) if not self._is_confirmed(sign):
                await self._look_once_more(sign)
            case AskAgain() | Finished():
                async with self._journal.holding(self._request) as (transaction, held):
                    if held is not None:
                        await self._write_in(transaction, held, outcome)
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
                await self._not_sent(NotSent(problem=_STOOD_STILL))
            case StartOver(problem=problem, at_least=at_least):
                await self._start_over(problem, at_least)
            case Refused(problem=problem) if self._request.attempts > 1:
                await self._look_soon(problem)  # this one was refused, but an earlier one may have been applied
            case Refused(problem=problem) if problem.status in _MAY_BE_STRAY and not self._is_confirmed(problem):
                await self._start_over(problem, timedelta(0), self._request.work)
            case Refused(problem=problem):
                await self._fail(problem)

    async def _write_in(self, transaction: Transaction, held: Request, outcome: AskAgain | Finished) -> None:
        """Write, within a transaction that holds the row, that a request goes back to its approvers or ends."""
        if isinstance(outcome, AskAgain):
            await self._ask_again(transaction, held, outcome)
            return
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
        await self._notes(transaction, ended, outcome.notes)
        await self._close(transaction, ended)

    async def _started(self, outcome: Started) -> None:
        async with self._journal.holding(self._request) as (transaction, held):
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
                await self._notes(transaction, following, outcome.notes)
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
            current = await transaction.requests.locked(self._request.id)
            left = None if current is None else self._operation.left_over(outcome.result, current)
            if current is None or left is None:
                return
            transaction.audit.record(left.kind, SYSTEM, current.id, **left.data)
            await self._notes(transaction, current, (left,))

    async def _progress(self, outcome: Progress) -> None:
        async with self._journal.holding(self._request) as (transaction, held):
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
        request = self._request
        if request.follow_until is None or request.attempted_at is None:
            return self._schedule.follow_for
        return max(timedelta(0), self._now() - request.attempted_at)

    async def _not_sent(self, outcome: NotSent) -> None:
        """Go on after a call that surely was not applied: it does not count, and nothing of it can appear later.

        What was there before it is kept where something answered: a proxy may have passed it on and then said no.
        """
        if self._request.attempts == 1:
            work = None if outcome.problem.status is None else self._request.work
            await self._start_over(outcome.problem, outcome.at_least, work)
            return
        failing = self._failing_for(outcome.problem)
        if failing > self._schedule.give_up_reaching:
            await self._ask_a_person(outcome.problem)  # an earlier call may have been applied
            return
        pause = self._pause(outcome.at_least, self._schedule.look_most, failing)
        await self._later(pause, outcome.problem, "not_reached", attempted_at=None, attempts=self._request.attempts - 1)

    async def _start_over(self, problem: Problem, at_least: timedelta, work: Frozen | None = None) -> None:
        """Put a request back to where nothing was sent: what is there is looked at anew, and it can be cancelled.

        `work` is kept for a call of which an answer came that may be a stray one.
        """
        await self._try_later(problem, at_least, state=State.APPROVED, attempts=0, attempted_at=None, work=work)

    async def _try_later(
        self,
        problem: Problem,
        at_least: timedelta,
        **changes: Any,  # noqa: ANN401 - fields of Request
    ) -> None:
        """Wait with a request for which nothing was sent; give up after an hour of the same trouble."""
        failing = self._failing_for(problem)
        if failing > self._schedule.give_up_reaching:
            advice = f"Nothing was sent. {problem.advice}".strip()
            await self._fail(problem.model_copy(update={"advice": advice}))
        else:
            await self._later(
                self._pause(at_least, self._schedule.retry_most, failing), problem, "not_reached", **changes
            )

    def _is_confirmed(self, refusal: Problem) -> bool:
        """Whether a refusal has stayed for so long that it is no stray one of a proxy or a deployment."""
        return self._failing_for(refusal) >= self._schedule.confirm_refusal

    async def _cannot_be_done(self, problem: Problem) -> None:
        """End a request that cannot be done any more, whether or not a call before was applied, once that is sure."""
        if problem.status in _MAY_BE_STRAY and not self._is_confirmed(problem):
            await self._look_once_more(problem)
        else:
            await self._fail(problem)

    async def _look_once_more(self, refusal: Problem) -> None:
        """Look again before a refusal is believed."""
        pause = self._pause(timedelta(0), self._schedule.look_most, self._failing_for(refusal))
        await self._later(pause, refusal, "look_failed")

    async def _fail(self, problem: Problem) -> None:
        """End a request that came to nothing."""
        await self._write(Finished(state=State.FAILED, problem=problem))

    async def _look_soon(self, problem: Problem) -> None:
        """Note that nobody knows what became of a call, and look shortly."""
        self._log.warning("the outcome of a call is not known", problem=problem.what)
        # another trouble than the one before it
        await self._later(self._schedule.look_first, problem, "unknown_outcome", failing_since=self._now())

    async def _ask_a_person(self, problem: Problem | None) -> None:
        """Stop: looking cannot tell whether it was applied."""
        async with self._journal.holding(self._request) as (transaction, held):
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
        if self._route.approvals == 0 and not held.emergency:
            await self._write_in(
                transaction, held, Finished(state=State.FAILED, problem=_cannot_ask(outcome), notes=outcome.notes)
            )
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
            next_run_at=first_look(self._parts.topology.calendar, self._route, transaction.now),
        )
        for actor in outcome.void:
            await transaction.requests.withdraw_approval(pending, actor)
        for happening in (*outcome.events, *outcome.notes):
            transaction.audit.record(happening.kind, SYSTEM, held.id, revision=pending.revision, **happening.data)
        await announcements.changed(transaction, pending)
        await self._notes(transaction, pending, outcome.notes)
        await transaction.requests.wake_next(pending)

    async def _later(
        self,
        wait: timedelta,
        problem: Problem | None,
        event: str | None,
        **changes: Any,  # noqa: ANN401 - fields of Request
    ) -> None:
        """Wait, with a problem that people may see, and an event for it when it is new."""
        async with self._journal.holding(self._request) as (transaction, held):
            if held is None:
                return
            changes = {"problem": problem, "failing_since": _since(held, problem, transaction.now), **changes}
            waiting = await transaction.requests.change(held, next_run_at=transaction.now + wait, **changes)
            if problem != self._request.problem:
                if event is not None and problem is not None:
                    transaction.audit.record(event, SYSTEM, held.id, problem=problem.model_dump(mode="json"))
                await announcements.changed(transaction, waiting)

    async def _wait(self, transaction: Transaction, request: Request, note: str, *, seconds: float = 60) -> None:
        """Wait for people or for another request: at the latest for `seconds`, whoever wakes it before."""
        waiting = await transaction.requests.change(
            request,
            next_run_at=transaction.now + timedelta(seconds=seconds),
            note=note,
            failing_since=None,  # the time of waiting for people or others is not the tenant's trouble
        )
        if note != request.note:
            await announcements.changed(transaction, waiting)

    async def _notes(self, transaction: Transaction, request: Request, notes: tuple[Happening, ...]) -> None:
        for each in notes:
            await announcements.note(transaction, request, self._route, each.kind, **each.data)

    async def _close(self, transaction: Transaction, request: Request) -> None:
        await announcements.ended(transaction, request, self._route)
        await transaction.requests.wake_next(request)

    # ---- small things

    def _destination(self, result: Frozen) -> int | None:
        """Return the id of the sync destination that the request is about, given what it came to."""
        return self._operation.destination_of(self._request.model_copy(update={"result": result}))

    def _failing_for(self, problem: Problem) -> timedelta:
        """Return for how long the same trouble has lasted."""
        now = self._now()
        return now - (_since(self._request, problem, now) or now)

    def _pause(self, at_least: timedelta, most: timedelta, failing: timedelta) -> timedelta:
        return max(at_least, backoff(self._schedule.look_first, most, failing))


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


def _nobody_known(error: PeopleUnavailableError) -> Problem:
    return Problem(
        what="Slack does not say who may approve and run this right now",
        words=str(error),
        advice="Nothing was sent. This continues by itself.",
    )


def _cannot_ask(outcome: AskAgain) -> Problem:
    said = " ".join(str(each) for note in outcome.notes for each in note.data.get("changes", ()))
    return Problem(what="Tines has changed since this was requested", words=said, advice="Request it again.")


_STOOD_STILL: Final = Problem(
    what="tines-sync was interrupted right before a call, so the call was not sent", advice="This is tried again."
)
