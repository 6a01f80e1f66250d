"""Tenants and routes: what configuration allows, as frozen values that the rest of `handlers` reads.

`bot.settings` fills them from TOML and the environment. Keeping their shape here means that no rule needs to know
where it was configured, and that a key is a `SecretStr` from the first moment on.
"""

from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from handlers.models import Request
from handlers.network import proxy_secrets

EVERYBODY: Final = "*"


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tenant(_Config):
    """A Tines tenant the bot knows by an alias."""

    alias: str
    url: str  # full origin without a trailing slash, e.g. "https://acme.tines.com"
    api_key: SecretStr
    publish_key: SecretStr | None = None  # handed to the source tenant when syncing to this one; None: api_key
    require_change_control: bool = True  # offer only stories that Tines would sync
    ca_file: Path | None = None  # the CAs to trust for this tenant; None: as the environment says
    proxy: SecretStr | None = (
        None  # URL of the HTTP proxy to it, perhaps with a password; None: as the environment says
    )

    def secrets(self) -> frozenset[SecretStr]:
        """Return everything of this tenant that must never be shown."""
        keys = (self.api_key, self.publish_key, *proxy_secrets(self.proxy))
        return frozenset(key for key in keys if key is not None)

    @property
    def key_for_publishing(self) -> SecretStr:
        """The key that a source tenant uses to publish stories here."""
        return self.publish_key or self.api_key


class Existing(StrEnum):
    """What to do when a sync destination for the same two teams turns up that the approvers did not see."""

    ASK = "ask"  # ask the approvers again
    ADD = "add"  # add the stories to it


class PreflightRule(StrEnum):
    """What to do when the destination turns out to lack something more than the approvers were told."""

    WARN = "warn"  # say so in the thread
    STRICT = "strict"  # ask the approvers again


class Ping(StrEnum):
    """How a route's approvers learn of a new request, besides the message in their channel."""

    OFF = "off"
    MENTION = "mention"  # the message mentions the people and groups that the policy lists
    DIRECT = "direct"  # each of them is written to


class OperationPolicy(_Config):
    """What a route's policy says about one operation. None: as on the route."""

    enabled: bool = True  # False: nobody may ask for it
    approvals: int | None = Field(default=None, ge=0)  # 0: it runs at once, without approval
    approvers: tuple[str, ...] | None = None
    requesters: tuple[str, ...] | None = None
    self_approval: bool | None = None
    separate_groups: int | None = Field(default=None, ge=1)


class Weekly(_Config):
    """A time of each week, in the calendar's zone."""

    day: int  # Monday is 0
    at: time


class Route(_Config):
    """An allowed direction between two tenants, with its policy.

    People are listed as Slack user ids (`U…`, `W…`), user-group ids (`S…`) or `*`. The policy functions read the
    policy of one operation: `for_operation` returns it.
    """

    name: str
    source: str  # tenant alias
    destination: str  # tenant alias; may equal the source
    requesters: tuple[str, ...]
    approvers: tuple[str, ...]
    denied: tuple[str, ...] = ()  # wins over every other list
    approvals: int = Field(default=1, ge=1)
    self_approval: bool = False
    separate_groups: int = Field(default=1, ge=1)  # approvals must come from that many different approver entries
    break_glass: tuple[str, ...] = ()  # may run it at once, alone, with a reason
    approval_channel: str  # channel id, "C…" or "G…"
    notify: tuple[str, ...] = ()  # channel ids
    expires_after: timedelta = timedelta(hours=72)
    remind_after: timedelta | None = None  # None: never; repeated after the same time again
    ping_approvers: Ping = Ping.OFF
    existing: Existing = Existing.ASK
    summary: Weekly | None = None  # when the week is summed up; None: never
    preflight: PreflightRule = PreflightRule.WARN
    diff_ignore: tuple[str, ...] = ()  # JSON pointers into an export, with `*`: differences that are not shown
    approval_valid_for: timedelta | None = None  # how long an approval allows to send; None: as long as expires_after
    enabled: bool = True  # False: nobody may ask for the operation that this is the policy of
    operations: dict[str, OperationPolicy] = {}  # by the operation's name

    @property
    def users(self) -> tuple[str, ...]:
        """The entries of all who have to do with the route: who ask, approve or run without approval."""
        return tuple(dict.fromkeys((*self.requesters, *self.approvers, *self.break_glass)))

    @property
    def approval_lifetime(self) -> timedelta:
        """For how long after it was given an approval allows to send."""
        return self.approval_valid_for or self.expires_after

    def for_operation(self, name: str) -> "OperationRoute":
        """Return the route with the policy that holds for one operation; `denied` and the rest stay the route's."""
        fields = {**vars(self), "enabled": True, "operation": name, "route_users": self.users}
        if name in self.operations:
            fields |= {key: value for key, value in self.operations[name] if value is not None}
        return OperationRoute.model_validate(fields)


