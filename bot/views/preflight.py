"""What approvers read before they decide: what the destination lacks, and what a sync would change there.

All names and values come from Tines. Secrets were replaced when the exports were read.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from bot.views import describe, ids, kit, tines_links
from bot.views.carried import ChangesRef, RequestRef
from bot.views.text import Block, date_element, line, plural
from handlers.comparison import ActionChange, FieldChange, Gap, Gaps, PairedBy, Status, StoryDiff, explain, words_for
from handlers.models import Assessment, Request, StoryStatus
from handlers.preflight import Report, ReportProgress, SourceFacts, StoryReport

_MANY: Final = 100  # stories of a review
_NAMED: Final = 5  # in the one line of a message
_STORIES_SHOWN: Final = 20
_REVIEW_BYTES: Final = 36_000  # of the review; most of it is the stories'
_BUTTONS: Final = 3  # more changed stories are chosen from a list
_CHANGES_SHOWN: Final = 60  # blocks of a view
_VALUE: Final = 400  # characters of a value, old or new
_FIELDS: Final = 25  # of one action
_BLOCK_TEXT: Final = 2600
_VIEW_BYTES: Final = 200_000


class _Level(NamedTuple):
    items: int  # of each list
    users: int  # stories that are named for one thing
    name: int  # characters of a name
    options: int  # stories to choose from


_LEVELS: Final = (
    _Level(items=25, users=5, name=60, options=100),
    _Level(items=12, users=3, name=40, options=100),
    _Level(items=6, users=1, name=25, options=50),
    _Level(items=4, users=1, name=20, options=25),
)


# The line or two of a message


def assessment_lines(request: Request) -> Iterator[Block]:
    """Yield what was found for the request as it asks now: a line for what is missing, and one for what would change."""
    found = request.assessment
    if found is None or found.revision != request.revision:
        return
    yield from told(found, request.destination)


def told(found: Assessment, destination: str) -> Iterator[Block]:
    """Yield what was found, as rich text."""
    if found.existing:
        yield kit.para("⚠️ ", kit.words(found.existing, 400))
    if found.missing:
        named = [part for gap in found.missing[:_NAMED] for part in (", ", kit.mono(gap, 80))][1:]
        more = f" and {len(found.missing) - _NAMED:,} more" if len(found.missing) > _NAMED else ""
        yield kit.para("🧩 ", kit.bold("Missing on "), kit.name(destination, 60), ": ", *named, f"{more}.")
    elif not found.unchecked:
        yield kit.para("🧩 Nothing that the stories need is missing on ", kit.name(destination, 60), ".")
    for sentence in found.unchecked[:3]:
        yield kit.para("⚠️ ", kit.words(sentence, 300))
    if found.totals:
        yield kit.para("🔍 ", kit.bold("Changes:"), " ", kit.words(found.totals, 400), ".")
    if found.edited:
        yield kit.para(
            "🔴 ",
            kit.bold("Overwrites changes that somebody made on "),
            kit.name(destination, 60),
            kit.bold(":"),
            " ",
            kit.words(", ".join(line(each, 60) for each in found.edited[:_NAMED]), 400),
            "." if len(found.edited) <= _NAMED else f" and {len(found.edited) - _NAMED:,} more.",
        )


def explained(request: Request, rows: Sequence[StoryStatus]) -> Iterator[Block]:
    """Yield which gap that was known before explains why stories failed."""
    facts = request.facts
    if not isinstance(facts, SourceFacts) or facts.gaps is None:
        return
    failed = [row for row in rows if row.failed and row.error]
    found = [(row, gap) for row in failed for gap in explain(row.error or "", facts.gaps, row.name)]
    for row, gap in found[:_NAMED]:
        yield kit.para(
            "🧩 ",
            describe.story(request, row.story_id, row.name, 80),
            f" failed because of something that was known: {gap.reference.kind.words} ",
            kit.mono(gap.reference.slug, 80),
            " is not shared with the team on " if gap.not_shared else " is missing on ",
            kit.name(request.destination, 60),
            ".",
        )
    if len(found) > _NAMED:
        yield kit.para(f"and {len(found) - _NAMED:,} more failures that what is missing explains")


# The review


def remarks(report: Report | None) -> Mapping[int, str]:
    """Return a few words on each story of a review: what would change, and what else is to be known.

    Of many stories only our own words on the change are shown, which are short; the rest is counted above them.
    """
    if report is None:
        return {}
    many, usual = len(report.stories) > _MANY, _usually_paired(report)
    return {each.story.id: ", ".join(_remarks(each, usual, short=many)) for each in report.stories}


def _remarks(story: StoryReport, usual: PairedBy | None, *, short: bool) -> Iterator[str]:
    if story.status is Status.UNKNOWN:
        yield "cannot be compared" if short else f"cannot be compared: {line(story.reason or '', 60)}"
    else:
        yield line(words_for(story.status, story.counts, None), 120)
    if short:
        return
    if story.paired_by not in {None, usual}:
        yield f"copy found by {story.paired_by.words}"
    yield from (line(each, 60) for each in story.remarks[:3])


def _usually_paired(report: Report) -> PairedBy | None:
    """Return how most copies were found, which is said once; None where there are none."""
    found = Counter(each.paired_by for each in report.stories if each.paired_by is not None).most_common(1)
    return found[0][0] if found else None


def review_blocks(
    request: Request,
    facts: object,
    report: Report | None,
    progress: ReportProgress | None,
    *,
    may_post_diff: bool = False,
) -> Iterator[Block]:
    """Yield what is missing on the destination, then the totals of what would change, as blocks.

    `progress` is how far the comparison is, while it goes on.
    """
    if not isinstance(facts, SourceFacts):
        return
    found: list[Block] = []
    for level in _LEVELS:
        found = list(_review_blocks(request, facts, report, progress, level))
        if kit.json_size(found) <= _REVIEW_BYTES:
            break
    yield from found
    if may_post_diff and report is not None and any(each.status is Status.CHANGED for each in report.stories):
        says = f"Post the whole diff of {request.id} into its thread"
        ref = RequestRef(request=request.id, revision=request.revision).dump()
        yield kit.actions(kit.button("Post the whole diff", ids.ACTION_POST_DIFF, ref, says=says))


def _review_blocks(
    request: Request, facts: SourceFacts, report: Report | None, progress: ReportProgress | None, level: _Level
) -> Iterator[Block]:
    if facts.gaps is not None:
        yield kit.rich(*_gaps(request, facts.gaps, report, level))
    if report is None:
        yield kit.context(_how_far(progress))
        return
    yield kit.rich(*_totals(report))
    if report.edited:
        yield kit.rich(*_edited(request, report.edited, level))
    yield from _show_buttons(request, report, level)


def _how_far(progress: ReportProgress | None) -> str:
    if progress is None:
        return "*Refresh* compares the stories with their copies."
    if not progress.of or not progress.done:
        return "⏳ Comparing with the copies…"
    return f"⏳ Comparing with the copies: {progress.done:,} of {plural(progress.of, 'story')}…"


def _gaps(request: Request, gaps: Gaps, report: Report | None, level: _Level) -> Iterator[Block]:
    destination, users = kit.name(request.destination, 60), partial(_users, request, _ids_by_name(report), level)
    if gaps.missing:
        yield kit.para("🧩 ", kit.bold(f"{plural(len(gaps.missing), 'thing')} missing on "), destination, ":")
        yield kit.bullets(_gap(each, users, level) for each in gaps.missing[: level.items])
        if len(gaps.missing) > level.items:
            yield kit.para(f"and {len(gaps.missing) - level.items:,} more")
        yield kit.para("It can be approved all the same.")
    elif not (gaps.unchecked or gaps.unread):
        yield kit.para("🧩 Nothing that the stories need is missing on ", destination, ".")
    for sentence in gaps.unchecked_because:
        yield kit.para("⚠️ ", kit.words(sentence, 300), " Check them in Tines before you approve.")
    if gaps.unread:
        yield kit.para(
            "⚠️ Could not be exported, so nobody checked what they need: ",
            *users(gaps.unread),
            ". Look at them in Tines before you approve.",
        )
    if gaps.unresolved:
        yield kit.para("❔ Known only when the story runs, so nobody can check it now:")
        yield kit.bullets(
            [kit.mono(each.text, level.name), " in ", *users(each.stories)] for each in gaps.unresolved[: level.items]
        )


def _gap(gap: Gap, users: Callable[[Sequence[str]], Iterator[kit.Part]], level: _Level) -> Sequence[kit.Part]:
    lacks = ", which is there but not shared with the team" if gap.not_shared else ""
    return (
        f"{gap.reference.kind.words.capitalize()} ",
        kit.mono(gap.reference.slug, level.name),
        f"{lacks}, used by ",
        *users(gap.stories),
    )


def _ids_by_name(report: Report | None) -> Mapping[str, int]:
    """Return the stories' ids by their names, without names that several have: of what uses a thing the names are known."""
    stories = [each.story for each in report.stories] if report is not None else []
    often = Counter(story.name for story in stories)
    return {story.name: story.id for story in stories if often[story.name] == 1}


