"""The approval message and the review show what is asked for, where it stands, and only what the reader may do."""

from datetime import timedelta
from itertools import takewhile
from typing import Any

import pytest

from bot.views import ids
from bot.views.approval import approval_message
from bot.views.carried import ReviewMeta
from bot.views.dialogs import cancel_view, parse_cancel, parse_reject, reject_view
from bot.views.fallback_text import text_lines
from bot.views.notes import direct_message, note_message
from bot.views.review import parse_review, review_view
from bot.views.statuses import status_messages
from bot.views.text import Block, when
from handlers.comparison import Gap, Gaps, Kind, Reference, Status
from handlers.models import Decision, Problem, Request, State, Story, Team, Verdict, digest_of
from handlers.operations import Preview
from handlers.operations.create import CreateFacts
from handlers.operations.following import ExistingDestination
from handlers.policy import Freeze, Quorum, Ruling
from handlers.preflight import Report, ReportProgress, StoryReport
from handlers.routes import Existing, Ping, Route

from .harness import NOW, ORIGINS, REPAIR, SHOWN, a_request, params_of

STORIES = tuple(Story(id=n, name=f"Story number {n}", tags=("triage",), edited_at=NOW) for n in range(1, 13))
FACTS = CreateFacts(stories=STORIES)
ROUTE = Route(
    name="dev-to-prod",
    source="dev",
    destination="prod",
    requesters=("*",),
    approvers=("S0APPROVERS",),
    approvals=2,
    approval_channel="C0APPROVALS",
)
ONE_OF_TWO = Quorum(needed=2, have=1, separate_needed=1, separate_have=1, reached=False)
YES = Ruling(allowed=True)
NO = Ruling(allowed=False, reasons=("You requested this yourself.",))


def approval_by(actor: str, **changes: Any) -> Decision:  # noqa: ANN401 - the fields of a Decision
    """Return an approval of the request as it is."""
    return Decision(
        **{
            "request_id": "TS-ABCD1234",
            "revision": 2,
            "digest": digest_of("create", "dev-to-prod", params_of(*STORIES), ORIGINS, FACTS),
            "actor": actor,
            "verdict": Verdict.APPROVE,
            "at": NOW,
            **changes,
        }
    )


def asked(state: State = State.PENDING, **changes: Any) -> Request:  # noqa: ANN401 - the fields of a Request
    """Return a request for twelve stories, approved by one person."""
    return a_request(
        state,
        **{
            "params": params_of(*STORIES),
            "facts": FACTS,
            "reason": "The new triage is ready.",
            "decisions": (approval_by("U0ADA"),),
            **changes,
        },
    )


def buttons(blocks: list[Block]) -> list[str]:
    """Return the action ids of the buttons, in order."""
    return [e["action_id"] for block in blocks if block["type"] == "actions" for e in block["elements"]]


def test_a_pending_request_shows_what_an_approver_needs_to_know() -> None:
    """Who, what, from where to where, how often, why, how far, and until when; the first ten stories by name."""
    text = approval_message(asked(), ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR).text
    for said in (
        "waiting for approval",
        "<@U0ASKER> requests a sync of 12 stories: dev / SecOps → prod / SecOps copies",
        "|Story number 10>\n• and 2 more",
        "dev-to-prod",
        "Sync mode: automatic, on every publish",
        "> The new triage is ready.",
        f"1 of 2 approvals. Expires {when(NOW + timedelta(hours=72))}",
        "<@U0ADA> approved",
        "revision 2",
    ):
        assert said in text
    assert "Story number 11" not in text


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (asked(State.PENDING), [ids.ACTION_REVIEW]),
        (asked(State.APPROVED), []),
        (asked(State.RUNNING), []),
        (asked(State.FOLLOWING), []),
        (asked(State.SUCCEEDED), []),
        (asked(State.PARTIAL), []),
        (asked(State.UNCERTAIN), []),
        (asked(State.FAILED), [ids.ACTION_ASK_AGAIN]),
        (asked(State.FAILED, destination_id=24), []),
        (asked(State.REJECTED), [ids.ACTION_ASK_AGAIN]),
        (asked(State.CANCELLED), [ids.ACTION_ASK_AGAIN]),
        (asked(State.EXPIRED), [ids.ACTION_ASK_AGAIN]),
    ],
    ids=lambda value: getattr(value, "state", None),
)
def test_only_buttons_that_work_are_there(request_: Request, expected: list[str]) -> None:
    """A request can be reviewed while it waits and asked for again when it ended without a sync destination."""
    assert buttons(approval_message(request_, ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR).blocks) == expected


