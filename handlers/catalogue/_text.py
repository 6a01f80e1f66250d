"""Fold text so that what people type meets what stories are called. Pure."""

import hashlib
import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"\w+")
_KEY_LENGTH: Final = 20  # 80 bits: among a tenant's tags no two will ever share a key


def fold(text: str) -> str:
    """Return the text without case and accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()


def words(text: str) -> list[str]:
    """Return the folded words of the text, in order."""
    return _WORD.findall(fold(text))


def tag_key(tag: str) -> str:
    """Return a short name for a tag: the same for ever, and 20 characters long however long the tag is.

    Tags may be longer than the 75 characters that Slack allows in the value of an option.
    """
    return hashlib.sha256(tag.encode()).hexdigest()[:_KEY_LENGTH]
