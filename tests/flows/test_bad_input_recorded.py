"""Every no that a person can get, with the row that it leaves: one table for all listeners and use cases."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bot.playground.launch import ADA, RINA, TOM, Setup
from bot.views import ids

from .harness import SHORT_TIMES, database, opened, until
from .wrongs import Scene, Wrong, clicks, presses, runs_now, searches, set_up, submits, submits_form, types

UNKNOWN: Final = '{"request":"TS-ZZZZZZZZ"}'
PENDING: Final = '{"request":"PENDING"}'
ENDED: Final = '{"request":"ENDED"}'
SHOWN: Final = '{"request":"PENDING","revision":1,"digest":"DIGEST"}'
SHOWN_ENDED: Final = SHOWN.replace("PENDING", "ENDED")
UNREADABLE: Final = ("", "nonsense", '{"operation":"unheard_of"}')  # what a form of another version may carry
BUTTONS: Final = {  # action → what the row says was attempted
    ids.ACTION_REVIEW: "review",
    ids.ACTION_WITHDRAW: "withdraw",
    ids.ACTION_CANCEL: "cancel",
    ids.ACTION_EDIT: "edit",
    ids.ACTION_ASK_AGAIN: "ask_again",
    ids.ACTION_CHECK_AGAIN: "check_again",
    ids.ACTION_CLOSE_UNCERTAIN: "close",
    ids.ACTION_SHOW_ERROR: "show_error",
    ids.ACTION_STATUS: "status",
}


def table() -> Iterator[tuple[str, Wrong]]:
    """Yield every wrong thing, by a name."""
    yield from typed()
    yield from clicked()
    yield from submitted()
    yield from searched()


def typed() -> Iterator[tuple[str, Wrong]]:
    """Yield what can be typed after the command."""
    yield (
        "unknown word",
        Wrong(
            types("launch xoxb-1"), "There is no command “launch”", "command", TOM, reason="There is no such command"
        ),
    )
    for word in ("status", "history", "cancel"):
        yield f"{word} of nothing", Wrong(types(word), "Add a request ID", word)
        yield f"{word} of no id", Wrong(types(f"{word} nope"), "Add a request ID", word)
        yield f"{word} of an unknown id", Wrong(types(f"{word} TS-ZZZZZZZZ"), "There is no request TS-ZZZZZZZZ", word)
    for word in ("status", "history"):
        yield f"{word} of others", Wrong(types(f"{word} PENDING"), "that you can see", word, TOM, "PENDING")
    yield "cancel of others", Wrong(types("cancel PENDING"), "that you can see", "cancel", TOM, "PENDING")
    yield "cancel too late", Wrong(types("cancel ENDED"), "ENDED was cancelled", "cancel", about="ENDED")
    for word in ("freeze", "unfreeze"):
        yield f"{word} nothing", Wrong(types(word), "Add a route", word, ADA)
        yield f"{word} an unknown route", Wrong(types(f"{word} x why"), "There is no route x", word, ADA)
        yield f"{word} by a requester", Wrong(types(f"{word} dev-to-prod why"), "Only approvers", word, RINA)
        yield f"{word} by anybody", Wrong(types(f"{word} dev-to-prod why"), "There is no route dev-to-prod", word, TOM)
    yield "freeze without a reason", Wrong(types("freeze dev-to-prod"), "Add a reason", "freeze", ADA)
    long = types(f"freeze dev-to-prod {'x' * 1001}")
    yield (
        "freeze with a book",
        Wrong(long, "Use at most 1,000 characters for the reason. This has 1,001", "freeze", ADA),
    )
    yield "unfreeze what is not frozen", Wrong(types("unfreeze dev-to-prod"), "is not frozen", "unfreeze", ADA)
    yield "form without a right", Wrong(types(""), "You cannot request syncs", "ask", TOM)


def clicked() -> Iterator[tuple[str, Wrong]]:
    """Yield what buttons can be made to carry, and what comes too late."""
    for action, what in BUTTONS.items():
        for value in ("", "nonsense", '{"request":5}'):
            yield f"{action} {value or 'empty'}", Wrong(clicks(action, value), "outdated", what)
        story = '{"request":"TS-ZZZZZZZZ","story":1}' if action == ids.ACTION_SHOW_ERROR else UNKNOWN
        yield f"{action} unknown", Wrong(clicks(action, story), "There is no request TS-ZZZZZZZZ", what)
    for action in (ids.ACTION_HISTORY_NEXT, ids.ACTION_HISTORY_PREVIOUS, ids.ACTION_HISTORY_STEPS):
        yield f"{action} nonsense", Wrong(clicks(action, "nonsense"), "outdated", "history")
        yield f"{action} of nothing", Wrong(clicks(action, '{"page":2}'), "outdated", "history")
    for action in (ids.ACTION_MUTE, ids.ACTION_UNMUTE):
        yield f"{action} nonsense", Wrong(clicks(action, "nonsense"), "outdated", action.removeprefix("destination_"))
    for value in ("", PENDING):
        yield f"unknown button {value}", Wrong(clicks("unheard_of", value), "outdated", "click", TOM)
    late = "ENDED was cancelled"
    yield "review too late", Wrong(clicks(ids.ACTION_REVIEW, ENDED), late, "review", ADA, "ENDED")
    yield "edit too late", Wrong(clicks(ids.ACTION_EDIT, ENDED), late, "edit", about="ENDED")
    yield "cancel clicked too late", Wrong(clicks(ids.ACTION_CANCEL, ENDED), late, "cancel", about="ENDED")
    yield (
        "cancel clicked by others",
        Wrong(clicks(ids.ACTION_CANCEL, PENDING), "that you can see", "cancel", TOM, "PENDING"),
    )
    yield (
        "withdraw nothing",
        Wrong(clicks(ids.ACTION_WITHDRAW, PENDING), "You have not approved this", "withdraw", ADA, "PENDING"),
    )
    for action in (ids.ACTION_CHECK_AGAIN, ids.ACTION_CLOSE_UNCERTAIN):
        still = "PENDING is still waiting"
        yield f"{action} of what is certain", Wrong(clicks(action, PENDING), still, BUTTONS[action], about="PENDING")
        yield f"{action} by others", Wrong(clicks(action, PENDING), "that you can see", BUTTONS[action], TOM, "PENDING")
    no_error = clicks(ids.ACTION_SHOW_ERROR, '{"request":"PENDING","story":1}')
    yield "an error that is gone", Wrong(no_error, "is gone", "show_error", ADA, "PENDING")
    for meta in ("", "nonsense", PENDING):
        yield f"look again {meta}", Wrong(presses(ids.ACTION_REVIEW_REFRESH, meta), "outdated", "review", ADA)
        yield f"reject {meta}", Wrong(presses(ids.ACTION_REJECT, meta), "outdated", "reject", ADA)
    again = presses(ids.ACTION_REVIEW_REFRESH, SHOWN_ENDED)
    yield "look again too late", Wrong(again, late, "review", ADA, "ENDED")
    nowhere = presses(ids.ACTION_REVIEW_REFRESH, SHOWN.replace("PENDING", "TS-ZZZZZZZZ"))
    yield "look again at nothing", Wrong(nowhere, "There is no request", "review", ADA)


def submitted() -> Iterator[tuple[str, Wrong]]:
    """Yield forms and dialogs."""
    for callback, what in ((ids.VIEW_REVIEW, "approve"), (ids.VIEW_REJECT, "reject"), (ids.VIEW_CANCEL, "cancel")):
        yield f"{what} unreadable", Wrong(submits(callback, "nonsense", "why"), "outdated", what, ADA)
        unknown = SHOWN.replace("PENDING", "TS-ZZZZZZZZ")
        yield f"{what} unknown", Wrong(submits(callback, unknown, "why"), "There is no request", what, ADA)
        late = Wrong(submits(callback, SHOWN_ENDED, "why"), "ENDED was cancelled", what, ADA, "ENDED")
        yield f"{what} too late", late
        yield f"{what} by anybody", Wrong(submits(callback, SHOWN, "why"), "that you can see", what, TOM, "PENDING")
    yield (
        "approve what one asked for",
        Wrong(submits(ids.VIEW_REVIEW, SHOWN), "not an approver", "approve", about="PENDING"),
    )
    why = "why"
    yield "mute unreadable", Wrong(submits(ids.VIEW_MUTE, "nonsense", why), "outdated", "mute", TOM)
    yield (
        "mute without a time",
        Wrong(submits(ids.VIEW_MUTE, '{"destination":999}', why), "Choose for how long", "mute"),
    )
    yield "unknown form", Wrong(submits("another_version", SHOWN, "why"), "This form is outdated", "submit", TOM)
    for meta in UNREADABLE:
        for does in (submits(ids.VIEW_FORM, meta), presses(ids.ACTION_ROUTE, meta), presses(ids.ACTION_RUN_NOW, meta)):
            yield f"form that carries {meta}", Wrong(does, "This form is outdated", "ask")
    yield "reject without words", Wrong(submits(ids.VIEW_REJECT, SHOWN), "Add a reason", "reject", ADA, "PENDING")
    book = "x" * 1001
    for callback, what in ((ids.VIEW_REJECT, "reject"), (ids.VIEW_CANCEL, "cancel")):
        yield (
            f"{what} with a book",
            Wrong(submits(callback, SHOWN, book), "This has 1,001", what, ADA, "PENDING"),
        )
    yield "form without a reason", Wrong(submits_form(reason=" "), "Add a reason", "ask")
    yield "form with a book", Wrong(submits_form(reason=book), "This has 1,001", "ask")
    yield "form by anybody", Wrong(submits_form(), "You cannot request syncs", "ask", TOM)
    yield "form for no route", Wrong(submits_form(route="elsewhere"), "no longer configured", "ask")
    yield "emergency by anybody", Wrong(runs_now(), "without approval", "break_glass")
    edit: dict[str, Any] = {"request": "PENDING", "revision": 1}
    yield "edit without a reason", Wrong(submits_form(reason=" ", **edit), "Add a reason", "edit", about="PENDING")
    yield "edit by others", Wrong(submits_form(**edit), "Only the requester", "edit", ADA, "PENDING")
    yield (
        "edit to another route",
        Wrong(submits_form(route="x", **edit), "route of a request cannot change", "edit", about="PENDING"),
    )
    old = submits_form(request="PENDING", revision=7)
    yield "edit of what was changed", Wrong(old, "was edited by someone else", "edit", about="PENDING")
    late_edit = submits_form(request="ENDED", revision=1)
    yield "edit of what ended", Wrong(late_edit, "ENDED was cancelled", "edit", about="ENDED")
    yield "edit of nothing", Wrong(submits_form(request="TS-ZZZZZZZZ", revision=1), "There is no request", "edit")


def searched() -> Iterator[tuple[str, Wrong]]:
    """Yield searches: three keys each, and one row."""
    for action, who in ((ids.ACTION_SOURCE_TEAM, ADA), (ids.ACTION_DESTINATION_TEAM, RINA), (ids.ACTION_STORIES, TOM)):
        yield f"{action} without a route", Wrong(searches(action, "{}"), "Choose a route first", "search", who)
    for meta, who in zip(UNREADABLE, (ADA, RINA, TOM), strict=True):
        unread = searches(ids.ACTION_SOURCE_TEAM, meta)
        yield f"search in a form that carries {meta}", Wrong(unread, "This form is outdated", "search", who)
    yield "search in an unknown field", Wrong(searches("unheard_of"), "This field is outdated", "search")
    gone = searches(ids.ACTION_SOURCE_TEAM, '{"route":"elsewhere"}')
    yield "search on no route", Wrong(gone, "elsewhere is no longer configured", "search")
    early = searches(ids.ACTION_STORIES, '{"route":"dev-to-prod"}')
    yield "search before a team", Wrong(early, "Choose the source team first", "search")
    yield (
        "search by anybody",
        Wrong(searches(ids.ACTION_STORIES), "You cannot request syncs on this route", "search", TOM),
    )


WRONGS: Final = tuple(table())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Return the scene: nothing that a test does to it changes it."""
    setup = Setup(
        database_url=database(tmp_path_factory.mktemp("recorded")), overrides=SHORT_TIMES, route={"requesters": (RINA,)}
    )
    async with opened(setup) as harness:
        yield await set_up(harness)


