"""Listings are read to their end by page number, and never by an address from an answer."""

import httpx
import pytest
import respx

from handlers.tines import Kind, RefusedError, TinesClient


def listing(number: int, following: int | None) -> httpx.Response:
    """Return a page whose addresses lead to somebody else."""
    destination = {"id": number, "destination_team_id": 1, "origin_team_id": 2, "subscriptions": []}
    evil = f"https://evil.example/api/v1/admin/sync_destinations?page={number + 1}"
    meta = {"current_page": "https://evil.example", "next_page": evil, "next_page_number": following, "count": 3}
    return httpx.Response(200, json={"sync_destinations": [destination], "meta": meta})


async def test_all_pages_by_number(client: TinesClient, tines: respx.MockRouter) -> None:
    """Every page is asked for by number, at 500 a page, on the tenant's own host only."""
    pages = {"1": listing(1, 2), "2": listing(2, 3), "3": listing(3, None)}
    route = tines.get("/admin/sync_destinations").mock(side_effect=lambda request: pages[request.url.params["page"]])
    found = await client.list_destinations()
    assert [destination.id for destination in found] == [1, 2, 3]
    assert {call.request.url.host for call in route.calls} == {"dev.tines.example"}
    assert [dict(call.request.url.params) for call in route.calls] == [
        {"page": page, "per_page": "500"} for page in ("1", "2", "3")
    ]


async def test_an_item_that_shifted_counts_once(client: TinesClient, tines: respx.MockRouter) -> None:
    """What turns up on two pages, because something was added meanwhile, is returned once."""
    pages = {"1": listing(1, 2), "2": listing(1, None)}
    tines.get("/admin/sync_destinations").mock(side_effect=lambda request: pages[request.url.params["page"]])
    assert [destination.id for destination in await client.list_destinations()] == [1]


async def test_no_meta_is_the_only_page(client: TinesClient, tines: respx.MockRouter) -> None:
    """A listing without `meta` is one page."""
    route = tines.get("/teams").respond(json={"teams": [{"id": 1, "name": "A"}]})
    assert len(await client.teams()) == 1
    assert route.call_count == 1


async def test_pages_in_a_circle_end(client: TinesClient, tines: respx.MockRouter) -> None:
    """A page that names itself or an earlier one as the next is an error, not an endless loop or half a list."""
    pages = {"1": listing(1, 2), "2": listing(2, 1)}
    tines.get("/admin/sync_destinations").mock(side_effect=lambda request: pages[request.url.params["page"]])
    with pytest.raises(RefusedError) as caught:
        await client.list_destinations()
    assert caught.value.kind is Kind.UNREADABLE
    assert "page 2 names page 1" in caught.value.words
