import asyncio
import logging
import socket
import time
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bot.playground.serving import ServingError, reset_connection, served

Loop = Callable[[Coroutine[object, object, None]], None]


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def _hang(_request: Request) -> Response:
    await asyncio.Event().wait()
    return PlainTextResponse("never")


async def _stream(_request: Request) -> Response:
    async def forever() -> AsyncIterator[bytes]:
        yield b"first\n"
        await asyncio.Event().wait()

    return StreamingResponse(forever())


async def _reset(request: Request) -> Response:
    assert reset_connection(request.scope)
    return PlainTextResponse("nobody reads this")


async def _half(request: Request) -> Response:
    async def half() -> AsyncIterator[bytes]:
        yield b"first half"
        await asyncio.sleep(0)
        reset_connection(request.scope)

    return StreamingResponse(half(), headers={"content-length": "20"})


async def _echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


def _app() -> Starlette:
    return Starlette(
        routes=[
            Route("/hello", _hello),
            Route("/hang", _hang),
            Route("/stream", _stream),
            Route("/reset", _reset),
            Route("/half", _half),
            WebSocketRoute("/echo", _echo),
        ]
    )


def _on_asyncio(coroutine: Coroutine[object, object, None]) -> None:
    with asyncio.Runner() as runner:
        runner.run(coroutine)


def _on_uvloop(coroutine: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(coroutine)


@pytest.fixture(params=[_on_asyncio, _on_uvloop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Loop:
    """Run a coroutine under each event loop."""
    chosen: Loop = request.param
    return chosen


def test_serves_http_and_websockets_without_a_warning(run: Loop) -> None:
    """Both protocols work on the same port, and no deprecated part of a library is used."""

    async def scene() -> None:
        async with served(_app()) as url, httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/hello")).text == "hello"
            async with connect(url.replace("http", "ws") + "/echo") as peer:
                await peer.send("ping")
                assert await peer.recv() == "ping"

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(scene())


def test_frees_the_port_and_leaves_nothing_running(run: Loop) -> None:
    """After the block the same port can be bound again and no task of the server is left."""

    async def scene() -> None:
        async with served(_app()) as url, httpx.AsyncClient() as client:
            await client.get(f"{url}/hello")
        port = int(url.rpartition(":")[2])
        assert asyncio.all_tasks() == {asyncio.current_task()}
        async with served(_app(), port=port) as again:
            assert again == url

    run(scene())


def test_cuts_off_whatever_lingers_quickly_and_silently(run: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """A hanging request, a stream and a WebSocket cannot hold up the exit, and nothing is logged as an error."""

    async def scene() -> None:
        async with httpx.AsyncClient() as client:
            async with served(_app()) as url:
                hanging = asyncio.create_task(client.get(f"{url}/hang"))
                peer = await connect(url.replace("http", "ws") + "/echo")
                stream = client.build_request("GET", f"{url}/stream")
                streaming = await client.send(stream, stream=True)
                started = time.monotonic()
            assert time.monotonic() - started < 1.0
            with pytest.raises(httpx.TransportError):
                await hanging
            with pytest.raises(ConnectionClosed):
                await peer.recv()
            with pytest.raises(httpx.TransportError):
                await streaming.aread()

    with caplog.at_level(logging.WARNING):
        run(scene())
    assert caplog.records == []


def test_a_reset_reaches_the_client_as_a_broken_connection(run: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """A cut before the answer and one in its middle are transport errors, and the next request works."""

    async def scene() -> None:
        async with served(_app()) as url, httpx.AsyncClient() as client:
            for path in ("/reset", "/half"):
                with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                    await client.get(url + path)
            assert (await client.get(f"{url}/hello")).text == "hello"

    with caplog.at_level(logging.WARNING):
        run(scene())
    assert caplog.records == []


async def test_a_reset_is_not_pretended_without_a_connection() -> None:
    """An app that is called without a server learns that it cannot cut anything."""
    assert not reset_connection({"type": "http"})


async def test_runs_the_lifespan_of_the_app() -> None:
    """What an app sets up at start is there for requests and is torn down at the end."""
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        seen.append("start")
        yield
        seen.append("end")

    async with served(Starlette(lifespan=lifespan)):
        assert seen == ["start"]
    assert seen == ["start", "end"]


async def test_a_lifespan_that_fails_is_an_error_and_not_an_exit(tmp_path: Path) -> None:
    """A failing start raises instead of ending the whole process."""
    missing = tmp_path / "database"

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if not missing.exists():
            message = "no database"
            raise RuntimeError(message)
        yield

    with pytest.raises(ServingError):
        async with served(Starlette(lifespan=lifespan)):
            pass


async def test_a_taken_port_is_an_os_error() -> None:
    """Two servers cannot share a port unnoticed."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with served(_app(), port=taken.getsockname()[1]):
            pass
