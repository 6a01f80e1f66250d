"""The form as a view.

Slack keeps what was typed in a field as long as the field's block id stays the same, and applies initial values
only to new fields. The block ids therefore name the route and team they belong to: choosing another one makes Slack
forget what no longer fits, with no code of ours that could forget to.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from bot.views import ids, kit
from bot.views.form._state import (
    MAX_CHOICES,
    FormState,
    RouteChoice,
    Selection,
    destination_block,
    source_block,
    stories_block,
)
from bot.views.text import Block
from handlers.models import MAX_STORIES, SyncMode, Team

_MODES: Final = (
    (SyncMode.AUTOMATIC, "Automatically", "Tines syncs again each time a story is published"),
    (SyncMode.MANUAL, "Only when triggered", "Nothing changes over there until somebody starts a sync"),
)


def form_view(state: FormState, *, errors: Mapping[str, str] | None = None, loading: bool = False) -> Block:
    """Return the form.

    `errors` (block id or "" → text) are shown above their fields: for what was found out after the view was
    submitted, when Slack no longer takes field errors. `loading` tells that lists may be slow to fill.
    """
    wrong = dict(errors or {})
    blocks: list[Block] = []
    for block in _fields(state):
        if (text := wrong.pop(block.get("block_id", ""), None)) is not None:
            blocks.append(_warning(text))
        blocks.append(block)
    if loading:
        blocks.insert(0, kit.context("⏳ Still fetching the teams and stories from Tines. The lists fill in a moment."))
    blocks[:0] = [_warning(text) for text in wrong.values()]
    title, submit = _titles(state)
    return kit.modal(ids.VIEW_FORM, title, blocks, submit=submit, close="Cancel", meta=state.meta.dump())


def _titles(state: FormState) -> tuple[str, str]:
    if state.revision is not None:
        return f"Edit {state.request_id}", "Save changes"
    return ("Ask again" if state.request_id else "Sync stories"), "Ask for the sync"


def _fields(state: FormState) -> Iterator[Block]:
    route = state.chosen
    if state.revision is not None:
        yield kit.context("Approvals given so far fall away when you save: people approve what they have seen.")
    yield from _route_fields(state, route)
    if route is None:
        yield kit.context("Choose a route, and its teams and stories appear here.")
    else:
        yield from _what_fields(state, route)
    yield kit.field(ids.BLOCK_MODE, "When should Tines sync again?", _mode_element(state.mode))
    yield kit.field(
        ids.BLOCK_REASON,
        "Reason",
        kit.text_input(
            ids.ACTION_REASON, initial=state.reason, placeholder="What changes, and why now? The approvers read this."
        ),
    )
    if state.can_break_glass:
        yield _emergency_field(checked=state.emergency)


def _route_fields(state: FormState, route: RouteChoice | None) -> Iterator[Block]:
    if len(state.routes) == 1 and route is not None:
        yield kit.rich(kit.para(kit.bold("Route:"), " ", *_route_parts(route)))
    else:
        yield kit.field(ids.BLOCK_ROUTE, "Route", _route_element(state, route), dispatch=True)
    if route is not None and route.frozen_by is not None:
        yield kit.rich(
            kit.para("❄️ ", kit.bold("This route is frozen"), " by ", kit.user(route.frozen_by), "."),
            kit.quote(route.frozen_reason, 500),
            kit.para("You can ask and people can approve. Nothing runs until the route is unfrozen."),
        )


def _route_parts(route: RouteChoice) -> tuple[kit.Part, ...]:
    return (kit.name(route.source), " → ", kit.name(route.destination), " (", kit.words(route.name, 100), ")")


def _route_element(state: FormState, route: RouteChoice | None) -> Block:
    options = [
        (choice, kit.option(f"{choice.name}: {choice.source} → {choice.destination}", choice.name))
        for choice in state.routes[:MAX_CHOICES]
    ]
    element: Block = {
        "type": "static_select",
        "action_id": ids.ACTION_ROUTE,
        "placeholder": kit.plain("From where to where?", kit.PLACEHOLDER),
        "options": [option for _, option in options],
    }
    initial = next((option for choice, option in options if choice == route), None)
    return element if initial is None else element | {"initial_option": initial}


def _what_fields(state: FormState, route: RouteChoice) -> Iterator[Block]:
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
            _stories_element(state.selection),
            hint=_stories_hint(change_control=state.change_control),
        )
    yield kit.field(
        destination_block(route.name),
        f"Destination team on {route.destination}",
        _team_element(ids.ACTION_DESTINATION_TEAM, state.destination_team),
        hint="The team that will own the copies. It needs credentials of its own under the same names.",
    )


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


def _stories_element(selection: Selection) -> Block:
    element: Block = {
        "type": "multi_external_select",
        "action_id": ids.ACTION_STORIES,
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


def _emergency_field(*, checked: bool) -> Block:
    option = kit.option(
        "Run at once, without approval (break-glass)",
        ids.VALUE_BREAK_GLASS,
        description="The channel is told loudly who did it, and why. It stays on record.",
    )
    element: Block = {"type": "checkboxes", "action_id": ids.ACTION_EMERGENCY, "options": [option]}
    if checked:
        element["initial_options"] = [option]
    return kit.field(ids.BLOCK_EMERGENCY, "Emergency", element, optional=True)


def _warning(text: str) -> Block:
    return kit.rich(kit.para("⚠️ ", kit.words(text, 1000)))
