"""When people may be reminded: within working hours, on working days, in the team's own time zone.

A reminder at three in the morning, or on a day off, teaches people to mute the channel, and the next request waits
unseen. Working hours are turned into moments day by day, in the calendar's zone, so that nine o'clock stays nine
o'clock when the clocks change, and an hour that comes twice does not open the day a second time.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from handlers.routes import Calendar, Route, Weekly

_DAY: Final = timedelta(days=1)
_HORIZON: Final = 366 * 2  # days searched: longer than any list of days off that was meant


class NeverAllowedError(ValueError):
    """The calendar leaves no working time within two years. The text says what to change in the configuration."""


def may_remind(calendar: Calendar, now: datetime) -> bool:
    """Whether `now` (aware) lies in working time: from `from_time` up to, not including, `to_time`.

    Where `to_time` is not after `from_time` the hours run over midnight, as a night shift's do, and belong to the day
    on which they begin; equal times are a whole day.
    """
    zone = ZoneInfo(calendar.time_zone)
    today = now.astimezone(zone).date()
    windows = (_window(calendar, zone, day) for day in (today - _DAY, today))
    return any(start <= now < end for start, end in windows)


def next_allowed(calendar: Calendar, at: datetime) -> datetime:
    """Return the first moment from `at` (aware) on, in UTC, at which people may be reminded; `at` itself if they may.

    Raises `NeverAllowedError` when no working time comes within two years.
    """
    zone = ZoneInfo(calendar.time_zone)
    yesterday = at.astimezone(zone).date() - _DAY
    for days in range(_HORIZON):
        start, end = _window(calendar, zone, yesterday + days * _DAY)
        opening = max(start, at.astimezone(UTC))
        if opening < end:
            return opening
    message = (
        f"The calendar ({calendar.time_zone}) leaves no working time within two years. "
        "Check working_days, days_off, from_time and to_time."
    )
    raise NeverAllowedError(message)


def next_weekly(calendar: Calendar, weekly: Weekly, after: datetime) -> datetime:
    """Return the first moment after another one, in UTC, at which it is that time of the week in the calendar's zone."""
    zone = ZoneInfo(calendar.time_zone)
    today = after.astimezone(zone).date()
    days = (today + number * _DAY for number in range(-1, 9))
    moments = (_first_moment(zone, day, weekly.at) for day in days if day.weekday() == weekly.day)
    return next(moment for moment in moments if moment > after)


def first_look(calendar: Calendar, route: Route, now: datetime) -> datetime:
    """Return when a request that waits for approval from `now` on is looked at next: to remind, or to let it expire."""
    expires = now + route.expires_after
    return expires if route.remind_after is None else min(expires, next_allowed(calendar, now + route.remind_after))


def _window(calendar: Calendar, zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    """Return when the working time that begins on the day starts and ends, in UTC; the same moment twice for none."""
    start = _first_moment(zone, day, calendar.from_time)
    if day.weekday() not in calendar.working_days or day.isoformat() in calendar.days_off:
        return start, start
    over_midnight = calendar.to_time <= calendar.from_time
    return start, _first_moment(zone, day + _DAY if over_midnight else day, calendar.to_time)


def _first_moment(zone: ZoneInfo, day: date, clock: time) -> datetime:
    """Return the first moment, in UTC, at which the clocks of the zone show `clock` or later on that day.

    In the hour left out in spring no clock shows 02:30: the first later moment is the change itself, at 03:00.
    """
    wall = datetime.combine(day, clock)
    # PEP 495: in a gap, fold 0 reads the time with the old offset, which is after the change, and fold 1 with the new.
    with_old, with_new = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if with_old.astimezone(zone).replace(tzinfo=None) == wall:
        return with_old
    return _moment_of_change(zone, with_new, with_old)


def _moment_of_change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """Return the first second from `low` to `high` with the UTC offset that `high` has, by halving."""
    offset = high.astimezone(zone).utcoffset()
    first, last = 0, int((high - low).total_seconds())
    while first < last:
        middle = (first + last) // 2
        if (low + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            last = middle
        else:
            first = middle + 1
    return low + timedelta(seconds=first)
