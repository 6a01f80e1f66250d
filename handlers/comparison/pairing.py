"""Find the copy that belongs to a story on the destination, and say how it was found. Pure.

Tines has no field that links the two. Surest first: the pair that was remembered when the copy appeared, an equal
`origin_story_identifier`, an equal slug, a name that only one story of the team has. Never the guid: it changes when an
export is applied again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from handlers.models import Frozen


class PairedBy(StrEnum):
    """How a story and its copy were found to belong together."""

    REMEMBERED = "remembered"
    ORIGIN = "origin"
    SLUG = "slug"
    NAME = "name"

    @property
    def words(self) -> str:
        """The same for people."""
        return _WORDS[self]


_WORDS: Final[Mapping[PairedBy, str]] = {
    PairedBy.REMEMBERED: "the copy that appeared with our sync",
    PairedBy.ORIGIN: "the same origin in both exports",
    PairedBy.SLUG: "the same slug",
    PairedBy.NAME: "the only story of that name in the team",
}


class Candidate(Frozen):
    """A story of either side, as far as pairing needs it."""

    id: int
    name: str = ""
    slug: str | None = None
    origin: str | None = None  # `origin_story_identifier`, which only an export tells


class Pair(Frozen):
    """The copy of a story, and how it was found."""

    copy_id: int
    by: PairedBy


def pair_stories(
    sources: Sequence[Candidate], copies: Sequence[Candidate], remembered: Mapping[int, int]
) -> dict[int, Pair]:
    """Return the copy of each source story by its id; a story without one is not in it.

    `remembered`: ids of source stories and of their copies. A copy belongs to one story only, and to the surest.
    """
    rules: tuple[tuple[PairedBy, Callable[[Candidate], object], Callable[[Candidate], object]], ...] = (
        (PairedBy.REMEMBERED, lambda source: remembered.get(source.id), lambda copy: copy.id),
        (PairedBy.ORIGIN, lambda source: source.origin, lambda copy: copy.origin),
        (PairedBy.SLUG, lambda source: source.slug, lambda copy: copy.slug),
        (PairedBy.NAME, lambda source: source.name, lambda copy: copy.name),
    )
    pairs: dict[int, Pair] = {}
    for by, of_source, of_copy in rules:
        # A name that two stories have points to neither of their copies, even when one of the two was paired before.
        asking = Counter(of_source(source) for source in sources)
        found = {key: copy.id for copy in copies if (key := of_copy(copy))}
        offered = Counter(of_copy(copy) for copy in copies)
        taken = {pair.copy_id for pair in pairs.values()}
        for source in sources:
            key = of_source(source)
            if source.id not in pairs and key in found and asking[key] == offered[key] == 1 and found[key] not in taken:
                pairs[source.id] = Pair(copy_id=found[key], by=by)
    return pairs