def _users(request: Request, known: Mapping[str, int], level: _Level, stories: Sequence[str]) -> Iterator[kit.Part]:
    for number, name in enumerate(stories[: level.users]):
        if number:
            yield ", "
        yield tines_links.to_story(request.origins[0], known.get(name, 0), name, level.name, is_bold=False)
    if len(stories) > level.users:
        yield f" and {len(stories) - level.users:,} more"


def _totals(report: Report) -> Iterator[Block]:
    if report.stories:
        usual = _usually_paired(report)
        paired = "" if usual is None else f" Copies were found by {usual.words}."
        yield kit.para("🔍 ", kit.bold("What would change:"), " ", kit.words(report.totals, 400), f".{paired}")
    if len(report.stories) > _MANY:
        for words, number in Counter(each for story in report.stories for each in _counted(story)).most_common(5):
            yield kit.para(f"{plural(number, 'story')}: ", kit.words(words, 100), ".")
    for sentence in report.remarks[:5]:
        yield kit.para("⚠️ ", kit.words(sentence, 300), " Refresh tries again.")


def _counted(story: StoryReport) -> Iterator[str]:
    if story.status is Status.UNKNOWN:
        yield f"cannot be compared: {story.reason}"
    yield from story.remarks


def _edited(request: Request, stories: Sequence[StoryReport], level: _Level) -> Iterator[Block]:
    yield kit.para(
        "🔴 ",
        kit.bold("The sync would overwrite changes that somebody made on "),
        kit.name(request.destination, 60),
        kit.bold(":"),
    )
    yield kit.bullets([*_since(request, each, level)] for each in stories[: level.items])
    if len(stories) > level.items:
        yield kit.para(f"and {len(stories) - level.items:,} more")


