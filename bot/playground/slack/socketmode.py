"""Socket Mode: the app keeps a WebSocket open, Slack sends envelopes through it and waits for each one's ack.

See https://docs.slack.dev/apis/events-api/using-socket-mode. An address is good for one handshake, the eleventh
connection is turned away (`too_many_websockets`), and so is every one while Socket Mode is off (`link_disabled`). Several connections share the envelopes. Connections
can be asked to refresh, closed, cut or made deaf, since a bot that cannot live through that is down by noon.
"""

import asyncio
import itertools
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.playground.serving import reset_connection
from bot.playground.slack.blocks.checks import is_object
from bot.playground.slack.delivery import ANSWER_SECONDS, AppAnswer, DeliveryError, Parcel, ParcelKind
from bot.playground.slack.shapes import Json

_CONNECTIONS_MOST: Final = 10
_NORMAL_CLOSE: Final = 1000
_REFUSED: Final = 1008


@dataclass(eq=False, slots=True)
class _Connection:
    """One open WebSocket."""

    socket: WebSocket
    waiting: dict[str, asyncio.Future[Json]] = field(default_factory=dict)  # envelope id → its ack's payload
    deaf: bool = False  # the peer seems alive, but nothing goes through any more
    leaving: bool = False  # asked to refresh: no new envelopes


class SocketMode:
    """The server side of Socket Mode, and the courier that uses it."""

    def __init__(self, app_id: str, on_change: Callable[[], None], *, answer_within: float = ANSWER_SECONDS) -> None:
        self._app_id = app_id
        self._on_change = on_change  # called when a connection came or went
        self._answer_within = answer_within
        self._tickets: set[str] = set()
        self._connections: list[_Connection] = []
        self._disabled = False
        self._crowded = False
        self._turn = itertools.count()

    @property
    def connected(self) -> int:
        """How many connections take envelopes."""
        return len(self._ready())

    def open_connection(self, base_url: str) -> Json:
        """`apps.connections.open`: return an address that works for one connection."""
        ticket = secrets.token_urlsafe(12)
        self._tickets.add(ticket)
        return {"ok": True, "url": f"{base_url.replace('http', 'ws', 1)}/socket?ticket={ticket}"}

    async def endpoint(self, socket: WebSocket) -> None:
        """Serve one WebSocket until either side ends it."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(_REFUSED)
            return
        self._tickets.discard(ticket)
        await socket.accept()
        if refusal := self._refusal():
            await socket.send_json({"type": "disconnect", "reason": refusal})
            await socket.close(_NORMAL_CLOSE)
            return
        connection = _Connection(socket)
        self._connections.append(connection)
        self._on_change()
        try:
            await socket.send_json(self._hello())
            while True:
                self._acknowledge(connection, await socket.receive_text())
        except WebSocketDisconnect:
            pass
        finally:
            self._connections.remove(connection)
            self._on_change()
            for future in connection.waiting.values():
                future.cancel()

    async def deliver(self, parcel: Parcel) -> AppAnswer:
        """Send an envelope through one of the connections, in turn. Raises `DeliveryError`."""
        ready = self._ready()
        if not ready:
            cause = "no Socket Mode connection is open"
            raise DeliveryError(cause)
        connection = ready[next(self._turn) % len(ready)]
        envelope_id = secrets.token_hex(16)
        acked: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = acked
        try:
            async with asyncio.timeout(self._answer_within):
                if not connection.deaf:
                    await connection.socket.send_json(_envelope(parcel, envelope_id))
                await asyncio.wait([acked])
        except TimeoutError:
            cause = f"no ack within {self._answer_within:g} s"
            raise DeliveryError(cause, timed_out=True) from None
        finally:
            connection.waiting.pop(envelope_id, None)
        if acked.cancelled():
            cause = "the connection ended before the ack"
            raise DeliveryError(cause)
        return AppAnswer(acked.result())

    async def refresh(self) -> None:
        """Ask every connection to be replaced, as Slack does every few hours: no new envelopes go through it."""
        for connection in self._ready():
            connection.leaving = True
            self._on_change()
            await connection.socket.send_json({"type": "disconnect", "reason": "refresh_requested"})

    async def warn(self) -> None:
        """Tell every connection that it will be replaced within seconds; it goes on working."""
        for connection in self._ready():
            await connection.socket.send_json({"type": "disconnect", "reason": "warning"})

    async def disable(self, *, disabled: bool = True) -> None:
        """Switch Socket Mode off in the app's settings, or on again."""
        self._disabled = disabled
        if disabled:
            for connection in list(self._connections):
                await connection.socket.send_json({"type": "disconnect", "reason": "link_disabled"})
                await connection.socket.close(_NORMAL_CLOSE)

    def crowd(self, *, crowded: bool = True) -> None:
        """Let other processes hold all the connections that an app may have, or give them up."""
        self._crowded = crowded

    def _refusal(self) -> str:
        if self._disabled:
            return "link_disabled"
        return "too_many_websockets" if self._crowded or len(self._connections) >= _CONNECTIONS_MOST else ""

    async def close(self) -> None:
        """Close every connection in an orderly way."""
        for connection in list(self._connections):
            await connection.socket.close(_NORMAL_CLOSE)

    def cut(self) -> None:
        """Break every connection with a reset, as a network does."""
        for connection in list(self._connections):
            reset_connection(connection.socket.scope)

    def deafen(self, *, deaf: bool = True) -> None:
        """Make the open connections swallow all that is sent, or work again; new connections are not affected."""
        for connection in self._connections:
            connection.deaf = deaf

    def _ready(self) -> list[_Connection]:
        return [connection for connection in self._connections if not connection.leaving]

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": "local", "approximate_connection_time": 3600},
        }

    @staticmethod
    def _acknowledge(connection: _Connection, text: str) -> None:
        try:
            ack = json.loads(text)
        except ValueError:
            return  # Slack ignores what it cannot read
        if not is_object(ack) or connection.deaf:
            return
        future = connection.waiting.get(str(ack.get("envelope_id")))
        if future is not None and not future.done():
            payload = ack.get("payload")
            future.set_result(payload if is_object(payload) else {"text": payload} if payload else {})


def _envelope(parcel: Parcel, envelope_id: str) -> Json:
    envelope: Json = {
        "type": parcel.kind.value,
        "envelope_id": envelope_id,
        "payload": parcel.payload,
        "accepts_response_payload": parcel.kind is not ParcelKind.EVENT,
    }
    if parcel.kind is ParcelKind.EVENT:
        envelope |= {"retry_attempt": parcel.retry, "retry_reason": parcel.retry_reason}
    return envelope
