"""Requests of Slack, changed in ways that no Slack would: parts gone, of another type, endless, foreign or cut off."""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from hypothesis import strategies as st

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


class Packed(dict[str, Any]):
    """An object that travels as JSON text within the JSON, such as what a button carries."""


class Change(NamedTuple):
    """One change; `place` counts through everything in a payload and begins again at its end."""

    place: int
    how: str
    value: Any


def _nested(depth: int, key: str | None = None) -> Any:  # noqa: ANN401 - lists or objects
    value: Any = "x"
    for _ in range(depth):
        value = [value] if key is None else {key: value}
    return value


HOSTILE: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\u202eevil\u202c",
    "<!channel> <@U0ADA> <https://evil.example|click>",
    "&lt;!here&gt;",
    "x" * 10_000,
    "é" * 150_000,
    "'; DROP TABLE requests; --",
    "TS-00000000",
    "ts-zzzzzzzz",
    "../../etc/passwd",
    "http://127.0.0.1:1/",
    "http://[",
    "{{}}{0}%s%n",
    "{",
    "[]",
    '{"request":"TS-00000000","revision":1}',
    '{"page":99999}',
    "team:999999999999999999",
    "story:1",
    [],
    {},
    [None],
    [[]],
    {"id": []},
    {"id": "U0ADA"},
    {"": {"": {"": ""}}},
    _nested(300),
    _nested(200, "message"),
    _nested(200, "view"),
    list(range(5_000)),
    {str(number): number for number in range(5_000)},
)


class Nth(NamedTuple):
    """One of `HOSTILE` by its number: a report of a failure need not print 300,000 characters."""

    number: int


values: Final = st.one_of(
    st.builds(Nth, st.integers(0, len(HOSTILE) - 1)),
    st.text(max_size=20),
    st.integers(),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
)
changes: Final = st.lists(
    st.builds(
        Change,
        place=st.integers(0, 5_000),
        how=st.sampled_from(("drop", "replace", "replace", "wrap", "add", "cut", "copy")),
        value=values,
    ),
    min_size=1,
    max_size=4,
)


def changed(payload: dict[str, Any], changes: list[Change]) -> dict[str, Any]:
    """Return the payload with the changes made, one after the other."""
    unpacked: dict[str, Any] = _unpack(payload)
    for change in changes:
        _make(unpacked, change)
    packed: dict[str, Any] = _pack(unpacked)
    return packed


def encoded(payload: dict[str, Any]) -> tuple[str, str]:
    """Return a payload's body and content type, as Slack sends its kind."""
    if "command" in payload:
        texts = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in payload.items()
            if isinstance(key, str)
        }
        return urlencode(texts, errors="replace"), FORM
    if payload.get("type") in ("event_callback", "url_verification"):
        return json.dumps(payload), JSON
    return urlencode({"payload": json.dumps(payload)}), FORM


def _make(payload: dict[str, Any], change: Change) -> None:
    places = list(_places(payload))
    if not places:
        return
    inside, key = places[change.place % len(places)]
    # a copy, since the next change may be made inside of it
    value = copy.deepcopy(HOSTILE[change.value.number] if isinstance(change.value, Nth) else change.value)
    match change.how:
        case "drop":
            del inside[key]
        case "replace":
            inside[key] = value
        case "wrap":
            inside[key] = [inside[key]] if change.place % 2 else {"id": inside[key]}
        case "add" if isinstance(inside, dict):
            inside[str(value)[:50]] = value
        case "cut" if isinstance(inside[key], str):
            inside[key] = inside[key][: len(inside[key]) // 2]
        case "copy":
            other, name = places[(change.place * 7 + 3) % len(places)]
            inside[key] = json.loads(json.dumps(other[name]))
        case _:
            inside[key] = value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - walks whatever JSON holds
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _unpack(value: Any) -> Any:  # noqa: ANN401 - walks whatever JSON holds
    if isinstance(value, dict):
        return {key: _unpack(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unpack(inner) for inner in value]
    if isinstance(value, str) and value.startswith('{"'):
        return Packed(json.loads(value))
    return value


def _pack(value: Any) -> Any:  # noqa: ANN401 - walks whatever JSON holds
    if isinstance(value, Packed):
        return json.dumps({key: _pack(inner) for key, inner in value.items()})
    if isinstance(value, dict):
        return {key: _pack(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_pack(inner) for inner in value]
    return value