def _since(request: Request, story: StoryReport, level: _Level) -> Iterator[kit.Part]:
    yield describe.story(request, story.story.id, story.story.name, level.name)
    if story.edited_since is not None:
        yield f" is not what {story.edited_since.request_id or 'another request'} synced, "
        yield date_element(story.edited_since.at)
        if story.edited_since.automatic:
            yield ". Tines may have synced another version by itself since"


def _show_buttons(request: Request, report: Report, level: _Level) -> Iterator[Block]:
    changed = [each for each in report.stories if each.status is Status.CHANGED]
    if not changed:
        return
    if len(changed) <= _BUTTONS:
        yield kit.actions(
            *(
                kit.button(
                    line(f"Show changes: {each.story.name}", kit.SHORT_TEXT),
                    f"{ids.ACTION_SHOW_CHANGES}:{each.story.id}",
                    _ref(request, each),
                    says=f"Show changes: {each.story.name}",
                )
                for each in changed
            )
        )
        return
    options = [kit.option(line(each.story.name, level.name), _ref(request, each)) for each in changed[: level.options]]
    yield kit.actions(
        {
            "type": "static_select",
            "action_id": ids.ACTION_PICK_CHANGES,
            "placeholder": kit.plain("Show changes…", kit.PLACEHOLDER),
            "options": options,
        }
    )


