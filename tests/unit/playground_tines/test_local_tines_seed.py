from datetime import UTC, datetime

import httpx

from bot.playground.tines import World, build_tines_app, create_destination, snapshot
from bot.playground.tines.seed import (
    DEV_KEY,
    DEV_READER_KEY,
    FAILING_STORY,
    PROD_KEY,
    PROD_PUBLISH_KEY,
    Seeded,
    many_stories,
    seeded,
)

NOW = datetime(2026, 8, 3, 12, tzinfo=UTC)


def _seeded() -> Seeded:
    example = seeded(World(clock=lambda: NOW))
    example.register("http://127.0.0.1:8001", "http://127.0.0.1:8002")
    return example


def test_the_example_is_realistic_and_the_same_every_time() -> None:
    """About sixty stories in several teams, some that cannot be synced, some with awkward names; ids never overlap."""
    example = _seeded()
    stories = list(example.dev.stories.values())
    assert 55 <= len(stories) <= 70
    assert len({story.team_id for story in stories}) == len(example.dev.teams) >= 5
    assert 3 <= len([story for story in stories if not story.change_control]) <= 10
    names = " ".join(story.name for story in stories)
    assert all(awkward in names for awkward in ("<!channel>", "&", "📋", "`code`", "سجل"))
    assert all(story.edited_at < NOW for story in stories)
    assert not set(example.dev.teams) & set(example.prod.teams)
    assert not set(example.dev.stories) & set(example.prod.stories)
    assert snapshot(_seeded().dev) == snapshot(example.dev)


def test_exactly_one_story_fails_for_want_of_a_credential() -> None:
    """Syncing every story of a team to prod with the publish key fails for one, which names the credential."""
    example = _seeded()
    team = next(iter(example.dev.teams))
    ids = [story.id for story in example.dev.stories.values() if story.team_id == team and story.change_control]
    destination = create_destination(
        example.dev,
        {
            "destination_tenant_url": "http://127.0.0.1:8002",
            "destination_tenant_api_key": PROD_PUBLISH_KEY,
            "destination_team_id": next(iter(example.prod.teams)),
            "team_id": team,
            "story_ids": ids,
        },
    )
    example.world.settle_all()
    failed = [s for s in destination.subscriptions.values() if s.status != "synced"]
    assert [(s.name, "CREDENTIAL.virustotal" in (s.error_message or "")) for s in failed] == [(FAILING_STORY, True)]
    assert example.dev.url == "http://127.0.0.1:8001"


async def test_the_keys_have_the_rights_that_their_names_say() -> None:
    """Owners see sync destinations on their tenant, the others do not."""
    example = _seeded()
    for tines, key, status in (
        (example.dev, DEV_KEY, 200),
        (example.dev, DEV_READER_KEY, 404),
        (example.prod, PROD_KEY, 200),
        (example.prod, PROD_PUBLISH_KEY, 404),
    ):
        transport = httpx.ASGITransport(build_tines_app(tines))
        async with httpx.AsyncClient(transport=transport, base_url=tines.url) as client:
            answer = await client.get("/api/v1/admin/sync_destinations", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == status


def test_many_stories_are_distinct_and_repeatable() -> None:
    """Thousands of stories have different names, and the same seed writes the same ones."""
    one, two = _seeded().dev, _seeded().dev
    team = next(iter(one.teams))
    many_stories(one, team, 5000, seed=3)
    many_stories(two, team, 5000, seed=3)
    assert one.stories == two.stories
    assert len({story.name for story in one.stories.values()}) == len(one.stories) > 5000


def test_a_world_on_the_system_clock_catches_up_by_itself() -> None:
    """Without a test's clock, time passes and syncs end; nothing waits forever."""
    world = World()
    example = seeded(world)
    done: list[int] = []
    world.schedule(0.5, lambda: done.append(2))
    world.schedule(0, lambda: done.append(1))
    assert (done, world.waiting) == ([1], 1)
    world.settle_all()
    assert (done, world.waiting) == ([1, 2], 0)
    assert example.dev.url == ""
