"""One local Slack, from all of its sides: the app's (an ASGI app), people's, and the hand that makes things go wrong."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

import httpx
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from bot.playground.slack import payloads
from bot.playground.slack.api import WebApi
from bot.playground.slack.changes import Change, ChangeKind
from bot.playground.slack.core import Core
from bot.playground.slack.delivery import ANSWER_SECONDS, AppAnswer, Courier, Parcel
from bot.playground.slack.disruptions import Disruptions
from bot.playground.slack.events import EventSender
from bot.playground.slack.faults import Faults
from bot.playground.slack.installation import AppInstall
from bot.playground.slack.person import People
from bot.playground.slack.pubsub import Subscription
from bot.playground.slack.rates import STRICT_RATES, Rates
from bot.playground.slack.recording import RecordingCourier
from bot.playground.slack.sending import HttpCourier
from bot.playground.slack.shapes import Json, MessageRef, OptionsAnswer, Outcome, ViewRef
from bot.playground.slack.socketmode import SocketMode
from bot.playground.slack.text import render_text
from bot.playground.slack.traffic import Traffic
from bot.playground.slack.workspace import Workspace

T = TypeVar("T")
_RETRY_DELAYS: Final = (0.0, 60.0, 300.0)  # seconds before Slack sends an unanswered event again


class LocalSlack(Disruptions):
    """A workspace with one installed app.

    The app's side is `asgi()`; serve it, then set `base_url` to its origin. What a person does is a coroutine that
    ends when the app has answered, and raises `SlackClientError` with what Slack would show when it did not, and
    `NotThereError` when a person could not do that at all.

    `clock` gives seconds since the epoch, `sleep` is what slow faults and the retries of events wait with,
    `answer_within` is how long the app has (seconds), `transport` replaces the network on the way to it.
    """

    def __init__(
        self,
        *,
        workspace: Workspace,
        app: AppInstall,
        clock: Callable[[], float] = time.time,
        rates: Rates = STRICT_RATES,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        answer_within: float = ANSWER_SECONDS,
        event_retry_delays: Sequence[float] = _RETRY_DELAYS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(Core(workspace, app, clock, sleep, rates))
        self.socket_mode = SocketMode(
            app.app_id,
            lambda: self._core.changes.tell(ChangeKind.SOCKET_CHANGED),
            answer_within=answer_within,
        )
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._answer_within = answer_within
        self._people = People(self._core, self._deliver)
        self._events = EventSender(self._deliver, sleep, event_retry_delays)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every subscription, stop retrying events and close the connections to the app."""
        self._core.changes.close()
        self._core.traffic.close()
        await self._events.aclose()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    # The app's side

    def asgi(self) -> Starlette:
        """Return the Web API, the response URLs, the upload URLs and the Socket Mode endpoint as one ASGI app.

        Closing its lifespan closes the local Slack's connections to the app as well.
        """
        api = WebApi(self._core, self.socket_mode)

        @contextlib.asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            yield
            await self.aclose()

        return Starlette(
            routes=[
                Route("/api/{method:str}", api.method, methods=["GET", "POST"]),
                Route("/response/{token:str}", api.response_url, methods=["POST"]),
                Route("/upload/{file_id:str}", api.upload, methods=["POST"]),
                WebSocketRoute("/socket", self.socket_mode.endpoint),
            ],
            lifespan=lifespan,
        )

    @property
    def base_url(self) -> str:
        """Return the origin under which the app reaches this Slack; the app's `SLACK_API_URL` is this + "/api/"."""
        return self._core.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self._core.base_url = url.rstrip("/")

    @property
    def socket_url(self) -> str:
        """Return the origin for Socket Mode's WebSockets, e.g. of a relay; empty for `base_url`."""
        return self._core.socket_url

    @socket_url.setter
    def socket_url(self, url: str) -> None:
        self._core.socket_url = url.rstrip("/")

    @property
    def workspace(self) -> Workspace:
        """Return the workspace; use this object's own methods to change it while somebody watches."""
        return self._core.workspace

    @property
    def app(self) -> AppInstall:
        """Return the installed app; its `request_url` may be set once the app listens."""
        return self._core.app

    @property
    def faults(self) -> Faults:
        """Return the switches for what goes wrong on the Web API."""
        return self._core.faults

    @property
    def traffic(self) -> Traffic:
        """Return the record of every request and answer."""
        return self._core.traffic

    async def deliver(self, parcel: Parcel) -> AppAnswer:
        """Send the app anything at all, signed or through Socket Mode. Raises `DeliveryError`."""
        return await self._deliver(parcel)

    # People's side

    async def command(self, user: str, channel: str, command: str, text: str = "") -> Outcome:
        """Type a slash command, e.g. `command("U1", "C1", "/tines-sync", "help")`."""
        return await self._people.command(user, channel, command, text)

    async def shortcut(self, user: str, callback_id: str) -> Outcome:
        """Pick a global shortcut."""
        return await self._people.shortcut(user, callback_id)

    async def click(
        self,
        user: str,
        where: MessageRef | ViewRef,
        block_id: str,
        action_id: str,
        value: Any = None,  # noqa: ANN401 - text, option, list of options
    ) -> Outcome:
        """Use an element of a message, a modal or the App Home.

        `value` is nothing for a button, the text for an input, and for a menu an option, its value, or a list. A
        field of a form keeps the value and sends nothing, unless its block says `dispatch_action`.
        """
        return await self._people.click(user, where, block_id, action_id, value)

    async def options(self, user: str, view_id: str, block_id: str, action_id: str, query: str) -> OptionsAnswer:
        """Type in a type-ahead field; the options it returns can be chosen from then on."""
        return await self._people.options(user, view_id, block_id, action_id, query)

    async def submit(self, user: str, view_id: str, values: Mapping[str, Mapping[str, Any]] | None = None) -> Outcome:
        """Fill in a form (block_id → action_id → value as in `click`, or as in Slack's state) and submit it."""
        return await self._people.submit(user, view_id, values)

    async def close(self, user: str, view_id: str, *, everything: bool = False) -> Outcome:
        """Press a modal's close button; with `everything`, close the whole stack."""
        return await self._people.close(user, view_id, everything=everything)

    async def open_home(self, user: str) -> Outcome:
        """Open the App Home: the app is sent `app_home_opened`, again when it does not answer."""
        if "app_home_opened" in self._core.app.events:
            await self._events.send(payloads.event(self._core, payloads.home_opened(self._core, user)))
        home = self._core.modals.home(user)
        return Outcome(view=self._core.wire_view(home) if home else None)

    # What people see

    def file(self, file_id: str) -> bytes:
        """Return what was uploaded as a file. Raises `KeyError` when there is none."""
        content: bytes = self._core.files[file_id]["content"]
        return content

    def messages(self, channel: str, *, as_user: str | None = None, thread_ts: str | None = None) -> list[Json]:
        """Return a channel's messages, or a thread with its head, oldest first, with their metadata.

        With `as_user`, what that person alone sees is among them, and a private channel they are not in is empty.
        """
        if as_user is not None and not self._core.may_look(as_user, channel):
            return []
        if thread_ts is None:
            found = list(self._core.messages.top(channel))
        else:
            head = self._core.messages.find(channel, thread_ts)
            found = [head, *head.replies] if head else []
        if as_user is not None:
            own = self._core.messages.ephemerals(as_user, channel)
            found += [m for m in own if m.thread_ts == (thread_ts or "")]
        return [message.wire(with_metadata=True) for message in sorted(found, key=lambda m: m.ts)]

    def ephemerals(self, user: str, channel: str) -> list[Json]:
        """Return the messages that a person alone sees in a channel, oldest first."""
        return [message.wire() for message in self._core.messages.ephemerals(user, channel)]

    def views(self, user: str) -> list[Json]:
        """Return a person's open modals, the one on top last."""
        return [self._core.wire_view(view) for view in self._core.modals.stack(user)]

    def view_errors(self, view_id: str) -> dict[str, str]:
        """Return the texts that stand under a modal's fields, by block."""
        view = self._core.modals.find(view_id)
        return dict(view.errors) if view else {}

    def home(self, user: str) -> Json | None:
        """Return a person's App Home, None before the app published one."""
        view = self._core.modals.home(user)
        return self._core.wire_view(view) if view else None

    def open_dm(self, user: str) -> str:
        """Return the id of a person's direct conversation with the app."""
        return self._core.workspace.direct_with(user).id

    def render(self, message: Json) -> str:
        """Return a message or view as text for a terminal, with the names of this workspace."""
        return render_text(message, self._core.name_of)

    def subscribe(self) -> Subscription[Change]:
        """Hear of every change from now on."""
        return self._core.changes.subscribe()

    async def until(self, condition: Callable[[], T | None], seconds: float = 5.0) -> T:
        """Return the condition's first true value, asked now and after every change. Raises `TimeoutError`."""
        return await self._core.changes.until(condition, seconds)

    async def _deliver(self, parcel: Parcel) -> AppAnswer:
        return await RecordingCourier(self._core, self._courier()).deliver(parcel)

    def _courier(self) -> Courier:
        if self._core.app.request_url is None:
            return self.socket_mode
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._transport, timeout=2 * self._answer_within, trust_env=False
            )
        return HttpCourier(self._core.app, self._client, self._core.clock, answer_within=self._answer_within)
