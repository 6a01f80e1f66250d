"""Running a bot as a process: listening, being told to stop, and ending what was begun.

It prevents a stop that cuts off an answer, and one that never ends: new work is refused first, what runs is let end,
and what takes too long is left to be resumed.
"""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Final

import structlog
import uvicorn
from starlette.types import Receive, Scope, Send

from bot.app import Overrides, compose
from bot.settings import Settings
from bot.socket_mode import connected
from bot.starting import StartError
from bot.stopping import end_in_time
from handlers.store.database import is_sqlite, parse_url

_LISTENING_SECONDS: Final = 0.01  # between two looks whether the server listens


class _Server(uvicorn.Server):
    """A server that leaves signals to `_run`, which has more to stop than it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def serve(settings: Settings, overrides: Overrides | None = None) -> None:
    """Answer Slack and work, until a signal ends it. Raises `StartError` and `handlers.store.SchemaError`."""
    _run(_serve(settings, overrides, answers=True))


def work(settings: Settings, overrides: Overrides | None = None) -> None:
    """Work only, until a signal ends it. Raises as `serve` does, and on SQLite, which one process uses alone."""
    if is_sqlite(parse_url(settings.database_url)):
        message = "a worker shares its database with `serve`: set DATABASE_URL to a PostgreSQL database"
        raise StartError(message)
    _run(_serve(settings, overrides, answers=False))


async def _serve(settings: Settings, overrides: Overrides | None, *, answers: bool) -> None:
    """Compose, listen and wait for a signal; then let running work end."""
    log = structlog.get_logger(__name__)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    over_http = answers and not settings.socket_mode
    async with compose(settings, overrides, answers_http=over_http) as bot:
        server = _Server(
            uvicorn.Config(
                bot.web,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,  # nobody asks for the caller's address: Slack's signature counts
                timeout_graceful_shutdown=5,
            )
        )
        async with AsyncExitStack() as stack:
            if answers and settings.socket_mode:
                await stack.enter_async_context(
                    connected(settings, bot, ping_seconds=(overrides or Overrides()).ping_seconds)
                )
            serving = asyncio.create_task(server.serve())
            stack.push_async_callback(_stopped, server, serving)
            waiting = asyncio.create_task(stop.wait())
            while not (server.started or serving.done()):  # noqa: ASYNC110 - uvicorn tells by a flag only
                await asyncio.sleep(_LISTENING_SECONDS)
            log.info("ready", answers="Socket Mode" if answers and not over_http else "HTTP" if answers else "nobody")
            await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            log.info("stopping")
            end_in_time()
    log.info("stopped")


async def _stopped(server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
    """Stop taking requests, and let those that run have their answers."""
    server.should_exit = True
    await serving


def _run(main: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(
        loop_factory=uvicorn.Config(_no_app, loop="auto", log_config=None).get_loop_factory()
    ) as runner:
        runner.run(main)


async def _no_app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Stand in for an app where only uvicorn's choice of an event loop is asked for."""
