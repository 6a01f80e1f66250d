"""Pages as Tines cuts them: `page` and `per_page`, links in `meta`, and no error past the end."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlencode

from bot.playground.tines.switches import Switches
from bot.playground.tines.wire import Ask, RefusalError

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 500
Row = TypeVar("Row")


def paged(
    name: str, rows: Sequence[Row], ask: Ask, switches: Switches, answer: Callable[[Row], object]
) -> dict[str, object]:
    """Return the asked page of rows under `name`, with its `meta`. Raises `RefusalError` 422."""
    if switches.odd_records:
        return paged(name, [None, *rows], ask, replace(switches, odd_records=False), _or_odd(name, answer))
    number, size = _whole(ask, "page", 1), _whole(ask, "per_page", DEFAULT_PER_PAGE)
    if size > MAX_PER_PAGE:
        if not switches.clamp_per_page:
            raise RefusalError(422, f"per_page must be at most {MAX_PER_PAGE}")
        size = MAX_PER_PAGE
    pages = -(-len(rows) // size)
    begin = (number - 1) * size
    following = number + 1 if number < pages else None
    return {
        name: [answer(row) for row in rows[begin : begin + size]],
        "meta": {
            "current_page": _link(ask, number, size),
            "previous_page": _link(ask, number - 1, size) if number > 1 else None,
            "next_page": _link(ask, following, size) if following else None,
            "next_page_number": following,
            "per_page": size,
            "pages": pages,
            "count": len(rows),
        },
    }


def _or_odd(name: str, answer: Callable[[Row], object]) -> Callable[[Row | None], object]:
    """Return how to show a row, and something that makes no sense in place of one that is none."""
    odd: dict[str, object] = (
        {"id": None, "name": ["?"]} if name != "sync_destinations" else {"id": None, "subscriptions": {}}
    )
    return lambda row: odd if row is None else answer(row)


def _whole(ask: Ask, name: str, default: int) -> int:
    """Read a positive number from the query; anything else counts as the default."""
    text = ask.query.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else default


def _link(ask: Ask, page: int, per_page: int) -> str:
    kept = [(k, v) for k, v in ask.query.multi_items() if k not in {"page", "per_page"}]
    return f"{ask.url}?{urlencode([*kept, ('per_page', per_page), ('page', page)])}"