class OperationRoute(Route):
    """A route with the policy of one operation in place of its own."""

    operation: str
    approvals: int = Field(default=1, ge=0)  # 0: it runs at once, without approval
    route_users: tuple[str, ...] = ()  # the entries of all who have to do with the route, whatever the operation

    @property
    def users(self) -> tuple[str, ...]:
        """The entries of all who have to do with the route or with the operation."""
        return tuple(dict.fromkeys((*self.route_users, *super().users)))


class Calendar(_Config):
    """When people may be reminded: never at night or on days off."""

    time_zone: str = "UTC"  # an IANA name
    working_days: tuple[int, ...] = (0, 1, 2, 3, 4)  # Monday is 0
    from_time: time = time(9)
    to_time: time = time(17)
    days_off: tuple[str, ...] = ()  # ISO dates, "2026-12-25"


class Watch(_Config):
    """How sync destinations are watched."""

    every: timedelta = timedelta(minutes=10)  # between two looks at a source tenant; nothing: they are not watched
    behind_after: timedelta = timedelta(hours=1)  # a story that needs a sync for longer is behind, in automatic mode


class Topology(_Config):
    """The map of what is allowed: every tenant and route, by name, and when people may be reminded."""

    tenants: dict[str, Tenant]
    routes: dict[str, Route]
    calendar: Calendar = Calendar()
    watch: Watch = Watch()
    admin_contact: str = ""  # whom people are told to ask: a Slack user or channel id, or a few words

    def secrets(self) -> frozenset[SecretStr]:
        """Return every secret of every tenant: each is masked in what any of them says."""
        return frozenset().union(*(tenant.secrets() for tenant in self.tenants.values()))

    def route_for(self, request: Request) -> Route | None:
        """Return the policy that a request is under, if its route still leads the same way between known tenants.

        A route that was taken out, or now leads elsewhere under the old name, allows nothing for what was asked before.
        """
        route = self.policy_for(request.route, request.operation)
        if route is None or (route.source, route.destination) != (request.source, request.destination):
            return None
        return route if {route.source, route.destination} <= self.tenants.keys() else None

    def policy_for(self, name: str, operation: str) -> Route | None:
        """Return the policy of a route for one operation, None for a route that is not configured."""
        route = self.routes.get(name)
        return None if route is None else route.for_operation(operation)

    def origins(self, route: Route) -> tuple[str, str]:
        """Return the addresses of a route's source and destination tenants."""
        return self.tenants[route.source].url, self.tenants[route.destination].url

    def pair(self, route: Route, source_team: int, destination_team: int) -> str:
        """Return the name of a pair of teams, one on each tenant of a route, which one request at a time may work on.

        It has the tenants' addresses in it, as aliases can change.
        """
        source, destination = self.origins(route)
        return f"{source} {source_team} > {destination} {destination_team}"


def retired_route(request: Request) -> Route:
    """Return a stand-in for a route that is not configured any more, for showing what was asked on it.

    Nobody may do anything on it.
    """
    return Route(
        name=request.route,
        source=request.source,
        destination=request.destination,
        requesters=(),
        approvers=(),
        approval_channel="",
    )
