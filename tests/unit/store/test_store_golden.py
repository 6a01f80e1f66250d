"""Rows as they are stored today are read tomorrow, and what cannot be read is listed instead of breaking the list.

`stored_requests.json` holds what each operation stores. It may be added to; it must never be changed to make a test
pass: databases hold it.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from handlers.comparison import Gap, Gaps, Kind, Reference, Unresolved
from handlers.models import Problem, Request, Story, StoryStatus, SyncMode, Team
from handlers.operations.create import CreateFacts, CreateParams, CreateWork
from handlers.operations.following import ExistingDestination, SyncResult
from handlers.operations.registry import all_operations
from handlers.store import OpaqueParams
from handlers.store import tables as t
from handlers.store.database import open_engine, parse_url
from handlers.store.rows import Opaque, OpaqueFacts, request_columns

from .harness import StoreHarness, a_request

STORED: Final[Mapping[str, Mapping[str, Any]]] = json.loads(
    (Path(__file__).parent / "stored_requests.json").read_text()
)
PARAMS, FACTS = STORED["create"]["params"], STORED["create"]["facts"]
TRIAGE: Final = Story(id=9981, name="Triage", edited_at=datetime(2026, 3, 2, 10, tzinfo=UTC))
TWO: Final = Story(id=12, name="Two")
ASKED: Final = CreateParams(
    source_team=Team(id=7, name="SecOps"),
    stories=(
        Story(id=9981, name="Triage", tags=("phishing",), edited_at=datetime(2026, 3, 2, 10, 0, 0, 123456, UTC)),
        TWO,
    ),
    destination_team=Team(id=42, name="SecOps copies"),
    mode=SyncMode.MANUAL,
)
FOUND: Final = CreateFacts(
    stories=(TRIAGE,),
    gone=(TWO,),
    existing=(
        ExistingDestination(id=24, story_names=("Old",), story_ids=(5,), manual=True, url="https://Prod.example/"),
    ),
    add_to=24,
    unreadable=1,
    source_team=Team(id=7, name="SecOps"),
    hashes={9981: "5f1c"},
    gaps=Gaps(
        missing=(Gap(reference=Reference(kind=Kind.CREDENTIAL, slug="jira"), stories=("Triage",), not_shared=True),),
        unresolved=(Unresolved(text="RESOURCE[body.region]", stories=("Triage",)),),
        unchecked=(Kind.STORY,),
        unchecked_because=("Stories cannot be checked: prod did not answer in time.",),
        unread=("Two",),
    ),
)
CAME_TO: Final = SyncResult(
    destination_id=25,
    how="adopted",
    key="5a17$5f1c",
    copies={12: 77},
    statuses=(
        StoryStatus(story_id=9981, name="Triage", status="failed", error="No credential"),
        StoryStatus(story_id=12, name="Two", status="synced"),
    ),
)


async def stored(harness: StoreHarness, **columns: Any) -> Request:  # noqa: ANN401 - columns of the table
    """Write a row whose columns hold this, beside an ordinary one, and return what is read and listed of it."""
    store = harness.store()
    async with store.transaction() as transaction:
        for number in (1, 2):
            await transaction.requests.add(a_request(number))
    engine = open_engine(parse_url(harness.url))
    async with engine.begin() as connection:
        await connection.execute(sa.update(t.requests).where(t.requests.c.id == "TS-00000001").values(**columns))
    await engine.dispose()
    async with store.reading() as reader:
        found = await reader.requests.get("TS-00000001")
        listed, total = await reader.requests.requested_by("U0RINA", limit=10)
    assert found is not None
    assert found in listed
    assert ({each.id for each in listed}, total) == ({"TS-00000001", "TS-00000002"}, 2)
    return found


def test_each_operation_has_a_row() -> None:
    """Whoever adds an operation adds what it stores."""
    assert STORED.keys() == all_operations().keys()


@pytest.mark.parametrize("name", STORED)
async def test_what_an_operation_stored_is_read(harness: StoreHarness, name: str) -> None:
    """The JSON that holds a request today is read as the types of its operation, with nothing lost, and stored as it was."""
    request = await stored(harness, operation=name, **STORED[name])
    kept = {column: getattr(request, column) for column in STORED[name]}
    types = all_operations()[name]
    assert {column: type(value) for column, value in kept.items()} == {
        "params": types.params,
        "facts": types.facts,
        "work": types.work,
        "result": types.result,
    }
    assert request_columns(kept) == STORED[name]


async def test_a_create_that_was_stored_is_read(harness: StoreHarness) -> None:
    """What is asked for, found, written down before the call, and come to, is read from the JSON that holds it today."""
    request = await stored(harness, **STORED["create"])
    assert request.params == ASKED
    assert request.facts == FOUND
    assert request.work == CreateWork(preexisting_ids=(3, 24))
    assert request.result == CAME_TO


def test_a_create_is_stored_as_it_is_read() -> None:
    """What is stored is the same JSON, so that the version before this one reads it as well."""
    columns = request_columns(
        {"params": ASKED, "facts": FOUND, "work": CreateWork(preexisting_ids=(3, 24)), "result": CAME_TO}
    )
    assert columns == STORED["create"]


async def test_facts_from_before_sources_were_compared_are_read(harness: StoreHarness) -> None:
    """What was found for a create when nobody looked at its sources is read, and says that nobody did."""
    before = {key: value for key, value in FACTS.items() if key not in {"hashes", "gaps"}}
    request = await stored(harness, params=PARAMS, facts=before)
    assert request.facts == FOUND.model_copy(update={"hashes": {}, "gaps": None})


async def test_what_a_newer_version_added_is_left_aside(harness: StoreHarness) -> None:
    """A field that is not known yet does not keep a row from being read, and neither does one that was not there then."""
    newer = PARAMS | {"v": 2, "colour": "red"}
    request = await stored(harness, params=newer, work={}, result={"destination_id": 25})
    assert request.params == ASKED.model_copy(update={"v": 2})
    assert request.work == CreateWork()
    assert request.result == SyncResult(destination_id=25)


async def test_an_operation_that_is_not_known_is_kept_as_it_is(harness: StoreHarness) -> None:
    """A request of an operation of a newer version is listed with all that its row holds, to be written back unchanged."""
    held = {"name": "Production", "essence": 1, "deep": {"v": [1, None]}}
    request = await stored(harness, operation="teleport", params=held, facts=held, work=held, result=held)
    assert isinstance(request.params, OpaqueParams)
    assert isinstance(request.facts, OpaqueFacts)
    assert isinstance(request.work, Opaque)
    assert isinstance(request.result, Opaque)
    kept = {name: getattr(request, name) for name in ("params", "facts", "work", "result")}
    assert request_columns(kept) == dict.fromkeys(kept, held)


@pytest.mark.parametrize("column", ["params", "facts", "work", "result"])
@pytest.mark.parametrize(
    "value",
    [
        {"v": 1, "stories": "none", "preexisting_ids": "all", "destination_id": {}},
        {"stories": [{"id": "x"}], "preexisting_ids": 7, "statuses": [7]},
        [],
        [1],
        "text",
        7,
        True,
    ],
    ids=str,
)
async def test_json_that_cannot_be_read_is_listed(harness: StoreHarness, column: str, value: object) -> None:
    """A row whose JSON is not what its operation keeps is read as of an unknown one: listed, and never a crash."""
    request = await stored(harness, **{column: value})
    assert isinstance(request.params, OpaqueParams)
    assert request.problem is None or isinstance(request.problem, Problem)
