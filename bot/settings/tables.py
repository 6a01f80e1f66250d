"""The tables of the TOML file as pydantic models: which keys there are, what they mean, what is refused.

A field's description is what a person reads as "expected" when the value is wrong. Models read with a `Context`;
rules over several keys sit on the last key they need, so that they speak even when another key is wrong as well.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
)

from bot.settings.faults import did_you_mean, wrong
from bot.settings.values import (
    PROXY_SETTING,
    is_person,
    read_anybody,
    read_channel,
    read_duration,
    read_origin,
    read_pause,
    read_person_or_group,
    read_proxy_setting,
    read_secret,
)
from handlers.comparison import parse_pointer
from handlers.network import CA_EXPECTED, NetworkError, ssl_context
from handlers.routes import Existing, Ping, PreflightRule, Weekly

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # by their number in Python
_WEEKLY: Final = 'a day (mon, tue, wed, thu, fri, sat, sun) and a time: "mon 09:00"'
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Context:
    """What a table is read against."""

    environ: Mapping[str, str]
    folder: Path  # where relative `file:` references start
    tenants: tuple[str, ...]  # aliases that the file defines, faulty ones included


def _context(info: ValidationInfo) -> Context:
    if not isinstance(info.context, Context):  # pragma: no cover  # a mistake in this program, not in a file
        message = "tables are read with a Context"
        raise TypeError(message)
    return info.context


def _secret(value: object, info: ValidationInfo) -> SecretStr:
    context = _context(info)
    return read_secret(value, context.environ, context.folder)


def _proxy(value: object, info: ValidationInfo) -> SecretStr:
    context = _context(info)
    return read_proxy_setting(value, context.environ, context.folder)


def _ca_file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value:
        problem = "is not a path"
        raise wrong(problem, CA_EXPECTED)
    path = _context(info).folder / value
    try:
        ssl_context(path)
    except NetworkError as error:
        problem = f"cannot be used: {error}"
        raise wrong(problem, CA_EXPECTED) from None
    return path


def _tenant(alias: str, info: ValidationInfo) -> str:
    tenants = _context(info).tenants
    if alias not in tenants:
        problem = "names a tenant that the file does not define"
        raise wrong(problem, did_you_mean(alias, tenants))
    return alias


def _distinct(entries: tuple[str, ...]) -> tuple[str, ...]:
    twice = [entry for entry, count in Counter(entries).items() if count > 1]
    if twice:
        problem = f"lists {', '.join(twice)} more than once"
        raise wrong(problem, "each entry once")
    return entries


def _pointer(text: str) -> str:
    try:
        parse_pointer(text)
    except ValueError:
        problem = "is not a JSON pointer"
        raise wrong(problem, '"/agents/*/options/url"') from None
    return text


Secret = Annotated[SecretStr, BeforeValidator(_secret)]
Proxy = Annotated[SecretStr, BeforeValidator(_proxy)]
CaFile = Annotated[Path, BeforeValidator(_ca_file)]
TenantName = Annotated[StrictStr, AfterValidator(_tenant)]
Duration = Annotated[timedelta, BeforeValidator(read_duration)]
Channel = Annotated[StrictStr, AfterValidator(read_channel)]
Channels = Annotated[tuple[Channel, ...], AfterValidator(_distinct)]
Everybody = Annotated[tuple[Annotated[StrictStr, AfterValidator(read_anybody)], ...], AfterValidator(_distinct)]
Somebody = Annotated[tuple[Annotated[StrictStr, AfterValidator(read_person_or_group)], ...], AfterValidator(_distinct)]


def _weekly(value: object) -> Weekly:
    day, _, at = value.strip().partition(" ") if isinstance(value, str) else ("", "", "")
    if day.lower() not in _DAYS or not _CLOCK.fullmatch(at.strip()):
        problem = "is not a day of the week and a time of day"
        raise wrong(problem, _WEEKLY)
    return Weekly(day=_DAYS.index(day.lower()), at=_time_of_day(at.strip()))


class Table(BaseModel):
    """A table in which every key is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TenantTable(Table):
    """`[tenants.ALIAS]`."""

    url: Annotated[StrictStr, AfterValidator(read_origin)] = Field(
        description='the tenant\'s full origin, "https://acme.tines.com"'
    )
    api_key: Secret = Field(description='a reference to the key: "env:TINES_DEV_API_KEY" or "file:/run/secrets/dev"')
    publish_key: Secret | None = Field(default=None, description='a reference to the key: "env:TINES_PROD_PUBLISH"')
    require_change_control: StrictBool = Field(default=True, description="true or false")
    ca_file: CaFile | None = Field(default=None, description=CA_EXPECTED)
    proxy: Proxy | None = Field(default=None, description=PROXY_SETTING)


