"""The job that delivers a lane: takes what is open, in order, and knows what to do when something does not go through.

A lane is a channel, or one person's direct messages. It is claimed as a whole, so that two processes never write into
one channel at the same time, and a lane that must wait holds up nobody else.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from bot.announcer.posting import Posted, PostingError, SlackPoster, Trouble
from bot.announcer.rendering import Scene, render
from bot.announcer.throttle import Throttle
from bot.views.plain import plain_only
from bot.views.text import Message
from handlers import announcing
from handlers.routes import Atlas
from handlers.store import SYSTEM, Announcement, Store
from handlers.store import Posted as Standing
from handlers.store.tables import pack

_LOOK_BACK: Final = timedelta(minutes=2)  # clocks differ


class _WaitError(Exception):
    """The lane has to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Announcer:
    """Delivers lanes."""

    def __init__(self, store: Store, atlas: Atlas, poster: SlackPoster, throttle: Throttle) -> None:
        self._store = store
        self._atlas = atlas
        self._poster = poster
        self._throttle = throttle
        self._log = structlog.get_logger(__name__)

    async def deliver(self, lane: str) -> None:
        """Deliver everything that a lane has open, or as much as Slack takes now."""
        async with self._store.reading() as reader:
            if not await reader.open_announcements(lane, limit=1):
                return
        async with self._store.transaction() as transaction:
            if not await transaction.claim_lane(lane):
                return
        wait: timedelta | None = None
        try:
            while batch := await self._open(lane):
                for announcement in batch:
                    await self._deliver(announcement)
        except _WaitError as waiting:
            wait = timedelta(seconds=waiting.seconds)
        finally:
            async with self._store.transaction() as transaction:
                await transaction.release_lane(lane, wait=wait)

    async def _open(self, lane: str) -> Sequence[Announcement]:
        async with self._store.reading() as reader:
            return await reader.open_announcements(lane)

    async def _deliver(self, announcement: Announcement) -> None:
        try:
            scene, root = await self._scene(announcement)
            if announcement.thread_key is not None and root is None:
                await self._give_up(announcement, "the message that starts its thread could not be posted")
                return
            if scene.request is not None and scene.route is None:
                # its route was taken out of the configuration: what people were shown stays as it is
                await self._delivered(announcement, announcement.channel, announcement.messages)
                return
            thread_ts = root.ts if announcement.thread_key is not None and root is not None else None
            await self._show(announcement, render(scene), thread_ts)
        except PostingError as error:
            await self._after(announcement, error)

    async def _scene(self, announcement: Announcement) -> tuple[Scene, Posted | None]:
        root_key = announcement.thread_key or announcement.data.get("root")
        if root_key is None and announcement.kind == announcing.DIRECT and announcement.request_id:
            root_key = announcing.approval_key(announcement.request_id)
        async with self._store.reading() as reader:
            request = await reader.request(announcement.request_id) if announcement.request_id else None
            root = await reader.announcement(root_key) if root_key else None
            route = self._atlas.routes.get(request.content.route) if request else None
            freeze = await reader.freeze(route.name) if route else None
        posted = Posted(root.channel, root.messages[0].ts) if root and root.channel and root.messages else None
        needs_link = announcement.kind in {announcing.NOTIFY, announcing.DIRECT}
        permalink = await self._poster.permalink(posted) if posted and needs_link else None
        return Scene(announcement, request, route, freeze, permalink), posted

    async def _show(self, announcement: Announcement, messages: Sequence[Message], thread_ts: str | None) -> None:
        """Make Slack show exactly these messages."""
        channel = announcement.channel or await self._poster.channel_of(announcement.lane)
        standing = list(announcement.messages)
        unsure = announcement.posting
        for number, message in enumerate(messages):
            mark = _hash(message)
            # after the last one, what stands is noted with the delivery itself
            note = number + 1 < len(messages) or len(standing) > len(messages)
            if number < len(standing):
                if standing[number].hash != mark:
                    await self._edit(announcement, channel, standing[number], message, number)
                    standing[number] = Standing(ts=standing[number].ts, hash=mark)
                    if note:
                        await self._note(announcement, channel, standing)
                continue
            posted = await self._post(announcement, channel, message, number, thread_ts, unsure=unsure)
            unsure = False
            standing.append(Standing(ts=posted.ts, hash=mark))
            if note:
                await self._note(announcement, channel, standing)
        for left_over in standing[len(messages) :]:
            await self._poster.delete(Posted(channel, left_over.ts))
        await self._delivered(announcement, channel, standing[: len(messages)])

    async def _post(
        self,
        announcement: Announcement,
        channel: str,
        message: Message,
        number: int,
        thread_ts: str | None,
        *,
        unsure: bool,
    ) -> Posted:
        self._pace(announcement.lane)
        key = f"{announcement.key}#{number}"
        if unsure:
            oldest = (announcement.created_at - _LOOK_BACK).timestamp()
            found = await self._poster.find(channel, key, thread_ts=thread_ts, oldest=oldest)
            if found is not None:
                await self._poster.edit(found, message, key=key)
                return found
        async with self._store.transaction() as transaction:
            await transaction.update_announcement(announcement.key, posting=True)
        try:
            return await self._poster.post(channel, message, key=key, thread_ts=thread_ts)
        except PostingError as error:
            if error.trouble is not Trouble.BLOCKS:
                raise
            self._log.warning(
                "Slack refused the blocks; sending text", announcement=announcement.key, words=error.words
            )
            return await self._post_as_text(channel, message, key, thread_ts)

    async def _post_as_text(self, channel: str, message: Message, key: str, thread_ts: str | None) -> Posted:
        first, *rest = plain_only(message)
        posted = await self._poster.post(channel, first, key=key, thread_ts=thread_ts)
        for number, more in enumerate(rest, start=1):
            await self._poster.post(channel, more, key=f"{key}.{number}", thread_ts=thread_ts or posted.ts)
        return posted

    def _pace(self, lane: str) -> None:
        if wait := self._throttle.take(lane):
            raise _WaitError(wait)

    async def _edit(
        self, announcement: Announcement, channel: str, standing: Standing, message: Message, number: int
    ) -> None:
        self._pace(announcement.lane)
        posted, key = Posted(channel, standing.ts), f"{announcement.key}#{number}"
        try:
            await self._poster.edit(posted, message, key=key)
        except PostingError as error:
            if error.trouble is not Trouble.BLOCKS:
                raise
            self._log.warning(
                "Slack refused the blocks; sending text", announcement=announcement.key, words=error.words
            )
            await self._poster.edit(posted, plain_only(message)[0], key=key)

    async def _note(self, announcement: Announcement, channel: str, standing: Sequence[Standing]) -> None:
        async with self._store.transaction() as transaction:
            await transaction.update_announcement(
                announcement.key, channel=channel, messages=tuple(standing), posting=False
            )

    async def _delivered(self, announcement: Announcement, channel: str | None, standing: Sequence[Standing]) -> None:
        async with self._store.transaction() as transaction:
            await transaction.update_announcement(
                announcement.key,
                channel=channel,
                messages=tuple(standing),
                posting=False,
                delivered=announcement.wanted,  # not more: what was ordered meanwhile is still open
                attempts=0,
            )

    # ---- when something does not go through

    async def _after(self, announcement: Announcement, error: PostingError) -> None:
        match error.trouble:
            case Trouble.WAIT | Trouble.UNKNOWN:
                await self._count(announcement, posting=error.trouble is Trouble.UNKNOWN or announcement.posting)
                backoff = self._throttle.pace.wait_after(announcement.attempts)
                self._log.warning(
                    "an announcement waits",
                    announcement=announcement.key,
                    words=error.words,
                    attempts=announcement.attempts,
                )
                raise _WaitError(error.seconds or backoff) from error
            case Trouble.TOKEN:
                self._log.error("Slack does not take the bot token; everything waits", words=error.words)
                raise _WaitError(self._throttle.pace.token_wait) from error
            case Trouble.GONE:
                # a person deleted it, or it cannot be edited any more: show it anew
                await self._forget(announcement.key)
            case Trouble.NO_THREAD if announcement.thread_key is not None:
                await self._forget(announcement.thread_key)
                raise _WaitError(0) from error  # the beginning of the thread comes first
            case _:
                await self._give_up(announcement, error.words)

    async def _count(self, announcement: Announcement, *, posting: bool) -> None:
        async with self._store.transaction() as transaction:
            await transaction.update_announcement(announcement.key, attempts=announcement.attempts + 1, posting=posting)

    async def _forget(self, key: str) -> None:
        async with self._store.transaction() as transaction:
            await transaction.update_announcement(key, messages=(), posting=False)
            await transaction.touch(key)

    async def _give_up(self, announcement: Announcement, words: str) -> None:
        """Leave a message that Slack will not take, tell the requester, and go on with the others."""
        self._log.error("an announcement cannot be delivered", announcement=announcement.key, words=words)
        async with self._store.transaction() as transaction:
            await transaction.update_announcement(announcement.key, failure=words, posting=False)
            transaction.record(
                "undelivered", SYSTEM, announcement.request_id, announcement=announcement.key, words=words
            )
            request = await transaction.request(announcement.request_id) if announcement.request_id else None
            if request is not None and announcement.kind != announcing.DIRECT:
                await announcing.direct(
                    transaction,
                    request,
                    request.requester,
                    "channel_unreachable",
                    channel=announcement.lane,
                    why=words,
                )


def _hash(message: Message) -> str:
    return hashlib.sha256(pack([message.text, message.blocks]).encode()).hexdigest()[:16]
