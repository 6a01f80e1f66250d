"""The status list in the thread: each story's sync status, totals first, and what to do where it went wrong.

Slack takes one table of 100 rows and 10,000 characters in a message, and refuses the message beyond; so a long list
is spread over several messages, long errors are cut with a way to read them whole, and the same content exists as
text for when Slack refuses the table.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from bot.views import describe, ids, kit
from bot.views.carried import DestinationButton, ErrorRef
from bot.views.fallback_text import message, plain_only, text_size
from bot.views.preflight import explained
from bot.views.presentation import Presentation
from bot.views.states import icon
from bot.views.text import Block, Message, line, size, tidy
from handlers.models import Request, State, StoryStatus
from handlers.routes import Route

ROWS: Final = 100  # of a table, without its header
_CELLS: Final = 9_500  # characters over all cells of a message; Slack takes 10,000
_STEP: Final = 15  # characters that a button in a row takes, with what stands there without it
_ALL: Final = 12_500  # characters of a whole message; Slack refuses at about 13,200
_PAGE: Final = 20
_NAME: Final = 120
_ERROR: Final = 250
_ERROR_CHOICE: Final = 80  # about what a choice of an error takes in a select
_BUTTONS: Final = 3  # more long errors than that go into a select
_CAPTION: Final = 150
_HEAD: Final = ("Story", "Status", "What Tines said", "Story id")
_NEXT: Final = "Next step"  # the head of the column with buttons
_NEXT_AT: Final = 2  # its place: in a narrow thread the last columns are out of sight
_NO_STEP: Final = "-"
_SYNCED: Final = "synced"
_FAILED: Final = "failed"
_NEEDS_SYNC: Final = "requires_sync"
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {_SYNCED: "✅ Synced", _FAILED: "❌ Failed", _NEEDS_SYNC: "⏳ Needs sync"}
)
# what a newer Tines says that we do not know: 2
_ORDER: Final[Mapping[str, int]] = MappingProxyType({_FAILED: 0, _NEEDS_SYNC: 1, _SYNCED: 3})
_CHUNK: Final = 1_450  # in one block, so that 3,000 UTF-16 units are never passed
_ERROR_BYTES: Final = 60_000  # of an error shown whole; a view takes 250 kB as JSON

Cell: TypeAlias = str | Block
"""A cell of a table: its text, rich text, or what `action_cell` returns."""

__all__ = [
    "action_cell",
    "bare_words",
    "data_table",
    "error_view",
    "in_order",
    "next_buttons",
    "plain_only",
    "status_messages",
    "status_words",
]


def status_messages(request: Request, route: Route, presentation: Presentation, *, repair: str) -> list[Message]:
    """Return the messages of the status list, in order; empty while there is nothing to tell yet.

    Stories that failed come first. The number of messages can change from one call to the next, since errors differ
    in length: edit those that are there, post what is new, and delete what is left over.
    `repair` is the name of the operation that syncs stories again, "" for none.
    """
    rows = presentation.rows(request)
    if request.state not in _TOLD and not rows:
        return []
    opening = _opening(request, route, presentation)
    pages = list(_pages(request, rows, text_size(opening)))
    if not pages:
        return [message(*opening, *next_buttons(request, presentation, route, repair))]
    found: list[Message] = []
    for number, page in enumerate(pages, start=1):
        part = f", part {number} of {len(pages)}" if len(pages) > 1 else ""
        caption = f"Sync results for {request.id}{part}"
        buttons = next_buttons(request, presentation, route, repair) if number == len(pages) else ()
        blocks = [_table(caption, page, request, route, repair), *_long_errors(request, page), *buttons]
        found.append(message(*(opening if number == 1 else [kit.context(caption)]), *blocks))
    return found


_TOLD: Final = frozenset(
    {State.RUNNING, State.FOLLOWING, State.SUCCEEDED, State.PARTIAL, State.FAILED, State.UNCERTAIN}
)


def _opening(request: Request, route: Route, presentation: Presentation) -> list[Block]:
    """Return what stands above the list: totals, then what went wrong and what can be done."""
    blocks = [kit.rich(*_totals(request, route, presentation))]
    if request.problem is not None:
        keeps = describe.trying(request) if request.state.active else describe.problem(request.problem)
        blocks.append(kit.rich(*keeps))
    if request.state is State.UNCERTAIN:
        blocks.extend(_uncertain(request, route))
    return blocks


def _totals(request: Request, route: Route, presentation: Presentation) -> Iterator[Block]:
    headline, totals = presentation.headline(request), presentation.totals(request)
    yield kit.para(f"{icon(request.state)} ", kit.bold(headline))
    if totals in headline:  # also where there are none
        totals = ""
    yield kit.para(totals and f"{totals} · ", kit.name(route.source, 60), " → ", kit.name(route.destination, 60))
    if request.state is State.FOLLOWING:
        yield kit.para("This list is kept up to date while Tines works.")
    if request.note.strip():
        yield kit.para("💬 ", kit.words(request.note, 500))
    yield from explained(request, presentation.rows(request))
    yield from describe.next_steps(request, presentation)


def next_buttons(request: Request, presentation: Presentation, route: Route, repair: str) -> Iterator[Block]:
    """Yield the buttons for what comes after a request that ended: its sync destination, and a sync of what lacks one."""
    number = presentation.destination_left(request)
    if not request.state.final or number is None:
        return
    about = DestinationButton(destination=number, route=request.route)
    opening = kit.button(
        "Open sync destination", ids.ACTION_DESTINATION, about.dump(), says=f"Open sync destination: {number}"
    )
    again = describe.sync_again_button(request, presentation.rows(request), route, repair)
    yield kit.actions(again, opening)


def _uncertain(request: Request, route: Route) -> Iterator[Block]:
    yield kit.rich(
        kit.para(
            "The call was sent, but no clear answer came back, and a check afterwards did not settle it. Look at "
            "the sync destinations on ",
            kit.name(route.source, 60),
            ". If something was done there, choose Check again. If nothing was done, choose Close.",
        )
    )
    ref = describe.ref(request)
    sure = kit.confirm(
        "Close this request?",
        "It is recorded as failed, and nothing more is sent. What Tines has already done stays.",
        "Close it",
    )
    yield kit.actions(
        kit.button("Check again", ids.ACTION_CHECK_AGAIN, ref, says=f"Check again: {request.id}", style="primary"),
        kit.button("Close", ids.ACTION_CLOSE_UNCERTAIN, ref, says=f"Close {request.id} as failed", confirm=sure),
    )


def bare_words(status: str) -> str:
    """Return a status in words without its sign, for where it stands in a sentence."""
    words = _WORDS.get(status.strip().casefold())
    return line(status, 40, empty="no status") if words is None else words.partition(" ")[2].casefold()


def status_words(status: StoryStatus) -> str:
    """Return a story's status with its sign; a word that is not known is shown as Tines says it."""
    return _WORDS.get(status.word) or f"❔ {line(status.status, 40, empty='(no status)')}"