def test_a_rejected_request_says_who_and_why_once() -> None:
    """Who closed it, and the comment, which stands there once although decision and request both hold it."""
    rejection = approval_by("U0BOB", verdict=Verdict.REJECT, comment="Not in the audit week")
    request = asked(
        State.REJECTED,
        decisions=(rejection,),
        closed_by="U0BOB",
        closed_comment="Not in the audit week",
        finished_at=NOW,
    )
    text = approval_message(request, ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR).text
    assert "Rejected by <@U0BOB>" in text
    assert text.count("Not in the audit week") == 1
    assert text.lower().count("rejected") == 2, "in the head, and by whom"


def test_what_went_wrong_is_told_once_in_the_thread() -> None:
    """The head of a failed request names the problem in a line and leads to the thread, which has Tines's words."""
    problem = Problem(what="422: dev did not accept the request", words="No such key", advice="Fix the key.")
    failed = asked(State.FAILED, problem=problem)
    head = approval_message(failed, ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR).text
    assert "dev did not accept the request" in head
    assert "The thread shows the details" in head
    assert "No such key" not in head
    assert "Fix the key" not in head
    thread = status_messages(failed, ROUTE, SHOWN, repair=REPAIR)[0].text
    assert "No such key" in thread
    assert "Fix the key" in thread


@pytest.mark.parametrize("state", [State.APPROVED, State.RUNNING, State.FOLLOWING])
def test_what_continues_by_itself_says_so_and_advises_nothing(state: State) -> None:
    """While a request waits for a tenant, nobody is told to try again: it is tried again, and when is said."""
    problem = Problem(what="503: dev returned an error", advice="Try again in a few minutes.")
    waits = asked(state, problem=problem, next_run_at=NOW)
    shown = approval_message(waits, ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR).text
    thread = "".join(message.text for message in status_messages(waits, ROUTE, SHOWN, repair=REPAIR))
    assert "dev returned an error" in shown
    assert "Try again" not in shown + thread
    assert "tines-sync keeps trying by itself. Next try: <!date^" in (shown if state is State.APPROVED else thread)


def test_what_does_not_count_any_more_is_not_shown_in_the_channel() -> None:
    """Withdrawn approvals and those of an earlier revision are left out of the message."""
    gone = (approval_by("U0OLD", revision=1), approval_by("U0GONE", withdrawn_at=NOW))
    text = approval_message(asked(decisions=gone), ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR).text
    assert "U0OLD" not in text
    assert "U0GONE" not in text


def test_break_glass_is_loud() -> None:
    """A request that runs without approval says so in a header of its own."""
    message = approval_message(asked(State.RUNNING, emergency=True), ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR)
    headers = [block["text"]["text"] for block in message.blocks if block["type"] == "header"]
    assert any("without approval" in text for text in headers)


def test_a_frozen_route_is_told_while_it_holds_something_back() -> None:
    """Who froze the route and why is shown for a waiting request, and not for one that has run."""
    freeze = Freeze(route="dev-to-prod", by="U0FREEZER", reason="Audit week", at=NOW)
    assert "Audit week" in approval_message(asked(), ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR, freeze=freeze).text
    assert (
        "Audit week"
        not in approval_message(asked(State.SUCCEEDED), ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR, freeze=freeze).text
    )


def found(**facts: Any) -> Preview:  # noqa: ANN401 - the fields of the facts
    """Return what was looked up."""
    return Preview(facts=CreateFacts(**facts))


def reviewed(request: Request, preview: Preview | None, **changes: Any) -> Block:  # noqa: ANN401 - of review_view
    """Return the review as somebody sees it who may decide."""
    options = {"quorum": ONE_OF_TWO, "may_approve": YES, "may_reject": YES, **changes}
    return review_view(request, ROUTE, SHOWN, origins=ORIGINS, preview=preview, **options)


