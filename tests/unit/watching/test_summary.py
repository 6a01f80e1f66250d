"""The weekly summary of a route: figures of one week, and the right moment for them."""

from datetime import UTC, datetime, time, timedelta

import pytest

from handlers.calendar import next_weekly
from handlers.models import Decision, Request, State, Verdict
from handlers.routes import Calendar, Weekly
from handlers.watching.summary import summarized
from tests.unit.store.harness import MONDAY, a_request

BERLIN = Calendar(time_zone="Europe/Berlin")


def asked(number: int, state: State, minutes: int | None = None, **differs: object) -> Request:
    """Return a request that was approved after some minutes."""
    request = a_request(number, state=state, **differs)
    if minutes is None:
        return request
    decision = Decision(
        request_id=request.id,
        revision=1,
        digest=request.digest,
        actor="U0ADA",
        verdict=Verdict.APPROVE,
        at=request.created_at + timedelta(minutes=minutes),
    )
    return request.model_copy(update={"decisions": (decision,)})


def test_the_figures() -> None:
    """Requests are counted by how they ended, the time to approval is the median, and other routes do not count."""
    requests = [
        asked(1, State.SUCCEEDED, 10),
        asked(2, State.FAILED, 20),
        asked(3, State.FOLLOWING, 600),
        asked(4, State.REJECTED),
        asked(5, State.EXPIRED),
        asked(6, State.PENDING, 1),
        asked(7, State.SUCCEEDED, None, emergency=True),
    ]
    events: list[dict[str, object]] = [
        {"route": "dev-to-prod", "failed": [{"story_id": 1}]},
        {"route": "dev-to-prod", "added": ["a story"]},
        {"route": "dev-to-prod", "recovered": True},
        {"route": "another", "failed": [{"story_id": 1}]},
        {},
    ]
    week = summarized("dev-to-prod", MONDAY, MONDAY, requests, events)
    assert (week.requested, week.approved, week.rejected, week.median_minutes) == (7, 3, 1, 20)
    assert (week.failures, week.recoveries) == (1, 1)
    nothing = summarized("dev-to-prod", MONDAY, MONDAY, [], [])
    assert (nothing.requested, nothing.median_minutes) == (0, None)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (datetime(2026, 3, 2, 7, 59, tzinfo=UTC), datetime(2026, 3, 2, 8, tzinfo=UTC)),  # a Monday
        (datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 9, 8, tzinfo=UTC)),
        (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 30, 7, tzinfo=UTC)),  # after the clocks have changed
    ],
)
def test_the_moment(after: datetime, expected: datetime) -> None:
    """Nine o'clock on Monday is nine o'clock in the calendar's zone, before and after the clocks change."""
    assert next_weekly(BERLIN, Weekly(day=0, at=time(9)), after) == expected