def in_order(statuses: Iterable[StoryStatus]) -> list[StoryStatus]:
    """Return statuses as they are listed: failed first, then by name."""
    return sorted(statuses, key=lambda status: (_ORDER.get(status.word, 2), status.name.casefold()))


def _table(caption: str, page: Sequence[StoryStatus], request: Request, route: Route, repair: str) -> Block:
    """Return the table of a page, with a button in the row of each story that failed where it can be synced again."""
    rows = [_row(status, request) for status in page]
    again = [describe.sync_story_button(request, status, route, repair) for status in page]
    if not any(again):
        return data_table(caption, _HEAD, rows)
    cells = [_NO_STEP if button is None else action_cell(button, _NO_STEP) for button in again]
    head = (*_HEAD[:_NEXT_AT], _NEXT, *_HEAD[_NEXT_AT:])
    return data_table(
        caption,
        head,
        [(*row[:_NEXT_AT], cell, *row[_NEXT_AT:]) for row, cell in zip(rows, cells, strict=True)],
    )


def _row(status: StoryStatus, request: Request) -> tuple[Cell, ...]:
    error = line(status.error or "", _ERROR, empty="-")
    name = describe.story(request, status.story_id, status.name, _NAME)
    return (kit.rich(kit.para(name)), status_words(status), error, str(status.story_id))


