"""Cursor paging, as every list method of Slack does it."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bot.playground.slack.errors import refuse
from bot.playground.slack.shapes import Json

T = TypeVar("T")


def page(items: Sequence[T], cursor: str, limit: int) -> tuple[Sequence[T], str]:
    """Return one page and the cursor of the next, empty at the end. Raises `ApiError` (invalid_cursor)."""
    start = _decode(cursor) if cursor else 0
    end = start + limit
    return items[start:end], _encode(end) if end < len(items) else ""


def next_cursor(cursor: str) -> Json:
    """Return the part of an answer that tells of the next page."""
    return {"response_metadata": {"next_cursor": cursor}}


def _encode(offset: int) -> str:
    return base64.b64encode(f"next:{offset}".encode()).decode()


def _decode(cursor: str) -> int:
    try:
        kind, _, offset = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        refuse("invalid_cursor")
    if kind != "next" or not offset.isdecimal():
        refuse("invalid_cursor")
    return int(offset)
