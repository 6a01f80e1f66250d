"""The Web API over HTTP: reads a call, meets the faults that are switched on, and answers as Slack does.

Answers are 200 with `ok` false for whatever a method refuses; only rate limits and Slack's own failures have other
codes, as an app has to tell them apart.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from bot.playground.serving import reset_connection
from bot.playground.slack.api.args import Args
from bot.playground.slack.api.chat import answer_reply
from bot.playground.slack.api.files import receive
from bot.playground.slack.api.scopes import check_scope
from bot.playground.slack.api.table import METHODS
from bot.playground.slack.blocks.checks import is_object
from bot.playground.slack.core import Core
from bot.playground.slack.errors import ApiError, RateLimitedError, refuse
from bot.playground.slack.faults import Fault, FaultKind
from bot.playground.slack.shapes import Json
from bot.playground.slack.socketmode import SocketMode
from bot.playground.slack.traffic import Direction

_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_APPLIED: Final = frozenset(
    {FaultKind.RESET_AFTER, FaultKind.BAD_GATEWAY_APPLIED, FaultKind.SLOW_ANSWER, FaultKind.SLOW}
)


@dataclass(slots=True)
class _Answer:
    """What goes back: a JSON body, or some other response; `reset` breaks the connection instead."""

    body: Json
    status: int = 200
    html: bool = False
    retry_after: int = 0
    reset: bool = False


class WebApi:
    """The HTTP side of one local Slack: `/api/{method}`, `/response/{token}` and `/upload/{file_id}`."""

    def __init__(self, core: Core, socket_mode: SocketMode) -> None:
        self._core = core
        self._socket_mode = socket_mode

    async def method(self, request: Request) -> Response:
        """Answer a Web API call."""
        name = request.path_params["method"]
        try:
            values = await _arguments(request)
        except ValueError:
            return JSONResponse({"ok": False, "error": "invalid_json"})
        token = _token(request, values)
        started = self._core.clock()
        fault = self._core.faults.take(name, values)
        answer = await self._through(fault, lambda: self._call(name, token, Args(values)))
        self._record(name, values, answer, started, fault)
        return self._response(request, answer)

    async def response_url(self, request: Request) -> Response:
        """Answer a POST to a response URL."""
        token = request.path_params["token"]
        try:
            body = await _arguments(request)
        except ValueError:
            body = {}
        started = self._core.clock()
        fault = self._core.faults.take("response_url", body)

        def run() -> Json:
            answer_reply(self._core, token, body)
            return {"ok": True}

        answer = await self._through(fault, lambda: _tried(run))
        if answer.status == 200 and not answer.body["ok"]:  # noqa: PLR2004 - HTTP's own number
            answer.status = 404
        self._record("response_url", body, answer, started, fault)
        return self._response(request, answer)

    async def upload(self, request: Request) -> Response:
        """Take the bytes of a file."""
        content = await request.body()
        started = self._core.clock()
        fault = self._core.faults.take("upload", {})

        def run() -> Json:
            receive(self._core, request.path_params["file_id"], content)
            return {"ok": True}

        answer = await self._through(fault, lambda: _tried(run))
        self._record("upload", {"bytes": len(content)}, answer, started, fault)
        if not answer.reset and answer.body.get("ok"):
            return PlainTextResponse(f"OK - {len(content)}")
        return self._response(request, answer)

    def _call(self, name: str, token: str, args: Args) -> _Answer:
        core = self._core

        def run() -> Json:
            if name == "apps.connections.open":
                self._check_token(token, core.app.app_token, core.app.bot_token)
                if core.app_token_revoked:
                    refuse("token_revoked")
                return self._socket_mode.open_connection(core.socket_url or core.base_url)
            self._check_token(token, core.app.bot_token, core.app.app_token)
            if core.token_revoked:
                refuse("token_revoked")
            method = METHODS.get(name)
            if method is None:
                refuse("unknown_method", req_method=name)
            check_scope(core, args, method.need, all_of_them=method.all_of_them)
            retry_after = core.limiter.method(name, method.tier, core.clock())
            if retry_after:
                raise RateLimitedError(retry_after)
            return method.run(core, args)

        return _tried(run)

    def _check_token(self, token: str, wanted: str, other: str) -> None:
        if not token:
            refuse("not_authed")
        if token == other:
            refuse("not_allowed_token_type")
        if token != wanted:
            refuse("invalid_auth")

    async def _through(self, fault: Fault | None, call: Callable[[], _Answer]) -> _Answer:
        """Make a call as the fault lets it happen."""
        if fault is None:
            return call()
        if fault.kind is FaultKind.SLOW:
            await self._core.sleep(fault.seconds)
        answer = call() if fault.kind in _APPLIED else _Answer({"ok": False, "error": fault.code})
        match fault.kind:
            case FaultKind.RATE_LIMITED:
                answer = _limited(fault.retry_after)
            case FaultKind.SERVER_ERROR:
                answer.status = 500
            case FaultKind.BAD_GATEWAY | FaultKind.BAD_GATEWAY_APPLIED:
                answer.status, answer.html = 502, True
            case FaultKind.RESET_BEFORE | FaultKind.RESET_AFTER:
                answer.status, answer.reset = 0, True
            case FaultKind.SLOW_ANSWER:
                await self._core.sleep(fault.seconds)
            case FaultKind.SLOW | FaultKind.ERROR:
                pass
        return answer

    def _record(self, name: str, request: Json, answer: _Answer, started: float, fault: Fault | None) -> None:
        shown = {key: value for key, value in request.items() if key != "token"}
        self._core.traffic.record(
            Direction.TO_SLACK,
            name,
            request=shown,
            answer=answer.body,
            status=answer.status,
            at=started,
            seconds=self._core.clock() - started,
            note=f"fault: {fault.kind}" if fault else "",
        )

    def _response(self, request: Request, answer: _Answer) -> Response:
        if answer.reset:
            if not reset_connection(request.scope):
                message = "the connection was reset, as the fault says"
                raise ConnectionResetError(message)
            return Response(status_code=500)  # never leaves: the connection is gone
        if answer.html:
            return HTMLResponse(_HTML, answer.status)
        headers = {"x-oauth-scopes": ",".join(sorted(self._core.app.scopes))}
        if answer.retry_after:
            headers["retry-after"] = str(answer.retry_after)
        return JSONResponse(answer.body, answer.status, headers)


def _tried(run: Callable[[], Json]) -> _Answer:
    """Run a method and put its refusals into answers."""
    try:
        return _Answer(run())
    except ApiError as error:
        return _Answer(error.body())
    except RateLimitedError as error:
        return _limited(error.retry_after)


def _limited(retry_after: int) -> _Answer:
    return _Answer({"ok": False, "error": "ratelimited"}, 429, retry_after=retry_after)


async def _arguments(request: Request) -> Json:
    """Read a call's arguments from the query and the body. Raises `ValueError` when the body is unreadable."""
    values: Json = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        body = _parsed(await request.body())
        if not is_object(body):
            message = "not an object"
            raise ValueError(message)
        return values | body
    return values | dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds; the caller checks it
    """Read JSON; half a surrogate pair becomes "?", since no answer could be encoded with it."""
    text = body.decode()
    value = json.loads(text or "{}")
    if "\\u" in text:
        value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    return value


def _token(request: Request, values: Json) -> str:
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else str(values.get("token") or "")
