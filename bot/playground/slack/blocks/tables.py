"""Tables in messages: `data_table` (sortable, in pages) and the older `table`.

See https://docs.slack.dev/reference/block-kit/blocks/data-table-block. Slack raised two limits in 2026 (200 rows,
20,000 characters); the ones before that are enforced here, as they hold in every workspace.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bot.playground.slack.blocks.checks import (
    Check,
    Findings,
    boolean,
    every,
    integer,
    is_object,
    items,
    number,
    one_of,
    shape,
    string,
    typed,
    unique,
)
from bot.playground.slack.blocks.elements import ELEMENTS
from bot.playground.slack.blocks.richtext import RICH_TEXT_FIELDS
from bot.playground.slack.shapes import Json

ROWS_MOST: Final = 101  # the header and 100 rows
COLUMNS_MOST: Final = 20
CELLS_MOST: Final = 10_000  # characters over all tables of one message
_CELL_MOST: Final = CELLS_MOST

_RAW_TEXT: Final = shape({"text": string(_CELL_MOST)}, ("text",))
_RAW_NUMBER: Final = shape({"value": number, "text": string(_CELL_MOST)}, ("value",))
_RICH: Final = shape(RICH_TEXT_FIELDS, ("elements",))
_DATA_CELL: Final = typed(
    {
        "raw_text": _RAW_TEXT,
        "raw_number": _RAW_NUMBER,
        "rich_text": _RICH,
        "action": shape(
            {
                "element": typed(ELEMENTS, {"button"}),
                "fallback": typed({"raw_text": _RAW_TEXT, "raw_number": _RAW_NUMBER}),
            },
            ("element", "fallback"),
        ),
    }
)
_CELL: Final = typed({"raw_text": _RAW_TEXT, "rich_text": _RICH})


def rows_of(block: Json) -> list[list[object]]:
    """Return a table's rows; rows that are no lists are left out."""
    rows = block.get("rows")
    return [row for row in rows if isinstance(row, list)] if isinstance(rows, list) else []


def buttons_of(block: Json) -> list[Json]:
    """Return the buttons in a table's cells."""
    cells = [cell for row in rows_of(block) for cell in row if is_object(cell) and cell.get("type") == "action"]
    return [cell["element"] for cell in cells if is_object(cell.get("element"))]


def _rectangular(findings: Findings, value: object, pointer: str) -> None:
    if is_object(value) and len({len(row) for row in rows_of(value)}) > 1:
        findings.note("all rows must have the same number of values", f"{pointer}/rows")


def _plain_header(findings: Findings, value: object, pointer: str) -> None:
    rows = rows_of(value) if is_object(value) else []
    for index, cell in enumerate(rows[0] if rows else []):
        if is_object(cell) and cell.get("type") in {"rich_text", "action"}:
            findings.note(f"{cell['type']} is not allowed in the header", f"{pointer}/rows/0/{index}")


def _button_ids(block: object) -> list[tuple[object, str]]:
    buttons = buttons_of(block) if is_object(block) else []
    return [(button.get("action_id"), "/rows") for button in buttons]


def _header_column(findings: Findings, value: object, pointer: str) -> None:
    rows = rows_of(value) if is_object(value) else []
    index = value.get("row_header_column_index") if is_object(value) else None
    if rows and isinstance(index, int) and index >= len(rows[0]):
        findings.note("must be the index of a column", f"{pointer}/row_header_column_index")


TABLES: Final[Mapping[str, tuple[Mapping[str, Check], tuple[str, ...], Check]]] = MappingProxyType(
    {
        "data_table": (
            {
                "caption": string(1000),
                "rows": items(items(_DATA_CELL, most=COLUMNS_MOST), least=2, most=ROWS_MOST),
                "page_size": integer(1, 100),
                "row_header_column_index": integer(0, COLUMNS_MOST - 1),
            },
            ("caption", "rows"),
            every(_rectangular, _plain_header, _header_column, unique(_button_ids, "action_id")),
        ),
        "table": (
            {
                "rows": items(items(_CELL, most=COLUMNS_MOST), most=100),
                "column_settings": items(
                    shape({"align": one_of("left", "center", "right"), "is_wrapped": boolean}), most=COLUMNS_MOST
                ),
            },
            ("rows",),
            _rectangular,
        ),
    }
)
