"""Exports of stories: each version is fetched once, and kept small and without secrets.

A tenant is asked for several exports side by side, and for no more in a second than leaves room below its rate limit.
They are read and compared in one thread beside the event loop. What is kept is compressed text: the many small objects
of an export would make Python's garbage collector stop everything again and again.
"""

import asyncio
import json
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple, TypeVar

from handlers.comparison import (
    Counts,
    NormalisedStory,
    NotComparableError,
    PairedBy,
    Pointer,
    References,
    Status,
    StoryDiff,
    compare,
    normalise,
    packed,
    references_of,
    unpacked,
)
from handlers.tines import RefusedError, TinesCalls

T = TypeVar("T")
_AT_ONCE: Final = 8  # exports of one tenant that are under way
_PER_SECOND: Final = 40.0  # exports of one tenant, half of what most tenants allow
_BURST: Final = 40  # exports that may leave at once after a pause
_MOST_KEPT: Final = 48 * 1024 * 1024  # bytes of compressed text
_NO_REFERENCES: Final = References()
_MOST_COUNTED: Final = 5_000  # pairs of exports of which is kept how much differs
_SMALL: Final = 500  # bytes that an entry takes besides its text, about
_SETTLED: Final = timedelta(
    seconds=5
)  # tenants tell whole seconds, and clocks differ: until then an edit may be hidden


class Version(NamedTuple):
    """A story as it was edited last; `edited_at` is None where the tenant does not tell."""

    tenant: str  # alias
    story_id: int
    edited_at: datetime | None


@dataclass(frozen=True, slots=True)
class Exported:
    """What is kept of an export."""

    source_hash: str | None  # None: it cannot be compared, and `problem` says why
    problem: str = ""
    slug: str | None = None
    origin: str | None = None
    references: References = _NO_REFERENCES
    text: bytes = b""  # the normalised story, compressed

    def story(self) -> NormalisedStory | None:
        """Return the normalised story, None when it cannot be compared. Slow enough for a thread."""
        return unpacked(zlib.decompress(self.text)) if self.text else None


class Exports:
    """The exports of all tenants. To be closed with `close`."""

    def __init__(
        self, clients: Mapping[str, TinesCalls], clock: Callable[[], datetime], per_second: float = _PER_SECOND
    ) -> None:
        self._clients = clients
        self._clock = clock
        self._kept: OrderedDict[Version, tuple[Exported, datetime]] = OrderedDict()
        self._counted: OrderedDict[object, tuple[Status, Counts]] = OrderedDict()
        self._size = 0
        self._under_way: dict[Version, asyncio.Task[Exported]] = {}
        self._pace = {alias: _Pace(per_second) for alias in clients}
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="exports")

    async def of(self, version: Version) -> Exported:
        """Return the export of a story: from memory if that version was fetched, else from Tines. Raises `TinesError`.

        Whoever stops waiting leaves the call to those who come after.
        """
        known = self.known(version)
        if known is not None:
            return known
        task = self._under_way.get(version)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._fetched(version))
            self._under_way[version] = task
            task.add_done_callback(partial(self._ended, version))
        return await asyncio.shield(task)

    def known(self, version: Version) -> Exported | None:
        """Return the export of a version that was fetched before; None when it was not, or may have been edited since."""
        if version.edited_at is None or version not in self._kept:
            return None
        exported, fetched_at = self._kept[version]
        if fetched_at < version.edited_at + _SETTLED:
            return None
        self._kept.move_to_end(version)
        return exported

    async def counted(self, source: Exported, copy: Exported, ignore: Sequence[Pointer]) -> tuple[Status, Counts]:
        """Return how much a sync would change in the copy of a story. Both can be compared; what was found is kept."""
        if source.source_hash == copy.source_hash:
            return Status.UNCHANGED, Counts()
        key = source.source_hash, copy.source_hash, tuple(ignore)
        if key not in self._counted:
            diff = await self.compare(source, copy, None, ignore)
            self._counted[key] = diff.status, diff.counts
            while len(self._counted) > _MOST_COUNTED:
                self._counted.popitem(last=False)
        return self._counted[key]

    async def compare(
        self, source: Exported, copy: Exported, paired_by: PairedBy | None, ignore: Sequence[Pointer]
    ) -> StoryDiff:
        """Return what a sync would change in the copy of a story. Both can be compared."""
        return await self._beside(partial(_compared, source, copy, paired_by, tuple(ignore)))

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._reader.shutdown(wait=False, cancel_futures=True)

    async def _fetched(self, version: Version) -> Exported:
        fetched_at = self._clock()
        async with self._pace[version.tenant].turn():
            try:
                document = await self._clients[version.tenant].export_story(version.story_id)
            except RefusedError as error:
                exported = Exported(None, error.problem().what)
            else:
                exported = await self._beside(partial(_read, document))
        self._keep(version, exported, fetched_at)
        return exported

    def _keep(self, version: Version, exported: Exported, fetched_at: datetime) -> None:
        if version.edited_at is None or exported.source_hash is None:
            return
        before = self._kept.pop(version, None)
        self._size += _size(exported) - (_size(before[0]) if before else 0)
        self._kept[version] = exported, fetched_at
        while self._size > _MOST_KEPT:
            _, (oldest, _at) = self._kept.popitem(last=False)
            self._size -= _size(oldest)

    def _ended(self, version: Version, task: "asyncio.Task[Exported]") -> None:
        self._under_way.pop(version, None)
        if not task.cancelled():
            task.exception()  # whoever waits is told; nobody may be waiting any more

    async def _beside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)


class _Pace:
    """Lets a few calls be under way at once, and begin so many in a second."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._next = 0.0  # on the loop's clock: when the next one would begin at an even pace

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a call may begin, and count it as under way in the block."""
        async with self._places:
            now = asyncio.get_running_loop().time()
            self._next = max(self._next, now - _BURST / self._per_second) + 1 / self._per_second
            await asyncio.sleep(self._next - now)
            yield


def _size(exported: Exported) -> int:
    return len(exported.text) + _SMALL


def _read(document: Mapping[str, object]) -> Exported:
    """Return what is kept of an export."""
    try:
        story = normalise(document)
    except NotComparableError as error:
        return Exported(None, str(error))
    text = zlib.compress(json.dumps(packed(story), ensure_ascii=False, separators=(",", ":")).encode(), 1)
    return Exported(story.source_hash, slug=story.slug, origin=story.origin, references=references_of(story), text=text)


def _compared(source: Exported, copy: Exported, paired_by: PairedBy | None, ignore: tuple[Pointer, ...]) -> StoryDiff:
    new, old = source.story(), copy.story()
    if new is None or old is None:
        message = "a story that cannot be compared has no text"
        raise ValueError(message)
    return compare(new, old, paired_by=paired_by, ignore=ignore)
