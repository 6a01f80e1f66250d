"""What can go wrong between the bot and a Tines tenant, sorted by what may be done about it.

It prevents the worst failure of all: a write that is sent a second time because nobody knew whether the first one
was applied. The class of an error answers that question; its `Kind` only chooses the words.

    TinesError
    ├── RefusedError          Tines said no (or something that is not Tines answered); trying again changes nothing
    ├── RetryableError        surely not applied; may be sent again, after `retry_after` seconds where Tines said so
    └── UnknownOutcomeError   a write that may or may not have been applied: look first, never send it again blindly
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from handlers.models import Problem
from handlers.tines._advice import Kind, advice_for, sentence_for

__all__ = [
    "MAY_BE_STRAY",
    "Failure",
    "Kind",
    "Outcome",
    "RefusedError",
    "RetryableError",
    "TinesError",
    "UnknownOutcomeError",
]


MAY_BE_STRAY: Final = frozenset({401, 403, 404, 423, 425})
"""HTTP statuses that a proxy may say, also of a call that it passed on, or a tenant that is being deployed anew."""


class Outcome(StrEnum):
    """What is known about a call that failed."""

    REFUSED = "refused"
    RETRYABLE = "retryable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """The facts about one failed call, none of them secret."""

    tenant: str  # alias
    method: str  # "GET", "POST", …
    path: str  # below the API's base, without the query, e.g. "/admin/sync_destinations"
    kind: Kind
    status: int | None = None  # HTTP status; None where there was no answer
    words: str = ""  # Tines's own words (or the network's), secrets masked, at most 2,000 characters
    retry_after: float | None = None  # seconds that Tines asked to wait for


class TinesError(Exception):
    """A call to a Tines tenant did not work. Raised only as one of its three subclasses."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    @property
    def tenant(self) -> str:
        """Alias of the tenant that was called."""
        return self.failure.tenant

    @property
    def method(self) -> str:
        """HTTP method of the call."""
        return self.failure.method

    @property
    def path(self) -> str:
        """Path of the call below the API's base."""
        return self.failure.path

    @property
    def kind(self) -> Kind:
        """What went wrong, as far as it can be told."""
        return self.failure.kind

    @property
    def status(self) -> int | None:
        """HTTP status of the answer, None where there was none."""
        return self.failure.status

    @property
    def words(self) -> str:
        """What Tines (or the network) said, secrets masked, at most 2,000 characters; may be empty."""
        return self.failure.words

    @property
    def retry_after(self) -> float | None:
        """How many seconds Tines asked to wait for, where it did."""
        return self.failure.retry_after

    def problem(self) -> Problem:
        """Return the same for people: a sentence in our words, Tines's own words, and what to do."""
        failure = self.failure
        return Problem(
            what=sentence_for(failure.kind, failure.tenant, failure.status),
            words=failure.words,
            advice=advice_for(failure.kind, failure.tenant, failure.retry_after),
            status=failure.status,
        )

    def __str__(self) -> str:
        failure = self.failure
        told = f": {failure.words}" if failure.words else ""
        status = failure.status if failure.status is not None else failure.kind.value
        return f"{failure.tenant}: {failure.method} {failure.path}: {status}{told}"


class RefusedError(TinesError):
    """Tines refused the call, or the answer is not one of Tines. Nothing was changed; trying again changes nothing."""


class RetryableError(TinesError):
    """The call was surely not applied, and may work later."""


class UnknownOutcomeError(TinesError):
    """A create, update, delete or sync of which nobody knows whether it was applied.

    Look at what is there before doing anything else. It must not be sent again blindly.
    """

    def problem(self) -> Problem:
        """Return the same for people, saying first of all that the outcome is open."""
        problem = super().problem()
        return problem.model_copy(
            update={
                "what": f"{problem.what}. It is unclear whether {self.tenant} applied it",
                "advice": f"Check the sync destinations on {self.tenant} before anything is sent again.",
            }
        )
