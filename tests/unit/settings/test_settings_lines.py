import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings.faults import did_you_mean, path_text
from bot.settings.lines import Lines, syntax_line

TEXT = '''\
# a comment = 1
top.dotted = "x"
"quoted key" = """
[not.a.table]
not_a_key = 1
"""

[ tables . 'first' ]   # a comment
list = [
  "a",  # ]
  [1, 2],
]
after = { inline = 1, more = { deep = 2 } }
[tables.second]
list = 1
[[rows]]
cell = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("top", "dotted"), 2),
        (("quoted key",), 3),
        (("tables", "first"), 8),
        (("tables", "first", "list"), 9),
        (("tables", "first", "list", 1), 9),
        (("tables", "first", "after", "more", "deep"), 13),
        (("tables", "first", "missing"), 8),
        (("tables", "second", "list"), 15),
        (("rows",), 16),
        (("not_a_key",), None),
        (("elsewhere", "x"), None),
        ((), None),
    ],
)
def test_line_of_a_key(path: tuple[str | int, ...], line: int | None) -> None:
    """A key is found on its line, whatever TOML's spelling; a missing one on the line of its table."""
    assert Lines(TEXT).of(path) == line


_KEYS = st.text(alphabet="abcxyz", min_size=1, max_size=3)
_VALUES = st.sampled_from(["1", '"x"', "[\n 1,\n 2,\n]", '"""\nkey = 1\n"""', "{ a = 1 }"])
_TABLES = st.dictionaries(_KEYS, st.dictionaries(_KEYS, _VALUES, max_size=4), max_size=4)


@given(_TABLES)
def test_every_key_is_found(tables: Mapping[str, Mapping[str, str]]) -> None:
    """In any file, each key is found on the line on which it was written."""
    lines: list[str] = []
    written: dict[tuple[str, str], int] = {}
    for table, values in tables.items():
        lines += ["", f"[{table}]"]
        for key, value in values.items():
            written[table, key] = len(lines) + 1
            lines += f"{key} = {value}".split("\n")
    text = "\n".join(lines)
    tomllib.loads(text)
    found = Lines(text)
    assert {path: found.of(path) for path in written} == written


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb = = 2\n", 2), ("a = 1\nb = [1,\n", 2), ("=", 1)])
def test_line_of_a_syntax_error(text: str, line: int) -> None:
    """A syntax error is found on its line, or on the last one when something was not closed."""
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    assert syntax_line(caught.value, text) == line


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("aprovers", ["approvers", "approvals"], "approvers (did you mean that?)"),
        ("zzz", ["b", "a"], "one of: a, b"),
        ("zzz", [], "nothing here"),
    ],
)
def test_did_you_mean(word: str, known: list[str], said: str) -> None:
    """A near miss is named; otherwise all choices are."""
    assert did_you_mean(word, known) == said


def test_path_text() -> None:
    """Paths are written as people count: the first entry of a list is 1."""
    assert path_text(("routes", "up", "approvers", 0)) == "routes.up.approvers[1]"
