"""The catalogue: teams and stories of every tenant, found as one types, and looked up again before anything is done.

It prevents two failures: a form that cannot be filled in because a tenant is slow (answers come from memory, and from
Tines's own search while the memory is still empty), and a request for a story that has meanwhile gone (what is
submitted is checked against what is there now).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from functools import partial
from typing import Final, TypeVar

from handlers.catalogue._cache import Cached
from handlers.catalogue._fetch import fetch_rows, fetch_stories, filter_of, syncable
from handlers.catalogue._stock import Stories, TagCount, TeamList, Teams, TeamStories
from handlers.concurrency import side_by_side
from handlers.models import Frozen, Problem, Story, Team
from handlers.routes import Tenant
from handlers.tines import (
    Failure,
    Kind,
    Listing,
    RefusedError,
    RetryableError,
    SyncDestination,
    TinesCalls,
    TinesClient,
    TinesError,
)

LIMIT: Final = 99  # Slack shows 100 options at most; one is kept for "n more: type to narrow"
TAG_LIMIT: Final = 20
_PAUSE: Final = 5.0  # seconds between renewals that fail
_NOT_FOUND: Final = 404
_LISTING_FRESH: Final = 3.0  # seconds for which one listing of sync destinations is shared
T = TypeVar("T")


class FoundTeams(Frozen):
    """What a search for teams found."""

    items: tuple[Team, ...]  # best first
    total: int  # how many match, those beyond the limit included


class FoundStories(Frozen):
    """What a search for stories found. Only stories that can be synced are counted anywhere."""

    items: tuple[Story, ...]  # best first
    total: int  # how many match, those beyond the limit included
    everything: int  # how many the team has
    tags: tuple[TagCount, ...] = ()  # that match; none while the catalogue is still loading


class Catalogue:
    """Teams and stories of all tenants. Times are seconds; to be closed with `close`.

    `fresh_for`: how old an answer may be before it is renewed in the background, and before checks ask Tines again.
    `answer_within`: the longest that a search takes, when nothing is known yet and the tenant is slow.
    """

    def __init__(
        self,
        clients: Mapping[str, TinesClient],
        tenants: Mapping[str, Tenant],
        *,
        clock: Callable[[], float] = time.monotonic,
        fresh_for: float = 60.0,
        answer_within: float = 2.2,
    ) -> None:
        self._clients = clients
        self._tenants = tenants
        self._answer_within = answer_within
        keep = partial(Cached, clock=clock, fresh_for=fresh_for, pause=_PAUSE)
        self._teams: dict[str, Cached[Teams]] = {
            alias: keep(f"teams of {alias}", partial(_load_teams, clients[alias])) for alias in tenants
        }
        self._stories: dict[str, Cached[Stories]] = {
            alias: keep(f"stories of {alias}", partial(_load_stories, clients[alias], tenant))
            for alias, tenant in tenants.items()
        }

        self._destinations: dict[str, Cached[Listing[SyncDestination]]] = {
            alias: Cached(
                f"sync destinations of {alias}",
                clients[alias].list_destinations,
                clock,
                fresh_for=_LISTING_FRESH,
                pause=_PAUSE,
            )
            for alias in tenants
        }

    async def close(self) -> None:
        """End what is under way in the background."""
        for destinations in self._destinations.values():
            await destinations.close()
        for teams in self._teams.values():
            await teams.close()
        for stories in self._stories.values():
            await stories.close()

    def warm(self, tenant: str, *, stories: bool = True) -> None:
        """Have teams (and stories) of a tenant loaded in the background, because somebody will soon type."""
        self._teams[tenant].warm()
        if stories:
            self._stories[tenant].warm()

    # --- while somebody types ---------------------------------------------------------------------------------------

    async def search_teams(self, tenant: str, query: str, *, limit: int = LIMIT) -> FoundTeams:
        """Return the tenant's teams that match by name (typos forgiven) or id, best first.

        Raises `TinesError` when nothing is known yet and the tenant did not tell in time.
        """
        cached = self._teams[tenant]
        teams = cached.at_once()
        if teams is None:
            call = ("GET", "/teams")
            teams = await self._in_time(tenant, call, _without_cancelling(cached.renew()), self._answer_within)
        items, total = teams.search(query, limit)
        return FoundTeams(items=items, total=total)

    async def search_stories(
        self, tenant: str, team_id: int, query: str, *, limit: int = LIMIT, tag_limit: int = TAG_LIMIT
    ) -> FoundStories:
        """Return the team's stories that can be synced and match by name, tag (typos forgiven) or id, best first.

        An empty query lists them by latest edit. Raises `TinesError` when nothing is known yet and the tenant did not tell
        in time.
        """
        cached = self._stories[tenant]
        stories = cached.at_once()
        if stories is not None:
            return _found(stories.of(team_id), query, limit, tag_limit)

        async def from_catalogue() -> FoundStories:
            loaded = await _without_cancelling(renewal)
            return _found(loaded.of(team_id), query, limit, tag_limit)

        renewal = cached.renew()
        direct = self._search_directly(tenant, team_id, query.strip(), limit)
        try:
            return await _first_found(from_catalogue(), direct, self._answer_within)
        except TimeoutError:
            raise RetryableError(Failure(tenant, "GET", "/stories", Kind.TIMEOUT)) from None

    # --- when it matters --------------------------------------------------------------------------------------------

    async def resolve(
        self,
        tenant: str,
        team_id: int,
        *,
        everything: bool,
        tag_keys: Collection[str],
        ids: Collection[int],
        deadline: float | None,
    ) -> tuple[Story, ...]:
        """Return the stories that are meant: all of the team, those with one of the tags, and those named, each once, by name.

        What is not there, or cannot be synced, is left out. From memory if that is fresh, else from Tines, within `deadline`
        seconds from now. Raises `TinesError`.
        """
        stories = self._stories[tenant].fresh()
        team: TeamList = (
            stories.of(team_id) if stories is not None else await self._team_as_it_is(tenant, team_id, deadline)
        )
        return team.pick(everything=everything, tag_keys=tag_keys, ids=ids)

    async def current(
        self,
        tenant: str,
        team_id: int,
        ids: Collection[int],
        *,
        recording: Callable[[TinesCalls], TinesCalls] | None = None,
    ) -> dict[int, Story]:
        """Return those of the stories that are in the team and can be synced, as they are on Tines now, by id.

        `recording` makes the operations those whose calls are recorded. Raises `TinesError`.
        """
        calls: TinesCalls = self._clients[tenant]
        return await fetch_stories(recording(calls) if recording else calls, self._tenants[tenant], team_id, ids)

    async def team_now(self, tenant: str, team_id: int) -> Team | None:
        """Return the team as it is on Tines now, None when it is not there or the key may not see it.

        Raises `TinesError`.
        """
        try:
            return await self._clients[tenant].team(team_id)
        except RefusedError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def cached_teams(self, tenant: str) -> Mapping[int, Team] | None:
        """Return the tenant's teams by id without asking anybody; None when what is known is not fresh."""
        teams = self._teams[tenant].fresh()
        return None if teams is None else teams.by_id

    def refusal(self, tenant: str) -> Problem | None:
        """Return why the tenant refused the key when its teams were loaded last, without asking; None when it did not."""
        failure = self._teams[tenant].failure
        return failure.problem() if isinstance(failure, RefusedError) else None

    def is_loading(self, tenant: str, *, stories: bool) -> bool:
        """Whether teams (or stories) of a tenant are being loaded."""
        return self._teams[tenant].is_loading or (stories and self._stories[tenant].is_loading)

    async def settled(self, tenant: str, *, stories: bool) -> None:
        """Wait until no teams (and stories) of a tenant are being loaded, however that ends."""
        await self._teams[tenant].settled()
        if stories:
            await self._stories[tenant].settled()

    def has_no_story(self, tenant: str) -> bool:
        """Whether it is known, without asking, that the tenant has no story that can be synced."""
        stories = self._stories[tenant].fresh()
        return stories is not None and stories.empty

    # --- sync destinations ------------------------------------------------------------------------------------------

    async def destinations(self, tenant: str) -> Listing[SyncDestination]:
        """Return the tenant's sync destinations: one listing for all who ask within seconds. Raises `TinesError`."""
        cached = self._destinations[tenant]
        found = cached.fresh()
        return await _without_cancelling(cached.renew()) if found is None else found

    async def destination(self, tenant: str, destination_id: int) -> SyncDestination | None:
        """Return a sync destination as it is now, None when it is not there. Raises `TinesError`."""
        try:
            return await self._clients[tenant].show_destination(destination_id)
        except RefusedError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def team_names(self, tenant: str) -> Mapping[int, Team]:
        """Return the tenant's teams by id, from memory whatever its age; none where unknown in time."""
        cached = self._teams[tenant]
        teams = cached.at_once()
        if teams is None:
            try:
                renewal = _without_cancelling(cached.renew())
                teams = await self._in_time(tenant, ("GET", "/teams"), renewal, self._answer_within)
            except TinesError:
                return {}
        return teams.by_id

    # --- how --------------------------------------------------------------------------------------------------------

    async def _team_as_it_is(self, tenant: str, team_id: int, seconds: float | None) -> TeamList:
        """Return the team's stories as Tines tells them now, the whole tenant left alone."""
        client = self._clients[tenant]
        rows = await fetch_rows(
            client if seconds is None else client.with_deadline(seconds), self._tenants[tenant], team_id
        )
        team = TeamList()
        await team.fill(rows, range(len(rows.ids)))
        return team

    async def _search_directly(self, tenant: str, team_id: int, query: str, limit: int) -> FoundStories:
        """Search with Tines's own search, which looks at names only; the number of all stories is asked for beside it."""
        known = self._tenants[tenant]
        client = self._clients[tenant].with_deadline(self._answer_within)
        search = partial(client.stories_page, team_id=team_id, filter=filter_of(known))
        if query:
            # the second one is only about how many there are
            page, every = await side_by_side(search(per_page=limit, search=query), search(per_page=1))
        else:
            page = every = await search(per_page=limit)
        items = tuple(story.story() for story in syncable(known, page.stories))
        total = max(page.meta.count or 0, len(items))
        return FoundStories(items=items, total=total, everything=max(every.meta.count or 0, total))

    async def _in_time(self, tenant: str, call: tuple[str, str], answer: Awaitable[T], seconds: float) -> T:
        """Return the answer, or say after `seconds` that the tenant did not answer in time."""
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            failure = Failure(tenant, *call, Kind.TIMEOUT)
        raise RetryableError(failure)


