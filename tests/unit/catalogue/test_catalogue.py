"""A form can be filled in at the speed of typing, whatever the tenant does, and nothing is offered that is not synced."""

import asyncio
from datetime import UTC, datetime

import pytest

from handlers.catalogue import Catalogue, FoundStories, tag_key
from handlers.catalogue._stock import Rows, Stories
from handlers.models import Story, Team
from handlers.tines import Kind, RefusedError, RetryableError, TinesError, TinesStory
from tests.loading import load
from tests.unit.catalogue.conftest import Clock, FakeTenant, MakeCatalogue, a_story, ids, settle

# --- searching --------------------------------------------------------------------------------------------------------


async def test_teams_are_found(catalogue: Catalogue) -> None:
    """Teams are found by name, with typos, and by id; without a query they come by name."""
    assert (await catalogue.search_teams("dev", "")).items == (Team(id=8, name="IT"), Team(id=7, name="SecOps"))
    assert (await catalogue.search_teams("dev", "sceops")).items == (Team(id=7, name="SecOps"),)
    assert (await catalogue.search_teams("dev", "8")).items[0].id == 8
    limited = await catalogue.search_teams("dev", "", limit=1)
    assert (len(limited.items), limited.total) == (1, 2)


async def test_stories_are_found(catalogue: Catalogue) -> None:
    """Stories of the team are found by name, with typos, by tag and by id; without a query the latest edited comes first."""
    await load(catalogue, "dev")
    found = await catalogue.search_stories("dev", 7, "")
    assert ids(found) == [3, 2, 1]
    assert (found.total, found.everything) == (3, 3)
    assert found.items[2] == Story(
        id=1, name="Phishing triage", tags=("email", "p1"), edited_at=datetime(2026, 8, 1, 10, 1, tzinfo=UTC)
    )
    assert ids(await catalogue.search_stories("dev", 7, "phsihing")) == [2, 1]
    assert ids(await catalogue.search_stories("dev", 7, "edr")) == [3]
    assert ids(await catalogue.search_stories("dev", 7, "2")) == [2]
    assert ids(await catalogue.search_stories("dev", 8, "")) == [5]


async def test_an_id_typed_in_full_comes_first(catalogue: Catalogue, fake: FakeTenant) -> None:
    """An id wins over names and longer ids that hold the same digits."""
    fake.stories = [a_story(12, "A"), a_story(123, "B"), a_story(900, "12 monkeys")]
    await load(catalogue, "dev")
    found = await catalogue.search_stories("dev", 7, " 12 ")
    assert ids(found) == [12, 900, 123]
    assert ids(await catalogue.search_stories("dev", 7, "12", limit=1)) == [12]


async def test_stories_without_a_time_come_last(catalogue: Catalogue, fake: FakeTenant) -> None:
    """A story whose edits Tines does not tell stands behind the others, and equal ones by id."""
    fake.stories = [a_story(4, "D", edited_at=None), a_story(3, "C", edited_at=None), a_story(2, "B"), a_story(1, "A")]
    await load(catalogue, "dev")
    assert ids(await catalogue.search_stories("dev", 7, "")) == [2, 1, 3, 4]


async def test_tags_are_counted(catalogue: Catalogue) -> None:
    """Matching tags come with the number of stories that can be synced and a key that is short."""
    await load(catalogue, "dev")
    tags = (await catalogue.search_stories("dev", 7, "")).tags
    assert [(tag.tag, tag.count) for tag in tags] == [("p1", 2), ("edr", 1), ("email", 1)]
    matching = (await catalogue.search_stories("dev", 7, "P")).tags
    assert [(tag.tag, tag.key) for tag in matching] == [("p1", tag_key("p1"))]
    assert len((await catalogue.search_stories("dev", 7, "", tag_limit=1)).tags) == 1
    assert (await catalogue.search_stories("dev", 8, "")).tags == ()


