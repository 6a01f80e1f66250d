"""What a sync would change on the destination, and what the destination lacks for it. Pure: exports in, values out."""

from handlers.comparison.diff import (
    ActionChange,
    FieldChange,
    Pointer,
    Status,
    StoryDiff,
    compare,
    compare_exports,
    parse_pointer,
    totals,
)
from handlers.comparison.normalise import Action, Export, NormalisedStory, normalise
from handlers.comparison.pairing import Candidate, Pair, PairedBy, pair_stories
from handlers.comparison.redaction import HIDDEN, NotComparableError
from handlers.comparison.references import (
    Destination,
    Gap,
    Gaps,
    Kind,
    Reference,
    References,
    Shared,
    Unresolved,
    explain,
    missing,
    references_of,
)

__all__ = [
    "HIDDEN",
    "Action",
    "ActionChange",
    "Candidate",
    "Destination",
    "Export",
    "FieldChange",
    "Gap",
    "Gaps",
    "Kind",
    "NormalisedStory",
    "NotComparableError",
    "Pair",
    "PairedBy",
    "Pointer",
    "Reference",
    "References",
    "Shared",
    "Status",
    "StoryDiff",
    "Unresolved",
    "compare",
    "compare_exports",
    "explain",
    "missing",
    "normalise",
    "pair_stories",
    "parse_pointer",
    "references_of",
    "totals",
]
