"""One piece of the work on an approved request that creates a sync destination, as its row says what is due.

A request that is looked at twice, by two processes or after a crash, must not be sent twice: everything that decides
is asked again, under lock, right before the effect, and committed before it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from handlers.catalogue import Catalogue
from handlers.execution.send_window import Opened, SendWindow
from handlers.models import Content, Request, State, Story, SyncMode
from handlers.operations.adding import Adding
from handlers.operations.call_journal import CallJournal
from handlers.operations.destinations import appeared, of_the_same_teams, with_the_stories
from handlers.operations.following import Following
from handlers.operations.outcomes import Outcomes
from handlers.operations.plan import Step, plan
from handlers.operations.schedule import Schedule
from handlers.operations.transience import is_transient
from handlers.routes import Route, Tenant, Topology
from handlers.store import Store, Transaction
from handlers.tines import RetryableError, SyncDestination, TinesClient, TinesError, UnknownOutcomeError

_AT_WORK: Final = frozenset({State.RUNNING, State.UNCERTAIN})  # what it will create, or did, is not known yet
_CLOCK_SKEW: Final = timedelta(seconds=5)  # between the machines that share a database


@dataclass(frozen=True, slots=True)
class Parts:
    """What the work is done with."""

    store: Store
    topology: Topology
    clients: Mapping[str, TinesClient]
    catalogue: Catalogue
    window: SendWindow
    schedule: Schedule


class Creating:
    """One piece of work for a request of a route. Every call to Tines goes through the journal."""

    def __init__(self, parts: Parts, source: str, outcomes: Outcomes, journal: CallJournal) -> None:
        self._parts = parts
        self._client = parts.clients[source]
        self._source = journal.recording(self._client)
        self._outcomes = outcomes
        self._journal = journal
        self._following = Following(parts.store.clock, parts.topology, self._source, outcomes, parts.schedule, journal)
        self._adding = Adding(self._source, outcomes, self._may_still_send)
        self._log = structlog.get_logger(__name__)

    async def go_on(self, request: Request, route: Route) -> None:
        """Do what the request's state says."""
        if request.state is State.APPROVED:
            await self._begin(request, route)
        elif request.state is State.FOLLOWING:
            await self._following.follow(request, route)
        elif request.destination_id is not None:
            await self._adding.add(request, route, request.destination_id)
        elif request.state is State.RUNNING:
            await self._find_out(request, route)

    async def _begin(self, request: Request, route: Route) -> None:
        """Look first, then commit what is about to be sent, then send it."""
        if await self._frozen(request):
            return
        looked_at = self._parts.store.clock()
        try:
            stories, found = await look(self._parts, request.content, self._journal)
        except TinesError as error:
            if is_transient(error):
                await self._outcomes.try_later(request, route, error)
            else:
                await self._outcomes.fail(request, route, error.problem())
            return
        same = of_the_same_teams(found, request.content, self._destination(request))
        decided = plan(request, route, same, stories)
        if decided.step is Step.ASK_AGAIN:
            await self._outcomes.ask_again(request, route, decided.existing, decided.changed)
            return
        adding = decided.existing[0] if decided.step is Step.ADD else None
        opened = self._parts.window.opened()
        async with self._journal.holding(request) as (transaction, claimed):
            held = await self._may_send(transaction, claimed, looked_at)
            if held is None:
                return
            begun = await self._outcomes.note_call(
                transaction,
                held,
                wait=self._longest_call(),
                destination_id=adding,
                preexisting_ids=tuple(each.id for each in found) if adding is None else None,
            )
        if adding is None:
            await self._post(begun, route, opened)
        else:
            await self._adding.add(begun, route, adding)

    async def _frozen(self, request: Request) -> bool:
        """Whether a freeze holds this one up, as far as this process knows; if so, say it on the row.

        Asked before Tines is, so that a long freeze costs no calls; asked again, under lock, right before the effect.
        """
        if request.content.route not in await self._parts.store.freezes():
            return False
        async with self._journal.holding(request) as (transaction, held):
            return held is None or await self._held_up(transaction, held)

    async def _held_up(self, transaction: Transaction, request: Request) -> bool:
        if await transaction.freezes.get(request.content.route) is not None:
            await self._outcomes.wait(transaction, request, "The route is frozen; this runs when it is unfrozen.")
            return True
        await transaction.requests.lock_teams(request)
        others = await transaction.requests.same_teams(request, _AT_WORK)
        if others:
            await self._outcomes.wait(transaction, request, f"Waits for {others[0]}, which is for the same two teams.")
            return True
        return False

    async def _may_send(self, transaction: Transaction, claimed: Request | None, looked_at: datetime) -> Request | None:
        """Return the request if a call may be sent for it now. Everything is asked again, right before the effect."""
        held = await self._unhindered(transaction, claimed)
        if held is not None and await transaction.requests.begun_since(held, looked_at - _CLOCK_SKEW):
            # what was listed may lack the other one's destination, which could then pass for ours
            await self._outcomes.wait(transaction, held, held.note, seconds=1)
            return None
        return held

    async def _may_still_send(self, request: Request) -> bool:
        """Whether a call may be sent now for a request that was begun before: by now its route may be frozen."""
        opened = self._parts.window.opened()
        async with self._journal.holding(request) as (transaction, claimed):
            held = await self._unhindered(transaction, claimed)
        return held is not None and opened.open

    async def _unhindered(self, transaction: Transaction, held: Request | None) -> Request | None:
        """Return the request if it is still where it was, and neither a freeze nor another request holds it up."""
        return None if held is None or await self._held_up(transaction, held) else held

    async def _post(self, request: Request, route: Route, opened: Opened) -> None:
        content = request.content
        self._seen_for(request)  # from now on
        # once: while this call can be under way, nobody sends another
        client = self._client.with_deadline(self._client.longest_call).while_allowed(lambda: opened.open)
        try:
            created = await self._journal.recording(client).create_destination(
                destination=self._destination(request),
                same_tenant=content.source == content.destination,
                destination_team_id=content.destination_team.id,
                team_id=content.source_team.id,
                story_ids=[story.id for story in content.stories],
                manual=content.mode is SyncMode.MANUAL,
            )
        except UnknownOutcomeError as error:
            await self._outcomes.look_soon(request, error)
        except RetryableError as error:
            await self._outcomes.not_sent(request, route, error)
        except TinesError as error:
            if request.attempts > 1:
                # this call was refused, but an earlier one may have been applied
                await self._outcomes.look_soon(request, error)
            else:
                await self._outcomes.fail(request, route, error.problem())
        else:
            await self._outcomes.settle(request, route, created, "created")

    async def _find_out(self, request: Request, route: Route) -> None:
        """List, adopt what appeared, send again only what surely is not there and cannot appear any more."""
        looked_at = self._parts.store.clock()
        try:
            found = await self._source.list_destinations()
        except TinesError as error:
            await self._outcomes.cannot_look(request, route, error)
            return
        new = appeared(found, request.content, self._destination(request), request.preexisting_ids or ())
        ours = with_the_stories(new, request.content)
        # no time of sending: the latest call surely did not arrive, so nothing can appear any more. Else by this
        # process's own clock: others' may be wrong, and a call that others made may only now have left
        under_way = request.attempted_at is not None and self._seen_for(request) < self._parts.schedule.send_again_after
        if ours:
            await self._outcomes.settle(request, route, ours[0], "adopted")
        elif under_way:
            await self._outcomes.look_again(request)
        elif new or request.attempts >= self._parts.schedule.attempts:
            # something appeared that is not quite ours, or calls vanish: looking cannot tell
            await self._outcomes.ask_a_person(request, route, None)
        else:
            opened = self._parts.window.opened()
            async with self._journal.holding(request) as (transaction, claimed):
                held = await self._may_send(transaction, claimed, looked_at)
                if held is None:
                    return
                begun = await self._outcomes.note_call(transaction, held, wait=self._longest_call())
            await self._post(begun, route, opened)

    # ---- small things

    def _seen_for(self, request: Request) -> timedelta:
        """Return for how long this process has known of the latest call, whoever made it."""
        return timedelta(seconds=self._parts.window.seen_for((request.id, request.revision, request.attempts)))

    def _destination(self, request: Request) -> Tenant:
        return self._parts.topology.tenants[request.content.destination]

    def _longest_call(self) -> timedelta:
        return timedelta(seconds=self._client.longest_call + self._parts.window.seconds)


async def look(
    parts: Parts, content: Content, journal: CallJournal
) -> tuple[Mapping[int, Story], tuple[SyncDestination, ...]]:
    """Return the stories of the content that can be synced, and all sync destinations, as they are now.

    Raises `TinesError`; of two, the one that will not pass by itself.
    """
    ids = [story.id for story in content.stories]
    source = journal.recording(parts.clients[content.source])
    try:
        async with asyncio.TaskGroup() as group:
            stories = group.create_task(
                parts.catalogue.current(content.source, content.source_team.id, ids, recording=journal.recording)
            )
            found = group.create_task(source.list_destinations())
    except ExceptionGroup as both:
        errors = [error for error in both.exceptions if isinstance(error, TinesError)]
        if not errors:
            raise
        raise min(errors, key=is_transient) from None
    return stories.result(), found.result()
