"""Block elements: buttons, menus, inputs, and in which blocks each may stand.

See https://docs.slack.dev/reference/block-kit/block-elements.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bot.playground.slack.blocks.checks import (
    ID_MOST,
    URL_MOST,
    Check,
    Findings,
    boolean,
    every,
    integer,
    is_object,
    items,
    listed,
    one_of,
    shape,
    string,
)
from bot.playground.slack.blocks.objects import (
    CONFIRM,
    GROUPS,
    OPTION,
    OVERFLOW_OPTION,
    RICH_OPTION,
    options,
    plain,
)
from bot.playground.slack.shapes import Json

BUTTON_TEXT_MOST: Final = 75
INPUT_MOST: Final = 3000  # characters in a plain_text_input
_PLACEHOLDER: Final = plain(150)
_ACTION: Final[Mapping[str, Check]] = MappingProxyType({"action_id": string(ID_MOST)})
_MENU: Final[Mapping[str, Check]] = MappingProxyType(
    {**_ACTION, "placeholder": _PLACEHOLDER, "confirm": CONFIRM, "focus_on_load": boolean}
)
_CHOICE: Final[Mapping[str, Check]] = MappingProxyType({**_ACTION, "confirm": CONFIRM, "focus_on_load": boolean})
_TYPED: Final[Mapping[str, Check]] = MappingProxyType(
    {
        **_ACTION,
        "placeholder": _PLACEHOLDER,
        "focus_on_load": boolean,
        "dispatch_action_config": shape(
            {"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"), most=2)}
        ),
    }
)
_MANY: Final[Mapping[str, Check]] = MappingProxyType({"max_selected_items": integer(1, 10_000)})
_QUERY: Final[Mapping[str, Check]] = MappingProxyType({"min_query_length": integer(0, 1000)})


def _offered(element: Json) -> list[Json]:
    """Return the options of a static menu, out of their groups."""
    grouped = [option for group in listed(element, "option_groups") for option in listed(group, "options")]
    return listed(element, "options") + grouped


def _either_options_or_groups(findings: Findings, value: object, pointer: str) -> None:
    if is_object(value) and ("options" in value) == ("option_groups" in value):
        findings.note("must define either `options` or `option_groups`", pointer)


def _initials_offered(findings: Findings, value: object, pointer: str) -> None:
    """Note a first choice that is not one of the options, exactly as it stands there."""
    if not is_object(value):
        return
    offered = _offered(value)
    if "initial_option" in value and value["initial_option"] not in offered:
        findings.note("initial_option must be one of the options", f"{pointer}/initial_option")
    for index, chosen in enumerate(listed(value, "initial_options")):
        if chosen not in offered:
            findings.note("initial_options must be among the options", f"{pointer}/initial_options/{index}")


def _lengths_in_order(findings: Findings, value: object, pointer: str) -> None:
    if not is_object(value):
        return
    least, most = value.get("min_length"), value.get("max_length")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        findings.note("min_length must not be greater than max_length", f"{pointer}/min_length")


def _picker(*, initial: str, many: bool = False) -> Check:
    """Return the check of a menu of users, conversations or channels."""
    chosen: Check = items(string(ID_MOST)) if many else string(ID_MOST)
    return shape({**_MENU, **(_MANY if many else {}), initial: chosen})


_STATIC: Final[Mapping[str, Check]] = MappingProxyType({**_MENU, "options": options(), "option_groups": GROUPS})

ELEMENTS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "button": shape(
            {
                **_ACTION,
                "text": plain(BUTTON_TEXT_MOST),
                "url": string(URL_MOST),
                "value": string(2000),
                "style": one_of("primary", "danger"),
                "confirm": CONFIRM,
                "accessibility_label": string(75),
            },
            ("text",),
        ),
        "overflow": shape({**_ACTION, "options": options(OVERFLOW_OPTION, 5), "confirm": CONFIRM}, ("options",)),
        "static_select": every(
            shape({**_STATIC, "initial_option": OPTION}), _either_options_or_groups, _initials_offered
        ),
        "multi_static_select": every(
            shape({**_STATIC, **_MANY, "initial_options": options()}), _either_options_or_groups, _initials_offered
        ),
        "external_select": shape({**_MENU, **_QUERY, "initial_option": OPTION}),
        "multi_external_select": shape({**_MENU, **_QUERY, **_MANY, "initial_options": options()}),
        "users_select": _picker(initial="initial_user"),
        "multi_users_select": _picker(initial="initial_users", many=True),
        "conversations_select": _picker(initial="initial_conversation"),
        "channels_select": _picker(initial="initial_channel"),
        "radio_buttons": every(
            shape({**_CHOICE, "options": options(RICH_OPTION, 10), "initial_option": RICH_OPTION}, ("options",)),
            _initials_offered,
        ),
        "checkboxes": every(
            shape(
                {**_CHOICE, "options": options(RICH_OPTION, 10), "initial_options": options(RICH_OPTION, 10)},
                ("options",),
            ),
            _initials_offered,
        ),
        "plain_text_input": every(
            shape(
                {
                    **_TYPED,
                    "multiline": boolean,
                    "initial_value": string(INPUT_MOST, 0),
                    "min_length": integer(0, INPUT_MOST),
                    "max_length": integer(1, INPUT_MOST),
                }
            ),
            _lengths_in_order,
        ),
        "number_input": shape(
            {
                **_TYPED,
                "is_decimal_allowed": boolean,
                "initial_value": string(100),
                "min_value": string(100),
                "max_value": string(100),
            },
            ("is_decimal_allowed",),
        ),
        "datepicker": shape({**_MENU, "initial_date": string(10, 10)}),
        "timepicker": shape({**_MENU, "initial_time": string(5, 5), "timezone": string(100)}),
        "image": shape(
            {"image_url": string(URL_MOST), "alt_text": string(2000)},
            ("image_url", "alt_text"),
        ),
    }
)

MENUS: Final = frozenset(
    {
        "static_select",
        "multi_static_select",
        "external_select",
        "multi_external_select",
        "users_select",
        "multi_users_select",
        "conversations_select",
        "channels_select",
    }
)
_PICKED: Final = MENUS | {"radio_buttons", "checkboxes", "datepicker", "timepicker"}
IN_SECTION: Final = _PICKED | {"button", "overflow", "image"}
IN_ACTIONS: Final = _PICKED | {"button", "overflow"}
IN_INPUT: Final = _PICKED | {"plain_text_input", "number_input"}
