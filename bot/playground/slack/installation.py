"""The app as this workspace has it installed: its tokens, scopes, and what its manifest declares.

Read from the manifest itself, so that a command, a shortcut, an event or a scope that the manifest forgot does not
work here either, instead of failing for the first time in a real workspace.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command as the manifest declares it."""

    command: str  # with its slash
    description: str = ""
    usage_hint: str = ""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A global shortcut as the manifest declares it."""

    callback_id: str
    name: str = ""
    description: str = ""


@dataclass(slots=True)
class AppInstall:
    """An installed app. With `request_url` None it is spoken to through Socket Mode."""

    bot_token: str = field(default="xoxb-local-bot-token", repr=False)
    signing_secret: str = field(default="local-signing-secret", repr=False)
    app_token: str = field(default="xapp-local-app-token", repr=False)
    bot_user_id: str = "U0BOT"
    bot_id: str = "B0BOT"
    app_id: str = "A0APP"
    name: str = "tines-sync"
    scopes: frozenset[str] = frozenset()
    request_url: str | None = None
    commands: tuple[SlashCommand, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    events: frozenset[str] = frozenset({"app_home_opened"})
    home_tab: bool = True
    messages_read_only: bool = False  # whether people can write nothing to the app
    takes_options: bool = True  # whether type-ahead fields can ask it: over HTTP, the manifest has to name a URL

    @classmethod
    def from_manifest(cls, manifest: Path | dict[str, Any], *, request_url: str | None = None, **others: str) -> Self:
        """Build the installation that a manifest (a JSON file, or its content) describes.

        `request_url` says where the app listens here, in place of the manifest's public address; None means Socket
        Mode. `others` are the remaining text fields (`bot_token`, `signing_secret`, `app_token`, ids). Raises
        `KeyError` when the manifest lacks a section that every app needs.
        """
        content = json.loads(manifest.read_text()) if isinstance(manifest, Path) else manifest
        asked = content["oauth_config"]["scopes"]
        features = content.get("features", {})
        settings = content.get("settings", {})
        interactivity = settings.get("interactivity", {})
        home = features.get("app_home", {})
        return cls(
            name=content["display_information"]["name"],
            # whoever installs it grants what is optional as well, unless they say otherwise
            scopes=frozenset(scope for kind in ("bot", "bot_optional") for scope in asked.get(kind, ())),
            request_url=request_url,
            commands=tuple(
                SlashCommand(c["command"], c.get("description", ""), c.get("usage_hint", ""))
                for c in features.get("slash_commands", ())
            ),
            shortcuts=tuple(
                Shortcut(s["callback_id"], s.get("name", ""), s.get("description", ""))
                for s in features.get("shortcuts", ())
                if s.get("type") == "global"
            ),
            events=frozenset(settings.get("event_subscriptions", {}).get("bot_events", ())),
            home_tab=bool(home.get("home_tab_enabled", False)),
            messages_read_only=bool(home.get("messages_tab_read_only_enabled", False)),
            takes_options=bool(settings.get("socket_mode_enabled") or interactivity.get("message_menu_options_url")),
            **others,
        )
