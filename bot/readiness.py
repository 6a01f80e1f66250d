"""Whether a process can do its work, for whoever decides to send it some: `/readyz`, a load balancer, a deploy.

It prevents that Slack's requests reach a process that could only say "not now", and asks nobody so often that the
question itself becomes a load.
"""

import asyncio
import time
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.listeners.responder import SLACK_ERRORS
from handlers.engine import Engine
from handlers.store import Store, StoreUnavailableError

_TOKEN_CHECK_SECONDS: Final = 30.0
_READY_SECONDS: Final = 2.0


class Readiness:
    """Whether a process can do its work: database, engine and Slack's token."""

    def __init__(self, store: Store, engine: Engine, client: AsyncWebClient) -> None:
        self._store = store
        self._engine = engine
        self._client = client
        self._token_works_until = float("-inf")
        self._look: asyncio.Task[str] | None = None

    async def check(self) -> str:
        """Return what is wrong, "" when nothing is."""
        if wrong := await self._database():
            return wrong
        if not self._engine.working:
            return "jobs are not being run"
        if time.monotonic() < self._token_works_until:
            return ""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._client.auth_test()
        except SLACK_ERRORS as error:
            return f"Slack does not take the bot token or does not answer ({type(error).__name__})"
        self._token_works_until = time.monotonic() + _TOKEN_CHECK_SECONDS
        return ""

    async def _database(self) -> str:
        """Return what is wrong with the database, which may also say nothing: one look at a time, whoever asks."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._looked())
        done, _ = await asyncio.wait({self._look}, timeout=_READY_SECONDS)
        return self._look.result() if done else "the database does not answer"

    async def _looked(self) -> str:
        try:
            async with self._store.transaction() as transaction:  # one that writes: on SQLite that is another lock
                await transaction.audit.head()
        except StoreUnavailableError as error:
            return str(error)
        return ""
