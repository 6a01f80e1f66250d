"""Find names as one types, typos forgiven, in tens of thousands of them within milliseconds. Pure.

Two ways, because each is slow or bad at what the other does well. Containment is one pass over prepared texts, and
answers nearly every query. Typos are looked for only when a word stands in no name at all, and in the vocabulary only
(each word once, however many names hold it): comparing a query with 50,000 whole names would take ten times as long,
and would bury a short query's match under the length of the names.
"""

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate, islice
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from handlers.catalogue._text import words

_BETWEEN: Final = "\n"  # texts; no word holds it
_FEW: Final = 300  # finds in the long text; the next one costs more there than to look into each text
_SHORTEST_FUZZY: Final = 3  # letters; a shorter word with a typo could be anything
_ALTERNATIVES: Final = 25  # words that one mistyped word may stand for
_UNFINISHED: Final = 0.5  # of an edit: what it costs that a mistyped word is not typed to its end


class TextIndex:
    """An index over names, each with further words (tags, an id), addressed by position.

    Names added earlier come first among equals.
    """

    __slots__ = ("_all_words", "_begins", "_by_letter", "_long_text", "_postings", "_texts", "_vocabulary")

    def __init__(self) -> None:
        self._texts: list[str] = []  # " words of the name\n further words"
        self._long_text = ""  # all texts
        self._begins = array("I", [0])  # where each of them begins in it, and where it ends
        self._postings: dict[str, array[int]] = {}
        self._all_words = ""  # one to a line: whether a word is known at all is found out in no time
        self._vocabulary: Sequence[str] = ()  # without numbers and the like, which nobody mistypes into another one
        self._by_letter: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, name: str, more: Iterable[str] = (), number: int | None = None) -> None:
        """Add a name; `more` is searched as well, and so is `number`, but without forgiving typos in it."""
        position = len(self._texts)
        named = words(name)
        further = [word for text in more for word in words(text)]
        for word in dict.fromkeys((*named, *further)):
            self._postings.setdefault(word, array("I")).append(position)
        tail = further if number is None else [*further, str(number)]
        self._texts.append(f" {' '.join(named)}\n {' '.join(tail)}")

    def seal(self) -> None:
        """Prepare what needs all names; to be called once, after the last `add`."""
        self._long_text = _BETWEEN.join((*self._texts, ""))
        self._begins = array("I", accumulate((len(text) + len(_BETWEEN) for text in self._texts), initial=0))
        self._all_words = "\n".join(self._postings)
        self._vocabulary = tuple(word for word in self._postings if word.isalpha())
        for word in self._vocabulary:
            self._by_letter.setdefault(word[0], []).append(word)

    def search(self, query: str, limit: int) -> tuple[list[int], int]:
        """Return the positions of the best matches, best first, and how many matches there are.

        A query without any word matches everything, in the order of adding.
        """
        tokens = words(query)
        if not tokens:
            return list(range(min(limit, len(self._texts)))), len(self._texts)
        hits = self._containing(tokens)
        if hits:
            return self._ranked(hits, tokens, limit), len(hits)
        likely = self._forgiving(tokens)
        return likely[:limit], len(likely)

    def _containing(self, tokens: Sequence[str]) -> list[int]:
        """Return the positions whose text holds every token, in order."""
        texts = self._texts
        first, *rest = sorted(tokens, key=len, reverse=True)  # the longest leaves the fewest for the others
        hits = self._holding(first)
        for token in rest:
            hits = [position for position in hits if token in texts[position]]
        return hits

    def _holding(self, token: str) -> list[int]:
        """Return the positions whose text holds a token, in order.

        One long text is searched, which stops only where something is found; when that is often, the rest is searched
        text by text.
        """
        texts, begins, at = self._texts, self._begins, 0
        hits: list[int] = []
        while len(hits) < _FEW and (at := self._long_text.find(token, at)) >= 0:
            hits.append(bisect_right(begins, at) - 1)
            at = begins[hits[-1] + 1]
        if len(hits) == _FEW:
            hits += [position for position in range(hits[-1] + 1, len(texts)) if token in texts[position]]
        return hits

    def _ranked(self, hits: list[int], tokens: Sequence[str], limit: int) -> list[int]:
        """Return the best hits: whole name, start of the name, start of words in a row, start of words, anywhere."""
        texts = self._texts
        phrase = f" {' '.join(tokens)}"
        starts = [position for position in hits if texts[position].startswith(phrase)]
        whole = f"{phrase}\n"
        best = dict.fromkeys(position for position in starts if texts[position].startswith(whole))
        best.update(dict.fromkeys(starts))
        if len(best) < limit:
            in_a_row = (position for position in hits if phrase in texts[position])
            best.update(dict.fromkeys(islice(in_a_row, limit)))
        if len(best) < limit and len(tokens) > 1:
            heads = [f" {token}" for token in tokens]
            best.update(dict.fromkeys(p for p in hits if all(head in texts[p] for head in heads)))
        ranked = list(best)[:limit]
        for position in hits:
            if len(ranked) >= limit:
                break
            if position not in best:
                ranked.append(position)
        return ranked

    def _forgiving(self, tokens: Sequence[str]) -> list[int]:
        """Return positions that match at least half of the tokens, typos forgiven, best first.

        A token that no name holds stands for the words that are like it. One that would leave nothing is passed over.
        """
        tokens = list(dict.fromkeys(tokens))
        held = [token for token in tokens if token in self._all_words]
        costs = [self._costs(token) for token in tokens if token not in held]
        used: list[dict[int, float]] = []
        together: Collection[int] = range(len(self._texts))
        for cost in sorted(filter(None, costs), key=len):
            if both := [position for position in cost if position in together]:
                together = frozenset(both)
                used.append(cost)
        passed = len(tokens) - len(held) - len(used)
        for token in sorted(held, key=len, reverse=True):
            if holding := [position for position in together if token in self._texts[position]]:
                together = holding
            else:
                passed += 1
        if 2 * passed > len(tokens):
            return []
        if not used:
            return list(together)  # in order already, and perhaps very many
        return sorted(together, key=lambda position: (sum(cost[position] for cost in used), position))

    def _costs(self, token: str) -> dict[int, float]:
        """Return the positions that a mistyped token may mean, with what the typos cost."""
        costs: dict[int, float] = {}
        for word, cost in sorted(self._alike(token).items(), key=lambda item: -item[1]):
            costs.update(dict.fromkeys(self._postings[word], cost))
        return costs

    def _alike(self, token: str) -> dict[str, float]:
        """Return the words that are like a token, or begin like it, with how many edits lie between."""
        if len(token) < _SHORTEST_FUZZY:
            return {}
        length = len(token)
        edits = 1 + (length >= 5) + (length >= 9)  # noqa: PLR2004 (the steps are the rule)
        # a word not typed to its end has its first letter right, or swapped: that keeps this quick
        longer = [
            word
            for letter in dict.fromkeys(token[:2])
            for word in self._by_letter.get(letter, ())
            if len(word) > length
        ]
        best: dict[str, float] = {}
        for choices, cut, more in ((self._vocabulary, None, 0.0), (longer, length, _UNFINISHED)):
            compared = choices if cut is None else [word[:cut] for word in choices]
            for _, distance, index in process.extract(
                token, compared, scorer=OSA.distance, processor=None, score_cutoff=edits, limit=_ALTERNATIVES
            ):
                word = choices[index]
                best[word] = min(distance + more, best.get(word, float("inf")))
        return best
