"""The review of a request, where an approver sees everything and decides, and the small views around a decision.

_review    everything an approver decides about
_stories   up to 500 stories within one view
_dialogs   reject, cancel, decided, refused
"""

from bot.views.carried import ReviewMeta
from bot.views.review._dialogs import (
    CommentInput,
    cancel_view,
    decided_view,
    message_view,
    parse_cancel,
    parse_reject,
    refused_view,
    reject_view,
)
from bot.views.review._review import parse_review, review_meta, review_view
from handlers.operations import ExistingDestination, Preview

__all__ = [
    "CommentInput",
    "ExistingDestination",
    "Preview",
    "ReviewMeta",
    "cancel_view",
    "decided_view",
    "message_view",
    "parse_cancel",
    "parse_reject",
    "parse_review",
    "refused_view",
    "reject_view",
    "review_meta",
    "review_view",
]
