"""Following the stories of a sync destination until nothing needs a sync any more, then saying how it ended.

No webhook tells of a failed sync, so the destination is shown again and again: quickly at first, then less often, for
ten minutes at most. A tenant that does not answer meanwhile costs time and nothing else.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from handlers import announcements
from handlers.models import Problem, Request, State, StoryStatus, SyncMode
from handlers.operations.call_journal import CallJournal
from handlers.operations.destinations import appeared, with_the_stories
from handlers.operations.outcomes import Outcomes
from handlers.operations.schedule import Schedule, backoff
from handlers.operations.statuses import named, record_statuses
from handlers.operations.transience import asked_to_wait, is_transient
from handlers.routes import Route, Topology
from handlers.store import SYSTEM
from handlers.tines import TinesCalls, TinesError


class Following:
    """Looks at the statuses of a request whose stories are followed."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        topology: Topology,
        source: TinesCalls,
        outcomes: Outcomes,
        schedule: Schedule,
        journal: CallJournal,
    ) -> None:
        self._clock = clock
        self._topology = topology
        self._source = source  # the tenant's operations
        self._journal = journal  # of the calls made through them
        self._outcomes = outcomes
        self._schedule = schedule

    async def follow(self, request: Request, route: Route) -> None:
        """Look once, and end the request or say when to look again."""
        if request.statuses and all(status.settled for status in request.statuses):
            await self._finish(request, route, request.statuses)
            return
        if request.destination_id is None:
            await self._outcomes.ask_a_person(request, route, None)
            return
        try:
            found = await self._source.show_destination(request.destination_id)
        except TinesError as error:
            await self._unanswered(request, route, error)
            return
        statuses = named(found.statuses(), request)
        over = request.follow_until is not None and self._clock() >= request.follow_until
        if over or all(status.settled for status in statuses):
            await self._finish(request, route, statuses)
        else:
            await self._go_on(request, route, statuses, None)

    async def _unanswered(self, request: Request, route: Route, error: TinesError) -> None:
        until = request.follow_until or request.updated_at
        if not is_transient(error) or self._clock() > until + self._schedule.follow_unreachable_for:
            await self._finish(request, route, request.statuses, error.problem())
        else:
            await self._go_on(request, route, request.statuses, error.problem(), at_least=asked_to_wait(error))

    async def _go_on(
        self,
        request: Request,
        route: Route,
        statuses: tuple[StoryStatus, ...],
        problem: Problem | None,
        *,
        at_least: timedelta = timedelta(0),
    ) -> None:
        async with self._journal.holding(request) as (transaction, held):
            if held is None:
                return
            elapsed = self._elapsed(request)
            wait = max(at_least, backoff(self._schedule.follow_first, self._schedule.follow_most, elapsed))
            going = await transaction.requests.change(
                held, statuses=statuses, problem=problem, next_run_at=transaction.now + wait
            )
            if (statuses, problem) != (held.statuses, held.problem):
                if problem is not None and problem != held.problem:
                    transaction.audit.record("look_failed", SYSTEM, request.id, problem=problem.model_dump(mode="json"))
                record_statuses(transaction, held, statuses)
                await announcements.changed(transaction, going)
                await announcements.statuses(transaction, going, route)

    def _elapsed(self, request: Request) -> timedelta:
        if request.follow_until is None:
            return self._schedule.follow_for
        manual = request.content.mode is SyncMode.MANUAL
        total = self._schedule.follow_manual_for if manual else self._schedule.follow_for
        return max(timedelta(0), self._clock() - (request.follow_until - total))

    async def _finish(
        self,
        request: Request,
        route: Route,
        statuses: tuple[StoryStatus, ...],
        problem: Problem | None = None,
    ) -> None:
        note = await self._doubles(request)
        if any(not status.settled for status in statuses) and request.content.mode is SyncMode.AUTOMATIC:
            minutes = int(self._schedule.follow_for.total_seconds() // 60)
            note = f"Some stories still needed a sync after {minutes} minutes. {note}".strip()
        await self._outcomes.finish(
            request, route, ending(request.content.mode, statuses, problem), statuses, problem=problem, note=note
        )

    async def _doubles(self, request: Request) -> str:
        """List once more, to see and report a second destination that appeared for the same stories."""
        content = request.content
        if request.preexisting_ids is None:
            return ""  # stories were added to a destination; none was created
        try:
            found = await self._source.list_destinations()
        except TinesError:
            return ""  # the look is a courtesy: what the request created is known without it
        destination = self._topology.tenants[content.destination]
        new = appeared(found, content, destination, request.preexisting_ids)
        others = [each.id for each in with_the_stories(new, content) if each.id != request.destination_id]
        if not others:
            return ""
        listed = ", ".join(str(other) for other in others)
        return (
            f"Another sync destination with the same teams and stories appeared meanwhile ({listed}). "
            "Look at both in Tines and delete the one that is not wanted, keeping its stories."
        )


def ending(mode: SyncMode, statuses: tuple[StoryStatus, ...], problem: Problem | None) -> State:
    """Return the final state that the statuses add up to."""
    synced = sum(status.status == "synced" for status in statuses)
    # told to sync only when triggered, stories that need a sync are just as they should be
    resting = sum(not status.settled for status in statuses) if mode is SyncMode.MANUAL else 0
    if statuses and synced + resting == len(statuses) and problem is None:
        return State.SUCCEEDED
    if statuses and all(status.status == "failed" for status in statuses):
        return State.FAILED
    return State.PARTIAL
