"""The executor: does what is due for a request. What came of it is written down in `outcome_writer`, and nowhere else.

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
from handlers.catalogue import Catalogue
from handlers.comparison import parse_pointer
from handlers.execution.before_send import LACKING, Checked, check
from handlers.execution.call_journal import CallJournal
from handlers.execution.outcome_writer import STOOD_STILL, OutcomeWriter
from handlers.execution.send_window import Opened, SendWindow
from handlers.models import Facts, Problem, Request, State, digest_of
from handlers.operations.outcomes import (
    Doubtful,
    Finished,
    Happening,
    NotSent,
    NotThere,
    Outcome,
    Progress,
    Refused,
)
from handlers.operations.protocol import Access, AnyOperation, Preview
from handlers.operations.schedule import Schedule, asked_to_wait, backoff, is_transient
from handlers.people import People, PeopleUnavailableError
from handlers.preflight import Earlier, Preflight, Report, ReportProgress, Subject, report
from handlers.routes import Route, Topology, retired_route
from handlers.store import SYSTEM, Store, Transaction
from handlers.tines import TinesClient, TinesError

_BEGUN: Final = frozenset({State.RUNNING, State.UNCERTAIN})  # what it will do, or did, is not known yet
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
        self._route = route
        self._operation = executor.operations[request.operation]
        self._schedule = executor.schedule
        self._checked: Checked | None = None  # before the latest call of a send
        self._log = structlog.get_logger(__name__).bind(request=request.id)
        self._writer = OutcomeWriter(
            request,
            route,
            self._operation,
            journal=journal,
            schedule=executor.schedule,
            calendar=executor.topology.calendar,
            clock=executor.store.clock,
        )

    @property
    def _request(self) -> Request:
        return self._writer.request

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
            await self._writer.write(Doubtful(problem=problem))
        else:
            await self._writer.write(Finished(state=State.FAILED, problem=problem))

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
            await self._writer.later(self._schedule.retry_most, _nobody_known(error), "not_reached")
            return
        if isinstance(checked, Refused):
            await self._writer.cannot_be_done(checked.problem)
            return
        if not isinstance(checked, Checked):
            await self._writer.write(checked)
            return
        begun = await self._about_to_send(checked)
        if begun is None:
            return
        opened, self._writer.request = begun
        self._seen_for()  # from now on it is known of
        if not opened.open:
            self._log.warning("the process was interrupted before a send; nothing was sent")
            await self._writer.write(NotSent(problem=STOOD_STILL))
            return
        self._checked = checked
        await self._writer.write(await self._operation.send(self._request, self._access(opened)))

    async def _check(self) -> Checked | Outcome:
        parts = self._parts
        return await check(
            parts.people,
            self._operation,
            self._request,
            self._access(),
            now=self._parts.store.clock(),
            fresh=parts.window.opened(),
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
                await self._writer.wait(transaction, held, held.note, seconds=1)
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
                await self._writer.notes(transaction, begun, (Happening(kind=LACKING, data={"missing": [*lacking]}),))
        return opened, begun

    async def _speaks_against(self, transaction: Transaction, held: Request, checked: Checked) -> bool:
        """Whether a request must not be sent as it is now, under lock; if so, write what becomes of it."""
        broke_glass = await transaction.audit.latest(held.id, "break_glass") if held.emergency else None
        origins = self._parts.topology.origins(self._route)
        instead = checked.against(held, origins, transaction.now, broke_glass=broke_glass)
        if instead is not None:
            await self._writer.write_in(transaction, held, instead)
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
                await self._writer.pause_send(transaction, held)
                return None
            if await self._speaks_against(transaction, held, checked):
                return None
            begun = await transaction.requests.change(
                held, attempted_at=transaction.now, next_run_at=self._taken_over_at(transaction.now)
            )
        self._writer.request = begun
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
            await self._writer.write(NotSent(problem=error.problem(), at_least=asked_to_wait(error)))
            return None
        except PeopleUnavailableError as error:
            await self._writer.write(NotSent(problem=_nobody_known(error), at_least=self._schedule.retry_most))
            return None
        if isinstance(checked, Refused):
            await self._writer.write(NotSent(problem=checked.problem))  # it is looked at from the start
        elif not isinstance(checked, Checked):
            await self._writer.write(checked)
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
            await self._writer.wait(transaction, request, "The route is frozen. This runs when the route is unfrozen.")
            return True
        await transaction.requests.lock_resource(request)
        others = await transaction.requests.same_resource(request, _BEGUN)
        if others:
            await self._writer.wait(transaction, request, f"Waiting for {others[0]}, which works on the same in Tines.")
            return True
        return False

    async def _cannot_begin(self, error: TinesError) -> None:
        """Wait with a request for which nothing is under way; a refusal counts once it has stayed for a while."""
        if self._request.state is State.RUNNING:
            await self._cannot_look(error)
        elif not is_transient(error) and self._writer.failing_for(error.problem()) >= self._schedule.confirm_refusal:
            await self._writer.write(Finished(state=State.FAILED, problem=error.problem(), unsent=True))
        else:
            await self._writer.try_later(error.problem(), asked_to_wait(error))

    # ---- after a send of which nobody knows the outcome

    async def _find_out(self) -> None:
        """Adopt what appeared; send again only what surely is not there and cannot appear any more."""
        if self._request.attempted_at is not None and self._request.problem is None:
            await self._writer.note_unrecorded()  # else what came of the call was written down
        try:
            outcome = await self._operation.recover(self._request, self._access())
        except TinesError as error:
            await self._cannot_look(error)
            return
        if not isinstance(outcome, NotThere | Doubtful):
            await self._writer.write(outcome)
            return
        if self._may_still_appear():
            await self._look_again()
        elif isinstance(outcome, Doubtful):
            await self._writer.write(outcome)
        elif self._request.attempts >= self._schedule.attempts:
            await self._writer.write(Doubtful(problem=None))  # calls vanish: looking cannot tell
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
        waited = self._parts.store.clock() - (self._request.attempted_at or self._request.updated_at)
        await self._writer.later(
            backoff(self._schedule.look_first, self._schedule.look_most, waited), self._request.problem, None
        )

    async def _cannot_look(self, error: TinesError) -> None:
        """Try a look that failed again for a while, then ask a person."""
        problem = error.problem()
        failing = self._writer.failing_for(problem)
        bound = self._schedule.give_up_looking if is_transient(error) else self._schedule.confirm_refusal
        if failing > bound:
            await self._writer.write(Doubtful(problem=problem))
        else:
            await self._writer.later(
                self._writer.pause(asked_to_wait(error), self._schedule.look_most, failing), problem, "look_failed"
            )

    # ---- following

    async def _follow(self) -> None:
        """Look how far it is, and end the request or say when to look again."""
        request = self._request
        until = request.follow_until or request.updated_at
        try:
            outcome = await self._operation.follow(request, self._access(), over=self._parts.store.clock() >= until)
        except TinesError as error:
            problem = error.problem()
            passing = is_transient(error) and self._parts.store.clock() <= until + self._schedule.follow_unreachable_for
            stray = not is_transient(error) and self._writer.failing_for(problem) < self._schedule.confirm_refusal
            if passing or stray:
                await self._writer.write(Progress(problem=problem, at_least=asked_to_wait(error)))
            else:
                await self._writer.write(self._operation.unseen(request, error))
            return
        await self._writer.write(outcome)


def _nobody_known(error: PeopleUnavailableError) -> Problem:
    return Problem(
        what="Slack does not say who may approve and run this right now",
        words=str(error),
        advice="This continues by itself.",
    )
