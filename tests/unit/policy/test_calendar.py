from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.calendar import NeverAllowedError, may_remind, next_allowed
from handlers.routes import Calendar

OFFICE = Calendar(time_zone="Europe/Berlin", days_off=("2026-12-25",))
NIGHT_SHIFT = Calendar(time_zone="Europe/Berlin", from_time=time(22), to_time=time(6))


def berlin(text: str, *, fold: int = 0) -> datetime:
    """Read a wall-clock time in Berlin; `fold=1` is its second coming when the clocks go back."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)


@dataclass(frozen=True)
class Case:
    """A calendar, a moment, and the first moment from it on at which people may be reminded."""

    id: str
    calendar: Calendar
    at: datetime
    first: datetime


CASES = [
    Case("in working hours, at once", OFFICE, berlin("2026-03-02T10:30"), berlin("2026-03-02T10:30")),
    Case("at the first minute", OFFICE, berlin("2026-03-02T09:00"), berlin("2026-03-02T09:00")),
    Case("before work, at nine", OFFICE, berlin("2026-03-02T03:00"), berlin("2026-03-02T09:00")),
    Case("at the end of work, tomorrow", OFFICE, berlin("2026-03-02T17:00"), berlin("2026-03-03T09:00")),
    Case("on Friday evening, on Monday", OFFICE, berlin("2026-03-06T18:00"), berlin("2026-03-09T09:00")),
    Case("at the weekend, on Monday", OFFICE, berlin("2026-03-07T11:00"), berlin("2026-03-09T09:00")),
    Case("on a day off, after it and the weekend", OFFICE, berlin("2026-12-25T10:00"), berlin("2026-12-28T09:00")),
    Case("nine stays nine in summer time", OFFICE, berlin("2026-03-27T17:00"), berlin("2026-03-30T09:00")),
    Case("nine stays nine in winter time", OFFICE, berlin("2026-10-23T17:00"), berlin("2026-10-26T09:00")),
    Case("a night shift begins in the evening", NIGHT_SHIFT, berlin("2026-03-02T12:00"), berlin("2026-03-02T22:00")),
    Case("a night shift runs over midnight", NIGHT_SHIFT, berlin("2026-03-03T02:00"), berlin("2026-03-03T02:00")),
    Case("Friday's night shift ends on Saturday", NIGHT_SHIFT, berlin("2026-03-07T05:59"), berlin("2026-03-07T05:59")),
    Case("Sunday's early hours are nobody's", NIGHT_SHIFT, berlin("2026-03-08T02:00"), berlin("2026-03-09T22:00")),
    Case(
        "hours that begin in the hour left out begin when the clocks have changed",
        Calendar(time_zone="Europe/Berlin", working_days=(6,), from_time=time(2, 30), to_time=time(5)),
        berlin("2026-03-29T00:00"),
        berlin("2026-03-29T03:00"),
    ),
    Case(
        "hours that lie in the hour left out are left out",
        Calendar(time_zone="Europe/Berlin", working_days=(6,), from_time=time(2, 15), to_time=time(2, 45)),
        berlin("2026-03-29T00:00"),
        berlin("2026-04-05T02:15"),
    ),
    Case(
        "hours that come twice are used once",
        Calendar(time_zone="Europe/Berlin", working_days=(6,), from_time=time(2, 15), to_time=time(2, 45)),
        berlin("2026-10-25T02:20", fold=1),
        berlin("2026-11-01T02:15"),
    ),
    Case(
        "a day that a country skipped is skipped",
        Calendar(time_zone="Pacific/Apia", working_days=(0, 1, 2, 3, 4, 5, 6)),
        datetime(2011, 12, 29, 17, tzinfo=ZoneInfo("Pacific/Apia")),
        datetime(2011, 12, 31, 9, tzinfo=ZoneInfo("Pacific/Apia")),
    ),
    Case(
        "equal times are the whole day",
        Calendar(working_days=(0,), from_time=time(0), to_time=time(0)),
        datetime(2026, 3, 2, 23, 59, tzinfo=UTC),
        datetime(2026, 3, 2, 23, 59, tzinfo=UTC),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_people_are_reminded_in_working_time_only(case: Case) -> None:
    """The next reminder comes at once in working time, and else when working time next begins."""
    first = next_allowed(case.calendar, case.at)
    assert first == case.first.astimezone(UTC)
    assert first.tzinfo is UTC
    assert may_remind(case.calendar, case.at) is (case.first == case.at)


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar(working_days=()),
        Calendar(
            working_days=(0,), days_off=tuple((date(2026, 3, 2) + timedelta(weeks=n)).isoformat() for n in range(110))
        ),
    ],
    ids=["no working day", "every working day off"],
)
def test_a_calendar_without_working_time_is_said_to_be_one(calendar: Calendar) -> None:
    """Looking for a working day that never comes ends, and says which settings to check."""
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert not may_remind(calendar, at)
    with pytest.raises(NeverAllowedError, match="working_days, days_off"):
        next_allowed(calendar, at)


CALENDARS = st.builds(
    Calendar,
    time_zone=st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")),
    working_days=st.sets(st.integers(0, 6), min_size=1).map(tuple),
    # whole quarters of an hour, so that a search in such steps misses no opening
    from_time=st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 45))),
    to_time=st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 45))),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis wants naive bounds beside `timezones`


@given(calendar=CALENDARS, at=MOMENTS)
def test_the_next_allowed_moment_is_allowed_and_not_in_the_past(calendar: Calendar, at: datetime) -> None:
    """What is called allowed is allowed, never lies before now, and asking again from there changes nothing."""
    first = next_allowed(calendar, at)
    assert first >= at
    assert may_remind(calendar, first)
    assert next_allowed(calendar, first) == first


@given(calendar=CALENDARS, at=MOMENTS, share=st.floats(0, 1, exclude_max=True))
def test_no_earlier_moment_is_allowed(calendar: Calendar, at: datetime, share: float) -> None:
    """Between now and the next allowed moment there is none at which people might have been reminded sooner."""
    first = next_allowed(calendar, at)
    between = at + share * (first - at)
    assert between == first or not may_remind(calendar, between)
