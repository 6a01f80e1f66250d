"""Stories and their statuses, as every operation on stories shows them: lists of names, all stories of a review, totals.

Names of 10,000 characters or made of emoji must not make Slack refuse the review: then nobody could decide. So the
list is built at the highest level of detail that fits within 100 blocks and 250 kB, and every level shows every story
with its id. And no word claims more than the statuses say: "synced" is said of stories that Tines calls synced.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from bot.views import kit, tines_links
from bot.views.states import general_words
from bot.views.text import Block, date_element, line, plural, size, utc
from handlers.comparison import explain
from handlers.models import Request, State, Story, StoryStatus, Team
from handlers.preflight import SourceFacts

NAMES_SHOWN: Final = 10  # story names in a message; the review shows all

_GAPS: Final = 5  # things to add that are named
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


def story_blocks(
    stories: Sequence[Story], title: str, room: int, origin: str, remarks: Mapping[int, str] | None = None
) -> list[Block]:
    """Return every story with id, tags and last edit, below a title of our own words with their number.

    `room` is how many bytes the list may take, as `kit.json_size` counts them; `origin` is the source tenant's address.
    `remarks`: a few words on each story.
    """
    found: list[Block] = []
    for level in _LEVELS:
        found = list(_blocks(stories, origin, level, remarks or {}))
        if len(found) <= _BLOCKS and kit.json_size(found) <= room:
            break
    return [kit.rich(kit.para(kit.bold(title), f": {plural(len(stories), 'story')}")), *found]


def _blocks(stories: Sequence[Story], origin: str, level: _Level, remarks: Mapping[int, str]) -> Iterator[Block]:
    lines: list[list[kit.Part]] = []
    room = _BLOCK_SIZE
    for story in stories:
        parts = _line(story, origin, level, remarks.get(story.id, ""))
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


def _line(story: Story, origin: str, level: _Level, remark: str) -> list[kit.Part]:
    name = tines_links.to_story(origin, story.id, story.name, level.name)
    rest = f" #{story.id}" + (f" · {remark}" if remark else "")
    if story.tags:
        rest += (
            f" · {line(', '.join(story.tags), level.tags)}" if level.tags else f" · {plural(len(story.tags), 'tag')}"
        )
    if story.edited_at is None:
        return [name, rest]
    if level.local:
        return [name, f"{rest} · edited ", date_element(story.edited_at)]
    return [name, f"{rest} · edited {utc(story.edited_at)}"]


def names(stories: Sequence[Story], origin: str, shown: int = NAMES_SHOWN, *, limit: int = 150) -> Block:
    """Return the first names as a list, then "and n more"; `origin` is the source tenant's address."""
    lines: list[Sequence[kit.Part]] = [
        [tines_links.to_story(origin, story.id, story.name, limit, is_bold=False)] for story in stories[:shown]
    ]
    if len(stories) > shown:
        lines.append([f"and {len(stories) - shown:,} more"])
    return kit.bullets(lines)


def named(stories: Sequence[Story]) -> str:
    """Return "High-Priority Alerts and 2 more stories": what tells a request from others for the same teams."""
    if not stories:
        return "no story"
    more = f" and {plural(len(stories) - 1, 'more story', 'more stories')}" if len(stories) > 1 else ""
    return f"{line(stories[0].name, 60)}{more}"


def repair_steps(request: Request, rows: Sequence[StoryStatus], team: Team) -> Iterator[str]:
    """Yield what to do where stories failed, as sentences: what is missing, in which team of which tenant.

    `team` is the destination's.
    """
    failed = [row for row in rows if row.failed]
    gaps = request.facts.gaps if isinstance(request.facts, SourceFacts) else None
    explained = {row.story_id: explain(row.error or "", gaps, row.name) if gaps else () for row in failed}
    where, then = f"{line(team.name, 80)} on {line(request.destination, 60)}", "then choose Sync failed stories again"
    for gap in list(dict.fromkeys(gap for found in explained.values() for gap in found))[:_GAPS]:
        thing = f"{gap.reference.kind.words} {line(gap.reference.slug, 80)}"
        what = f"Share {thing} with" if gap.not_shared else f"Add {thing} to"
        yield f"{what} {where}, {then}."
    if not all(explained.values()):
        yield f"Fix the errors that Tines reports for {where}, {then}."