def _ref(request: Request, story: StoryReport) -> str:
    return ChangesRef(request=request.id, revision=request.revision, story=story.story.id).dump()


# The changes of one story


def changes_view(request: Request, found: StoryReport) -> Block:
    """Return the changes of one story, action by action, as much as a view holds."""
    blocks = [
        kit.rich(
            kit.para(describe.story(request, found.story.id, found.story.name)),
            kit.para(kit.words(found.words, 400), "."),
            kit.para("Old values are those on ", kit.name(request.destination, 60), "; secrets are not shown."),
        )
    ]
    size = kit.json_size(blocks)
    left = 0
    for block in _changes(found.diff):
        size += kit.json_size([block])
        if len(blocks) >= _CHANGES_SHOWN or size > _VIEW_BYTES:
            left += 1
        else:
            blocks.append(block)
    if left:
        blocks.append(kit.context("There is more than a view can hold."))
    return kit.modal(ids.VIEW_INFO, f"Changes {request.id}", blocks, close="Back")


def _changes(diff: StoryDiff | None) -> Iterator[Block]:
    """Yield what changes: old is the destination, new is the source."""
    if diff is None:
        return
    for title, names in (("Actions added", diff.added), ("Actions removed", diff.removed)):
        yield from _listed(title, [[kit.words(each, 150)] for each in names])
    yield from _listed(
        "Actions renamed", [[kit.words(old, 150), " → ", kit.words(new, 150)] for old, new in diff.renamed]
    )
    for action in diff.changed:
        yield from _action(action)
    if diff.settings:
        yield kit.rich(kit.para(kit.bold("Settings of the story")), *_fields(diff.settings))
    yield from _listed("Links added", [[kit.words(" → ".join(each), 300)] for each in diff.links_added])
    yield from _listed("Links removed", [[kit.words(" → ".join(each), 300)] for each in diff.links_removed])
    if diff.versions:
        yield kit.rich(kit.para(kit.bold("Versions of the tenants, which are no change")), *_fields(diff.versions))


def _listed(title: str, items: Sequence[Sequence[kit.Part]]) -> Iterator[Block]:
    if items:
        shown = [*items[:_STORIES_SHOWN]]
        if len(items) > _STORIES_SHOWN:
            shown.append([f"and {len(items) - _STORIES_SHOWN:,} more"])
        yield kit.rich(kit.para(kit.bold(f"{title}: {len(items):,}")), kit.bullets(shown))


def _action(action: ActionChange) -> Iterator[Block]:
    kind = action.type.removeprefix("Agents::").removesuffix("Agent")
    title = kit.para(kit.name(action.name, 150), " ", kit.words(kind, 60))
    yield kit.rich(title, *_fields(action.fields))


def _fields(fields: Sequence[FieldChange]) -> Iterator[Block]:
    lines: list[Sequence[kit.Part]] = []
    room = _BLOCK_TEXT
    for each in fields[:_FIELDS]:
        texts = [kit.words(_value(value), min(_VALUE, room // 2)) for value in (each.old, each.new)]
        room -= sum(len(text["text"]) for text in texts)
        if room < _VALUE:
            break
        lines.append([kit.mono(each.path or "/", 120), ": ", texts[0], " → ", texts[1]])
    if len(lines) < len(fields):
        lines.append([f"and {len(fields) - len(lines):,} more"])
    yield kit.bullets(lines)


def _value(text: str | None) -> str:
    return "(nothing)" if text is None else text
