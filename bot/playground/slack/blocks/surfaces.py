"""The surfaces: what a whole message, modal or App Home must keep to, beyond each of its blocks."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from bot.playground.slack.blocks.checks import (
    ID_MOST,
    Check,
    Findings,
    boolean,
    is_object,
    items,
    listed,
    shape,
    string,
    typed,
)
from bot.playground.slack.blocks.kinds import BLOCKS, ONLY_IN_MESSAGES
from bot.playground.slack.blocks.objects import plain
from bot.playground.slack.blocks.tables import CELLS_MOST, TABLES, rows_of
from bot.playground.slack.shapes import Json

MESSAGE_BLOCKS_MOST: Final = 50
VIEW_BLOCKS_MOST: Final = 100
VIEW_BYTES_MOST: Final = 250_000
BLOCKS_TEXT_MOST: Final = 13_200  # characters in all blocks of a message together, as measured
TITLE_MOST: Final = 24
METADATA_MOST: Final = 3000

_IN_VIEWS: Final = frozenset(BLOCKS) - ONLY_IN_MESSAGES
_MESSAGE_BLOCKS: Final = items(typed(BLOCKS), least=0, most=MESSAGE_BLOCKS_MOST)
_VIEW_BLOCKS: Final = items(typed(BLOCKS, _IN_VIEWS), least=0, most=VIEW_BLOCKS_MOST)
_HOME: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "blocks": _VIEW_BLOCKS,
        "private_metadata": string(METADATA_MOST, 0),
        "callback_id": string(ID_MOST, 0),
        "external_id": string(ID_MOST, 0),
    }
)
_MODAL: Final = typed(
    {
        "modal": shape(
            {
                **_HOME,
                "title": plain(TITLE_MOST),
                "close": plain(TITLE_MOST),
                "submit": plain(TITLE_MOST),
                "clear_on_close": boolean,
                "notify_on_close": boolean,
                "submit_disabled": boolean,
            },
            ("title", "blocks"),
        )
    }
)
_HOME_TAB: Final = typed({"home": shape(_HOME, ("blocks",))})
_TEXT_KEYS: Final = frozenset({"text", "alt_text", "caption"})


def message_faults(blocks: object) -> list[str]:
    """Return what Slack would say against a message's blocks; empty when it takes them."""
    findings = Findings()
    _MESSAGE_BLOCKS(findings, blocks, "/blocks")
    whole = {"blocks": blocks}
    _unique_block_ids(findings, whole, "/blocks")
    tables = [block for block in listed(whole, "blocks") if str(block.get("type")) in TABLES]
    cells = sum(len(text) for table in tables for text in _cells(table))
    if cells > CELLS_MOST:
        findings.note(f"tables must be less than {CELLS_MOST + 1} characters in all", "/blocks")
    return findings.faults


def modal_faults(view: object) -> list[str]:
    """Return what Slack would say against a modal's view; empty when it takes it."""
    findings = Findings()
    _MODAL(findings, view, "/view")
    _view_rules(findings, view)
    has_input = any(block.get("type") == "input" for block in listed(view, "blocks"))
    if has_input and is_object(view) and "submit" not in view:
        findings.note("missing required field: submit", "/view")
    return findings.faults


def home_faults(view: object) -> list[str]:
    """Return what Slack would say against an App Home view; empty when it takes it."""
    findings = Findings()
    _HOME_TAB(findings, view, "/view")
    _view_rules(findings, view)
    return findings.faults


def blocks_text_length(blocks: object) -> int:
    """Return the number of characters that a message's blocks show, over all of them."""
    return sum(len(text) for text in _texts(blocks))


def view_bytes(view: object) -> int:
    """Return a view's size as Slack counts it against its 250 kB: as compact JSON."""
    return len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode())


def _view_rules(findings: Findings, view: object) -> None:
    _unique_block_ids(findings, view, "/view/blocks")
    focused = sum(1 for element in _elements(view) if element.get("focus_on_load") is True)
    if focused > 1:
        findings.note("only one element may have focus_on_load", "/view/blocks")


def _unique_block_ids(findings: Findings, whole: object, pointer: str) -> None:
    seen: set[object] = set()
    for index, block in enumerate(listed(whole, "blocks")):
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                findings.note(f"block_id already exists: {block_id}", f"{pointer}/{index}/block_id")
            seen.add(block_id)


def _elements(view: object) -> Iterator[Json]:
    for block in listed(view, "blocks"):
        yield from listed(block, "elements")
        for key in ("element", "accessory"):
            if is_object(block.get(key)):
                yield block[key]


def _cells(block: Json) -> Iterator[str]:
    for row in rows_of(block):
        yield from _texts(row)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - walks whatever JSON holds
    """Yield every text that a reader sees in a payload."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(inner, str):
                yield from _texts(inner)
            elif key in _TEXT_KEYS:
                yield inner
