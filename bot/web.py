"""The web server: Slack's requests, and what machines ask of a service (alive, ready, figures).

It stands between the internet and Bolt. A body that is too large, too slow, not text, not signed or not parseable is
refused here with a 4xx, so that nothing from outside can make a 5xx or reach a listener unsigned; `bot.ingress_audit` records
it. The one 5xx is a 503 while more is under way than one process can do. Facts about signatures:
https://docs.slack.dev/authentication/verifying-requests-from-slack.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.inbound import kind_of
from bot.ingress_audit import IngressAudit, Reason
from bot.metrics import Metrics
from bot.public_port import REQUEST_SECONDS
from handlers.tracing import traced

EVENTS: Final = "/slack/events"
MOST_BYTES: Final = 1_000_000  # Slack's largest payload is a view of 250 kB with its state
_NOT_ALLOWED: Final = 405
_STATUS: Final[Mapping[Reason, int]] = MappingProxyType({Reason.TOO_LARGE: 413, Reason.TOO_SLOW: 408})
_MOST_AT_ONCE: Final = 200  # of Slack's requests: more wait for the database than it can answer in three seconds
_MOST_BUFFERED: Final = 32_000_000  # bytes of bodies that are not complete, all together
_BUSY: Final = "busy: too many requests at once"
_UNAVAILABLE: Final = 503
_SECONDS: Final = re.compile(r"[0-9]{1,12}")

Check = Callable[[], Awaitable[str]]
"""Returns what is wrong, or "" when nothing is."""


class SlackEndpoint:
    """`/slack/events`: commands, interactivity, options and events; an ASGI application."""

    def __init__(self, app: AsyncApp, signing_secret: SecretStr, metrics: Metrics, ingress_audit: IngressAudit) -> None:
        self._app = app
        self._metrics = metrics
        self._ingress_audit = ingress_audit
        self._verifier = SignatureVerifier(signing_secret.get_secret_value())
        self._under_way = 0  # requests of Slack
        self._buffered = 0  # bytes of bodies that are not complete

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            return await self._refusal(_NOT_ALLOWED, Reason.METHOD)
        body = await self._read(request)
        if isinstance(body, Response):
            return body
        if isinstance(body, Reason):
            return await self._refusal(_STATUS.get(body, 400), body)
        if not self._is_signed(body, request.headers):
            return await self._refusal(401, Reason.UNSIGNED, bytes=len(body))
        try:
            parsed = AsyncBoltRequest(body=body.decode(), headers=dict(request.headers))
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
            return await self._refusal(400, Reason.MALFORMED, bytes=len(body))
        kind = kind_of(parsed.body)
        if kind is None:
            return await self._refusal(400, Reason.MALFORMED, bytes=len(body))
        if self._under_way >= _MOST_AT_ONCE:
            self._metrics.answered(kind, _UNAVAILABLE, 0.0)
            return _busy()
        begun = time.perf_counter()
        self._under_way += 1
        try:
            with traced():
                answer = await self._app.async_dispatch(parsed)
                self._metrics.answered(kind, answer.status, time.perf_counter() - begun)
        finally:
            self._under_way -= 1
        return Response(
            status_code=answer.status, content=answer.body, headers=answer.first_headers_without_set_cookie()
        )

    async def _refusal(self, status: int, reason: Reason, **seen: int) -> Response:
        await self._ingress_audit.reject(reason, status, **seen)
        headers = {"Allow": "POST"} if status == _NOT_ALLOWED else {}
        if reason is Reason.TOO_SLOW:
            headers["Connection"] = "close"  # the rest of the body may still come
        return JSONResponse({"error": reason.value}, status_code=status, headers=headers)

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

    async def _read(self, request: Request) -> bytes | Reason | Response:
        """Return the body, or why there is none to look at: larger or slower than anything that Slack sends, or cut."""
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                async for chunk in request.stream():
                    size += len(chunk)
                    self._buffered += len(chunk)
                    if size > MOST_BYTES:
                        return Reason.TOO_LARGE
                    if self._buffered > _MOST_BUFFERED:
                        return _busy()
                    chunks.append(chunk)
        except ClientDisconnect:
            return Reason.BROKEN_OFF
        except TimeoutError:
            return Reason.TOO_SLOW
        finally:
            self._buffered -= size
        return b"".join(chunks)


def _busy() -> Response:
    """Return the answer to what there is no room for; Slack sends an event again, and tells a person to try again."""
    return JSONResponse({"error": _BUSY}, status_code=_UNAVAILABLE, headers={"Retry-After": "1", "Connection": "close"})


def build_web(endpoint: SlackEndpoint | None, *, ready: Check) -> Starlette:
    """Return the web application on the public port.

    `endpoint` is None for a process that takes no requests of Slack over HTTP. `ready` is asked by /readyz.
    """

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_request: Request) -> Response:
        wrong = await ready()
        return PlainTextResponse(f"{wrong or 'ready'}\n", status_code=_UNAVAILABLE if wrong else 200)

    return Web(endpoint, [Route("/healthz", healthz), Route("/readyz", readyz)])


def build_metrics_web(figures: Callable[[], Awaitable[bytes]]) -> Starlette:
    """Return the web application on the port for Prometheus: /metrics, which `figures` renders, and nothing else."""

    async def metrics(_request: Request) -> Response:
        return Response(await figures(), media_type="text/plain; version=0.0.4")

    return Starlette(routes=[Route("/metrics", metrics)])


class Web(Starlette):
    """Starlette, past which Slack's requests go straight to their endpoint: a person waits for them."""

    def __init__(self, endpoint: SlackEndpoint | None, routes: Sequence[Route]) -> None:
        # whatever the method: the endpoint records what is no POST
        super().__init__(routes=routes if endpoint is None else [*routes, Route(EVENTS, endpoint)])
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._endpoint is not None and scope.get("path") == EVENTS and scope["type"] == "http":
            await self._endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