async def test_what_begins_with_the_query_is_the_first_tag(catalogue: Catalogue, fake: FakeTenant) -> None:
    """Among tags one that begins with the query comes before a more frequent one that only holds it."""
    fake.stories = [a_story(1, "A", tags=["siem alert"]), a_story(2, "B", tags=["siem alert", "alert"])]
    await load(catalogue, "dev")
    tags = (await catalogue.search_stories("dev", 7, "alert")).tags
    assert [tag.tag for tag in tags] == ["alert", "siem alert"]


async def test_only_stories_with_change_control(make_catalogue: MakeCatalogue, fake: FakeTenant) -> None:
    """A story without change control is neither offered nor counted, unless the tenant lifts the rule."""
    strict, loose = make_catalogue(), make_catalogue(require_change_control=False)
    await load(strict, "dev")
    assert fake.calls("/stories", filter="CHANGE_CONTROL_ENABLED") == 1
    assert 4 not in ids(await strict.search_stories("dev", 7, ""))
    await load(loose, "dev")
    assert fake.calls("/stories", filter="CHANGE_CONTROL_ENABLED") == 1
    assert 4 in ids(await loose.search_stories("dev", 7, ""))


async def test_a_tenant_that_ignores_the_filter(catalogue: Catalogue, fake: FakeTenant) -> None:
    """A story that says it has no change control is left out even if the tenant lists it."""
    fake.filters = False
    fake.stories = [a_story(1, "A", change_control_enabled=None), a_story(2, "B", change_control_enabled=False)]
    await load(catalogue, "dev")
    assert ids(await catalogue.search_stories("dev", 7, "")) == [1]


async def test_a_team_that_has_none(catalogue: Catalogue) -> None:
    """A team without stories has an empty list, not an error."""
    await load(catalogue, "dev")
    assert await catalogue.search_stories("dev", 99, "x") == FoundStories(items=(), total=0, everything=0)


# --- loading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [True, False], ids=["pages counted", "pages not counted"])
async def test_calls_of_a_large_tenant(catalogue: Catalogue, fake: FakeTenant, *, counts: bool) -> None:
    """A load takes one call for 500 stories and one for the teams, several at a time but not too many."""
    fake.counts = counts
    fake.stories = [a_story(number, f"Story {number}") for number in range(1, 5_501)]
    await load(catalogue, "dev")
    assert (fake.calls("/stories"), fake.calls("/teams")) == (11, 1)
    assert fake.most_at_once == (8 if counts else 1)
    assert (await catalogue.search_stories("dev", 7, "")).everything == 5_500


async def test_a_story_listed_twice_counts_once(catalogue: Catalogue, fake: FakeTenant) -> None:
    """A story that shifted to another page while they were read is there once."""
    fake.stories = [a_story(number, "A") for number in range(1, 501)] + [a_story(500, "A")]
    await load(catalogue, "dev")
    assert (await catalogue.search_stories("dev", 7, "")).everything == 500


async def test_a_story_of_no_team_is_left_out(catalogue: Catalogue, fake: FakeTenant) -> None:
    """A story that does not say whose it is cannot be offered, and does not spoil the others."""
    fake.stories = [a_story(1, "A", team_id=None), a_story(2, "B")]
    await load(catalogue, "dev")
    assert ids(await catalogue.search_stories("dev", 7, "")) == [2]


async def test_others_go_on_while_it_is_indexed() -> None:
    """Indexing gives way to other work every few hundred stories."""
    rows = Rows()
    for number in range(2_500):
        rows.add(TinesStory(id=number, name=f"Story {number}", team_id=7))
    building = asyncio.create_task(Stories.build(rows))
    turns = 0
    while not building.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 10
    assert len((await building).of(7)) == 2_500


async def test_many_who_type_cause_one_load(catalogue: Catalogue, fake: FakeTenant) -> None:
    """However many people search at once, the tenant is read once."""
    found = await asyncio.gather(*(catalogue.search_teams("dev", "it") for _ in range(20)))
    assert {one.total for one in found} == {1}
    fake.direct_holding.clear()
    stories = await asyncio.gather(*(catalogue.search_stories("dev", 7, "phish") for _ in range(20)))
    assert {one.total for one in stories} == {2}
    assert fake.calls("/teams") == 1
    assert fake.calls("/stories", per_page="500") == 1


