"""Everything that one local Slack knows, in one place that its Web API, its sending side and its people share.

No part of it knows HTTP: the rooms around it (`api`, `sending`, `socketmode`) speak for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.playground.slack.changes import Changes
from bot.playground.slack.errors import refuse
from bot.playground.slack.faults import Faults
from bot.playground.slack.ids import Ids
from bot.playground.slack.installation import AppInstall
from bot.playground.slack.messages import Messages
from bot.playground.slack.modals import Modals, View
from bot.playground.slack.rates import STRICT_RATES, RateLimiter, Rates
from bot.playground.slack.replies import ResponseUrls
from bot.playground.slack.shapes import Json
from bot.playground.slack.traffic import Traffic
from bot.playground.slack.triggers import Triggers
from bot.playground.slack.workspace import Channel, User, Workspace


@dataclass(slots=True)
class Core:
    """The state of a local Slack. `clock` gives seconds since the epoch; `sleep` is what slow faults wait with."""

    workspace: Workspace
    app: AppInstall
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    rates: Rates = STRICT_RATES
    base_url: str = "http://127.0.0.1"  # where the app reaches this Slack, without a slash at the end
    socket_url: str = ""  # where its WebSockets are opened, when not at the same place
    token_revoked: bool = False
    app_token_revoked: bool = False
    edit_seconds: float | None = None  # for how long a message may be edited; None: always
    files: dict[str, Json] = field(default_factory=dict)  # file id → what was uploaded
    ids: Ids = field(init=False)
    changes: Changes = field(init=False)
    messages: Messages = field(init=False)
    modals: Modals = field(init=False)
    triggers: Triggers = field(init=False)
    replies: ResponseUrls = field(init=False)
    traffic: Traffic = field(init=False)
    faults: Faults = field(init=False)
    limiter: RateLimiter = field(init=False)

    def __post_init__(self) -> None:
        self.ids = Ids(self.clock)
        self.changes = Changes()
        self.messages = Messages(self.ids, self.changes)
        self.modals = Modals(self.ids, self.changes)
        self.triggers = Triggers(self.clock)
        self.replies = ResponseUrls(self.clock)
        self.traffic = Traffic(self._secrets)
        self.faults = Faults()
        self.limiter = RateLimiter(self.rates)

    def known_user(self, user_id: str) -> User:
        """Return a user. Raises `ApiError` (user_not_found)."""
        user = self.workspace.user(user_id)
        if user is None:
            refuse("user_not_found")
        return user

    def visible_channel(self, channel_id: str) -> Channel:
        """Return a conversation that the app may know of. Raises `ApiError` (channel_not_found)."""
        channel = self.workspace.channel(channel_id)
        if channel is None or (channel.private and not channel.direct and not channel.bot_in):
            refuse("channel_not_found")
        return channel

    def writable_channel(self, channel_id: str) -> Channel:
        """Return a conversation that the app may post in; a person's id stands for their direct conversation.

        Raises `ApiError` (channel_not_found, is_archived, not_in_channel).
        """
        if self.workspace.user(channel_id) is not None:
            return self.workspace.direct_with(channel_id)
        channel = self.visible_channel(channel_id)
        if channel.archived:
            refuse("is_archived")
        if not (channel.direct or channel.bot_in or "chat:write.public" in self.app.scopes):
            refuse("not_in_channel")
        return channel

    def may_look(self, user: str, channel_id: str) -> bool:
        """Whether a person may see a conversation's messages: those they are in, and every public channel."""
        channel = self.workspace.channel(channel_id)
        return channel is not None and (user in channel.members or not channel.private)

    def name_of(self, some_id: str) -> str:
        """Return the name that people know a user, group or channel by; the id itself when there is none."""
        found = self.workspace.user(some_id) or self.workspace.channel(some_id)
        if found is not None:
            return found.name
        group = self.workspace.group(some_id)
        return group.handle if group else some_id

    def wire_view(self, view: View) -> Json:
        """Return a view as Slack sends it."""
        return view.wire(self.workspace.id, self.app)

    def _secrets(self) -> tuple[str, ...]:
        return (self.app.bot_token, self.app.app_token, self.app.signing_secret)
