"""Days of a watched tenant, on a clock that the test moves: what changes on Tines is told once, where it belongs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.playground.launch import SECOPS, Setup
from bot.playground.tines.records import Destination
from handlers.models import Request, State
from handlers.routes import Watch
from handlers.watching.known import KnownTenant

from .harness import HURRIED, STORY, FlowHarness, database, opened, result_of, until

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
        self._clock = clock

    async def tenant(self) -> KnownTenant:
        """Return how watching goes."""
        async with self.harness.playground.bot.store.reading() as reader:
            found = await reader.destinations.tenant("dev")
        assert found is not None
        return found

    async def later(self, after: timedelta = EVERY * 1.2) -> None:
        """Let time pass, wait until the tenant was looked at, and until everything that there is to say is said."""
        due = (await self.tenant()).next_run_at
        self._clock.ahead += after

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

    def told(self) -> list[str]:
        """Return what the notified channel reads of sync destinations and tenants."""
        return [text for text in self.harness.texts(SECOPS) if "TS-" not in text]


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watching]:
    """Start a playground that is watched, and wait for the first look."""
    clock = Clock()
    setup = Setup(database_url=database(folder), overrides=replace(HURRIED, clock=clock), watch=WATCH)
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
        in_thread = [text for text in harness.thread(request) if "A sync failed" in text]
        assert len(in_thread) == 1

        watching.fails(watching.destination(request), error=None)
        await watching.later(timedelta(hours=3))
        (told,) = watching.told()
        assert "Recovered after 3 hours" in told
        assert len([text for text in harness.thread(request) if "Recovered after 3 hours" in text]) == 1
        assert not [text for text in harness.thread(request) if "A sync failed" in text]
