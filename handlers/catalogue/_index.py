"""Find names while somebody types: best match first, typos forgiven. Pure.

A search looks at every text, which takes a few milliseconds for 50,000 of them. What it finds is kept for a while, so
that the next letter is looked for in those texts only. Typos are looked for only when no text holds everything that was
typed, and then among the distinct words, which are far fewer than the texts.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

_WORD: Final = re.compile(r"\w+")
_RECENT: Final = 64  # tokens
_SHORTEST_FUZZY: Final = 3  # letters; a shorter word with a typo could be anything
_ALTERNATIVES: Final = 25  # words that one mistyped word may stand for
_UNFINISHED: Final = 0.5  # of an edit: what it costs that a mistyped word is not typed to its end
_NOT_IN_NAME: Final = 0.25  # of an edit: among equal typos a name comes before a tag


def fold(text: str) -> str:
    """Return the text without case and accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()


def words(text: str) -> list[str]:
    """Return the folded words of the text, in order."""
    return _WORD.findall(fold(text))


class TextIndex:
    """An index over names, each with further words (tags, an id), addressed by the order in which they were added."""

    __slots__ = ("_by_letter", "_joined", "_recent", "_texts", "_vocabulary", "_with_word")

    def __init__(self) -> None:
        self._texts: list[str] = []  # by position: " words of the name\n words of tags and id\n"
        self._joined = ""  # all texts in one, once somebody searches
        self._recent: dict[str, array[int]] = {}  # what was typed lately → positions of the texts that hold it
        self._vocabulary: list[str] = []  # distinct words, without numbers: nobody mistypes one into another
        self._by_letter: dict[str, list[str]] = {}  # the same, by first letter
        self._with_word: dict[str, tuple[array[int], array[int]]] = {}  # positions where it is in the name; in the rest

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, name: str, more: Iterable[str] = (), number: int | None = None) -> None:
        """Add a name; `more` and `number` are searched as well."""
        position = len(self._texts)
        named, further = words(name), [word for text in more for word in words(text)]
        for place, its_words in enumerate((named, further)):
            for word in filter(str.isalpha, dict.fromkeys(its_words)):
                if word not in self._with_word:
                    self._with_word[word] = (array("I"), array("I"))
                    self._vocabulary.append(word)
                    self._by_letter.setdefault(word[0], []).append(word)
                self._with_word[word][place].append(position)
        if number is not None:
            further.append(str(number))
        self._texts.append(f" {' '.join(named)}\n {' '.join(further)}\n")
        self._recent.clear()
        self._joined = ""

    def search(self, query: str, limit: int) -> tuple[list[int], int]:
        """Return the positions of the best matches, best first, and how many matches there are.

        An empty query matches everything, in the order of adding. One without a letter or digit (an emoji) matches nothing.
        """
        tokens = list(dict.fromkeys(words(query)))
        if not tokens:
            everything = range(0 if query.strip() else len(self._texts))
            return list(everything[:limit]), len(everything)
        longest, *others = sorted(tokens, key=len, reverse=True)
        hits = self._holding(longest)
        for token in others:
            hits = [position for position in hits if token in self._texts[position]]
        return (self._best(hits, words(query), limit), len(hits)) if hits else self._forgiving(tokens, limit)

    def _holding(self, token: str) -> Sequence[int]:
        """Return the positions of the texts with a word that holds a token."""
        recent = self._recent
        if token not in recent:
            begun = (token[:length] for length in range(len(token) - 1, 0, -1))
            among: Sequence[int] = next(
                (recent[shorter] for shorter in begun if shorter in recent), range(len(self._texts))
            )
            self._joined = self._joined or "".join(self._texts)
            if token not in self._joined:
                among = ()  # most typos end here
            found = array("I", [position for position in among if token in self._texts[position]])
            if len(recent) == _RECENT:
                del recent[next(iter(recent))]
            recent[token] = found
        return recent[token]

    def _best(self, hits: Sequence[int], tokens: Sequence[str], limit: int) -> list[int]:
        """Return the best hits: whole name, start of the name, start of words in a row, start of words, anywhere."""
        texts, starts = self._texts, [f" {token}" for token in tokens]
        phrase = "".join(starts)
        whole = f"{phrase}\n"
        ranked = chain(
            (position for position in hits if texts[position].startswith(whole)),
            (position for position in hits if texts[position].startswith(phrase)),
            (position for position in hits if phrase in texts[position]),
            (position for position in hits if len(starts) > 1 and all(start in texts[position] for start in starts)),
            hits,
        )
        best: dict[int, None] = {}
        for position in ranked:
            best[position] = None
            if len(best) == limit:
                break
        return list(best)

    def _forgiving(self, tokens: Sequence[str], limit: int) -> tuple[list[int], int]:
        """Return positions that match at least half of the tokens, fewest typos first, and how many do.

        A token that no text holds stands for the words that are like it. The rarest token counts first, the longer one
        among equals, and one that would leave nothing is passed over.
        """
        longest_first = sorted(tokens, key=len, reverse=True)
        meant = [(token, self._holding(token) or self._alike(token)) for token in longest_first]
        matched, costs = 0, dict[int, float]()  # by position
        for token, found in sorted(meant, key=lambda each: len(each[1])):
            mistyped = found if isinstance(found, dict) else None
            if not costs:
                both = mistyped or dict.fromkeys(found, 0.0)
            elif mistyped is None:
                both = {position: cost for position, cost in costs.items() if token in self._texts[position]}
            else:
                both = {position: cost + mistyped[position] for position, cost in costs.items() if position in mistyped}
            if both:
                matched, costs = matched + 1, both
        if 2 * matched < len(tokens):
            return [], 0
        return sorted(sorted(costs), key=costs.__getitem__)[:limit], len(costs)

    def _alike(self, token: str) -> dict[int, float]:
        """Return the positions with a word that is like a token, or begins like it, with how many edits lie between."""
        length = len(token)
        if length < _SHORTEST_FUZZY:
            return {}
        edits = 1 + (length >= 5) + (length >= 9)  # noqa: PLR2004 (the steps are the rule)
        # a word not typed to its end has its first letter right, or swapped: that keeps this quick
        begun = [word for letter in dict.fromkeys(token[:2]) for word in self._by_letter.get(letter, ())]
        longer = [word for word in begun if len(word) > length]
        levels: list[tuple[float, array[int]]] = []
        for choices, cut, more in ((self._vocabulary, None, 0.0), (longer, length, _UNFINISHED)):
            compared = [word[:cut] for word in choices]
            for _, distance, at in process.extract(
                token, compared, scorer=OSA.distance, processor=None, score_cutoff=edits, limit=_ALTERNATIVES
            ):
                named, further = self._with_word[choices[at]]
                levels += (distance + more, named), (distance + more + _NOT_IN_NAME, further)
        costs: dict[int, float] = {}
        for cost, positions in sorted(levels, key=lambda level: -level[0]):  # the cheapest last, to prevail
            costs.update(dict.fromkeys(positions, cost))
        return costs
