"""Socket Mode: the same app over a WebSocket that the bot opens, for places that Slack cannot reach.

The library's own client tries one address for ever, which Slack takes only once, and a bad token without an error. So
the loop is here: each attempt asks for a new address, waits longer after each failure, and says what is wrong. When
Slack wants a connection replaced, the new one is open before the old one is left, and what is being answered on the
old one is answered there. Of the library, its shape of an envelope is used.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.app import Bot
from bot.inbound import RATE_NOTICE, kind_of
from bot.settings import Settings
from bot.slack_client import SlackClient, packed
from bot.slack_errors import SLACK_ERRORS, SlackError, TokenError, TransientError, read_error
from bot.starting import StartError
from handlers.network import Network, egress_for
from handlers.tracing import traced

_START_SECONDS: Final = 8.0  # until a start without a connection ends in words
_OPEN_SECONDS: Final = 5.0  # for each step: the address, the handshake, Slack's hello
_DRAIN_SECONDS: Final = 3.0  # Slack waits no longer for an answer
_SILENT_PINGS: Final = 4  # pings without a sign of life until a peer counts as dead
_SUSPENDED_SECONDS: Final = 10.0  # that the clock goes on beyond a silence: the machine slept
_STEADY_SECONDS: Final = 10.0  # a connection that lived so long was a good one
_FIRST_WAIT: Final = 0.5  # seconds, doubled with each attempt
_LONGEST_WAIT: Final = 30.0
_MOST_DOUBLINGS: Final = 10
_REPLACED: Final = frozenset({"warning", "refresh_requested"})  # Slack's own word: open another one now
_UNREACHABLE: Final = "no address: "
_SUSPENDED: Final = "the machine was suspended"
_TURN_ON: Final = "Turn Socket Mode on in the settings of the app (https://api.slack.com/apps)."
_RIGHT_ONE: Final = (
    "SLACK_APP_TOKEN must be an app-level token (xapp-…) with the scope connections:write, and Socket Mode must be on."
)


class _NotOpenedError(Exception):
    """An attempt to connect failed. `seconds` is how long Slack asks to wait."""

    def __init__(self, reason: str, *, advice: str = "", seconds: float = 0.0, token: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice or "It is tried again with a new address."
        self.seconds = seconds
        self.token = token  # Slack does not take it


@dataclass(frozen=True, slots=True)
class _Link:
    """What connections are made of and with."""

    bot: Bot
    client: SlackClient  # with the app-level token
    session: aiohttp.ClientSession
    network: Network
    ping_seconds: float
    clock: Callable[[], datetime]  # goes on while the machine sleeps


class _Connection:
    """One open WebSocket. `leaving` is set when another one should be open; `over` when this one is closed."""

    def __init__(self, link: _Link, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._link = link
        self._socket = socket
        self._answers: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger(__name__)
        self.leaving = asyncio.Event()
        self.reason = "closed by Slack"
        self.opened_at = time.monotonic()
        self._looked_at = link.clock()

    async def run(self) -> None:
        """Take envelopes until either side ends it, and answer what is under way."""
        self._link.bot.socket.opened()
        try:
            await self._read()
        except (aiohttp.ClientError, OSError) as error:
            self.reason = type(error).__name__
        except asyncio.CancelledError:
            self.reason = "this process stops"
            raise
        finally:
            self.leaving.set()
            await self._end()
            self._link.bot.socket.closed(self.reason)

    async def _read(self) -> None:
        silent = 0
        while silent <= _SILENT_PINGS:
            try:
                message = await self._socket.receive(timeout=self._link.ping_seconds)
            except TimeoutError:
                silent += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._link.ping_seconds):
                        await self._socket.ping()
                if self.leaving.is_set() and not self._answers:
                    return
            else:
                silent = 0
                if not await self._take(message):
                    return
            before, self._looked_at = self._looked_at, self._link.clock()
            if (self._looked_at - before).total_seconds() > 2 * self._link.ping_seconds + _SUSPENDED_SECONDS:
                self.reason = _SUSPENDED
                return
        self.reason = "no answer to pings"

    async def _take(self, message: aiohttp.WSMessage) -> bool:
        """Take one message. False when it is the last one."""
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                return self._take_text(message.data)
            case aiohttp.WSMsgType.PING:
                await self._socket.pong(message.data)
            case aiohttp.WSMsgType.CLOSE | aiohttp.WSMsgType.CLOSING | aiohttp.WSMsgType.CLOSED:
                return False
            case aiohttp.WSMsgType.ERROR:
                self.reason = type(message.data).__name__ if not self.leaving.is_set() else self.reason
                return False
            case _:
                pass
        return True

    def _take_text(self, text: str) -> bool:
        body = _parsed(text)
        if body.get("type") == "disconnect":
            self.reason = str(body.get("reason") or "disconnect")[:60]
            self.leaving.set()
            return self.reason in _REPLACED
        try:
            request = SocketModeRequest.from_dict(body)
        except ValueError:  # a payload that is neither an object nor text
            request = None
        if request is not None:
            task = asyncio.create_task(self._answer(request))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)
        return True

    async def _answer(self, request: SocketModeRequest) -> None:
        try:
            await _answer(self._link.bot, cast("AsyncBaseSocketModeClient", self), request)
        except (aiohttp.ClientError, OSError) as error:
            self._log.warning("an answer did not reach Slack", words=type(error).__name__)
        except Exception:  # noqa: BLE001 - one envelope must not end the connection
            self._log.exception("an envelope was not answered")

    @property
    def logger(self) -> logging.Logger:
        """Where Bolt writes how long an answer took."""
        return logging.getLogger(__name__)

    async def send_socket_mode_response(self, response: SocketModeResponse) -> None:
        """Send an answer on the connection that its envelope came from."""
        await self._socket.send_str(packed(response.to_dict()).decode())

    async def _end(self) -> None:
        """Let the answers that are under way go out, as far as they still can, and close."""
        if self._answers and not self._socket.closed:
            await asyncio.wait(self._answers, timeout=_DRAIN_SECONDS)
        for task in self._answers:
            task.cancel()
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(1):
                await self._socket.close()


class _Keeper:
    """Keeps a connection open: opens the next one when the last one fails, or is to be replaced."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._running: set[asyncio.Task[None]] = set()
        self._failures = 0
        self.opened = asyncio.Event()
        self.last_failure: _NotOpenedError | None = None

    async def keep(self) -> None:
        """Keep connections until cancelled."""
        try:
            while True:
                try:
                    connection = await _open(self._link)
                except _NotOpenedError as failure:
                    await self._wait(failure)
                    continue
                task = asyncio.create_task(connection.run())
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                self.opened.set()
                await connection.leaving.wait()
                if time.monotonic() - connection.opened_at >= _STEADY_SECONDS:
                    self._failures = 0
                elif connection.reason not in _REPLACED or self._failures:
                    await asyncio.sleep(self._next_wait())
                else:
                    self._failures = 1
        finally:
            await self._close()

    async def _wait(self, failure: _NotOpenedError) -> None:
        self.last_failure = failure
        wait = max(self._next_wait(), failure.seconds)
        self._link.bot.socket.failed(failure.reason, advice=failure.advice, next_in=wait)
        await asyncio.sleep(wait)

    def _next_wait(self) -> float:
        """Return how long to wait after one more failure: longer each time, and not as long as others wait."""
        whole = min(_FIRST_WAIT * 2.0 ** min(self._failures, _MOST_DOUBLINGS), _LONGEST_WAIT)
        self._failures += 1
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret

    async def _close(self) -> None:
        """Close what is open; answers under way go out first."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=2 * _DRAIN_SECONDS)


@asynccontextmanager
async def connected(settings: Settings, bot: Bot, *, ping_seconds: float = 5.0) -> AsyncIterator[None]:
    """Take Slack's requests over a WebSocket while the block runs. Raises `StartError` when Slack cannot be reached.

    A peer that shows no sign of life for four times `ping_seconds` counts as dead, and another connection is opened.
    """
    if settings.slack_app_token is None:
        message = "Socket Mode needs SLACK_APP_TOKEN"
        raise StartError(message)
    session = bot.client.session
    if session is None:
        message = "Socket Mode needs the session of the bot's client"
        raise StartError(message)
    client = SlackClient(
        token=settings.slack_app_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=session,
        observe=bot.metrics.slack_call,
        network=settings.network,
    )
    link = _Link(bot, client, session, settings.network, ping_seconds, bot.store.clock)
    bot.socket.starts()
    keeper = _Keeper(link)
    keeping = asyncio.create_task(keeper.keep())
    try:
        await _started(keeper, keeping, settings)
        yield
    finally:
        bot.socket.stops()
        keeping.cancel()
        await asyncio.wait({keeping})


async def _started(keeper: _Keeper, keeping: "asyncio.Task[None]", settings: Settings) -> None:
    """Return when the first connection is open. Raises `StartError` when there is none in time, or cannot be any."""
    deadline = time.monotonic() + _START_SECONDS
    while not keeper.opened.is_set() and time.monotonic() < deadline:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await keeper.opened.wait()
        failure = keeper.last_failure
        if keeping.done() or (failure is not None and (failure.token or failure.reason.startswith(_UNREACHABLE))):
            break
    if keeper.opened.is_set():
        return
    failure = keeper.last_failure
    if failure is not None and failure.token:
        message = f"Slack did not accept SLACK_APP_TOKEN ({failure.reason}). {_RIGHT_ONE}"
    elif failure is not None and failure.reason.startswith(_UNREACHABLE):
        message = f"Slack cannot be reached at {settings.slack_api_url} ({failure.reason})"
    else:
        why = f" ({failure.reason}). {failure.advice}" if failure else ""
        message = f"Slack did not open a Socket Mode connection within {_START_SECONDS:.0f} seconds{why}"
    raise StartError(message)


async def _open(link: _Link) -> _Connection:
    """Open a connection at a new address: each one is good for one handshake. Raises `_NotOpenedError`."""
    url = await _address(link)
    egress = egress_for(url.replace("ws", "http", 1), link.network)
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            socket = await link.session.ws_connect(url, proxy=egress.proxy_url, autoping=False)
    except aiohttp.WSServerHandshakeError as error:
        reason = f"handshake refused (HTTP {error.status})"
        raise _NotOpenedError(reason) from error
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        reason = f"handshake failed ({type(error).__name__})"
        raise _NotOpenedError(reason) from error
    try:
        await _hello(socket)
    except BaseException:
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(1):
                await socket.close()
        raise
    return _Connection(link, socket)


async def _address(link: _Link) -> str:
    """Ask for an address. Raises `_NotOpenedError`."""
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            answer = await link.client.apps_connections_open(app_token=str(link.client.token))
    except SLACK_ERRORS as error:
        found = read_error(error)
        raise _no_address(found) from error
    url = answer.get("url")
    if not isinstance(url, str) or not url.startswith(("ws://", "wss://")):
        reason = "Slack gave no address"
        raise _NotOpenedError(reason)
    return url


def _no_address(error: SlackError) -> _NotOpenedError:
    match error:
        case TransientError():
            return _NotOpenedError(f"{_UNREACHABLE}{error.words}", seconds=error.seconds)
        case _:  # also a refusal that is not known: of an app whose Socket Mode is off, for one
            return _NotOpenedError(error.words, advice=_RIGHT_ONE, token=isinstance(error, TokenError))


async def _hello(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Wait until Slack says that the connection counts. Raises `_NotOpenedError`, with Slack's reason if it has one."""
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            while True:
                message = await socket.receive()
                body = _parsed(message.data) if message.type is aiohttp.WSMsgType.TEXT else {}
                if body.get("type") == "hello":
                    return
                if message.type is aiohttp.WSMsgType.PING:
                    await socket.pong(message.data)
                elif body.get("type") == "disconnect":
                    reason = str(body.get("reason") or "disconnect")[:60]
                    raise _NotOpenedError(reason, advice=_TURN_ON if reason == "link_disabled" else "")
                elif message.type is not aiohttp.WSMsgType.TEXT:
                    reason = "closed before Slack's hello"
                    raise _NotOpenedError(reason)
    except TimeoutError:
        reason = "Slack said no hello"
        raise _NotOpenedError(reason) from None
    except (aiohttp.ClientError, OSError) as error:
        reason = f"handshake failed ({type(error).__name__})"
        raise _NotOpenedError(reason) from error


def _parsed(text: object) -> dict[str, Any]:
    """Return a message of Slack's, empty when it is none."""
    try:
        body = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


async def _answer(bot: Bot, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
    """Answer one request of Slack over the socket as over HTTP; what is no request of Slack is only acknowledged."""
    begun = time.time()
    with traced():
        kind = kind_of(request.payload)
        if kind is None or kind == RATE_NOTICE:
            words = "Slack sends fewer events: this app was sent too many" if kind else "no request of Slack"
            structlog.get_logger(__name__).warning("an envelope is only acknowledged", type=request.type, words=words)
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
            return
        answer = await run_async_bolt_app(bot.slack, request)
        await send_async_response(client, request, answer, begun)
        bot.metrics.answered(kind, answer.status, time.time() - begun)
