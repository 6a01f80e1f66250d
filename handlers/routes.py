"""Tenants and routes: what configuration allows, as frozen values that the rest of `handlers` reads.

`bot.settings` fills them from TOML and the environment. Keeping their shape here means that no rule needs to know
where it was configured, and that a key is a `SecretStr` from the first moment on.
"""

from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from handlers.models import Content
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


class Route(_Config):
    """An allowed direction between two tenants, with its policy.

    People are listed as Slack user ids (`U…`, `W…`), user-group ids (`S…`) or `*`.
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
    existing: Existing = Existing.ASK


class Calendar(_Config):
    """When people may be reminded: never at night or on days off."""

    time_zone: str = "UTC"  # an IANA name
    working_days: tuple[int, ...] = (0, 1, 2, 3, 4)  # Monday is 0
    from_time: time = time(9)
    to_time: time = time(17)
    days_off: tuple[str, ...] = ()  # ISO dates, "2026-12-25"


class Atlas(_Config):
    """The map of what is allowed: every tenant and route, by name, and when people may be reminded."""

    tenants: dict[str, Tenant]
    routes: dict[str, Route]
    calendar: Calendar = Calendar()

    def secrets(self) -> frozenset[SecretStr]:
        """Return every secret of every tenant: each is masked in what any of them says."""
        return frozenset().union(*(tenant.secrets() for tenant in self.tenants.values()))

    def route_for(self, content: Content) -> Route | None:
        """Return the route that a request was made on, if it still leads the same way between known tenants.

        A route that was taken out, or now leads elsewhere under the old name, allows nothing for what was asked before.
        """
        route = self.routes.get(content.route)
        if route is None or (route.source, route.destination) != (content.source, content.destination):
            return None
        return route if {route.source, route.destination} <= self.tenants.keys() else None


def bygone(content: Content) -> Route:
    """Return a stand-in for a route that is not configured any more, for showing what was asked on it.

    Nobody may do anything on it.
    """
    return Route(
        name=content.route,
        source=content.source,
        destination=content.destination,
        requesters=(),
        approvers=(),
        approval_channel="",
    )
