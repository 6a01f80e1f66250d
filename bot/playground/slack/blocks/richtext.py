"""Rich text: sections, lists, quotes and preformatted parts with styled elements in them.

See https://docs.slack.dev/reference/block-kit/blocks/rich-text-block.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bot.playground.slack.blocks.checks import (
    ID_MOST,
    URL_MOST,
    Check,
    boolean,
    integer,
    items,
    one_of,
    shape,
    string,
    typed,
)

_TEXT_MOST: Final = 40_000
_ELEMENTS_MOST: Final = 2000

_STYLE: Final = shape(
    {
        "bold": boolean,
        "italic": boolean,
        "strike": boolean,
        "code": boolean,
        "underline": boolean,
        "highlight": boolean,
        "client_highlight": boolean,
        "unlink": boolean,
    }
)
_TEXT: Final = shape({"text": string(_TEXT_MOST), "style": _STYLE}, ("text",))
_LINK: Final = shape(
    {"url": string(URL_MOST), "text": string(_TEXT_MOST, 0), "unsafe": boolean, "style": _STYLE}, ("url",)
)
_INLINE: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "text": _TEXT,
        "link": _LINK,
        "emoji": shape({"name": string(100), "unicode": string(100), "style": _STYLE}, ("name",)),
        "user": shape({"user_id": string(ID_MOST), "style": _STYLE}, ("user_id",)),
        "usergroup": shape({"usergroup_id": string(ID_MOST), "style": _STYLE}, ("usergroup_id",)),
        "channel": shape({"channel_id": string(ID_MOST), "style": _STYLE}, ("channel_id",)),
        "broadcast": shape({"range": one_of("here", "channel", "everyone"), "style": _STYLE}, ("range",)),
        "date": shape(
            {
                "timestamp": integer(0, 2**40),
                "format": string(200),
                "url": string(URL_MOST),
                "fallback": string(300),
                "style": _STYLE,
            },
            ("timestamp", "format"),
        ),
        "color": shape({"value": string(20), "style": _STYLE}, ("value",)),
    }
)
_INLINE_LIST: Final = items(typed(_INLINE), least=0, most=_ELEMENTS_MOST)
_SECTION: Final = shape({"elements": _INLINE_LIST}, ("elements",))
_BORDER: Final = integer(0, 1)

PARTS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "rich_text_section": _SECTION,
        "rich_text_list": shape(
            {
                "style": one_of("bullet", "ordered"),
                "elements": items(typed({"rich_text_section": _SECTION}), most=_ELEMENTS_MOST),
                "indent": integer(0, 8),
                "offset": integer(0, 10_000),
                "border": _BORDER,
            },
            ("style", "elements"),
        ),
        "rich_text_preformatted": shape(
            {
                "elements": items(typed(_INLINE, ("text", "link")), least=0, most=_ELEMENTS_MOST),
                "border": _BORDER,
                "language": string(50),
            },
            ("elements",),
        ),
        "rich_text_quote": shape({"elements": _INLINE_LIST, "border": _BORDER}, ("elements",)),
    }
)
RICH_TEXT_FIELDS: Final[Mapping[str, Check]] = MappingProxyType(
    {"elements": items(typed(PARTS), most=_ELEMENTS_MOST)},
)
