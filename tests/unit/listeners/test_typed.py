import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.listeners.typed import first_word, named, nearest, words

SPACES = [chr(code) for code in range(0x3001) if chr(code).isspace()] + ["\u200b", "\u180e", "\u2800", "\u3164"]
DECORATED = [
    "freeze",
    "FREEZE",
    "Freeze",
    "“freeze”",
    "\u2018freeze\u2019",
    '"freeze"',
    "'freeze'",
    "`freeze`",
    "```freeze```",
    "*freeze*",
    "_freeze_",
    "~freeze~",
    "*_freeze_*",
    "«freeze»",
    "„freeze“",
    "(freeze)",
    "[freeze]",
    "<freeze>",
    "freeze.",
    "freeze,",
    "freeze:",
    "freeze!",
    "/freeze",
    "--freeze",
    "\u2014freeze",
    "> freeze",
    "• freeze",
    "<@U0BOT> freeze",
    "<@U0BOT|tines-sync>: freeze",
    "@tines-sync freeze",
    "<!here> <#C0GENERAL|general> freeze",
    "\u200e\u2060freeze\ufeff",
    "fre\u00adeze",
    "\uff46reeze",
]


@pytest.mark.parametrize("typed", DECORATED, ids=ascii)
def test_decoration_is_not_meant(typed: str) -> None:
    """Quotes, bold, code, brackets, mentions, full stops and what nobody sees do not change which word it is."""
    word, rest = first_word(f"{typed} dev-to-prod Incident 42")
    assert (word.casefold(), rest) == ("freeze", "dev-to-prod Incident 42")


@pytest.mark.parametrize("space", SPACES, ids=ascii)
def test_any_white_space_separates_words(space: str) -> None:
    """Whatever Unicode calls white space, and what looks like it, separates words."""
    for typed in (f"freeze{space}dev-to-prod{space}why", f"{space}freeze{space * 2}dev-to-prod{space}why{space}"):
        word, rest = first_word(typed)
        assert word == "freeze"
        assert first_word(rest)[0] == "dev-to-prod"
        assert words(typed) == ("freeze", "dev-to-prod", "why")


@pytest.mark.parametrize(
    "typed",
    [
        "dev-to-prod",
        "DEV-to-Prod",
        "“dev-to-prod”",
        "`dev-to-prod`:",
        "dev\u2013to\u2013prod",
        "dev\u2011to\u2011prod",
        "dev\u2212to\u2014prod",
        "*dev-to-prod*.",
        "<https://wiki.example/dev-to-prod|dev-to-prod>",
        "<dev-to-prod>",
        "dev-to-\u200dprod",
    ],
    ids=ascii,
)
def test_a_route_is_found_however_it_is_written(typed: str) -> None:
    """Case, quotes, long dashes and links do not hide a route."""
    assert named(first_word(typed)[0], ["dev-to-prod", "dev-to-prod-eu", "Dev_2"]) == "dev-to-prod"


def test_names_that_differ_in_case_only_are_told_apart() -> None:
    """A name that is there as it was typed is meant; where two are alike, none is guessed."""
    assert named("PROD", ["prod", "PROD"]) == "PROD"
    assert named("Prod", ["prod", "PROD"]) == "Prod"
    assert named("_prod_", ["_prod_"]) == "_prod_"
    assert named("nowhere", ["prod"]) == "nowhere"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("freze", "freeze"),
        ("frezze", "freeze"),
        ("UNFREZE", "unfreeze"),
        ("lsit", "list"),
        ("hlep", "help"),
        ("stauts", "status"),
        ("histroy", "history"),
        ("cancle", "cancel"),
        ("detinations", "destinations"),
        ("launch", None),
        ("", None),
        ("x" * 100_000, None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_typo_leads_to_the_nearest_word(typed: str, meant: str | None) -> None:
    """A word with a typo is answered with the one that is most like it; a strange one with none."""
    known = ("cancel", "destination", "destinations", "freeze", "help", "history", "list", "status", "sync", "unfreeze")
    assert nearest(typed, known) == meant


@pytest.mark.parametrize("typed", ["", " ", "\u00a0", "...", "<@U0BOT>", "“”", "\u200b", "@tines-sync", "@"], ids=ascii)
def test_nothing_is_nothing(typed: str) -> None:
    """What holds no word is like nothing typed."""
    assert first_word(typed) == ("", "")


@given(st.text())
def test_any_text_has_a_first_word_or_none(text: str) -> None:
    """Whatever is typed: no error, and a word begins and ends with a letter or digit."""
    word, rest = first_word(text)
    assert text.endswith(rest)
    if word:
        assert word[0].isalnum()
        assert word[-1].isalnum()
        assert not any(unicodedata.category(each) == "Zs" for each in word)


@pytest.mark.parametrize("part", ["!", "<@a>", "<", "<@", "“", " ", "_", "a!"])
def test_long_texts_cost_little(part: str) -> None:
    """A text of half a megabyte is read in a moment, whatever is repeated in it."""
    begun = time.process_time()
    first_word(part * (500_000 // len(part)) + "a")
    assert time.process_time() - begun < 2
