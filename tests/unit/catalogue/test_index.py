"""What people type finds what they mean: best match first, by any part of a name, with typos."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.catalogue import tag_key
from handlers.catalogue._index import TextIndex, fold, words

NAMES = [
    "Phishing triage",
    "Phishing",
    "Report phishing email",
    "Anti-phishing training",
    "Isolate endpoint",
    "High-Priority Alerts",
    "Vulnerability scan import",
    "Überwachung",
    "Rotate API keys v2",
    "Rotate keys",
]


def index_of(names: list[str]) -> TextIndex:
    """Return an index over names."""
    index = TextIndex()
    for name in names:
        index.add(name)
    return index


@pytest.fixture(scope="module")
def index() -> TextIndex:
    """Return an index over the example names."""
    return index_of(NAMES)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        # the whole name, then names that begin with it, then words that do, then anything that holds it
        ("phishing", ["Phishing", "Phishing triage", "Report phishing email", "Anti-phishing training"]),
        ("PHISH", ["Phishing triage", "Phishing", "Report phishing email", "Anti-phishing training"]),
        ("ishing tri", ["Phishing triage"]),
        ("triage phishing", ["Phishing triage"]),
        ("high-priority al", ["High-Priority Alerts"]),
        ("high priority", ["High-Priority Alerts"]),
        ("uberwachung", ["Überwachung"]),
        ("ÜBERW", ["Überwachung"]),
        ("keys rotate", ["Rotate API keys v2", "Rotate keys"]),
        ("rotate keys", ["Rotate keys", "Rotate API keys v2"]),
        ("v2", ["Rotate API keys v2"]),
    ],
)
def test_order(index: TextIndex, query: str, found: list[str]) -> None:
    """The best match comes first, whatever case, accents, hyphens and order of words."""
    positions, total = index.search(query, 99)
    assert [NAMES[position] for position in positions] == found
    assert total == len(found)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("phsihing triage", "Phishing triage"),  # swapped
        ("phisshing triage", "Phishing triage"),  # too many
        ("phising triage", "Phishing triage"),  # missing
        ("fishing triage", "Phishing triage"),  # wrong
        ("isolaet", "Isolate endpoint"),
        ("isloat", "Isolate endpoint"),  # not typed to its end
        ("sioltae endp", "Isolate endpoint"),
        ("vulnrability", "Vulnerability scan import"),
        ("vulnreab", "Vulnerability scan import"),
        ("hgih priority alrets", "High-Priority Alerts"),
        ("isolate endpoint nonsense", "Isolate endpoint"),  # a word too many
        ("zz isolate", "Isolate endpoint"),
        ("scan training", "Anti-phishing training"),  # no name has both: the longer one counts
        ("isolaet phsihing", "Isolate endpoint"),  # nor these: the one that fewer names have
    ],
)
def test_typos(index: TextIndex, typed: str, meant: str) -> None:
    """A mistyped word still finds the name that was meant, and puts it first or among the first."""
    positions, total = index.search(typed, 99)
    assert meant in [NAMES[position] for position in positions][:2]
    assert total == len(positions)


@pytest.mark.parametrize("query", ["xylophone", "zz", "q", "isolate quux wibble", "99999"])
def test_nonsense_finds_nothing(index: TextIndex, query: str) -> None:
    """What is like nothing finds nothing, rather than everything a little."""
    assert index.search(query, 99) == ([], 0)


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_an_empty_query_lists_everything(index: TextIndex, query: str) -> None:
    """A query with nothing in it lists everything, in the order of adding."""
    assert index.search(query, 3) == ([0, 1, 2], len(NAMES))


@pytest.mark.parametrize(
    "query", ["—!", "-", " \N{FIRE} ", "\N{POLICE CARS REVOLVING LIGHT}", "\N{COMBINING ACUTE ACCENT}"]
)
def test_a_query_without_letters_finds_nothing(index: TextIndex, query: str) -> None:
    """Punctuation or an emoji alone finds nothing, rather than everything."""
    assert index.search(query, 3) == ([], 0)


def test_fewer_typos_come_first() -> None:
    """Among mistyped matches those with fewer edits come first."""
    index = index_of(["Case retention", "Case detection"])
    assert index.search("detecton", 9)[0] == [1]
    assert index_of(["Closet", "Closer", "Close case"]).search("clsoe", 9)[0][0] == 2


def test_among_equal_typos_a_name_comes_before_a_tag() -> None:
    """Whoever mistypes a name finds it above what is only tagged with it, and above more typos."""
    index = TextIndex()
    for name, tag in (("Suspicious inbox rule", "phishing"), ("Triage phishing", "mail"), ("Fishing", "phishing")):
        index.add(name, [tag])
    assert index.search("phsihing", 9) == ([1, 0, 2], 3)
    assert index.search("mial", 9) == ([1], 1)


def test_the_limit_hides_no_better_match() -> None:
    """However many names match, the whole name comes first, and the number of all matches is told."""
    index = index_of([f"Alert {number}" for number in range(200)] + ["On alert", "Alert"])
    positions, total = index.search("alert", 5)
    assert positions[0] == 201
    assert len(positions) == 5
    assert total == 202
    assert index.search("on", 1) == ([200], 1)


def test_further_words_and_numbers_are_found() -> None:
    """Tags and ids are searched as well."""
    index = TextIndex()
    index.add("Triage", ["Severity: high"], 12345)
    assert len(index) == 1
    assert [index.search(query, 9)[0] for query in ("severity high", "sevreity", "12345", "triage 123")] == [[0]] * 4


@given(st.lists(st.text(max_size=20), max_size=20), st.text(max_size=20), st.integers(1, 5))
def test_any_query_over_any_names(names: list[str], query: str, limit: int) -> None:
    """Whatever names and query are, results are distinct, within the limit and counted."""
    positions, total = index_of(names).search(query, limit)
    assert len(set(positions)) == len(positions) == min(limit, total)
    assert all(0 <= position < len(names) for position in positions)


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12), min_size=1, max_size=12))
def test_every_name_finds_itself(names: list[str]) -> None:
    """Typing a name in full finds it, or another one that folds to the same, at the very top."""
    index = index_of(names)
    for name in names:
        found = [words(names[position]) for position in index.search(name, 99)[0]]
        assert found[:1] == ([words(name)] if words(name) else [])  # a lone mark folds to nothing


def test_swapped_letters_anywhere_in_many_names() -> None:
    """In a large catalogue any two neighbouring letters of a long word can be swapped."""
    rng = random.Random(3)  # noqa: S311 (the same examples in every run)
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ["".join(rng.choices(letters, k=10)) for _ in range(2_000)]
    index = index_of(names)
    for meant in rng.sample(range(2_000), 40):
        name = names[meant]
        at = rng.randrange(9)
        typed = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        assert index.search(typed, 9)[0][0] == meant


def test_folding() -> None:
    """Case, accents and compatible forms make no difference."""
    assert fold("Ärger \uff21\uff22 straße") == "arger ab strasse"


def test_keys_of_tags() -> None:
    """A tag's key is short, the same in every process, and another one for another tag."""
    assert tag_key("p1") == "f64551fcd6f07823cb87" == tag_key("p1")
    assert len(tag_key("x" * 500)) <= 40
    assert tag_key("p1") != tag_key("P1")


