"""The public port under strangers: connections that say nothing, say it slowly, or are too many.

Slack sends a whole request within milliseconds of connecting. So a connection has a few seconds to send one, and when
there are too many, the one that has waited longest without a whole request makes room for the next. It prevents that
a stranger who opens a thousand connections and says nothing takes every file descriptor of the process, and Slack
finds nobody.
"""

import asyncio
import resource
import select
from itertools import islice
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_SECONDS: Final = 5.0  # from the first moment to the last byte of a request

_CLOSE_SECONDS: Final = 1.0  # after which a connection is cut that the app has not closed with words
_MOST_HEAD: Final = 64_000  # bytes before a request's body; Slack's are 1 kB
_MOST: Final = 2_000  # connections, whatever the system allows
_LEAST: Final = 64
_SHARE: Final = 4  # of the descriptors, one in so many is for strangers
_OVERFLOW: Final = 2.5  # times the limit, while there is nobody who had the time to send a request
_YOUNG_SECONDS: Final = 0.5
_CANDIDATES: Final = 32  # that are looked at to make room


def connection_limit() -> int:
    """Return how many connections may be open: a quarter of the file descriptors.

    Twice as many again may be there for a moment, before others are cut off for them; the rest is for the work.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST * _SHARE
    if soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
        soft = max(soft, allowed)
    return max(_LEAST, min(_MOST, soft // _SHARE))


class BoundedProtocol(HttpToolsProtocol):
    """An HTTP connection with a bound on its time, its head and the number of its like."""

    limit: ClassVar[int]
    idle: ClassVar["dict[BoundedProtocol, None]"]  # connections without a whole request, longest first

    @classmethod
    def of(cls, limit: int) -> "type[BoundedProtocol]":
        """Return the class for one server, which has at most so many connections."""
        return type(cls.__name__, (cls,), {"limit": limit, "idle": {}})

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*arguments, **options)
        self._heard = False  # whether anything was read
        self._in_head = True
        self._head = 0  # bytes that came before the headers were complete
        self._completed = False  # whether what was read last completed a request
        self._timer: asyncio.TimerHandle | None = None  # runs while a request is incomplete
        self._since = 0.0  # when it began to run, by the loop's clock

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Expect a request, and make room for the connection."""
        super().connection_made(transport)
        self.idle[self] = None
        self._expect()
        if len(self.connections) > self.limit:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._settle()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; a head without end is cut off, and what is missing must come in time."""
        self._heard, self._completed = True, False
        super().data_received(data)
        if self._in_head and not self._completed:
            self._head += len(data)
            if self._head > _MOST_HEAD:
                self.transport.abort()
                return
        if self._timer is None and self in self.idle:
            self._expect()

    def on_headers_complete(self) -> None:
        """Count no more: what follows is the body, which the app bounds, and which it answers for when it is late."""
        self._in_head = False
        if self._timer is not None:
            self._timer.cancel()
            self._cut_after(REQUEST_SECONDS + _CLOSE_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Give the connection all the time that its answer takes."""
        self._in_head, self._head, self._completed = True, 0, True
        self._settle()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Count the connection among those that can make room again."""
        if not self.transport.is_closing():
            self.idle[self] = None
        super().on_response_complete()

    def _make_room(self) -> None:
        """Cut those that have been without a whole request longest, if they had their time to send one.

        Two for each that comes, so that there is room again when many come at once.
        """
        oldest = list(islice(self.idle, _CANDIDATES))
        chosen = [each for each in oldest if each._is_stranger()][:2]  # noqa: SLF001 - of its own kind
        if not chosen and oldest and len(self.connections) > self.limit * _OVERFLOW:
            chosen = [next((each for each in oldest if not each._has_words()), oldest[0])]  # noqa: SLF001 - likewise
        for each in chosen:
            self.idle.pop(each, None)
            each.transport.abort()

    def _is_stranger(self) -> bool:
        """Whether it said a part of a request only, or had its time and said nothing."""
        return self._heard or (self.loop.time() - self._since > _YOUNG_SECONDS and not self._has_words())

    def _has_words(self) -> bool:
        """Whether something has arrived that was not read yet."""
        found = self.transport.get_extra_info("socket")
        if found is None or found.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(found.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _expect(self) -> None:
        """Cut the connection unless its request is complete in time."""
        self._since = self.loop.time()
        self._cut_after(REQUEST_SECONDS if self._in_head else REQUEST_SECONDS + _CLOSE_SECONDS)

    def _cut_after(self, seconds: float) -> None:
        self._timer = self.loop.call_at(self._since + seconds, self.transport.abort)

    def _settle(self) -> None:
        self.idle.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
