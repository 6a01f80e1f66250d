"""Where the killed process lives: a local Slack and two local tenants in the harness, which outlive it.

Many requesters, some approvers, and many pairs of teams, so that many requests are under way at every moment and some
of them are for the same two teams.
"""

import asyncio
import contextlib
import secrets
import socket
import string
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from bot.playground.actor import Actor
from bot.playground.launch import APPROVALS, GENERAL, SECOPS, installation
from bot.playground.serving import served
from bot.playground.slack import NO_RATES, Channel, LocalSlack, User, UserGroup, Workspace
from bot.playground.tines import LocalTines, World, build_tines_app, create_destination
from bot.playground.tines.calls import Call
from bot.playground.tines.records import Right
from bot.playground.tines.seed import DEV_KEY, PROD_KEY, PROD_PUBLISH_KEY
from bot.playground.tines.switches import Switches
from handlers.store import migrate

from .points import Trap
from .process import ROOT, Process

REQUESTERS: Final = 6
APPROVERS: Final = 3
TEAMS: Final = 8
STORIES: Final = 6  # of each team
TIMEOUT_SECONDS: Final = 4.0  # seconds that a person waits for a view before they try again

# What ports Linux lends to connections begins at 32,768: one of those, chosen now, may be taken before it is used.
_FIRST_PORT: Final = 20_000
_PORTS: Final = 12_000
_ARRIVES_SECONDS: Final = 60.0
_SWITCHES: Final = Switches(sync_seconds=0.3, sync_spread=0.05, rate_limit=None)
_CONFIG: Final = string.Template("""
[tenants.dev]
url = "$dev"
api_key = "env:DEV_KEY"
[tenants.prod]
url = "$prod"
api_key = "env:PROD_KEY"
publish_key = "env:PROD_PUBLISH_KEY"
[routes.dev-to-prod]
source = "dev"
destination = "prod"
requesters = ["*"]
approvers = ["S0APPROVERS"]
approval_channel = "$approvals"
notify = ["$secops"]
expires_after = "72h"
""")


@dataclass(slots=True)
class CrashHarness:
    """What is there."""

    slack: LocalSlack
    world: World
    dev: LocalTines
    prod: LocalTines
    environ: dict[str, str]
    folder: Path
    database_url: str
    trap: Trap = field(default_factory=Trap)
    requesters: list[Actor] = field(default_factory=list)
    approvers: list[Actor] = field(default_factory=list)
    made: dict[int, int] = field(default_factory=dict)  # sync destinations that were there before their requests

    def destination_for(self, number: int, source: int, stories: Iterable[int]) -> int:
        """Return the sync destination that a planned request is about, made by hand when it is first asked for.

        Each leads to a team of its own, so that such requests do not wait for each other.
        """
        if number not in self.made:
            teams = {team.name: team.id for team in self.dev.teams.values()}
            names = {f"Story {source}-{story}" for story in stories}
            body = {
                "destination_tenant_url": self.prod.url,
                "destination_tenant_api_key": PROD_KEY,
                "destination_team_id": self.prod.add_team(f"Own {number}").id,
                "team_id": teams[f"Source {source}"],
                "story_ids": [each.id for each in self.dev.stories.values() if each.name in names],
            }
            self.made[number] = create_destination(self.dev, body).id
        return self.made[number]

    def process(
        self, name: str = "bot", *, module: str = "tests.crash.serving", root: Path = ROOT, **more: str
    ) -> Process:
        """Return a process on a port of its own, not started yet."""
        environ = self.environ | {"PORT": str(free_port())} | more
        return Process(environ, self.folder / f"{name}.log", module=module, root=root)

    def listen_to(self, process: Process) -> None:
        """Let Slack send its requests to a process."""
        self.slack.app.request_url = f"{process.url}/slack/events"

    async def in_flight(self, method: str, path: str) -> None:
        """Wait until a call is on its way that the source tenant has not answered. Raises `TimeoutError`."""

        def meant(call: Call) -> bool:
            return call.method == method and fnmatchcase(call.path, path) and not call.done

        with self.dev.calls.subscribe() as calls:
            if any(meant(call) for call in self.dev.calls):
                return
            async with asyncio.timeout(_ARRIVES_SECONDS):
                async for call in calls:
                    if meant(call):
                        return


