"""The line to one tenant: sends a call, judges the outcome, and sends again only what is safe to send again.

It prevents retries in the wrong place (each operation deciding by itself) and a call that never ends: every single
call is bounded as a whole, not only between two bytes.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

import httpx
import stamina
from pydantic import BaseModel, SecretStr

from handlers.tines._errors import Kind, RetryableError, TinesError
from handlers.tines._judge import Answer, Call, Silence, judge, outcome_name
from handlers.tines._mask import Mask
from handlers.tines._reading import read_as, receive
from handlers.tines._recorder import CallInProgress, CallRecorder

API: Final = "/api/v1"
_BYTES_LEAVE: Final = frozenset({"http11.send_request_headers.started", "http11.send_request_body.started"})

Observe = Callable[[str, str, float], None]
MayLeave = Callable[[], bool]
Param = str | int | tuple[str, ...]
T = TypeVar("T", bound=BaseModel)
R = TypeVar("R", bound=BaseModel | None)
Read = Callable[[Call, Answer], Awaitable[R | TinesError]]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a single call may take, in seconds."""

    connect: float = 5.0
    read: float = 60.0  # a create answers with the status of every story, so it may take its time
    write: float = 10.0
    pool: float = 10.0
    whole: float = 90.0  # from the first to the last byte: a server that dribbles cannot hold us longer

    def for_httpx(self) -> dict[str, float | None]:
        """Return the parts that httpx looks after."""
        return httpx.Timeout(connect=self.connect, read=self.read, write=self.write, pool=self.pool).as_dict()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a call is tried again. All times in seconds."""

    attempts: int = 5
    total: float = 45.0  # no further attempt starts after that
    wait_initial: float = 0.2
    wait_max: float = 5.0
    wait_jitter: float = 1.0
    longest_retry_after: float = 30.0  # asked to wait longer, the call gives up and says for how long

    def wait_for(self, error: Exception) -> bool | float:
        """Decide for stamina: False to give up, True for the usual backoff, or the seconds to wait.

        A write is sent again only after a 429: it was counted and refused. (One that never left is safe as well, but
        whoever asked for it looks at the tenant again first.)
        """
        if not isinstance(error, RetryableError):
            return False
        if error.method != "GET" and error.kind is not Kind.LIMITED:
            return False
        if error.retry_after is None:
            return True
        if error.retry_after > self.longest_retry_after:
            return False
        # Jitter: all who were refused at the same moment must not come back at the same moment
        return error.retry_after + random.SystemRandom().uniform(0, self.wait_jitter)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a tenant's API is, and what every call of it carries.

    Calls go straight to the transport: a client of httpx would add cookies and look at redirects.
    """

    url: str
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)  # the key is among them
    transport: httpx.AsyncBaseTransport
    timeouts: Timeouts

    def request(self, method: str, path: str, query: Mapping[str, Param], body: object) -> httpx.Request:
        """Put a request together."""
        return httpx.Request(
            method,
            f"{self.url}{API}{path}",
            params=query or None,
            headers=list(self.headers),
            json=body,
            extensions={"timeout": self.timeouts.for_httpx()},
        )

    async def send(self, request: httpx.Request) -> Answer:
        """Send a request and receive the answer. Raises what the HTTP library raises."""
        response = await self.transport.handle_async_request(request)
        try:
            return await receive(response)
        finally:
            await response.aclose()


