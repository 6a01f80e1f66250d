"""Every operation of the Tines API that the bot uses, as a method with typed parameters and a typed answer.

It prevents requests put together in several places: the exact body of a create, `keep_stories` on every delete, and
pages followed by number are written down here, once. The facts are those of https://www.tines.com/api/.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Final, TypedDict, TypeVar, Unpack, cast

import httpx
from pydantic import SecretStr

from handlers.models import ApiCall, Team
from handlers.routes import Tenant
from handlers.tines._errors import TinesError
from handlers.tines._judge import Call
from handlers.tines._recorder import CallRecorder
from handlers.tines._transport import Param, Transport, read
from handlers.tines._wire import (
    PER_PAGE,
    Credential,
    CredentialsPage,
    DestinationsPage,
    Document,
    GlobalResource,
    Info,
    Page,
    ResourcesPage,
    StoriesPage,
    StorySyncInitiated,
    SyncDestination,
    SyncDestinationAnswer,
    SyncInitiated,
    TeamsPage,
    TinesStory,
)
from handlers.tines._words import clean

CHANGE_CONTROL_ENABLED: Final = "CHANGE_CONTROL_ENABLED"  # a value of `filter`: the stories that Tines would sync
_DESTINATIONS: Final = "/admin/sync_destinations"
P = TypeVar("P", bound=Page)
Item = TypeVar("Item", Team, TinesStory, SyncDestination)


class StoryQuery(TypedDict, total=False):
    """Which stories to list, in the API's own words; what is left out or None does not narrow."""

    team_id: int | None
    search: str | None  # matches names
    filter: str | None  # one of the API's words, such as `CHANGE_CONTROL_ENABLED`
    tags: str | None  # comma-separated
    order: str | None


