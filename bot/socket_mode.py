"""Socket Mode: the same app over a WebSocket that the bot opens, for places that Slack cannot reach.

The library tries a bad app token for ever without an error. So the token is tried once here, with a bound, and a
start that cannot work ends with words instead of silence.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import Bot
from bot.inbound import kind_of
from bot.metrics import Metrics
from bot.settings import Settings
from bot.starting import StartError
from handlers.tracing import traced

_CONNECT_SECONDS: Final = 8.0


@asynccontextmanager
async def connected(settings: Settings, bot: Bot, *, ping_seconds: float = 5.0) -> AsyncIterator[None]:
    """Take Slack's requests over a WebSocket while the block runs. Raises `StartError` when Slack cannot be reached.

    A peer that answers no ping for four times `ping_seconds` counts as dead, and another connection is opened.
    """
    if settings.slack_app_token is None:
        message = "Socket Mode needs SLACK_APP_TOKEN"
        raise StartError(message)
    token = settings.slack_app_token.get_secret_value()
    client = AsyncWebClient(token=token, base_url=settings.slack_api_url, retry_handlers=[], timeout=5)
    try:
        await client.apps_connections_open(app_token=token)
    except SlackApiError as error:
        message = (
            f"Slack does not take SLACK_APP_TOKEN ({error.response.get('error', 'no reason given')}). It must be an "
            "app-level token (xapp-…) with the scope connections:write, and Socket Mode must be on."
        )
        raise StartError(message) from None
    except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError) as error:
        message = f"Slack cannot be reached at {settings.slack_api_url} ({type(error).__name__})"
        raise StartError(message) from None
    socket = SocketModeClient(app_token=token, web_client=client, ping_interval=ping_seconds)
    socket.socket_mode_request_listeners.append(partial(_answer, bot.slack, bot.metrics))
    try:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await socket.connect()
        except TimeoutError:
            message = f"Slack did not open a Socket Mode connection within {_CONNECT_SECONDS:.0f} seconds"
            raise StartError(message) from None
        yield
    finally:
        await socket.close()


async def _answer(
    app: AsyncApp, metrics: Metrics, client: AsyncBaseSocketModeClient, request: SocketModeRequest
) -> None:
    """Answer one request of Slack over the socket as over HTTP; what is no request of Slack is only acknowledged."""
    begun = time.time()
    with traced():
        kind = kind_of(request.payload)
        if kind is None:
            structlog.get_logger(__name__).warning("an envelope without a request of Slack", type=request.type)
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
            return
        answer = await run_async_bolt_app(app, request)
        await send_async_response(client, request, answer, begun)
        metrics.answered(kind, answer.status, time.time() - begun)
