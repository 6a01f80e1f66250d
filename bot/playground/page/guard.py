"""Who may talk to the page: browsers on this machine that opened it, and nobody else.

The page clicks buttons as anybody. Without the check of `Host`, any website could point a name of its own at
127.0.0.1 (DNS rebinding) and read and click too; without the check of `Origin`, it could send requests blindly. The
headers make the browser refuse foreign code, inline code and markup made from text.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Final = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-cache"),
)


class LoopbackOnly:
    """ASGI middleware: refuses foreign hosts (421) and foreign origins (403), and sets the headers above."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS:
                    headers[name] = value
            await send(message)

        headers = Headers(scope=scope)
        app = refusal(scope["method"], headers.get("host", ""), headers.get("origin")) or self._app
        await app(scope, receive, send_with_headers)


def refusal(method: str, host: str, origin: str | None) -> PlainTextResponse | None:
    """Return the answer to a request that must not pass, else None.

    A request that changes something needs the `Origin` that browsers send with every POST; one without it comes from
    a program that could as well lie about it, and is refused as well.
    """
    if not _loopback(host):
        return PlainTextResponse("This playground answers on loopback only.", status_code=421)
    if method not in {"GET", "HEAD"} and origin != f"http://{host}":
        return PlainTextResponse("This request does not come from the playground's own page.", status_code=403)
    return None


def _loopback(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in _LOOPBACK
    except ValueError:
        return False
