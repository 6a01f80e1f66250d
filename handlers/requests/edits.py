"""What an edit of a request changed, in sentences: stories that came or went, and every other field before and after."""

from collections.abc import Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from handlers.models import Request, Story, Team

_NAMED: Final = 5  # stories by name in a sentence
_LONGEST: Final = 60  # characters of a value
_LABELS: Final[Mapping[str, str]] = MappingProxyType({"mode": "Sync mode", "keep_stories": "Keep the copies"})


def edit_changes(before: Request, after: Request) -> list[str]:
    """Return what is different, in the order of the form; empty when nothing is."""
    return [*_params(before, after), *_reason(before, after)]


def _reason(before: Request, after: Request) -> Iterator[str]:
    if before.reason != after.reason:
        yield f"Reason: “{_short(before.reason)}” → “{_short(after.reason)}”"


def _params(before: Request, after: Request) -> Iterator[str]:
    for name in type(after.params).model_fields:
        then, now = getattr(before.params, name, None), getattr(after.params, name)
        if then == now:
            continue
        if isinstance(now, tuple):
            yield from _stories(_only_stories(then), _only_stories(now))
        elif isinstance(now, Team | Enum | str | bool | int):
            label = _LABELS.get(name) or name.replace("_", " ").capitalize()
            yield f"{label}: {_value(then)} → {_value(now)}"


def _only_stories(value: object) -> tuple[Story, ...]:
    return tuple(each for each in value if isinstance(each, Story)) if isinstance(value, tuple) else ()


def _stories(then: tuple[Story, ...], now: tuple[Story, ...]) -> Iterator[str]:
    was, becomes = {story.id for story in then}, {story.id for story in now}
    added = [story.name for story in now if story.id not in was]
    removed = [story.name for story in then if story.id not in becomes]
    for word, names in (("Added", added), ("Removed", removed)):
        if names:
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            yield f"{word}: {', '.join(_short(name) for name in names[:_NAMED])}{more}"


def _value(value: object) -> str:
    match value:
        case Team(name=name):
            return _short(name)
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case _:
            return _short(str(value))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"
