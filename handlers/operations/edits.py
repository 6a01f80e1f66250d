"""What an edit changed of what is asked for, in sentences: the parts that several operations say alike."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from handlers.models import Story, Team

_NAMED: Final = 5  # things by name in a sentence
_LONGEST: Final = 60  # characters of a name or value


def value_edited(label: str, then: str, now: str) -> Iterator[str]:
    """Yield a value before and after, where it is another one."""
    if then != now:
        yield f"{label}: {short(then)} → {short(now)}"


def team_edited(label: str, then: Team, now: Team) -> Iterator[str]:
    """Yield a team before and after, where it is another one; with ids where both have the same name."""
    if then.id != now.id:
        alike = short(then.name) == short(now.name)
        was, becomes = (f"{short(each.name)}{f' #{each.id}' if alike else ''}" for each in (then, now))
        yield f"{label}: {was} → {becomes}"


def stories_edited(
    then: Iterable[Story], now: Iterable[Story], added: str = "Added", removed: str = "Removed"
) -> Iterator[str]:
    """Yield which stories came and which went, by name; `added` and `removed` are the words before them."""
    was, becomes = ({story.id: story.name for story in stories} for stories in (then, now))
    yield from things_edited(was, becomes, added, removed)


def things_edited(then: Mapping[int, str], now: Mapping[int, str], added: str, removed: str) -> Iterator[str]:
    """Yield which things came and which went, given their names by id."""
    came = [name for number, name in now.items() if number not in then]
    went = [name for number, name in then.items() if number not in now]
    for words, names in ((added, came), (removed, went)):
        if names:
            yield f"{words}: {listed(names)}"


def listed(names: Iterable[str]) -> str:
    """Return the first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - _NAMED:,} more" if len(every) > _NAMED else ""
    return f"{', '.join(map(short, every[:_NAMED]))}{more}"


def short(text: str) -> str:
    """Return a text in one line that is short enough for a sentence."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"
