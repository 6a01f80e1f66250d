"""What a use case answers: values with text for the person, never exceptions for what a person can mend.

A listener turns each kind into what Slack shows: a closed form, errors at fields, a fresh review, a sentence. That
there are only these kinds keeps every surface able to show every mistake.
"""

from collections.abc import Mapping
from enum import StrEnum

from handlers.models import Frozen, Problem, Request
from handlers.operations import Preview


class Field(StrEnum):
    """The fields that every form has; each operation names its own besides."""

    ROUTE = "route"
    REASON = "reason"
    EMERGENCY = "emergency"


class Done(Frozen):
    """It was done, and committed."""

    request: Request
    text: str  # one sentence for the person


class Refused(Frozen):
    """It may not or cannot be done, and why: policy, or something that happened first."""

    reasons: tuple[str, ...]
    request: Request | None = None  # as it is now


class Invalid(Frozen):
    """Fields to mend."""

    fields: Mapping[str, str]  # by the name that `Field`, or the operation's check, gives it


class Changed(Frozen):
    """What was shown is not what is there now: look again and decide again."""

    request: Request
    preview: Preview | None  # None when it was not looked up for the request as it is now
    changes: tuple[str, ...]


class NotNow(Frozen):
    """Somebody who must be asked does not answer, or says no; nothing was kept or sent."""

    problem: Problem


class Slow(Frozen):
    """Tines takes longer than the person's click can wait. A job asks again, and can wait longer."""


Answer = Done | Refused | Invalid | Changed | NotNow | Slow
