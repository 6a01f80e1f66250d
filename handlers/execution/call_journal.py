"""The calls to Tines that are made for one request, from the moment each ends until it is in the record.

Every operation calls Tines through a journal, so that no call can be forgotten. What became of the calls is written with
the transaction that follows them anyway, before what they led to; only calls that no transaction follows get one of
their own. A request is looked at every few seconds for minutes, or hours while its tenant does not answer: looks that
bring nothing new are summed on the request's row, in the transaction that says when to look next, and recorded as one
event with their number before the next thing that happens. So a crash loses no look that was committed, and the end of
the chain, which everybody waits for, is not locked for saying that nothing happened.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import structlog

from handlers.models import ApiCall, Request
from handlers.store import SYSTEM, Store, StoreUnavailableError, Transaction
from handlers.tines import TinesCalls

CALLED: Final = "called"  # the kind of event
UNRECORDED: Final = "call_unrecorded"  # the kind of event for one that may have been made by a process that died
_MOST_KEPT: Final = 20  # different calls on a row; with more, something is happening that should be recorded


class CallJournal:
    """Notes calls for one piece of work, done for one request and, in a review, for one person. Use with `async with`."""

    def __init__(self, store: Store, request_id: str, actor: str = SYSTEM) -> None:
        self._store = store
        self._request_id = request_id
        self._actor = actor
        self._made: list[ApiCall] = []

    def recording(self, calls: TinesCalls) -> TinesCalls:
        """Return the same operations, each call of which is noted."""
        return calls.recording(self._store.clock, self._made.append)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction that records the calls made so far, and then whatever it is opened for."""
        async with self._store.transaction() as transaction:
            made = tuple(self._made)
            for event in self._events(summed((), made)):
                transaction.audit.record(**event)
            yield transaction
        del self._made[: len(made)]

    @asynccontextmanager
    async def holding(self, request: Request) -> AsyncIterator[tuple[Transaction, Request | None]]:
        """Open a transaction with a claimed request; None when it was taken over, or is not where it was.

        At its end the calls are recorded before what it recorded. If it recorded nothing, they are summed on the row.
        """
        async with self._store.transaction() as transaction:
            held = await transaction.requests.hold(request)
            yield transaction, held
            made = tuple(self._made)
            await self._keep(transaction, held, made)
        del self._made[: len(made)]

    async def sent(self, transaction: Transaction, request_id: str) -> int:
        """Return how many calls were made for a request that may have changed something, with those not recorded yet."""
        made = sum(call.may_have_changed for call in self._made)
        return made + await sent_before(transaction, request_id)

    async def _keep(self, transaction: Transaction, held: Request | None, made: tuple[ApiCall, ...]) -> None:
        before = () if held is None else held.calls
        calls = summed(before, made)
        only_looks = all(call.method == "GET" for call in calls) and len(calls) <= _MOST_KEPT
        if held is not None and not transaction.audit.recorded and only_looks:
            if made:
                await transaction.requests.keep_calls(held.id, calls)
            return
        happened = transaction.audit.recorded[:]
        transaction.audit.recorded.clear()
        for event in self._events(calls):
            transaction.audit.record(**event)
        transaction.audit.recorded.extend(happened)
        if held is not None and before:
            await transaction.requests.keep_calls(held.id, ())

    def _events(self, calls: Iterable[ApiCall]) -> Iterable[Mapping[str, Any]]:
        return (as_event(call, self._request_id, self._actor) for call in calls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record calls that no transaction followed."""
        if not self._made:
            return
        try:
            async with self.transaction():
                pass
        except StoreUnavailableError:
            structlog.get_logger(__name__).warning(
                "calls to Tines are missing in the record", request=self._request_id, calls=len(self._made)
            )
            if error is None:
                raise


async def sent_before(transaction: Transaction, request_id: str) -> int:
    """Return how many calls that may have changed something were made for a request, as far as the record says."""
    called = await transaction.audit.data_about(request_id, CALLED)
    unrecorded = await transaction.audit.data_about(request_id, UNRECORDED)
    changing = [data for data in called if data.get("method") != "GET" and not data.get("unapplied")]
    return len(unrecorded) + len(changing)


async def is_recorded(transaction: Transaction, request: Request) -> bool:
    """Whether the record says what came of the latest call for a request, or that nobody knows it."""
    since = request.attempted_at or transaction.now
    noted = await transaction.audit.latest(request.id, UNRECORDED)
    if noted is not None and noted >= since:
        return True
    called = await transaction.audit.data_about(request.id, CALLED)
    return any(data.get("method") != "GET" and _began(data) >= since for data in called)


def _began(called: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(called["began"]))


def as_event(call: ApiCall, request_id: str, actor: str = SYSTEM) -> Mapping[str, Any]:
    """Return calls as what `Audit.record` takes."""
    return {
        "kind": CALLED,
        "actor": actor,
        "request_id": request_id,
        **call.model_dump(mode="json", exclude_defaults=True),
    }


def record_kept(transaction: Transaction, request: Request) -> None:
    """Record the calls kept on the row of a request that nobody will look at any more. The caller empties `calls`."""
    for call in request.calls:
        transaction.audit.record(**as_event(call, request.id))


def summed(before: Iterable[ApiCall], made: Iterable[ApiCall]) -> tuple[ApiCall, ...]:
    """Return earlier and later calls in their order, looks that ended alike as one where nothing was sent in between."""
    calls = list(before)
    for call in made:
        for place in range(len(calls) - 1, -1, -1):
            together = calls[place].and_again(call)
            if together is not None:
                calls[place] = together
                break
            if calls[place].method != "GET":
                calls.append(call)
                break
        else:
            calls.append(call)
    return tuple(calls)
