"""A strict, stateful local Slack: its Web API, Socket Mode and a person's client, to try and test an app against.

It refuses what Slack refuses (sizes, rates, surfaces, used triggers, stale views, missing scopes), and sends what a
person does as Slack does: signed, and with three seconds for the answer. A fake that says yes to everything would let
an app through that fails in its first real workspace.
"""

from bot.playground.slack.changes import Change, ChangeKind
from bot.playground.slack.installation import AppInstall, Shortcut, SlashCommand
from bot.playground.slack.rates import NO_RATES, STRICT_RATES, Rates
from bot.playground.slack.shapes import (
    Json,
    MessageRef,
    NotThereError,
    OptionsAnswer,
    Outcome,
    SlackClientError,
    ViewRef,
)
from bot.playground.slack.traffic import Direction, Exchange, Traffic
from bot.playground.slack.workspace import Channel, User, UserGroup, Workspace

__all__ = [
    "NO_RATES",
    "STRICT_RATES",
    "AppInstall",
    "Change",
    "ChangeKind",
    "Channel",
    "Direction",
    "Exchange",
    "Json",
    "MessageRef",
    "NotThereError",
    "OptionsAnswer",
    "Outcome",
    "Rates",
    "Shortcut",
    "SlackClientError",
    "SlashCommand",
    "Traffic",
    "User",
    "UserGroup",
    "ViewRef",
    "Workspace",
]