def test_the_review_shows_every_story() -> None:
    """All stories with id, tags and last edit, however many they are, and what will be called."""
    stories = tuple(Story(id=n, name=f"Story number {n}", tags=("triage",), edited_at=NOW) for n in range(1, 501))
    view = reviewed(asked(params=params_of(*stories)), found(stories=stories))
    said = [e["text"] for e in flat(view) if e.get("type") in {"text", "link"}]
    for story in stories:
        assert story.name in said
        assert any(text.startswith(f" #{story.id} · triage · edited") for text in said)
    small = "".join(e["text"] for e in flat(view) if e.get("type") == "mrkdwn")
    assert (
        "POST /api/v1/admin/sync\N{MODIFIER LETTER LOW MACRON}destinations" in small
        or "POST /api/v1/admin/sync_destinations" in small
    )
    assert "once, with 500 stories of team 7" in small


def test_the_review_says_first_what_decides() -> None:
    """Numbers, teams and who can approve, the buttons, what exists, then every story, then what is looked up."""
    view = reviewed(asked(), found(stories=STORIES))
    text = "\n".join(text_lines(view["blocks"]))
    order = (
        "a sync of 12 stories: dev / SecOps → prod / SecOps copies",
        "1 of 2 approvals",
        "Can approve: <!subteam^S0APPROVERS>",
        "No sync destination for these two teams",
        "|Story number 1> #1",
        "|Story number 12> #12",
        "Tenants: dev is dev",
        "API call:",
        "revision 2",
    )
    assert [text.index(each) for each in order] == sorted(text.index(each) for each in order)
    blocks = view["blocks"]
    places = [n for n, block in enumerate(blocks) if block["type"] in {"actions", "input"}]
    assert max(places) < next(n for n, block in enumerate(blocks) if "Story number 1'" in str(block))


@pytest.mark.parametrize("first", [YES, NO], ids=["may decide", "may decide only when looked up afresh"])
def test_no_button_of_the_review_moves_when_something_is_looked_up(first: Ruling) -> None:
    """What stands above the buttons, and the buttons themselves, are the same before Tines answered, and when compared.

    Where only a fresh look tells that the reader may decide, that is added to the right of what is there.
    """
    changed = StoryReport(story=STORIES[0], status=Status.CHANGED)
    gap = Gap(reference=Reference(kind=Kind.CREDENTIAL, slug="virustotal"), stories=("Story number 1",))
    facts = CreateFacts(stories=STORIES, gaps=Gaps(missing=(gap,)), existing=(ExistingDestination(id=24),))
    views = (
        reviewed(asked(), None, may_approve=first, may_reject=first),
        reviewed(asked(), None),
        reviewed(asked(), Preview(facts=facts), against_requester=("They left.",), progress=ReportProgress(12)),
        reviewed(asked(), Preview(facts=facts, report=Report(stories=(changed,))), against_requester=("They left.",)),
    )
    above = [list(takewhile(lambda block: block["type"] != "actions", view["blocks"])) for view in views]
    assert above == [above[0]] * len(views)
    rows = [[button["text"]["text"] for button in view["blocks"][len(above[0])]["elements"]] for view in views]
    assert all(row[: len(rows[0])] == rows[0] for row in rows)
    assert rows[1:] == [rows[1]] * 3


def flat(payload: object) -> list[dict[str, Any]]:
    """Return every object in a payload, at any depth."""
    objects = [payload] if isinstance(payload, dict) else []
    for child in payload.values() if isinstance(payload, dict) else payload if isinstance(payload, list) else ():
        objects.extend(flat(child))
    return objects


@pytest.mark.parametrize(
    ("preview", "ruling", "offered"),
    [
        (found(stories=STORIES), YES, True),
        (found(stories=STORIES), NO, False),
        (None, YES, False),
        (Preview(problem=Problem(what="dev does not answer")), YES, False),
        (found(stories=STORIES[1:], gone=STORIES[:1]), YES, False),
    ],
    ids=["all in sight", "not allowed", "still checking", "tines is down", "a story is gone"],
)
def test_approve_is_offered_when_all_is_in_sight(preview: Preview | None, ruling: Ruling, *, offered: bool) -> None:
    """One can approve what was looked up in full, if one may; otherwise the view says why not."""
    view = reviewed(asked(), preview, may_approve=ruling)
    assert ("submit" in view) is offered
    texts = str(view["blocks"])
    assert ("You requested this yourself." in texts) is not ruling.allowed
    assert ("dev does not answer" in texts) is bool(preview and preview.problem)


