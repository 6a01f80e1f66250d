"""`files.*`: an upload in three steps, the only way Slack still has."""

from bot.playground.slack.api.args import Args
from bot.playground.slack.api.chat import own_message, thread_head
from bot.playground.slack.blocks.checks import is_object
from bot.playground.slack.core import Core
from bot.playground.slack.errors import refuse
from bot.playground.slack.shapes import Json


def get_upload_url(core: Core, args: Args) -> Json:
    """`files.getUploadURLExternal`."""
    name, length = args.required("filename"), args.number("length", 0, 1_000_000_000)
    if not length:
        refuse("invalid_arguments", messages=["missing required field: length"])
    file_id = core.ids.new("F")
    core.files[file_id] = {"id": file_id, "name": name, "title": name, "size": length, "content": None}
    return {"ok": True, "upload_url": f"{core.base_url}/upload/{file_id}", "file_id": file_id}


def receive(core: Core, file_id: str, content: bytes) -> None:
    """Take the bytes of an upload. Raises `ApiError` (file_not_found, length_mismatch)."""
    file = core.files.get(file_id)
    if file is None:
        refuse("file_not_found")
    if len(content) != file["size"]:
        refuse("length_mismatch")
    file["content"] = content


def complete_upload(core: Core, args: Args) -> Json:
    """`files.completeUploadExternal`: share what was uploaded, as a message when a channel is named."""
    wanted = args.parsed("files", "invalid_arguments")
    if not isinstance(wanted, list) or not wanted:
        refuse("invalid_arguments", messages=["missing required field: files"])
    shared: list[Json] = []
    for item in wanted:
        file = core.files.get(str(item.get("id"))) if is_object(item) else None
        if file is None or file["content"] is None:
            refuse("file_not_found")
        file["title"] = item.get("title") or file["title"]
        shared.append({key: file[key] for key in ("id", "name", "title", "size")})
    channel_id = args.text("channel_id")
    if channel_id:
        channel = core.writable_channel(channel_id)
        core.messages.post(
            own_message(
                core,
                channel=channel.id,
                text=args.text("initial_comment"),
                files=shared,
                thread_ts=thread_head(core, channel.id, args.text("thread_ts")),
            )
        )
    return {"ok": True, "files": shared}
