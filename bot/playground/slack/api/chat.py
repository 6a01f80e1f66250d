"""`chat.*`: posting, changing, deleting messages, with Slack's refusals."""

import json
import re
from typing import Any, Final

from bot.playground.slack.api.args import Args
from bot.playground.slack.blocks import blocks_text_length, message_faults
from bot.playground.slack.blocks.checks import is_object
from bot.playground.slack.blocks.surfaces import BLOCKS_TEXT_MOST
from bot.playground.slack.core import Core
from bot.playground.slack.errors import RateLimitedError, refuse
from bot.playground.slack.messages import Message
from bot.playground.slack.shapes import Json

TEXT_MOST: Final = 4000
"""Characters in a message's text. `chat.update` refuses more; `chat.postMessage` would cut it, which is refused here."""
_TS: Final = re.compile(r"[0-9]{1,12}\.[0-9]{6}")
_METADATA_MOST: Final = 8000


def checked_content(text: str, blocks: Any) -> list[Json]:  # noqa: ANN401 - whatever JSON holds; it is what is checked
    """Return a message's blocks when Slack would take its content. Raises `ApiError`."""
    if blocks is None:
        blocks = []
    if not isinstance(blocks, list):
        refuse("invalid_blocks_format")
    if not text and not blocks:
        refuse("no_text")
    if len(text) > TEXT_MOST:
        refuse("msg_too_long")
    faults = message_faults(blocks)
    if faults:
        refuse("invalid_blocks", messages=faults)
    if blocks_text_length(blocks) > BLOCKS_TEXT_MOST:
        refuse("msg_blocks_too_long")
    return blocks


def _metadata(args: Args) -> Json | None:
    value = args.parsed("metadata", "invalid_metadata_format")
    if value is None:
        return None
    if not is_object(value) or not isinstance(value.get("event_type"), str):
        refuse("invalid_metadata_format")
    if not is_object(value.get("event_payload")):
        refuse("invalid_metadata_format")
    if len(json.dumps(value)) > _METADATA_MOST:
        refuse("metadata_too_large")
    return {"event_type": value["event_type"], "event_payload": value["event_payload"]}


def own_message(core: Core, **content: Any) -> Message:  # noqa: ANN401 - the fields of a Message
    """Return a message whose author is the app."""
    return Message(ts="", user=core.app.bot_user_id, bot_id=core.app.bot_id, app_id=core.app.app_id, **content)


def thread_head(core: Core, channel: str, thread_ts: str) -> str:
    """Return the timestamp of the thread to post in, empty for none. Raises `ApiError` (thread_not_found).

    A message that was deleted has no thread any more, and Slack says nothing of it: what replies to it appears at the
    channel's root.
    """
    if not thread_ts:
        return ""
    if not _TS.fullmatch(thread_ts):
        refuse("thread_not_found")
    head = core.messages.find(channel, thread_ts)
    if head is None:
        return ""
    return head.thread_ts or head.ts  # the timestamp of a reply leads to its thread as well


def _ready_message(core: Core, args: Args) -> Message:
    blocks = checked_content(args.text("text"), args.parsed("blocks", "invalid_blocks_format"))
    channel = core.writable_channel(args.required("channel"))
    head = thread_head(core, channel.id, args.text("thread_ts"))
    return own_message(
        core,
        channel=channel.id,
        text=args.text("text"),
        blocks=blocks,
        thread_ts=head,
        broadcast=bool(head) and args.flag("reply_broadcast"),
        metadata=_metadata(args),
    )


def post_message(core: Core, args: Args) -> Json:
    """`chat.postMessage`."""
    message = _ready_message(core, args)
    retry_after = core.limiter.post(message.channel, core.clock())
    if retry_after:
        raise RateLimitedError(retry_after)
    core.messages.post(message)
    return {"ok": True, "channel": message.channel, "ts": message.ts, "message": message.wire(with_metadata=True)}


def post_ephemeral(core: Core, args: Args) -> Json:
    """`chat.postEphemeral`."""
    user = core.known_user(args.required("user"))
    message = _ready_message(core, args)
    channel = core.visible_channel(message.channel)
    if user.id not in channel.members:
        refuse("user_not_in_channel")
    message.only_for = user.id
    core.messages.post(message)
    return {"ok": True, "message_ts": message.ts}


def _own(core: Core, args: Args, otherwise: str) -> Message:
    channel = core.visible_channel(args.required("channel"))
    if channel.archived:
        refuse("is_archived")
    message = core.messages.find(channel.id, args.required("ts"))
    if message is None or message.tombstone:
        refuse("message_not_found")
    if message.user != core.app.bot_user_id:
        refuse(otherwise)
    return message


def _refuse_late_edit(core: Core, message: Message) -> None:
    """Refuse an edit after the time that the workspace's settings allow for it. Raises `ApiError`."""
    allowed = core.edit_seconds
    if allowed is not None and core.clock() - float(message.ts) > allowed:
        refuse("edit_window_closed")


def update(core: Core, args: Args) -> Json:
    """`chat.update`: a text without blocks takes the blocks away, and only then the message is marked as edited."""
    message = _own(core, args, "cant_update_message")
    _refuse_late_edit(core, message)
    given = args.parsed("blocks", "invalid_blocks_format")
    text = args.text("text", message.text if given is not None else "")
    blocks = checked_content(text, given)
    core.messages.change(message, text=text, blocks=blocks, metadata=_metadata(args))
    return {
        "ok": True,
        "channel": message.channel,
        "ts": message.ts,
        "text": text,
        "message": message.wire(with_metadata=True),
    }


def delete(core: Core, args: Args) -> Json:
    """`chat.delete`."""
    message = _own(core, args, "cant_delete_message")
    core.messages.delete(message)
    return {"ok": True, "channel": message.channel, "ts": message.ts}


def get_permalink(core: Core, args: Args) -> Json:
    """`chat.getPermalink`."""
    channel = core.visible_channel(args.required("channel"))
    message = core.messages.find(channel.id, args.required("message_ts"))
    if message is None:
        refuse("message_not_found")
    link = f"https://{core.workspace.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def answer_reply(core: Core, token: str, body: Json) -> None:
    """Do what a POST to a response URL asks for. Raises `ApiError`."""
    reply = core.replies.use(token)
    original = _original(core, reply.user, reply.channel, reply.message_ts, ephemeral=reply.ephemeral)
    if body.get("delete_original"):
        if original is not None:
            core.messages.delete(original)
        return
    text = str(body.get("text") or "")
    blocks = checked_content(text, body.get("blocks"))
    if body.get("replace_original"):
        if original is None:
            refuse("message_not_found")
        core.messages.change(original, text=text, blocks=blocks)
        return
    in_channel = body.get("response_type") == "in_channel"
    core.messages.post(
        own_message(
            core,
            channel=reply.channel,
            text=text,
            blocks=blocks,
            only_for="" if in_channel else reply.user,
            thread_ts=str(body.get("thread_ts") or "") or (reply.thread_ts if not in_channel else ""),
        )
    )


def _original(core: Core, user: str, channel: str, ts: str, *, ephemeral: bool) -> Message | None:
    if not ts:
        return None
    return core.messages.ephemeral(user, channel, ts) if ephemeral else core.messages.find(channel, ts)
