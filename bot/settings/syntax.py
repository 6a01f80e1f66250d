"""What is wrong with a text that is no TOML, in the words of whoever typed it.

The parser names the place at which it could not go on. What was forgotten often stands above it: a list that was left
open, a table that is there already.
"""

import re
import tomllib
from collections.abc import Sequence
from typing import Final

from bot.settings.faults import Fault
from bot.settings.lines import syntax_line

_WHERE: Final = "TOML"
_TWICE: Final = re.compile(r"Cannot declare \((.*?),?\) twice")
_CURLY: Final = re.compile("[\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb]")
_KEY: Final = re.compile(r"\s*[\w.\"'-]+\s*=")
_QUOTED: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*")
_WORD: Final = re.compile(r"\s*([\w.\"'-]+)\s*=\s*[A-Za-z_*#@]")
_YES_OR_NO: Final = re.compile(r"=\s*(?:true|false|yes|no|on|off)\b", re.IGNORECASE)
_ELSE: Final = "valid TOML: https://toml.io"


def syntax_fault(error: tomllib.TOMLDecodeError, text: str) -> Fault:
    """Say where the text cannot be read, what is wrong there and what to type."""
    lines = text.splitlines()
    line = syntax_line(error, text)
    here = lines[line - 1] if line <= len(lines) else ""
    said = str(error)
    if declared := _TWICE.search(said):
        return _twice(", ".join(declared[1].split(", ")), line, lines)
    if _CURLY.search(_QUOTED.sub("", here)):
        curly = _CURLY.findall(here)[0]
        return Fault(_WHERE, line, f"cannot be read: {curly} is a curly quote", 'straight quotes: "…"')
    if "Illegal character '\\n'" in said:
        return Fault(_WHERE, line, "cannot be read: text in quotes is not closed", 'a " at the end of the text')
    if (opened := _open_list(lines, line)) is not None:
        problem = f"cannot be read: the list that begins on line {opened} is not closed"
        return Fault(_WHERE, opened, problem, "a ] at the end of the list, and a comma between two entries")
    if "Invalid value" in said and _YES_OR_NO.search(here):
        return Fault(_WHERE, line, "cannot be read: neither true nor false", "true or false, in small letters")
    if "Invalid value" in said and (word := _WORD.match(here)):
        problem = f"cannot be read: the value of {word[1]} stands without quotes"
        return Fault(_WHERE, line, problem, f'text in quotes: {word[1]} = "…"')
    expected = "each key once in its table" if "overwrite" in said else _ELSE
    return Fault(_WHERE, line, f"cannot be read: {said[:1].lower()}{said[1:]}", expected)


def _twice(names: str, line: int, lines: Sequence[str]) -> Fault:
    """Say which table stands twice, and where it stood first."""
    name = ".".join(part.strip("'\"") for part in names.split(", "))
    header = re.compile(rf"\s*\[+\s*{re.escape(name)}[\s.\]]")
    first = next((number for number, each in enumerate(lines, 1) if header.match(each) and number != line), None)
    problem = f"cannot be read: the table [{name}] stands twice" + (f", first on line {first}" if first else "")
    return Fault(_WHERE, line, problem, f"one [{name}] with all of its keys")


def _open_list(lines: Sequence[str], line: int) -> int | None:
    """Return the line on which a list begins that is still open where the parser stopped."""
    for number in range(min(line, len(lines)), 0, -1):
        bare = _QUOTED.sub("", lines[number - 1])
        if not _KEY.match(lines[number - 1]):
            if bare.lstrip().startswith("[") and number != line:
                return None  # the header of the table in which the parser stopped
            continue
        if number == line and bare.count("[") <= bare.count("]"):
            continue  # what the parser met after the list
        between = "".join(_QUOTED.sub("", each) for each in lines[number - 1 : max(number, line - 1)])
        return number if between.count("[") > between.count("]") else None
    return None
