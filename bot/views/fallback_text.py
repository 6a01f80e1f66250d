"""The same content as text: what notifications and screen readers read, and what goes out when Slack refuses blocks.

Derived from the blocks, so that the two can never say different things: nothing is dropped because Slack did not
like its shape.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from bot.views.carried import RequestRef
from bot.views.kit import context, rich
from bot.views.text import Block, Message, inert, mention, plural, size, when

MESSAGE_TEXT: Final = 3800  # Slack asks to keep `text` under 4,000 characters
_PIECE: Final = 1500  # a single line longer than this is cut; even in characters of two units it fits a message
_HOLDS_TEXT: Final = frozenset({"text", "caption", "elements", "rows", "options", "fields", "placeholder"})
_LONGEST_TOKEN: Final = 600  # a link of ours is shorter


def message(*blocks: Block | None) -> Message:
    """Return a message of these blocks (`None` stands for one left out), with its text made from them."""
    kept = [block for block in blocks if block is not None]
    return Message(text=_fit(text_lines(kept)), blocks=kept)


def small(*elements: Block) -> Block:
    """Return rich text in small type, for what is there to be looked up."""
    return context("\n".join(text_lines([rich(*elements)])))


def plain_only(message: Message) -> list[Message]:
    """Return the whole content as messages of text alone, each of at most 4,000 characters, at least one."""
    pages: list[str] = []
    page = ""
    lines = (
        [*text_lines(message.blocks), *_what_to_type(message.blocks)] if message.blocks else message.text.split("\n")
    )
    for piece in _pieces(lines):
        longer = f"{page}\n{piece}" if page else piece
        if size(longer) > MESSAGE_TEXT:
            pages.append(page)
            longer = piece
        page = longer
    texts = [page for page in [*pages, page] if page.strip()] or [message.text]
    return [Message(text=text, broadcast=message.broadcast) for text in texts]


def simpler(message: Message) -> list[Message]:
    """Return the same content for a Slack that refused it: without buttons in tables, else as text alone."""
    blocks = [_without_buttons(block) if block["type"] == "data_table" else block for block in message.blocks]
    return plain_only(message) if blocks == message.blocks else [replace(message, blocks=blocks)]


def _without_buttons(table: Block) -> Block:
    """Return a table without the columns that have buttons."""
    rows = table["rows"]
    kept = [number for number, column in enumerate(zip(*rows, strict=True)) if not any(map(_is_action, column))]
    return {**table, "rows": [[row[number] for number in kept] for row in rows]}


def _is_action(cell: Block) -> bool:
    return bool(cell["type"] == "action")


def text_lines(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield what the blocks say, line by line, as mrkdwn with everything from outside escaped."""
    for block in blocks:
        match block.get("type"):
            case "header" | "section":
                yield from _text_object(block["text"])
            case "context":
                yield " ".join(part for element in block["elements"] for part in _text_object(element))
            case "rich_text":
                for element in block["elements"]:
                    yield from _rich_lines(element)
            case "data_table":
                yield inert(block["caption"])
                for row in _without_buttons(block)["rows"][1:]:
                    yield "• " + " · ".join(map(_cell_words, row))
            case _:  # buttons and dividers say nothing
                pass


def _cell_words(cell: Block) -> str:
    """Return what a cell says, without links: their addresses would take half of a text that ends at a limit."""
    runs = [run for part in cell.get("elements", (cell,)) for run in part.get("elements", (part,))]
    return "".join(inert(run["text"]) for run in runs)


def text_size(content: object) -> int:
    """Return how much text blocks hold, in UTF-16 units, values and ids left out."""
    if isinstance(content, list):
        return sum(map(text_size, content))
    if not isinstance(content, dict):
        return 0
    return sum(
        size(value) if isinstance(value, str) else text_size(value)
        for key, value in content.items()
        if key in _HOLDS_TEXT
    )


def _text_object(text: Block) -> Iterator[str]:
    yield from (text["text"] if text["type"] == "mrkdwn" else inert(text["text"])).split("\n")


def _rich_lines(element: Block) -> Iterator[str]:
    match element["type"]:
        case "rich_text_list":
            for item in element["elements"]:
                yield "• " + _runs(item["elements"])
        case "rich_text_quote":
            for each in _runs(element["elements"]).split("\n"):
                yield f"> {each}"
        case _:
            yield from _runs(element["elements"]).split("\n")


def _runs(elements: Iterable[Block]) -> str:
    return "".join(_run(element) for element in elements)


def _run(element: Block) -> str:
    match element["type"]:
        case "user":
            return mention(element["user_id"])
        case "usergroup":
            return f"<!subteam^{element['usergroup_id']}>"
        case "channel":
            return f"<#{element['channel_id']}>"
        case "date":
            return when(datetime.fromtimestamp(element["timestamp"], UTC))
        case "link":
            return f"<{element['url']}|{inert(element['text'])}>"
        case _:
            return inert(element["text"])


def _what_to_type(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield what to type instead of clicking, for the first request that a button is about."""
    for block in blocks:
        for element in block["elements"] if block["type"] == "actions" else ():
            ref = RequestRef.read(element.get("value"))
            if ref is not None:
                yield f"To act on it, type /tines-sync status {ref.request}"
                return


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines, long ones in pieces, cut at a space or at least not inside an entity, mention or link."""
    for each in lines:
        rest = each
        while len(rest) > _PIECE:
            cut = _cut(rest)
            yield rest[:cut]
            rest = rest[cut:].lstrip(" ")
        yield rest


def _cut(text: str) -> int:
    """Return where to cut a text that is too long."""
    space = text.rfind(" ", _PIECE // 2, _PIECE)
    end = space if space > 0 else _PIECE
    for opening, closing in (("<", ">"), ("&", ";")):
        start = text.rfind(opening, 0, end)
        if start > 0 and text.find(closing, start, end) < 0 and end - start < _LONGEST_TOKEN:
            end = start
    return end


def _fit(lines: Iterable[str]) -> str:
    """Return as many whole lines as fit, and how many do not."""
    pieces = list(_pieces(lines))
    kept: list[str] = []
    room = MESSAGE_TEXT - 40  # for the last line
    for number, each in enumerate(pieces):
        room -= size(each) + 1
        if room < 0:
            return "\n".join([*kept, f"… and {plural(len(pieces) - number, 'more line')}"])
        kept.append(each)
    return "\n".join(kept)
