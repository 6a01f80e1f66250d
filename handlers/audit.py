"""The record, read back: is the chain of events whole, and what happened when.

Every event carries the hash of the one before it, so a row that was changed, removed, put elsewhere or cut off at the
end does not fit its neighbours any more. This module finds the first that does not. It prevents a change record that
somebody with access to the database could quietly correct. What it cannot see by itself is a chain rewritten as a
whole, with its head: for that, keep the head that `verify` returns somewhere else, and pass it in as the anchor.
"""

import csv
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import URL

from handlers.models import Frozen
from handlers.store import Event, Reader, SchemaError, check_schema, event_hash
from handlers.store.database import is_sqlite, open_engine, parse_url

_PAGE: Final = 1000
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    OverflowError,
)  # what reading a row raises that holds no JSON, time or event
_LINK: Final = re.compile(r"([1-9][0-9]{0,17}):([0-9A-Fa-f]{1,64})")
_EMPTY: Final = "empty"  # in place of the hash before the first event
FIELDS: Final = ("seq", "at", "request_id", "actor", "kind", "data", "previous", "hash")


class Link(Frozen):
    """A place in the chain: an event's number and hash. (0, "") is the place before the first event."""

    seq: int = 0
    hash: str = ""

    def __str__(self) -> str:
        """Return the place as it is printed and as `parse_link` reads it."""
        return f"{self.seq}:{self.hash or _EMPTY}"


def parse_link(text: str) -> Link | None:
    """Read a place in the chain as it was printed, None for anything else."""
    found = _LINK.fullmatch(text.strip())
    if found is None:
        return Link() if text.strip() in {f"0:{_EMPTY}", "0:"} else None
    return Link(seq=int(found[1]), hash=found[2].lower())


class Break(Frozen):
    """The first place at which the chain is not what was written."""

    seq: int  # number of the first row that is wrong or missing
    why: str  # a sentence for whoever looks into it


class Verified(Frozen):
    """A chain that is whole up to its head."""

    head: Link


class UnreadableError(Exception):
    """A row holds what was never written: the first that nobody can read, by its number or the one it must have."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"row {seq} of the record cannot be read: it was changed")
        self.seq = seq


class ChainCheck:
    """Looks at events in their order, one by one; the first that does not fit ends the check."""

    def __init__(self, head: Link, anchor: Link | None = None) -> None:
        self._head = head
        self._anchor = anchor
        self._last = Link()

    def add(self, event: Event) -> Break | None:
        """Look at the next event, in the order of numbers. Returns what is wrong with it, None when it fits."""
        expected = self._last.seq + 1
        if event.seq != expected:
            return Break(seq=expected, why=f"row {expected} was removed: row {event.seq} comes next")
        if event.seq > self._head.seq:
            return Break(seq=event.seq, why=f"row {event.seq} was added behind the chain's end, row {self._head.seq}")
        if event_hash(event.seq, event.previous, event.model_dump()) != event.hash:
            return Break(seq=event.seq, why=self._changed(event))
        if event.previous != self._last.hash:
            return Break(
                seq=event.seq,
                why=f"row {event.seq} does not continue row {self._last.seq}: that one was changed and hashed again, or "
                "rows between them were removed and the rest numbered again",
            )
        if self._anchor is not None and event.seq == self._anchor.seq and event.hash != self._anchor.hash:
            return Break(seq=event.seq, why=f"row {event.seq} has another hash than was noted: the chain was rewritten")
        self._last = Link(seq=event.seq, hash=event.hash)
        return None

    def end(self) -> Verified | Break:
        """Compare the last event with the chain's head, and with the anchor."""
        last, head = self._last, self._head
        if last.seq < head.seq:
            return Break(
                seq=last.seq + 1,
                why=f"the end was cut off: the chain ends with row {head.seq}, but the last row is {last.seq}",
            )
        if last.hash != head.hash:
            return Break(seq=last.seq, why=f"row {last.seq} is the last, but the chain's head holds another hash")
        if self._anchor is not None and self._anchor.seq > last.seq:
            return Break(
                seq=last.seq + 1,
                why=f"the end was cut off: row {self._anchor.seq} was noted, but the last row is {last.seq}",
            )
        return Verified(head=last)

    def _changed(self, event: Event) -> str:
        body = event.model_dump()
        for seq in range(1, self._head.seq + 1):
            if event_hash(seq, event.previous, body) == event.hash:
                return f"row {event.seq} was moved: it was written as row {seq}"
        return f"row {event.seq} was changed: its hash is not that of what it says"


