"""Serve an ASGI app on a loopback port inside the running event loop, for the demo and for tests.

uvicorn's own entry points install signal handlers, poll every 100 ms and wait for idle connections at the end. Here
the port is known before anybody connects, is free again after the block, and nothing that still hangs on a
connection can hold up the exit.

An app served this way finds a function under `RESET` in its scope's extensions: it cuts the connection with a TCP
reset, as a crashed server or an impatient proxy would, which plain ASGI has no words for.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config, Server

RESET: Final = "playground.reset"
_GRACE: Final = 0.1  # seconds that running requests get to finish at the end
_CANCELLATION: Final = 1.0  # seconds that a cancelled request gets to clean up
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST and drops what is unsent


class ServingError(RuntimeError):
    """The app's lifespan failed to start; uvicorn has logged why."""


@contextlib.asynccontextmanager
async def served(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the app while the block runs; yields its origin, e.g. "http://127.0.0.1:49152", without a slash.

    With port 0 the system chooses a free one. WebSockets work. On exit, requests get 0.1 s to finish, then they are
    cut off and cancelled. Raises `OSError` when the port cannot be bound and `ServingError` when the app's lifespan
    fails to start.
    """
    listener = socket.create_server((host, port))
    running = _Running(app)
    try:
        await running.start(listener)
    except BaseException:
        listener.close()
        raise
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        await running.stop(listener)


def reset_connection(scope: Scope) -> bool:
    """Cut the connection that the scope's request came on; False when the app is not under `served`."""
    reset: Callable[[], None] | None = scope.get("extensions", {}).get(RESET)
    if reset is None:
        return False
    reset()
    return True


class _Running:
    """One served app: uvicorn's protocols without its main loop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._stopping = False
        # No date header: uvicorn refreshes it in the main loop, which is left out here.
        config = Config(
            self._enter,
            interface="asgi3",  # uvicorn takes a bound method for an ASGI 2 app
            ws="websockets-sansio",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
        )
        config.load()
        self._server = Server(config)
        self._server.lifespan = config.lifespan_class(config)

    async def start(self, listener: socket.socket) -> None:
        try:
            await self._server.startup(sockets=[listener])
        except SystemExit as error:  # uvicorn's way to say that the lifespan failed
            message = "the app's lifespan failed to start"
            raise ServingError(message) from error

    async def stop(self, listener: socket.socket) -> None:
        self._stopping = True
        for server in self._server.servers:
            server.close()
        listener.close()
        state = self._server.server_state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(set(state.tasks), timeout=_GRACE)
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # the protocols learn of the abort first: a task cut off then ends without a word
        left = set(state.tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_CANCELLATION)
        await self._server.lifespan.shutdown()

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, with the reset function in its scope."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        cut = False

        def reset() -> None:
            nonlocal cut
            cut = True
            self._reset(scope["client"])

        async def send_unless_cut(message: Message) -> None:
            if not cut:
                await send(message)

        scope["extensions"] = {**scope.get("extensions", {}), RESET: reset}
        try:
            await self._app(scope, receive, send_unless_cut)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            # Our own cancellation at the end: uvicorn would log it as the app's error.
        if cut:
            await asyncio.sleep(0)  # uvicorn learns of the cut first, else it complains of a missing answer

    def _reset(self, client: tuple[str, int]) -> None:
        for connection in list(self._server.server_state.connections):
            if connection.transport.get_extra_info("peername")[:2] == client:
                _abort_hard(connection.transport)


def _abort_hard(transport: asyncio.Transport) -> None:
    """Close a transport so that its peer sees a reset instead of a tidy end."""
    # uvloop's pseudo-socket has no setsockopt: a duplicate of the descriptor reaches the same socket in both loops.
    descriptor = os.dup(transport.get_extra_info("socket").fileno())
    with socket.socket(fileno=descriptor) as duplicate:
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
