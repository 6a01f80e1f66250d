"""Days of a watched tenant, on a clock that the test moves: what changes on Tines is told once, where it belongs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.playground.actor import Actor
from bot.playground.launch import GENERAL, RINA, SECOPS, Setup
from bot.playground.tines import Fault, Kind, delete_destination, update_destination
from bot.playground.tines.records import Destination
from handlers.models import Request, State
from handlers.routes import Watch, Weekly
from handlers.watching.known import KnownTenant
from handlers.watching.round import Watcher

from .harness import OTHER_STORY, SHORT_TIMES, STORY, FlowHarness, database, opened, result_of, until

EVERY = timedelta(minutes=10)
WATCH = Watch(every=EVERY, behind_after=timedelta(hours=1))


class Clock:
    """The time, and what a test adds to it."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the time as the bot sees it."""
        return datetime.now(UTC) + self.ahead


class Watching:
    """A playground that is watched, look by look."""

    def __init__(self, harness: FlowHarness, clock: Clock) -> None:
        self.harness = harness
        self.clock = clock

    async def tenant(self) -> KnownTenant:
        """Return how watching goes."""
        async with self.harness.playground.bot.store.reading() as reader:
            found = await reader.destinations.tenant("dev")
        assert found is not None
        return found

    async def later(self, after: timedelta = EVERY * 1.2) -> None:
        """Let time pass, wait until the tenant was looked at, and until everything that there is to say is said."""
        due = (await self.tenant()).next_run_at
        self.clock.ahead += after

        async def looked() -> bool:
            return (await self.tenant()).next_run_at != due

        await until(looked, "nobody looked")
        await self.harness.all_said()

    def destination(self, request: Request) -> Destination:
        """Return the destination that a request made, on the local Tines."""
        return self.harness.playground.dev.destinations[result_of(request).destination_id]

    def fails(self, destination: Destination, error: str | None = "The key was revoked") -> None:
        """Let the first story of a destination fail, or be well again."""
        story_id = next(iter(destination.subscriptions))
        subscription = destination.subscriptions[story_id]
        subscription.status = "synced" if error is None else "failed"
        subscription.error_message = error

    async def answer(self, typed: str, who: Actor | None = None) -> str:
        """Return what somebody reads who typed the command."""
        answered = await (who or self.harness.tom).types(GENERAL, typed)
        return self.harness.playground.slack.render(answered.ephemerals[-1])

    def told(self) -> list[str]:
        """Return what the notified channel reads of sync destinations and tenants."""
        return [text for text in self.harness.texts(SECOPS) if "TS-" not in text]


@asynccontextmanager
async def watched(folder: Path, route: dict[str, Any] | None = None) -> AsyncIterator[Watching]:
    """Start a playground that is watched, and wait for the first look."""
    clock = Clock()
    overrides = replace(SHORT_TIMES, clock=clock)
    setup = Setup(database_url=database(folder), overrides=overrides, watch=WATCH, route=route or {})
    async with opened(setup) as harness:
        watching = Watching(harness, clock)

        async def looked() -> bool:
            return (await watching.tenant()).looked_at is not None

        await until(looked, "nobody looked")
        yield watching


async def test_a_destination_that_fails_at_night(tmp_path: Path) -> None:
    """A failure is told once in the request's thread and in the channel; both say for how long when it is over."""
    async with watched(tmp_path) as watching:
        harness = watching.harness
        request = await harness.rests(await harness.asked_and_approved(), State.SUCCEEDED)
        await watching.later()
        assert watching.told() == []  # the request told of the new destination

        watching.fails(watching.destination(request))
        await watching.later()
        await watching.later()
        (told,) = watching.told()
        assert "A sync failed: SecOps (dev) → SecOps Production (prod)" in told
        assert f"{STORY} since" in told
        assert "The key was revoked" in told
        assert "[Sync again…] [Open]" in told
        in_thread = [text for text in harness.thread(request) if "A sync failed" in text]
        assert len(in_thread) == 1

        message = await harness.ada.sees_message(SECOPS, "A sync failed")
        await harness.ada.clicks("Sync again…", message, SECOPS)
        form = await harness.ada.sees_view(lambda view: view.get("submit") is not None)
        assert "Sync again" in str(form["title"])

        watching.fails(watching.destination(request), error=None)
        await watching.later(timedelta(hours=3))
        (told,) = watching.told()
        assert "Recovered after 3 hours" in told
        assert len([text for text in harness.thread(request) if "Recovered after 3 hours" in text]) == 1
        assert not [text for text in harness.thread(request) if "A sync failed" in text]
        seen = [kind for kind in await harness.kinds() if kind in {"watched", "recovered", "looked"}]
        assert seen == ["looked", "watched", "looked", "recovered", "looked"]  # made, failed, and well again


