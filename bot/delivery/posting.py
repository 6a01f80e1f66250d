"""One message to Slack, and what came of it: the only place that posts, edits and deletes messages.

Slack has no idempotency key for posting. Each message therefore carries its key as metadata, and `find` looks for it.
Facts about methods and errors: https://docs.slack.dev/reference/methods/chat.postMessage.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack_errors import (
    SLACK_ERRORS,
    GoneError,
    NoThreadError,
    RefusedForNowError,
    ScopeError,
    SlackError,
    TransientError,
    UnknownOutcomeError,
    read_error,
)
from bot.views.text import Message

EVENT_TYPE: Final = "tines_sync_announcement"
_PAGE: Final = 200
_PAGES_MOST: Final = 10
_SURELY_SECONDS: Final = 30.0  # for which a message that was posted or edited counts as there
_MOST_SEEN: Final = 1000
_HEAD_SECONDS: Final = 3.0  # that a reply waits for the look at its head
_LATER: Final = 3600.0  # seconds until too many messages are looked through again


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands in Slack."""

    channel: str
    ts: str


class SlackPoster:
    """Posts, edits, deletes and finds messages. Every method raises `SlackError`."""

    def __init__(self, client: AsyncWebClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._conversations: dict[str, str] = {}  # user → direct message; as many as there are people
        self._seen: OrderedDict[Place, float] = OrderedDict()  # messages that surely stood, and when

    async def channel_of(self, conversation: str) -> str:
        """Return the channel that a conversation leads to; a person's direct messages are opened when first needed."""
        if not conversation.startswith("@"):
            return conversation
        if conversation not in self._conversations:
            answer = await self._call(self._client.conversations_open, users=conversation.removeprefix("@"))
            self._conversations[conversation] = str(answer["channel"]["id"])
        return self._conversations[conversation]

    async def post(self, channel: str, message: Message, *, key: str, thread_ts: str | None) -> Place:
        """Post a message with its key. Raises `NoThreadError` where the thread's head no longer exists."""
        answer = await self._call(
            self._client.chat_postMessage,
            channel=channel,
            text=message.text,
            blocks=message.blocks or None,
            thread_ts=thread_ts,
            reply_broadcast=True if message.broadcast and thread_ts is not None else None,
            metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
            unfurl_links=False,
            unfurl_media=False,
        )
        place = Place(channel=str(answer["channel"]), ts=str(answer["ts"]))
        if thread_ts is not None and _is_elsewhere(answer, thread_ts):
            try:
                await self.delete(place)
            except SlackError as error:  # it still stands: whoever looks for it by its key deletes it
                raise UnknownOutcomeError(error.words) from error
            gone = "the message that starts the thread was deleted"
            raise NoThreadError(gone)
        self._stood(place)
        return place

    async def check_head(self, head: Place) -> None:
        """Look whether the message that starts a thread still stands. Raises `NoThreadError` when it was deleted.

        Slack leaves a tombstone in the place of one that has replies, and takes further replies beneath it without a
        word: nobody would see them, nor the buttons of the head. Where Slack does not tell, the head counts as there.
        """
        if self._monotonic() - self._seen.get(head, float("-inf")) < _SURELY_SECONDS:
            return
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                answer = await self._call(self._client.conversations_replies, channel=head.channel, ts=head.ts, limit=1)
        except NoThreadError:
            raise
        except (SlackError, TimeoutError):
            return
        first = next(iter(answer.get("messages") or ()), None)
        if isinstance(first, Mapping) and first.get("subtype") == "tombstone":
            gone = "the message that starts the thread was deleted"
            raise NoThreadError(gone)
        self._stood(head)

    def _stood(self, place: Place) -> None:
        self._seen[place] = self._monotonic()
        self._seen.move_to_end(place)
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)

    async def reply(self, channel: str, thread_ts: str, text: str) -> None:
        """Post a short text into a thread, without a key."""
        answer = await self._call(
            self._client.chat_postMessage,
            channel=channel,
            text=text,
            thread_ts=thread_ts,
            unfurl_links=False,
            unfurl_media=False,
        )
        if _is_elsewhere(answer, thread_ts):
            await self.delete(Place(channel=str(answer["channel"]), ts=str(answer["ts"])))

    async def edit(self, posted: Place, message: Message, *, key: str) -> None:
        """Replace what a message says."""
        await self._call(
            self._client.chat_update,
            channel=posted.channel,
            ts=posted.ts,
            text=message.text,
            blocks=message.blocks,  # an empty list takes blocks away
            metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
        )
        self._stood(posted)

    async def delete(self, posted: Place) -> None:
        """Delete a message; one that is gone already counts as deleted."""
        with suppress(GoneError):
            await self._call(self._client.chat_delete, channel=posted.channel, ts=posted.ts)

    async def find(self, channel: str, key: str, *, thread_ts: str | None, oldest: float) -> Place | None:
        """Return the message with a key, posted since `oldest` (seconds since the epoch), or None.

        One that went to the channel's root, because its thread's head was deleted, is taken away, and the head
        counts as gone: raises `NoThreadError`.
        """
        if thread_ts is None:
            return await self._find(self._client.conversations_history, channel, key, oldest)
        try:
            return await self._find(self._client.conversations_replies, channel, key, oldest, ts=thread_ts)
        except NoThreadError:
            if stray := await self._find(self._client.conversations_history, channel, key, oldest):
                await self.delete(stray)
            raise

    async def _find(
        self,
        method: Callable[..., Awaitable[AsyncSlackResponse]],
        channel: str,
        key: str,
        oldest: float,
        **options: Any,  # noqa: ANN401 - of any method
    ) -> Place | None:
        me: tuple[str, str] | None = None
        options |= {"channel": channel, "oldest": f"{oldest:.6f}", "limit": _PAGE, "include_all_metadata": True}
        for _ in range(_PAGES_MOST):
            answer = await self._call(method, **options)
            for message in answer.get("messages") or ():
                if _key_of(message) != key:
                    continue
                me = me or await self._me()
                if _is_by(message, *me):  # any app may post with the metadata of another
                    return Place(channel=channel, ts=str(message["ts"]))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None
            options["cursor"] = cursor
        message = "too many messages to look through"
        raise TransientError(message, seconds=_LATER)

    async def _me(self) -> tuple[str, str]:
        """Return the app's own bot and user id."""
        answer = await self._call(self._client.auth_test)
        return str(answer.get("bot_id") or ""), str(answer.get("user_id") or "")

    async def permalink(self, posted: Place) -> str | None:
        """Return the link to a message, or None where Slack gives none; a link is a courtesy."""
        try:
            answer = await self._call(self._client.chat_getPermalink, channel=posted.channel, message_ts=posted.ts)
        except (GoneError, ScopeError, RefusedForNowError):
            return None
        return str(answer["permalink"])

    async def _call(
        self,
        method: Callable[..., Awaitable[AsyncSlackResponse]],
        **options: Any,  # noqa: ANN401 - of any method
    ) -> dict[str, Any]:
        try:
            answer = await method(**options)
        except SLACK_ERRORS as error:
            raise read_error(error) from error
        return answer.data if isinstance(answer.data, dict) else {}


def _is_elsewhere(answer: Mapping[str, Any], thread_ts: str) -> bool:
    """Whether a reply stands outside of its thread: Slack posts one to a deleted message at the channel's root."""
    message = answer.get("message")
    return isinstance(message, Mapping) and message.get("thread_ts") != thread_ts


def _key_of(message: Mapping[str, Any]) -> str | None:
    """Return the key that a message carries, None for one without."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    key = (metadata.get("event_payload") or {}).get("key")
    return key if isinstance(key, str) else None


def _is_by(message: Mapping[str, Any], bot_id: str, user_id: str) -> bool:
    """Whether a message is by a bot, told by whatever Slack says of its author."""
    if author := message.get("bot_id"):
        return bool(author == bot_id)
    return bool(message.get("user") == user_id)
