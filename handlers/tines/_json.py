"""Reads JSON as it comes from outside: tolerant of what does no harm, bounded in what it costs.

It prevents a process that stands still over a large body: the items of its lists are read one by one, so that a thread
that reads gives way in between. What one odd record may hold (a bare NaN, half a surrogate pair, an endless number)
does not spoil the others.
"""

import json
import re
from typing import Final

from handlers.tines._mask import Mask

MAX_PARTS: Final = 1_000_000  # lists, objects and commas in a body: what a value costs in memory
SHORT: Final = 100_000  # bytes or characters that are read at once; others wait for less than 5 ms
_MAX_DIGITS: Final = 25  # of a whole number; nothing that Tines counts is larger
_SPACE: Final = re.compile(r"[ \t\n\r]*")
# Escapes of letters, digits and signs, behind which a secret could hide, and of what cannot be stored. Not those of
# <, > and &, which many servers write in that way everywhere: the mask knows how a secret looks then.
_HIDING: Final = re.compile(r"\\u(?:0000|00(?!3c|3e|26)[2-7][0-9a-f]|d[89a-f])", re.IGNORECASE)
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")  # NUL, which PostgreSQL keeps not, and halves of surrogate pairs


class TooManyPartsError(ValueError):
    """A JSON text holds more than is ever read."""

    def __str__(self) -> str:
        return f"more than {MAX_PARTS:,} parts"


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


def _no_number(_word: str) -> None:
    """Read NaN and Infinity, which are no JSON, as null."""


_QUICK: Final = json.JSONDecoder(parse_constant=_no_number, strict=False)
_TOLERANT: Final = json.JSONDecoder(parse_int=_whole, parse_constant=_no_number, strict=False)


def text_of(body: bytes | bytearray) -> str:
    """Return the text of a body: UTF-8, with or without a byte order mark; what is none of it is replaced.

    The charset that an answer names is not looked at: JSON is UTF-8, and a page of a proxy is only shown.
    """
    return body.decode("utf-8-sig", "replace")


def read_json(text: str) -> object:
    """Return what a JSON text holds. Raises `ValueError`, and `RecursionError` where it is nested without end."""
    if sum(map(text.count, "[{,")) > MAX_PARTS:
        raise TooManyPartsError
    try:
        return _read(_QUICK, text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a number with more digits than Python reads
        return _read(_TOLERANT, text)


def _read(decoder: json.JSONDecoder, text: str) -> object:
    if len(text) <= SHORT:
        return decoder.decode(text)
    at = _skip(text, 0)
    is_object = text.startswith("{", at)
    value, at = _read_object(decoder, text, at + 1) if is_object else decoder.raw_decode(text, at)
    if _skip(text, at) != len(text):
        message = "something after the end"
        raise json.JSONDecodeError(message, text, at)
    return value


def _read_object(decoder: json.JSONDecoder, text: str, at: int) -> tuple[dict[str, object], int]:
    """Read an object from behind its opening brace; returns where it ends as well."""
    found: dict[str, object] = {}
    at = _skip(text, at)
    if text.startswith("}", at):
        return found, at + 1
    while True:
        at = _skip(text, at)
        name, at = decoder.raw_decode(text, at)
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        value, at = _read_list(decoder, text, at + 1) if text.startswith("[", at) else decoder.raw_decode(text, at)
        found[str(name)] = value
        at = _skip(text, at)
        if text.startswith("}", at):
            return found, at + 1
        at = _expect(text, at, ",")


def _read_list(decoder: json.JSONDecoder, text: str, at: int) -> tuple[list[object], int]:
    """Read a list from behind its opening bracket, item by item; returns where it ends as well."""
    items: list[object] = []
    at = _skip(text, at)
    if text.startswith("]", at):
        return items, at + 1
    while True:
        item, at = decoder.raw_decode(text, _skip(text, at))
        items.append(item)
        at = _skip(text, at)
        if text.startswith("]", at):
            return items, at + 1
        at = _expect(text, at, ",")


def _skip(text: str, at: int) -> int:
    """Return where white space ends."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, sign: str) -> int:
    if text.startswith(sign, at):
        return at + 1
    message = f"no {sign!r}"
    raise json.JSONDecodeError(message, text, at)


def needs_tidying(text: str, mask: Mask) -> bool:
    """Whether a JSON text may hold a secret, as it is or escaped, or what cannot be stored: most hold neither."""
    return "\0" in text or mask.finds(text) or ("\\u" in text and _HIDING.search(text) is not None)


def tidied(value: object, mask: Mask) -> object:
    """Return JSON data with every text, names of fields included, masked and fit to be stored and sent."""
    match value:
        case str():
            return tidy(value, mask)
        case list():
            return [tidied(item, mask) for item in value]
        case dict():
            return {tidy(name, mask): tidied(item, mask) for name, item in value.items()}
        case _:
            return value


def tidy(text: str, mask: Mask) -> str:
    """Return a text masked, and without what no database and no message can hold."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", mask(text))
