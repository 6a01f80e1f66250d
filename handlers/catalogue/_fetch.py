"""Read a tenant's stories: pages several at a time, and only stories that Tines would sync.

It prevents a slow catalogue (a hundred pages one after the other) as well as a burst that the tenant would refuse.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Final

from handlers.catalogue._stock import Rows
from handlers.concurrency import side_by_side
from handlers.models import Story
from handlers.routes import Tenant
from handlers.tines import CHANGE_CONTROL_ENABLED, TinesCalls, TinesStory

AT_ONCE: Final = 8  # pages; far below 5,000 calls a minute, and enough to hide a tenant's latency


def syncable(tenant: Tenant, stories: Iterable[TinesStory]) -> Iterator[TinesStory]:
    """Yield those that may be offered; a tenant that does not know the filter still tells the field."""
    return (s for s in stories if not tenant.require_change_control or s.change_control_enabled is not False)


def filter_of(tenant: Tenant) -> str | None:
    """Return the filter for stories that may be offered."""
    return CHANGE_CONTROL_ENABLED if tenant.require_change_control else None


class _Reading:
    """One reading of a listing, page after page and side by side; each story that can be synced is given to `take`."""

    def __init__(
        self, client: TinesCalls, tenant: Tenant, team_id: int | None, take: Callable[[TinesStory], None]
    ) -> None:
        self.pages = 1
        self._client = client
        self._tenant = tenant
        self._team_id = team_id
        self._take = take
        self._last: tuple[int, int | None] = (0, None)  # the highest page read, and the one it names as the next

    async def page(self, number: int) -> None:
        """Read a page and keep what is needed of it at once: the whole tenant is never held as models."""
        found = await self._client.stories_page(number, team_id=self._team_id, filter=filter_of(self._tenant))
        for story in syncable(self._tenant, found.stories):
            self._take(story)
        self.pages = max(self.pages, found.meta.pages or 1)
        self._last = max(self._last, (number, found.meta.next_page_number), key=lambda last: last[0])

    async def several(self, numbers: Iterator[int]) -> None:
        """Read pages as long as there are numbers; several of these share them."""
        for number in numbers:
            await self.page(number)

    async def rest(self) -> None:
        """Read the pages that the last one names: there are such when stories were added meanwhile, or uncounted."""
        while (following := self._last[1]) is not None:
            await self.page(following)


async def fetch_rows(client: TinesCalls, tenant: Tenant, team_id: int | None = None) -> Rows:
    """Return the stories of a team, or of the whole tenant, that can be synced. Raises `TinesError`."""
    rows = Rows()
    await _read(_Reading(client, tenant, team_id, partial(rows.add, team_id=team_id)))
    return rows


async def fetch_stories(client: TinesCalls, tenant: Tenant, team_id: int, ids: Collection[int]) -> dict[int, Story]:
    """Return those of some stories of a team that can be synced, by id. Raises `TinesError`."""
    found: dict[int, Story] = {}
    wanted = frozenset(ids)

    def take(story: TinesStory) -> None:
        if story.id in wanted:
            found[story.id] = story.story()

    await _read(_Reading(client, tenant, team_id, take))
    return found


async def _read(reading: _Reading) -> None:
    """Read a listing: one call for each page of 500.

    The first page tells how many there are, the others are asked for side by side.
    """
    await reading.page(1)
    numbers = iter(range(2, reading.pages + 1))
    await side_by_side(*(reading.several(numbers) for _ in range(min(AT_ONCE, reading.pages - 1))))
    await reading.rest()