async def _load_teams(client: TinesCalls) -> Teams:
    return Teams(await client.teams())


async def _load_stories(client: TinesCalls, tenant: Tenant) -> Stories:
    return await Stories.build(await fetch_rows(client, tenant))


async def _without_cancelling(task: "asyncio.Task[T]") -> T:
    """Wait for something that others wait for as well."""
    return await asyncio.shield(task)


async def _first_found(
    catalogue: Coroutine[None, None, FoundStories], direct: Coroutine[None, None, FoundStories], seconds: float
) -> FoundStories:
    """Return what is found first, and end the other search.

    Tines's own search knows neither tags nor typos, so when it finds nothing the catalogue has until the end of the time
    to find something. When neither works, raises the error of the direct search, and `TimeoutError` when neither ends.
    """
    loop = asyncio.get_running_loop()
    surest, other = asyncio.ensure_future(catalogue), asyncio.ensure_future(direct)
    pending, nothing, until = {surest, other}, None, loop.time() + seconds
    try:
        while pending:
            done, pending = await asyncio.wait(
                pending, timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
            for task in done:
                try:
                    found = task.result()
                except TinesError:
                    continue
                if found.items or task is surest:
                    return found
                nothing = found
        if nothing is not None:
            return nothing
        if pending:
            raise TimeoutError
        return other.result()
    finally:
        for task in (surest, other):
            task.cancel()
        await asyncio.wait((surest, other))


def _found(team: TeamStories, query: str, limit: int, tag_limit: int) -> FoundStories:
    items, total = team.search(query, limit)
    return FoundStories(items=items, total=total, everything=len(team), tags=team.tags(query, tag_limit))
