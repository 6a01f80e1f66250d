"""Who may ask, approve, reject, cancel, edit, withdraw, break glass and freeze: pure decisions with their reasons.

A rule that is spread over listeners is forgotten in one of them, and that one is the hole. So every right is decided
here, from values only (the route's policy and the facts about a person), and answered with a `Ruling` that says why
in words for the person who reads it. Looking the facts up, afresh before a refusal, is the caller's part.

    rulings      one function a right, each → Ruling
    quorum       which approvals count, and what is still missing → Quorum
    before_send  whether what was approved may still be sent now → Objections
    faults       what is wrong with a policy whatever people do → sentences
"""

from handlers.policy.before_send import ApprovalBasis, ApprovedBy, Objection, ObjectionKind, span, standing_of_approval
from handlers.policy.faults import policy_faults
from handlers.policy.quorum import Quorum, quorum
from handlers.policy.rulings import (
    Freeze,
    Ruling,
    groups_of,
    may_approve,
    may_break_glass,
    may_cancel,
    may_count,
    may_edit,
    may_freeze,
    may_read,
    may_reject,
    may_request,
    may_run_for,
    may_use,
    may_withdraw,
    no_request,
)

__all__ = [
    "ApprovalBasis",
    "ApprovedBy",
    "Freeze",
    "Objection",
    "ObjectionKind",
    "Quorum",
    "Ruling",
    "groups_of",
    "may_approve",
    "may_break_glass",
    "may_cancel",
    "may_count",
    "may_edit",
    "may_freeze",
    "may_read",
    "may_reject",
    "may_request",
    "may_run_for",
    "may_use",
    "may_withdraw",
    "no_request",
    "policy_faults",
    "quorum",
    "span",
    "standing_of_approval",
]
