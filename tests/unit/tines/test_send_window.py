"""A process that stood still right before a call does not send it: not before, while or after its connection is made."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import chain, repeat

import pytest

from handlers.routes import Tenant
from handlers.tines import RetryableError, TinesClient

_BODY = b'{"sync_destination":{"id":7,"origin_team_id":1,"destination_team_id":2}}'


class Server:
    """A server that says yes to every whole request."""

    def __init__(self) -> None:
        self.requests = 0
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read requests until the connection ends."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                self.requests += 1
                writer.write(b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: %d\r\n\r\n%b" % (len(_BODY), _BODY))
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()


@asynccontextmanager
async def _running(server: Server) -> AsyncIterator[str]:
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def _creates(url: str, prod: Tenant, may_leave: Iterator[bool]) -> int:
    dev = Tenant.model_validate({"alias": "dev", "url": url, "api_key": "dev-key-0123456789"})
    async with TinesClient(dev) as client:
        calls = client.while_allowed(lambda: next(may_leave))
        created = await calls.create_destination(
            destination=prod, same_tenant=False, destination_team_id=2, team_id=1, story_ids=[3], manual=False
        )
    return created.id


@pytest.mark.parametrize(
    ("asked", "connections"),
    [
        pytest.param(0, 0, id="before a connection"),
        pytest.param(1, 1, id="while the connection was made"),
        pytest.param(2, 1, id="between the head and the body"),
    ],
)
async def test_nothing_leaves_when_the_window_has_closed(prod: Tenant, asked: int, connections: int) -> None:
    """No whole request arrives, and the call counts as one that surely was not applied."""
    server = Server()
    async with _running(server) as url:
        with pytest.raises(RetryableError, match="dev"):
            await _creates(url, prod, chain([True] * asked, repeat(False)))  # noqa: FBT003 - yes and no
        await asyncio.sleep(0)
    assert (server.requests, server.connections) == (0, connections)


async def test_a_send_within_its_window_is_sent_once(prod: Tenant) -> None:
    """A process that did not stand still sends as ever."""
    server = Server()
    async with _running(server) as url:
        assert await _creates(url, prod, repeat(True)) == 7  # noqa: FBT003 - yes
    assert server.requests == 1
