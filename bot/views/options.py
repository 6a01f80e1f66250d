"""Answers to typing in the form's search fields.

Slack shows "no result", without any error, for a list of more than 100 options: the count is kept here, over all
groups, and what does not fit is told in a last line that is not a choice.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from bot.views import ids, kit
from bot.views.text import Block, day, line, plural
from handlers.catalogue import FoundStories, TagCount
from handlers.models import MAX_STORIES, Problem, Story, StoryStatus, Team

MOST: Final = 100  # options in one answer
_MOST_TAGS: Final = 10  # so that the stories themselves stay in sight
_TAG_ROOM: Final = 48  # what a tag may take of an option's 75 characters


def team_options(teams: Sequence[Team], total: int) -> Block:
    """Return the teams that were found, best first; `total` counts those not listed as well."""
    options = [kit.option(team.name, f"{ids.VALUE_TEAM}{team.id}") for team in teams[: _room(len(teams), total, MOST)]]
    return {"options": [*options, *_more(total - len(options))]}


def story_options(found: FoundStories, query: str = "") -> Block:
    """Return the stories that were found, best first, and the whole sets that can be chosen at once.

    The sets stand above the stories once something was typed, and below them until then.

    All of the team are offered while nothing was typed, or "all". A set of more than 500 is not offered, since no
    request may be that large.
    """
    sets = [*_everything(found.everything, query), *_tagged(found.tags)]
    listed = found.items[: _room(len(found.items), found.total, MOST - len(sets))]
    singles = [*map(story_option, listed), *_more(found.total - len(listed))]
    if not sets:
        return {"options": singles}
    groups = [{"label": kit.plain("Whole sets", kit.SHORT_TEXT), "options": sets}]
    if singles:
        # while nothing is typed, Enter picks what stands first: never everything
        groups.insert(
            len(groups) if query.strip() else 0, {"label": kit.plain("Stories", kit.SHORT_TEXT), "options": singles}
        )
    return {"option_groups": groups}


def status_options(statuses: Sequence[StoryStatus], query: str = "") -> Block:
    """Return the stories of a sync destination whose name or id holds what was typed, and all of them as one choice."""
    wanted = query.strip().casefold()
    found = [each for each in statuses if wanted in each.name.casefold() or wanted == str(each.story_id)]
    if not found:
        return note_options("No story matches." if wanted else "There is no story in this sync destination.")
    every = (
        [kit.option(f"All {plural(len(statuses), 'story')} in it", ids.VALUE_ALL)]
        if not wanted and 1 < len(statuses) <= MAX_STORIES
        else []
    )
    room = _room(len(found), len(found), MOST - len(every))
    listed = [
        kit.option(each.name, f"{ids.VALUE_STORY}{each.story_id}", description=f"#{each.story_id} · {each.status}")
        for each in sorted(found, key=lambda each: (each.name.casefold(), each.story_id))[:room]
    ]
    return {"options": [*every, *listed, *_more(len(found) - len(listed))]}


def note_options(text: str) -> Block:
    """Return a line to read in place of a list: what to do first, or why there is none."""
    return {"options": [kit.option(text, ids.VALUE_MORE)]}


def problem_options(problem: Problem) -> Block:
    """Return a line to read in place of a list that Tines did not give."""
    return note_options(f"⚠️ {problem.what}")


def story_option(story: Story) -> Block:
    """Return a story as a choice, with its id, tags and last edit to tell namesakes apart."""
    edited = [f"edited {day(story.edited_at)}"] if story.edited_at else []
    return kit.option(
        story.name,
        f"{ids.VALUE_STORY}{story.id}",
        description=" · ".join([f"#{story.id}", *edited, *([", ".join(story.tags)] if story.tags else [])]),
    )


def _everything(count: int, query: str) -> Iterator[Block]:
    if 1 < count <= MAX_STORIES and "all".startswith(query.strip().lower()):
        yield kit.option(f"All {plural(count, 'story')} of this team", ids.VALUE_ALL)


def _tagged(tags: Sequence[TagCount]) -> Iterator[Block]:
    for tag in [tag for tag in tags if 1 < tag.count <= MAX_STORIES][:_MOST_TAGS]:
        text = f"All {tag.count:,} tagged “{line(tag.tag, _TAG_ROOM)}”"
        yield kit.option(text, f"{ids.VALUE_TAG}{tag.key}")


def _room(found: int, total: int, most: int) -> int:
    """Return how many can be listed, with a line kept for "more" when that will be needed."""
    return most if found <= most and total <= found else min(found, most - 1)


def _more(count: int) -> list[Block]:
    return [kit.option(f"{count:,} more: type to narrow", ids.VALUE_MORE)] if count > 0 else []
