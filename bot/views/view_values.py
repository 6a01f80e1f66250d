"""Reads `view.state.values` without trusting it.

Slack's own payloads are well formed; those of somebody who got hold of a signature, or of a future Slack, may be
anything. Whatever is not as expected reads as absent, so that no parse of a view needs to think of it again.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

ViewValues: TypeAlias = Mapping[str, Mapping[str, Mapping[str, object]]]  # block id → action id → element

_MOST_OPTIONS: Final = 100  # more cannot be selected in one field


class Option(NamedTuple):
    """A choice that was selected."""

    value: str
    text: str


def values_of_view(view: Mapping[str, object]) -> ViewValues:
    """Return the state's values, without those that are not as Slack would send them."""
    state = view.get("state")
    values = state.get("values") if isinstance(state, Mapping) else None
    return {
        block: {
            action: {str(key): value for key, value in element.items()}
            for action, element in elements.items()
            if isinstance(action, str) and isinstance(element, Mapping)
        }
        for block, elements in (values.items() if isinstance(values, Mapping) else ())
        if isinstance(block, str) and isinstance(elements, Mapping)
    }


def typed(state: ViewValues, block: str, action: str) -> str:
    """Return what was typed into a text field, "" when nothing was."""
    value = _element(state, block, action).get("value")
    return value if isinstance(value, str) else ""


def selected(state: ViewValues, block: str, action: str) -> Option | None:
    """Return the choice of a select or radio group."""
    return _option(_element(state, block, action).get("selected_option"))


def selected_many(state: ViewValues, block: str, action: str) -> Iterator[Option]:
    """Yield the choices of a multi select or of checkboxes, at most 100."""
    options = _element(state, block, action).get("selected_options")
    for option in options[:_MOST_OPTIONS] if isinstance(options, list) else ():
        read = _option(option)
        if read is not None:
            yield read


def _element(state: ViewValues, block: str, action: str) -> Mapping[str, object]:
    return state.get(block, {}).get(action, {})


def _option(option: object) -> Option | None:
    if not isinstance(option, Mapping):
        return None
    value, text = option.get("value"), option.get("text")
    words = text.get("text") if isinstance(text, Mapping) else None
    return Option(value, words if isinstance(words, str) else "") if isinstance(value, str) else None
