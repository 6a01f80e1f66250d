"""A tenant with teams and stories whose answers can be held back, and a catalogue of it with a clock of its own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

import httpx
import pytest

from handlers.catalogue import Catalogue, FoundStories
from handlers.routes import Tenant
from handlers.tines import RetryPolicy, TinesClient


def a_story(number: int, name: str, **more: object) -> dict[str, object]:
    """Return a story as the API lists it."""
    edited = f"2026-08-01T10:{number % 60:02}:00Z"
    return {
        "id": number,
        "name": name,
        "team_id": 7,
        "tags": [],
        "edited_at": edited,
        "change_control_enabled": True,
    } | more


async def settle() -> None:
    """Let everything that can go on go on."""
    for _ in range(200):
        await asyncio.sleep(0)


def ids(found: FoundStories) -> list[int]:
    """Return the ids of what was found, in order."""
    return [story.id for story in found.items]


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: float = 1_000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@dataclass
class FakeTenant:
    """Answers `/teams` and `/stories` with pages, search and filter, as the API documents them."""

    teams: list[dict[str, object]] = field(default_factory=list)
    stories: list[dict[str, object]] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)
    status: int = 200  # what it answers with
    direct_status: int = 200  # the same for a search, or a listing of less than 500
    holding: asyncio.Event = field(default_factory=asyncio.Event)  # clear: listings of the whole tenant wait
    direct_holding: asyncio.Event = field(default_factory=asyncio.Event)  # clear: everything else waits
    at_once: int = 0
    most_at_once: int = 0
    broken_page: str = ""  # number of a page that is refused
    filters: bool = True  # whether it knows the filter for change control
    counts: bool = True  # whether it tells the number of pages

    def __post_init__(self) -> None:
        """Hold nothing back at first."""
        self.holding.set()
        self.direct_holding.set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a call."""
        self.seen.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            whole = request.url.params.get("per_page") == "500" and "team_id" not in request.url.params
            await (self.holding if whole else self.direct_holding).wait()
            await asyncio.sleep(0)
            status = self.status if whole else self.direct_status
            if request.url.params.get("page") == self.broken_page:
                status = httpx.codes.FORBIDDEN
            if status != httpx.codes.OK:
                return httpx.Response(status)
            return self._answer(request)
        finally:
            self.at_once -= 1

    def _answer(self, request: httpx.Request) -> httpx.Response:
        *_, kind = request.url.path.split("/")
        if kind == "teams":
            return self._page(request, "teams", self.teams)
        if kind == "stories":
            return self._page(request, "stories", [s for s in self.stories if self._fits(s, request.url.params)])
        found = [team for team in self.teams if str(team["id"]) == kind]
        return httpx.Response(200, json=found[0]) if found else httpx.Response(404)

    def _fits(self, story: dict[str, object], params: httpx.QueryParams) -> bool:
        team = params.get("team_id") in {None, str(story["team_id"])}
        named = params.get("search", "").lower() in str(story["name"]).lower()
        filtered = self.filters and params.get("filter") == "CHANGE_CONTROL_ENABLED"
        return team and named and (not filtered or bool(story.get("change_control_enabled", True)))

    def _page(self, request: httpx.Request, kind: str, items: list[dict[str, object]]) -> httpx.Response:
        page, size = int(request.url.params["page"]), int(request.url.params["per_page"])
        pages = -(-len(items) // size)
        meta: dict[str, object] = {"next_page_number": page + 1 if page < pages else None}
        if self.counts:
            meta |= {"pages": pages, "count": len(items)}
        return httpx.Response(200, json={kind: items[(page - 1) * size : page * size], "meta": meta})

    def calls(self, path: str, **params: str) -> int:
        """Return how often a path was called with these parameters."""
        return sum(
            request.url.path.endswith(path) and all(request.url.params.get(n) == v for n, v in params.items())
            for request in self.seen
        )


class MakeCatalogue(Protocol):
    """Builds a catalogue of the tenant; closed at the end of the test."""

    def __call__(self, *, answer_within: float = 5.0, require_change_control: bool = True) -> Catalogue:
        """Return it."""
        ...


@pytest.fixture
def clock() -> Clock:
    """Return the clock that the catalogue goes by."""
    return Clock()


@pytest.fixture
def fake() -> FakeTenant:
    """Return a tenant with two teams and a handful of stories."""
    return FakeTenant(
        teams=[{"id": 7, "name": "SecOps"}, {"id": 8, "name": "IT"}],
        stories=[
            a_story(1, "Phishing triage", tags=["email", "p1"]),
            a_story(2, "Phishing report"),
            a_story(3, "Isolate endpoint", tags=["edr", "p1"]),
            a_story(4, "Draft", change_control_enabled=False),
            a_story(5, "Onboard employee", team_id=8),
        ],
    )


@pytest.fixture
async def make_catalogue(fake: FakeTenant, clock: Clock) -> AsyncIterator[MakeCatalogue]:
    """Return a maker of catalogues of the tenant."""
    made: list[tuple[Catalogue, TinesClient]] = []

    def make(*, answer_within: float = 5.0, require_change_control: bool = True) -> Catalogue:
        tenant = Tenant.model_validate(
            {
                "alias": "dev",
                "url": "https://dev.example",
                "api_key": "dev-key-0123456789",
                "require_change_control": require_change_control,
            }
        )
        client = TinesClient(tenant, transport=httpx.MockTransport(fake), retry_policy=RetryPolicy(attempts=1))
        catalogue = Catalogue({"dev": client}, {"dev": tenant}, clock=clock, answer_within=answer_within)
        made.append((catalogue, client))
        return catalogue

    yield make
    for catalogue, client in made:
        await catalogue.close()
        await client.aclose()


@pytest.fixture
def catalogue(make_catalogue: MakeCatalogue) -> Catalogue:
    """Return a catalogue of the tenant that knows nothing yet."""
    return make_catalogue()
