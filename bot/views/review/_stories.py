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

_BLOCKS: Final = 60  # of a view's 100
_BLOCK_SIZE: Final = 2800  # text in one block, as for a section
_BLOCK_LINES: Final = 50
_DATE_SIZE: Final = 40  # about what a date takes once it is drawn


class _Level(NamedTuple):
    name: int  # characters of a name
    tags: int  # characters of all tags of a story; 0: only how many
    local: bool  # times in the reader's time zone, which take more bytes
    plain: bool = False  # as bare lines of text, which take the fewest


_LEVELS: Final = (
    _Level(name=150, tags=80, local=True),
    _Level(name=75, tags=40, local=True),
    _Level(name=50, tags=0, local=False),
    _Level(name=50, tags=0, local=False, plain=True),
    _Level(name=25, tags=0, local=False, plain=True),
)


def view_size(blocks: Sequence[Block]) -> int:
    """Return the size of blocks in bytes of compact JSON with escapes, the largest form in which Slack may count."""
    return len(json.dumps(blocks, separators=(",", ":")))


def story_blocks(stories: Sequence[Story], title: str, room: int) -> list[Block]:
    """Return every story with id, tags and last edit, below a title of our own words with their number.

    `room` is how many bytes the list may take, as `view_size` counts them.
    """
    found: list[Block] = []
    for level in _LEVELS:
        found = list(_blocks(stories, level))
        if len(found) <= _BLOCKS and view_size(found) <= room:
            break
    return [kit.rich(kit.para(kit.bold(title), f": {plural(len(stories), 'story')}")), *found]


def _blocks(stories: Sequence[Story], level: _Level) -> Iterator[Block]:
    lines: list[list[kit.Part]] = []
    room = _BLOCK_SIZE
    for story in stories:
        parts = _line(story, level)
        needed = sum(_part_size(part) for part in parts)
        if lines and (needed > room or len(lines) == _BLOCK_LINES):
            yield _block(lines, level)
            lines, room = [], _BLOCK_SIZE
        lines.append(parts)
        room -= needed
    if lines:
        yield _block(lines, level)


def _block(lines: Sequence[Sequence[kit.Part]], level: _Level) -> Block:
    if level.plain:
        texts = ("".join(part if isinstance(part, str) else part["text"] for part in parts) for parts in lines)
        return kit.rich(kit.preformatted("\n".join(texts)))
    return kit.rich(kit.bullets(lines))


def _part_size(part: kit.Part) -> int:
    return size(part) if isinstance(part, str) else size(part["text"]) if "text" in part else _DATE_SIZE


def _line(story: Story, level: _Level) -> list[kit.Part]:
    rest = f" #{story.id}"
    if story.tags:
        rest += (
            f" · {line(', '.join(story.tags), level.tags)}" if level.tags else f" · {plural(len(story.tags), 'tag')}"
        )
    if story.edited_at is None:
        return [kit.name(story.name, level.name), rest]
    if level.local:
        return [kit.name(story.name, level.name), f"{rest} · edited ", date_element(story.edited_at)]
    return [kit.name(story.name, level.name), f"{rest} · edited {utc(story.edited_at)}"]
