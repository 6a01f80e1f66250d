"""The HTTP in front of a local tenant: authentication, faults and the record of calls around every operation."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.playground.serving import reset_connection
from bot.playground.tines.calls import Outcome, masked, masked_text
from bot.playground.tines.exports import actions_of
from bot.playground.tines.faults import Fault, Kind
from bot.playground.tines.operations import OPERATIONS, Operation
from bot.playground.tines.records import Key, Right
from bot.playground.tines.tenant import LocalTines
from bot.playground.tines.wire import JSON, Ask, RefusalError, Reply, refusal

PREFIX = "/api/v1"
Sleep = Callable[[float], Awaitable[None]]


class NoConnectionError(RuntimeError):
    """A reset was asked for, but no server stands around the app: use `served`."""


def build_tines_app(tines: LocalTines, *, sleep: Sleep = asyncio.sleep) -> Starlette:
    """Build the tenant's API. Faults that cut connections need it to run under `bot.playground.serving.served`."""
    serve = partial(_serve, tines=tines, sleep=sleep)
    routes = [
        Route(PREFIX + operation.path, partial(serve, operation=operation), methods=[operation.method])
        for operation in OPERATIONS
    ]
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    page = Route("/stories/{story_id:int}", partial(_story_page, tines=tines))
    return Starlette(routes=[*routes, page, Route("/{rest:path}", partial(serve, operation=None), methods=methods)])


@dataclass
class _Visit:
    """One call on its way through."""

    tines: LocalTines
    request: Request
    operation: Operation | None  # None: no such path
    body: object = None  # parsed JSON
    readable: bool = True  # whether the body was JSON, or empty
    key: str = ""  # name of the caller's key, once recognised
    fault: str = ""  # kind of the fault that struck

    async def answer(self, sleep: Sleep) -> Reply | None:
        """Answer, or do what a fault wants instead; None when no answer is sent."""
        fault = self.tines.faults.take(self.request.method, _path(self.request))
        if fault is None:
            return self.perform()
        self.fault = fault.kind.value
        if fault.meanwhile is not None:
            fault.meanwhile(self.tines, self.body)
        if fault.kind in _NOT_APPLIED:
            return await self._not_applied(fault)
        return await self._applied(fault, self.perform(), sleep)

    async def _not_applied(self, fault: Fault) -> Reply | None:
        match fault.kind:
            case Kind.ANSWER:
                return _wrong(fault)
            case Kind.RESET_BEFORE:
                _cut(self.request)
            case _:
                await _given_up(self.request)
        if fault.kind is Kind.APPLIED_LATE:
            self.tines.world.schedule(fault.seconds, self._perform_unseen)
        return None

    async def _applied(self, fault: Fault, reply: Reply, sleep: Sleep) -> Reply | None:
        match fault.kind:
            case Kind.RESET_AFTER:
                _cut(self.request)
                return None
            case Kind.APPLIED_THEN_ANSWER:
                return _wrong(fault)
            case Kind.TRUNCATED:
                return replace(reply, body=reply.body[: len(reply.body) // 2])
            case Kind.SLOW:
                await sleep(fault.seconds)
        return reply

    def perform(self) -> Reply:
        """Do what the call asks for, now."""
        self.tines.world.settle()
        try:
            return self._operate(self._authorized())
        except RefusalError as error:
            shape = self.tines.switches.error_shape
            return refusal(shape, error.status, error.message, details=error.details)

    def _perform_unseen(self) -> None:
        self.perform()

    def _authorized(self) -> Key:
        scheme, _, secret = self.request.headers.get("authorization", "").partition(" ")
        key = self.tines.authenticate(secret if scheme.lower() == "bearer" else "")
        self.key = key.name
        operation = self.operation
        if operation and ((operation.owner_only and key.right is not Right.OWNER) or key.right in operation.refused):
            status = self.tines.switches.denied_status
            raise RefusalError(status, HTTPStatus(status).phrase)
        return key

    def _operate(self, key: Key) -> Reply:
        if self.operation is None:
            raise RefusalError(404, "Not Found")
        if not self.readable:
            raise RefusalError(400, "There was a problem in the JSON you submitted")
        request = self.request
        url = str(request.url.replace(query=""))
        return self.operation.run(self.tines, Ask(url, key, request.path_params, request.query_params, self.body))


async def _serve(request: Request, operation: Operation | None, tines: LocalTines, sleep: Sleep) -> Response:
    """Answer one call and record it."""
    raw = await request.body()
    visit = _Visit(tines, request, operation)
    secrets = {*tines.world.secrets(), *tines.keys}
    try:
        visit.body = json.loads(raw) if raw else None
        asked = masked(visit.body, secrets)
    except ValueError:
        visit.readable = False
        asked = masked_text(raw.decode(errors="replace"), secrets)
    call = tines.calls.begin(
        at=tines.world.now(),
        tenant=tines.name,
        method=request.method,
        path=_path(request),
        query=masked_text(request.url.query, secrets),
        asked=asked,
    )
    reply: Reply | None = None
    try:
        reply = await visit.answer(sleep)
    finally:
        seconds = (tines.world.now() - call.at).total_seconds()
        status, answered = (reply.status, _shown(reply, secrets)) if reply else (None, "")
        tines.calls.finish(call, Outcome(status, answered, seconds, visit.key, visit.fault))
    if reply is None:
        return Response()  # nobody is there to read it
    return Response(reply.body, reply.status, dict(reply.headers), reply.media_type)


async def _story_page(request: Request, tines: LocalTines) -> Response:
    """Answer a browser that followed a link to a story. Plain text: nothing in a name can become markup."""
    tines.world.settle()
    story = tines.stories.get(request.path_params["story_id"])
    if story is None:
        return PlainTextResponse(f"The local Tines tenant {tines.name} has no such story.\n", HTTPStatus.NOT_FOUND)
    lines = (
        story.name,
        "",
        f"Story {story.id} of the local Tines tenant {tines.name}. On a real tenant, the story opens here.",
        f"Team: {tines.teams[story.team_id].name}",
        f"Tags: {', '.join(story.tags) or 'none'}",
        f"Change control: {'enabled' if story.change_control else 'not enabled'}",
        f"Edited: {story.edited_at:%Y-%m-%d %H:%M} UTC",
        f"Actions: {', '.join(action.name for action in actions_of(story))}",
    )
    return PlainTextResponse("\n".join([*lines, ""]), headers={"x-content-type-options": "nosniff"})


_NOT_APPLIED: Final = frozenset({Kind.ANSWER, Kind.RESET_BEFORE, Kind.HANG, Kind.APPLIED_LATE})


def _path(request: Request) -> str:
    return request.url.path.removeprefix(PREFIX)


def _shown(reply: Reply, secrets: set[str]) -> str:
    """Return an answer's body for the record; a resource's value is as secret as a key."""
    text = reply.body.decode(errors="replace")
    if reply.media_type == JSON and '"value"' in text:
        text = json.dumps(masked(json.loads(text), secrets), ensure_ascii=False)
    return masked_text(text, secrets)


def _wrong(fault: Fault) -> Reply:
    return refusal(fault.shape, fault.status, fault.message, retry_after=fault.retry_after)


def _cut(request: Request) -> None:
    if not reset_connection(request.scope):
        message = "there is no connection to reset"
        raise NoConnectionError(message)


async def _given_up(request: Request) -> None:
    """Wait until the client closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
