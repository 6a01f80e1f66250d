"""Tines's own words are found in every shape of body, and are safe to show, keep and log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from handlers.tines._mask import Mask
from handlers.tines._words import MAX_WORDS, clean, words_of

SECRET = SecretStr("s3cr3t-key-value")
MASK = Mask.of([SECRET])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"errors": [{"message": "Bad team", "details": "no team 9"}]}', "Bad team: no team 9"),
        ('{"errors": [{"message": "A"}, {"message": "B", "details": null}]}', "A\nB"),
        ('{"errors": ["A", "B"]}', "A\nB"),
        ('{"errors": {"team_id": ["is unknown", "is odd"]}}', "team_id: is unknown, is odd"),
        ('{"errors": "A"}', "A"),
        ('{"errors": [], "message": "A"}', "A"),
        ('[{"message": "A", "details": "b"}, {"message": "C"}]', "A: b\nC"),
        ('{"error": "A"}', "A"),
        ('{"message": "A"}', "A"),
        ('{"detail": "A"}', "A"),
        ('{"error": {"message": "A"}}', "A"),
        ('{"message": "A", "error": "B"}', "A: B"),
        ('"A"', "A"),
        ('{"code": 7, "ok": false}', "code: 7\nok: false"),
        ("null", ""),
        ("[]", ""),
        ("{}", ""),
        ("", ""),
        ("plain words", "plain words"),
        ("{broken json", "{broken json"),
        ("<html><head><title> 504  Gateway\nTime-out</title></head><body>x</body></html>", "504 Gateway Time-out"),
        ("<p>Tines &amp; <b>you</b></p><script>alert(1)</script><style>p{}</style>", "Tines & you"),
        ("<", "<"),
        ("[" * 5_000, "…"),
    ],
)
def test_shapes(body: str, words: str) -> None:
    """Each documented or observed shape of an error body gives the words a person would read out of it."""
    found = words_of(body)
    assert found.endswith(words) if words == "…" else found == words


def test_long_words_are_clipped() -> None:
    """No more than 2,000 characters are kept, and the cut is visible."""
    found = words_of("x" * 5_000)
    assert len(found) == MAX_WORDS == 2_000
    assert found.endswith("x…")


@pytest.mark.parametrize("at", range(MAX_WORDS - 20, MAX_WORDS + 1, 5))
def test_no_half_secret_at_the_cut(at: int) -> None:
    """A secret that the clipping would cut in two is masked as a whole."""
    found = words_of("x" * at + SECRET.get_secret_value(), MASK)
    assert "s3cr" not in found


def test_secrets_are_masked_in_every_shape() -> None:
    """A key that is echoed is blotted out, in JSON, in plain text and in a page."""
    key = SECRET.get_secret_value()
    for body in (f'{{"errors": [{{"message": "bad key {key}"}}]}}', f"bad key {key}", f"<title>bad key {key}</title>"):
        assert words_of(body, MASK) == "bad key [secret]"
    hidden = '{"message": "bad key s3cr3t\\u002dkey-value"}'
    assert words_of(hidden, MASK) == "bad key [secret]"


def test_the_longer_of_two_secrets_goes_first() -> None:
    """When one key begins with another, no tail of the longer one is left."""
    both = [SecretStr("abcdef"), SecretStr("abcdef-tail")]
    assert clean("key abcdef-tail", Mask.of(both)) == "key [secret]"


def test_short_secrets_do_not_tear_words_apart() -> None:
    """A key that is too short to be one does not blot out ordinary text."""
    assert clean("the dev tenant", Mask.of([SecretStr("dev"), SecretStr("")])) == "the dev tenant"


def test_control_characters_are_taken_out() -> None:
    """What a database or a terminal would choke on is taken out; lines stay lines."""
    assert clean("a\x00b\x1b[31m\nc\td") == "a b [31m\nc\td"


@given(st.text(max_size=3_000))
def test_any_body_gives_words(body: str) -> None:
    """Whatever a body holds, words come out: short enough, without a NUL, and without an exception."""
    found = words_of(body)
    assert len(found) <= MAX_WORDS
    assert "\x00" not in found
