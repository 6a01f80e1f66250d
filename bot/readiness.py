"""Whether a process can do its work, for whoever decides to send it some: `/readyz`, a load balancer, a deploy.

It prevents that Slack's requests reach a process that could only say "not now". Anybody on the internet may ask, so
whoever asks while a look is under way shares it, only so many looks are begun within some seconds, and what the last
one found is the answer for all beyond: nobody can make the question itself a load on the database or on Slack.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack_errors import SLACK_ERRORS, TransientError, read_error
from bot.socket_state import SocketState
from handlers.engine import Engine
from handlers.store import Store, StoreUnavailableError

_TOKEN_WORKS_SECONDS: Final = 30.0  # that Slack's yes counts
_TOKEN_LOOKS: Final = (2, 5.0)  # at most so many within so many seconds
_DATABASE_LOOKS: Final = (10, 1.0)
_READY_SECONDS: Final = 2.0


class Readiness:
    """Whether a process can do its work: database, engine, Slack's token, and a Socket Mode connection where there should be one."""

    def __init__(self, store: Store, engine: Engine, client: AsyncWebClient, socket: SocketState) -> None:
        self._store = store
        self._engine = engine
        self._client = client
        self._socket = socket
        self._database = _Look(self._try_database, *_DATABASE_LOOKS)
        self._token = _Look(self._try_token, *_TOKEN_LOOKS, good_for=_TOKEN_WORKS_SECONDS)

    async def check(self) -> str:
        """Return what is wrong, "" when nothing is."""
        if wrong := await self._database.result("the database does not answer"):
            return wrong
        if not self._engine.working:
            return "jobs are not being run"
        if wrong := self._socket.wrong():
            return wrong
        return await self._token.result("Slack does not answer")

    async def _try_database(self) -> str:
        try:
            await self._store.try_writing()
        except StoreUnavailableError as error:
            return str(error)
        return ""

    async def _try_token(self) -> str:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._client.auth_test()
        except SLACK_ERRORS as error:
            found = read_error(error)
            if isinstance(found, TransientError):
                return f"Slack does not answer ({found.words})"
            return f"Slack did not accept the bot token ({found.words}): reinstall the app, set SLACK_BOT_TOKEN"
        return ""


class _Look:
    """One question at a time, whoever asks, and not too often; beyond that its last answer counts."""

    def __init__(self, ask: Callable[[], Awaitable[str]], most: int, seconds: float, *, good_for: float = 0.0) -> None:
        self._ask = ask
        self._begun: deque[float] = deque(maxlen=most)  # when the last ones began
        self._seconds = seconds  # within which at most so many begin
        self._good_for = good_for  # seconds that "nothing is wrong" counts
        self._works_until = float("-inf")
        self._task: asyncio.Task[str] | None = None
        self._last = ""

    async def result(self, silence: str) -> str:
        """Return what is wrong, "" when nothing is, and `silence` when that is not known in time."""
        now = time.monotonic()
        task = self._task
        if task is None or task.done():
            often = len(self._begun) == self._begun.maxlen and now - self._begun[0] < self._seconds
            if now < self._works_until or often:
                return self._last
            self._begun.append(now)
            self._task = task = asyncio.create_task(self._look())
        done, _ = await asyncio.wait({task}, timeout=_READY_SECONDS)
        return task.result() if done else silence

    async def _look(self) -> str:
        try:
            self._last = await self._ask()
        except Exception:  # noqa: BLE001 - whatever it is, the process is not ready, and whoever asks gets an answer
            structlog.get_logger(__name__).exception("a look whether this process is ready failed")
            self._last = "something failed that nobody foresaw; the log says what"
        self._works_until = float("-inf") if self._last else time.monotonic() + self._good_for
        return self._last
