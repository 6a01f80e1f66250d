from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from handlers.models import Request, State, Story, SyncMode, Team
from handlers.operations.create import Create, CreateFacts, CreateParams, CreateWork
from handlers.operations.following import ExistingDestination
from handlers.operations.outcomes import AskAgain, Send
from handlers.operations.schedule import Schedule

NOW: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ONE: Final = Story(id=11, name="One", edited_at=NOW)
TWO: Final = Story(id=12, name="Two", edited_at=NOW)
EDITED: Final = ONE.model_copy(update={"edited_at": NOW + timedelta(minutes=5)})
RENAMED: Final = ONE.model_copy(update={"name": "Eins"})


def facts(*ids: int, one: Story | None = ONE, add_to: int | None = None) -> CreateFacts:
    """Return what is there: destinations for the same teams, and how the first story is now; None for gone."""
    return CreateFacts(
        stories=(TWO,) if one is None else (one, TWO),
        gone=(ONE,) if one is None else (),
        existing=tuple(ExistingDestination(id=each) for each in ids),
        add_to=add_to,
    )


def a_request(*, emergency: bool = False, work: CreateWork | None = None) -> Request:
    """Return an approved request for two stories."""
    return Request(
        id="TS-00000001",
        state=State.APPROVED,
        revision=1,
        operation="create",
        route="dev-to-prod",
        source="dev",
        destination="prod",
        origins=("https://dev.example", "https://prod.example"),
        resource="pair",
        params=CreateParams(
            source_team=Team(id=1, name="SecOps"),
            stories=(ONE, TWO),
            destination_team=Team(id=2, name="SecOps"),
            mode=SyncMode.AUTOMATIC,
        ),
        digest="0" * 64,
        reason="Ready",
        requester="U0RINA",
        editor="U0RINA",
        emergency=emergency,
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + timedelta(days=3),
        work=work,
    )


def again(**data: object) -> AskAgain:
    """Return the step back to the approvers that says one thing."""
    kind = "stories_changed" if "changes" in data else "existing_found"
    return AskAgain.model_validate({"notes": [{"kind": kind, "data": data}]})


def changed(*sentences: str) -> AskAgain:
    """Return the step back to the approvers because stories have changed."""
    return again(changes=[*sentences, "It needs approval again."])


CREATE: Final = Send(work=CreateWork(preexisting_ids=()))
TABLE: Final = [
    ("nothing is there", facts(), facts(), CREATE),
    ("what is there was shown", facts(7), facts(7), Send(work=CreateWork(preexisting_ids=(7,)))),
    ("what is there was not shown", facts(), facts(7), again(destination_ids=[7])),
    ("one of two was not shown", facts(7), facts(7, 8), again(destination_ids=[8])),
    ("one that was shown is gone", facts(7, 8), facts(7), Send(work=CreateWork(preexisting_ids=(7,)))),
    ("a story was edited", facts(), facts(one=EDITED), changed("One was edited in Tines.")),
    (
        "a story is gone",
        facts(),
        facts(one=None),
        changed("One was deleted, was moved, or no longer has change control."),
    ),
    ("a story was only renamed", facts(), facts(one=RENAMED), CREATE),
    (
        "adding was approved",
        facts(7, add_to=7),
        facts(7, add_to=7),
        Send(work=CreateWork(add_to=7, preexisting_ids=(7,))),
    ),
    ("adding was approved, and it is gone", facts(7, add_to=7), facts(), again(destination_ids=[])),
    ("creating was approved, and adding would be done", facts(7), facts(7, add_to=7), again(destination_ids=[7])),
    ("adding was approved, and there are two", facts(7, add_to=7), facts(7, 8), again(destination_ids=[8])),
    ("nobody had to approve", None, facts(7), Send(work=CreateWork(preexisting_ids=(7,)))),
    (
        "nobody had to approve, and a story is gone",
        None,
        facts(one=None),
        changed("One was deleted, was moved, or no longer has change control."),
    ),
]


@pytest.mark.parametrize(("approved", "now", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_done(approved: CreateFacts | None, now: CreateFacts, expected: Send | AskAgain) -> None:
    """What is done for an approved request follows from what was approved and what is there now."""
    assert Create().decide(a_request(), approved, now, Schedule()) == expected


def test_whoever_runs_it_without_approval_answers_for_what_is_there() -> None:
    """A request that is run at once is sent as it is, even where a story is gone: Tines says so itself."""
    assert Create().decide(a_request(emergency=True), None, facts(7, one=None), Schedule()) == Send(
        work=CreateWork(preexisting_ids=(7,))
    )


@pytest.mark.parametrize("emergency", [True, False])
def test_what_an_earlier_call_may_have_made_is_not_made_again(emergency: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """A destination that appeared since an earlier call, whatever its answer said, keeps a second one from being created."""
    request = a_request(emergency=emergency, work=CreateWork(preexisting_ids=(7,)))
    assert Create().decide(request, None, facts(7, 8), Schedule()) == again(destination_ids=[8])
    assert Create().decide(request, None, facts(7), Schedule()) == Send(work=CreateWork(preexisting_ids=(7,)))
    adding = Send(work=CreateWork(preexisting_ids=(7, 8), add_to=8))
    assert Create().decide(request, None, facts(7, 8, add_to=8), Schedule()) == adding


def test_a_second_call_still_knows_what_was_there_before_the_first() -> None:
    """What was there before any call is kept, so that a late answer to the first one is recognized."""
    work = CreateWork(preexisting_ids=(3,))
    step = Create().decide(a_request(work=work), facts(7), facts(7), Schedule())
    assert step == Send(work=CreateWork(preexisting_ids=(3, 7)))