@dataclass(frozen=True, slots=True)
class Transport:
    """A way to one tenant. Immutable; `with_deadline` returns another one over the same connections."""

    tenant: str  # alias
    mask: Mask
    endpoint: Endpoint
    retry_policy: RetryPolicy
    clock: Callable[[], float]  # seconds; only differences matter
    observe: Observe | None = None
    recorder: CallRecorder | None = None  # who is told of every single call
    until: float | None = None  # on the event loop's clock: every call ends by then
    may_leave: MayLeave | None = None  # asked right before the bytes of a call that changes something leave

    def with_deadline(self, until: float) -> "Transport":
        """Return the same line for somebody who waits: one attempt a call, and every call ends by `until`."""
        return replace(self, retry_policy=replace(self.retry_policy, attempts=1), until=until)

    def while_allowed(self, may_leave: MayLeave) -> "Transport":
        """Return the same line for changes whose bytes must not leave once `may_leave` says no."""
        return replace(self, may_leave=may_leave)

    def recording(self, recorder: CallRecorder) -> "Transport":
        """Return the same line for work whose every call is to be noted."""
        return replace(self, recorder=recorder)

    async def get(self, answer: type[T], path: str, params: Mapping[str, Param | None] | None = None) -> T:
        """GET, and read the answer. Raises `TinesError`."""
        return await self.request(partial(read_as, answer), "GET", path, params=params)

    async def send(
        self, answer: type[T], method: str, path: str, body: object = None, secrets: tuple[SecretStr, ...] = ()
    ) -> T:
        """Send something that changes Tines, and read the answer. Raises `TinesError`."""
        return await self.request(partial(read_as, answer), method, path, body=body, secrets=secrets)

    async def request(
        self,
        reads: Read[R],
        method: str,
        path: str,
        *,
        params: Mapping[str, Param | None] | None = None,
        body: object = None,
        secrets: tuple[SecretStr, ...] = (),
    ) -> R:
        """Send a call, again where that is safe, and return the answer as it is read, if it is one of 200 to 299.

        `secrets` are those in the body. Raises `TinesError`.
        """
        call = self.call(method, path, secrets)
        query = {name: value for name, value in (params or {}).items() if value is not None}
        retry_policy = self.retry_policy
        persist = stamina.AsyncRetryingCaller(
            attempts=retry_policy.attempts,
            timeout=retry_policy.total,
            wait_initial=retry_policy.wait_initial,
            wait_max=retry_policy.wait_max,
            wait_jitter=retry_policy.wait_jitter,
        )
        return await persist(retry_policy.wait_for, self._send_once, reads, call, query, body)

    def call(self, method: str, path: str, secrets: tuple[SecretStr, ...] = ()) -> Call:
        """Describe a call for judging it; `secrets` are those in its body."""
        return Call(self.tenant, method, path, self.mask.also(secrets))

    async def _send_once(self, reads: Read[R], call: Call, query: Mapping[str, Param], body: object) -> R:
        started = self.clock()
        ongoing = None if self.recorder is None else CallInProgress(call, query.get("page"), self.recorder.clock())
        try:
            answer = await self._answer(call, query, body)
            if self.observe is not None:
                self.observe(call.method, outcome_name(answer), self.clock() - started)
            judged = judge(call, answer)
            verdict = judged if isinstance(judged, TinesError) else await reads(call, judged)
            if ongoing is not None and isinstance(answer, Answer):
                ongoing.status = answer.status
            if ongoing is not None:
                ongoing.verdict = verdict
        finally:
            if self.recorder is not None and ongoing is not None:
                self.recorder.record(ongoing.ended(self.clock() - started))
        # raised here and not in a handler: the errors of httpx hold the request and with it the keys
        if isinstance(verdict, TinesError):
            raise verdict
        return verdict

    async def _answer(self, call: Call, query: Mapping[str, Param], body: object) -> Answer | Silence:
        """Return what came back, silence included."""
        latest = asyncio.get_running_loop().time() + self.endpoint.timeouts.whole
        try:
            async with asyncio.timeout_at(latest if self.until is None else min(latest, self.until)):
                request = self.endpoint.request(call.method, call.path, query, body)
                if self.may_leave is not None and not call.safe:
                    _guard(request, self.may_leave)
                return await self.endpoint.send(request)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            return error


def _guard(request: httpx.Request, may_leave: MayLeave) -> None:
    """Ask whether a request may leave, now and again when a connection is there: to open one can take long.

    The names of the events are those of httpcore: https://www.encode.io/httpcore/extensions/#trace
    """

    def ask() -> None:
        if not may_leave():
            message = "nothing was sent: this process was interrupted for too long"
            raise httpx.ConnectTimeout(message)  # as one that surely did not arrive: without its body it is none

    async def trace(event: str, _info: Mapping[str, object]) -> None:
        if event in _BYTES_LEAVE:
            ask()

    ask()
    request.extensions["trace"] = trace
