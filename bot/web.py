"""The web server: Slack's requests, and what machines ask of a service (alive, ready, figures).

It stands between the internet and Bolt. A body that is too large, not text, not signed or not parseable is refused
here with a 4xx, so that nothing from outside can make a 5xx or reach a listener unsigned. Facts about signatures:
https://docs.slack.dev/authentication/verifying-requests-from-slack.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.inbound import kind_of
from bot.metrics import Metrics
from handlers.tracing import traced

MOST_BYTES: Final = 1_000_000  # Slack's largest payload is a view of 250 kB with its state
_SECONDS: Final = re.compile(r"[0-9]{1,12}")

Check = Callable[[], Awaitable[str]]
"""Returns what is wrong, or "" when nothing is."""


class SlackEndpoint:
    """`POST /slack/events`: commands, interactivity, options and events."""

    def __init__(self, app: AsyncApp, signing_secret: SecretStr, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._verifier = SignatureVerifier(signing_secret.get_secret_value())
        self._log = structlog.get_logger(__name__)

    async def __call__(self, request: Request) -> Response:
        """Answer one request of Slack."""
        body = await _read(request)
        if body is None:
            return _refusal(413, "too large")
        if not self._is_signed(body, request.headers):
            self._log.warning("a request without a valid signature was refused", bytes=len(body))
            return _refusal(401, "invalid signature or time")
        try:
            parsed = AsyncBoltRequest(body=body.decode(), headers=dict(request.headers))
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
            return _refusal(400, "not a request of Slack")
        kind = kind_of(parsed.body)
        if kind is None:
            return _refusal(400, "not a request of Slack")
        begun = time.perf_counter()
        with traced():
            answer = await self._app.async_dispatch(parsed)
            self._metrics.answered(kind, answer.status, time.perf_counter() - begun)
        return Response(
            status_code=answer.status, content=answer.body, headers=answer.first_headers_without_set_cookie()
        )

    def _is_signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether Slack signed the body within the last five minutes."""
        timestamp = headers.get("x-slack-request-timestamp", "")
        signature = headers.get("x-slack-signature", "")
        # the verifier raises for whatever is not ASCII, no whole number, or a body that is not UTF-8
        if not (_SECONDS.fullmatch(timestamp) and signature.isascii()):
            return False
        try:
            return self._verifier.is_valid(body=body, timestamp=timestamp, signature=signature)
        except UnicodeDecodeError:
            return False


async def _read(request: Request) -> bytes | None:
    """Return the body, None when it is larger than anything that Slack sends."""
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MOST_BYTES:
                return None
            chunks.append(chunk)
    except ClientDisconnect:
        return b""
    return b"".join(chunks)


def _refusal(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status_code=status)


def build_web(
    endpoint: SlackEndpoint | None,
    *,
    ready: Check,
    figures: Callable[[], Awaitable[bytes]] | None,
) -> Starlette:
    """Return the web application.

    `endpoint` is None for a process that takes no requests of Slack over HTTP. `ready` is asked by /readyz; `figures`
    renders /metrics, and None leaves it out.
    """

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_request: Request) -> Response:
        wrong = await ready()
        return PlainTextResponse(f"{wrong or 'ready'}\n", status_code=503 if wrong else 200)

    async def metrics(_request: Request) -> Response:
        content = await figures() if figures is not None else b""
        return Response(content, media_type="text/plain; version=0.0.4")

    routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
    if figures is not None:
        routes.append(Route("/metrics", metrics))
    if endpoint is not None:

        async def slack_events(request: Request) -> Response:
            return await endpoint(request)

        routes.append(Route("/slack/events", slack_events, methods=["POST"]))
    return Starlette(routes=routes)
