"""What the form shows, and what was typed into it, as frozen values."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from bot.views import ids
from bot.views.carried import FormMeta
from bot.views.text import plural
from handlers.models import Request, Story, SyncMode, Team

MAX_CHOICES: Final = 100  # options that Slack keeps in one select


@dataclass(frozen=True)
class RouteChoice:
    """A route that the person may ask on."""

    name: str  # up to 75 characters: it is the value of an option
    source: str  # tenant alias
    destination: str  # tenant alias
    frozen_by: str | None = None  # Slack user id; None: not frozen
    frozen_reason: str = ""


@dataclass(frozen=True)
class Selection:
    """Which stories were chosen: single ones, all with a tag, all of the team, or a mix; their union is meant."""

    everything: bool = False
    tag_keys: tuple[str, ...] = ()  # as the catalogue's `tag_key` gives them
    story_ids: tuple[int, ...] = ()
    kept: bool = False  # the stories that `request_id` has already: they were too many to show one by one
    labels: tuple[tuple[str, str], ...] = field(default=(), compare=False)  # an option's value → what it said

    @property
    def empty(self) -> bool:
        """Whether nothing was chosen."""
        return not (self.everything or self.tag_keys or self.story_ids or self.kept)

    @classmethod
    def of(cls, stories: Iterable[Story]) -> Self:
        """Return the stories of a request as the form shows them when it is edited: one by one as far as Slack can.

        A field keeps 100 choices. More stories than that become one choice, so that editing loses none of them.
        """
        chosen = tuple(stories)
        if len(chosen) > MAX_CHOICES:
            return cls(kept=True, labels=((ids.VALUE_KEPT, f"The {plural(len(chosen), 'story')} chosen before"),))
        return cls(
            story_ids=tuple(story.id for story in chosen),
            labels=tuple((f"{ids.VALUE_STORY}{story.id}", story.name) for story in chosen),
        )


@dataclass(frozen=True)
class FormState:
    """All that decides how the form looks."""

    routes: tuple[RouteChoice, ...]
    route: str | None = None  # the chosen one; None: not chosen yet (a single one counts as chosen)
    source_team: Team | None = None
    selection: Selection = Selection()
    destination_team: Team | None = None
    mode: SyncMode = SyncMode.AUTOMATIC
    reason: str = ""
    request_id: str | None = None  # the request that is edited, or asked for again
    revision: int | None = None  # the revision that is edited; None for a new request
    draft_id: str = ""  # the same for every submission of one form, so that a repeated one is recognized
    change_control: bool = True  # whether the source tenant offers only stories with change control
    can_break_glass: bool = False
    emergency: bool = False

    @property
    def chosen(self) -> RouteChoice | None:
        """The route that the form is about: the chosen one, or the only one."""
        if len(self.routes) == 1:
            return self.routes[0]
        return next((choice for choice in self.routes if choice.name == self.route), None)

    @property
    def meta(self) -> FormMeta:
        """What the view carries besides its fields."""
        return FormMeta(
            route=self.chosen.name if self.chosen else "",
            team=self.source_team.id if self.source_team else None,
            request=self.request_id,
            revision=self.revision,
            draft=self.draft_id,
        )


@dataclass(frozen=True)
class FormInput:
    """What was typed. Everything in it comes from a browser: names are labels, ids are claims still to be checked."""

    route: str | None
    source_team: Team | None
    selection: Selection
    destination_team: Team | None
    mode: SyncMode
    reason: str
    emergency: bool
    request_id: str | None
    revision: int | None
    draft_id: str
    errors: Mapping[str, str] = field(default_factory=dict)  # block id → what to mend, for `response_action: errors`

    def state(self, routes: tuple[RouteChoice, ...], *, change_control: bool, can_break_glass: bool) -> FormState:
        """Return the form filled in with this, to show it again after another view took its place."""
        return FormState(
            routes=routes,
            route=self.route,
            source_team=self.source_team,
            selection=self.selection,
            destination_team=self.destination_team,
            mode=self.mode,
            reason=self.reason,
            request_id=self.request_id,
            revision=self.revision,
            draft_id=self.draft_id,
            change_control=change_control,
            can_break_glass=can_break_glass,
            emergency=self.emergency,
        )


def state_of(request: Request, routes: tuple[RouteChoice, ...], *, editing: bool, draft_id: str) -> FormState:
    """Return the form filled in with a request: to edit it, or to ask for the same again."""
    content = request.content
    return FormState(
        routes=routes,
        route=content.route,
        source_team=content.source_team,
        selection=Selection.of(content.stories),
        destination_team=content.destination_team,
        mode=content.mode,
        reason=content.reason,
        request_id=request.id,
        revision=request.revision if editing else None,
        draft_id=draft_id,
    )


def source_block(route: str) -> str:
    """Return the block id of the source team field; another route means another field, which starts empty."""
    return ids.BLOCK_SOURCE_TEAM + _short(route)


def destination_block(route: str) -> str:
    """Return the block id of the destination team field."""
    return ids.BLOCK_DESTINATION_TEAM + _short(route)


def stories_block(route: str, team_id: int) -> str:
    """Return the block id of the stories field; another route or team means another field, which starts empty."""
    return f"{ids.BLOCK_STORIES}{_short(route)}:{team_id}"


def _short(route: str) -> str:
    """Return the route's name, or a stand-in for one too long for an id of 255 characters."""
    return route if len(route) <= 100 else hashlib.sha256(route.encode()).hexdigest()  # noqa: PLR2004 - well below 255
