"""A story finds its copy by the surest sign there is, and says by which; in doubt it finds none."""

from typing import Any

import pytest

from handlers.comparison import Candidate, PairedBy, pair_stories

SOURCE = Candidate(id=1, name="Triage", slug="triage", origin="cloud:1")


@pytest.mark.parametrize(
    ("copies", "remembered", "expected"),
    [
        ([{"id": 8}], {1: 8}, (8, PairedBy.REMEMBERED)),
        ([{"id": 8}, {"id": 9, "origin": "cloud:1"}], {1: 8}, (8, PairedBy.REMEMBERED)),
        ([{"id": 9, "origin": "cloud:1"}, {"id": 8, "slug": "triage"}], {1: 7}, (9, PairedBy.ORIGIN)),
        ([{"id": 8, "slug": "triage"}, {"id": 9, "name": "Triage"}], {}, (8, PairedBy.SLUG)),
        ([{"id": 9, "name": "Triage", "slug": "triage_2"}], {}, (9, PairedBy.NAME)),
        ([{"id": 8, "name": "Triage"}, {"id": 9, "name": "Triage"}], {}, None),
        ([{"id": 8, "origin": "cloud:1"}, {"id": 9, "origin": "cloud:1"}], {}, None),
        ([{"id": 1, "name": "Other", "slug": "other"}], {}, None),  # an equal id of another tenant says nothing
        ([{"id": 8, "name": "triage"}], {}, None),
        ([], {1: 8}, None),
    ],
)
def test_the_surest_sign_wins(
    copies: list[dict[str, Any]], remembered: dict[int, int], expected: tuple[int, PairedBy] | None
) -> None:
    """Remembered, then the same origin, the same slug, and a name that is there once."""
    pairs = pair_stories([SOURCE], [Candidate(**each) for each in copies], remembered)
    assert [(pair.copy_id, pair.by) for pair in pairs.values()] == ([expected] if expected else [])


def test_a_copy_belongs_to_one_story() -> None:
    """The copy that one story is surely paired with is not taken for that of another story."""
    sources = [Candidate(id=1, name="Renamed", slug="a"), Candidate(id=2, name="Triage", slug="b")]
    pairs = pair_stories(sources, [Candidate(id=8, name="Triage", slug="x")], {1: 8})
    assert {source: pair.copy_id for source, pair in pairs.items()} == {1: 8}


def test_two_stories_of_one_name_find_no_copy_by_it() -> None:
    """When two stories would find the same copy, neither does."""
    sources = [Candidate(id=1, name="Triage"), Candidate(id=2, name="Triage")]
    assert pair_stories(sources, [Candidate(id=8, name="Triage")], {}) == {}
    assert pair_stories(sources, [Candidate(id=8)], {1: 8, 2: 8}) == {}


def test_what_nobody_tells_pairs_nothing() -> None:
    """Missing slugs, origins and names are equal to nothing."""
    assert pair_stories([Candidate(id=1)], [Candidate(id=8)], {}) == {}
    assert pair_stories([Candidate(id=1, slug="", origin="")], [Candidate(id=8, slug="", origin="")], {}) == {}


def test_every_way_has_words() -> None:
    """Each way of pairing can be told to people."""
    assert len({by.words for by in PairedBy}) == len(PairedBy)
