"""The promises under `kill -9`, at each of the moments that matter most; `make crash` goes through many more."""

import random
from pathlib import Path
from typing import Final

import pytest

from .freezes import frozen_repeatedly
from .kills import Way, killed_repeatedly
from .points import Moment, Point
from .users import OPERATIONS, planned_requests

_CREATE: Final = "/api/v1/admin/sync_destinations"
_POST: Final = "/api/chat.postMessage"
_ON_SQLITE: Final = (
    *(Way(point=Point("POST", _CREATE, moment, 2)) for moment in Moment),
    Way(commit="60 before"),
    Way(commit="60 after"),
)
_ON_POSTGRESQL: Final = (
    *(Way(point=Point("POST", _POST, moment, 3)) for moment in Moment),
    Way(point=Point("POST", _CREATE, Moment.APPLIED)),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Give an empty database of each kind."""
    url: str = request.getfixturevalue("prepared_sqlite" if request.param == "sqlite" else "postgres_database")
    return url


async def test_a_process_that_stands_still_around_a_send_doubles_nothing(database: str, tmp_path: Path) -> None:
    """Stopped right before or after it committed that it is about to send, for moments or until others have done it."""
    chance = random.Random(11)  # noqa: S311 - examples
    figures = await frozen_repeatedly(tmp_path, database, 3, chance=chance, work=planned_requests(chance, 200))
    assert figures.verdict.faults == []
    assert figures.freezes.total() == 3


async def test_clocks_that_are_wrong_double_nothing(postgres_database: str, tmp_path: Path) -> None:
    """A process that starts minutes ahead of the one that died does not take its call for one of long ago.

    On PostgreSQL, where processes on several machines share a database; `make crash` tries SQLite as well.
    """
    how = [
        Way(point=Point("POST", path, moment), clock_ahead=-150)
        for path, moment in ((_CREATE, Moment.APPLIED), (_POST, Moment.ARRIVES))
    ]
    chance = random.Random(13)  # noqa: S311 - examples
    figures = await killed_repeatedly(
        tmp_path, postgres_database, how, work=planned_requests(chance, 200), dead_after=4
    )
    assert figures.verdict.faults == []
    assert figures.kills.total() == len(how)


async def test_nothing_is_lost_and_nothing_is_twice(database: str, tmp_path: Path) -> None:
    """Whatever the app had taken is done once, told once to everybody concerned, and on record without a gap."""
    how = _ON_SQLITE if database.startswith("sqlite") else _ON_POSTGRESQL
    chance = random.Random(5)  # noqa: S311 - examples
    figures = await killed_repeatedly(
        tmp_path, database, how, work=planned_requests(chance, 200, OPERATIONS), dead_after=4
    )
    assert figures.verdict.faults == []
    assert figures.kills.total() == len(how)
    assert figures.verdict.synced > 0
    assert figures.verdict.changed > 0
