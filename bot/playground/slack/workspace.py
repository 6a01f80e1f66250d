"""The workspace that everything happens in: people, user groups and channels, as Slack's methods tell of them.

The records are mutable on purpose: a person is deactivated, a channel archived, the bot thrown out of it, while the
app is running. They prevent tests against a world in which nothing ever changes.
"""

from dataclasses import dataclass, field

from bot.playground.slack.shapes import Json


@dataclass(slots=True)
class User:
    """A member of the workspace, or a bot's user."""

    id: str
    name: str
    real_name: str = ""
    tz: str = "Etc/UTC"  # an IANA name
    tz_offset: int = 0  # seconds east of UTC
    is_bot: bool = False
    is_restricted: bool = False  # multi-channel guest
    is_ultra_restricted: bool = False  # single-channel guest
    is_stranger: bool = False  # from another workspace, and in no channel with the app
    deleted: bool = False  # deactivated
    global_id: str = ""  # "W…": their id in the organisation; it means them wherever their id does
    acts_as_global: bool = False  # whether payloads name them by that id
    home_team: str = ""  # "T…": of the workspace they are from, when it is another one (Slack Connect)
    home_enterprise: str = ""  # "E…": of the organisation they are from, when it is another one
    tells_team: bool = True  # False: no `team_id`, as Slack leaves it out for some in an organisation

    def is_known_as(self, user_id: str) -> bool:
        """Whether an id means this user."""
        return user_id in {self.id, self.global_id} - {""}

    @property
    def payload_id(self) -> str:
        """The id by which payloads name the user."""
        return self.global_id if self.acts_as_global and self.global_id else self.id

    def wire(self, team_id: str, enterprise_id: str = "") -> Json:
        """Return the user object of `users.info` (https://docs.slack.dev/reference/objects/user-object).

        `team_id` and `enterprise_id` are the workspace's; somebody from elsewhere comes with those of their own.
        """
        elsewhere = self.home_team or ("T0ELSEWHERE" if self.is_stranger else "")
        team_id, enterprise_id = elsewhere or team_id, self.home_enterprise if elsewhere else enterprise_id
        full = self.real_name or self.name
        user: Json = {
            "id": self.id,
            "team_id": team_id,
            "name": self.name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 0,
            "profile": {"real_name": full, "display_name": self.name, "team": team_id},
        }
        if not self.deleted:  # Slack leaves these out for deactivated people
            user |= {
                "real_name": full,
                "tz": self.tz,
                "tz_label": self.tz,
                "tz_offset": self.tz_offset,
                "is_admin": False,
                "is_owner": False,
                "is_restricted": self.is_restricted,
                "is_ultra_restricted": self.is_ultra_restricted,
            }
            user |= {"is_stranger": True} if self.is_stranger else {}
        if enterprise_id:
            user["enterprise_user"] = {
                "id": self.global_id or self.id,
                "enterprise_id": enterprise_id,
                "enterprise_name": enterprise_id,
                "is_admin": False,
                "is_owner": False,
                "teams": [team_id],
            }
        if not self.tells_team:
            del user["team_id"]
        return user


@dataclass(slots=True)
class UserGroup:
    """A user group; `disabled` when somebody switched it off."""

    id: str  # "S…"
    handle: str
    members: list[str] = field(default_factory=list)  # user ids
    name: str = ""
    disabled: bool = False

    def wire(self, team_id: str, *, with_users: bool) -> Json:
        """Return the group object of `usergroups.list`."""
        group: Json = {
            "id": self.id,
            "team_id": team_id,
            "is_usergroup": True,
            "name": self.name or self.handle,
            "handle": self.handle,
            "description": "",
            "date_delete": 1 if self.disabled else 0,
            "user_count": len(self.members),
        }
        if with_users:
            group["users"] = list(self.members)
        return group


@dataclass(slots=True)
class Channel:
    """A public or private channel, or a direct conversation of one person with the app (`user` is set)."""

    id: str  # "C…", "G…", or "D…"
    name: str = ""
    private: bool = False
    members: list[str] = field(default_factory=list)  # user ids, without the app's own user
    archived: bool = False
    bot_in: bool = True  # whether the app's user is a member
    user: str = ""  # of a direct conversation: the person
    ext_shared: bool = False  # whether people of another organization are in it
    read_only: bool = False  # whether only some people may post
    thread_only: bool = False  # whether only replies may be posted

    @property
    def direct(self) -> bool:
        """Whether it is a direct conversation."""
        return bool(self.user)

    @property
    def kind(self) -> str:
        """The conversation's type in Slack's words, as in the `types` argument of `conversations.list`."""
        if self.direct:
            return "im"
        return "private_channel" if self.private else "public_channel"

    def wire(self) -> Json:
        """Return the conversation object of `conversations.info`."""
        common: Json = {"id": self.id, "created": 0, "is_archived": self.archived}
        if self.direct:
            return common | {"is_im": True, "user": self.user, "is_channel": False, "is_group": False}
        return common | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.private,
            "is_group": self.private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.private,
            "is_member": self.bot_in,
            "is_general": False,
            "is_shared": self.ext_shared,
            "is_ext_shared": self.ext_shared,
            "is_read_only": self.read_only,
            "is_thread_only": self.thread_only,
            "num_members": len(self.members) + int(self.bot_in),
        }


@dataclass(slots=True)
class Workspace:
    """A Slack team with everything that stands in it. Ids are as in Slack: `T…`, `U…`, `S…`, `C…`."""

    id: str = "T0LOCAL"
    name: str = "Local"
    domain: str = "local"
    enterprise_id: str = ""  # "E…": of the organisation it belongs to; "" for none
    sends_entities: bool = False  # see `entities.py`
    users: list[User] = field(default_factory=list)
    groups: list[UserGroup] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)

    def user(self, user_id: str) -> User | None:
        """Return the user of that id, whichever of theirs it is, or None."""
        return next((u for u in self.users if u.is_known_as(user_id)), None)

    def group(self, group_id: str) -> UserGroup | None:
        """Return the user group of that id, or None."""
        return next((g for g in self.groups if g.id == group_id), None)

    def channel(self, channel_id: str) -> Channel | None:
        """Return the conversation of that id, or None; a name is not an id."""
        return next((c for c in self.channels if c.id == channel_id), None)

    def direct_with(self, user_id: str) -> Channel:
        """Return the app's direct conversation with a person, opening it when it is the first time."""
        person = self.user(user_id)
        user_id = user_id if person is None else person.id
        found = next((c for c in self.channels if c.user == user_id), None)
        if found is None:
            found = Channel(id=f"D{user_id[1:]}", private=True, members=[user_id], user=user_id)
            self.channels.append(found)
        return found
