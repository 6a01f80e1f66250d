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


class RemovedCopies(StrEnum):
    """What happens to the copy of a story that is taken out of a sync destination; Tines does not document it."""

    DETACHED = "detached"  # stays, as a story of its own
    DELETED = "deleted"  # goes, as with a delete


class UrlForm(StrEnum):
    """How a sync destination's URL is written back."""

    AS_SENT = "as_sent"
    DOT = "dot"  # with a dot behind the host
    WWW = "www"
    CAPITALS = "capitals"
    PORT = "port"  # with the scheme's own port, where none was sent
    OTHER_HOST = "other_host"  # another name of the same tenant
    NULL = "null"


class StatusForm(StrEnum):
    """How the status of a story is written."""

    DOCUMENTED = "documented"  # "synced"
    TITLE = "title"  # "Synced"
    CAPITALS = "capitals"  # "SYNCED"


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
    removed_copies: RemovedCopies = RemovedCopies.DETACHED
    url_form: UrlForm = UrlForm.AS_SENT
    status_form: StatusForm = StatusForm.DOCUMENTED
    odd_records: bool = False  # whether every listing, and every sync destination, has a record that makes no sense
    change_requests: bool = True  # an older tenant answers 404
    keeps_origin_identifier: bool = False  # whether a copy's export names the same origin as its source's
    most_stories: int | None = None  # of the tenant's plan: copies above that are disabled when they are detached
    refuses_personal_keys: bool = False  # whether nothing can be published with a person's own key
    sync_spread: float = 0.4  # seconds by which each further story comes later
