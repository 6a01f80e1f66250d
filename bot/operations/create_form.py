"""The form with which a sync is requested, edited and requested again: route, teams, stories, mode, reason.

What was typed comes from a browser: names are labels, ids are claims until the catalogue and the policy confirm them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self, TypeVar

from pydantic import JsonValue

from bot.operations.form_parts import (
    MAX_CHOICES,
    block_for,
    form_modal,
    read_reason,
    read_route,
    where_shown,
)
from bot.views import ids, kit
from bot.views.carried import FormMeta
from bot.views.presentation import FormInput, FormState, RouteChoice
from bot.views.text import Block, plural
from bot.views.view_values import ViewValues, selected, selected_many, values_of_view
from handlers.models import MAX_STORIES, Request, Story, SyncMode, Team
from handlers.operations.create import CreateParams
from handlers.operations.following import existing_words

_T = TypeVar("_T")
_ID: Final = re.compile(r"[0-9]{1,18}")
_KEY: Final = re.compile(r"[^\s]{1,70}")
_MORE: Final = "That line is only a note. Remove it, then type a few letters to narrow the list."
_MODES: Final = (
    (SyncMode.AUTOMATIC, "Automatically", "Stories are synced every time they are published"),
    (SyncMode.MANUAL, "Manual", "Stories are synced only when someone starts a sync"),
)


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


@dataclass(frozen=True, kw_only=True)
class CreateFormState(FormState):
    """All that decides how the form looks."""

    operation: ClassVar[str] = "create"
    source_team: Team | None = None
    selection: Selection = Selection()
    destination_team: Team | None = None
    mode: SyncMode = SyncMode.AUTOMATIC

    @property
    def meta(self) -> FormMeta:
        """What the view carries besides its fields."""
        team = self.source_team.id if self.source_team else None
        return super().meta.model_copy(update={"team": team})


def filled(request: Request, params: CreateParams, *, editing: bool) -> CreateFormState:
    """Return the form filled in with a request."""
    return CreateFormState(
        route=request.route,
        source_team=params.source_team,
        selection=Selection.of(params.stories),
        destination_team=params.destination_team,
        mode=params.mode,
        reason=request.reason,
        request_id=request.id,
        revision=request.revision if editing else None,
    )


# ---- state → view


def view(state: CreateFormState, errors: Mapping[str, str] | None = None) -> Block:
    """Return the form."""
    return form_modal(state, _fields(state), errors, title="Sync stories")


def _fields(state: CreateFormState) -> Iterator[Block]:
    route = state.chosen
    if route is None:
        yield kit.context("Choose a route, and its teams and stories appear here.")
    else:
        yield from _what_fields(state, route)
    yield kit.field(ids.BLOCK_MODE, "When should Tines sync again?", _mode_element(state.mode))


def _what_fields(state: CreateFormState, route: RouteChoice) -> Iterator[Block]:
    yield kit.field(
        source_block(route.name),
        f"Source team on {route.source}",
        _team_element(ids.ACTION_SOURCE_TEAM, state.source_team),
        dispatch=True,
    )
    if state.source_team is None:
        yield kit.context("Choose the source team, and its stories appear here.")
    else:
        yield kit.field(
            stories_block(route.name, state.source_team.id),
            "Stories",
            stories_element(state.selection),
            hint=_stories_hint(change_control=route.change_control),
        )
    yield kit.field(
        destination_block(route.name),
        f"Destination team on {route.destination}",
        _team_element(ids.ACTION_DESTINATION_TEAM, state.destination_team),
        hint="The team that will own the copies. It needs credentials of its own under the same names.",
        dispatch=True,
    )
    if state.existing:
        yield kit.rich(kit.para("⚠️ ", existing_words(state.existing))) | {"block_id": ids.BLOCK_EXISTING}


def _stories_hint(*, change_control: bool) -> str:
    only = "Only stories with change control enabled are listed: Tines syncs no others. " if change_control else ""
    return f"{only}Type a name, a tag or an id. Up to {MAX_STORIES} stories in all."


def _team_element(action_id: str, team: Team | None) -> Block:
    element: Block = {
        "type": "external_select",
        "action_id": action_id,
        "min_query_length": 0,
        "placeholder": kit.plain("Type to search", kit.PLACEHOLDER),
    }
    return element if team is None else element | {"initial_option": team_option(team)}


def team_option(team: Team) -> Block:
    """Return a team as a choice."""
    return kit.option(team.name, f"{ids.VALUE_TEAM}{team.id}")


def stories_element(selection: Selection, action: str = ids.ACTION_STORIES) -> Block:
    """Return the field that searches stories and takes up to 100 choices."""
    element: Block = {
        "type": "multi_external_select",
        "action_id": action,
        "min_query_length": 0,
        "max_selected_items": MAX_CHOICES,
        "placeholder": kit.plain("Type a name, a tag or an id", kit.PLACEHOLDER),
    }
    initial = _initial_stories(selection)
    return element | {"initial_options": initial} if initial else element


def _initial_stories(selection: Selection) -> list[Block]:
    labels = dict(selection.labels)
    values = [
        *([ids.VALUE_ALL] if selection.everything else []),
        *([ids.VALUE_KEPT] if selection.kept else []),
        *(f"{ids.VALUE_TAG}{key}" for key in selection.tag_keys),
        *(f"{ids.VALUE_STORY}{story}" for story in selection.story_ids),
    ]
    return [kit.option(labels.get(value) or _unlabelled(value), value) for value in values[:MAX_CHOICES]]


def _unlabelled(value: str) -> str:
    if value == ids.VALUE_ALL:
        return "All stories of this team"
    if value == ids.VALUE_KEPT:
        return "The stories chosen before"
    return "All with one tag" if value.startswith(ids.VALUE_TAG) else f"Story {value.removeprefix(ids.VALUE_STORY)}"


def _mode_element(mode: SyncMode) -> Block:
    options = {each: kit.option(text, each.value, description=description) for each, text, description in _MODES}
    return {
        "type": "radio_buttons",
        "action_id": ids.ACTION_MODE,
        "options": list(options.values()),
        "initial_option": options[mode],
    }


def source_block(route: str) -> str:
    """Return the block id of the source team field; another route means another field, which starts empty."""
    return block_for(ids.BLOCK_SOURCE_TEAM, route)


def destination_block(route: str) -> str:
    """Return the block id of the destination team field."""
    return block_for(ids.BLOCK_DESTINATION_TEAM, route)


def stories_block(route: str, team_id: int) -> str:
    """Return the block id of the stories field; another route or team means another field, which starts empty."""
    return f"{block_for(ids.BLOCK_STORIES, route)}:{team_id}"


def places(state: CreateFormState) -> Mapping[str, str]:
    """Return the block of each field that the operation's check names."""
    route = state.chosen.name if state.chosen else state.route or ""
    return {
        "source_team": source_block(route),
        "stories": stories_block(route, state.source_team.id if state.source_team else 0),
        "destination_team": destination_block(route),
    }


