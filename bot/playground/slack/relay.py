"""A network between the app and its Slack (or anything else on TCP) that can freeze and break.

A peer that is dead without a word, a machine that fell off the net, is the fault that no server can play itself: it
would still answer pings. A relay passes bytes on until it is told not to.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Relay:
    """Passes connections on to one address; `url` is where to connect instead."""

    def __init__(self, url: str, host: str, port: int) -> None:
        self.url = url
        self._host = host
        self._port = port
        self._flows: dict[asyncio.Task[None], asyncio.Event] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._open = 0
        self._closed = False

    def freeze(self) -> None:
        """Pass nothing on through the connections there are; new ones work."""
        for moving in self._flows.values():
            moving.clear()

    def unfreeze(self) -> None:
        """Pass on again, also what came meanwhile."""
        for moving in self._flows.values():
            moving.set()

    def cut(self) -> None:
        """Break the connections there are; new ones work."""
        for writer in self._writers:
            writer.transport.abort()

    async def aclose(self) -> None:
        """Break every connection, also one that is just being made, and wait until none is left."""
        self._closed = True
        self.cut()
        self.unfreeze()
        await self._idle.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until either side ends it."""
        self._open += 1
        self._idle.clear()
        try:
            await self._serve(reader, writer)
        finally:
            self._open -= 1
            if not self._open:
                self._idle.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return
        writers = {writer, far_writer}
        self._writers |= writers
        if self._closed:
            self.cut()
        moving = asyncio.Event()
        moving.set()
        ends = (_pass_on(reader, far_writer, moving), _pass_on(far_reader, writer, moving))
        flows = [asyncio.create_task(end) for end in ends]
        self._flows |= dict.fromkeys(flows, moving)
        try:
            await asyncio.wait(flows)
        finally:
            for flow in flows:
                flow.cancel()
                del self._flows[flow]
            self._writers -= writers
            for each in writers:
                each.transport.abort()
                with contextlib.suppress(OSError):
                    await each.wait_closed()


@contextlib.asynccontextmanager
async def relayed(url: str) -> AsyncIterator[Relay]:
    """Run a relay to a server on this machine, e.g. "http://127.0.0.1:49152", while the block runs."""
    address = urlsplit(url)
    relay = Relay("", address.hostname or "127.0.0.1", address.port or 80)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.url = f"{address.scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield relay
    finally:
        server.close()
        await relay.aclose()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, moving: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            await moving.wait()
            writer.write(data)
            await writer.drain()
        writer.write_eof()
