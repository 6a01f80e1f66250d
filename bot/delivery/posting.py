"""One message to Slack, and what came of it: the only place that posts, edits and deletes messages.

Slack has no idempotency key for posting. Each message therefore carries its key as metadata, and `find` looks for it.
Facts about methods and errors: https://docs.slack.dev/reference/methods/chat.postMessage.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.views.text import Message

EVENT_TYPE: Final = "tines_sync_announcement"
_SERVER_ERROR: Final = 500
_RATE_LIMITED: Final = 429
_PAGE: Final = 200
_PAGES_MOST: Final = 10
_LONGEST_RETRY_AFTER: Final = 3600.0  # seconds, whatever Slack asks for

_BLOCKS: Final = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"})
_GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "cant_delete_message"})
_NO_THREAD: Final = frozenset({"thread_not_found", "cannot_reply_to_message"})
_NO_TOKEN: Final = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "not_allowed_token_type",
    }
)
_PASSING: Final = frozenset(
    {
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "ratelimited",
        "rate_limited",
        "team_added_to_org",
        "update_failed",
    }
)


class Trouble(StrEnum):
    """What kept a message from being delivered, by what may be done about it."""

    WAIT = "wait"  # surely not applied; try again after `seconds`
    UNKNOWN = "unknown"  # may have been applied; look before posting again
    BLOCKS = "blocks"  # Slack refuses the blocks: send the same as text
    GONE = "gone"  # the message to edit is not there any more, or cannot be edited
    NO_THREAD = "no_thread"  # the message that starts the thread is not there any more
    TOKEN = "token"  # noqa: S105 - the word for a token that was revoked or lacks a scope; an operator must mend it
    REFUSED = "refused"  # Slack says no to this message or this channel


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands in Slack."""

    channel: str
    ts: str


class PostingError(Exception):
    """A message was not delivered, as far as is known."""

    def __init__(self, trouble: Trouble, words: str, *, seconds: float = 0) -> None:
        super().__init__(words)
        self.trouble = trouble
        self.words = words  # Slack's error code, or the network's words
        self.seconds = seconds


class SlackPoster:
    """Posts, edits, deletes and finds messages. Every method raises `PostingError`."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._conversations: dict[str, str] = {}  # user → direct message; as many as there are people

    async def channel_of(self, conversation: str) -> str:
        """Return the channel that a conversation leads to; a person's direct messages are opened when first needed."""
        if not conversation.startswith("@"):
            return conversation
        if conversation not in self._conversations:
            answer = await self._call(self._client.conversations_open, users=conversation.removeprefix("@"))
            self._conversations[conversation] = str(answer["channel"]["id"])
        return self._conversations[conversation]

    async def post(self, channel: str, message: Message, *, key: str, thread_ts: str | None) -> Place:
        """Post a message with its key."""
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
        return Place(channel=str(answer["channel"]), ts=str(answer["ts"]))

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

    async def delete(self, posted: Place) -> None:
        """Delete a message; one that is gone already counts as deleted."""
        try:
            await self._call(self._client.chat_delete, channel=posted.channel, ts=posted.ts)
        except PostingError as error:
            if error.trouble is not Trouble.GONE:
                raise

    async def find(self, channel: str, key: str, *, thread_ts: str | None, oldest: float) -> Place | None:
        """Return the message with a key, posted since `oldest` (seconds since the epoch), or None."""
        cursor = ""
        for _ in range(_PAGES_MOST):
            options: dict[str, Any] = {
                "channel": channel,
                "oldest": f"{oldest:.6f}",
                "limit": _PAGE,
                "include_all_metadata": True,
            }
            if cursor:
                options["cursor"] = cursor
            if thread_ts is None:
                answer = await self._call(self._client.conversations_history, **options)
            else:
                answer = await self._call(self._client.conversations_replies, ts=thread_ts, **options)
            for message in answer.get("messages") or ():
                metadata = message.get("metadata") or {}
                payload = metadata.get("event_payload") or {}
                if metadata.get("event_type") == EVENT_TYPE and payload.get("key") == key:
                    return Place(channel=channel, ts=str(message["ts"]))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None
        message = "too many messages to look through"
        raise PostingError(Trouble.WAIT, message, seconds=_LONGEST_RETRY_AFTER)

    async def permalink(self, posted: Place) -> str | None:
        """Return the link to a message, or None where Slack gives none; a link is a courtesy."""
        try:
            answer = await self._call(self._client.chat_getPermalink, channel=posted.channel, message_ts=posted.ts)
        except PostingError as error:
            if error.trouble in {Trouble.WAIT, Trouble.UNKNOWN, Trouble.TOKEN}:
                raise
            return None
        return str(answer["permalink"])

    async def _call(
        self,
        method: Callable[..., Awaitable[AsyncSlackResponse]],
        **options: Any,  # noqa: ANN401 - of any method
    ) -> dict[str, Any]:
        try:
            answer = await method(**options)
        except SlackApiError as error:
            raise _trouble(error) from error
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            trouble = Trouble.WAIT if isinstance(error, aiohttp.ClientConnectorError) else Trouble.UNKNOWN
            raise PostingError(trouble, type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError) as error:
            # ValueError: an answer that is no JSON, such as a proxy's page; AttributeError: one that is plain text
            raise PostingError(Trouble.UNKNOWN, type(error).__name__) from error
        return answer.data if isinstance(answer.data, dict) else {}


def _trouble(error: SlackApiError) -> PostingError:
    response: Any = error.response
    status = int(getattr(response, "status_code", 200) or 200)
    data = getattr(response, "data", response)
    code = data.get("error", "") if isinstance(data, dict) else ""
    if status == _RATE_LIMITED or code == "ratelimited":
        headers = getattr(response, "headers", None) or {}
        return PostingError(Trouble.WAIT, "ratelimited", seconds=_seconds(headers.get("Retry-After")))
    if status >= _SERVER_ERROR or code in _PASSING or not code:
        return PostingError(Trouble.UNKNOWN, code or f"HTTP {status}")
    for codes, trouble in (
        (_BLOCKS, Trouble.BLOCKS),
        (_GONE, Trouble.GONE),
        (_NO_THREAD, Trouble.NO_THREAD),
        (_NO_TOKEN, Trouble.TOKEN),
    ):
        if code in codes:
            return PostingError(trouble, code)
    return PostingError(Trouble.REFUSED, code)


def _seconds(value: object) -> float:
    try:
        return min(max(1.0, float(str(value))), _LONGEST_RETRY_AFTER)
    except ValueError:
        return 30.0