class TinesCalls:
    """The operations on one tenant.

    Each raises a `TinesError`: `RefusedError`, `RetryableError` or, only for those that change something,
    `UnknownOutcomeError`.
    """

    def __init__(self, line: Transport) -> None:
        self._transport = line

    @property
    def alias(self) -> str:
        """Alias of the tenant that is called."""
        return self._transport.tenant

    @property
    def longest_call(self) -> float:
        """Seconds after which no single call of this client is under way any more."""
        return self._transport.timeouts.whole

    def while_allowed(self, may_leave: Callable[[], bool]) -> "TinesCalls":
        """Return the same operations for a send with a window: `may_leave` is asked right before the bytes would leave.

        After a no, nothing is sent, and the call raises `RetryableError`.
        """
        return TinesCalls(self._transport.while_allowed(may_leave))

    def recording(self, clock: Callable[[], datetime], record: Callable[[ApiCall], None]) -> "TinesCalls":
        """Return the same operations for work that is recorded: `note` is told what became of every HTTP call.

        Repeated ones, pages and calls that were given up included. `clock` gives the time (aware, UTC).
        """
        return TinesCalls(self._transport.recording(CallRecorder(clock, record)))

    # --- sync destinations ------------------------------------------------------------------------------------------

    async def create_destination(
        self,
        *,
        destination: Tenant,
        same_tenant: bool,
        destination_team_id: int,
        team_id: int,
        story_ids: Collection[int],
        manual: bool,
    ) -> SyncDestination:
        """Create a sync destination; Tines syncs the stories to it at once.

        There is no idempotency key: a repeated call makes a second one. The destination's key for publishing is sent only
        when it is another tenant, and `manual_sync_only` only when manual, so that older tenants accept the body.
        """
        body: dict[str, object] = {"destination_tenant_url": destination.url}
        secrets: tuple[SecretStr, ...] = ()
        if not same_tenant:
            secrets = (destination.key_for_publishing,)
            body["destination_tenant_api_key"] = destination.key_for_publishing.get_secret_value()
        body |= {"destination_team_id": destination_team_id, "team_id": team_id, "story_ids": list(story_ids)}
        if manual:
            body["manual_sync_only"] = True
        answer = await self._transport.send(SyncDestinationAnswer, "POST", _DESTINATIONS, body, secrets)
        return self._clean(answer.sync_destination, secrets)

    async def list_destinations(self) -> tuple[SyncDestination, ...]:
        """Return every sync destination of the tenant, each once."""
        pages = await self._all(DestinationsPage, _DESTINATIONS)
        return tuple(map(self._clean, _once(item for page in pages for item in page.sync_destinations)))

    async def probe_destinations(self) -> None:
        """Find out whether the key may see sync destinations: raises `RefusedError` when not."""
        await self._transport.get(DestinationsPage, _DESTINATIONS, {"per_page": 1})

    async def show_destination(self, destination_id: int) -> SyncDestination:
        """Return a sync destination with the status of each story as it is now."""
        answer = await self._transport.get(SyncDestinationAnswer, f"{_DESTINATIONS}/{destination_id}")
        return self._clean(answer.sync_destination)

    async def update_destination(self, destination_id: int, story_ids: Collection[int]) -> SyncDestination:
        """Replace the whole set of stories: those not named are taken out."""
        path = f"{_DESTINATIONS}/{destination_id}"
        answer = await self._transport.send(SyncDestinationAnswer, "PUT", path, {"story_ids": list(story_ids)})
        return self._clean(answer.sync_destination)

    async def delete_destination(self, destination_id: int, *, keep_stories: bool) -> None:
        """Delete a sync destination. Without `keep_stories` Tines deletes the copies as well, later and out of sight."""
        path = f"{_DESTINATIONS}/{destination_id}"
        await self._transport.request(_nothing, "DELETE", path, body={"keep_stories": keep_stories})

    async def sync_all(self, destination_id: int) -> bool:
        """Start a sync of every story; whether Tines started one. What became of it is seen with `show_destination`."""
        path = f"{_DESTINATIONS}/{destination_id}/manual_sync"
        return (await self._transport.send(SyncInitiated, "POST", path)).sync_initiated

    async def sync_story(self, destination_id: int, story_id: int) -> bool:
        """Start a sync of one story; whether Tines started one."""
        path = f"{_DESTINATIONS}/{destination_id}/story/{story_id}/sync"
        return (await self._transport.send(StorySyncInitiated, "POST", path)).story_sync_initiated

    # --- teams and stories ------------------------------------------------------------------------------------------

    async def teams(self) -> tuple[Team, ...]:
        """Return every team that the key may see."""
        pages = await self._all(TeamsPage, "/teams", {"scope": "standard"})
        return tuple(_once(team for page in pages for team in page.teams))

    async def team(self, team_id: int) -> Team:
        """Return one team; `RefusedError` (404) when it is not there or may not be seen."""
        return await self._transport.get(Team, f"/teams/{team_id}")

    async def stories_page(
        self, page: int = 1, *, per_page: int = PER_PAGE, **query: Unpack[StoryQuery]
    ) -> StoriesPage:
        """Return one page of stories, at most 500. A page past the end is empty."""
        return await self._page(StoriesPage, "/stories", _params(query), page, per_page)

    async def stories(self, **query: Unpack[StoryQuery]) -> tuple[TinesStory, ...]:
        """Return every story that fits, page after page."""
        pages = await self._all(StoriesPage, "/stories", _params(query))
        return tuple(_once(story for page in pages for story in page.stories))

    async def export(self, story_id: int) -> dict[str, object]:
        """Return the whole story as one JSON document; it names what it refers to, such as `CREDENTIAL.<slug>`."""
        return (await self._transport.get(Document, f"/stories/{story_id}/export")).root

    # --- what a preflight needs -------------------------------------------------------------------------------------

    async def info(self) -> Info:
        """Return what the tenant says about itself: a cheap sign that URL and key work."""
        return await self._transport.get(Info, "/info")

    async def user_credentials(self, team_id: int) -> tuple[Credential, ...]:
        """Return the credentials that a team may use, by slug; never their content."""
        pages = await self._all(CredentialsPage, "/user_credentials", {"team_id": team_id})
        return tuple(item for page in pages for item in page.user_credentials)

    async def global_resources(self, team_id: int) -> tuple[GlobalResource, ...]:
        """Return the resources that a team may use, by slug; their clear-text values are dropped unread."""
        pages = await self._all(ResourcesPage, "/global_resources", {"team_id": team_id})
        return tuple(item for page in pages for item in page.global_resources)

    # --- pages ------------------------------------------------------------------------------------------------------

    async def _page(
        self, answer: type[P], path: str, params: dict[str, Param | None], page: int, per_page: int = PER_PAGE
    ) -> P:
        """Return one page, having made sure that the next one is not one that was there already."""
        found = await self._transport.get(answer, path, params | {"page": page, "per_page": per_page})
        following = found.meta.next_page_number
        if following is not None and following <= page:
            raise self._transport.call("GET", path).unreadable(
                200, f"page {page} names page {following} as the next one"
            )
        return found

    async def _all(self, answer: type[P], path: str, params: dict[str, Param | None] | None = None) -> list[P]:
        """Return all pages, following `next_page_number` and never a URL from an answer."""
        pages: list[P] = []
        number: int | None = 1
        while number is not None:
            pages.append(await self._page(answer, path, params or {}, number))
            number = pages[-1].meta.next_page_number
        return pages

    def _clean(self, destination: SyncDestination, secrets: tuple[SecretStr, ...] = ()) -> SyncDestination:
        """Return the sync destination with error messages that are safe to show."""
        return destination.with_errors(lambda text: clean(text, (self._transport.key, *secrets)))


def _nothing(call: Call, response: httpx.Response) -> Document | TinesError | None:
    """Read an answer without a body: 204 is documented, and a page of something in between is not a yes."""
    return read(Document, call, response) if response.content.strip() else None


def _params(query: StoryQuery) -> dict[str, Param | None]:
    # a TypedDict is a dict, which mypy knows only as a Mapping of objects
    return cast("dict[str, Param | None]", dict(query))


def _once(items: Iterable[Item]) -> Iterable[Item]:
    """Return each once, the latest reading of it: pages shift while they are listed."""
    return {item.id: item for item in items}.values()
