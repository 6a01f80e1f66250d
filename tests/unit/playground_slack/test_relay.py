import asyncio
import contextlib
import socket

import pytest

from bot.playground.slack import relayed


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(100):
            writer.write(data.upper())
    writer.close()


async def test_a_relay_passes_on_both_ways_to_the_end() -> None:
    """What goes in comes back through the relay, and the end of one side is the end of the other."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    async with server, relayed(f"http://{address[0]}:{address[1]}") as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.url.rpartition(":")[2]))
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def test_what_came_while_frozen_is_passed_on_when_unfrozen() -> None:
    """A frozen connection delivers nothing, and loses nothing."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    async with server, relayed(f"http://{address[0]}:{address[1]}") as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.url.rpartition(":")[2]))
        writer.write(b"a")
        assert await reader.readexactly(1) == b"A"
        relay.freeze()
        writer.write(b"b")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        relay.unfreeze()
        assert await reader.readexactly(1) == b"B"
        writer.close()


async def test_a_relay_to_nobody_breaks_at_once() -> None:
    """Who connects through a relay to an address where nobody listens is cut off."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with relayed(f"http://127.0.0.1:{port}") as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.url.rpartition(":")[2]))
        assert await reader.read() == b""
        writer.close()
