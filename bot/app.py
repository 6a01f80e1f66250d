"""Composition: every part built and wired in one place, started in order, and stopped in the reverse order.

There is no global app. Whoever needs the bot (the server, a worker, the demo, a test) composes one from settings, and
passes in whatever of the outside world it wants to decide about: the clock, the pace, the transports to Tines.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import sqlalchemy as sa
import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette

from bot import listeners
from bot.delivery import Deliverer, HomePublisher, RateLimit, SlackPoster, Throttle
from bot.ingress_audit import IngressAudit
from bot.listeners import PunctualApp, Responder
from bot.listeners.deferred import finish
from bot.listeners.responder import CLICK_BUDGET
from bot.metrics import Metrics, Shared
from bot.operations import Presentation, all_presentations
from bot.people import SlackPeople
from bot.readiness import Readiness
from bot.settings import Settings
from bot.slack_client import SlackClient, go_through
from bot.slack_client import session as slack_session
from bot.socket_state import SocketState
from bot.starting import alone_on
from bot.web import Check, SlackEndpoint, build_web
from handlers.catalogue import Catalogue
from handlers.clock import SharedClock, machine_time
from handlers.engine import DEAD_AFTER, Engine, open_job_engine
from handlers.execution.executor import Executor
from handlers.execution.send_window import SendWindow
from handlers.jobs import ADVANCE, DEFERRED, DELIVER, HOME, SUMMARY, WATCH
from handlers.network import Network
from handlers.operations import AnyOperation
from handlers.operations.registry import all_operations
from handlers.operations.schedule import Schedule
from handlers.preflight import Exports, Preflight
from handlers.requests import Services, advance, note_configured_keys, start_sufficient
from handlers.requests.pinging import approvers_of
from handlers.store import Store, StoreUnavailableError, check_schema, migrate, migrates_by_itself
from handlers.store.database import is_sqlite, open_engine, parse_url
from handlers.store.files import prepare_file
from handlers.tines import RetryPolicy, Timeouts, TinesClient
from handlers.watching.round import Watcher
from handlers.watching.summary import Summarizer

_DRAIN_SECONDS: Final = 12.0  # for running jobs, of the 25 that a stop may take
_CANCEL_SECONDS: Final = 2.0
_POLICY_SECONDS: Final = 300.0  # between two looks for requests that have enough approvals


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the bot takes from outside. The defaults are the real ones."""

    clock: Callable[[], datetime] | None = (
        None  # the time of day; None: this machine's, or that of its database's server
    )
    machine_clock: Callable[[], datetime] = machine_time
    transports: Mapping[str, httpx.AsyncBaseTransport] = field(default_factory=dict)  # by tenant alias
    schedule: Schedule = field(default_factory=Schedule)
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)  # of the Tines client
    click_budget: float = CLICK_BUDGET  # seconds that a click waits for Tines
    sweep_seconds: float = 1.0
    fresh_seconds: float = 60.0  # how old what is known of Tines may be when a form is checked
    rate_limit: RateLimit = field(default_factory=RateLimit)  # of each channel's messages
    home_pause: float = 5.0  # seconds between two looks at whether an App Home says something new
    ping_seconds: float = 5.0  # between two pings of a Socket Mode connection
    dead_after: float = DEAD_AFTER  # seconds of silence, and others take over what a process was at
    operations: Mapping[str, AnyOperation] = field(default_factory=all_operations)
    presentations: Mapping[str, Presentation] = field(default_factory=all_presentations)
    window: SendWindow = field(default_factory=SendWindow)
    slack_timeout: float = 20.0  # seconds that a call to Slack may take


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot."""

    web: Starlette
    slack: AsyncApp
    client: SlackClient
    services: Services
    store: Store
    engine: Engine
    metrics: Metrics
    socket: SocketState
    ready: Check  # what is wrong, "" when nothing is
    figures: Callable[[], Awaitable[bytes]] | None  # what /metrics says; None when it is switched off


@asynccontextmanager
async def compose(
    settings: Settings, overrides: Overrides | None = None, *, answers_http: bool = True
) -> AsyncIterator[Bot]:
    """Build and start a bot; stop it when the block ends.

    `answers_http`: whether Slack's requests come over HTTP, not over Socket Mode or to other processes. Raises
    `bot.starting.StartError`, and what `handlers.store.migrate` raises for a database that does not fit.
    """
    overrides = overrides or Overrides()
    async with AsyncExitStack() as stack:
        url = parse_url(settings.database_url)
        if is_sqlite(url):
            prepare_file(Path(str(url.database)))
            stack.enter_context(alone_on(str(url.database)))
        if migrates_by_itself(settings.database_url):
            await migrate(settings.database_url)
        else:
            await check_schema(settings.database_url)
        metrics = Metrics()
        engine = open_job_engine(url, sweep_seconds=overrides.sweep_seconds, dead_after=overrides.dead_after)
        store = Store(open_engine(url), engine.wake, clock=_clock(url, overrides), types=overrides.operations)
        stack.push_async_callback(store.close)
        await note_configured_keys(store, settings.topology)
        session = await stack.enter_async_context(
            slack_session(settings.slack_api_url, settings.network, timeout=overrides.slack_timeout)
        )
        client = SlackClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
            observe=metrics.slack_call,
            network=settings.network,
            contact=settings.topology.admin_contact,
        )
        socket = SocketState(metrics, time.monotonic)
        services, watcher = await _work(settings, overrides, store, client, metrics, stack)
        responder = Responder(services, client, overrides.presentations, budget=overrides.click_budget)
        stack.push_async_callback(responder.close)
        poster = SlackPoster(client)
        deliverer = Deliverer(
            store,
            settings.topology,
            poster,
            Throttle(overrides.rate_limit, time.monotonic),
            overrides.presentations,
            overrides.window,
            partial(approvers_of, services.people),
            longest_call=overrides.slack_timeout,
        )
        slack = _slack_app(client, responder, settings.network)
        await watcher.begin()
        summarizer = Summarizer(store, settings.topology)
        await summarizer.begin()
        await engine.start(
            {
                ADVANCE: partial(advance, services),
                DELIVER: deliverer.deliver,
                DEFERRED: partial(finish, responder),
                HOME: HomePublisher(
                    services, client, overrides.presentations, pause=timedelta(seconds=overrides.home_pause)
                ).publish,
                SUMMARY: summarizer.tell,
                WATCH: watcher.look,
            },
            store.due,
        )
        stack.push_async_callback(partial(engine.stop, grace=_DRAIN_SECONDS))
        await stack.enter_async_context(_beside(_start_sufficient_forever(services)))
        ingress_audit = IngressAudit(store, time.monotonic)
        stack.push_async_callback(ingress_audit.close)
        endpoint = (
            SlackEndpoint(slack, settings.slack_signing_secret, metrics, ingress_audit)
            if answers_http and settings.slack_signing_secret is not None
            else None
        )
        ready = Readiness(store, engine, client, socket).check
        yield Bot(
            web=build_web(endpoint, ready=ready),
            slack=slack,
            client=client,
            services=services,
            store=store,
            engine=engine,
            metrics=metrics,
            socket=socket,
            ready=ready,
            figures=Shared(partial(metrics.render, store), time.monotonic) if settings.metrics else None,
        )


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let something run without end beside the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=_CANCEL_SECONDS)  # the database may be silent


async def _start_sufficient_forever(services: Services) -> None:
    """Start requests that have enough approvals under this configuration: it may ask for fewer than the one before.

    Not once only: Slack may not answer now, or a process with the configuration before may still run and object.
    """
    log = structlog.get_logger(__name__)
    while True:
        try:
            await start_sufficient(services)
        except StoreUnavailableError as error:
            log.warning("approvals cannot be judged now", why=error.words)
        except Exception:
            log.exception("approvals cannot be judged")
        await asyncio.sleep(_POLICY_SECONDS)


async def _work(
    settings: Settings,
    overrides: Overrides,
    store: Store,
    client: AsyncWebClient,
    metrics: Metrics,
    stack: AsyncExitStack,
) -> tuple[Services, Watcher]:
    """Build what works on Tines."""
    clients = {
        alias: await stack.enter_async_context(
            TinesClient(
                tenant,
                secrets=settings.topology.secrets(),
                network=settings.network,
                transport=overrides.transports.get(alias),
                timeouts=overrides.timeouts,
                retry_policy=overrides.retry_policy,
                observe=partial(metrics.tines_call, alias),
            )
        )
        for alias, tenant in settings.topology.tenants.items()
    }
    catalogue = Catalogue(clients, settings.topology.tenants, fresh_for=overrides.fresh_seconds)
    stack.push_async_callback(catalogue.close)
    exports = Exports(clients, store.clock)
    stack.push_async_callback(exports.close)
    people = SlackPeople(client)
    executor = Executor(
        store=store,
        topology=settings.topology,
        clients=clients,
        catalogue=catalogue,
        preflight=Preflight(clients, exports),
        people=people,
        operations=overrides.operations,
        schedule=overrides.schedule,
        window=overrides.window,
    )
    services = Services(store=store, topology=settings.topology, people=people, catalogue=catalogue, executor=executor)
    return services, Watcher(store, settings.topology, clients, catalogue, overrides.operations)


def _clock(url: sa.URL, overrides: Overrides) -> Callable[[], datetime]:
    """Return the time of day: the same for all processes that share a database."""
    if overrides.clock is not None:
        return overrides.clock
    return overrides.machine_clock if is_sqlite(url) else SharedClock(overrides.machine_clock)


def _slack_app(client: AsyncWebClient, responder: Responder, network: Network) -> AsyncApp:
    async def authorize() -> AuthorizeResult:
        # one workspace, one token: asking Slack at each request who we are would make its outages ours
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token)

    app = PunctualApp(
        responder,
        # without the token, which `authorize` gives: Bolt warns of two sources
        client=go_through(
            AsyncWebClient(base_url=client.base_url, session=client.session, retry_handlers=[]),
            client.base_url,
            network,
        ),
        authorize=authorize,
        # Slack gets its answer when the listener returns: all that must not be lost is committed by then. (Bolt's other
        # way looks for the acknowledgement every 10 ms, and loses what comes after it.)
        process_before_response=True,
        request_verification_enabled=False,  # `bot.web` verified the signature, before anything was parsed
        ignoring_self_events_enabled=False,  # no event that the app listens to is ever its own
    )
    listeners.register(app, responder)
    return app
