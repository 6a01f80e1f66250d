"""Whoever types while a tenant's stories are still being loaded has an answer in time, and the right one."""

import asyncio
from contextlib import suppress

import pytest

from handlers.catalogue import Catalogue
from handlers.tines import Kind, RefusedError, RetryableError, TinesError
from tests.loading import load
from tests.unit.catalogue.conftest import FakeTenant, MakeCatalogue, ids, settle


async def test_tines_searches_while_the_catalogue_loads(catalogue: Catalogue, fake: FakeTenant) -> None:
    """Before the first load is done, Tines's own search answers, and the load goes on."""
    fake.holding.clear()
    found = await catalogue.search_stories("dev", 7, " phishing ", limit=1)
    assert ids(found) == [1]
    assert (found.total, found.everything, found.tags) == (2, 3, ())
    assert fake.calls("/stories", team_id="7", search="phishing", per_page="1", filter="CHANGE_CONTROL_ENABLED") == 1
    fake.holding.set()
    await settle()
    fake.direct_status = 500
    assert len((await catalogue.search_stories("dev", 7, "")).tags) == 3


async def test_a_refused_key_is_known_without_asking(catalogue: Catalogue, fake: FakeTenant) -> None:
    """What the latest load ended with is told at once: a refusal until a load works again, nothing that passes by itself."""
    assert catalogue.refusal("dev") is None
    for status, what in ((503, None), (401, "401: dev does not accept the bot's key"), (200, None)):
        fake.status = status
        with suppress(TinesError):
            await load(catalogue, "dev")
        problem = catalogue.refusal("dev")
        assert (problem.what if problem else None) == what
    assert not catalogue.has_no_story("dev")
    fake.stories = []
    await load(catalogue, "dev")
    assert catalogue.has_no_story("dev")


async def test_the_first_list_needs_one_direct_call(catalogue: Catalogue, fake: FakeTenant) -> None:
    """Without a query, one direct call gives both the list and the number of all stories."""
    fake.holding.clear()
    found = await catalogue.search_stories("dev", 7, "")
    assert (found.total, found.everything) == (3, 3)
    assert fake.calls("/stories", team_id="7") == 1


@pytest.mark.parametrize("status", [200, 500], ids=["slow", "failing"])
async def test_a_quick_load_wins(catalogue: Catalogue, fake: FakeTenant, status: int) -> None:
    """When the load is done before the direct search, or that fails, the answer comes from the catalogue."""
    fake.direct_status = status
    if status == 200:
        fake.direct_holding.clear()
    found = await catalogue.search_stories("dev", 7, "phsihing")
    assert found.total == 2
    assert fake.at_once == 0  # the search that lost was ended


@pytest.mark.parametrize(
    ("query", "found"), [("phsihing", [2, 1]), ("edr", [3]), ("3", [3])], ids=["typo", "tag", "id"]
)
async def test_what_only_the_catalogue_finds_is_waited_for(
    catalogue: Catalogue, fake: FakeTenant, query: str, found: list[int]
) -> None:
    """Tines's own search finds names only: its "nothing" is no answer while the catalogue may still be there in time."""
    fake.holding.clear()
    search = asyncio.create_task(catalogue.search_stories("dev", 7, query))
    await settle()
    assert fake.calls("/stories", team_id="7", search=query) == 1
    assert not search.done()
    fake.holding.set()
    assert ids(await search) == found


@pytest.mark.parametrize("load", ["slow", "failing"])
async def test_nothing_is_the_answer_when_the_catalogue_does_not_come(
    make_catalogue: MakeCatalogue, fake: FakeTenant, load: str
) -> None:
    """When the load does not end in time, or fails, what Tines's own search did not find is not there."""
    catalogue = make_catalogue(answer_within=0.05)
    if load == "slow":
        fake.holding.clear()
    else:
        fake.status = 500
    assert (await catalogue.search_stories("dev", 7, "xylophone")).total == 0


async def test_a_failed_load_leaves_the_direct_search(catalogue: Catalogue, fake: FakeTenant) -> None:
    """When the load fails, the direct search still answers, and the next search tries to load again."""
    fake.status = 500
    fake.direct_holding.clear()
    search = asyncio.create_task(catalogue.search_stories("dev", 7, "phish"))
    await settle()
    fake.direct_holding.set()
    assert (await search).total == 2
    await catalogue.search_stories("dev", 7, "phish")
    assert fake.calls("/stories", per_page="500") == 2


async def test_when_both_fail_tines_is_quoted(catalogue: Catalogue, fake: FakeTenant) -> None:
    """When neither works, the error says what Tines said."""
    fake.status = fake.direct_status = 401
    with pytest.raises(RefusedError) as stories:
        await catalogue.search_stories("dev", 7, "phish")
    with pytest.raises(RefusedError) as teams:
        await catalogue.search_teams("dev", "")
    assert stories.value.kind is teams.value.kind is Kind.KEY


async def test_an_answer_in_time_or_none(make_catalogue: MakeCatalogue, fake: FakeTenant) -> None:
    """A tenant that does not answer is given up in time, so that the form can say so; the load goes on."""
    catalogue = make_catalogue(answer_within=0.02)
    fake.holding.clear()
    fake.direct_holding.clear()
    with pytest.raises(RetryableError) as stories:
        await catalogue.search_stories("dev", 7, "phish")
    with pytest.raises(RetryableError) as teams:
        await catalogue.search_teams("dev", "")
    assert stories.value.kind is teams.value.kind is Kind.TIMEOUT
    assert stories.value.problem().what == "dev did not answer in time"
    fake.holding.set()
    await settle()
    assert (await catalogue.search_stories("dev", 7, "phish")).total == 2
    assert (await catalogue.search_teams("dev", "")).total == 2


async def test_who_gives_up_does_not_end_it_for_others(catalogue: Catalogue, fake: FakeTenant) -> None:
    """A search that is cancelled leaves the load to those who wait for it as well."""
    fake.holding.clear()
    impatient = asyncio.create_task(catalogue.search_teams("dev", ""))
    patient = asyncio.create_task(catalogue.search_teams("dev", "it"))
    await settle()
    impatient.cancel()
    await settle()
    fake.holding.set()
    assert (await patient).total == 1
    assert fake.calls("/teams") == 1
