"""What became of every single call, in short, for whoever keeps a record of them.

It prevents a record that says less than what was done: calls that were repeated, pages, and calls whose answer nobody
waited for any more are told one by one, at the one place that all of them pass.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import BaseModel, JsonValue

from handlers.models import ApiCall
from handlers.tines._errors import MAY_BE_STRAY, Kind, RefusedError, TinesError, UnknownOutcomeError
from handlers.tines._judge import Call
from handlers.tines._wire import DestinationsPage, Page, SyncDestination, SyncDestinationAnswer, TinesTeam
from handlers.tines._words import clean

_SHOWN_IDS: Final = 50  # of a page of up to 500
_SHOWN_STATUS: Final = 60  # characters of a status that a newer Tines made up
_NEITHER: Final = frozenset({Kind.MOVED, Kind.UNREADABLE})  # answers that are no yes and no no
_GIVEN_UP: Final = "given up"


@dataclass(frozen=True, slots=True)
class CallRecorder:
    """Whom to tell of calls; `clock` gives the time (aware, UTC) at which each began."""

    clock: Callable[[], datetime]
    record: Callable[[ApiCall], None]


@dataclass(slots=True)
class CallInProgress:
    """A call under way. `status` is that of the answer, `verdict` what it was read as, or what went wrong."""

    call: Call
    page: object  # of a listing, None for anything else
    began: datetime
    status: int | None = None
    verdict: BaseModel | TinesError | None = field(default=None)

    def ended(self, seconds: float) -> ApiCall:
        """Return what became of it. Without an answer and an error, nobody waited for it any more."""
        error = self.verdict if isinstance(self.verdict, TinesError) else None
        told: dict[str, object] = {}
        if error is not None:
            told = {"outcome": _outcome(error), "why": error.kind.value, "words": error.words}
            told["unapplied"] = not self.call.safe and _surely_not_applied(error)
        elif self.status is None:
            told = {"outcome": "unanswered", "why": _GIVEN_UP}
        else:
            told = {"outcome": "ok", "back": self._back()}
        return ApiCall.model_validate(
            {
                "tenant": self.call.tenant,
                "method": self.call.method,
                "path": self.call.path,
                "status": self.status if error is None else error.status,
                "began": self.began,
                "latest": self.began,
                "ms": round(seconds * 1000),
                **told,
            }
        )

    def _back(self) -> dict[str, JsonValue]:
        """Return what a good answer held: ids, numbers and statuses, and nothing that could be a secret."""
        back = _short(self.verdict) if isinstance(self.verdict, BaseModel) else {}
        return back | {"page": self.page} if isinstance(self.page, int) and self.page > 1 else back


def _surely_not_applied(error: TinesError) -> bool:
    stray = isinstance(error, RefusedError) and error.status in MAY_BE_STRAY
    return not (stray or isinstance(error, UnknownOutcomeError))


def _outcome(error: TinesError) -> str:
    if error.status is None:
        return "unanswered"
    said_no = isinstance(error, RefusedError) or error.kind is Kind.LIMITED
    return "refused" if said_no and error.kind not in _NEITHER else "failed"


def _short(answer: BaseModel) -> dict[str, JsonValue]:
    match answer:
        case DestinationsPage(sync_destinations=found):
            ids: list[JsonValue] = [each.id for each in found[-_SHOWN_IDS:]]  # the newest, as Tines counts up
            return {"sync_destinations": len(found), "ids": ids, **_odd(answer.unreadable)}
        case SyncDestinationAnswer(sync_destination=found):
            return {"sync_destination": found.id, "statuses": _statuses(found), **_odd(found.unreadable)}
        case Page():
            return {answer.listing: len(answer.records()), **_odd(answer.unreadable)}
        case TinesTeam(id=team_id):
            return {"team": team_id}
        case _:
            return {}


def _odd(unreadable: int) -> dict[str, JsonValue]:
    return {"unreadable": unreadable} if unreadable else {}


def _statuses(destination: SyncDestination) -> dict[str, JsonValue]:
    """Return how many stories have each status."""
    counted = Counter(clean(each.status)[:_SHOWN_STATUS] for each in destination.subscriptions)
    return dict(sorted(counted.items()))
