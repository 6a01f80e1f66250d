"""HTTP as the load generator speaks it: one connection that asks, and a server that answers at once.

Both do as little as they can, since they share a core: what they cost is not to be measured.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self, cast
from urllib.parse import urlencode, urlsplit

import httptools

SIGNING_SECRET = "made-up-signing-secret-of-the-bench"

Answer = Callable[[str, str, bytes], tuple[int, bytes]]
"""Takes method, path and body of a request; returns status and JSON body."""


def signed(path: str, form: Mapping[str, str], host: str) -> bytes:
    """Return a whole request as Slack sends it."""
    body = urlencode(form).encode()
    now = str(int(time.time()))
    signature = hmac.new(SIGNING_SECRET.encode(), b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\nX-Slack-Request-Timestamp: {now}\r\nX-Slack-Signature: v0={signature}\r\n"
        "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\nAccept: application/json,*/*\r\n\r\n"
    )
    return head.encode() + body


class Caller(asyncio.Protocol):
    """One connection on which one request at a time is asked."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._answered: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def to(cls, url: str) -> Self:
        """Connect."""
        parts = urlsplit(url)
        _, caller = await asyncio.get_running_loop().create_connection(cls, parts.hostname or "", parts.port or 0)
        return caller

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is none of asyncio's

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that no answer will come."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def on_body(self, body: bytes) -> None:
        """Collect the body; httptools calls it."""
        self._body += body

    def on_message_complete(self) -> None:
        """Hand the answer over; httptools calls it."""
        if self._answered is not None:
            self._answered.set_result((self._parser.get_status_code(), bytes(self._body)))
        self._body.clear()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and return the status and body of its answer."""
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class _Answering(asyncio.Protocol):
    """One connection of somebody who asks us."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._path = b""
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is none of asyncio's

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status, body = self._answer(self._parser.get_method().decode(), self._path.decode(), bytes(self._body))
        self._path = b""
        self._body.clear()
        if self._transport is not None:
            self._transport.write(
                b"HTTP/1.1 %d OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s"
                % (status, len(body), body)
            )


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """Serve a function on a free port of loopback; yields its URL."""
    server = await asyncio.get_running_loop().create_server(lambda: _Answering(answer), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def packed(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
