"""Find what Tines said in the body of an error, and make it safe to show.

No schema of error bodies is documented, so four shapes are tried. It prevents three failures: an error shown as
"422" although Tines had explained it, a page of HTML poured into a Slack thread, and a key echoed back to us that
travels on into messages, rows and logs.
"""

import html
import json
import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser
from typing import Final

from pydantic import SecretStr
from pydantic_core import from_json

MAX_WORDS: Final = 2_000  # characters
_MAX_READ: Final = 200_000  # characters of a body that are looked at
_SHORTEST_SECRET: Final = 6  # masking something shorter would only tear words apart
_MASK: Final = "[secret]"
_TEXT_KEYS: Final = ("message", "error", "detail", "details", "title", "error_description")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # also what PostgreSQL cannot store: NUL


def mask(text: str, secrets: Collection[SecretStr]) -> str:
    """Return the text with every given secret blotted out, longest first."""
    values = {secret.get_secret_value() for secret in secrets}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, _MASK)
    return text


def clean(text: str, secrets: Collection[SecretStr] = ()) -> str:
    """Return the text without secrets and control characters, clipped to `MAX_WORDS` characters.

    Masked before it is clipped, so that no half of a secret is left at the end.
    """
    text = _UNPRINTABLE.sub(" ", mask(text, secrets)).strip()
    return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"


def words_of(body: str, secrets: Collection[SecretStr] = ()) -> str:
    """Return Tines's own words from an error's body: JSON in any of its shapes, HTML or plain text.

    Shapes of JSON: `{"errors": [{"message", "details"}]}`, a bare list of those, an object with `error`, `message` or
    `detail`, a plain string. Empty when the body says nothing.
    """
    # Masked first, too: a secret cut in two at the reading limit would escape the mask
    body = mask(body, secrets)[:_MAX_READ].strip()
    try:
        parsed = from_json(body)
    except ValueError:
        return clean(_text_of_html(body) if body.startswith("<") else body, secrets)
    parts = list(dict.fromkeys(part for part in _parts(parsed) if part))
    return clean("\n".join(parts), secrets)


def _parts(value: object) -> Iterator[str]:
    """Yield the readable parts of a parsed body, in reading order."""
    match value:
        case str():
            yield value.strip()
        case list():
            for item in value:
                yield from _parts(item)
        case {"errors": [_, *_] | {} | str() as errors} if errors:
            yield from _parts(errors)
        case dict() if any(key in value for key in _TEXT_KEYS):
            yield ": ".join(filter(None, (" ".join(_parts(value[key])) for key in _TEXT_KEYS if key in value)))
        case dict():
            for key, item in value.items():
                yield f"{key}: {', '.join(_parts(item))}"
        case None:
            return
        case _:
            yield json.dumps(value)


class _TextFinder(HTMLParser):
    """Collects the title and the readable text of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.text: list[str] = []
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (the base class's signature)
        """Remember being inside an element whose text is not ordinary text."""
        if tag in {"title", "script", "style"}:
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        """Forget it again."""
        if tag == self._inside:
            self._inside = None

    def handle_data(self, data: str) -> None:
        """Keep text of the title and of the page, but no code."""
        if self._inside == "title":
            self.title.append(data)
        elif self._inside is None:
            self.text.append(data)


def _text_of_html(page: str) -> str:
    """Return the title of a page, or its text when it has none, in one line."""
    finder = _TextFinder()
    finder.feed(page)
    finder.close()
    title, text = (" ".join(" ".join(parts).split()) for parts in (finder.title, finder.text))
    return title or text or html.unescape(" ".join(page.split()))