async def test_what_others_do_on_tines(tmp_path: Path) -> None:
    """A destination that somebody creates, changes and deletes on Tines is told of step by step, also when muted late."""
    async with watched(tmp_path) as watching:
        harness, dev = watching.harness, watching.harness.playground.dev
        number = harness.somebody_creates(STORY)
        await watching.later()
        assert f"Sync destination {number} was created on Tines" in watching.told()[-1]

        both = [story.id for story in dev.stories.values() if story.name in {STORY, OTHER_STORY}]
        update_destination(dev, number, {"story_ids": both, "manual_sync_only": True})
        await watching.later(timedelta(hours=2))
        assert f"Somebody added 1 story on Tines.\n• {OTHER_STORY}" in watching.told()[-1]
        assert "manual: it syncs only when somebody starts it" in watching.told()[-1]

        assert "Muted: nothing new is posted" in await watching.answer(f"mute {number} 1d the vendor knows")
        watching.fails(dev.destinations[number])
        await watching.later()
        assert len(watching.told()) == 2
        health = await watching.answer("health")
        assert "dev: last looked at" in health
        assert "1 sync destination: 1 failed, 0 behind, 0 waiting for a sync, 0 synced." in health
        assert "the vendor knows" in health
        await watching.later(timedelta(days=1))
        assert "A sync failed" in watching.told()[-1]

        delete_destination(dev, number, {"keep_stories": True})
        await watching.later(timedelta(hours=2))
        assert "Deleted:" in watching.told()[-1]
        assert len([text for text in watching.told() if "Deleted:" in text]) == 2  # the failure's message says so, too
        assert [kind for kind in await harness.kinds() if kind in {"muted", "watched"}] == [
            "watched",
            "watched",
            "muted",
            "watched",
            "watched",
        ]


async def test_a_tenant_that_is_down(tmp_path: Path) -> None:
    """A tenant that cannot be listed is told of once, and again when it can; what changed in between is told then."""
    async with watched(tmp_path) as watching:
        harness, dev = watching.harness, watching.harness.playground.dev
        number = harness.somebody_creates(STORY)
        await watching.later()
        assert len(watching.told()) == 1

        down = dev.faults.add(Fault(Kind.ANSWER, "GET", "/admin/sync_destinations", status=503, times=None))
        watching.fails(dev.destinations[number])
        await watching.later()
        assert len(watching.told()) == 1  # once may be a stray
        for _ in range(3):
            await watching.later()
        assert "dev cannot be watched since" in watching.told()[-1]
        assert "503" in watching.told()[-1]
        assert len(watching.told()) == 2
        health = await watching.answer("health")
        assert "dev cannot be watched since" in health

        dev.faults.remove(down)
        await watching.later()
        created, tenant, failed = watching.told()
        assert "dev can be watched again" in tenant
        assert "A sync failed" in failed
        figures = (await harness.playground.bot.metrics.render(harness.playground.bot.store)).decode()
        assert 'tines_sync_destinations{health="failed",tenant="dev"} 1.0' in figures
        assert 'tines_sync_watch_rounds{tenant="dev"} 3.0' in figures
        assert "created" in created

        dev.switches = replace(dev.switches, odd_records=True)  # one odd record spoils nothing, and is no deletion
        await watching.later()
        assert len(watching.told()) == 3
        assert (await watching.tenant()).unreadable > 0


async def test_several_processes_tell_once(tmp_path: Path) -> None:
    """A process that starts looks when it is due, and of several that look at once only one writes and tells."""
    async with watched(tmp_path) as watching:
        playground = watching.harness.playground
        number = watching.harness.somebody_creates(STORY)
        await watching.later()
        left = await watching.tenant()
        services = playground.bot.services
        watchers = [
            Watcher(
                playground.bot.store,
                playground.settings.topology,
                services.executor.clients,
                services.catalogue,
                services.executor.operations,
            )
            for _ in range(3)
        ]
        await watchers[0].begin()
        await watchers[0].look("dev")  # it is not due
        assert await watching.tenant() == left

        watching.fails(playground.dev.destinations[number])
        watching.clock.ahead += EVERY * 1.2
        await asyncio.gather(*(each.look("dev") for each in watchers))
        await watching.harness.all_said()
        assert (await watching.tenant()).rounds == left.rounds + 1
        assert len(watching.told()) == 2


