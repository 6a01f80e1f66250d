"""What watching knows, on both databases: rows that come back as they were written, worst first, and nobody twice."""

from datetime import timedelta
from typing import Any

from handlers.jobs import WATCH, Job
from handlers.models import Problem, Team
from handlers.watching.known import Health, KnownDestination, KnownStory, Report, StandingMessage, Told

from .harness import MONDAY, StoreHarness

HOUR = timedelta(hours=1)


def known(number: int, health: Health = Health.SYNCED, hours: int = 0, **differs: Any) -> KnownDestination:  # noqa: ANN401 - fields
    """Return a destination that has had its health for some hours."""
    fields: dict[str, Any] = {
        "source": "dev",
        "id": number,
        "destination": "prod",
        "source_team": Team(id=7, name="SecOps"),
        "destination_team": Team(id=42, name="SecOps Production"),
        "manual": None,
        "health": health,
        "since": MONDAY - HOUR * hours,
        "first_seen": MONDAY - HOUR * 100,
        "last_seen": MONDAY - HOUR,
        "stories": (KnownStory(story_id=1, name="One", status="synced", since=MONDAY),),
    }
    return KnownDestination(**{**fields, **differs})


async def test_rows_come_back(harness: StoreHarness) -> None:
    """A destination and its stories are read as they were written, also the second time; a mute is nobody else's to lift."""
    store = harness.store()
    report = Report(source="dev", destination="prod", id=1, route="r", source_team="a", destination_team="b", at=MONDAY)
    told = Told(failed=(1, 2), standing=(StandingMessage(keys=("k",), report=report),), changed=(MONDAY,))
    first = known(1, told=told, created_by="TS-00000001")
    second = first.model_copy(
        update={
            "health": Health.FAILED,
            "manual": True,
            "stories": (KnownStory(story_id=1, name="Uno", status="failed", error="no", since=MONDAY),),
        }
    )
    for each in (first, second):
        async with store.transaction() as transaction:
            await transaction.destinations.put([each])
            await transaction.destinations.put_stories("dev", [(1, story) for story in each.stories])
            if each is first:
                await transaction.destinations.mute("dev", 1, until=MONDAY + HOUR, by="U0ADA", reason="known")
        async with store.reading() as reader:
            found = await reader.destinations.of("dev")
            bare = await reader.destinations.get("dev", 1)
            nothing = await reader.destinations.of("prod")
        muted = {"muted_until": MONDAY + HOUR, "muted_by": "U0ADA", "mute_reason": "known"}
        assert found == {1: each.model_copy(update=muted)}
        assert bare == each.model_copy(update={**muted, "stories": ()})
        assert nothing == {}
    async with store.transaction() as transaction:
        await transaction.destinations.seen("dev", MONDAY, but_not={2})
        await transaction.destinations.drop_stories("dev", 1, {1})
        assert (await transaction.destinations.of("dev"))[1].stories == ()
        assert (await transaction.destinations.of("dev"))[1].last_seen == MONDAY
        await transaction.destinations.drop("dev", 1)
        assert await transaction.destinations.of("dev") == {}


async def test_those_between_two_teams(harness: StoreHarness) -> None:
    """The destinations from one team to another are found, and none of another team, tenant or direction."""
    store = harness.store()
    other = Team(id=43, name="SecOps Production")
    async with store.transaction() as transaction:
        await transaction.destinations.put(
            [
                known(3),
                known(1),
                known(2, destination_team=other),
                known(4, destination="test"),
                known(5, source="test"),
            ]
        )
    async with store.reading() as reader:
        assert await reader.destinations.between(("dev", 7), ("prod", 42)) == (1, 3)
        assert await reader.destinations.between(("dev", 42), ("prod", 7)) == ()


async def test_the_worst_come_first(harness: StoreHarness) -> None:
    """Those that failed come first, the longest first; other directions are neither listed nor counted among them."""
    store = harness.store()
    rows = [
        known(1),
        known(2, Health.WAITING, 5),
        known(3, Health.FAILED, 1),
        known(4, Health.FAILED, 9),
        known(5, Health.BEHIND, 2),
        known(6, Health.FAILED, 99, destination="test"),
    ]
    async with store.transaction() as transaction:
        await transaction.destinations.put(rows)
    async with store.reading() as reader:
        page, total = await reader.destinations.worst([("dev", "prod")], limit=3)
        rest, _ = await reader.destinations.worst([("dev", "prod"), ("x", "y")], limit=3, offset=3)
        assert await reader.destinations.worst([], limit=3) == ((), 0)
        assert [each.id for each in (*page, *rest)] == [4, 3, 5, 2, 1]
        assert total == 5
        assert (await reader.destinations.counts())["dev", "prod", Health.FAILED] == 2
        assert await reader.destinations.oldest_failure() == MONDAY - HOUR * 99


async def test_tenants_are_looked_at_when_they_are_due(harness: StoreHarness) -> None:
    """Each watched tenant is due at once, then when its row says; one that is no longer watched is not, and is kept."""
    store = harness.store()
    for _ in range(2):
        async with store.transaction() as transaction:
            await transaction.destinations.watch({"dev": "https://dev.example", "test": "https://test.example"})
    assert set(await store.due()) == {Job(WATCH, "dev"), Job(WATCH, "test")}
    async with store.transaction() as transaction:
        await transaction.destinations.put([known(1)])
        await transaction.destinations.change_tenant(
            "dev", next_run_at=MONDAY + HOUR, rounds=1, problem=Problem(what="down"), told=["a", "b"]
        )
        await transaction.destinations.watch({"dev": "https://dev.example"})
    assert await store.due() == ()
    harness.now = MONDAY + HOUR
    assert await store.due() == (Job(WATCH, "dev"),)
    async with store.transaction() as transaction:
        locked = await transaction.destinations.locked("dev")
        assert locked is not None
        assert (locked.problem, locked.told, locked.rounds) == (Problem(what="down"), ("a", "b"), 1)
        assert len(await transaction.destinations.of("dev")) == 1


async def test_another_address_is_another_tenant(harness: StoreHarness) -> None:
    """What was known of a tenant is forgotten when its alias is given to another one: nothing there is old or new."""
    store = harness.store()
    async with store.transaction() as transaction:
        await transaction.destinations.watch({"dev": "https://dev.example"})
        await transaction.destinations.put([known(1)])
        await transaction.destinations.change_tenant("dev", looked_at=MONDAY)
    async with store.transaction() as transaction:
        await transaction.destinations.watch({"dev": "https://other.example"})
    async with store.reading() as reader:
        tenant = await reader.destinations.tenant("dev")
        assert tenant is not None
        assert (tenant.origin, tenant.looked_at) == ("https://other.example", None)
        assert await reader.destinations.of("dev") == {}
