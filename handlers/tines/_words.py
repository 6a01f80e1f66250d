"""Find what Tines said in the body of an error, and make it safe to show.

No schema of error bodies is documented, so four shapes are tried. It prevents three failures: an error shown as
"422" although Tines had explained it, a page of HTML poured into a Slack thread, and a page that takes seconds to read.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

from handlers.tines._json import needs_tidying, read_json, tidied
from handlers.tines._mask import Mask

MAX_WORDS: Final = 2_000  # characters
_MAX_JSON: Final = 64 * 1024  # characters of a body that is read as JSON
_MAX_PAGE: Final = 4 * 1024  # characters of any other body that are looked at
_MAX_PARTS: Final = 200  # messages in a body, or in one message of it; more would not fit
_MAX_DEPTH: Final = 8  # of the objects in a body; what is said deeper is not for people
_TEXT_KEYS: Final = ("message", "error", "detail", "details", "title", "error_description")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # also what no database and no message holds
_NO_SECRETS: Final = Mask()
_TAG: Final = re.compile(r"<([a-zA-Z]{1,20})")  # that opens an element
_CODE: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in ("script", "style")}
)


def clean(text: str, mask: Mask = _NO_SECRETS, limit: int = MAX_WORDS) -> str:
    """Return the text without secrets and control characters, clipped to `limit` characters.

    Masked before it is clipped, so that no half of a secret is left at the end.
    """
    text = _UNPRINTABLE.sub(" ", _start(text, mask, limit * 2)).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def looks_like_html(text: str) -> bool:
    """Whether a body is a page and not JSON."""
    return text[:_MAX_PAGE].lstrip().startswith("<")


def words_of(body: str, mask: Mask = _NO_SECRETS) -> str:
    """Return Tines's own words from an error's body: JSON in any of its shapes, HTML or plain text.

    Shapes of JSON: `{"errors": [{"message", "details"}]}`, a bare list of those, an object with `error`, `message` or
    `detail`, a plain string. Empty when the body says nothing.
    """
    body = body.lstrip("\ufeff")
    if not looks_like_html(body) and len(body) <= _MAX_JSON:
        try:
            value = read_json(body)
            return clean(_said(tidied(value, mask) if needs_tidying(body, mask) else value), mask)
        except (ValueError, RecursionError):
            pass  # plain text
    start = _start(body, mask, _MAX_PAGE).strip()
    return clean(text_of_page(start) if start.startswith("<") else start, mask)


def _start(text: str, mask: Mask, limit: int) -> str:
    """Return the first characters of a text, masked, without half a secret at the end."""
    if len(text) <= limit:
        return mask(text)
    # a secret that begins before the limit is whole in this piece; one that the piece's end cuts is beyond what is kept
    piece = text[: limit + 2 * mask.longest]
    masked = mask(piece)
    return masked[: min(limit, len(masked) - mask.longest)]


def _said(body: object) -> str:
    """Return the readable parts of a parsed body, one a line, each once, as many as can be shown."""
    found: dict[str, None] = {}
    room = MAX_WORDS
    for part in filter(None, islice(_parts(body, _MAX_DEPTH), _MAX_PARTS)):
        if part not in found:
            found[part] = None
            room -= len(part) + 1
        if room < 0:
            break
    return "\n".join(found)


def _parts(value: object, depth: int) -> Iterator[str]:
    """Yield the readable parts of a parsed body, in reading order."""
    if depth == 0:
        yield "…"
        return
    match value:
        case str():
            yield value.strip()
        case list():
            for item in value:
                yield from _parts(item, depth - 1)
        case {"errors": [_, *_] | {} | str() as errors} if errors:
            yield from _parts(errors, depth - 1)
        case dict() if any(key in value for key in _TEXT_KEYS):
            told = (" ".join(islice(_parts(value[key], depth - 1), _MAX_PARTS)) for key in _TEXT_KEYS if key in value)
            yield ": ".join(filter(None, told))
        case dict():
            for key, item in value.items():
                yield f"{key}: {', '.join(islice(_parts(item, depth - 1), _MAX_PARTS))}"
        case None:
            return
        case _:
            yield json.dumps(value)


def text_of_page(page: str) -> str:
    """Return the title of a page, or its text when it has none, in one line. Looks at each character once."""
    title: list[str] = []
    text: list[str] = []
    inside, at = text, 0
    while (begin := page.find("<", at)) >= 0:
        inside.append(page[at:begin])
        if page.startswith("<!--", begin):
            at = _behind(page, "-->", begin)
            continue
        at = _behind(page, ">", begin)
        name = _TAG.match(page, begin)
        tag = name[1].lower() if name else ""
        inside = title if tag == "title" else text
        if tag in _CODE:
            end = _CODE[tag].search(page, at)
            at = len(page) if end is None else _behind(page, ">", end.end())
    inside.append(page[at:])
    named, said = (" ".join(html.unescape(" ".join(parts)).split()) for parts in (title, text))
    return named or said or html.unescape(" ".join(page.split()))


def _behind(page: str, sign: str, at: int) -> int:
    """Return where a sign ends, or the page, where there is none."""
    found = page.find(sign, at)
    return len(page) if found < 0 else found + len(sign)
