"""Every operation of the Tines API that the bot uses, as a method with typed parameters and a typed answer.

It prevents requests put together in several places: the exact body of a create, `keep_stories` on every delete, and
pages followed by number are written down here, once. The facts are those of https://www.tines.com/api/.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from typing import Final, TypedDict, TypeVar, Unpack, cast

from pydantic import SecretStr

from handlers.models import ApiCall, Team
from handlers.routes import Tenant
from handlers.tines._errors import Kind, RefusedError, TinesError
from handlers.tines._judge import Answer, Call
from handlers.tines._listing import Listing
from handlers.tines._reading import read_as, read_nothing
from handlers.tines._recorder import CallRecorder
from handlers.tines._transport import Param, Transport
from handlers.tines._wire import (
    MAX_PAGES,
    MAX_RECORDS,
    PER_PAGE,
    ChangeRequest,
    ChangeRequestsPage,
    Credential,
    CredentialsPage,
    DestinationsPage,
    Document,
    GlobalResource,
    Info,
    Page,
    Record,
    ResourcesPage,
    StoriesPage,
    StorySyncInitiated,
    SyncDestination,
    SyncDestinationAnswer,
    SyncInitiated,
    TeamsPage,
    TinesStory,
    TinesTeam,
)

CHANGE_CONTROL_ENABLED: Final = "CHANGE_CONTROL_ENABLED"  # a value of `filter`: the stories that Tines would sync
_DESTINATIONS: Final = "/admin/sync_destinations"
P = TypeVar("P", bound=Page)
R = TypeVar("R", bound=Record)
Told = TypeVar("Told", SyncDestinationAnswer, TinesTeam, TinesStory)


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
        return self._transport.endpoint.timeouts.whole

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
        return answer.sync_destination

    async def list_destinations(self) -> Listing[SyncDestination]:
        """Return every sync destination of the tenant, each once."""
        return await self._all(DestinationsPage, SyncDestination, _DESTINATIONS)

    async def probe_destinations(self) -> None:
        """Find out whether the key may see sync destinations: raises `RefusedError` when not."""
        await self._transport.get(DestinationsPage, _DESTINATIONS, {"per_page": 1})

    async def show_destination(self, destination_id: int) -> SyncDestination:
        """Return a sync destination with the status of each story as it is now."""
        reads = partial(_read_the, destination_id, SyncDestinationAnswer)
        return (await self._transport.request(reads, "GET", f"{_DESTINATIONS}/{destination_id}")).sync_destination

    async def update_destination(
        self,
        destination_id: int,
        story_ids: Collection[int] | None = None,
        *,
        manual_sync_only: bool | None = None,
        destination_tenant_api_key: SecretStr | None = None,
    ) -> SyncDestination:
        """Change a sync destination; what is None stays as it is.

        `story_ids` is the whole new set: those not named are taken out, so look right before. Tines does not document what
        happens to their copies.
        """
        body: dict[str, object] = {}
        secrets: tuple[SecretStr, ...] = ()
        if story_ids is not None:
            body["story_ids"] = list(story_ids)
        if manual_sync_only is not None:
            body["manual_sync_only"] = manual_sync_only
        if destination_tenant_api_key is not None:
            secrets = (destination_tenant_api_key,)
            body["destination_tenant_api_key"] = destination_tenant_api_key.get_secret_value()
        reads = partial(_read_the, destination_id, SyncDestinationAnswer)
        path = f"{_DESTINATIONS}/{destination_id}"
        return (await self._transport.request(reads, "PATCH", path, body=body, secrets=secrets)).sync_destination

    async def delete_destination(self, destination_id: int, *, keep_stories: bool) -> None:
        """Delete a sync destination. Without `keep_stories` Tines deletes the copies as well, later and out of sight."""
        path = f"{_DESTINATIONS}/{destination_id}"
        await self._transport.request(
            partial(read_nothing, Document), "DELETE", path, body={"keep_stories": keep_stories}
        )

    async def manual_sync(self, destination_id: int) -> bool:
        """Start a sync of every story; whether Tines started one. What became of it is seen with `show_destination`."""
        path = f"{_DESTINATIONS}/{destination_id}/manual_sync"
        return (await self._transport.send(SyncInitiated, "POST", path)).sync_initiated

    async def sync_story(self, destination_id: int, story_id: int) -> bool:
        """Start a sync of one story; whether Tines started one."""
        path = f"{_DESTINATIONS}/{destination_id}/story/{story_id}/sync"
        return (await self._transport.send(StorySyncInitiated, "POST", path)).story_sync_initiated

    # --- teams and stories ------------------------------------------------------------------------------------------

    async def teams(self) -> Listing[Team]:
        """Return every team that the key may see."""
        found = await self._all(TeamsPage, TinesTeam, "/teams", {"scope": "standard"})
        teams = (team.team() for team in found)
        return Listing.of(teams, unreadable=found.unreadable, complete=found.complete)

    async def team(self, team_id: int) -> Team:
        """Return one team; `RefusedError` (404) when it is not there or may not be seen."""
        reads = partial(_read_the, team_id, TinesTeam)
        return (await self._transport.request(reads, "GET", f"/teams/{team_id}")).team()

    async def stories_page(
        self, page: int = 1, *, per_page: int = PER_PAGE, **query: Unpack[StoryQuery]
    ) -> StoriesPage:
        """Return one page of stories, at most 500. A page past the end is empty."""
        return await self._page(StoriesPage, "/stories", _params(query), page, per_page)

    async def stories(self, **query: Unpack[StoryQuery]) -> Listing[TinesStory]:
        """Return every story that fits, page after page."""
        return await self._all(StoriesPage, TinesStory, "/stories", _params(query))

    async def story(self, story_id: int) -> TinesStory:
        """Return one story; `RefusedError` (404) when it is not there or may not be seen."""
        return await self._transport.request(partial(_read_the, story_id, TinesStory), "GET", f"/stories/{story_id}")

    async def export_story(self, story_id: int) -> dict[str, object]:
        """Return the whole story as one JSON document, fit to be compared with another export.

        It names what it refers to, such as `CREDENTIAL.<slug>`. The paths and secrets of its webhooks are in it, in clear
        text: replace them before anything is kept, hashed or shown.
        """
        query: dict[str, Param | None] = {"randomize_urls": "false", "clear_recipients": "true"}
        return (await self._transport.get(Document, f"/stories/{story_id}/export", query)).root

    # --- what a preflight needs -------------------------------------------------------------------------------------

    async def info(self) -> Info:
        """Return what the tenant says about itself: a cheap sign that URL and key work."""
        return await self._transport.get(Info, "/info")

    async def list_user_credentials(self, team_id: int) -> Listing[Credential]:
        """Return the credentials that a team may use, by slug; never their content."""
        return await self._all(CredentialsPage, Credential, "/user_credentials", {"team_id": team_id})

    async def list_global_resources(self, team_id: int) -> Listing[GlobalResource]:
        """Return the resources that a team may use, by slug; their clear-text values are dropped unread."""
        return await self._all(ResourcesPage, GlobalResource, "/global_resources", {"team_id": team_id})

    async def change_requests(
        self, team_id: int, statuses: Collection[str] = ("PENDING", "APPROVED", "IN_PROGRESS")
    ) -> Listing[ChangeRequest] | None:
        """Return the changes of a team's stories that are not live yet; None where the tenant does not know them.

        Tines shows the newest of each draft only.
        """
        query: dict[str, Param | None] = {"team_id[]": team_id, "status[]": tuple(statuses)}
        try:
            return await self._all(ChangeRequestsPage, ChangeRequest, "/change_requests", query)
        except RefusedError as error:
            if error.kind is Kind.MISSING:
                return None
            raise

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

    async def _all(
        self, answer: type[Page], record: type[R], path: str, params: dict[str, Param | None] | None = None
    ) -> Listing[R]:
        """Return the records of all pages, each once and in its latest reading: pages shift while they are listed.

        Ends when a page names no next one or brings nothing new, or when as much was read as Tines said there is.
        """
        found: dict[int | str, R] = {}
        unreadable = read = latest = 0
        number: int | None = 1
        while number is not None and len(found) < MAX_RECORDS:
            page, latest = await self._page(answer, path, params or {}, number), number
            known = len(found)
            found |= {each.key: each for each in page.records() if isinstance(each, record)}
            unreadable += page.unreadable
            read += len(page.records()) + page.unreadable
            number = page.meta.following(number, read) if len(found) > known else None
        complete = len(found) < MAX_RECORDS and latest < MAX_PAGES
        return Listing.of(found.values(), unreadable=unreadable, complete=complete)


async def _read_the(number: int, model: type[Told], call: Call, answer: Answer) -> Told | TinesError:
    """Read an answer about one thing; one about another, as a cache may give it, is not what was asked for."""
    read = await read_as(model, call, answer)
    if isinstance(read, TinesError) or read.id == number:
        return read
    return call.unreadable(answer.status, f"the answer is about number {read.id}")


def _params(query: StoryQuery) -> dict[str, Param | None]:
    # a TypedDict is a dict, which mypy knows only as a Mapping of objects
    return cast("dict[str, Param | None]", dict(query))
