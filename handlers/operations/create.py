"""Creating a sync destination and following its stories: exactly one for each approved request.

Tines has no idempotency key: a create that is sent again makes a second destination. So the ids already there are
committed before the first POST, and whenever it is not known what became of a POST (a timeout, a reset, a crash at any
instruction), the destinations are listed: a new one with the same teams and stories is adopted; only when nothing has
appeared for longer than a call can be under way is the POST sent again. Looking that cannot tell ends with a person.

Each `advance` reads where the request stands, does one piece, and commits it. Nothing is remembered between pieces.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from handlers.catalogue import Catalogue
from handlers.models import Content, State, Story, SyncMode, SyncRequest
from handlers.operations import ExistingDestination, Preview
from handlers.operations.adding import Adding
from handlers.operations.destinations import appeared, of_the_same_teams, with_the_stories
from handlers.operations.following import Following
from handlers.operations.outcomes import Outcomes
from handlers.operations.pacing import Pacing
from handlers.operations.plan import Step, plan
from handlers.operations.trouble import passing
from handlers.routes import Atlas, Route, Tenant
from handlers.store import Store, Transaction
from handlers.tines import RetryableError, SyncDestination, TinesClient, TinesError, UnknownOutcomeError

_AT_WORK: Final = frozenset({State.CREATING, State.UNCERTAIN})  # what it will create, or did, is not known yet
_CLOCK_SKEW: Final = timedelta(seconds=5)  # between the machines that share a database


class CreateDestination:
    """The operation behind `POST /api/v1/admin/sync_destinations`."""

    def __init__(
        self,
        store: Store,
        atlas: Atlas,
        clients: Mapping[str, TinesClient],
        catalogue: Catalogue,
        *,
        holds_lease: Callable[[], bool],
        pacing: Pacing,
    ) -> None:
        self._store = store
        self._atlas = atlas
        self._clients = clients
        self._catalogue = catalogue
        self._holds_lease = holds_lease
        self._pacing = pacing
        self._outcomes = Outcomes(store, atlas.calendar, pacing)
        self._following = Following(store, atlas, clients, self._outcomes, pacing)
        self._adding = Adding(clients, self._outcomes, self._may_still_send)
        self._log = structlog.get_logger(__name__)

    # ---- the preview

    async def preview(self, content: Content) -> Preview:
        """Look up the stories and the destinations for the same teams as they are now."""
        try:
            stories, found = await self._look(content)
        except TinesError as error:
            return Preview(stories=content.stories, problem=error.problem())
        return Preview(
            stories=tuple(stories[story.id] for story in content.stories if story.id in stories),
            gone=tuple(story for story in content.stories if story.id not in stories),
            existing=tuple(
                ExistingDestination(
                    id=each.id,
                    story_names=tuple(status.name for status in each.statuses()),
                    manual=bool(each.manual_sync_only),
                )
                for each in of_the_same_teams(found, content, self._atlas.tenants[content.destination])
            ),
        )

    async def _look(self, content: Content) -> tuple[Mapping[int, Story], tuple[SyncDestination, ...]]:
        """Return the stories of the content that can be synced, and all sync destinations, as they are now.

        Raises `TinesError`; of two, the one that will not pass by itself.
        """
        ids = [story.id for story in content.stories]
        try:
            async with asyncio.TaskGroup() as group:
                stories = group.create_task(self._catalogue.current(content.source, content.source_team.id, ids))
                found = group.create_task(self._clients[content.source].list_destinations())
        except ExceptionGroup as both:
            errors = [error for error in both.exceptions if isinstance(error, TinesError)]
            if not errors:
                raise
            raise min(errors, key=passing) from None
        return stories.result(), found.result()

    # ---- the work

    async def advance(self, request: SyncRequest) -> None:
        """Do the next piece of work for a request that this process has claimed."""
        route = self._atlas.route_for(request.content)
        if route is None:
            await self._outcomes.unrouted(request)
        elif request.state is State.APPROVED:
            await self._begin(request, route)
        elif request.state is State.SETTLING:
            await self._following.follow(request, route)
        elif request.destination_id is not None:
            await self._adding.add(request, route, request.destination_id)
        elif request.state is State.CREATING:
            await self._find_out(request, route)

    async def _begin(self, request: SyncRequest, route: Route) -> None:
        """Look first, then commit what is about to be sent, then send it."""
        if await self._frozen(request):
            return
        looked_at = self._store.clock()
        try:
            stories, found = await self._look(request.content)
        except TinesError as error:
            if passing(error):
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
        async with self._store.transaction() as transaction:
            held = await self._may_send(transaction, request, looked_at)
            if held is None:
                return
            begun = await self._outcomes.note_call(
                transaction,
                held,
                wait=self._longest_call(held),
                destination_id=adding,
                known_ids=tuple(each.id for each in found) if adding is None else None,
            )
        if adding is None:
            await self._post(begun, route)
        else:
            await self._adding.add(begun, route, adding)

    async def _frozen(self, request: SyncRequest) -> bool:
        """Whether a freeze holds this one up, as far as this process knows; if so, say it on the row.

        Asked before Tines is, so that a long freeze costs no calls; asked again, under lock, right before the effect.
        """
        if request.content.route not in await self._store.freezes():
            return False
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            return held is None or await self._held_up(transaction, held)

    async def _held_up(self, transaction: Transaction, request: SyncRequest) -> bool:
        if await transaction.freeze(request.content.route) is not None:
            await self._outcomes.wait(transaction, request, "The route is frozen; this runs when it is thawed.")
            return True
        await transaction.lock_teams(request)
        others = await transaction.same_teams(request, _AT_WORK)
        if others:
            await self._outcomes.wait(transaction, request, f"Waits for {others[0]}, which is for the same two teams.")
            return True
        return False

    async def _may_send(
        self, transaction: Transaction, request: SyncRequest, looked_at: datetime
    ) -> SyncRequest | None:
        """Return the request if a call may be sent for it now. Everything is asked again, right before the effect."""
        held = await self._unhindered(transaction, request)
        if held is not None and await transaction.begun_since(held, looked_at - _CLOCK_SKEW):
            # what was listed may lack the other one's destination, which could then pass for ours
            await self._outcomes.wait(transaction, held, held.note, seconds=1)
            return None
        return held

    async def _may_still_send(self, request: SyncRequest) -> bool:
        """Whether a call may be sent now for a request that was begun before: by now its route may be frozen."""
        async with self._store.transaction() as transaction:
            held = await self._unhindered(transaction, request)
        return held is not None and self._holds_lease()

    async def _unhindered(self, transaction: Transaction, request: SyncRequest) -> SyncRequest | None:
        """Return the request if this process surely has it, and neither a freeze nor another request holds it up."""
        held = await transaction.hold_request(request)
        if held is None or await self._held_up(transaction, held):
            return None
        if not self._holds_lease():
            self._log.warning("the lease is over; another process goes on", request=held.id)
            return None
        return held

    async def _post(self, request: SyncRequest, route: Route) -> None:
        content = request.content
        if not self._holds_lease():
            # stopped for long between the commit and here: whoever has the request now finds out what is there
            self._log.warning("the lease is over; another process goes on", request=request.id)
            return
        try:
            # once: while this call can be under way, nobody sends another
            created = (
                await self._source(request)
                .hurried(self._longest_call(request).total_seconds())
                .create_destination(
                    destination=self._destination(request),
                    same_tenant=content.source == content.destination,
                    destination_team_id=content.destination_team.id,
                    team_id=content.source_team.id,
                    story_ids=[story.id for story in content.stories],
                    manual=content.mode is SyncMode.MANUAL,
                )
            )
        except UnknownOutcomeError as error:
            await self._outcomes.look_soon(request, error)
        except RetryableError as error:
            await self._outcomes.not_sent(request, route, error)
        except TinesError as error:
            if request.posts > 1:
                # this call was refused, but an earlier one may have been applied
                await self._outcomes.look_soon(request, error)
            else:
                await self._outcomes.fail(request, route, error.problem())
        else:
            await self._outcomes.settle(request, route, created, "created")

    async def _find_out(self, request: SyncRequest, route: Route) -> None:
        """List, adopt what appeared, send again only what surely is not there and cannot appear any more."""
        looked_at = self._store.clock()
        try:
            found = await self._source(request).list_destinations()
        except TinesError as error:
            await self._outcomes.cannot_look(request, route, error)
            return
        new = appeared(found, request.content, self._destination(request), request.known_ids or ())
        ours = with_the_stories(new, request.content)
        # no time of sending: the latest call surely did not arrive, so nothing can appear any more
        under_way = request.posted_at is not None and looked_at - request.posted_at < self._pacing.post_again_after
        if ours:
            await self._outcomes.settle(request, route, ours[0], "adopted")
        elif under_way:
            await self._outcomes.look_again(request)
        elif new or request.posts >= self._pacing.posts:
            # something appeared that is not quite ours, or calls vanish: looking cannot tell
            await self._outcomes.ask_a_person(request, route, None)
        else:
            async with self._store.transaction() as transaction:
                held = await self._may_send(transaction, request, looked_at)
                if held is None:
                    return
                begun = await self._outcomes.note_call(transaction, held, wait=self._longest_call(held))
            await self._post(begun, route)

    # ---- small things

    def _source(self, request: SyncRequest) -> TinesClient:
        return self._clients[request.content.source]

    def _destination(self, request: SyncRequest) -> Tenant:
        return self._atlas.tenants[request.content.destination]

    def _longest_call(self, request: SyncRequest) -> timedelta:
        return timedelta(seconds=self._source(request).longest_call)
