"""The objects that the Tines API sends, as far as the bot reads them.

Unknown fields are ignored and unknown statuses are kept as text, so that a newer Tines is shown and not a crash. One odd
record does not spoil a listing: it is counted, and the others are read.
The names of fields are those of the public API documentation (https://www.tines.com/api/).
"""

import json
from abc import abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    RootModel,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from handlers.models import Frozen, Story, StoryStatus, Team
from handlers.tines._words import clean

PER_PAGE: Final = 500  # the most that Tines gives at once
MAX_PAGES: Final = 1_000  # of one listing
MAX_RECORDS: Final = 100_000  # of one listing: a tenant has thousands
_MAX_ID: Final = 2**63 - 1  # what a database can keep
_LONGEST_NAME: Final = 500  # characters
_MOST_TAGS: Final = 100
_KNOWN_STATUSES: Final = frozenset({"synced", "failed", "requires_sync"})

M = TypeVar("M", bound=BaseModel)


def _text(value: object) -> object:
    """Read null as empty, and anything else that is no text as its text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return "?"


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


def _status(text: str) -> str:
    """Return a status that is known in whatever case as it is documented, and any other as it came."""
    plain = "_".join(text.replace("-", " ").replace("_", " ").casefold().split())
    return plain if plain in _KNOWN_STATUSES else text


def _list(value: object) -> object:
    return list(value) if isinstance(value, (list, tuple)) else []


def _object(value: object) -> object:
    return value if isinstance(value, dict) else {}


def _nothing(_value: object) -> None:
    """Read what cannot be understood as not told: it is shown, and never worth a failed call."""


def _words(value: object) -> str:
    return clean(str(_text(value)))


# In each of these the first kind is what Tines documents, and is read without a line of Python: the others are only
# tried where it does not fit.
_Whole = Annotated[int, Field(strict=True, ge=0, le=_MAX_ID)]
_Digits = Annotated[str, StringConstraints(pattern=r"^\d{1,19}$")]
_Odd = Annotated[None, BeforeValidator(_nothing)]
_FIRST: Final = Field(union_mode="left_to_right")
_ShortText = Annotated[str, StringConstraints(strict=True, max_length=_LONGEST_NAME)]

Id = Annotated[
    _Whole | Annotated[int, BeforeValidator(TypeAdapter(_Digits).validate_python), Field(le=_MAX_ID)], _FIRST
]
MaybeId = Annotated[Id | _Odd, _FIRST]
Text = Annotated[_ShortText | Annotated[str, BeforeValidator(_text), AfterValidator(_clipped)], _FIRST]
Status = Annotated[
    Literal["synced", "failed", "requires_sync"]
    | Annotated[str, BeforeValidator(_text), AfterValidator(_status), AfterValidator(_clipped)],
    _FIRST,
]
Tags = Annotated[
    Annotated[tuple[_ShortText, ...], Field(max_length=_MOST_TAGS)]
    | Annotated[tuple[Text, ...], BeforeValidator(_list), AfterValidator(lambda tags: tags[:_MOST_TAGS])],
    _FIRST,
]
Time = Annotated[datetime | _Odd, _FIRST]
Flag = Annotated[bool | _Odd, _FIRST]
Words = Annotated[str, BeforeValidator(_words)] | None


def keep_good(model: type[M], items: object) -> tuple[tuple[M, ...], int]:
    """Return the records that can be read, and how many cannot."""
    good: list[M] = []
    odd = 0
    records = items if isinstance(items, (list, tuple)) else [items]
    for item in records[:MAX_RECORDS]:
        try:
            good.append(model.model_validate(item))
        except (ValidationError, RecursionError):
            odd += 1
    return tuple(good), odd + len(records[MAX_RECORDS:])


class Record(Frozen):
    """What a listing lists."""

    @property
    @abstractmethod
    def key(self) -> int | str:
        """What tells it apart from others."""


class Identified(Record):
    """A record with an id."""

    id: Id

    @property
    def key(self) -> int | str:
        """Its id."""
        return self.id


class StoryName(Frozen):
    """A story as a subscription names it."""

    id: Id
    name: Text = ""


class Subscription(Frozen):
    """One story of a sync destination, and how its latest sync went."""

    story: StoryName
    status: Status = ""  # "synced", "failed", "requires_sync", or what a newer Tines says
    error_message: Words = None


class SyncDestination(Identified):
    """Where a team's stories are copied to: the object of `/admin/sync_destinations`."""

    destination_tenant_url: Text = ""  # as Tines writes it; may be another name of the same tenant, or nothing
    destination_team_id: Id
    origin_team_id: Id
    manual_sync_only: Flag = None  # None: an older tenant, which does not know the field
    subscriptions: tuple[Subscription, ...] = ()
    unreadable: int = 0  # subscriptions that could not be read: the set of stories is not known as a whole then

    @model_validator(mode="before")
    @classmethod
    def _keep_good(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        subscriptions = value.get("subscriptions")
        good, odd = keep_good(Subscription, () if subscriptions is None else subscriptions)
        return {**value, "subscriptions": good, "unreadable": odd}

    @property
    def story_ids(self) -> frozenset[int]:
        """Ids of the stories that are synced there."""
        return frozenset(subscription.story.id for subscription in self.subscriptions)

    def statuses(self) -> tuple[StoryStatus, ...]:
        """Return what became of every story, in Tines's words and order."""
        return tuple(
            StoryStatus(story_id=s.story.id, name=s.story.name, status=s.status, error=s.error_message)
            for s in self.subscriptions
        )


class TinesTeam(Identified):
    """A team as `/teams` lists it."""

    name: Text = ""

    def team(self) -> Team:
        """Return it in the product's words."""
        return Team(id=self.id, name=self.name)


class TinesStory(Identified):
    """A story as `/stories` lists it. None means that unknown."""

    name: Text = ""
    slug: Text = ""
    team_id: MaybeId = None
    tags: Tags = ()
    edited_at: Time = None
    change_control_enabled: Flag = None
    disabled: Flag = None
    locked: Flag = None

    def story(self) -> Story:
        """Return it in the product's words."""
        return Story(
            id=self.id,
            name=self.name,
            tags=self.tags,
            edited_at=self.edited_at,
            disabled=self.disabled is True,
            locked=self.locked is True,
        )


class Shared(Record):
    """What credentials and resources have in common: who may use them, never what they hold."""

    id: MaybeId = None
    slug: Text
    name: Text = ""
    team_id: MaybeId = None
    read_access: Text = ""  # "TEAM", "GLOBAL" or "SPECIFIC_TEAMS"
    shared_team_slugs: Tags = ()  # for SPECIFIC_TEAMS

    @property
    def key(self) -> int | str:
        """What tells it apart from others."""
        return self.id if self.id is not None else f"{self.team_id}/{self.slug}"


class Credential(Shared):
    """A credential as `/user_credentials` lists it; never its content."""


class GlobalResource(Shared):
    """A resource as `/global_resources` lists it. Its `value` comes as clear text and is dropped while it is read."""


class ChangeRequest(Identified):
    """A change of a story that waits, or waited, for somebody's review."""

    status: Text = ""  # "PENDING", "APPROVED", "REJECTED", "PUSHED", "IN_PROGRESS"
    story_id: MaybeId = None
    user_id: MaybeId = None  # who asked for it
    created_at: Time = None
    updated_at: Time = None

    @model_validator(mode="before")
    @classmethod
    def _find_story(cls, value: object) -> object:
        """Take the story's id also from an object."""
        if isinstance(value, dict) and isinstance(value.get("story"), dict) and value.get("story_id") is None:
            return {**value, "story_id": value["story"].get("id")}
        return value


class Stack(Frozen):
    """What a tenant says about itself."""

    name: Text = ""
    type: Text = ""
    region: Text = ""


class Info(Frozen):
    """The answer of `/info`."""

    stack: Stack


def _page_number(value: int | None) -> int | None:
    return value if value is not None and 0 < value <= MAX_PAGES else None


def _bounded(value: int | None) -> int | None:
    return min(value, MAX_PAGES) if value is not None and value > 0 else None


class Meta(Frozen):
    """Where a page stands among all pages. Its absolute URLs are left out: they could send the key elsewhere."""

    next_page_number: Annotated[MaybeId, AfterValidator(_page_number)] = None  # None past 1,000 pages, too
    pages: Annotated[MaybeId, AfterValidator(_bounded)] = None  # at most 1,000; None where it is not told
    count: MaybeId = None

    def following(self, page: int, read: int) -> int | None:
        """Return the number of the next page, None where there is none: `read` records were read up to this one."""
        number = self.next_page_number
        if number is None or (self.pages is not None and page >= self.pages) or (self.count and read >= self.count):
            return None
        return number


class Page(Frozen):
    """One page of any listing."""

    listing: ClassVar[str]  # the name of the list
    record: ClassVar[type[Frozen]]  # what is in it
    meta: Annotated[Meta, BeforeValidator(_object)] = Field(default_factory=Meta)
    unreadable: int = 0  # records that could not be read

    @model_validator(mode="before")
    @classmethod
    def _keep_good(cls, value: object) -> object:
        if not isinstance(value, dict) or not isinstance(value.get(cls.listing), (list, tuple)):
            return value
        good, odd = keep_good(cls.record, value[cls.listing])
        return {cls.listing: good, "meta": value.get("meta"), "unreadable": odd}

    def records(self) -> tuple[Any, ...]:
        """Return the records that could be read."""
        found: tuple[Any, ...] = getattr(self, self.listing)
        return found


class DestinationsPage(Page):
    """One page of sync destinations."""

    listing = "sync_destinations"
    record = SyncDestination
    sync_destinations: tuple[SyncDestination, ...]


class TeamsPage(Page):
    """One page of teams."""

    listing = "teams"
    record = TinesTeam
    teams: tuple[TinesTeam, ...]


class StoriesPage(Page):
    """One page of stories."""

    listing = "stories"
    record = TinesStory
    stories: tuple[TinesStory, ...]


class CredentialsPage(Page):
    """One page of credentials."""

    listing = "user_credentials"
    record = Credential
    user_credentials: tuple[Credential, ...]


class ResourcesPage(Page):
    """One page of resources."""

    listing = "global_resources"
    record = GlobalResource
    global_resources: tuple[GlobalResource, ...]


class ChangeRequestsPage(Page):
    """One page of change requests."""

    listing = "change_requests"
    record = ChangeRequest
    change_requests: tuple[ChangeRequest, ...]


class SyncDestinationAnswer(Frozen):
    """A sync destination as create, show and update answer it: wrapped, or (update) as it is."""

    sync_destination: SyncDestination

    @model_validator(mode="before")
    @classmethod
    def _wrap(cls, value: object) -> object:
        return value if isinstance(value, dict) and "sync_destination" in value else {"sync_destination": value}

    @property
    def id(self) -> int:
        """Id of the destination."""
        return self.sync_destination.id


class SyncInitiated(Frozen):
    """The answer to a sync of every story."""

    sync_initiated: bool


class StorySyncInitiated(Frozen):
    """The answer to a sync of one story."""

    story_sync_initiated: bool


class Document(RootModel[dict[str, object]]):
    """Any JSON object, kept as it is."""


def faults(error: ValidationError) -> Iterator[str]:
    """Yield what is wrong with an answer and where, without quoting it: it may hold clear-text values."""
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        yield f"{'.'.join(str(part) for part in fault['loc']) or 'answer'}: {fault['msg']}"
