"""Everything at once: a local Slack, two local tenants and the bot, wired to each other on loopback.

The demo, the flow tests, the browser tests and the pictures all stand on this one playground, so that what is tried by
hand is what is tested.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr

from bot.app import Bot, Overrides, compose
from bot.manifests import HTTP, SOCKET_MODE, manifest_path
from bot.playground.serving import served
from bot.playground.slack import NO_RATES, AppInstall, Channel, LocalSlack, Rates, User, UserGroup, Workspace
from bot.playground.tines import LocalTines, World, build_tines_app
from bot.playground.tines.seed import DEV_KEY, PROD_KEY, PROD_PUBLISH_KEY, seeded
from bot.settings import Settings
from bot.socket_mode import connected
from handlers.routes import Route, Tenant, Topology, Watch

RINA: Final = "U0RINA"  # asks
ADA: Final = "U0ADA"  # approves
BEN: Final = "U0BEN"  # approves as well
TOM: Final = "U0TOM"  # looks on
APPROVERS: Final = "S0APPROVERS"
APPROVALS: Final = "C0APPROVALS"
SECOPS: Final = "C0SECOPS"
GENERAL: Final = "C0GENERAL"
ROUTE: Final = "dev-to-prod"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a playground is set for. Nearly every default is what the demo wants."""

    database_url: str
    socket_mode: bool = False
    rates: Rates = NO_RATES
    overrides: Overrides = field(default_factory=Overrides)
    world: World = field(default_factory=World)
    route: dict[str, Any] = field(default_factory=dict)  # fields of the route that differ
    more_routes: dict[str, dict[str, Any]] = field(default_factory=dict)
    tenant: dict[str, Any] = field(default_factory=dict)  # fields of the source tenant that differ
    watch: Watch = field(
        default_factory=lambda: Watch(every=timedelta(0))
    )  # nobody calls the tenants in between unless a start says so
    port: int = 0  # of the bot; 0 for any free one
    admin_contact: str = ""  # whom people are told to ask
    tenant_ports: tuple[int, int] = (0, 0)  # of dev and prod, for a start on what an earlier one left


@dataclass(frozen=True, slots=True)
class Playground:
    """What runs."""

    slack: LocalSlack
    world: World
    dev: LocalTines
    prod: LocalTines
    settings: Settings
    bot: Bot
    bot_url: str


@asynccontextmanager
async def launched(setup: Setup) -> AsyncIterator[Playground]:
    """Start everything, and stop it when the block ends."""
    async with AsyncExitStack() as stack:
        tenants = seeded(setup.world)
        dev_url = await stack.enter_async_context(served(build_tines_app(tenants.dev), port=setup.tenant_ports[0]))
        prod_url = await stack.enter_async_context(served(build_tines_app(tenants.prod), port=setup.tenant_ports[1]))
        tenants.register(dev_url, prod_url)
        slack = LocalSlack(workspace=workspace(), app=installation(socket_mode=setup.socket_mode), rates=setup.rates)
        slack_url = await stack.enter_async_context(served(slack.asgi()))
        slack.base_url = slack_url
        settings = settings_for(setup, slack, slack_url, dev_url, prod_url)
        bot = await stack.enter_async_context(compose(settings, setup.overrides, answers_http=not setup.socket_mode))
        bot_url = await stack.enter_async_context(served(bot.web, port=setup.port))
        if setup.socket_mode:
            await stack.enter_async_context(connected(settings, bot, ping_seconds=setup.overrides.ping_seconds))
        else:
            slack.app.request_url = f"{bot_url}/slack/events"
        yield Playground(slack, setup.world, tenants.dev, tenants.prod, settings, bot, bot_url)


def workspace() -> Workspace:
    """Return the people and channels of the playground."""
    people = [RINA, ADA, BEN, TOM]
    return Workspace(
        name="Acme",
        users=[
            User(RINA, "rina", "Rina Castillo", tz="Europe/Berlin", tz_offset=3600),
            User(ADA, "ada", "Ada Okafor", tz="Europe/London"),
            User(BEN, "ben", "Ben Lindqvist", tz="America/New_York", tz_offset=-18000),
            User(TOM, "tom", "Tom Haverford"),
            User("U0BOT", "tines-sync", "tines-sync", is_bot=True),
        ],
        groups=[UserGroup(APPROVERS, "tines-approvers", [ADA, BEN], "Tines approvers")],
        channels=[
            Channel(GENERAL, "general", members=list(people)),
            Channel(APPROVALS, "tines-approvals", members=list(people)),
            Channel(SECOPS, "secops", members=list(people)),
        ],
    )


def installation(*, socket_mode: bool) -> AppInstall:
    """Return the app as its manifest describes it."""
    return AppInstall.from_manifest(manifest_path(SOCKET_MODE if socket_mode else HTTP))


def settings_for(setup: Setup, slack: LocalSlack, slack_url: str, dev_url: str, prod_url: str) -> Settings:
    """Return the bot's settings for a playground."""
    route: dict[str, Any] = {
        "name": ROUTE,
        "source": "dev",
        "destination": "prod",
        "requesters": ("*",),
        "approvers": (APPROVERS,),
        "approval_channel": APPROVALS,
        "notify": (SECOPS,),
    }
    routes = {ROUTE: Route(**{**route, **setup.route})}
    for name, differs in setup.more_routes.items():
        routes[name] = Route(**{**route, "name": name, **differs})
    dev: dict[str, Any] = {"alias": "dev", "url": dev_url, "api_key": SecretStr(DEV_KEY), **setup.tenant}
    return Settings(
        slack_bot_token=SecretStr(slack.app.bot_token),
        slack_signing_secret=SecretStr(slack.app.signing_secret),
        slack_app_token=SecretStr(slack.app.app_token) if setup.socket_mode else None,
        slack_api_url=f"{slack_url}/api/",
        database_url=setup.database_url,
        topology=Topology(
            tenants={
                "dev": Tenant(**dev),
                "prod": Tenant(
                    alias="prod",
                    url=prod_url,
                    api_key=SecretStr(PROD_KEY),
                    publish_key=SecretStr(PROD_PUBLISH_KEY),
                ),
            },
            routes=routes,
            watch=setup.watch,
            admin_contact=setup.admin_contact,
        ),
    )
