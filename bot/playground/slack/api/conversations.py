"""`conversations.*`: channels, their members and their messages."""

from collections.abc import Sequence

from bot.playground.slack.api.args import Args
from bot.playground.slack.api.paging import next_cursor, page
from bot.playground.slack.core import Core
from bot.playground.slack.errors import refuse
from bot.playground.slack.messages import Message
from bot.playground.slack.shapes import Json
from bot.playground.slack.workspace import Channel


def info(core: Core, args: Args) -> Json:
    """`conversations.info`."""
    channel = core.visible_channel(args.required("channel")).wire()
    if not args.flag("include_num_members"):
        channel.pop("num_members", None)
    return {"ok": True, "channel": channel}


def list_all(core: Core, args: Args) -> Json:
    """`conversations.list`: public channels, and the private ones the app is in."""
    types = {kind.strip() for kind in args.text("types", "public_channel").split(",")}
    found = [
        channel.wire()
        for channel in core.workspace.channels
        if channel.kind in types
        and (channel.bot_in or not channel.private)
        and not (args.flag("exclude_archived") and channel.archived)
    ]
    part, cursor = page(found, args.text("cursor"), args.number("limit", 100, 1000))
    return {"ok": True, "channels": list(part)} | next_cursor(cursor)


def members(core: Core, args: Args) -> Json:
    """`conversations.members`."""
    channel = core.visible_channel(args.required("channel"))
    everybody = [*channel.members, *([core.app.bot_user_id] if channel.bot_in else [])]
    part, cursor = page(everybody, args.text("cursor"), args.number("limit", 100, 1000))
    return {"ok": True, "members": list(part)} | next_cursor(cursor)


def open_conversation(core: Core, args: Args) -> Json:
    """`conversations.open` with one person."""
    if args.text("channel"):
        channel = core.visible_channel(args.text("channel"))
    else:
        people = args.required("users").split(",")
        if len(people) > 1:
            refuse("invalid_user_combination")
        if people[0] == core.app.bot_user_id:
            refuse("cannot_dm_bot")
        user = core.known_user(people[0])
        if user.deleted:
            refuse("user_disabled")
        channel = core.workspace.direct_with(user.id)
    return {"ok": True, "channel": channel.wire() if args.flag("return_im") else {"id": channel.id}}


def join(core: Core, args: Args) -> Json:
    """`conversations.join`."""
    channel = core.visible_channel(args.required("channel"))
    if channel.private:
        refuse("method_not_supported_for_channel_type")
    if channel.archived:
        refuse("is_archived")
    channel.bot_in = True
    return {"ok": True, "channel": channel.wire()}


def _readable(core: Core, args: Args) -> Channel:
    channel = core.visible_channel(args.required("channel"))
    if not (channel.direct or channel.bot_in):
        refuse("not_in_channel")
    return channel


def _between(args: Args, message: Message) -> bool:
    oldest, latest = args.text("oldest"), args.text("latest")
    if message.ts in {oldest, latest}:
        return args.flag("inclusive")
    return (not oldest or message.ts > oldest) and (not latest or message.ts < latest)


def history(core: Core, args: Args) -> Json:
    """`conversations.history`: the newest first, without the replies in threads."""
    channel = _readable(core, args)
    found = [message for message in core.messages.top(channel.id) if _between(args, message)][::-1]
    part, cursor = page(found, args.text("cursor"), args.number("limit", 100, 999))
    return _messages(args, part, cursor)


def replies(core: Core, args: Args) -> Json:
    """`conversations.replies`: the thread's first message, which is always there, then its replies, oldest first."""
    channel = _readable(core, args)
    ts = args.required("ts")
    head = core.messages.find(channel.id, ts)
    if head is None:
        refuse("thread_not_found")
    if head.thread_ts:  # asked with a reply's timestamp: Slack answers with that reply alone
        return _messages(args, [head], "")
    found = [reply for reply in head.replies if _between(args, reply)]
    part, cursor = page(found, args.text("cursor"), args.number("limit", 1000, 1000))
    return _messages(args, [head, *part], cursor)


def _messages(args: Args, part: Sequence[Message], cursor: str) -> Json:
    with_metadata = args.flag("include_all_metadata")
    body: Json = {
        "ok": True,
        "messages": [message.wire(with_metadata=with_metadata) for message in part],
        "has_more": bool(cursor),
    }
    return body | next_cursor(cursor) if cursor else body
