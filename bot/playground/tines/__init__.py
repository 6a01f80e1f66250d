"""Local Tines tenants: strict and stateful, to try and to test the product without a tenant.

A `World` holds `LocalTines` tenants at their origins; `build_tines_app` puts the HTTP API in front of one. Stories
really arrive at the other tenant, every open question about Tines is one of the `Switches`, and a `Fault` does to a
call what networks and other people do.
"""

from bot.playground.tines.app import NoConnectionError, build_tines_app
from bot.playground.tines.calls import Call, CallLog
from bot.playground.tines.faults import PRESETS, Fault, Faults, Kind, Preset
from bot.playground.tines.records import (
    Action,
    ChangeRequest,
    Copy,
    Destination,
    Key,
    Right,
    Shared,
    StoryRow,
    Subscription,
    TeamRow,
)
from bot.playground.tines.snapshot import snapshot
from bot.playground.tines.switches import ErrorShape, ManualSync, RemovedCopies, StatusForm, Switches, UrlForm
from bot.playground.tines.syncing import (
    create_destination,
    delete_destination,
    publish_story,
    rival_create,
    update_destination,
)
from bot.playground.tines.tenant import LocalTines, World
from bot.playground.tines.wire import RefusalError

__all__ = [
    "PRESETS",
    "Action",
    "Call",
    "CallLog",
    "ChangeRequest",
    "Copy",
    "Destination",
    "ErrorShape",
    "Fault",
    "Faults",
    "Key",
    "Kind",
    "LocalTines",
    "ManualSync",
    "NoConnectionError",
    "Preset",
    "RefusalError",
    "RemovedCopies",
    "Right",
    "Shared",
    "StatusForm",
    "StoryRow",
    "Subscription",
    "Switches",
    "TeamRow",
    "UrlForm",
    "World",
    "build_tines_app",
    "create_destination",
    "delete_destination",
    "publish_story",
    "rival_create",
    "snapshot",
    "update_destination",
]
