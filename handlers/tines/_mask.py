"""Masks secrets in text from outside, in every form in which a server or a proxy may echo them.

It prevents a key from travelling on into messages, rows and logs: Tines, and what stands before it, may quote what it
was sent, as it was or encoded for JSON, for a URL, for a page or as base64.
"""

import base64
import html
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import quote

from pydantic import SecretStr

MASK: Final = "[secret]"
_SHORTEST: Final = 6  # masking something shorter would only tear words apart


@dataclass(frozen=True, slots=True)
class Mask:
    """Replaces secrets in text. Its repr shows none."""

    secrets: frozenset[SecretStr] = field(default=frozenset(), repr=False)
    _forms: tuple[str, ...] = field(default=(), repr=False)  # longest first: one secret may begin with another

    @classmethod
    def of(cls, secrets: Iterable[SecretStr]) -> Self:
        """Return the mask for these secrets; one that is too short to be one is left alone."""
        kept = frozenset(secrets)
        values = {secret.get_secret_value() for secret in kept}
        forms = {form for value in values if len(value) >= _SHORTEST for form in _forms(value)}
        return cls(kept, tuple(sorted(forms, key=lambda form: (-len(form), form))))

    def also(self, secrets: Iterable[SecretStr]) -> "Mask":
        """Return the mask for some more secrets."""
        more = frozenset(secrets) - self.secrets
        return Mask.of(self.secrets | more) if more else self

    @property
    def longest(self) -> int:
        """Number of characters of the longest form."""
        return len(self._forms[0]) if self._forms else 0

    def finds(self, text: str) -> bool:
        """Whether there is anything to mask in the text."""
        return any(form in text for form in self._forms)

    def __call__(self, text: str) -> str:
        """Return the text with every secret replaced by `[secret]`."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text


def _forms(value: str) -> Iterator[str]:
    """Yield a secret as it is, and as it looks when it was encoded."""
    yield value
    for said in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        yield said[1:-1]
        yield said[1:-1].replace("/", "\\/")
        yield said[1:-1].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    for encoded in {quote(value, safe=""), quote(value, safe="/")}:
        yield from (encoded, _small_escapes(encoded))
    yield html.escape(value)
    data = value.encode(errors="surrogatepass")
    for packed in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
        yield packed.decode().rstrip("=")


def _small_escapes(encoded: str) -> str:
    """Return a percent-encoded text with its escapes in small letters."""
    head, *rest = encoded.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)
