"""Listings are read to their end by page number, and never by an address from an answer."""

from collections.abc import Callable

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


def endless(
    records: Callable[[int], list[dict[str, object]]], **meta: object
) -> Callable[[httpx.Request], httpx.Response]:
    """Return a tenant whose every page of teams names a next one."""

    def answer(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        return httpx.Response(200, json={"teams": records(page), "meta": {"next_page_number": page + 1, **meta}})

    return answer


async def test_a_page_that_brings_nothing_new_is_the_last(client: TinesClient, tines: respx.MockRouter) -> None:
    """A tenant that repeats its records for ever is asked once more, and no further."""
    route = tines.get("/teams").mock(side_effect=endless(lambda _: [{"id": 1, "name": "A"}]))
    found = await client.teams()
    assert [team.id for team in found] == [1]
    assert (route.call_count, found.whole) == (2, True)


async def test_empty_pages_end(client: TinesClient, tines: respx.MockRouter) -> None:
    """A tenant that names a next page behind an empty one is not asked for it."""
    route = tines.get("/teams").mock(side_effect=endless(lambda _: []))
    assert await client.teams() == ()
    assert route.call_count == 1


async def test_odd_records_alone_are_nothing_new(client: TinesClient, tines: respx.MockRouter) -> None:
    """Pages that hold only what cannot be read end as well, and say so."""
    route = tines.get("/teams").mock(side_effect=endless(lambda _: [{"id": None}]))
    found = await client.teams()
    assert (found, found.unreadable, found.whole) == ((), 1, False)
    assert route.call_count == 1


@pytest.mark.parametrize("meta", [{"pages": 3}, {"count": 3}], ids=str)
async def test_no_more_is_read_than_there_is_said_to_be(
    client: TinesClient, tines: respx.MockRouter, meta: dict[str, object]
) -> None:
    """A tenant that names a next page for ever is read as far as its own count of pages or records goes."""
    route = tines.get("/teams").mock(side_effect=endless(lambda page: [{"id": page}], **meta))
    assert len(await client.teams()) == 3
    assert route.call_count == 3


async def test_no_more_than_a_thousand_pages_are_read(client: TinesClient, tines: respx.MockRouter) -> None:
    """Paging that brings something new for ever ends after 1,000 pages."""
    route = tines.get("/teams").mock(side_effect=endless(lambda page: [{"id": page}]))
    found = await client.teams()
    assert (len(found), found.complete) == (1_000, False)
    assert route.call_count == 1_000


async def test_a_listing_that_is_too_long_says_so(client: TinesClient, tines: respx.MockRouter) -> None:
    """More than 100,000 records of one listing are not held, and the listing tells that it is not whole."""
    everything = [{"id": number} for number in range(100_500)]
    tines.get("/teams").respond(json={"teams": everything, "meta": {"next_page_number": 2}})
    found = await client.teams()
    assert (len(found), found.unreadable) == (100_000, 500)
    assert (found.complete, found.whole) == (False, False)


@pytest.mark.parametrize(
    "meta",
    [None, [], "x", {}, {"next_page_number": "x"}, {"next_page_number": []}, {"next_page_number": True}],
    ids=str,
)
async def test_a_meta_that_makes_no_sense_names_no_page(
    client: TinesClient, tines: respx.MockRouter, meta: object
) -> None:
    """A `meta` that cannot be understood is as good as none."""
    route = tines.get("/teams").respond(json={"teams": [{"id": 1, "name": "A"}], "meta": meta})
    assert len(await client.teams()) == 1
    assert route.call_count == 1


async def test_a_page_number_may_be_text(client: TinesClient, tines: respx.MockRouter) -> None:
    """A next page that is named as text is a page."""
    pages = {"1": {"teams": [{"id": 1}], "meta": {"next_page_number": "2", "pages": "2"}}, "2": {"teams": [{"id": 2}]}}
    tines.get("/teams").mock(side_effect=lambda request: httpx.Response(200, json=pages[request.url.params["page"]]))
    assert [team.id for team in await client.teams()] == [1, 2]