# What syncs came to


class Counted(NamedTuple):
    """How many stories have which status."""

    synced: int
    failed: int
    needs_sync: int
    other: int  # a status that a newer Tines made up

    @property
    def all(self) -> int:
        """How many stories there are."""
        return sum(self)


def counted(statuses: Sequence[StoryStatus]) -> Counted:
    """Count statuses."""
    synced = sum(status.synced for status in statuses)
    failed = sum(status.failed for status in statuses)
    needs_sync = sum(status.needs_sync for status in statuses)
    return Counted(synced, failed, needs_sync, len(statuses) - synced - failed - needs_sync)


def _numbers(count: Counted) -> str:
    """Return "10 synced, 1 failed, 1 needs a sync", without what there is none of."""
    words = (
        (count.synced, "synced"),
        (count.failed, "failed"),
        (count.needs_sync, "needs a sync" if count.needs_sync == 1 else "need a sync"),
        (count.other, "with another status"),
    )
    return ", ".join(f"{number:,} {word}" for number, word in words if number)


def sync_totals(statuses: Sequence[StoryStatus]) -> str:
    """Return "12 stories: 10 synced, 1 failed, 1 needs a sync" in our own words."""
    return f"{plural(len(statuses), 'story')}: {_numbers(counted(statuses))}"


def sync_state_words(request: Request, statuses: Sequence[StoryStatus], *, running: str, made: str = "created") -> str:
    """Return where a request stands that syncs stories.

    `running` are the words for while the call is under way, `made` for what was done besides syncing.
    """
    count = counted(statuses)
    if request.state is State.RUNNING:
        return running
    if request.state is State.SUCCEEDED and count.synced == count.all > 0:
        return "synced"
    if request.state is State.SUCCEEDED and not count.synced:
        return f"{made}, nothing synced yet"
    if request.state is State.SUCCEEDED:
        return _partly(count)
    if request.state is State.PARTIAL:
        return _partly(count)
    return "syncing" if request.state is State.FOLLOWING else general_words(request.state)


def _partly(count: Counted) -> str:
    if not count.synced:
        return f"ended with {_numbers(count)}" if count.all else "ended without any story's status"
    if count.failed:
        return f"partly synced: {count.failed:,} of {plural(count.all, 'story')} failed"
    return f"partly synced: {count.synced:,} of {plural(count.all, 'story')} synced"


def sync_headline(request: Request, statuses: Sequence[StoryStatus], *, running: str, made: str) -> str:
    """Return the first line above the statuses. `made` is what was done: "Created", "Added the stories to"."""
    count = counted(statuses)
    there = f"{made} sync destination {request.destination_id}."
    match request.state:
        case State.RUNNING:
            return running
        case State.FOLLOWING:
            return f"{there} Tines is syncing its stories."
        case State.UNCERTAIN:
            return "It is unclear whether Tines applied the change."
        case State.FAILED if request.closed_by:
            return "The request was closed. It is unclear whether Tines applied the change."
        case State.FAILED if request.destination_id is None:
            return "No sync destination was created."
        case State.SUCCEEDED | State.PARTIAL | State.FAILED if request.destination_id is not None:
            if request.state is State.SUCCEEDED and not count.synced:
                return f"{there} Nothing is synced until someone starts a sync."
            return f"{there} {plural(count.all, 'story').capitalize()}: {_numbers(count)}."
        case _:
            return f"The request is {sync_state_words(request, statuses, running=running)}."
