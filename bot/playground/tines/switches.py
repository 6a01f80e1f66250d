"""What is not known about Tines for certain, as switches: the bot must survive every setting.

A local tenant that knew only one answer to an open question would prove the bot against a guess.
"""

from dataclasses import dataclass
from enum import StrEnum


class ErrorShape(StrEnum):
    """How the body of a refusal looks; Tines documents no schema."""

    ERRORS = "errors"  # {"errors": [{"message", "details"}]}
    BARE_LIST = "bare_list"  # [{"message", "details"}]
    ERROR = "error"  # {"error": "…"}
    MESSAGE = "message"  # {"message": "…"}
    DETAIL = "detail"  # {"detail": "…"}
    TEXT = "text"
    HTML = "html"
    EMPTY = "empty"


class ManualSync(StrEnum):
    """What a tenant does with `manual_sync_only`, which came in 2026."""

    SUPPORTED = "supported"
    IGNORED = "ignored"  # an older tenant: takes the field, does nothing with it, never shows it
    REFUSED = "refused"  # an older tenant that refuses fields it does not know


@dataclass(frozen=True)
class Switches:
    """How one local tenant behaves; replace the whole value to change it."""

    error_shape: ErrorShape = ErrorShape.ERRORS
    denied_status: int = 404  # for a key without the right: 401, 403 or 404
    missing_reference_status: int = 404  # for a team or story that a create names and that is not there: 404 or 422
    manual_sync: ManualSync = ManualSync.SUPPORTED
    initial_sync_when_manual: bool = False  # whether a new destination syncs once although it is manual only
    update_wrapped: bool = True  # whether an update answers {"sync_destination": …} or the bare object
    checks_destination_at_create: bool = False  # refuse at once what would else show as failed stories
    clamp_per_page: bool = True  # a per_page over 500 is taken as 500; else refused with 422
    shows_change_control: bool = True  # whether listed stories carry change_control_enabled
    shows_edited_at: bool = True
    rate_limit: int | None = 5000  # calls a minute for each key; None: no limit
    progress_status: str = "requires_sync"  # the status of a story that waits for its sync
    sync_seconds: float = 2.0  # how long the first story's sync takes; 0: done when the call answers
    sync_spread: float = 0.4  # seconds by which each further story comes later
