"""Messages and views as plain text, for a terminal; and what in them is live, for a scan of hostile input."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from rich.cells import cell_len, set_cell_size  # emoji take two columns of a terminal

from bot.playground.slack.blocks.checks import is_object, listed
from bot.playground.slack.ids import elements_of
from bot.playground.slack.mrkdwn import date_text, live_parts, plain, unescape
from bot.playground.slack.shapes import Json

_BULLET: Final = "• "
_MESSAGE: Final = "message"  # also what an object without a type is taken for: the arguments of a call are one
_MENTIONS: Final = {
    "user": ("user_id", "<@{}>"),
    "usergroup": ("usergroup_id", "<!subteam^{}>"),
    "channel": ("channel_id", "<#{}>"),
    "broadcast": ("range", "<!{}>"),
    "link": ("url", "<{}>"),
}.get
_PACKED: Final = frozenset({"blocks", "view", "attachments"})
_UNSEEN: Final = frozenset({"metadata", "private_metadata", "state"})  # no reader gets to see these
_MARKUP_TEXTS: Final = ("text", "fallback", "pretext")  # of a message or an attachment: mrkdwn without saying so


def live_mentions(payload: object, *, autolinks: bool = False) -> list[str]:
    """Return every mention and link that somebody who reads this message, view or block would get, in its order.

    `payload` may also be the arguments of a Web API call as the traffic keeps them. In the notation of mrkdwn: "<@U1>", "<!channel>", "<https://…|text>". Plain text objects and table cells have none.
    With `autolinks`, bare addresses in mrkdwn count too, since Slack makes links of them.
    """
    return list(_live(payload, autolinks=autolinks))


def _live(value: Any, *, autolinks: bool) -> Iterator[str]:  # noqa: ANN401 - walks whatever JSON holds
    if isinstance(value, list):
        for item in value:
            yield from _live(item, autolinks=autolinks)
    if not is_object(value):
        return
    kind = str(value.get("type", _MESSAGE))
    mention = _MENTIONS(kind)
    if mention and isinstance(value.get(mention[0]), str):
        yield mention[1].format(value[mention[0]])
    yield from _live_texts(value, kind, autolinks=autolinks)
    for key, inner in value.items():
        if key not in _UNSEEN:
            yield from _live(_unpacked(inner) if key in _PACKED else inner, autolinks=autolinks)


def _unpacked(value: object) -> object:
    """Return blocks or a view out of the JSON text that they travel in when a call is form-encoded."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def _live_texts(value: Json, kind: str, *, autolinks: bool) -> Iterator[str]:
    """Yield what is live in the texts that stand right in an object, by its type."""
    if kind in {"mrkdwn", "markdown"}:
        keys: tuple[str, ...] = ("text",)
    elif kind == _MESSAGE:
        keys = _MARKUP_TEXTS
    else:
        return
    for key in keys:
        text = value.get(key)
        if isinstance(text, str) and not (key == "text" and value.get("mrkdwn") is False):
            yield from live_parts(text, autolinks=autolinks)


def render_text(message: Json, name_of: Callable[[str], str] = str) -> str:
    """Return a message, a modal or a home tab as text for a terminal.

    Mentions, dates and channels are resolved (`name_of` turns ids into names), tables drawn, buttons shown as
    "[Label]", fields as "(Label)" with what stands in them in «…».
    """
    blocks = listed(message, "blocks")
    title = message.get("title")
    head = [f"── {title['text']} ──"] if is_object(title) else []
    if not blocks:
        return "\n".join([*head, plain(str(message.get("text", "")), name_of)])
    values = message.get("state", {}).get("values", {})
    lines = [*head, *(line for block in blocks for line in _Renderer(name_of, values).block(block))]
    buttons = [f"[{message[key]['text']}]" for key in ("submit", "close") if is_object(message.get(key))]
    return "\n".join([*lines, *([" ".join(buttons)] if buttons else [])])


