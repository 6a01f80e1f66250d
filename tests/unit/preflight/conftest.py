from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from bot.playground.tines import LocalTines, build_tines_app
from bot.playground.tines.seed import DEV_KEY, PROD_KEY, seeded
from bot.playground.tines.switches import Switches
from bot.playground.tines.tenant import World
from handlers.models import Story, Team
from handlers.preflight import Exports, Preflight, Subject
from handlers.routes import Tenant
from handlers.tines import RetryPolicy, TinesClient


@dataclass
class Tenants:
    """Two local tenants, what looks at them, and the time, which stands still."""

    dev: LocalTines
    prod: LocalTines
    preflight: Preflight
    clients: Mapping[str, TinesClient]
    now: datetime = datetime(2026, 3, 2, 10, tzinfo=UTC)

    @property
    def exports(self) -> Exports:
        """The exports that are kept."""
        return self.preflight.exports

    def passes(self, **time: float) -> None:
        """Let time pass."""
        self.now += timedelta(**time)

    def story(self, name: str) -> Story:
        """Return a story as the tenant lists it now."""
        row = next(each for each in self.dev.stories.values() if each.name == name)
        return Story(id=row.id, name=row.name, tags=row.tags, edited_at=row.edited_at.replace(microsecond=0))

    def subject(self, *names: str) -> Subject:
        """Return stories of SecOps, to be synced to SecOps Production."""
        source = next(team for team in self.dev.teams.values() if team.name == "SecOps")
        destination = next(team for team in self.prod.teams.values() if team.name == "SecOps Production")
        return Subject(
            source_team=Team(id=source.id, name=source.name),
            destination_team=Team(id=destination.id, name=destination.name),
            stories=tuple(map(self.story, names)),
        )

    def exported(self) -> int:
        """Return how many exports were asked for, of either tenant."""
        return sum(call.path.endswith("/export") for tines in (self.dev, self.prod) for call in tines.calls)


@pytest.fixture
async def tenants() -> AsyncIterator[Tenants]:
    """Give two tenants and what looks at them."""
    held: list[Tenants] = []

    def clock() -> datetime:
        return held[0].now if held else Tenants.now

    local = seeded(World(clock), Switches(sync_seconds=0, sync_spread=0))
    local.register("http://127.0.0.1:1", "http://127.0.0.1:2")
    async with AsyncExitStack() as stack:
        clients = {
            alias: await stack.enter_async_context(
                TinesClient(
                    Tenant(alias=alias, url=f"http://127.0.0.1:{number}", api_key=SecretStr(key)),
                    transport=httpx.ASGITransport(build_tines_app(tines)),
                    retry_policy=RetryPolicy(attempts=2, wait_initial=0.01, wait_max=0.01, wait_jitter=0.0),
                )
            )
            for number, (alias, tines, key) in enumerate(
                (("dev", local.dev, DEV_KEY), ("prod", local.prod, PROD_KEY)), 1
            )
        }
        exports = Exports(clients, clock)
        stack.push_async_callback(exports.close)
        held.append(Tenants(local.dev, local.prod, Preflight(clients, exports), clients))
        yield held[0]