@contextlib.asynccontextmanager
async def crash_harness(
    folder: Path, database_url: str, *, socket_mode: bool = False, dead_after: float = 20
) -> AsyncIterator[CrashHarness]:
    """Build the harness, with the database prepared as a release does it."""
    world = World()
    dev, prod = LocalTines("dev", world, _SWITCHES, first_id=101), LocalTines("prod", world, _SWITCHES, first_id=501)
    dev.add_key(DEV_KEY)
    prod.add_key(PROD_KEY)
    prod.add_key(PROD_PUBLISH_KEY, Right.EDITOR)
    for number in range(TEAMS):
        team = dev.add_team(f"Source {number}")
        prod.add_team(f"Target {number}")
        for story in range(STORIES):
            dev.add_story(team.id, f"Story {number}-{story}")
    trap = Trap()
    async with contextlib.AsyncExitStack() as stack:
        dev_url = await stack.enter_async_context(served(trap.around(build_tines_app(dev))))
        prod_url = await stack.enter_async_context(served(trap.around(build_tines_app(prod))))
        world.register(dev_url, dev)
        world.register(prod_url, prod)
        slack = LocalSlack(workspace=_workspace(), app=installation(socket_mode=socket_mode), rates=NO_RATES)
        slack.base_url = await stack.enter_async_context(served(trap.around(slack.asgi())))
        await migrate(database_url)
        config = folder / "tines-sync.toml"
        config.write_text(_CONFIG.substitute(dev=dev_url, prod=prod_url, approvals=APPROVALS, secops=SECOPS))
        environ = {
            "DATABASE_URL": database_url,
            "TINES_SYNC_CONFIG": str(config),
            "SLACK_BOT_TOKEN": slack.app.bot_token,
            "SLACK_SIGNING_SECRET": slack.app.signing_secret,
            "SLACK_API_URL": f"{slack.base_url}/api/",
            "DEV_KEY": DEV_KEY,
            "PROD_KEY": PROD_KEY,
            "PROD_PUBLISH_KEY": PROD_PUBLISH_KEY,
            "HOST": "127.0.0.1",
            "CRASH_DEAD_AFTER": str(dead_after),
        }
        if socket_mode:
            environ["SLACK_APP_TOKEN"] = slack.app.app_token
        yield CrashHarness(
            slack,
            world,
            dev,
            prod,
            environ,
            folder,
            database_url,
            trap,
            [Actor(slack, user, timeout=TIMEOUT_SECONDS) for user in _requesters()],
            [Actor(slack, user, timeout=TIMEOUT_SECONDS) for user in _approvers()],
        )


def free_port() -> int:
    """Return a port that nobody listens on, from below those that the system lends to connections meanwhile."""
    while True:
        port = _FIRST_PORT + secrets.randbelow(_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _requesters() -> list[str]:
    return [f"U0ASKS{number}" for number in range(REQUESTERS)]


def _approvers() -> list[str]:
    return [f"U0DECIDES{number}" for number in range(APPROVERS)]


def _workspace() -> Workspace:
    people = [*_requesters(), *_approvers()]
    return Workspace(
        name="Acme",
        users=[*(User(user, user.lower(), user) for user in people), User("U0BOT", "tines-sync", is_bot=True)],
        groups=[UserGroup("S0APPROVERS", "approvers", _approvers(), "Approvers")],
        channels=[Channel(channel, channel.lower(), members=list(people)) for channel in (GENERAL, APPROVALS, SECOPS)],
    )
