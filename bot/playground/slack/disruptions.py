"""What people do to a workspace while an app relies on it: archive, remove, delete, revoke, deactivate, regroup."""

from collections.abc import Iterable
from typing import NoReturn

from bot.playground.slack.changes import ChangeKind
from bot.playground.slack.core import Core
from bot.playground.slack.messages import Message
from bot.playground.slack.shapes import Json, NotThereError
from bot.playground.slack.workspace import Channel, User, UserGroup


def _missing(what: str) -> NoReturn:
    message = f"there is no {what} in this workspace"
    raise NotThereError(message)


class Disruptions:
    """Changes a workspace under the app's feet. Unknown ids raise `NotThereError`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def say(self, user: str, channel: str, text: str, *, thread_ts: str = "") -> Json:
        """Let a person write something, and return the message."""
        message = Message(self._channel(channel).id, "", user, text, thread_ts=thread_ts)
        return self._core.messages.post(message).wire()

    def delete_message(self, channel: str, ts: str) -> None:
        """Delete a message, as an admin may; one with replies leaves a tombstone."""
        message = self._core.messages.find(channel, ts)
        if message is None or message.tombstone:
            text = f"no message {ts} in {channel}"
            raise NotThereError(text)
        self._core.messages.delete(message)

    def archive(self, channel: str, *, archived: bool = True) -> None:
        """Archive a channel, or bring it back."""
        found = self._channel(channel)
        found.archived = archived
        self._channel_changed(found)

    def close_edits(self, seconds: float | None) -> None:
        """Let nobody edit a message once it is so many seconds old, or again at any time (None)."""
        self._core.edit_seconds = seconds

    def forge(self, channel: str, metadata: Json, text: str = "Not by this app") -> Json:
        """Let another app post a message with any metadata it likes, and return the message."""
        message = Message(
            self._channel(channel).id, "", "UOTHERBOT", text, metadata=metadata, bot_id="BOTHER", app_id="AOTHER"
        )
        return self._core.messages.post(message).wire(with_metadata=True)

    def kick_bot(self, channel: str) -> None:
        """Remove the app from a channel."""
        found = self._channel(channel)
        found.bot_in = False
        self._channel_changed(found)

    def invite_bot(self, channel: str) -> None:
        """Add the app to a channel."""
        found = self._channel(channel)
        found.bot_in = True
        self._channel_changed(found)

    def revoke_token(self) -> None:
        """Make the bot token useless: its methods answer `token_revoked`."""
        self._core.token_revoked = True
        self._core.changes.tell(ChangeKind.APP_CHANGED)

    def restore_token(self) -> None:
        """Make the bot token work again."""
        self._core.token_revoked = False
        self._core.changes.tell(ChangeKind.APP_CHANGED)

    def revoke_app_token(self, *, revoked: bool = True) -> None:
        """Make the app-level token useless for new connections, or make it work again."""
        self._core.app_token_revoked = revoked
        self._core.changes.tell(ChangeKind.APP_CHANGED)

    def deactivate(self, user: str, *, deleted: bool = True) -> None:
        """Deactivate a person's account, or bring it back."""
        found = self._user(user)
        found.deleted = deleted
        self._core.changes.tell(ChangeKind.USER_CHANGED, user=found.id)

    def make_guest(self, user: str, *, restricted: bool = True) -> None:
        """Turn a person into a guest, or a guest into a member."""
        found = self._user(user)
        found.is_restricted = restricted
        self._core.changes.tell(ChangeKind.USER_CHANGED, user=found.id)

    def set_group(self, group: str, members: Iterable[str]) -> None:
        """Replace the members of a user group."""
        found = self._group(group)
        found.members = list(members)
        self._core.changes.tell(ChangeKind.GROUP_CHANGED)

    def disable_group(self, group: str, *, disabled: bool = True) -> None:
        """Switch a user group off, or on again."""
        found = self._group(group)
        found.disabled = disabled
        self._core.changes.tell(ChangeKind.GROUP_CHANGED)

    def _channel_changed(self, channel: Channel) -> None:
        self._core.changes.tell(ChangeKind.CHANNEL_CHANGED, channel=channel.id, body=channel.wire())

    def _channel(self, channel_id: str) -> Channel:
        found = self._core.workspace.channel(channel_id)
        return found if found is not None else _missing(channel_id)

    def _user(self, user_id: str) -> User:
        found = self._core.workspace.user(user_id)
        return found if found is not None else _missing(user_id)

    def _group(self, group_id: str) -> UserGroup:
        found = self._core.workspace.group(group_id)
        return found if found is not None else _missing(group_id)
