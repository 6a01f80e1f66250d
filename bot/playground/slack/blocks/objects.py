"""Composition objects: text, options, option groups, confirm dialogs.

See https://docs.slack.dev/reference/block-kit/composition-objects. Option texts and values are held to 75 characters,
the limit that Slack enforces for texts, although it documents 150 for values.
"""

from typing import Any, Final

from bot.playground.slack.blocks.checks import (
    URL_MOST,
    Check,
    boolean,
    every,
    is_object,
    items,
    listed,
    one_of,
    shape,
    string,
    typed,
    unique,
)

OPTION_MOST: Final = 75  # characters in an option's text, value or description
OPTIONS_MOST: Final = 100  # options in a menu, or groups of them


def plain(most: int, least: int = 1) -> Check:
    """Return a check for a `plain_text` object."""
    return typed({"plain_text": shape({"text": string(most, least), "emoji": boolean}, ("text",))})


def text(most: int) -> Check:
    """Return a check for a `plain_text` or `mrkdwn` object."""
    return typed(
        {
            "plain_text": shape({"text": string(most), "emoji": boolean}, ("text",)),
            "mrkdwn": shape({"text": string(most), "verbatim": boolean}, ("text",)),
        }
    )


CONFIRM: Final = shape(
    {
        "title": plain(100),
        "text": text(300),
        "confirm": plain(30),
        "deny": plain(30),
        "style": one_of("primary", "danger"),
    },
    ("title", "text", "confirm", "deny"),
)

_VALUE: Final = string(OPTION_MOST)
OPTION: Final = shape(
    {"text": plain(OPTION_MOST), "value": _VALUE, "description": plain(OPTION_MOST)},
    ("text", "value"),
)
RICH_OPTION: Final = shape(  # of radio buttons and checkboxes
    {"text": text(OPTION_MOST), "value": _VALUE, "description": text(OPTION_MOST)},
    ("text", "value"),
)
OVERFLOW_OPTION: Final = shape(
    {"text": plain(OPTION_MOST), "value": _VALUE, "description": plain(OPTION_MOST), "url": string(URL_MOST)},
    ("text", "value"),
)


def _values(options: Any) -> list[tuple[object, str]]:  # noqa: ANN401 - whatever JSON holds; it is what is checked
    if not isinstance(options, list):
        return []
    return [(option.get("value"), f"/{index}/value") for index, option in enumerate(options) if is_object(option)]


def options(each: Check = OPTION, most: int = OPTIONS_MOST) -> Check:
    """Return a check for a list of options with values of their own."""
    return every(items(each, most=most), unique(_values, "option value"))


GROUP: Final = shape({"label": plain(OPTION_MOST), "options": options()}, ("label", "options"))


def _grouped_values(groups: Any) -> list[tuple[object, str]]:  # noqa: ANN401 - whatever JSON holds; it is what is checked
    found: list[tuple[object, str]] = []
    for place, group in enumerate(groups if isinstance(groups, list) else []):
        found += [
            (option.get("value"), f"/{place}/options/{index}/value")
            for index, option in enumerate(listed(group, "options"))
        ]
    return found


GROUPS: Final = every(items(GROUP, most=OPTIONS_MOST), unique(_grouped_values, "option value"))
