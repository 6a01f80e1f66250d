"""What was typed into the form, read from a view that Slack, or somebody who pretends to be Slack, sent.

Nothing here raises: a field that is missing, foreign or malformed reads as not filled in, and is asked for again at
the field itself. Ids are only claims until the catalogue and the policy confirm them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from bot.views import ids, kit
from bot.views.carried import FormMeta
from bot.views.form._state import FormInput, Selection, destination_block, source_block, stories_block
from bot.views.text import tidy
from bot.views.view_values import ViewValues, selected, selected_many, typed, values_of_view
from handlers.models import SyncMode, Team

_T = TypeVar("_T")
_ID: Final = re.compile(r"[0-9]{1,18}")
_KEY: Final = re.compile(r"[^\s]{1,70}")
_ELSEWHERE: Final = (ids.BLOCK_ROUTE, ids.BLOCK_REASON)  # where an error goes whose own field is not there
_MORE: Final = "That line is only a note. Remove it, then type a few letters to narrow the list."


def parse_form(view: Mapping[str, object]) -> FormInput:
    """Return what was typed, with an error for each field that a person must mend before it can be submitted.

    Also reads a form that is not finished, as its changes are reported: then `errors` is of no interest.
    """
    state = values_of_view(view)
    meta = FormMeta.read(view.get("private_metadata")) or FormMeta()
    errors: dict[str, str] = {}
    route = _route(state, meta, errors)
    source, destination = _teams(state, route, errors) if route else (None, None)
    selection = _selection(state, route, source, meta, errors) if source else Selection()
    reason = _reason(state, errors)
    return FormInput(
        route=route or None,
        source_team=source,
        selection=selection,
        destination_team=destination,
        mode=_mode(state),
        reason=reason,
        emergency=_emergency(state),
        request_id=meta.request,
        revision=meta.revision if meta.request else None,
        draft_id=meta.draft,
        errors=_where_shown(state, errors),
    )


def _where_shown(state: ViewValues, errors: Mapping[str, str]) -> dict[str, str]:
    """Return the errors at fields that the form has: Slack shows none at others, such as a single route's text."""
    shown: dict[str, str] = {}
    for block, text in errors.items():
        place = block if block in state or not state else next((b for b in _ELSEWHERE if b in state), next(iter(state)))
        shown[place] = f"{shown[place]} {text}" if place in shown else text
    return shown


def _route(state: ViewValues, meta: FormMeta, errors: dict[str, str]) -> str:
    option = selected(state, ids.BLOCK_ROUTE, ids.ACTION_ROUTE)
    route = option.value if option is not None else ""
    if ids.BLOCK_ROUTE not in state:  # a single route is shown as text
        route = meta.route
    if not route:
        errors[ids.BLOCK_ROUTE] = "Choose from where to where the stories should go."
    return route


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
        errors[source_block(route)] = "The stories of this team were not shown yet. Wait a moment, then choose some."
        return Selection()
    chosen = list(selected_many(state, block, ids.ACTION_STORIES))
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
    elif selection.empty:
        errors[block] = "Choose at least one story."
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


def _reason(state: ViewValues, errors: dict[str, str]) -> str:
    reason = tidy(typed(state, ids.BLOCK_REASON, ids.ACTION_REASON)).strip()
    if not reason:
        errors[ids.BLOCK_REASON] = "Say why, in a few words. The approvers decide by it."
    elif len(reason) > kit.COMMENT:
        errors[ids.BLOCK_REASON] = f"Please keep it to {kit.COMMENT:,} characters; these are {len(reason):,}."
    return reason


def _emergency(state: ViewValues) -> bool:
    options = selected_many(state, ids.BLOCK_EMERGENCY, ids.ACTION_EMERGENCY)
    return any(option.value == ids.VALUE_BREAK_GLASS for option in options)
