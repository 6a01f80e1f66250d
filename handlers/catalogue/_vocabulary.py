"""Which words hold some letters, or begin with them, or are like them, and in which texts those words stand. Pure.

However many texts there are, a question costs about as much as the answer is long. Every run of up to three letters
knows the words that it stands in; from those of the rarest run of what was typed, the words that hold all of it are
picked. What very many words hold is kept as a set of texts, ready to be handed out.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from handlers.catalogue._bits import bits_of

_RUN: Final = 3  # letters of the longest run that is looked up
_HEAD: Final = " "  # stands for the beginning of a word in a run
_STEP: Final = 250  # words prepared before others get their turn
_MANY: Final = 256  # words; what more of them hold is kept as a set of texts
_DENSE: Final = 32  # a word in more than one of so many texts is kept as a set: it takes less memory then
_SHORTEST_FUZZY: Final = 3  # letters; a shorter word with a typo could be anything
_ALTERNATIVES: Final = 25  # words that one mistyped word may stand for
_UNFINISHED: Final = 0.5  # of an edit: what it costs that a mistyped word is not typed to its end


class Vocabulary:
    """The words of texts that are numbered from 0. To be sealed when all are added."""

    __slots__ = ("_alone", "_by_letter", "_ids", "_likely", "_often", "_ready", "_runs", "_size", "_words")

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}  # while words are added
        self._words: Sequence[str] = ()
        self._alone = array("q")  # by word: the one text that it stands in, or -1 - its place in `_often`
        self._often: list[array[int] | int] = []  # texts of words that stand in several, as positions or as a set
        self._runs: dict[str, array[int]] = {}  # run of letters → words
        self._ready: dict[str, int] = {}  # run of letters that very many words hold → set of texts
        self._likely = array("I")  # words that people may mistype: no numbers, which nobody mistypes into another one
        self._by_letter: dict[str, array[int]] = {}  # of those, by the letter that they begin with
        self._size = 0

    def add(self, word: str, text: int) -> None:
        """Note that a word stands in a text, once for each; texts come in order."""
        number = self._ids.setdefault(word, len(self._alone))
        if number == len(self._alone):
            self._alone.append(text)
        elif (only := self._alone[number]) >= 0:
            self._often.append(array("I", (only, text)))
            self._alone[number] = -len(self._often)
        else:
            self._texts_of(only).append(text)

    def _texts_of(self, place: int) -> "array[int]":
        texts = self._often[-1 - place]
        assert isinstance(texts, array)  # noqa: S101 - sets are made when the vocabulary is sealed
        return texts

    def sealing(self, size: int) -> Iterator[None]:
        """Prepare for questions, in steps of a few milliseconds; `size` is the number of texts."""
        self._words, self._ids, self._size = tuple(self._ids), {}, size
        for place, texts in enumerate(self._often):
            if isinstance(texts, array) and len(texts) > size // _DENSE:
                yield
                self._often[place] = bits_of(texts, size)
        for number, word in enumerate(self._words):
            if number % _STEP == 0:
                yield
            for run in _runs(word):
                self._runs.setdefault(run, array("I")).append(number)
            if word.isalpha():
                self._likely.append(number)
                self._by_letter.setdefault(word[0], array("I")).append(number)
        for run, words in list(self._runs.items()):
            if len(words) > _MANY:
                yield
                self._ready[run] = self._union(words)
                if len(run) < _RUN and not run.startswith(_HEAD):
                    del self._runs[run]  # nothing longer is looked for among its words

    def holding(self, token: str) -> int:
        """Return the texts with a word that holds a token, which is not empty."""
        if len(token) <= _RUN:
            return self._of_run(token)
        words = self._words
        return self._union(number for number in self._rarest(token) if token in words[number])

    def beginning(self, token: str) -> int:
        """Return the texts with a word that begins with a token, which is not empty."""
        if len(token) <= _RUN:
            return self._of_run(_HEAD + token)
        words = self._words
        return self._union(number for number in self._rarest(token) if words[number].startswith(token))

    def alike(self, token: str) -> list[tuple[float, int]]:
        """Return the texts with a word that is like a token, or begins like it, by how many edits lie between.

        A text with several such words is there for each.
        """
        by_cost: dict[float, list[int]] = {}
        for number, cost in self._alike(token).items():
            by_cost.setdefault(cost, []).append(number)
        return [(cost, self._union(numbers)) for cost, numbers in by_cost.items()]

    def _of_run(self, run: str) -> int:
        ready = self._ready.get(run)
        return self._union(self._runs.get(run, ())) if ready is None else ready

    def _rarest(self, token: str) -> Sequence[int]:
        """Return the words of that run of a token which stands in the fewest."""
        runs = [token[at : at + _RUN] for at in range(len(token) - _RUN + 1)]
        return min((self._runs.get(run, ()) for run in runs), key=len)

    def _union(self, words: Iterable[int]) -> int:
        """Return the texts that any of the words stands in."""
        alone, often = self._alone, self._often
        sets, positions = 0, []
        for number in words:
            text = alone[number]
            if text >= 0:
                positions.append(text)
                continue
            texts = often[-1 - text]
            if isinstance(texts, int):
                sets |= texts
            else:
                positions += texts
        return sets | bits_of(positions, self._size) if positions else sets

    def _alike(self, token: str) -> dict[int, float]:
        """Return the words that are like a token, or begin like it, with how many edits lie between."""
        if len(token) < _SHORTEST_FUZZY:
            return {}
        words, length = self._words, len(token)
        edits = 1 + (length >= 5) + (length >= 9)  # noqa: PLR2004 (the steps are the rule)
        # a word not typed to its end has its first letter right, or swapped: that keeps this quick
        longer = [
            number
            for letter in dict.fromkeys(token[:2])
            for number in self._by_letter.get(letter, ())
            if len(words[number]) > length
        ]
        best: dict[int, float] = {}
        for choices, cut, more in ((self._likely, None, 0.0), (longer, length, _UNFINISHED)):
            compared = [words[number][:cut] for number in choices]
            for _, distance, index in process.extract(
                token, compared, scorer=OSA.distance, processor=None, score_cutoff=edits, limit=_ALTERNATIVES
            ):
                number = choices[index]
                best[number] = min(distance + more, best.get(number, float("inf")))
        return best


def _runs(word: str) -> set[str]:
    """Return the runs of up to three letters in a word, those at its beginning with their mark as well."""
    runs = {word[at : at + length] for length in range(1, _RUN + 1) for at in range(len(word) - length + 1)}
    runs.update(_HEAD + word[:length] for length in range(1, min(_RUN, len(word)) + 1))
    return runs
