"""Text from outside is shown as text: escaped, on its line, within its length, and never blank."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views import fallback_text, kit
from bot.views.text import clip, code, escape, inert, is_user_id, line, mention, plural, size, tidy, utc, when

anything = st.text(st.characters(exclude_categories=()), max_size=300)


@given(anything)
def test_escaped_text_is_never_live(text: str) -> None:
    """Escaped text has no angle bracket, and no ampersand that is not an entity's."""
    escaped = escape(text)
    assert "<" not in escaped
    assert ">" not in escaped
    bare = escaped.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert "&" not in bare


@given(anything)
def test_escaping_loses_nothing(text: str) -> None:
    """Undoing the entities gives the tidied text back, with what was an entity in it before still one."""
    assert escape(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == tidy(text)


@given(anything, st.integers(min_value=1, max_value=400))
def test_clipped_text_fits(text: str, limit: int) -> None:
    """Clipped text is within the limit in UTF-16 units, can be sent, and starts as the text."""
    clipped = clip(tidy(text), limit)
    assert size(clipped) <= limit
    assert clipped.encode().decode() == clipped
    assert tidy(text).startswith(clipped.removesuffix("…"))


@given(anything, st.integers(min_value=10, max_value=150))
def test_a_line_is_one_line_and_not_blank(text: str, limit: int) -> None:
    """A name becomes one line of visible text, whatever it was made of."""
    shown = line(text, limit)
    assert 0 < size(shown) <= max(limit, len("(no name)"))
    assert "\n" not in shown
    assert shown.strip()


def test_text_within_the_limit_stays_as_it_is() -> None:
    """Nothing is cut that fits to the last unit, and emoji are not cut in two."""
    assert clip("abcde", 5) == "abcde"
    assert clip("abcdef", 5) == "abcd…"
    assert clip("ab🚨cd", 6) == "ab🚨cd"
    assert clip("ab🚨cde", 4) == "ab…"
    assert clip("👩‍👩‍👧‍👦", 4) == "👩…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a�b"),
        ("\u202eevil", "�evil"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("tab\tstays", "tab\tstays"),
        ("\ud83d", "�"),
        ("👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"),
        ("שלום", "שלום"),
    ],
)
def test_what_is_hidden_is_made_visible(text: str, shown: str) -> None:
    """Controls, direction overrides and halves of characters become a visible sign; honest text stays."""
    assert tidy(text) == shown


def test_times_are_shown_in_the_readers_own_zone() -> None:
    """A time is a date token with the same instant in UTC as its fallback, whatever zone it came in."""
    at = datetime(2026, 10, 1, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    assert when(at) == "<!date^1790857800^{date_short_pretty} at {time}|2026-10-01 12:30 UTC>"
    assert utc(at) == utc(at.astimezone(UTC))


@pytest.mark.parametrize("text", ["U1 <!channel>", "u0ada", "S0GROUP", "!channel", "", "U0ADA\n", "U0ADA>"])
def test_only_a_user_id_becomes_a_mention(text: str) -> None:
    """A mention is made of what has the shape of a user id, and of nothing else."""
    assert not is_user_id(text)
    assert "<" not in mention(text)
    assert kit.user(text)["type"] == "text"
    assert mention("U0ADA") == "<@U0ADA>"
    assert kit.user("W0ADA") == {"type": "user", "user_id": "W0ADA"}


def test_counts_are_said_in_the_right_number() -> None:
    """Numbers and nouns agree, and large numbers are readable."""
    assert [plural(n, "story") for n in (0, 1, 2, 1200)] == ["0 stories", "1 story", "2 stories", "1,200 stories"]
    assert plural(2, "approval") == "2 approvals"
    assert plural(3, "person", "people") == "3 people"


def test_code_cannot_be_left() -> None:
    """A backtick in code does not end it, and nothing in it is live."""
    assert code("a`b<@U1>").count("`") == 2
    assert "<" not in code("a`b<@U1>")


@given(st.lists(anything, min_size=1, max_size=8))
def test_text_in_place_of_blocks_says_the_same(texts: list[str]) -> None:
    """When blocks are refused, every word of them goes out as text, in messages that each fit."""
    blocks = [
        kit.rich(kit.para(kit.words(text)), kit.quote(text, 3000), kit.bullets([[kit.name(text)]])) for text in texts
    ]
    messages = fallback_text.plain_only(fallback_text.message(*blocks))
    whole = "".join(message.text for message in messages).replace("\n", "").replace(" ", "").replace(">", "")
    assert all(0 < size(message.text) < 4000 and not message.blocks for message in messages)
    for text in texts:
        for said in (kit.words(text)["text"], kit.name(text)["text"]):
            assert "".join(inert(said).split("\n")).replace(" ", "").replace(">", "") in whole


def test_a_long_content_spreads_over_messages_without_loss() -> None:
    """Text of 20,000 characters goes out whole, cut between words and never inside an entity."""
    long = " ".join(f"<word{n}&more>" for n in range(1000))
    messages = fallback_text.plain_only(fallback_text.message(*[kit.rich(kit.para({"type": "text", "text": long}))]))
    assert len(messages) > 4
    assert " ".join(message.text.replace("\n", " ") for message in messages) == escape(long)


def test_without_buttons_one_is_told_what_to_type() -> None:
    """A message whose buttons cannot be shown says which command does the same."""
    button = kit.button("Review", "review_open", '{"request":"TS-ABCD1234"}', says="Review it")
    message = fallback_text.message(kit.section("Please look."), kit.actions(button))
    assert (
        fallback_text.plain_only(message)[0].text == "Please look.\nTo act on it, type /tines-sync status TS-ABCD1234"
    )
