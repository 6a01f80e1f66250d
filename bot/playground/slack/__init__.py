"""A strict, stateful local Slack: its Web API, Socket Mode and a person's client, to try and test an app against.

It refuses what Slack refuses (sizes, rates, surfaces, used triggers, stale views, missing scopes), and sends what a
person does as Slack does: signed, and with three seconds for the answer. A fake that says yes to everything would let
an app through that fails in its first real workspace.

Behaviour that an app easily overlooks, and where Slack tells of it (below https://docs.slack.dev):

- A reply to a message that was deleted, and had no replies, appears at the channel's root, without an error
  (`reference/methods/chat.postMessage`, the answer's `message.thread_ts`).
- A message may be edited for a time only, as the workspace's owners say (`edit_window_closed` of `chat.update`).
- Any app may post with any metadata (`messaging/message-metadata`).
- A Socket Mode address works once, an app has at most ten connections, and Socket Mode can be switched off
  (`apis/events-api/using-socket-mode`, the reasons of `disconnect`).
"""

from bot.playground.slack.changes import Change, ChangeKind
from bot.playground.slack.delivery import AppAnswer, DeliveryError, Parcel, ParcelKind
from bot.playground.slack.faults import EVERY_METHOD, Fault, FaultKind, Faults
from bot.playground.slack.installation import AppInstall, Shortcut, SlashCommand
from bot.playground.slack.local import LocalSlack
from bot.playground.slack.rates import NO_RATES, STRICT_RATES, Rates
from bot.playground.slack.relay import Relay, relayed
from bot.playground.slack.sending import signed_headers
from bot.playground.slack.shapes import (
    Json,
    MessageRef,
    NotThereError,
    OptionsAnswer,
    Outcome,
    SlackClientError,
    ViewRef,
)
from bot.playground.slack.text import live_mentions, render_text
from bot.playground.slack.traffic import Direction, Exchange, Traffic
from bot.playground.slack.workspace import Channel, User, UserGroup, Workspace

__all__ = [
    "EVERY_METHOD",
    "NO_RATES",
    "STRICT_RATES",
    "AppAnswer",
    "AppInstall",
    "Change",
    "ChangeKind",
    "Channel",
    "DeliveryError",
    "Direction",
    "Exchange",
    "Fault",
    "FaultKind",
    "Faults",
    "Json",
    "LocalSlack",
    "MessageRef",
    "NotThereError",
    "OptionsAnswer",
    "Outcome",
    "Parcel",
    "ParcelKind",
    "Rates",
    "Relay",
    "Shortcut",
    "SlackClientError",
    "SlashCommand",
    "Traffic",
    "User",
    "UserGroup",
    "ViewRef",
    "Workspace",
    "live_mentions",
    "relayed",
    "render_text",
    "signed_headers",
]