def test_an_approval_can_carry_a_comment() -> None:
    """Whoever may approve finds an optional field, whose text comes back bounded; nobody else is offered it."""
    view = reviewed(asked(), found(stories=STORIES))
    comment = next(block for block in view["blocks"] if block["type"] == "input")
    assert comment["optional"]
    assert comment["label"]["text"] == "Comment"
    typed = {ids.BLOCK_COMMENT: {ids.ACTION_COMMENT: {"type": "plain_text_input", "value": " After 18:00\u202e "}}}
    read = parse_review({**view, "state": {"values": typed}})
    assert (read.comment, read.errors) == ("After 18:00\N{REPLACEMENT CHARACTER}", {})
    typed[ids.BLOCK_COMMENT][ids.ACTION_COMMENT]["value"] = "x" * 1001
    assert "at most 1,000" in parse_review({**view, "state": {"values": typed}}).errors[ids.BLOCK_COMMENT]
    assert all(
        block["type"] != "input" for block in reviewed(asked(), found(stories=STORIES), may_approve=NO)["blocks"]
    )


def test_a_comment_of_an_approval_is_shown_as_text() -> None:
    """The card and the note in the thread quote the comment, and nothing in it is live."""
    request = asked(decisions=(approval_by("U0ADA", comment="After 18:00 <!channel>"),))
    assert "> After 18:00 &lt;!channel&gt;" in approval_message(request, ROUTE, ONE_OF_TWO, SHOWN, repair=REPAIR).text
    note = note_message("approval_comment", {"actor": "U0ADA", "comment": "After 18:00 <!channel>"}, request)
    assert "<@U0ADA> approved this, with a comment:\n> After 18:00 &lt;!channel&gt;" in note.text


def test_approvers_are_mentioned_where_the_route_says_so() -> None:
    """A waiting request mentions the listed approvers who can approve it; `*`, and anything later, mentions nobody."""
    listed = {"approvers": ("S0APPROVERS", "U0ADA", "U0ASKER", "*"), "ping_approvers": Ping.MENTION}
    route = ROUTE.model_copy(update=listed)
    assert (
        "Please review: <!subteam^S0APPROVERS> <@U0ADA>\n"
        in approval_message(asked(), route, ONE_OF_TWO, SHOWN, repair=REPAIR).text
    )
    for state, other in ((State.APPROVED, route), (State.PENDING, ROUTE)):
        assert "Please review" not in approval_message(asked(state), other, ONE_OF_TWO, SHOWN, repair=REPAIR).text


def test_an_approver_who_is_written_to_can_open_the_review() -> None:
    """The message to an approver says who requested what and why, with *Review* while it waits; an edit as well."""
    for state, offered in ((State.PENDING, [ids.ACTION_REVIEW]), (State.CANCELLED, [])):
        lost = direct_message(
            asked(state), ROUTE, SHOWN, None, repair=REPAIR, kind="approval_lost", data={"actor": "U0ASKER"}
        )
        assert "<@U0ASKER> edited a request that you approved. Your approval no longer counts." in lost.text
        assert buttons(lost.blocks) == offered
        told = direct_message(
            asked(state), ROUTE, SHOWN, "https://slack.example/thread", repair=REPAIR, kind="approval_wanted"
        )
        assert "<@U0ASKER> made a request that you can approve." in told.text
        assert "> The new triage is ready." in told.text
        assert buttons(told.blocks) == offered