async def test_warming_loads_before_anybody_types(catalogue: Catalogue, fake: FakeTenant) -> None:
    """A warmed catalogue answers from memory; only teams are warmed when only they are wanted."""
    catalogue.warm("dev", stories=False)
    await settle()
    assert (fake.calls("/teams"), fake.calls("/stories")) == (1, 0)
    catalogue.warm("dev")
    catalogue.warm("dev")
    await settle()
    fake.status = fake.direct_status = 500
    assert (await catalogue.search_stories("dev", 7, "phish")).total == 2
    assert (fake.calls("/teams"), fake.calls("/stories")) == (1, 1)


async def test_old_answers_while_new_ones_are_fetched(catalogue: Catalogue, fake: FakeTenant, clock: Clock) -> None:
    """Past its freshness the old answer is given at once, one renewal runs, and the next answer is new."""
    await load(catalogue, "dev")
    fake.stories.append(a_story(6, "Phishing takedown"))
    clock.now += 59
    assert (await catalogue.search_stories("dev", 7, "phish")).total == 2
    assert fake.calls("/stories") == 1
    clock.now += 1
    fake.holding.clear()
    for _ in range(5):
        assert (await catalogue.search_stories("dev", 7, "phish")).total == 2
    fake.holding.set()
    await settle()
    assert (await catalogue.search_stories("dev", 7, "phish")).total == 3
    assert fake.calls("/stories") == 2


async def test_teams_are_renewed_as_well(catalogue: Catalogue, fake: FakeTenant, clock: Clock) -> None:
    """Teams, too, are answered from memory and renewed behind it."""
    await load(catalogue, "dev")
    fake.teams.append({"id": 9, "name": "Legal"})
    clock.now += 60
    assert (await catalogue.search_teams("dev", "legal")).total == 0
    await settle()
    assert (await catalogue.search_teams("dev", "legal")).total == 1


async def test_a_tenant_that_is_down_is_left_in_peace(catalogue: Catalogue, fake: FakeTenant, clock: Clock) -> None:
    """While renewals fail, old answers go on being given, and the tenant is asked again only after a pause."""
    await load(catalogue, "dev")
    fake.status = 503
    clock.now += 60
    for _ in range(5):
        assert (await catalogue.search_stories("dev", 7, "phish")).total == 2
        await settle()
    assert fake.calls("/stories") == 2
    fake.status = 200
    clock.now += 5
    await catalogue.search_stories("dev", 7, "")
    await settle()
    assert fake.calls("/stories") == 3


# --- when it matters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loaded", [True, False], ids=["from memory", "from Tines"])
@pytest.mark.parametrize(
    ("everything", "tags", "named", "meant"),
    [
        (True, [], [], [3, 2, 1]),
        (True, ["p1"], [2, 99], [3, 2, 1]),
        (False, ["p1"], [], [3, 1]),
        (False, ["p1", "edr"], [3, 2], [3, 2, 1]),
        (False, [], [2, 5, 4, 99], [2]),  # of another team, without change control, not there
        (False, ["unknown"], [], []),
    ],
)
async def test_what_was_chosen_is_resolved(
    catalogue: Catalogue,
    *,
    loaded: bool,
    everything: bool,
    tags: list[str],
    named: list[int],
    meant: list[int],
) -> None:
    """All, those with a tag and those named are put together, each once, by name, and only what can be synced."""
    if loaded:
        await load(catalogue, "dev")
    keys = [tag_key(tag) for tag in tags]
    found = await catalogue.resolve("dev", 7, everything=everything, tag_keys=keys, ids=named, deadline=5.0)
    assert [story.id for story in found] == meant


