"""What buttons and views carry: ids and revisions, as small versioned values that still read yesterday's.

A message stays clickable for as long as Slack keeps it, so what a button carries outlives the code that made it:
fields are only ever added, with a default, and what cannot be read is `None`, never an exception. Nothing here is
authority: rights are looked up again at every click.
"""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from bot.views.text import tidy

RequestId = Annotated[str, StringConstraints(pattern=r"^TS-[0-9A-HJKMNP-TV-Z]{8}$")]
Revision = Annotated[int, Field(ge=1, le=2**31 - 1)]
Name = Annotated[str, StringConstraints(max_length=100)]


def _visible(value: object) -> object:
    return tidy(value) if isinstance(value, str) else value


_RouteName = Annotated[str, BeforeValidator(_visible), StringConstraints(max_length=500)]


class Carried(BaseModel):
    """A value that travels to Slack and back as compact JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def dump(self) -> str:
        """Return compact JSON without what is at its default."""
        return self.model_dump_json(exclude_defaults=True, by_alias=True)

    @classmethod
    def read(cls, text: object) -> Self | None:
        """Return the value, or None when the text is not one: absent, foreign, cut off or tampered with."""
        if not isinstance(text, str) or not text:
            return None
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None


class RequestRef(Carried):
    """What a button about a request carries."""

    request: RequestId
    revision: Revision = 1  # the one that was shown; a later one means that the reader saw something else


class ReviewMeta(Carried):
    """What a review carries: exactly what was shown, so that a decision covers that and nothing else."""

    request: RequestId
    revision: Revision
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    missing: Annotated[str, StringConstraints(max_length=1000)] | None = (
        None  # marks of the gaps; None: too many, or none known
    )


class ErrorRef(Carried):
    """What a button that shows a long error carries."""

    request: RequestId
    story: Annotated[int, Field(ge=0, le=2**63 - 1)]


class ChangesRef(RequestRef):
    """What a button carries that shows the changes of one story."""

    story: Annotated[int, Field(ge=0, le=2**63 - 1)]


class PageRef(Carried):
    """What a button that turns a page carries: rights and content are looked up again."""

    page: Annotated[int, Field(ge=1, le=100_000)]
    request: RequestId | None = None  # whose history it is
    technical: bool = False  # whether the history shows the steps that say nothing to most readers


class ListMeta(Carried):
    """What the list of sync destinations carries, and the buttons that turn its pages."""

    route: _RouteName = ""  # "" for all that the person uses
    query: Annotated[str, StringConstraints(max_length=500)] = ""
    page: Annotated[int, Field(ge=1, le=100_000)] = 1


class HomeRef(Carried):
    """What a button that turns a page of the App Home carries: which page of each part to show."""

    waiting: Annotated[int, Field(ge=1, le=100_000)] = 1
    mine: Annotated[int, Field(ge=1, le=100_000)] = 1
    destinations: Annotated[int, Field(ge=1, le=100_000)] = 1
    frozen: Annotated[int, Field(ge=1, le=100_000)] = 1


class FreezeRef(Carried):
    """What a button that unfreezes a route carries: the freeze that was shown."""

    route: _RouteName
    at: datetime


class DestinationButton(Carried):
    """What a button about a sync destination carries."""

    destination: Annotated[int, Field(ge=0, le=2**63 - 1)]
    route: _RouteName = ""  # "" where it is not known
    operation: Annotated[str, StringConstraints(max_length=32)] = ""
    option: Annotated[str, StringConstraints(max_length=32)] = ""  # what narrows it, such as "failed"


class FormMeta(Carried):
    """What the form carries besides its fields."""

    operation: Annotated[str, StringConstraints(max_length=32)] = ""  # "": that of the form without a word of its own
    route: Annotated[str, StringConstraints(max_length=500)] = ""  # the one shown last; "" when none was chosen
    team: int | None = None  # id of the source team whose stories are offered
    request: RequestId | None = None  # the request that is edited, or asked for again
    revision: Revision | None = None  # the revision that is edited; None for a new request
    draft: Annotated[str, StringConstraints(max_length=64)] = ""  # the same for every submission of one form
    destination: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None  # the sync destination that it is about
    names: tuple[Name, Name] | None = None  # of that destination's teams, to show them again