class _Renderer:
    """Turns blocks into lines."""

    def __init__(self, name_of: Callable[[str], str], values: Json) -> None:
        self._name_of = name_of
        self._values = values

    def block(self, block: Json) -> Iterator[str]:
        """Yield the lines of one block; an unknown one is named."""
        draw: dict[str, Callable[[Json], Iterable[str]]] = {
            "section": self._section,
            "header": lambda b: [self._text(b["text"]).upper()],
            "divider": lambda _: ["─" * 40],
            "context": lambda b: [" ".join(map(self._context, b["elements"]))],
            "actions": lambda b: [" ".join(self._element(b, element) for element in b["elements"])],
            "input": self._input,
            "image": lambda b: [f"[image: {b['alt_text']}]"],
            "rich_text": self._rich_text,
            "markdown": lambda b: [b["text"]],
            "data_table": self._table,
            "table": self._table,
        }
        yield from draw.get(block["type"], self._unknown)(block)

    @staticmethod
    def _unknown(block: Json) -> Iterator[str]:
        yield f"[{block['type']}]"

    def _context(self, element: Json) -> str:
        return self._text(element) if element["type"] != "image" else f"[image: {element['alt_text']}]"

    def _input(self, block: Json) -> Iterator[str]:
        hint = f" — {self._text(block['hint'])}" if "hint" in block else ""
        yield f"({self._text(block['label'])}) {self._element(block, block['element'])}{hint}"

    def _section(self, block: Json) -> Iterator[str]:
        ends = " ".join(self._element(block, element) for element in elements_of(block))
        lines = [self._text(block["text"])] if "text" in block else []
        lines += [self._text(field) for field in block.get("fields", ())]
        if ends:
            lines[-1] = f"{lines[-1]}  {ends}"
        yield from lines

    def _text(self, text: Json) -> str:
        content = str(text.get("text", ""))
        return plain(content, self._name_of) if text.get("type") == "mrkdwn" else content

    def _element(self, block: Json, element: Json) -> str:
        if element["type"] in {"button", "image"}:
            return f"[{element['text']['text']}]" if "text" in element else f"[image: {element['alt_text']}]"
        if element["type"] == "overflow":
            return "[…]"
        state = self._values.get(str(block.get("block_id")), {}).get(str(element.get("action_id")), {})
        chosen = [_shown_value(value) for key, value in state.items() if key != "type" and value]
        placeholder = element["placeholder"]["text"] if "placeholder" in element else ""
        return f"«{', '.join(chosen) or placeholder}»"

    def _rich_text(self, block: Json) -> Iterator[str]:
        for part in block["elements"]:
            if part["type"] == "rich_text_list":
                indent = "  " * part.get("indent", 0)
                for index, item in enumerate(part["elements"], start=1 + part.get("offset", 0)):
                    mark = f"{index}. " if part["style"] == "ordered" else _BULLET
                    yield f"{indent}{mark}{self._inline(item['elements'])}"
                continue
            prefix = "> " if part["type"] == "rich_text_quote" else ""
            for line in self._inline(part["elements"]).rstrip("\n").split("\n"):
                yield f"{prefix}{line}"

    def _inline(self, elements: list[Json]) -> str:
        return "".join(self._piece(element) for element in elements)

    def _piece(self, element: Json) -> str:
        match element["type"]:
            case "text":
                return str(element["text"])
            case "link":
                return str(element.get("text") or element["url"])
            case "emoji":
                return f":{element['name']}:"
            case "date":
                return date_text(element["timestamp"], element["format"], element.get("fallback", ""))
            case kind:
                key, form = _MENTIONS(kind) or ("value", "{}")
                return plain(form.format(element.get(key, "")), self._name_of)

    def _table(self, block: Json) -> Iterator[str]:
        rows = [[self._cell(cell) for cell in row] for row in block["rows"]]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        if block.get("caption"):
            yield block["caption"]
        for index, row in enumerate(rows):
            yield " │ ".join(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
            if index == 0:
                yield "─┼─".join("─" * width for width in widths)

    def _cell(self, cell: Json) -> str:
        if cell["type"] == "rich_text":
            return " ".join(self._rich_text(cell)).replace("\n", " ")
        if cell["type"] == "action":
            return f"[{cell['element']['text']['text']}]"
        return str(cell.get("text", cell.get("value", ""))).replace("\n", " ")


def _shown_value(value: Any) -> str:  # noqa: ANN401 - text, an option, or a list of them
    if isinstance(value, list):
        return ", ".join(_shown_value(item) for item in value)
    return unescape(str(value["text"]["text"])) if is_object(value) else str(value)