def _pages(request: Request, statuses: Sequence[StoryStatus], opening: int) -> Iterator[list[StoryStatus]]:
    """Yield the statuses, failed first, in groups that each fit one message; the first shares it with the opening."""
    page: list[StoryStatus] = []
    cells, everything = 0, opening
    for status in in_order(statuses):
        more = sum(map(_cell_size, _row(status, request))) + (_STEP if status.failed else len(_NO_STEP))
        more_in_all = more + (_ERROR_CHOICE if _is_cut(status) else 0)
        if page and (len(page) == ROWS or cells + more > _CELLS or everything + more_in_all > _ALL):
            yield page
            page, cells, everything = [], 0, 0
        page.append(status)
        cells, everything = cells + more, everything + more_in_all
    if page:
        yield page


def data_table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Block:
    """Return a table that readers can sort and page through; text is raw, which Slack does not parse.

    At most 100 rows; no cell may be empty. Source: https://docs.slack.dev/reference/block-kit/blocks/data-table-block
    """
    return {
        "type": "data_table",
        "caption": line(caption, _CAPTION),
        "page_size": _PAGE,
        "row_header_column_index": 0,
        "rows": [[_raw(cell) if isinstance(cell, str) else cell for cell in row] for row in (head, *rows)],
    }


def action_cell(button: Block, fallback: str) -> Block:
    """Return a cell with a button; a client that draws none shows the text."""
    return {"type": "action", "element": button, "fallback": _raw(fallback)}


def _cell_size(cell: Cell) -> int:
    """Return what a cell takes of a message. Whether Slack counts the address of a link is not known: here it counts."""
    if isinstance(cell, str):
        return size(cell)
    runs = [run for part in cell["elements"] for run in part["elements"]]
    return sum(size(run["text"]) + size(run.get("url", "")) for run in runs)


def _raw(text: str) -> Block:
    return {"type": "raw_text", "text": text}


def _is_cut(status: StoryStatus) -> bool:
    """Whether the table shows less than the whole error: clipped, or with its line ends gone."""
    error = tidy(status.error or "").strip()
    return size(error) > _ERROR or "\n" in error


def _long_errors(request: Request, page: Sequence[StoryStatus]) -> Iterator[Block]:
    """Yield what opens the errors that the table shows cut: a button each, or a select for many."""
    cut = [(status, ErrorRef(request=request.id, story=status.story_id).dump()) for status in page if _is_cut(status)]
    if 0 < len(cut) <= _BUTTONS:
        for status, ref in cut:
            text = f"Whole error: {line(status.name, 50)}"
            yield kit.actions(kit.button(text, ids.ACTION_SHOW_ERROR, ref, says=text))
    elif cut:
        yield kit.actions(
            {
                "type": "static_select",
                "action_id": ids.ACTION_PICK_ERROR,
                "placeholder": kit.plain("Show a whole error…", kit.PLACEHOLDER),
                "options": [kit.option(status.name, ref) for status, ref in cut],
            }
        )


def error_view(request: Request, story: StoryStatus, error: str) -> Block:
    """Return a view with a whole error, as Tines wrote it (the first 60,000 bytes of it)."""
    text = tidy(error).strip() or "(nothing)"
    kept = text.encode()[:_ERROR_BYTES].decode(errors="ignore")
    name = describe.story(request, story.story_id, story.name)
    blocks = [kit.rich(kit.para(name, f"  #{story.story_id}  {status_words(story)}"))]
    blocks.extend(kit.rich(kit.preformatted(kept[start : start + _CHUNK])) for start in range(0, len(kept), _CHUNK))
    if len(kept) < len(text):
        blocks.append(kit.context(f"… and {len(text) - len(kept):,} more characters. Tines shows all of it."))
    return kit.modal(ids.VIEW_INFO, "What Tines said", blocks)