@pytest.mark.parametrize("held", [0, 1, 299, 300, 301, 1000])
def test_a_word_is_found_in_few_and_in_many_names(held: int) -> None:
    """Every name that holds what was typed counts, once, in order, whether few or most names hold it."""
    index = TextIndex()
    for number in range(1000):
        index.add("rotate rotate keys" if number < held else "block sender")
    assert index.search("rotat", 1000) == (list(range(held)), held)
    assert index.search("ende", 1000) == (list(range(held, 1000)), 1000 - held)


def looked_through(names: list[str], tags: list[list[str]], query: str) -> list[int]:
    """Return what holds every word of a query, best first, found by looking at one name after the other."""
    tokens = words(query)
    phrase = f" {' '.join(tokens)}"

    def rank(position: int) -> int:
        name = f" {' '.join(words(names[position]))}"
        text = f"{name}\n {' '.join(word for tag in tags[position] for word in words(tag))}"
        better = (name == phrase, name.startswith(phrase), phrase in text, all(f" {token}" in text for token in tokens))
        return [*better, all(token in text for token in tokens), True].index(True)

    ranks = {position: rank(position) for position in range(len(names))}
    return sorted((position for position, its in ranks.items() if its < 5), key=lambda position: ranks[position])


_FEW_WORDS = st.lists(st.text("abc", min_size=1, max_size=5), max_size=4).map(" ".join)


@example([("b a", []), ("c a b", [])], "a b")  # words in a row come before the same words apart
@given(st.lists(st.tuples(_FEW_WORDS, st.lists(_FEW_WORDS, max_size=2)), max_size=12), _FEW_WORDS.filter(bool))
def test_it_finds_what_looking_at_every_name_finds(rows: list[tuple[str, list[str]]], query: str) -> None:
    """Runs of letters and sets of positions are only a quicker way to the same matches in the same order."""
    names, tags = [name for name, _ in rows], [tag for _, tag in rows]
    index = TextIndex()
    for name, more in rows:
        index.add(name, more)
    expected = looked_through(names, tags, query)
    if expected:  # else typos are forgiven
        assert index.search(query, 99) == (expected, len(expected))
        assert index.search(query, 1) == (expected[:1], len(expected))


@pytest.mark.parametrize("limit", [1, 9, 99])
def test_in_very_many_names_it_finds_the_same(limit: int) -> None:
    """So it is where words stand in most names, where names begin alike, and where each has a word of its own."""
    rng = random.Random(5)  # noqa: S311 (the same examples in every run)
    common = ["alert", "alerts", "triage", "rotate", "rot", "a", "tri"]
    names = [" ".join([*rng.choices(common, k=rng.randint(1, 3)), f"{number:x}"]) for number in range(6_000)]
    tags = [rng.choices(["prod", "rotate all"], k=number % 2) for number in range(6_000)]
    index = TextIndex()
    for name, more in zip(names, tags, strict=True):
        index.add(name, more)
    for query in (
        "a",
        "al",
        "ale",
        "aler",
        "alert a",
        "rotate all",
        "1f",
        "1f3",
        "tri 1",
        "lert ota",
        "triage rot 7",
        names[9],
    ):
        expected = looked_through(names, tags, query)
        assert index.search(query, limit) == (expected[:limit], len(expected))
