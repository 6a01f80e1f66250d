"""Links to the threads of requests, as far as Slack gives them in time."""

import asyncio
from collections.abc import Iterable
from typing import Final

from bot.listeners.responder import Responder
from bot.slack_errors import SLACK_ERRORS
from handlers.requests import threads_of

_SECONDS: Final = 1.0  # an answer waits for it, and is worth more than its link


async def thread_links(responder: Responder, request_ids: Iterable[str]) -> dict[str, str]:
    """Return the links by request id; those that Slack does not give are left out."""
    places = await threads_of(responder.services, request_ids)
    found = await asyncio.gather(*(_link(responder, channel, ts) for channel, ts in places.values()))
    return {each: link for each, link in zip(places, found, strict=True) if link}


async def _link(responder: Responder, channel: str, ts: str) -> str:
    try:
        async with asyncio.timeout(_SECONDS):
            answer = await responder.client.chat_getPermalink(channel=channel, message_ts=ts)
    except SLACK_ERRORS as error:
        responder.not_shown("a link to a thread was not found", error)
        return ""
    return str(answer.get("permalink") or "")