def test_a_decision_carries_what_was_shown() -> None:
    """Revision and digest of the stories as they are now and of the destinations listed come back with the decision."""
    newer = tuple(story.model_copy(update={"edited_at": NOW + timedelta(hours=1)}) for story in STORIES)
    existing = (ExistingDestination(id=24, story_names=("Story number 1",)),)
    preview = found(stories=newer, existing=existing)
    view = reviewed(asked(), preview, changed=("Story number 1 was edited.",))
    facts = CreateFacts(stories=newer, existing=existing)
    digest = digest_of("create", "dev-to-prod", params_of(*STORIES), ORIGINS, facts)
    shown = ReviewMeta(request="TS-ABCD1234", revision=2, digest=digest)
    assert parse_review(view).meta == shown
    reject = next(e for e in flat(view) if e.get("action_id") == ids.ACTION_REJECT)
    assert ReviewMeta.read(reject["value"]) == shown
    assert "Story number 1 was edited." in str(view["blocks"])


def test_a_destination_that_exists_is_shown_with_its_stories() -> None:
    """The approver sees which destinations for the same teams exist, and that one more would be created."""
    existing = (ExistingDestination(id=24, story_names=("Old story",), manual=True),)
    texts = str(reviewed(asked(), found(stories=STORIES, existing=existing))["blocks"])
    assert "Number 24, syncs only when someone starts it, with 1 story" in texts
    assert "Old story" in texts
    assert "Approving creates another one." in texts


def test_a_team_with_another_name_by_now_is_shown_with_both() -> None:
    """The approver reads what a team is called now, beside the name it had when it was chosen; another one stays as it is."""
    now = {"source_team": Team(id=7, name="SecOps Europe"), "destination_team": Team(id=42, name="SecOps copies")}
    said = str(reviewed(asked(), found(stories=STORIES, **now))["blocks"])
    assert "SecOps Europe" in said
    assert said.count(" is called ") == 1


@pytest.mark.parametrize(
    ("existing", "words"), [(Existing.ASK, "it needs approval again"), (Existing.ADD, "are added to it")]
)
def test_the_review_tells_what_a_destination_found_later_leads_to(existing: Existing, words: str) -> None:
    """What the route does about a destination that turns up before the create is part of what one approves."""
    route = ROUTE.model_copy(update={"existing": existing})
    view = review_view(
        asked(),
        route,
        SHOWN,
        origins=ORIGINS,
        quorum=ONE_OF_TWO,
        preview=found(stories=STORIES),
        may_approve=YES,
        may_reject=YES,
    )
    assert words in str(view["blocks"])


def test_the_review_offers_what_the_reader_may_do() -> None:
    """Reject, withdraw, edit and cancel are there exactly when they are allowed; looking again always is."""
    preview = found(stories=STORIES)
    view = reviewed(asked(), preview, may_reject=NO)
    assert buttons(view["blocks"]) == [ids.ACTION_REVIEW_REFRESH]
    view = reviewed(asked(), preview, may_withdraw=True, may_edit=True, may_cancel=True)
    assert buttons(view["blocks"]) == [
        ids.ACTION_REVIEW_REFRESH,
        ids.ACTION_REJECT,
        ids.ACTION_WITHDRAW,
        ids.ACTION_EDIT,
        ids.ACTION_CANCEL,
    ]


def typed(view: Block, comment: object) -> Block:
    """Return a view as it is submitted with a comment."""
    return view | {"state": {"values": {ids.BLOCK_COMMENT: {ids.ACTION_COMMENT: {"value": comment}}}}}


@pytest.mark.parametrize(
    ("comment", "accepted"), [("Not now", True), (" \n", False), (None, False), (7, False), ("x" * 1001, False)]
)
def test_a_rejection_needs_a_comment(comment: object, *, accepted: bool) -> None:
    """A rejection comes back with what was shown and the comment, which must say something."""
    meta = ReviewMeta(request="TS-ABCD1234", revision=2, digest="a" * 64)
    read = parse_reject(typed(reject_view(meta), comment))
    assert read.meta == meta
    assert (read.errors == {}) is accepted


def test_a_cancellation_may_go_without_a_comment() -> None:
    """A request can be cancelled with or without a reason."""
    assert parse_cancel(typed(cancel_view(asked(), SHOWN), None)).errors == {}
    read = parse_cancel(typed(cancel_view(asked(), SHOWN), "Changed my mind"))
    assert (read.request_id, read.comment, read.errors) == ("TS-ABCD1234", "Changed my mind", {})
    assert parse_cancel({}).request_id is None
