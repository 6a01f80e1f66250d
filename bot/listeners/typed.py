"""What a person typed after the command, as words: without what phones, documents and habit put around them.

Who freezes a route during an incident pastes its name from a document or a message: with no-break spaces, quotes that
were made curly, a dash that was made long, in bold, as a link, with a full stop. None of that is meant.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Final

_GAP: Final = re.compile("[\\s\u180e\u200b\u2800\u3164]+")  # white space, and what looks like it
_UNSEEN: Final = re.compile("[\u00ad\u061c\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_BEFORE: Final = re.compile(rf"(?:{_GAP.pattern}|<[@#!][^<>|]*(?:\|[^<>]*)?>)*")  # space and mentions
_LINK: Final = re.compile(r"<(?:[^<>|]*\|)?([^<>|]*)>")
_DASHES: Final = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_LONGEST_WORD: Final = 100  # characters of one that can be meant


def first_word(text: str) -> tuple[str, str]:
    """Return the first word of what was typed, as it was meant, and the rest as it was typed; "" for no word.

    A mention before it is passed over: people address the bot as well as naming its command.
    """
    rest = _BEFORE.sub("", text, count=1)
    while rest:
        word, rest = [*_GAP.split(rest, maxsplit=1), ""][:2]
        if (meant := bare(word)) and not word.startswith("@"):
            return meant, rest
    return "", ""


def bare(word: str) -> str:
    """Return a word without what was put around it, and with plain dashes and letters in it."""
    linked = _LINK.search(word)
    plain = _DASHES.sub("-", _UNSEEN.sub("", linked[1] if linked else word))
    plain = _GAP.sub("", unicodedata.normalize("NFKC", plain))  # some letters come apart into a space and a mark
    meant = [place for place, each in enumerate(plain) if each.isalnum()]  # quotes, stars, brackets, full stops are not
    return plain[meant[0] : meant[-1] + 1] if meant else ""


def words(text: str) -> tuple[str, ...]:
    """Return all words of what was typed."""
    return tuple(meant for each in _GAP.split(text) if (meant := bare(each)))


def named(typed: str, names: Iterable[str]) -> str:
    """Return the name that was meant, in whatever case it was typed; what was typed when it is none of them."""
    known = tuple(names)
    if typed in known:
        return typed
    alike = [name for name in known if bare(name).casefold() == bare(typed).casefold()]
    return alike[0] if len(alike) == 1 else bare(typed)


def nearest(typed: str, names: Collection[str]) -> str | None:
    """Return the name that is most like what was typed, None when none is."""
    return next(iter(get_close_matches(typed[:_LONGEST_WORD].casefold(), names, n=1)), None)