async def verify(reader: Reader, anchor: Link | None = None) -> Verified | Break:
    """Walk the whole chain and return its head, or the first place where it is broken.

    `anchor` is a head noted earlier: a chain that no longer holds it was rewritten.
    """
    seq, hash_ = await reader.audit.head()
    check = ChainCheck(Link(seq=seq, hash=hash_), anchor)
    try:
        async for event in _events(reader):
            broken = check.add(event)
            if broken is not None:
                return broken
    except UnreadableError as error:
        return Break(seq=error.seq, why=f"row {error.seq} was changed: it cannot be read")
    return check.end()


async def select(
    reader: Reader, *, since: datetime | None = None, until: datetime | None = None, request_id: str | None = None
) -> AsyncIterator[Event]:
    """Yield events in their order: from `since` on, before `until` (aware), of one request, or all.

    Raises `UnreadableError` for a row that was changed so that it holds no event.
    """
    if request_id is None:
        between = await reader.audit.events_between(since, until)
        if between is None:
            return
        async for event in _events(reader, after=between[0] - 1):
            if event.seq > between[1]:
                return
            if (since is None or event.at >= since) and (until is None or event.at < until):
                yield event
        return
    try:
        events = await reader.audit.events(request_id)
    except _UNREADABLE:
        async for _ in _events(reader):
            pass  # to say which row it is
        raise
    for event in events:
        if (since is None or event.at >= since) and (until is None or event.at < until):
            yield event


async def _events(reader: Reader, *, after: int = 0) -> AsyncIterator[Event]:
    """Yield the events after a place in the chain page by page, so that a record of any length needs little memory. Raises `UnreadableError`."""
    seq, limit = after, _PAGE
    while True:
        try:
            page = await reader.audit.events_after(seq, limit=limit)
        except _UNREADABLE:
            if limit == 1:
                raise UnreadableError(seq + 1) from None
            limit = 1  # up to the row that it is
            continue
        if not page:
            return
        for event in page:
            yield event
        seq = page[-1].seq


class TextSink(Protocol):
    """Something that text is written to."""

    def write(self, text: str, /) -> object:
        """Take more text."""
        ...


def jsonl_line(event: Event) -> str:
    """Return an event as one line of JSON, with its hash, so that the chain can be checked from the export too."""
    return json.dumps(event.model_dump(mode="json"), ensure_ascii=False) + "\n"


class CsvRows:
    """Writes events as CSV: a header line, then one line each, with `data` as JSON."""

    def __init__(self, sink: TextSink) -> None:
        self._rows = csv.writer(sink, lineterminator="\n")
        self._rows.writerow(FIELDS)

    def add(self, event: Event) -> None:
        """Write an event."""
        fields = event.model_dump(mode="json")
        fields["data"] = json.dumps(fields["data"], ensure_ascii=False, sort_keys=True)
        self._rows.writerow(self._cells(fields[name] for name in FIELDS))

    def _cells(self, values: Iterable[object]) -> list[object]:
        return ["" if value is None else value for value in values]


def _refuse_missing(url: URL) -> None:
    """Raise `SchemaError` for an SQLite file that is not there: opening it would make an empty one."""
    if is_sqlite(url) and not Path(str(url.database)).exists():
        message = f"there is no database at {url.database}"
        raise SchemaError(message)


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[Reader]:
    """Open the database to read it as it is at one moment, while the bot may go on writing.

    Raises `SchemaError` when it is not there or not this version's, `DatabaseUrlError` for a bad URL.
    """
    url = parse_url(database_url)
    _refuse_missing(url)
    await check_schema(database_url)
    engine = open_engine(url, pool_size=1)
    try:
        async with engine.connect() as connection:
            if not is_sqlite(url):  # SQLite reads one snapshot anyway
                await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                yield Reader(connection, datetime.now(UTC))
    finally:
        await engine.dispose()
