"""The Tines API as the bot uses it: one client a tenant, typed answers, one tree of errors.

What it prevents stands in its private modules: writes sent twice, keys that leak, pages that lead elsewhere.
"""

from handlers.tines._advice import Kind
from handlers.tines._calls import CHANGE_CONTROL_ENABLED, TinesCalls
from handlers.tines._client import TinesClient
from handlers.tines._errors import (
    MAY_BE_STRAY,
    Failure,
    RefusedError,
    RetryableError,
    TinesError,
    UnknownOutcomeError,
)
from handlers.tines._listing import Listing
from handlers.tines._reading import MAX_BODY, MAX_ERROR
from handlers.tines._transport import RetryPolicy, Timeouts
from handlers.tines._wire import (
    MAX_PAGES,
    PER_PAGE,
    ChangeRequest,
    Credential,
    GlobalResource,
    Info,
    Meta,
    Stack,
    StoriesPage,
    StoryName,
    Subscription,
    SyncDestination,
    TinesStory,
)

__all__ = [
    "CHANGE_CONTROL_ENABLED",
    "MAX_BODY",
    "MAX_ERROR",
    "MAX_PAGES",
    "MAY_BE_STRAY",
    "PER_PAGE",
    "ChangeRequest",
    "Credential",
    "Failure",
    "GlobalResource",
    "Info",
    "Kind",
    "Listing",
    "Meta",
    "RefusedError",
    "RetryPolicy",
    "RetryableError",
    "Stack",
    "StoriesPage",
    "StoryName",
    "Subscription",
    "SyncDestination",
    "Timeouts",
    "TinesCalls",
    "TinesClient",
    "TinesError",
    "TinesStory",
    "UnknownOutcomeError",
]