@pytest.mark.parametrize("wrong", [pytest.param(wrong, id=name) for name, wrong in WRONGS])
@pytest.mark.asyncio(loop_scope="module")
async def test_each_no_is_said_recorded_and_logged(scene: Scene, wrong: Wrong) -> None:
    """Who does something wrong reads why; one row says who tried what and why not; its log line has the answer's id.

    Nothing else changes.
    """
    before, rows, seen = await scene.refusals(), scene.rows(), len(scene.harness.playground.slack.traffic)

    async def one_more() -> bool:
        return len(await scene.refusals()) > len(before)

    async def is_read() -> bool:
        return scene.filled(wrong.reads) in scene.said(seen)

    with capture_logs([merge_contextvars]) as logs:
        await wrong.does(scene, wrong.who)
        await until(one_more, "it was not recorded")
        await until(is_read, "it was not said")
    (event,) = (await scene.refusals())[len(before) :]
    assert (event.actor, event.request_id) == (wrong.who, scene.about(wrong.about))
    assert event.data["what"] == wrong.what
    assert scene.filled(wrong.reason or wrong.reads) in " ".join(event.data["reasons"])
    (line,) = [line for line in logs if line["event"] == "recorded"]
    assert (line["log_level"], line["kind"], line["actor"]) == ("info", "refused", wrong.who)
    assert line["trace"] in {answer["trace"] for answer in logs if answer["event"] == "answered Slack"}
    assert scene.rows() == rows
