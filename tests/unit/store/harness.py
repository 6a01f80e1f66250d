"""What the tests of the store put on its harnesses."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from handlers.jobs import Job
from handlers.models import Request, State, Story, Team, digest_of
from handlers.operations.create import CreateParams
from handlers.operations.registry import all_operations
from handlers.store import Store
from handlers.store.database import is_sqlite, open_engine, parse_url

MONDAY: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def sync_engine(url: str) -> sa.Engine:
    """Return a synchronous engine, for what a test does to a database behind the store's back."""
    parsed = parse_url(url)
    return sa.create_engine(parsed if is_sqlite(parsed) else parsed.set(drivername="postgresql+psycopg"))


class Jobs:
    """Keeps the jobs of transactions that committed."""

    def __init__(self) -> None:
        self.woken: list[Job] = []

    def wake(self, jobs: Iterable[Job]) -> None:
        """Keep the jobs."""
        self.woken.extend(jobs)


class StoreHarness:
    """A store for each process that a test needs, on one database, at a time that the test says."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.now = MONDAY
        self.jobs = Jobs()
        self.stack = AsyncExitStack()

    def store(self) -> Store:
        """Open a store for a process."""
        store = Store(open_engine(parse_url(self.url)), self.jobs.wake, clock=self._clock, types=all_operations())
        self.stack.push_async_callback(store.close)
        return store

    def _clock(self) -> datetime:
        return self.now


def a_request(number: int = 1, **differs: Any) -> Request:  # noqa: ANN401 - fields of a request
    """Return a pending request."""
    params = CreateParams(
        source_team=Team(id=1, name="SecOps"),
        stories=(Story(id=11, name="One", tags=("a",), edited_at=MONDAY), Story(id=12, name="Two")),
        destination_team=Team(id=2, name="SecOps"),
    )
    origins = ("https://dev.example", "https://prod.example")
    fields: dict[str, Any] = {
        "id": f"TS-{number:08}",
        "state": State.PENDING,
        "revision": 1,
        "operation": "create",
        "route": "dev-to-prod",
        "source": "dev",
        "destination": "prod",
        "origins": origins,
        "resource": "dev 1 > prod 2",
        "params": params,
        "digest": digest_of("create", "dev-to-prod", params, origins, None),
        "reason": "Ready",
        "requester": "U0RINA",
        "editor": "U0RINA",
        "draft_id": f"draft-{number}",
        "created_at": MONDAY,
        "updated_at": MONDAY,
        "expires_at": MONDAY + timedelta(hours=72),
    }
    return Request(**{**fields, **differs})
