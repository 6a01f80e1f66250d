"""The store: the rows that are the truth, and the transactions that change them.

Everything that must survive a crash is a row here. Failures of the database itself arrive as `StoreUnavailableError`,
so that a person is told "not now" instead of seeing a request vanish.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from handlers.clock import SharedClock
from handlers.jobs import Job
from handlers.policy import Freeze
from handlers.store import tables as t
from handlers.store.audit import SYSTEM, event_hash
from handlers.store.conversations import ConversationState
from handlers.store.database import BUSY_TIMEOUT_SECONDS, WRITING, DatabaseUrlError
from handlers.store.failures import StoreUnavailableError, driver_words, is_unavailable
from handlers.store.files import DatabaseFileError
from handlers.store.homes import HomePages, OpenHome
from handlers.store.keys import ConfiguredKey
from handlers.store.migrate import NewerSchemaError, SchemaError, check_schema, migrate, migrates_by_itself
from handlers.store.requests import ConflictError
from handlers.store.rows import Announcement, DeferredCommand, Event, OpaqueParams, Posted, RowTypes
from handlers.store.unit import Reader, Transaction

__all__ = [
    "SYSTEM",
    "Announcement",
    "ConfiguredKey",
    "ConflictError",
    "ConversationState",
    "DatabaseFileError",
    "DatabaseUrlError",
    "DeferredCommand",
    "Event",
    "HomePages",
    "NewerSchemaError",
    "OpaqueParams",
    "OpenHome",
    "Posted",
    "Reader",
    "RowTypes",
    "SchemaError",
    "Store",
    "StoreUnavailableError",
    "Transaction",
    "check_schema",
    "event_hash",
    "migrate",
    "migrates_by_itself",
]


_FREEZES_LAST: Final = timedelta(seconds=3)
_FREEZES_SECONDS: Final = 2.0  # that somebody who opens a form waits to hear of them
_WRITERS: Final[Mapping[str, int]] = MappingProxyType({"sqlite": 1, "postgresql": 4})  # transactions at once
_SAME_HEAD: Final = sa.update(t.chain).where(t.chain.c.id == 1).values(seq=t.chain.c.seq)


class Store:
    """Opens transactions. `wake` is given their jobs after the commit; `clock` tells the time (aware, UTC)."""

    def __init__(
        self,
        engine: AsyncEngine,
        wake: Callable[[Iterable[Job]], None],
        *,
        clock: Callable[[], datetime],
        types: Mapping[str, RowTypes] | None = None,
    ) -> None:
        self._engine = engine
        self._types = types or {}  # what it knows of the operations, by name
        self._wake = wake
        self.clock = clock
        self._writers = asyncio.Semaphore(_WRITERS[engine.dialect.name])
        self._freezes: tuple[datetime, Mapping[str, Freeze]] | None = None  # as last read
        self._freezes_turn = 0  # counts this process's own changes of them
        self._freezes_look: asyncio.Task[Mapping[str, Freeze]] | None = None
        self._log = structlog.get_logger(__name__)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn the database's own failures into the one that people are told about."""
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            self._freezes = None  # no form opens from memory while nothing that is sent with it could be kept
            raise StoreUnavailableError(driver_words(error)) from error

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until few enough write of those of this process that came before.

        Left to itself SQLite, which takes one at a time, has them nap and try again, up to a tenth of a second each
        time, and whoever naps longest can lose again and again. PostgreSQL has them stand in line for the end of the
        record, each with a connection that readers then lack, and the longer the line the dearer each step.
        """
        try:
            async with asyncio.timeout(BUSY_TIMEOUT_SECONDS):
                await self._writers.acquire()
        except TimeoutError:
            message = f"others have written for {BUSY_TIMEOUT_SECONDS} s"
            raise StoreUnavailableError(message) from None
        try:
            yield
        finally:
            self._writers.release()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction that writes; it commits when the block ends without an error, and wakes its jobs then.

        Raises `StoreUnavailableError` when the database fails.
        """
        with self._failures():
            async with self._turn(), self._engine.connect() as plain:
                connection = await plain.execution_options(**WRITING)
                async with connection.begin():
                    transaction = Transaction(connection, self.clock(), self._types)
                    yield transaction
                    await transaction.audit.write()
        self._tell(transaction.audit.recorded)
        if transaction.freezes.changed:
            self._freezes, self._freezes_turn = None, self._freezes_turn + 1
        self._wake(transaction.jobs)

    def _tell(self, recorded: Sequence[Mapping[str, Any]]) -> None:
        """Log what was recorded, those that are alike in one line.

        The chain's heads are in it: kept outside of the database, they show a record that was rewritten or cut off.
        """
        alike: dict[tuple[str, str | None, str], list[Mapping[str, Any]]] = {}
        for event in recorded:
            alike.setdefault((event["kind"], event["request_id"], event["actor"]), []).append(event)
        for (kind, request, actor), events in alike.items():
            several = {"times": len(events)} if len(events) > 1 else {}
            seq, hash_ = events[-1]["seq"], events[-1]["hash"]
            self._log.info("recorded", kind=kind, request=request, actor=actor, **several, seq=seq, hash=hash_)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        """Open a transaction that only reads. Raises `StoreUnavailableError` when the database fails."""
        turn = self._freezes_turn
        with self._failures():
            async with self._engine.connect() as connection, connection.begin():
                yield Reader(connection, self.clock(), self._types, freezes_turn=turn)

    async def freezes(self) -> Mapping[str, Freeze]:
        """Return every frozen route, to be shown: this process's changes at once, others' within three seconds.

        What decides whether something may run is read in the transaction that decides. Raises `StoreUnavailableError`,
        also when the database says nothing for two seconds.
        """
        if self._freezes is not None and self.clock() - self._freezes[0] < _FREEZES_LAST:
            return self._freezes[1]
        if self._freezes_look is None or self._freezes_look.done():
            self._freezes_look = asyncio.create_task(self._look_for_freezes())
        look = self._freezes_look
        done, _ = await asyncio.wait({look}, timeout=_FREEZES_SECONDS)
        if not done:
            message = f"silent for {_FREEZES_SECONDS:.0f} s"
            raise StoreUnavailableError(message)
        return look.result()

    async def _look_for_freezes(self) -> Mapping[str, Freeze]:
        async with self.reading() as reader:
            return await self.note_freezes(reader)

    async def note_freezes(self, reader: Reader) -> Mapping[str, Freeze]:
        """Read the frozen routes, and remember them for `freezes`."""
        seen = await reader.freezes.all()
        if reader.freezes.turn == self._freezes_turn:  # else they may have changed after they were read
            self._freezes = (reader.now, seen)
        return seen

    async def try_writing(self) -> None:
        """Try what a click needs: a transaction that reads and writes. Raises `StoreUnavailableError`.

        Nothing is changed by it. On PostgreSQL it is rolled back. SQLite keeps what is written in memory until the
        commit, so that only a commit finds a disk that is full.
        """
        with self._failures():
            async with self._turn(), self._engine.connect() as plain:
                connection = await plain.execution_options(**WRITING)
                async with connection.begin() as transaction:
                    await connection.execute(_SAME_HEAD)
                    if self._engine.dialect.name == "postgresql":
                        await transaction.rollback()

    async def due(self) -> Sequence[Job]:
        """Return the jobs of rows whose time has come. Raises `StoreUnavailableError`.

        On the way it hears of freezes, so that whoever opens a form need not wait for the database, and of the time.
        """
        async with self.reading() as reader:
            if isinstance(self.clock, SharedClock):
                await self.clock.read(reader.server_time)
            await self.note_freezes(reader)
            return await reader.due()

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
