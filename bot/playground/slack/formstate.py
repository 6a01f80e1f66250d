"""What a person has typed and chosen in a view, as Slack keeps it and sends it in `view.state.values`.

The rule that matters: a choice survives `views.update` exactly when its block_id and action_id stay the same, and
`initial_*` counts for new ids only. An app that wants a field emptied has to change an id. Here an option that an
updated static menu no longer offers is dropped as well, since nobody could see it any more.
"""

import copy
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from bot.playground.slack.blocks.checks import is_object, listed
from bot.playground.slack.ids import elements_of
from bot.playground.slack.shapes import Json, NotThereError

State: TypeAlias = dict[str, dict[str, Json]]
"""block_id → action_id → the value as Slack sends it, with its element's type."""

# element type → (key of the value in the state, key of the first value in the element)
_KEYS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "plain_text_input": ("value", "initial_value"),
        "number_input": ("value", "initial_value"),
        "static_select": ("selected_option", "initial_option"),
        "external_select": ("selected_option", "initial_option"),
        "radio_buttons": ("selected_option", "initial_option"),
        "multi_static_select": ("selected_options", "initial_options"),
        "multi_external_select": ("selected_options", "initial_options"),
        "checkboxes": ("selected_options", "initial_options"),
        "users_select": ("selected_user", "initial_user"),
        "multi_users_select": ("selected_users", "initial_users"),
        "conversations_select": ("selected_conversation", "initial_conversation"),
        "channels_select": ("selected_channel", "initial_channel"),
        "datepicker": ("selected_date", "initial_date"),
        "timepicker": ("selected_time", "initial_time"),
    }
)
_STATIC: Final = frozenset({"static_select", "multi_static_select", "radio_buttons", "checkboxes"})


def keeps_value(element: Json) -> bool:
    """Whether an element has a value that Slack keeps; a button has not."""
    return element.get("type") in _KEYS


def value_key(element: Json) -> str:
    """Return the key under which an element's value is sent, e.g. "selected_option"."""
    return _KEYS[element["type"]][0]


def state_of(blocks: list[Json], before: State | None = None) -> State:
    """Return the state of these blocks when a person sees them first, or after an update when `before` is given."""
    state: State = {}
    for block, element in stateful(blocks):
        kept = (before or {}).get(block["block_id"], {}).get(element["action_id"])
        value = _still_there(element, kept) if kept is not None else None
        state.setdefault(block["block_id"], {})[element["action_id"]] = _initial(element) if value is None else value
    return state


def stateful(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Yield each block and element that keeps a value."""
    for block in blocks:
        for element in elements_of(block):
            if keeps_value(element):
                yield block, element


def offered(element: Json) -> list[Json]:
    """Return the options that stand in an element itself, out of their groups."""
    groups = [option for group in listed(element, "option_groups") for option in listed(group, "options")]
    return listed(element, "options") + groups


def chosen(element: Json, choice: Any, known: Mapping[str, Json]) -> Json:  # noqa: ANN401 - a person's input: text, option, list
    """Return the state that a person's choice makes of an element.

    A choice is text, an option or its value, a list of those, or a ready state as Slack sends it. `known` maps the
    values of options that an external menu has shown so far. Raises `NotThereError` for an option nobody offered.
    """
    key = value_key(element)
    if is_object(choice) and key in choice and "text" not in choice:
        choice = choice[key]
    if key == "selected_options":
        choice = [_option(element, one, known) for one in choice or ()]
        most = element.get("max_selected_items")
        if isinstance(most, int) and len(choice) > most:
            message = f"only {most} can be chosen"
            raise NotThereError(message)
    elif key == "selected_option":
        choice = None if choice is None else _option(element, choice, known)
    return {"type": element["type"], key: choice}


def missing(block: Json, element: Json, value: Json) -> str:
    """Return what Slack's client says at a field before it sends a form at all; empty when the field is fine."""
    content = value.get(value_key(element))
    if content in (None, "", []):
        return "" if block.get("optional") else "Please complete this required field."
    if element["type"] == "plain_text_input":
        if len(content) < element.get("min_length", 0):
            return f"Please use at least {element['min_length']} characters."
        if len(content) > element.get("max_length", 3000):
            return f"Please use at most {element.get('max_length', 3000)} characters."
    return ""


def _option(element: Json, choice: object, known: Mapping[str, Json]) -> Json:
    if element["type"] in _STATIC:
        for option in offered(element):
            if choice in (option, option["value"]):
                return _bare(option)
    elif is_object(choice):
        return _bare(choice)
    elif isinstance(choice, str) and choice in known:
        return _bare(known[choice])
    message = f"no option {choice!r} in {element.get('action_id')}"
    raise NotThereError(message)


def _bare(option: Json) -> Json:
    """Slack sends the text with `emoji` set, and the value; descriptions where there are any."""
    bare: Json = copy.deepcopy({key: option[key] for key in ("text", "value", "description") if key in option})
    if bare["text"].get("type") == "plain_text":
        bare["text"].setdefault("emoji", True)
    return bare


def _initial(element: Json) -> Json:
    key, first = _KEYS[element["type"]]
    empty: object = [] if key in {"selected_options", "selected_users"} else None
    value = element.get(first, empty)
    if key == "selected_option" and value is not None:
        value = _bare(value)
    elif key == "selected_options":
        value = [_bare(option) for option in value]
    return {"type": element["type"], key: value}


def _still_there(element: Json, kept: Json) -> Json | None:
    """Return the kept value if the updated element can still hold it."""
    if kept["type"] != element["type"]:
        return None
    if element["type"] not in _STATIC:
        return kept
    values = {option["value"] for option in offered(element)}
    key = value_key(element)
    if key == "selected_options":
        return kept | {key: [option for option in kept[key] if option["value"] in values]}
    return kept if kept[key] is None or kept[key]["value"] in values else None
