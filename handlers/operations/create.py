"""Creating a sync destination and following its stories: exactly one for each approved request.

Tines has no idempotency key: a create that is sent again makes a second destination. So the ids already there are
committed before the first POST, and whenever it is not known what became of a POST (a timeout, a reset, a crash at any
instruction), the destinations are listed: a new one with the same teams and stories is adopted; only when none has
appeared for longer than a call can be under way is the POST sent again. Looking that cannot tell ends with a person.

Each `advance` reads where the request stands, does one piece, and commits it. Nothing is remembered between pieces.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from handlers import announcing
from handlers.catalogue import Catalogue
from handlers.models import Content, State, SyncMode, SyncRequest
from handlers.operations import ExistingDestination, Preview
from handlers.operations.adding import Adding
from handlers.operations.destinations import new_matches, of_the_same_teams
from handlers.operations.following import Following
from handlers.operations.outcomes import Outcomes
from handlers.operations.pacing import Pacing
from handlers.routes import Atlas, Existing, Route, Tenant
from handlers.store import SYSTEM, Store, Transaction
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
        self._adding = Adding(store, clients, self._outcomes)
        self._log = structlog.get_logger(__name__)

    # ---- the preview

    async def preview(self, content: Content) -> Preview:
        """Look up the stories and the destinations for the same teams as they are now."""
        stories, existing = await asyncio.gather(
            self._catalogue.current(content.source, content.source_team.id, [story.id for story in content.stories]),
            self._clients[content.source].list_destinations(),
            return_exceptions=True,
        )
        for answer in (stories, existing):
            if isinstance(answer, TinesError):
                return Preview(stories=content.stories, problem=answer.problem())
            if isinstance(answer, BaseException):
                raise answer
        assert not isinstance(stories, BaseException)  # noqa: S101 - for the type checker: raised above
        assert not isinstance(existing, BaseException)  # noqa: S101 - for the type checker: raised above
        return Preview(
            stories=tuple(stories[story.id] for story in content.stories if story.id in stories),
            gone=tuple(story for story in content.stories if story.id not in stories),
            existing=tuple(
                ExistingDestination(
                    id=each.id,
                    story_names=tuple(status.name for status in each.statuses()),
                    manual=bool(each.manual_sync_only),
                )
                for each in of_the_same_teams(existing, content, self._atlas.tenants[content.destination])
            ),
        )

    # ---- the work

    async def advance(self, request: SyncRequest) -> None:
        """Do the next piece of work for a request that this process has claimed."""
        route = self._atlas.routes.get(request.content.route)
        if route is None or request.content.source not in self._clients:
            await self._outcomes.unrouted(request)
        elif request.state is State.APPROVED:
            await self._begin(request, route)
        elif request.state is State.CREATING:
            await self._find_out(request, route)
        elif request.state is State.SETTLING:
            await self._following.follow(request, route)

    async def _begin(self, request: SyncRequest, route: Route) -> None:
        """Look first, then commit that a create is about to be sent, then send it."""
        if await self._must_wait(request):
            return
        looked_at = self._store.clock()
        try:
            found = await self._source(request).list_destinations()
        except RetryableError as error:
            await self._outcomes.try_later(request, route, error)
            return
        except TinesError as error:
            await self._outcomes.fail(request, route, error.problem())
            return
        same = of_the_same_teams(found, request.content, self._destination(request))
        if route.existing is Existing.ADD and len(same) == 1 and _syncs_alike(same[0], request):
            await self._adding.add(request, route, same[0])
            return
        unseen = [each.id for each in same if each.id not in _seen(request)]
        if unseen and not request.emergency:
            await self._outcomes.ask_again(request, route, unseen)
            return
        async with self._store.transaction() as transaction:
            held = await self._may_send(transaction, request, looked_at)
            if held is None:
                return
            begun = await self._note_post(
                transaction, held, state=State.CREATING, known_ids=tuple(each.id for each in found)
            )
        await self._post(begun, route)

    async def _must_wait(self, request: SyncRequest) -> bool:
        """Whether a freeze or another request for the same teams holds this one up; if so, say it on the row."""
        async with self._store.reading() as reader:
            frozen = await reader.freeze(request.content.route)
            others = await reader.same_teams(request, _AT_WORK)
        if frozen is None and not others:
            return False  # asked again, under lock, right before the create is sent
        async with self._store.transaction() as transaction:
            held = await transaction.hold_request(request)
            return held is None or await self._held_up(transaction, held)

    async def _held_up(self, transaction: Transaction, request: SyncRequest) -> bool:
        freeze = await transaction.freeze(request.content.route)
        if freeze is not None:
            # the thaw wakes it
            await self._wait(transaction, request, None, "The route is frozen; this runs when it is thawed.")
            return True
        await transaction.lock_teams(request)
        others = await transaction.same_teams(request, _AT_WORK)
        if others:
            again = transaction.now + timedelta(seconds=30)  # the other one wakes it before, when it is done
            await self._wait(transaction, request, again, f"Waits for {others[0]}, which is for the same two teams.")
            return True
        return False

    async def _wait(self, transaction: Transaction, request: SyncRequest, due: datetime | None, note: str) -> None:
        await transaction.change(request, due_at=due, note=note)
        await transaction.release_request(request.id)
        if note != request.note:
            await announcing.changed(transaction, request)

    async def _may_send(
        self, transaction: Transaction, request: SyncRequest, looked_at: datetime
    ) -> SyncRequest | None:
        """Return the request if a create may be sent for it now. Everything is asked again, right before the effect."""
        held = await transaction.hold_request(request)
        if held is None or await self._held_up(transaction, held):
            return None
        if await transaction.begun_since(held, looked_at - _CLOCK_SKEW):
            # what was listed may lack the other one's destination, which could then pass for ours
            await transaction.change(held, due_at=transaction.now + timedelta(seconds=1))
            await transaction.release_request(held.id)
            return None
        if not self._holds_lease():
            self._log.warning("the lease is over; another process goes on", request=held.id)
            return None
        return held

    async def _note_post(
        self,
        transaction: Transaction,
        request: SyncRequest,
        **changes: Any,  # noqa: ANN401 - fields of SyncRequest
    ) -> SyncRequest:
        begun = await transaction.change(
            request,
            posted_at=transaction.now,
            posts=request.posts + 1,
            due_at=transaction.now + self._pacing.look_first + timedelta(seconds=self._source(request).longest_call),
            note="",
            problem=None,
            **changes,
        )
        transaction.record("creating", SYSTEM, request.id, attempt=begun.posts, digest=request.digest)
        await announcing.changed(transaction, begun)
        return begun

    async def _post(self, request: SyncRequest, route: Route) -> None:
        content = request.content
        try:
            created = await self._source(request).create_destination(
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
            await self._outcomes.try_later(request, route, error)
        except TinesError as error:
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
        matches = new_matches(found, request.content, self._destination(request), request.known_ids or ())
        if matches:
            await self._outcomes.settle(request, route, matches[0], "adopted")
            return
        # no time of sending: the latest call surely did not arrive, so nothing can appear any more
        under_way = request.posted_at is not None and looked_at - request.posted_at < self._pacing.post_again_after
        if under_way:
            await self._outcomes.look_again(request)
        elif request.posts >= self._pacing.posts:
            await self._outcomes.ask_a_person(request, route, None)
        else:
            async with self._store.transaction() as transaction:
                held = await self._may_send(transaction, request, looked_at)
                if held is None:
                    return
                begun = await self._note_post(transaction, held)
            await self._post(begun, route)

    # ---- small things

    def _source(self, request: SyncRequest) -> TinesClient:
        return self._clients[request.content.source]

    def _destination(self, request: SyncRequest) -> Tenant:
        return self._atlas.tenants[request.content.destination]


def _syncs_alike(existing: SyncDestination, request: SyncRequest) -> bool:
    """Whether an existing destination syncs when the request wants its stories to: its mode cannot be chosen anew."""
    return bool(existing.manual_sync_only) == (request.content.mode is SyncMode.MANUAL)


def _seen(request: SyncRequest) -> frozenset[int]:
    """Return the ids of the destinations that those who approved were shown."""
    return frozenset(seen for decision in request.approvals() for seen in decision.seen)
