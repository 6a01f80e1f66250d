"""An export of a made-up story, to be changed by the tests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from handlers.comparison import Export, PairedBy, Pointer, StoryDiff, compare, normalise

EXPORT = (Path(__file__).parent / "story.json").read_text()


def compared(
    source: Export, copy: Export, *, paired_by: PairedBy | None = None, ignore: Sequence[Pointer] = ()
) -> StoryDiff:
    """Return what a sync would change, from one export to the other."""
    return compare(normalise(source), normalise(copy), paired_by=paired_by, ignore=ignore)


@pytest.fixture
def export() -> dict[str, Any]:
    """Return an export of its own for each test."""
    decoded: dict[str, Any] = json.loads(EXPORT)
    return decoded
