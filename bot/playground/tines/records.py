"""What a local tenant holds: plain rows without behaviour, changed only by the tenant that owns them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Right(StrEnum):
    """What an API key may do."""

    OWNER = "owner"  # tenant owner: everything, sync destinations included
    EDITOR = "editor"  # may publish stories here, may not see sync destinations
    PUBLISHER = "publisher"  # may publish here, and see no more than teams and stories
    READER = "reader"  # teams and stories only


@dataclass
class Key:
    """An API key of a tenant."""

    name: str  # for people and logs
    secret: str = field(repr=False)
    right: Right = Right.OWNER
    revoked: bool = False
    personal: bool = False  # somebody's own key, not the tenant's


@dataclass
class TeamRow:
    """A team."""

    id: int
    name: str


@dataclass(frozen=True)
class Action:
    """One action of a story: Tines calls it an agent in exports."""

    type: str  # "Agents::WebhookAgent", …
    name: str
    options: Mapping[str, object] = field(default_factory=dict)
    disabled: bool = False


@dataclass
class StoryRow:
    """A story; times are aware."""

    id: int
    name: str
    team_id: int
    created_at: datetime
    edited_at: datetime
    tags: tuple[str, ...] = ()
    description: str = ""
    credentials: tuple[str, ...] = ()  # slugs of the credentials its actions refer to
    resources: tuple[str, ...] = ()
    change_control: bool = True
    published: bool = True
    disabled: bool = False
    priority: bool = False
    locked: bool = False
    send_to_story: bool = False
    api_enabled: bool = False
    favorite: bool = False
    actions: int = 3
    copied_from: str = ""  # "tenant/story id" for a copy that a sync brought
    sub_stories: tuple[str, ...] = ()  # slugs of the stories it hands over to
    content: tuple[Action, ...] = ()  # its actions; empty: as they are drawn from what it refers to
    origin_identifier: str = ""  # as exports show it


@dataclass
class ChangeRequest:
    """A change of a story that waits for review, or was reviewed."""

    id: int
    story_id: int
    user_id: int
    at: datetime
    status: str = "PENDING"


@dataclass
class Shared:
    """A credential or a resource: owned by a team, perhaps readable by others."""

    id: int
    name: str
    slug: str
    team_id: int
    everywhere: bool = False  # read access GLOBAL instead of TEAM
    value: str = field(default="", repr=False)  # resources only; clear text in the API


@dataclass
class Subscription:
    """A story within a sync destination."""

    story_id: int
    name: str
    status: str
    error_message: str | None = None


@dataclass
class Destination:
    """A story sync destination."""

    id: int
    url: str
    destination_team_id: int
    team_id: int
    manual_only: bool
    api_key: str | None = field(repr=False)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)


@dataclass
class Copy:
    """A story that a sync brought to a tenant, kept on the tenant that received it."""

    origin: str  # name of the source tenant
    destination_id: int  # id of the sync destination on the source tenant
    source_story_id: int
    story_id: int  # id of the copy
    team_id: int
    versions: int  # how often it was brought
    at: datetime  # of the latest
    detached: bool = False  # the sync destination was deleted, or the story taken out of it
