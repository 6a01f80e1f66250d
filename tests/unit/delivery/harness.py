"""A store, a local Slack that lives in its time, and announcers of several processes that a test can interrupt."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery import Deliverer, RateLimit, SlackPoster, Throttle
from bot.delivery.posting import Place
from bot.delivery.showing import Showing
from bot.operations import all_presentations
from bot.playground.serving import served
from bot.playground.slack import NO_RATES, AppInstall, Channel, LocalSlack, User, Workspace
from bot.slack_errors import SlackError, TransientError, UnknownOutcomeError
from bot.views.text import Message
from handlers import announcements
from handlers.execution.send_window import SendWindow
from handlers.routes import Route, Topology
from handlers.store import Announcement, Store
from tests.unit.store.harness import StoreHarness

CHANNEL: Final = "C1"
KEY: Final = "direct:one"
LONGEST_CALL: Final = 20.0
_SCOPES: Final = "chat:write channels:read channels:history im:read im:write im:history users:read"
_QUICK: Final = RateLimit(burst=1000)
Happening = Callable[[str], Awaitable[None]]


async def nothing(_key: str) -> None:
    """Let nothing happen."""


class WatchedPoster(SlackPoster):
    """Posts to the local Slack; something may happen before a call is sent, and after it was applied.

    What happens is given the key of the message, and may raise a `SlackError` instead of the answer.
    """

    def __init__(self, client: AsyncWebClient, monotonic: Callable[[], float]) -> None:
        super().__init__(client, monotonic)
        self.before_channel: Happening = nothing
        self.before_post: Happening = nothing
        self.after_post: Happening = nothing
        self.posts: list[str] = []  # keys of all posts that were tried

    async def channel_of(self, conversation: str) -> str:
        """Return the channel of a conversation: the first question of a delivery that was not posted before."""
        await self.before_channel(conversation)
        return await super().channel_of(conversation)

    async def post(self, channel: str, message: Message, *, key: str, thread_ts: str | None) -> Place:
        """Post a message."""
        self.posts.append(key)
        await self.before_post(key)
        place = await super().post(channel, message, key=key, thread_ts=thread_ts)
        await self.after_post(key)
        return place


def at(key: str, *happenings: Happening) -> Happening:
    """Return what lets one thing after the other happen when a message with a key comes by, then nothing more."""
    waiting = list(happenings)

    async def happen(each: str) -> None:
        if each == key and waiting:
            await waiting.pop(0)(each)

    return happen


async def no_answer(_key: str) -> None:
    """Lose the answer."""
    words = "ServerDisconnectedError"
    raise UnknownOutcomeError(words)


async def _nobody(_route: Route, _own: tuple[str, ...]) -> tuple[str, ...]:
    return ()


async def rate_limited(_key: str) -> None:
    """Answer that there were too many messages."""
    words = "ratelimited"
    raise TransientError(words, seconds=5)


@dataclass
class Process:
    """One process of the bot."""

    store: Store
    poster: WatchedPoster
    deliverer: Deliverer
    throttle: Throttle
    uptime: "Uptime"
    window: SendWindow


@dataclass
class Uptime:
    """The clock of a process's send window. A test can let the process stand still between two looks at it."""

    seconds: Callable[[], float]
    stops_after: int | None = None  # looks, until it stands still for long at each one

    def __call__(self) -> float:
        """Return the seconds."""
        if self.stops_after is not None:
            self.stops_after -= 1
        return self.seconds() + (60 if self.stops_after is not None and self.stops_after < 0 else 0)


@dataclass
class DeliveryHarness:
    """The parts."""

    harness: StoreHarness
    slack: LocalSlack

    def seconds(self) -> float:
        """Return the time in seconds."""
        return self.harness.now.timestamp()

    async def process(self, rate_limit: RateLimit = _QUICK) -> Process:
        """Start a process."""
        store = self.harness.store()
        client = AsyncWebClient(
            token=self.slack.app.bot_token, base_url=f"{self.slack.base_url}/api/", retry_handlers=[]
        )
        poster = WatchedPoster(client, self.seconds)
        throttle = Throttle(rate_limit, self.seconds)
        uptime = Uptime(self.seconds)
        window = SendWindow(clock=uptime)
        deliverer = Deliverer(
            store,
            Topology(tenants={}, routes={}),
            poster,
            throttle,
            all_presentations(),
            window,
            _nobody,
            longest_call=LONGEST_CALL,
        )
        return Process(store, poster, deliverer, throttle, uptime, window)

    async def orders(self, store: Store, text: str, key: str = KEY, *, thread_key: str | None = None) -> None:
        """Order a message."""
        async with store.transaction() as transaction:
            await transaction.outbox.announce(
                key, announcements.DIRECT, CHANNEL, thread_key=thread_key, data={"kind": "notice", "text": text}
            )

    async def orders_anew(self, store: Store, key: str = KEY) -> None:
        """Order a message to be shown as it is by now."""
        async with store.transaction() as transaction:
            await transaction.outbox.refresh(key)

    async def row(self, store: Store, key: str = KEY) -> Announcement:
        """Return how far the delivery of a message is."""
        async with store.reading() as reader:
            found = await reader.outbox.get(key)
        assert found is not None
        return found

    async def shows(self, process: Process, messages: Sequence[Message], key: str = KEY) -> None:
        """Let a process show exactly these messages for an announcement, as its job would."""
        row = await self.row(process.store, key)
        showing = Showing(
            process.store, process.poster, process.throttle, process.window, row, longest_call=LONGEST_CALL
        )
        try:
            await showing.show(messages, None)
        except SlackError:
            await showing.count()
            raise

    async def delivers(self, process: Process, conversation: str = CHANNEL) -> None:
        """Let a process deliver what is open, again and again as time passes, until nothing is."""
        for _ in range(20):
            await process.deliverer.deliver(conversation)
            async with process.store.reading() as reader:
                if not await reader.outbox.undelivered(conversation, limit=1):
                    return
            self.harness.now += timedelta(minutes=1)

    def seen(self, thread_ts: str | None = None) -> list[str]:
        """Return what a reader of the channel, or of a thread, sees, oldest first."""
        return [self.slack.render(each) for each in self.slack.messages(CHANNEL, thread_ts=thread_ts)]

    def heads(self) -> list[str]:
        """Return the timestamps of the channel's messages, oldest first."""
        return [str(each["ts"]) for each in self.slack.messages(CHANNEL)]


def texts(*lines: str) -> list[Message]:
    """Return messages of text alone."""
    return [Message(text=line) for line in lines]


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[DeliveryHarness]:
    """Open a harness on a migrated database."""
    harness = StoreHarness(database_url)

    def seconds() -> float:
        return harness.now.timestamp()

    workspace = Workspace(
        users=[User("U1", "ada", "Ada"), User("UBOT", "tines-sync", is_bot=True)],
        groups=[],
        channels=[Channel(CHANNEL, "general", members=["U1"])],
    )
    install = AppInstall(
        bot_token="xoxb-of-the-tests",
        signing_secret="signing-of-the-tests",
        app_token="xapp-of-the-tests",
        bot_user_id="UBOT",
        scopes=frozenset(_SCOPES.split()),
        commands=(),
        shortcuts=(),
    )
    slack = LocalSlack(workspace=workspace, app=install, clock=seconds, rates=NO_RATES)

    async with harness.stack, served(slack.asgi()) as url:
        slack.base_url = url
        yield DeliveryHarness(harness, slack)
