"""A stand-in for PgBouncer in transaction mode, as far as a client can tell the difference.

It refuses start-up options that it does not know, or overlooks them when it is told to, gives out a process id that is
not the server's, passes no notification on, and lets nobody name a prepared statement
(https://www.pgbouncer.org/features.html#sql-feature-map-for-pooling-modes,
https://www.postgresql.org/docs/current/protocol-message-formats.html).
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from handlers.store.database import parse_url

_SSL_REQUEST: Final = 80877103
_GSS_REQUEST: Final = 80877104
_FATAL: Final = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: %s\0\0"


@dataclass
class Pooler:
    """What runs, and what it saw."""

    url: str = ""
    overlooks_options: bool = False
    refused: list[str] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)  # names of prepared statements


@asynccontextmanager
async def pooled(url: str, *, overlooks_options: bool = False) -> AsyncIterator[Pooler]:
    """Stand before the server of a database."""
    pooler = Pooler(overlooks_options=overlooks_options)
    database = parse_url(url)
    socket = Path(str(database.query["host"])) / ".s.PGSQL.5432"
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await _serve(pooler, reader, writer, socket)
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pooler.url = sa.URL.create(
        "postgresql", username=database.username, host="127.0.0.1", port=port, database=database.database
    ).render_as_string(hide_password=False)
    yield pooler
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(pooler: Pooler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket: Path) -> None:
    while True:
        (size,) = struct.unpack("!I", await reader.readexactly(4))
        start = await reader.readexactly(size - 4)
        if struct.unpack("!I", start[:4])[0] not in {_SSL_REQUEST, _GSS_REQUEST}:
            break
        writer.write(b"N")
    words = start[4:].split(b"\0")
    said = {words[at].decode(): words[at + 1].decode() for at in range(0, len(words) - 2, 2)}
    if "options" in said and not pooler.overlooks_options:
        pooler.refused.append(said["options"])
        text = _FATAL % b"options"
        writer.write(b"E" + struct.pack("!I", len(text) + 4) + text)
        await writer.drain()
        return
    said.pop("options", None)
    from_server, to_server = await asyncio.open_unix_connection(str(socket))
    packed = b"".join(f"{name}\0{value}\0".encode() for name, value in said.items()) + b"\0"
    to_server.write(struct.pack("!I", len(packed) + 8) + start[:4] + packed)
    try:
        await asyncio.gather(_copy_up(pooler, reader, to_server), _copy_down(from_server, writer))
    finally:
        to_server.close()


async def _copy_up(pooler: Pooler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError):
        while True:
            kind, body = await _message(reader)
            name = body.partition(b"\0")[0].decode()
            if kind == b"P" and name:
                pooler.prepared.append(name)
            _write(writer, kind, body)
    writer.close()


async def _copy_down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError):
        while True:
            kind, body = await _message(reader)
            if kind == b"K":  # what cancels a query: a pooler makes it up
                body = struct.pack("!I", 7) + body[4:]
            if kind != b"A":  # a notification: whoever listened has another connection by then
                _write(writer, kind, body)
    writer.close()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    (size,) = struct.unpack("!I", await reader.readexactly(4))
    return kind, await reader.readexactly(size - 4)


def _write(writer: asyncio.StreamWriter, kind: bytes, body: bytes) -> None:
    writer.write(kind + struct.pack("!I", len(body) + 4) + body)
