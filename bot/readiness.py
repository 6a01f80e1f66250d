"""Whether a process can do its work, for whoever decides to send it some: `/readyz`, a load balancer, a deploy.

It prevents that Slack's requests reach a process that could only say "not now". Anybody on the internet may ask, so
whoever asks while a look is under way shares it, failures are remembered for a moment, and nobody can make the
question itself a load on the database or on Slack.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.listeners.responder import SLACK_ERRORS
from bot.slack_client import error_code
from handlers.engine import Engine
from handlers.store import Store, StoreUnavailableError

_TOKEN_WORKS_SECONDS: Final = 30.0  # that Slack's yes counts
_TOKEN_FAILED_SECONDS: Final = 3.0  # that its no counts
_DATABASE_FAILED_SECONDS: Final = 0.5
_READY_SECONDS: Final = 2.0
_LOOKS_A_SECOND: Final = 10  # those beyond share what the last one found


class Readiness:
    """Whether a process can do its work: database, engine and Slack's token."""

    def __init__(self, store: Store, engine: Engine, client: AsyncWebClient) -> None:
        self._store = store
        self._engine = engine
        self._client = client
        self._database = _Look(self._try_database, good_for=0.0, bad_for=_DATABASE_FAILED_SECONDS)
        self._token = _Look(self._try_token, good_for=_TOKEN_WORKS_SECONDS, bad_for=_TOKEN_FAILED_SECONDS)

    async def check(self) -> str:
        """Return what is wrong, "" when nothing is."""
        if wrong := await self._database.result("the database does not answer"):
            return wrong
        if not self._engine.working:
            return "jobs are not being run"
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
        except SlackApiError as error:
            return f"Slack does not take the bot token ({error_code(error)}): reinstall the app, set SLACK_BOT_TOKEN"
        except SLACK_ERRORS as error:
            return f"Slack does not answer ({type(error).__name__})"
        return ""


class _Look:
    """One question at a time, whoever asks how often, and its last answer for a while."""

    def __init__(self, ask: Callable[[], Awaitable[str]], *, good_for: float, bad_for: float) -> None:
        self._ask = ask
        self._good_for = good_for  # seconds that "nothing is wrong" counts
        self._bad_for = bad_for
        self._task: asyncio.Task[str] | None = None
        self._last = ""
        self._counts_until = float("-inf")
        self._begun: deque[float] = deque(maxlen=_LOOKS_A_SECOND)

    async def result(self, silence: str) -> str:
        """Return what is wrong, "" when nothing is, and `silence` when that is not known in time."""
        now = time.monotonic()
        if self._task is None or self._task.done():
            often = len(self._begun) == _LOOKS_A_SECOND and now - self._begun[0] < 1.0
            if now < self._counts_until or often:
                return self._last
            self._begun.append(now)
            self._task = asyncio.create_task(self._look())
        done, _ = await asyncio.wait({self._task}, timeout=_READY_SECONDS)
        return self._task.result() if done else silence

    async def _look(self) -> str:
        try:
            self._last = await self._ask()
        except Exception:  # noqa: BLE001 - whatever it is, the process is not ready, and whoever asks gets an answer
            structlog.get_logger(__name__).exception("a look whether this process is ready failed")
            self._last = "something failed that nobody foresaw; the log says what"
        self._counts_until = time.monotonic() + (self._bad_for if self._last else self._good_for)
        return self._last
