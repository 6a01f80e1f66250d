"""Decide what the outcome of one HTTP call means: fine, refused, retryable or unknown. Pure.

It prevents the two mistakes that create a sync destination twice: taking a write that may have been applied for one
that was not, and reading an answer that nobody understands as a no.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx

from handlers.network import is_certificate_error
from handlers.tines._errors import (
    Failure,
    Kind,
    Outcome,
    RefusedError,
    RetryableError,
    TinesError,
    UnknownOutcomeError,
)
from handlers.tines._json import text_of
from handlers.tines._mask import Mask
from handlers.tines._words import clean, words_of

_KINDS: Final[Mapping[int, Kind]] = {
    401: Kind.KEY,
    403: Kind.FORBIDDEN,
    404: Kind.MISSING,
    422: Kind.INVALID,
    429: Kind.LIMITED,
}
_LAST_STATUS: Final = 599
_REQUEST_TIMEOUT: Final = 408  # said by proxies, too, which may have passed the request on
_ERRORS: Final[Mapping[Outcome, type[TinesError]]] = {
    Outcome.REFUSED: RefusedError,
    Outcome.RETRYABLE: RetryableError,
    Outcome.UNKNOWN: UnknownOutcomeError,
}
# httpx and httpcore raise these only before the first byte of a request is written
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_SURELY_NOT_SENT: Final = frozenset({Kind.UNREACHABLE, Kind.CERTIFICATE, Kind.PROXY})
_LONGEST_WAIT: Final = 86_400.0  # seconds; nothing waits for longer, whatever is asked
_NOT_PUT_TOGETHER: Final = "the request could not be put together; does the key hold a line break?"

Silence = httpx.HTTPError | httpx.InvalidURL | httpx.StreamError | OSError | ValueError
"""What can come in place of an answer: errors of the HTTP library, and what it lets through of those below it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What arrived: status and headers, and as much of the body as is of use, unpacked."""

    status: int
    headers: httpx.Headers
    body: bytes | bytearray = field(default=b"", repr=False)
    fault: str = ""  # why the body is not whole

    @property
    def good(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as far as it may be told to people and logs."""

    tenant: str  # alias
    method: str
    path: str
    mask: Mask = field(default_factory=Mask)  # what must never be shown

    @property
    def safe(self) -> bool:
        """Whether it changes nothing, so that sending it again is harmless."""
        return self.method == "GET"

    def error(
        self,
        outcome: Outcome,
        kind: Kind,
        status: int | None = None,
        words: str = "",
        retry_after: float | None = None,
    ) -> TinesError:
        """Return the error for this call; `words` must be clean already."""
        failure = Failure(self.tenant, self.method, self.path, kind, status, words, retry_after)
        return _ERRORS[outcome](failure)

    def unreadable(self, status: int, said: str) -> TinesError:
        """Return the error for an answer that says "done" in words that are not those of Tines."""
        outcome = Outcome.REFUSED if self.safe else Outcome.UNKNOWN
        return self.error(outcome, Kind.UNREADABLE, status, clean(said, self.mask))


def judge(call: Call, answer: Answer | Silence) -> Answer | TinesError:
    """Return the answer when its status is one of 200 to 299 (its body is not read yet), else what went wrong."""
    if isinstance(answer, Answer):
        return answer if answer.good else _judge_status(call, answer)
    return _judge_silence(call, answer)


def outcome_name(answer: Answer | Silence) -> str:
    """Return a short name for metrics: the status, or how the call failed without one."""
    return str(answer.status) if isinstance(answer, Answer) else _kind_of_silence(answer).value


def _judge_status(call: Call, answer: Answer) -> TinesError:
    status = answer.status
    maybe_done = Outcome.RETRYABLE if call.safe else Outcome.UNKNOWN
    words = words_of(text_of(answer.body), call.mask)
    wait = retry_after(answer.headers)
    if not HTTPStatus.BAD_REQUEST <= status <= _LAST_STATUS:
        outcome = Outcome.REFUSED if call.safe else Outcome.UNKNOWN
        target = answer.headers.get("location", "")
        return call.error(outcome, Kind.MOVED, status, clean(target, call.mask) or words)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return call.error(maybe_done, Kind.SERVER, status, words, wait)
    if status == _REQUEST_TIMEOUT:
        return call.error(maybe_done, Kind.TIMEOUT, status, words, wait)
    kind = _KINDS.get(status, Kind.OTHER)
    outcome = Outcome.RETRYABLE if kind is Kind.LIMITED else Outcome.REFUSED
    return call.error(outcome, kind, status, words, wait)


def _kind_of_silence(error: Silence) -> Kind:
    match error:
        case httpx.ProxyError():  # said by a proxy that was asked for a tunnel
            return Kind.PROXY
        case _ if is_certificate_error(error):
            return Kind.CERTIFICATE
        case _ if isinstance(error, _NEVER_SENT):
            return Kind.UNREACHABLE
        case TimeoutError() | httpx.TimeoutException():
            return Kind.TIMEOUT
        case httpx.DecodingError():
            return Kind.UNREADABLE
        case _:
            return Kind.BROKEN


def _judge_silence(call: Call, error: Silence) -> TinesError:
    kind = _kind_of_silence(error)
    # h11 quotes an illegal header, which is the key, and escaped so that no mask would find it
    illegal = isinstance(error, httpx.LocalProtocolError)
    words = _NOT_PUT_TOGETHER if illegal else clean(str(error), call.mask)
    if kind in _SURELY_NOT_SENT:
        return call.error(Outcome.RETRYABLE, kind, words=words)
    if not call.safe:
        return call.error(Outcome.UNKNOWN, kind, words=words)
    # an answer that cannot be unpacked will be no better the next time
    return call.error(Outcome.REFUSED if kind is Kind.UNREADABLE else Outcome.RETRYABLE, kind, words=words)


def retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds that `Retry-After` asks for, None when it is absent or nonsense.

    Both forms of RFC 9110 are read; a date is compared with the answer's own `Date`, so that no clock here matters.
    """
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        until, now = _date(value), _date(headers.get("date", ""))
        if until is None or now is None:
            return None
        seconds = (until - now).total_seconds()
    # "nan" and "inf" are floats as well, but no times; a comparison with them fails
    return min(max(seconds, 0.0), _LONGEST_WAIT) if seconds < float("inf") else None


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return date.astimezone(UTC) if date.tzinfo else None
    except (ValueError, TypeError, IndexError, OverflowError):  # what email.utils raises depends on how wrong it is
        return None