# ---- view → what was typed


def parse(view: Mapping[str, object]) -> FormInput:
    """Return what was typed, with an error for each field that a person must mend before it can be submitted.

    Also reads a form that is not finished, as its changes are reported: then `errors` is of no interest.
    """
    values = values_of_view(view)
    meta = FormMeta.read(view.get("private_metadata")) or FormMeta()
    errors: dict[str, str] = {}
    route = read_route(values, meta, errors)
    source, destination = _teams(values, route, errors) if route else (None, None)
    selection = _selection(values, route, source, meta, errors) if source else Selection()
    state = CreateFormState(
        route=route or None,
        source_team=source,
        selection=selection,
        destination_team=destination,
        mode=_mode(values),
        reason=read_reason(values, errors),
        request_id=meta.request,
        revision=meta.revision if meta.request else None,
        draft_id=meta.draft,
    )
    return FormInput(state=state, asked=_asked(state), kept=selection.kept, errors=where_shown(values, errors))


def _asked(state: CreateFormState) -> dict[str, JsonValue]:
    return {
        "source_team_id": state.source_team.id if state.source_team else 0,
        "everything": state.selection.everything,
        "tag_keys": list(state.selection.tag_keys),
        "story_ids": list(state.selection.story_ids),
        "destination_team_id": state.destination_team.id if state.destination_team else 0,
        "mode": state.mode.value,
    }


def _teams(state: ViewValues, route: str, errors: dict[str, str]) -> tuple[Team | None, Team | None]:
    source, destination = source_block(route), destination_block(route)
    return (
        _team(state, source, ids.ACTION_SOURCE_TEAM, "the team the stories are in", errors),
        _team(state, destination, ids.ACTION_DESTINATION_TEAM, "the team that gets the copies", errors),
    )


def _team(state: ViewValues, block: str, action: str, what: str, errors: dict[str, str]) -> Team | None:
    """Return the team that was chosen for the route that is chosen now; a team of another route is none."""
    option = selected(state, block, action)
    if option is not None and option.value == ids.VALUE_MORE:
        errors[block] = _MORE
        return None
    number = _number(option.value, ids.VALUE_TEAM) if option is not None else None
    if option is None or number is None:
        errors[block] = f"Choose {what}."
        return None
    return Team(id=number, name=option.text)


def _selection(state: ViewValues, route: str, source: Team, meta: FormMeta, errors: dict[str, str]) -> Selection:
    block = stories_block(route, source.id)
    if block not in state:
        errors[source_block(route)] = (
            "The stories of this team are not shown yet. Wait a moment. "
            "If they do not appear, choose another team, then this one again."
        )
        return Selection()
    selection = read_stories(state, block, ids.ACTION_STORIES, meta, errors)
    if selection.empty and block not in errors:
        errors[block] = "Choose at least one story."
    return selection


def read_stories(state: ViewValues, block: str, action: str, meta: FormMeta, errors: dict[str, str]) -> Selection:
    """Return which stories are chosen in a field; a line that is only a note is an error."""
    chosen = list(selected_many(state, block, action))
    values = [option.value for option in chosen]
    selection = Selection(
        everything=ids.VALUE_ALL in values,
        tag_keys=tuple(_unique(_keys(values))),
        story_ids=tuple(_unique(_stories(values))),
        kept=ids.VALUE_KEPT in values and meta.request is not None,
        labels=tuple((option.value, option.text) for option in chosen if option.value != ids.VALUE_MORE),
    )
    if ids.VALUE_MORE in values:
        errors[block] = _MORE
    return selection


def _keys(values: list[str]) -> Iterator[str]:
    for value in values:
        key = value.removeprefix(ids.VALUE_TAG)
        if key != value and _KEY.fullmatch(key):
            yield key


def _stories(values: list[str]) -> Iterator[int]:
    for value in values:
        number = _number(value, ids.VALUE_STORY)
        if number is not None:
            yield number


def _unique(values: Iterator[_T]) -> dict[_T, None]:
    return dict.fromkeys(values)


def _number(value: str, prefix: str) -> int | None:
    digits = value.removeprefix(prefix)
    return int(digits) if digits != value and _ID.fullmatch(digits) else None


def _mode(state: ViewValues) -> SyncMode:
    option = selected(state, ids.BLOCK_MODE, ids.ACTION_MODE)
    return SyncMode.MANUAL if option is not None and option.value == SyncMode.MANUAL else SyncMode.AUTOMATIC
