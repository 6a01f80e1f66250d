"""The blocks themselves, and on which surface each may stand.

See https://docs.slack.dev/reference/block-kit/blocks.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from bot.playground.slack.blocks.checks import (
    ID_MOST,
    URL_MOST,
    Check,
    Findings,
    boolean,
    every,
    is_object,
    items,
    listed,
    shape,
    string,
    typed,
    unique,
)
from bot.playground.slack.blocks.elements import ELEMENTS, IN_ACTIONS, IN_INPUT, IN_SECTION
from bot.playground.slack.blocks.objects import plain, text
from bot.playground.slack.blocks.richtext import RICH_TEXT_FIELDS
from bot.playground.slack.blocks.tables import TABLES

HEADER_MOST: Final = 150
SECTION_MOST: Final = 3000
FIELD_MOST: Final = 2000
FIELDS_MOST: Final = 10
CONTEXT_MOST: Final = 10
ACTIONS_MOST: Final = 25
_LABEL_MOST: Final = 2000
_MARKDOWN_MOST: Final = 12_000

ONLY_IN_MESSAGES: Final = frozenset({"data_table", "table", "markdown"})


def _text_or_fields(findings: Findings, value: object, pointer: str) -> None:
    if is_object(value) and "text" not in value and "fields" not in value:
        findings.note("must define either `text` or `fields`", pointer)


def _action_ids(block: Any) -> list[tuple[object, str]]:  # noqa: ANN401 - whatever JSON holds; it is what is checked
    return [
        (element["action_id"], f"/elements/{index}/action_id")
        for index, element in enumerate(listed(block, "elements"))
        if "action_id" in element
    ]


def _block(fields: Mapping[str, Check], required: tuple[str, ...] = (), more: Check | None = None) -> Check:
    whole = shape({"block_id": string(ID_MOST), **fields}, required)
    return every(whole, more) if more else whole


_CONTEXT_ELEMENT: Final = typed(
    {
        "image": ELEMENTS["image"],
        "plain_text": shape({"text": string(SECTION_MOST), "emoji": boolean}, ("text",)),
        "mrkdwn": shape({"text": string(SECTION_MOST), "verbatim": boolean}, ("text",)),
    }
)

BLOCKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "section": _block(
            {
                "text": text(SECTION_MOST),
                "fields": items(text(FIELD_MOST), most=FIELDS_MOST),
                "accessory": typed(ELEMENTS, IN_SECTION),
                "expand": boolean,
            },
            more=_text_or_fields,
        ),
        "header": _block({"text": plain(HEADER_MOST)}, ("text",)),
        "divider": _block({}),
        "context": _block({"elements": items(_CONTEXT_ELEMENT, most=CONTEXT_MOST)}, ("elements",)),
        "actions": _block(
            {"elements": items(typed(ELEMENTS, IN_ACTIONS), most=ACTIONS_MOST)},
            ("elements",),
            unique(_action_ids, "action_id"),
        ),
        "input": _block(
            {
                "label": plain(_LABEL_MOST),
                "element": typed(ELEMENTS, IN_INPUT),
                "hint": plain(_LABEL_MOST),
                "optional": boolean,
                "dispatch_action": boolean,
            },
            ("label", "element"),
        ),
        "image": _block(
            {"image_url": string(URL_MOST), "alt_text": string(2000), "title": plain(2000)},
            ("image_url", "alt_text"),
        ),
        "rich_text": _block(RICH_TEXT_FIELDS, ("elements",)),
        "markdown": _block({"text": string(_MARKDOWN_MOST)}, ("text",)),
        **{kind: _block(fields, required, more) for kind, (fields, required, more) in TABLES.items()},
    }
)