async def test_resolving_from_fresh_memory_asks_nobody(catalogue: Catalogue, fake: FakeTenant, clock: Clock) -> None:
    """A fresh catalogue resolves by itself; one that is not asks Tines for the team alone."""
    await load(catalogue, "dev")
    await catalogue.resolve("dev", 7, everything=True, tag_keys=(), ids=(), deadline=None)
    assert fake.calls("/stories") == 1
    clock.now += 60
    fake.stories.append(a_story(6, "New"))
    found = await catalogue.resolve("dev", 7, everything=True, tag_keys=(), ids=(), deadline=None)
    assert 6 in [story.id for story in found]
    assert fake.calls("/stories", team_id="7", filter="CHANGE_CONTROL_ENABLED") == 1


async def test_resolving_ends_in_time(catalogue: Catalogue, fake: FakeTenant) -> None:
    """Whoever waits for a resolution gets an error when the time is up."""
    fake.direct_holding.clear()
    with pytest.raises(RetryableError) as caught:
        await catalogue.resolve("dev", 7, everything=True, tag_keys=(), ids=(), deadline=0.02)
    assert caught.value.kind is Kind.TIMEOUT


async def test_current_is_what_tines_says_now(catalogue: Catalogue, fake: FakeTenant) -> None:
    """The state of stories now comes from Tines even if the catalogue is fresh, all pages of the team, syncable ones only."""
    await load(catalogue, "dev")
    fake.stories = [a_story(number, f"Story {number}") for number in range(1, 1_201)]
    fake.stories[1]["change_control_enabled"] = False
    now = await catalogue.current("dev", 7, [1, 2, 1_200, 5_000])
    assert {story_id: story.name for story_id, story in now.items()} == {1: "Story 1", 1_200: "Story 1200"}
    assert fake.calls("/stories", team_id="7", per_page="500") == 3


async def test_a_listing_of_a_team_may_leave_the_team_out(catalogue: Catalogue, fake: FakeTenant) -> None:
    """Stories that do not repeat the team they were asked for by belong to it all the same."""
    fake.stories = [{"id": 1, "name": "A", "team_id": 7}]
    now = await catalogue.current("dev", 7, [1])
    assert now == {1: Story(id=1, name="A")}


async def test_an_error_on_one_page_is_an_error(catalogue: Catalogue, fake: FakeTenant) -> None:
    """Half a listing is never taken for a whole one, and what went wrong is told as it is."""
    fake.direct_status = 403
    with pytest.raises(TinesError) as caught:
        await catalogue.current("dev", 7, [1])
    assert caught.value.status == 403


async def test_an_error_on_a_later_page_is_an_error(catalogue: Catalogue, fake: FakeTenant) -> None:
    """The same when it is one of the pages that are read side by side."""
    fake.stories = [a_story(number, "A") for number in range(1, 3_001)]
    fake.broken_page = "4"
    with pytest.raises(RefusedError) as caught:
        await catalogue.current("dev", 7, [1])
    assert caught.value.status == 403
    await settle()
    assert fake.at_once == 0


async def test_the_team_now(catalogue: Catalogue, fake: FakeTenant) -> None:
    """A team is looked up on Tines; gone is None, and any other trouble is an error."""
    assert await catalogue.team_now("dev", 7) == Team(id=7, name="SecOps")
    assert await catalogue.team_now("dev", 99) is None
    fake.direct_status = 401
    with pytest.raises(RefusedError):
        await catalogue.team_now("dev", 7)


async def test_teams_from_memory(catalogue: Catalogue, fake: FakeTenant, clock: Clock) -> None:
    """Teams can be looked up without asking anybody as long as what is known is fresh, else not at all."""
    assert catalogue.cached_teams("dev") is None
    await load(catalogue, "dev")
    calls = len(fake.seen)
    teams = catalogue.cached_teams("dev")
    assert teams is not None
    assert teams[8] == Team(id=8, name="IT")
    assert len(fake.seen) == calls
    clock.now += 60
    assert catalogue.cached_teams("dev") is None


async def test_closing_ends_what_is_under_way(catalogue: Catalogue, fake: FakeTenant) -> None:
    """After closing nothing runs on, and closing what never ran is no error."""
    fake.holding.clear()
    catalogue.warm("dev")
    await settle()
    assert fake.at_once == 2
    await catalogue.close()
    assert fake.at_once == 0
    await catalogue.close()
