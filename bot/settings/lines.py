"""On which line of a TOML file a key stands.

The standard library's parser does not tell. This finder does not parse TOML again: it cuts the text into the shortest
runs of lines that the standard parser accepts on their own, and asks that parser which keys each run sets.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Final

_SYNTAX_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")


class Lines:
    """Finds lines in one text, which must be valid TOML."""

    def __init__(self, text: str) -> None:
        self._lines = _index(text.splitlines())

    def of(self, path: Sequence[str | int]) -> int | None:
        """Return the 1-based line of a key, or of the nearest table above it; None for an unknown table."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(tuple(path[:length]))
            if line is not None:
                return line
        return None


def syntax_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    """Return the 1-based line of a syntax error; the last one when the parser hit the end."""
    match = _SYNTAX_LINE.search(str(error))
    return int(match[1]) if match else max(1, len(text.splitlines()))


def _index(lines: Sequence[str]) -> dict[tuple[str | int, ...], int]:
    found: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    start = 0
    for end in range(1, len(lines) + 1):
        try:
            keys = tomllib.loads("\n".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a list or text over several lines
        is_header = lines[start].lstrip().startswith("[")
        if is_header:
            table = ()
        paths = _paths(keys, table)
        if is_header:
            table = max(paths, key=len, default=())
        for path in paths:
            found.setdefault(path, start + 1)
        start = end
    return found


def _paths(value: object, above: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    if not isinstance(value, Mapping):
        return []
    paths = []
    for key, inner in value.items():
        paths.append((*above, key))
        paths.extend(_paths(inner, (*above, key)))
    return paths
