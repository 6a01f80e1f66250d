"""The words that people read are those of the glossary: every text of the product is scanned for others.

Scanned are the literal texts of every module of `bot` and `handlers`, those that go into the log among them; docstrings
and comments are not. The glossary is in docs/architecture.md, under "Words on screen".
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("bot", "handlers")
_NOT_SCANNED: Final = (
    "bot/playground",  # speaks as Slack, as Tines and as the people of its script do
)
_TITLE: Final = "## Words on screen"


class _Texts(ast.NodeVisitor):
    """Collects the literal texts of a module with their lines: no docstrings, and of an f-string the literal parts."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a string that stands alone is a docstring
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
        self.found.append((node.lineno, "".join(parts)))
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.found.append((node.lineno, node.value))


def _texts(source: str) -> list[tuple[int, str]]:
    """Return the texts of some words in a module; single words are names, ids and keys."""
    texts = _Texts()
    texts.visit(ast.parse(source))
    return [(line, text) for line, text in texts.found if " " in text.strip()]


def _modules(package: str) -> Iterator[Path]:
    """Yield the modules of a package whose texts are the product's own."""
    for path in sorted((_ROOT / package).rglob("*.py")):
        if not any(path.is_relative_to(_ROOT / folder) for folder in _NOT_SCANNED):
            yield path


def _glossary() -> list[tuple[str, str]]:
    """Return what is not written on screen, and what is written instead, as the glossary's second table says."""
    text = (_ROOT / "docs/architecture.md").read_text().partition(_TITLE)[2].partition("\n## ")[0]
    table = text.partition("| Not written |")[2].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table if line.startswith("|")]
    return [(avoided, instead) for avoid, instead in rows for avoided in avoid.split(", ")]


def _pattern(avoided: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(avoided)}(?![\w-])", re.IGNORECASE)


_AVOIDED: Final = tuple((_pattern(avoided), avoided, instead) for avoided, instead in _glossary())


@pytest.mark.parametrize("package", _PACKAGES)
def test_no_text_uses_a_word_outside_the_glossary(package: str) -> None:
    """No text that people read has a word or turn of phrase for which the glossary names a better one."""
    wrong = [
        f"{file.relative_to(_ROOT)}:{line}: {avoided!r} in {text[:80]!r}; write {instead}"
        for file in _modules(package)
        for line, text in _texts(file.read_text())
        for pattern, avoided, instead in _AVOIDED
        if pattern.search(text)
    ]
    assert wrong == [], "\n".join(wrong)


def test_every_module_is_scanned_but_those_of_the_playground() -> None:
    """A module is left out only where the list says so, and what the list names exists."""
    scanned = {path for package in _PACKAGES for path in _modules(package)}
    left_out = {path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py")} - scanned
    assert {path.relative_to(_ROOT).parts[:2] for path in left_out} == {("bot", "playground")}
    assert len(scanned) > 100


def test_the_scan_finds_what_it_looks_for() -> None:
    """A word outside the glossary is found in a plain text, in an f-string and in a text made of several lines."""
    source = (
        '"""ask for."""\nA = "Ask for it"\nB = f"{A} turned up"\nC = (\n    "What was "\n    "thawed"\n)\nD = "thaw"\n'
    )
    texts = [text for _, text in _texts(source)]
    assert texts == ["Ask for it", "{} turned up", "What was thawed"]
    assert [any(pattern.search(text) for pattern, _, _ in _AVOIDED) for text in texts] == [True, True, True]
    assert len(_AVOIDED) > 40


@pytest.mark.parametrize(
    "example",
    [
        "Ask for the sync",
        "What became of the stories",
        "Another one turned up over there",
        "What was approved meanwhile runs now",
        "Look again",
        "It waits for the thaw",
        "Tines takes no others",
        "This lets a frozen route go on",
        "Not possible",
        "3 things to mend",
        "Say which request",
        "Open the request anew",
        "Tell whoever runs it",
        "This button is out of date",
        "dev is asked too often",
        "dev has trouble of its own",
    ],
)
def test_words_that_people_stumbled_over_are_outside_the_glossary(example: str) -> None:
    """What was on screen before, and was found odd, is not written again."""
    assert any(pattern.search(example) for pattern, _, _ in _AVOIDED)