class PolicyTable(Table):
    """Who may do what, as a route says it. The order of the fields is the order in which rules can look back."""

    denied: Somebody = Field(default=(), description='a list of user ids and user-group ids: ["U0EVE"]')
    requesters: Everybody = Field(description='a list of user ids, user-group ids or "*": ["*"]')
    approvers: Everybody = Field(description='a list of user ids, user-group ids or "*": ["S0APPROVERS", "U0ADA"]')
    self_approval: StrictBool = Field(default=False, description="true or false")
    approvals: StrictInt = Field(default=1, ge=1, validate_default=True, description="a number from 1")
    separate_groups: StrictInt = Field(default=1, ge=1, description="a number from 1")

    @field_validator("requesters", "approvers")
    @classmethod
    def _somebody_may(cls, entries: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        denied = info.data.get("denied", ())
        if not entries:
            problem = "is empty: nobody may"
            raise wrong(problem, f"at least one entry: {cls.model_fields[info.field_name or ''].description}")
        if set(entries) <= set(denied):
            problem = "lists only entries that `denied` removes again: nobody may"
            raise wrong(problem, "at least one entry that is not in denied")
        return entries

    @field_validator("approvals")
    @classmethod
    def _quorum_is_possible(cls, approvals: int, info: ValidationInfo) -> int:
        denied = set(info.data.get("denied", ()))
        approvers = set(info.data.get("approvers", ())) - denied
        if not approvers or not all(map(is_person, approvers)):
            return approvals  # how many people a group has is known to Slack only: `tines-sync check` looks
        possible = len(approvers)
        requesters = set(info.data.get("requesters", ())) - denied
        if requesters and all(map(is_person, requesters)) and info.data.get("self_approval") is False:
            possible = max(len(approvers - {requester}) for requester in requesters)
        if approvals > possible:
            problem = f"requires {approvals}, but at most {possible} of the listed people can approve any request"
            raise wrong(problem, "no more than can approve: without the requester, unless self_approval is on")
        return approvals

    @field_validator("separate_groups")
    @classmethod
    def _groups_are_possible(cls, groups: int, info: ValidationInfo) -> int:
        if info.data.get("approvals") == 0:
            return groups  # nobody has to approve
        if groups > len(info.data.get("approvers", ())) and "approvers" in info.data:
            problem = f"requires {groups} different entries, but approvers lists {len(info.data['approvers'])}"
            raise wrong(problem, "no more than there are entries in approvers")
        if groups > info.data.get("approvals", groups):
            problem = f"requires {groups} different entries, but {info.data['approvals']} approval(s) are enough"
            raise wrong(problem, "no more than approvals")
        return groups


class RouteTable(PolicyTable):
    """`[routes.NAME]`."""

    source: TenantName = Field(description="the alias of the tenant that stories come from")
    destination: TenantName = Field(description="the alias of the tenant that stories go to")
    break_glass: Somebody = Field(default=(), description='a list of user ids and user-group ids: ["U0ADA"]')
    approval_channel: Channel = Field(description='a channel id: "C0APPROVALS"')
    notify: Channels = Field(default=(), description='a list of channel ids: ["C0SECOPS"]')
    expires_after: Duration = Field(default=timedelta(hours=72), description='a duration: "72h"')
    approval_valid_for: Duration | None = Field(default=None, description='a duration: "24h"')
    remind_after: Duration | None = Field(default=None, description='a duration: "4h"')
    summary: Annotated[Weekly, BeforeValidator(_weekly)] | None = Field(default=None, description=_WEEKLY)
    ping_approvers: Ping = Field(default=Ping.OFF, description='"off", "mention" or "direct"')
    existing: Existing = Field(default=Existing.ASK, description='"ask" or "add"')
    preflight: PreflightRule = Field(default=PreflightRule.WARN, description='"warn" or "strict"')

    @field_validator("remind_after")
    @classmethod
    def _reminds_in_time(cls, after: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if after is not None and after >= info.data.get("expires_after", timedelta.max):
            problem = "is not before the request expires"
            raise wrong(problem, "less than expires_after")
        return after


class DiffTable(Table):
    """`[routes.NAME.diff]`."""

    ignore: Annotated[tuple[Annotated[StrictStr, AfterValidator(_pointer)], ...], AfterValidator(_distinct)] = Field(
        default=(), description='a list of JSON pointers into an export, with `*`: ["/agents/*/options/url"]'
    )


class OperationTable(Table):
    """`[routes.NAME.operations.OPERATION]`. What is not said is the route's."""

    enabled: StrictBool = Field(default=True, description="true or false")
    requesters: Everybody | None = Field(default=None, description='a list of user ids, user-group ids or "*": ["*"]')
    approvers: Everybody | None = Field(
        default=None, description='a list of user ids, user-group ids or "*": ["U0ADA"]'
    )
    self_approval: StrictBool | None = Field(default=None, description="true or false")
    approvals: StrictInt | None = Field(default=None, ge=0, description="a number from 0 (0: it runs at once)")
    separate_groups: StrictInt | None = Field(default=None, ge=1, description="a number from 1")


class OperationPolicyTable(PolicyTable):
    """The policy that holds for one operation: what its table says, and the route's for the rest."""

    approvals: StrictInt = Field(ge=0, description="a number from 0 (0: it runs at once)")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problem = "is not a time zone"
        raise wrong(problem, _zones_like(name)) from None
    return name


def _zones_like(name: str) -> str:
    """Say which time zone was probably meant."""
    known = sorted(available_timezones())
    wanted = name.strip().casefold().replace(" ", "_")
    same = [zone for zone in known if wanted in {zone.casefold(), zone.rpartition("/")[2].casefold()}]
    close = same or get_close_matches(wanted, [zone.casefold() for zone in known], n=1)
    if not close:
        return 'an IANA name: "Europe/Berlin"'
    zone = next(zone for zone in known if zone.casefold() == close[0].casefold())
    return f'an IANA name: "{zone}" (did you mean that?)'


def _time_of_day(value: object) -> time:
    if isinstance(value, time) and value.tzinfo is None:
        return value
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        problem = "is not a time of day"
        raise wrong(problem, '"09:00"')
    return time(int(match[1]), int(match[2]))


def _weekday(value: object) -> int:
    name = value.lower()[:3] if isinstance(value, str) else ""
    if name not in _DAYS:
        problem = "is not a day of the week"
        raise wrong(problem, f"one of: {', '.join(_DAYS)}")
    return _DAYS.index(name)


def _some_day(days: tuple[int, ...]) -> tuple[int, ...]:
    if not days:
        problem = "is empty: there would be no day to remind anybody"
        raise wrong(problem, "at least one day")
    return days


def _iso_date(value: object) -> str:
    try:
        day = value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        problem = "is not a date"
        raise wrong(problem, '"2026-12-25"') from None
    return day.isoformat()[:10]


class CalendarTable(Table):
    """`[calendar]`: when people may be reminded."""

    time_zone: Annotated[StrictStr, AfterValidator(_zone)] = Field(
        default="UTC", description='an IANA name: "Europe/Berlin"'
    )
    working_days: Annotated[tuple[Annotated[int, BeforeValidator(_weekday)], ...], AfterValidator(_some_day)] = Field(
        default=(0, 1, 2, 3, 4), description='a list of days: ["mon", "tue", "wed", "thu", "fri"]'
    )
    from_time: Annotated[time, BeforeValidator(_time_of_day)] = Field(
        default=time(9), alias="from", description='"09:00"'
    )
    to_time: Annotated[time, BeforeValidator(_time_of_day)] = Field(
        default=time(17), alias="to", validate_default=True, description='"17:00"'
    )
    days_off: tuple[Annotated[str, BeforeValidator(_iso_date)], ...] = Field(
        default=(), description='a list of dates: ["2026-12-25"]'
    )

    @field_validator("to_time")
    @classmethod
    def _ends_after_it_starts(cls, end: time, info: ValidationInfo) -> time:
        if end <= info.data.get("from_time", time.min):
            problem = "is not after `from`: there would be no time to remind anybody"
            raise wrong(problem, "a later time on the same day")
        return end


class WatchTable(Table):
    """`[watch]`: how sync destinations are watched."""

    every: Annotated[timedelta, BeforeValidator(read_pause)] = Field(
        default=timedelta(minutes=10), description='a duration from 10 seconds on: "10m"; "0" to not watch them'
    )
    behind_after: Duration = Field(default=timedelta(hours=1), description='a duration: "1h"')
