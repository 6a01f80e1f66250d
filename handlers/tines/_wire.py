"""The objects that the Tines API sends, as far as the bot reads them.

Unknown fields are ignored and unknown statuses are kept as text, so that a newer Tines is shown and not a crash.
The names of fields are those of the public API documentation (https://www.tines.com/api/).
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import (
    BeforeValidator,
    Field,
    RootModel,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from handlers.models import Frozen, Story, StoryStatus, Team

PER_PAGE: Final = 500  # the most that Tines gives at once


def _text(value: object) -> object:
    """Read null as empty, and anything else that is no text as its text."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def _list(value: object) -> object:
    return () if value is None else value


def _object(value: object) -> object:
    return {} if value is None else value


def _time(value: object, read: ValidatorFunctionWrapHandler) -> object:
    """Read a time that cannot be understood as none: it is shown, and never worth a failed call."""
    try:
        return read(value)
    except ValidationError:
        return None


Text = Annotated[str, BeforeValidator(_text)]
Time = Annotated[datetime | None, WrapValidator(_time)]


class StoryName(Frozen):
    """A story as a subscription names it."""

    id: int
    name: Text = ""


class Subscription(Frozen):
    """One story of a sync destination, and how its latest sync went."""

    story: StoryName
    status: Text = ""  # "synced", "failed", "requires_sync", or what a newer Tines says
    error_message: str | None = None


class SyncDestination(Frozen):
    """Where a team's stories are copied to: the object of `/admin/sync_destinations`."""

    id: int
    destination_tenant_url: Text = ""  # as Tines writes it; may differ in a trailing slash or in case
    destination_team_id: int
    origin_team_id: int
    manual_sync_only: bool | None = None  # None: an older tenant, which does not know the field
    subscriptions: Annotated[tuple[Subscription, ...], BeforeValidator(_list)] = ()

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

    def with_errors(self, clean: Callable[[str], str]) -> Self:
        """Return the same with every error message passed through `clean`."""
        return self.model_copy(
            update={
                "subscriptions": tuple(
                    s.model_copy(update={"error_message": clean(s.error_message)}) if s.error_message else s
                    for s in self.subscriptions
                )
            }
        )


class TinesStory(Frozen):
    """A story as `/stories` lists it."""

    id: int
    name: Text = ""
    team_id: int | None = None
    tags: Annotated[tuple[Text, ...], BeforeValidator(_list)] = ()
    edited_at: Time = None
    change_control_enabled: bool | None = None  # None: not told

    def story(self) -> Story:
        """Return it in the product's words."""
        return Story(id=self.id, name=self.name, tags=self.tags, edited_at=self.edited_at)


class Credential(Frozen):
    """A credential as `/user_credentials` lists it; never its content."""

    slug: Text = ""
    name: Text = ""
    read_access: Text = ""  # "TEAM", "GLOBAL" or "SPECIFIC_TEAMS"


class GlobalResource(Frozen):
    """A resource's slug. Its `value` comes as clear text and is dropped while the answer is read."""

    slug: Text = ""


class Stack(Frozen):
    """What a tenant says about itself."""

    name: Text = ""
    type: Text = ""
    region: Text = ""


class Info(Frozen):
    """The answer of `/info`."""

    stack: Stack


class Meta(Frozen):
    """Where a page stands among all pages. Its absolute URLs are left out: they could send the key elsewhere."""

    next_page_number: int | None = None
    pages: int | None = None
    count: int | None = None


class Page(Frozen):
    """One page of any listing."""

    meta: Annotated[Meta, BeforeValidator(_object)] = Field(default_factory=Meta)


class DestinationsPage(Page):
    """One page of sync destinations."""

    sync_destinations: tuple[SyncDestination, ...]


class TeamsPage(Page):
    """One page of teams."""

    teams: tuple[Team, ...]


class StoriesPage(Page):
    """One page of stories."""

    stories: tuple[TinesStory, ...]


class CredentialsPage(Page):
    """One page of credentials."""

    user_credentials: tuple[Credential, ...]


class ResourcesPage(Page):
    """One page of resources."""

    global_resources: tuple[GlobalResource, ...]


class SyncDestinationAnswer(Frozen):
    """A sync destination as create, show and update answer it: wrapped, or (update) as it is."""

    sync_destination: SyncDestination

    @model_validator(mode="before")
    @classmethod
    def _wrap(cls, value: object) -> object:
        return value if isinstance(value, dict) and "sync_destination" in value else {"sync_destination": value}


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
