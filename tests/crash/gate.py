"""A gate before a PostgreSQL server that can be shut: for the bot, the server is then away, and comes back later."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import sqlalchemy as sa


class Gate:
    """Passes connections on to a server while it is open; shutting it cuts those there are."""

    def __init__(self, url: sa.URL) -> None:
        host = url.query.get("host", url.host)
        assert isinstance(host, str), "one server is expected"
        self._host = host
        self._port = url.port or 5432
        self._open, self._silent = True, False
        self._writers: set[asyncio.StreamWriter] = set()

    def shut(self, *, silent: bool = False) -> None:
        """Let the server be away: refusing connections, or with `silent` taking them and saying nothing."""
        self._open, self._silent = False, silent
        for writer in self._writers:
            writer.transport.abort()

    def open(self) -> None:
        """Let the server be there."""
        self._open, self._silent = True, False
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        if self._silent:
            self._writers.add(writer)  # cut when the gate moves again
            return
        if not self._open:
            writer.transport.abort()
            return
        if self._host.startswith("/"):
            other_reader, other_writer = await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        else:
            other_reader, other_writer = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, other_writer}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, other_writer))
                group.create_task(_pump(other_reader, writer))
        finally:
            self._writers -= {writer, other_writer}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def gate_before(database_url: str) -> AsyncIterator[tuple[Gate, str]]:
    """Open a gate before a database; gives the gate and the URL that leads through it."""
    url = sa.make_url(database_url)
    gate = Gate(url)
    server = await asyncio.start_server(gate.enter, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    through = url.set(host="127.0.0.1", port=port, query={})
    try:
        yield gate, through.render_as_string(hide_password=False)
    finally:
        gate.shut()
        server.close()
