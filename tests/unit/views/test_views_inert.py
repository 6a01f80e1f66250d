import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views import kit
from bot.views.fallback_text import message, plain_only
from bot.views.text import inert, tidy

LIVE = [
    "https://evil.example/x",
    "evil.example",
    "who@evil.example",
    "*loud*",
    "_slanted_",
    "~gone~",
    "`code`",
    ":tada:",
    "<!channel>",
    "<https://evil.example|here>",
]


@pytest.mark.parametrize("text", LIVE)
def test_text_from_outside_is_still_in_fallback_text(text: str) -> None:
    """Nothing that a person or Tines wrote links, shouts or calls, neither in a notification nor where blocks are refused."""
    said = message(kit.rich(kit.para(kit.words(f"before {text} after"))))
    for shown in (said.text, *(each.text for each in plain_only(said))):
        assert text not in shown
        assert "before" in shown


@pytest.mark.parametrize("text", ["1.5 stories", "snake_case_name", "at 10:30", "a - b", "5. end"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    """What does nothing in Slack is not changed."""
    assert inert(text) == text


@given(st.text())
def test_nothing_formats_or_links(text: str) -> None:
    """Whatever the text is, none of Slack's marks are left in it."""
    shown = inert(text)
    assert not set("*~`<>") & set(shown)
    assert "://" not in shown


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u2060", "\u202e", "\u2066", "\ufeff", "\U000e0041", "\u00ad", "\u3164", "\ufe01"]
)
def test_what_nobody_would_see_is_shown(hidden: str) -> None:
    """Zero-width, direction and tag characters appear as a sign that something is there."""
    assert tidy(f"a{hidden}b") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    "text", ["👨‍👩‍👧", "❤️", "1️⃣", "می‌خواهم", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🏳️‍🌈"]
)
def test_what_belongs_to_writing_is_kept(text: str) -> None:
    """Joined emoji, the flags of nations, and scripts that need joiners are shown as they are."""
    assert tidy(text) == text
