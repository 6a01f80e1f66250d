"""All stories of a request in a view, up to 500, within Slack's 100 blocks and 250 kB.

Names of 10,000 characters or made of emoji must not make Slack refuse the review: then nobody could decide. So the
list is built at the highest level of detail that fits, and every level shows every story with its id.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from bot.views import kit
from bot.views.text import Block, date_element, line, plural, size, utc
from handlers.models import Story

_BYTES: Final = 190_000  # of a view's 250,000
_BLOCKS: Final = 60  # of a view's 100
_BLOCK_SIZE: Final = 2800  # text in one block, as for a section
_BLOCK_LINES: Final = 50
_DATE_SIZE: Final = 40  # about what a date takes once it is drawn


class _Level(NamedTuple):
    name: int  # characters of a name
    tags: int  # characters of all tags of a story; 0: only how many
    local: bool  # times in the reader's time zone, which take more bytes


_LEVELS: Final = (
    _Level(name=150, tags=80, local=True),
    _Level(name=75, tags=40, local=True),
    _Level(name=60, tags=0, local=False),
    _Level(name=30, tags=0, local=False),
)


def story_blocks(stories: Sequence[Story], title: str) -> list[Block]:
    """Return a title of our own words with the number of stories, and every story with id, tags and last edit."""
    found: list[Block] = []
    for level in _LEVELS:
        found = list(_blocks(stories, level))
        if len(found) <= _BLOCKS and len(json.dumps(found)) <= _BYTES:
            break
    return [kit.rich(kit.para(kit.bold(title), f"  {plural(len(stories), 'story')}")), *found]


def _blocks(stories: Sequence[Story], level: _Level) -> Iterator[Block]:
    lines: list[list[kit.Part]] = []
    room = _BLOCK_SIZE
    for story in stories:
        parts = _line(story, level)
        needed = sum(
            size(part) if isinstance(part, str) else size(part.get("text", "")) or _DATE_SIZE for part in parts
        )
        if lines and (needed > room or len(lines) == _BLOCK_LINES):
            yield kit.rich(kit.bullets(lines))
            lines, room = [], _BLOCK_SIZE
        lines.append(parts)
        room -= needed
    if lines:
        yield kit.rich(kit.bullets(lines))


def _line(story: Story, level: _Level) -> list[kit.Part]:
    rest = f"  #{story.id}"
    if story.tags:
        rest += (
            f" · {line(', '.join(story.tags), level.tags)}" if level.tags else f" · {plural(len(story.tags), 'tag')}"
        )
    if story.edited_at is None:
        return [kit.name(story.name, level.name), rest]
    if level.local:
        return [kit.name(story.name, level.name), f"{rest} · edited ", date_element(story.edited_at)]
    return [kit.name(story.name, level.name), f"{rest} · edited {utc(story.edited_at)}"]
