"""Which Slack scopes the bot needs, and why: the Web API methods it calls, each with its scopes.

It prevents an app that asks a workspace for more than it uses, and one that fails on its first call of a method. A
test holds this table against the code, and both manifests against the table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Scopes of a bot token by method, for the kinds of conversation that the bot uses it in: public and private channels,
# and direct messages. Source: the page of each method under https://docs.slack.dev/reference/methods
METHOD_SCOPES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "apps_connections_open": frozenset(),  # an app-level token with connections:write
        "auth_test": frozenset(),
        "chat_delete": frozenset({"chat:write"}),
        "chat_getPermalink": frozenset(),
        "chat_postEphemeral": frozenset({"chat:write"}),
        "chat_postMessage": frozenset({"chat:write"}),
        "chat_update": frozenset({"chat:write"}),
        "conversations_history": frozenset({"channels:history", "groups:history", "im:history"}),
        "conversations_info": frozenset({"channels:read", "groups:read"}),
        "conversations_open": frozenset({"im:write"}),
        "conversations_replies": frozenset({"channels:history", "groups:history", "im:history"}),
        "files_completeUploadExternal": frozenset({"files:write"}),
        "files_getUploadURLExternal": frozenset({"files:write"}),
        "usergroups_list": frozenset({"usergroups:read"}),
        "usergroups_users_list": frozenset({"usergroups:read"}),
        "users_info": frozenset({"users:read"}),
        "views_open": frozenset(),
        "views_publish": frozenset(),
        "views_push": frozenset(),
        "views_update": frozenset(),
    }
)
# The slash command and the global shortcut: https://docs.slack.dev/reference/scopes/commands
SURFACE_SCOPES: Final = frozenset({"commands"})
OPTIONAL_SCOPES: Final = frozenset({"files:write"})  # what needs them is not offered without them
NEEDED_SCOPES: Final = SURFACE_SCOPES.union(*METHOD_SCOPES.values()) - OPTIONAL_SCOPES

# What does not work without a scope, for whoever reads that it is missing.
SCOPE_FEATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "channels:history": "finding what was posted already in public channels",
        "channels:read": "knowing public channels",
        "chat:write": "every message",
        "commands": "/tines-sync and the shortcut",
        "files:write": "posting the whole diff of a request into its thread",
        "groups:history": "finding what was posted already in private channels",
        "groups:read": "knowing private channels",
        "im:history": "finding what was posted already in direct messages",
        "im:write": "direct messages to requesters and approvers",
        "usergroups:read": "user groups in routes",
        "users:read": "knowing who people are: without it nobody can do anything",
    }
)
