"""Running a bot as a process: listening, being told to stop, and ending what was begun.

It prevents a stop that cuts off an answer, and one that never ends: new work is refused first, what runs is let end,
and what takes too long is left to be resumed.
"""

import asyncio
import gc
import signal
import socket
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.app import Bot, Overrides, compose
from bot.public_port import BoundedProtocol, connection_limit
from bot.settings import Settings
from bot.settings.environment import METRICS_PORT
from bot.socket_mode import connected
from bot.starting import StartError, bound_to, listen
from bot.stopping import end_in_time
from bot.web import build_metrics_web
from handlers.store.database import is_sqlite, parse_url

_LISTENING_SECONDS: Final = 0.01  # between two looks whether the server listens
_START_STOP_SECONDS: Final = 1.5  # that a start which is told to stop may still take


class _Server(uvicorn.Server):
    """A server that leaves signals to `_run`, which has more to stop than it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def serve(settings: Settings, overrides: Overrides | None = None) -> None:
    """Answer Slack and work, until a signal ends it. Raises `StartError` and what `handlers.store.migrate` raises."""
    _run(_serve(settings, overrides, answers=True))


def work(settings: Settings, overrides: Overrides | None = None) -> None:
    """Work only, until a signal ends it. Raises as `serve` does, and on SQLite, which one process uses alone."""
    if is_sqlite(parse_url(settings.database_url)):
        message = "a worker shares its database with `serve`: set DATABASE_URL to a PostgreSQL database"
        raise StartError(message)
    _run(_serve(settings, overrides, answers=False))


async def _serve(settings: Settings, overrides: Overrides | None, *, answers: bool) -> None:
    """Start, wait for a signal, then let running work end; a signal during the start ends it at once."""
    log = structlog.get_logger(__name__)
    stop, ready = asyncio.Event(), asyncio.Event()
    starting = asyncio.current_task()

    def told_to_stop() -> None:
        if ready.is_set() or starting is None:
            stop.set()
        else:
            end_in_time(_START_STOP_SECONDS)
            starting.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop)
    try:
        await _serve_until(stop, ready, settings, overrides, answers=answers)
    except asyncio.CancelledError:
        if ready.is_set():
            raise
    log.info("stopped")


async def _serve_until(
    stop: asyncio.Event, ready: asyncio.Event, settings: Settings, overrides: Overrides | None, *, answers: bool
) -> None:
    log = structlog.get_logger(__name__)
    over_http = answers and not settings.socket_mode
    with ExitStack() as bound:
        sockets = bound.enter_context(bound_to(settings.host, settings.port))
        metrics_sockets = bound.enter_context(_metrics_port(settings))
        async with compose(settings, overrides, answers_http=over_http) as bot, AsyncExitStack() as stack:
            if answers and settings.socket_mode:
                await stack.enter_async_context(
                    connected(settings, bot, ping_seconds=(overrides or Overrides()).ping_seconds)
                )
            public = _public_server(bot)
            listen(sockets, public.config.backlog)
            serving = {await _started(public, sockets, stack)}
            if metrics_sockets and bot.figures is not None:
                serving.add(await _started(_server(build_metrics_web(bot.figures)), metrics_sockets, stack))
            gc.collect()
            gc.freeze()  # what was built by now stays: to look through it again and again would stop every click
            ready.set()
            log.info(
                "ready",
                answers="Socket Mode" if answers and not over_http else "HTTP" if answers else "nobody",
                port=sockets[0].getsockname()[1],
            )
            looking = asyncio.create_task(_tell_what_is_wrong(bot))
            waiting = asyncio.create_task(stop.wait())
            await asyncio.wait({*serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            looking.cancel()
            log.info("stopping")
            end_in_time()


async def _tell_what_is_wrong(bot: Bot) -> None:
    """Log once after the start what keeps this process from working, such as a token that was revoked."""
    wrong = await bot.ready()
    if wrong:
        structlog.get_logger(__name__).error("this process cannot work", why=wrong)


@contextmanager
def _metrics_port(settings: Settings) -> Iterator[Sequence[socket.socket]]:
    """Bind the port of the figures. One that nobody asked for may be taken, by another process of the bot's."""
    if not settings.metrics:
        yield ()
        return
    port = METRICS_PORT if settings.metrics_port is None else settings.metrics_port
    with ExitStack() as stack:
        sockets: Sequence[socket.socket] = ()
        try:
            bound = bound_to(settings.metrics_host, port, names=("METRICS_HOST", "METRICS_PORT"), listens=True)
            sockets = stack.enter_context(bound)
        except StartError as error:
            if settings.metrics_port is not None:
                raise
            structlog.get_logger(__name__).warning("there are no metrics", why=str(error))
        yield sockets


def _public_server(bot: Bot) -> _Server:
    """Return the server on the public port, which strangers reach as well as Slack."""
    limit = connection_limit()
    return _server(bot.web, http=BoundedProtocol.of(limit), backlog=limit)


def _server(app: ASGIApp, http: "type[asyncio.Protocol] | str" = "auto", backlog: int = 128) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=http,
            ws="none",
            backlog=backlog,  # connections that wait to be taken, all at once if need be
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,  # nobody asks for the caller's address: Slack's signature counts
            timeout_graceful_shutdown=5,
        )
    )


async def _started(
    server: uvicorn.Server, sockets: Sequence[socket.socket], stack: AsyncExitStack
) -> "asyncio.Task[None]":
    """Begin to serve on sockets, until the stack is left. Raises `StartError` when that fails."""
    serving = asyncio.create_task(server.serve(sockets=list(sockets)))
    stack.push_async_callback(_stopped, server, serving)
    while not (server.started or serving.done()):  # noqa: ASYNC110 - uvicorn tells by a flag only
        await asyncio.sleep(_LISTENING_SECONDS)
    if not server.started:
        message = "the web server did not start; the log says why"
        raise StartError(message)
    return serving


async def _stopped(server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
    """Stop taking requests, and let those that run have their answers."""
    server.should_exit = True
    if not serving.done():
        await serving


def _run(main: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(
        loop_factory=uvicorn.Config(_no_app, loop="auto", log_config=None).get_loop_factory()
    ) as runner:
        runner.run(main)


async def _no_app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Stand in for an app where only uvicorn's choice of an event loop is asked for."""
