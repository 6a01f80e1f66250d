"""The stream of news to a browser: what changed on whose screen, each exchange, and that a tenant changed.

Server-sent events, because a browser reconnects to them by itself. Each piece of news names only what changed; the
page reads it anew, so that a reader who was away has missed nothing. One stream tells of everybody whom one can be: the
windows of a browser share it, since browsers allow six connections to a host.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bot.playground.page.slackside import SlackPage
from bot.playground.page.tinesside import call_row, exchange_row
from bot.playground.slack import Change, Exchange, Json, LocalSlack
from bot.playground.tines import Call, LocalTines

_ALIVE_EVERY: Final = 15.0  # seconds; without any news a dead connection would go unnoticed
_RETRY_MS: Final = 500


class Events:
    """Serves the stream at `/api/events`."""

    def __init__(self, slack: LocalSlack, tenants: Mapping[str, LocalTines], page: SlackPage) -> None:
        self._slack = slack
        self._tenants = tenants
        self._page = page

    def routes(self) -> list[Route]:
        """Return the one route."""
        return [Route("/api/events", self._events)]

    async def _events(self, _request: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        lines: asyncio.Queue[str] = asyncio.Queue()
        async with contextlib.AsyncExitStack() as stack:
            # All subscriptions stand before the reader is told to look: nothing falls between looking and hearing.
            changes = stack.enter_context(self._slack.subscribe())
            feeds = [
                self._changes(changes, lines),
                _exchanges(stack.enter_context(self._slack.traffic.subscribe()), lines),
                *(
                    _calls(tines, stack.enter_context(tines.calls.subscribe()), lines)
                    for tines in self._tenants.values()
                ),
            ]
            tasks = [asyncio.create_task(feed) for feed in feeds]
            stack.push_async_callback(_cancelled, tasks)
            yield f"retry: {_RETRY_MS}\n\n" + _event("ready", {})
            while not tasks[0].done():
                try:
                    yield await asyncio.wait_for(lines.get(), _ALIVE_EVERY)
                except TimeoutError:
                    yield ": alive\n\n"

    async def _changes(self, changes: AsyncIterator[Change], lines: asyncio.Queue[str]) -> None:
        async for change in changes:
            readers = [one for one in self._page.people if self._concerns(one, change)]
            if readers:
                lines.put_nowait(_event("change", _change(change) | {"readers": readers}))

    def _concerns(self, user: str, change: Change) -> bool:
        return change.user in {"", user} and (not change.channel or self._page.sees(user, change.channel))


async def _exchanges(exchanges: AsyncIterator[Exchange], lines: asyncio.Queue[str]) -> None:
    async for exchange in exchanges:
        lines.put_nowait(_event("traffic", exchange_row(exchange)))


async def _calls(tines: LocalTines, calls: AsyncIterator[Call], lines: asyncio.Queue[str]) -> None:
    async for call in calls:
        lines.put_nowait(_event("traffic", call_row(call)))
        if call.done:
            lines.put_nowait(_event("tines", {"tenant": tines.name}))


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _change(change: Change) -> Json:
    return {
        "kind": change.kind.value,
        "channel": change.channel,
        "user": change.user,
        "ts": change.ts,
        "thread_ts": change.thread_ts,
        "view_id": change.view_id,
    }


def _event(name: str, body: Json) -> str:
    return f"event: {name}\ndata: {json.dumps(body)}\n\n"
