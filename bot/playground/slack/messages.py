"""Every message of the workspace: in channels, in threads, and those that one person alone sees."""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.playground.slack.changes import ChangeKind, Changes
from bot.playground.slack.ids import Ids, with_ids
from bot.playground.slack.shapes import Json


@dataclass(slots=True)
class Message:
    """A message; `only_for` is the person who alone sees it, empty for all others."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str = ""  # of the message whose reply this is
    broadcast: bool = False  # whether the channel shows the reply as well
    metadata: Json | None = None
    files: list[Json] = field(default_factory=list)
    bot_id: str = ""
    app_id: str = ""
    only_for: str = ""
    edited_ts: str = ""
    tombstone: bool = False  # deleted by somebody, but kept as the head of its thread
    replies: list["Message"] = field(default_factory=list)

    def wire(self, *, with_metadata: bool = False) -> Json:
        """Return the message as `conversations.history` gives it."""
        if self.tombstone:
            body: Json = {
                "type": "message",
                "subtype": "tombstone",
                "user": "USLACKBOT",
                "text": "This message was deleted.",
                "hidden": True,
                "ts": self.ts,
            }
            return body | self._thread()
        body = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        if self.broadcast:
            body["subtype"] = "thread_broadcast"
        if self.bot_id:
            body |= {"bot_id": self.bot_id, "app_id": self.app_id}
        if self.blocks:
            body["blocks"] = self.blocks
        if self.files:
            body["files"] = self.files
        if self.only_for:
            body["is_ephemeral"] = True
        if self.edited_ts:
            body["edited"] = {"user": self.user, "ts": self.edited_ts}
        if with_metadata and self.metadata is not None:
            body["metadata"] = self.metadata
        return body | self._thread()

    def _thread(self) -> Json:
        if self.replies:
            people = list(dict.fromkeys(reply.user for reply in self.replies))
            return {
                "thread_ts": self.ts,
                "reply_count": len(self.replies),
                "reply_users": people,
                "reply_users_count": len(people),
                "latest_reply": self.replies[-1].ts,
            }
        return {"thread_ts": self.thread_ts} if self.thread_ts else {}


class Messages:
    """Keeps messages, and tells of every change."""

    def __init__(self, ids: Ids, changes: Changes) -> None:
        self._ids = ids
        self._changes = changes
        self._tops: dict[str, dict[str, Message]] = defaultdict(dict)  # channel → ts → message, oldest first
        self._replies: dict[str, dict[str, Message]] = defaultdict(dict)
        self._ephemerals: dict[tuple[str, str], dict[str, Message]] = defaultdict(
            dict
        )  # (user, channel) → ts → message

    def top(self, channel: str) -> Iterator[Message]:
        """Yield a channel's messages, oldest first, and of the replies in threads those that the channel shows too."""
        shown = (reply for reply in self._replies[channel].values() if reply.broadcast)
        yield from heapq.merge(self._tops[channel].values(), shown, key=lambda message: message.ts)

    def find(self, channel: str, ts: str) -> Message | None:
        """Return the message or reply, or None; never an ephemeral one, which no method of Slack's can find."""
        return self._tops[channel].get(ts) or self._replies[channel].get(ts)

    def ephemerals(self, user: str, channel: str) -> list[Message]:
        """Return what a person alone sees in a channel, oldest first."""
        return list(self._ephemerals[user, channel].values())

    def ephemerals_since(self, user: str, ts: str) -> list[Message]:
        """Return what a person alone sees in any channel since a time, oldest first."""
        new: list[Message] = []
        for (owner, _), kept in self._ephemerals.items():
            if owner == user:
                new += itertools.takewhile(lambda message: message.ts > ts, reversed(kept.values()))
        return sorted(new, key=lambda message: message.ts)

    def ephemeral(self, user: str, channel: str, ts: str) -> Message | None:
        """Return one of them, or None."""
        return self._ephemerals[user, channel].get(ts)

    def post(self, message: Message) -> Message:
        """Keep a new message; its timestamp is set here."""
        message.ts = self._ids.ts()
        message.blocks = with_ids(message.blocks)
        if message.only_for:
            self._ephemerals[message.only_for, message.channel][message.ts] = message
            self._tell(ChangeKind.EPHEMERAL_POSTED, message)
        elif message.thread_ts:
            self._replies[message.channel][message.ts] = message
            self._tops[message.channel][message.thread_ts].replies.append(message)
            self._tell(ChangeKind.MESSAGE_POSTED, message)
        else:
            self._tops[message.channel][message.ts] = message
            self._tell(ChangeKind.MESSAGE_POSTED, message)
        return message

    def change(self, message: Message, *, text: str, blocks: list[Json], metadata: Json | None = None) -> None:
        """Replace a message's content; its metadata stays unless new ones are given, as in Slack.

        Slack marks a message as edited when it shows its text, not when it shows blocks.
        """
        message.text = text
        message.blocks = with_ids(blocks)
        message.metadata = message.metadata if metadata is None else metadata
        if message.only_for:
            self._tell(ChangeKind.EPHEMERAL_CHANGED, message)
            return
        message.edited_ts = "" if blocks else self._ids.ts()
        self._tell(ChangeKind.MESSAGE_CHANGED, message)

    def delete(self, message: Message) -> None:
        """Remove a message; one with replies leaves a tombstone, so that its thread goes on."""
        if message.only_for:
            del self._ephemerals[message.only_for, message.channel][message.ts]
            self._tell(ChangeKind.EPHEMERAL_DELETED, message, gone=True)
            return
        if message.thread_ts:
            head = self._tops[message.channel][message.thread_ts]
            head.replies.remove(message)
            del self._replies[message.channel][message.ts]
            if head.tombstone and not head.replies:
                del self._tops[message.channel][head.ts]
        elif message.replies:
            message.tombstone = True
        else:
            del self._tops[message.channel][message.ts]
        self._tell(ChangeKind.MESSAGE_DELETED, message, gone=True)

    def _tell(self, kind: ChangeKind, message: Message, *, gone: bool = False) -> None:
        self._changes.tell(
            kind,
            channel=message.channel,
            user=message.only_for,
            ts=message.ts,
            thread_ts=message.thread_ts,
            body=None if gone else message.wire(),
        )
