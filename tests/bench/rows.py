"""A store with many requests in it, written in bulk."""

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa

from handlers.announcements import approval_key
from handlers.models import Request, State, Story, Team, digest_of, new_request_id
from handlers.operations.create import CreateFacts, CreateParams
from handlers.store import migrate
from handlers.store import tables as t
from handlers.store.database import open_engine, parse_url
from handlers.store.rows import request_columns
from tests.bench.product import ROUTE, requester
from tests.bench.stub import story

_AT_ONCE = 2000
_ORIGINS = ("https://dev.invalid", "https://prod.invalid")
_ENDED = (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.REJECTED, State.CANCELLED, State.EXPIRED)
# as the tenant lists them: a request for stories that were edited since is sent back to its approvers
_STORIES = tuple(
    Story.model_validate({key: story(number)[key] for key in ("id", "name", "tags", "edited_at")})
    for number in range(1, 4)
)


def fill(
    database_url: str, count: int, *, pending: int, approved: int = 0, origins: tuple[str, str] = _ORIGINS
) -> list[str]:
    """Write requests, the last of them pending or approved and due now; returns the ids of those last ones.

    `origins` are the addresses of the tenants: a request for others is not carried out.
    """
    return asyncio.run(_fill(database_url, count, pending, approved, origins))


async def _fill(database_url: str, count: int, pending: int, approved: int, origins: tuple[str, str]) -> list[str]:
    await migrate(database_url)
    engine = open_engine(parse_url(database_url))
    rng = random.Random(11)  # noqa: S311 - the same rows in every run
    made = _requests(count, pending, approved, origins, rng)
    last: list[str] = []
    while some := list(islice(made, _AT_ONCE)):
        async with engine.begin() as connection:
            await connection.execute(sa.insert(t.requests), [_columns(request) for request in some])
            await connection.execute(sa.insert(t.announcements), [_announcement(request) for request in some])
        last += [request.id for request in some if request.state not in _ENDED]
    await engine.dispose()
    return last


def _requests(
    count: int, pending: int, approved: int, origins: tuple[str, str], rng: random.Random
) -> Iterator[Request]:
    now = datetime.now(UTC)
    for number in range(count):
        if number >= count - approved:
            state = State.APPROVED
        elif number >= count - approved - pending:
            state = State.PENDING
        else:
            state = rng.choice(_ENDED)
        at = now - timedelta(seconds=30 * (count - number))
        due = {State.PENDING: now + timedelta(days=2), State.APPROVED: now}.get(state)
        params = CreateParams(
            source_team=Team(id=1, name="Team 1"),
            destination_team=Team(id=1 + number % 999, name=f"Team {1 + number % 999}"),
            stories=_STORIES,
        )
        facts = CreateFacts(stories=_STORIES) if state is State.APPROVED else None
        yield Request(
            id=new_request_id(),
            state=state,
            revision=1,
            operation="create",
            route=ROUTE,
            source="dev",
            destination="prod",
            origins=origins,
            resource=f"dev 1 > prod {params.destination_team.id}",
            params=params,
            facts=facts,
            digest=digest_of("create", ROUTE, params, origins, facts),
            reason=f"Ready for production, number {number}",
            requester=requester(number),
            editor=requester(number),
            created_at=at,
            updated_at=at,
            expires_at=now + timedelta(days=3),
            next_run_at=due,
            finished_at=at if state in _ENDED else None,
        )


def _columns(request: Request) -> dict[str, Any]:
    fields = {name: getattr(request, name) for name in Request.model_fields if name != "decisions"}
    return request_columns(fields)


def _announcement(request: Request) -> dict[str, Any]:
    return {
        "key": approval_key(request.id),
        "request_id": request.id,
        "kind": "approval",
        "data": {},
        "conversation": "C0APPROVALS",
        "desired_version": 1,
        "delivered_version": 1,
        "channel": "C0APPROVALS",
        "messages": [{"ts": "1.000100", "hash": "x"}],
        "created_at": request.created_at,
        "ordered_at": request.created_at,
    }
