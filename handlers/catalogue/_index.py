"""Find names as one types, typos forgiven, in tens of thousands of them within a millisecond. Pure.

Two ways, because each is bad at what the other does well. That words hold what was typed answers nearly every query.
Typos are looked for only when a word stands in no name at all, and in the vocabulary only (each word once, however
many names hold it): comparing a query with 50,000 whole names would take a hundred times as long, and would bury a
short query's match under the length of the names.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from handlers.catalogue._bits import first, positions_of
from handlers.catalogue._text import words
from handlers.catalogue._vocabulary import Vocabulary

_LAST: Final = "\U0010ffff"  # sorts after whatever may follow
_BUCKET: Final = 4  # characters by which names are parted before they are sorted, to be sorted in steps
_NOT_NAMED: Final = 0.25  # of an edit: among equal typos a name comes before a tag
_FEW: Final = 99  # hits; so few are quicker looked at one by one
_SORTED: Final = 2000  # names that begin alike; more of them are quicker gone through in their order


class TextIndex:
    """An index over names, each with further words (tags, an id), addressed by position.

    Names added earlier come first among equals.
    """

    __slots__ = ("_by_name", "_further", "_named", "_texts")

    def __init__(self) -> None:
        self._texts: list[str] = []  # " words of the name\n further words"
        self._named = Vocabulary()
        self._further = Vocabulary()
        self._by_name = array("I")  # positions, sorted by text

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, name: str, more: Iterable[str] = (), number: int | None = None) -> None:
        """Add a name; `more` is searched as well, and so is `number`, but without forgiving typos in it."""
        position = len(self._texts)
        named = words(name)
        further = [word for text in more for word in words(text)]
        if number is not None:
            further.append(str(number))
        for vocabulary, its_words in ((self._named, named), (self._further, further)):
            for word in dict.fromkeys(its_words):
                vocabulary.add(word, position)
        self._texts.append(f" {' '.join(named)}\n {' '.join(further)}")

    def seal(self) -> None:
        """Prepare what needs all names; to be called once, after the last `add`."""
        for _ in self.sealing():
            pass

    def sealing(self) -> Iterator[None]:
        """Prepare what needs all names, in steps of a few milliseconds; to be gone through once, after the last `add`."""
        for vocabulary in (self._named, self._further):
            yield from vocabulary.sealing(len(self._texts))
        buckets: dict[str, list[int]] = {}
        for position, text in enumerate(self._texts):
            buckets.setdefault(text[:_BUCKET], []).append(position)
        for _, bucket in sorted(buckets.items()):
            yield
            bucket.sort(key=self._texts.__getitem__)
            self._by_name.extend(bucket)

    def search(self, query: str, limit: int) -> tuple[list[int], int]:
        """Return the positions of the best matches, best first, and how many matches there are.

        A query without any word matches everything, in the order of adding.
        """
        tokens = words(query)
        if not tokens:
            return list(range(min(limit, len(self._texts)))), len(self._texts)
        hits = self._everything()
        for token in tokens:
            hits &= self._holding(token)
        if hits:
            return self._ranked(hits, tokens, limit), hits.bit_count()
        return self._forgiving(list(dict.fromkeys(tokens)), limit)

    def _holding(self, token: str) -> int:
        return self._named.holding(token) | self._further.holding(token)

    def _everything(self) -> int:
        return (1 << len(self._texts)) - 1

    def _ranked(self, hits: int, tokens: Sequence[str], limit: int) -> list[int]:
        """Return the best hits: whole name, start of the name, start of words in a row, start of words, anywhere."""
        texts = self._texts
        phrase = f" {' '.join(tokens)}"
        if hits.bit_count() <= min(limit, _FEW):
            return sorted(positions_of(hits), key=lambda position: _rank(texts[position], phrase, tokens))
        heads = hits
        for token in tokens:
            heads &= self._named.beginning(token) | self._further.beginning(token)
        best = dict.fromkeys(self._starting(f"{phrase}\n", heads, limit))
        if len(best) < limit:
            best.update(dict.fromkeys(self._starting(phrase, heads, limit)))
        if len(best) < limit and len(tokens) > 1:
            in_a_row = (position for position in positions_of(heads) if phrase in texts[position])
            best.update(dict.fromkeys(islice(in_a_row, limit)))
        for rest in (heads, hits):
            if len(best) < limit:
                best.update(dict.fromkeys(first(rest, limit)))
        return list(best)[:limit]

    def _starting(self, phrase: str, heads: int, limit: int) -> list[int]:
        """Return the first positions whose text starts with a phrase, all of which are in `heads`."""
        texts, by_name = self._texts, self._by_name
        begin = bisect_left(by_name, phrase, key=texts.__getitem__)
        end = bisect_left(by_name, phrase + _LAST, lo=begin, key=texts.__getitem__)
        if end - begin <= _SORTED:
            return sorted(by_name[begin:end])[:limit]
        return list(islice((position for position in positions_of(heads) if texts[position].startswith(phrase)), limit))

    def _alike(self, token: str) -> list[tuple[float, int]]:
        """Return the texts that a mistyped token may mean, by what the typos cost."""
        further = [(cost + _NOT_NAMED, texts) for cost, texts in self._further.alike(token)]
        return _nearest([*self._named.alike(token), *further])

    def _forgiving(self, tokens: Sequence[str], limit: int) -> tuple[list[int], int]:
        """Return positions that match at least half of the tokens, typos forgiven, best first, and how many do.

        A token that no name holds stands for the words that are like it. One that would leave nothing is passed over.
        """
        held: list[int] = []
        mistyped: list[list[tuple[float, int]]] = []
        for token in sorted(tokens, key=len, reverse=True):
            if holding := self._holding(token):
                held.append(holding)
            elif levels := self._alike(token):
                mistyped.append(levels)
        by_cost = {0.0: self._everything()}  # how much the typos cost → whom they leave
        passed = len(tokens) - len(held) - len(mistyped)
        for levels in sorted(mistyped, key=lambda levels: sum(texts.bit_count() for _, texts in levels)):
            if both := _both(by_cost, levels):
                by_cost = both
            else:
                passed += 1
        for holding in held:
            if both := _both(by_cost, [(0.0, holding)]):
                by_cost = both
            else:
                passed += 1
        if 2 * passed > len(tokens):
            return [], 0
        likely = (position for cost in sorted(by_cost) for position in positions_of(by_cost[cost]))
        return list(islice(likely, limit)), sum(texts.bit_count() for texts in by_cost.values())


def _rank(text: str, phrase: str, tokens: Sequence[str]) -> int:
    """Return how well a text that holds all tokens matches; less is better. The order is that of `_ranked`."""
    if text.startswith(phrase):
        return 0 if text.startswith("\n", len(phrase)) else 1
    if phrase in text:
        return 2
    return 3 if all(f" {token}" in text for token in tokens) else 4


def _nearest(levels: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the levels in order, each text in the cheapest of those that it was in."""
    nearest, cheaper = [], 0
    for cost, texts in sorted(levels):
        if left := texts & ~cheaper:
            nearest.append((cost, left))
            cheaper |= left
    return nearest


def _both(by_cost: dict[float, int], levels: Sequence[tuple[float, int]]) -> dict[float, int]:
    """Return whom both leave, by what they cost together; nothing when that is nobody."""
    both: dict[float, int] = {}
    for cost, texts in by_cost.items():
        for more, others in levels:
            if left := texts & others:
                both[cost + more] = both.get(cost + more, 0) | left
    return both
