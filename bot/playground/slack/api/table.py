"""The table of methods: what each does, how often it may be called, and which scope it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bot.playground.slack.api import chat, conversations, files, people, views
from bot.playground.slack.api.args import Args
from bot.playground.slack.api.scopes import Need, by_channel, by_types, no_scope, scope
from bot.playground.slack.core import Core
from bot.playground.slack.shapes import Json

SPECIAL: Final = 0
"""The tier of methods with a rule of their own; not counted by the minute."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method. `all_of_them`: every one of the needed scopes is needed, instead of any."""

    run: Callable[[Core, Args], Json]
    tier: int
    need: Need = no_scope
    all_of_them: bool = False


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "auth.test": Method(people.auth_test, SPECIAL),
        "chat.postMessage": Method(chat.post_message, SPECIAL, scope("chat:write")),
        "chat.postEphemeral": Method(chat.post_ephemeral, 4, scope("chat:write")),
        "chat.update": Method(chat.update, 3, scope("chat:write")),
        "chat.delete": Method(chat.delete, 3, scope("chat:write")),
        "chat.getPermalink": Method(chat.get_permalink, SPECIAL),
        "views.open": Method(views.open_view, 4),
        "views.push": Method(views.push, 4),
        "views.update": Method(views.update, 4),
        "views.publish": Method(views.publish, 4),
        "conversations.info": Method(conversations.info, 3, by_channel("read")),
        "conversations.list": Method(conversations.list_all, 2, by_types, all_of_them=True),
        "conversations.members": Method(conversations.members, 4, by_channel("read")),
        "conversations.open": Method(conversations.open_conversation, 3, scope("im:write")),
        "conversations.join": Method(conversations.join, 3, scope("channels:join")),
        "conversations.history": Method(conversations.history, 3, by_channel("history")),
        "conversations.replies": Method(conversations.replies, 3, by_channel("history")),
        "users.info": Method(people.user_info, 4, scope("users:read")),
        "users.list": Method(people.user_list, 2, scope("users:read")),
        "usergroups.list": Method(people.group_list, 2, scope("usergroups:read")),
        "usergroups.users.list": Method(people.group_members, 2, scope("usergroups:read")),
        "files.getUploadURLExternal": Method(files.get_upload_url, 4, scope("files:write")),
        "files.completeUploadExternal": Method(files.complete_upload, 4, scope("files:write")),
    }
)