async def test_who_may_mute(tmp_path: Path) -> None:
    """A mute needs an id, a time and a reason, and a destination of a route that the person uses; it can be ended."""
    async with watched(tmp_path, route={"requesters": (RINA,)}) as watching:
        number = watching.harness.somebody_creates(STORY)
        await watching.later()
        assert "You cannot use dev-to-prod" in await watching.answer(f"mute {number} 1d quiet")
        assert "You cannot use dev-to-prod" in await watching.answer("health")
        for typed, says in (
            ("mute", "Add the sync destination"),
            (f"mute {number}", "Add a time and a reason"),
            (f"mute {number} soon please", "Add a time and a reason"),
            (f"mute {number} 1d", "Add a reason"),
            (f"mute {number} 200d quiet", "at most 90 days"),
            (f"mute {number} 1d {'x' * 1001}", "at most 1,000 characters"),
            ("mute 999 1d quiet", "There is no sync destination 999 that you can see"),
            (f"mute {number} dev-to-prod 1d quiet", "Muted: nothing new is posted"),
            (f"unmute {number}", "Unmuted: changes of"),
        ):
            assert says in await watching.answer(typed, who=watching.harness.rina), typed
        watching.fails(watching.harness.playground.dev.destinations[number])
        await watching.later()
        assert "A sync failed" in watching.told()[-1]


async def test_muting_in_the_window_of_a_destination(tmp_path: Path) -> None:
    """*Mute…* asks for how long and why, records it and shows it at once; *Unmute* ends it."""
    async with watched(tmp_path) as watching:
        harness, rina = watching.harness, watching.harness.rina
        number = harness.somebody_creates(STORY)
        await watching.later()
        await rina.types(GENERAL, f"destination {number}")
        await rina.reads_in_view(STORY)
        await rina.presses("Mute…")
        await rina.reads_in_view("For how long")
        await rina.picks("For how long?", "3 days")
        assert (await rina.submits()).errors
        await rina.writes("Why?", "The vendor works on it")
        assert not (await rina.submits()).errors
        assert "The vendor works on it" in await rina.reads_in_view("Muted by")
        watching.fails(harness.playground.dev.destinations[number])
        await watching.later()
        assert "A sync failed" not in "".join(watching.told())
        await rina.presses("Unmute")
        await rina.reads_in_view("Mute…")
        await watching.later()
        assert "A sync failed" in watching.told()[-1]
        recorded = [event for event in await harness.events() if event.kind in {"muted", "unmuted"}]
        assert [(event.kind, event.actor, event.data["reason"]) for event in recorded] == [
            ("muted", RINA, "The vendor works on it"),
            ("unmuted", RINA, ""),
        ]


async def test_the_weekly_summary(tmp_path: Path) -> None:
    """A route that wants one gets its week summed up at the time that was said, once."""
    now = datetime.now(UTC)
    weekly = Weekly(day=now.weekday(), at=(now + timedelta(hours=1)).time().replace(second=0, microsecond=0))
    weekly = weekly.model_copy(update={"day": (now + timedelta(hours=1)).weekday()})
    async with watched(tmp_path, route={"summary": weekly}) as watching:
        request = await watching.harness.rests(await watching.harness.asked_and_approved(), State.SUCCEEDED)
        await watching.later()
        watching.fails(watching.destination(request))
        await watching.later()
        for days in (0, 1, 7):
            await watching.later(timedelta(hours=1, days=days))

        async def twice() -> list[str] | None:
            weeks = [text for text in watching.told() if "The week on dev-to-prod" in text]
            return weeks if len(weeks) > 1 else None

        first, second = await until(twice, "no second week was summed up")
        assert "1 request: 1 approved, half within 1 minute, 0 rejected" in first
        assert "1 failure and 0 recoveries of syncs; 1 sync destination failed at the moment" in first
        assert "0 requests: 0 approved, 0 rejected" in second


async def test_the_form_says_which_destinations_there_are_already(tmp_path: Path) -> None:
    """Who chooses two teams reads in the form that a sync destination for them exists; other teams say nothing."""
    async with watched(tmp_path) as watching:
        harness = watching.harness
        number = harness.somebody_creates(STORY)
        await watching.later()
        who = await harness.fills_in(OTHER_STORY)
        said = await who.reads_in_view("exists already")
        assert f"Sync destination {number} for these two teams exists already." in said
        outcome = await who.submits()
        assert not outcome.errors
        await who.reads_in_view(r"TS-\w{8} is waiting for approval")
