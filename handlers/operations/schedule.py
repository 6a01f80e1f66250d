"""How long things may take, what may pass by itself, and when to look again.

Times are values, so that a test can make an hour pass at once.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from handlers.models import SyncMode
from handlers.tines import Kind, RefusedError, TinesError

_LONGEST_WAIT_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waits of the executor."""

    look_first: timedelta = timedelta(seconds=1)  # after an unknown outcome, before the first look
    look_most: timedelta = timedelta(seconds=15)  # between two looks
    # Longer than a single call can be under way, and than Tines was seen to apply a create after its client gave up:
    # only then does "not there" mean that it will not appear any more.
    send_again_after: timedelta = timedelta(seconds=150)
    attempts: int = 3  # calls at most, before a person is asked
    give_up_looking: timedelta = timedelta(minutes=30)  # without an answer to the look, before a person is asked
    retry_most: timedelta = timedelta(seconds=60)  # between two tries of a call that surely was not applied
    give_up_reaching: timedelta = timedelta(hours=1)  # before an approved request that cannot be sent fails
    # A single 401, 403, 404, 423 or 425 can be a stray one of a proxy or a deployment: only one that stays is believed.
    confirm_refusal: timedelta = timedelta(seconds=90)
    follow_first: timedelta = timedelta(seconds=1)
    follow_most: timedelta = timedelta(seconds=15)
    follow_for: timedelta = timedelta(minutes=10)  # until every story's status has settled
    follow_manual_for: timedelta = timedelta(
        seconds=10
    )  # a tenant may sync once even when told to sync only when triggered
    follow_unreachable_for: timedelta = timedelta(hours=6)  # a tenant that does not answer while statuses are followed

    def follow_time(self, mode: SyncMode) -> timedelta:
        """Return for how long the stories of a destination are followed."""
        return self.follow_manual_for if mode is SyncMode.MANUAL else self.follow_for


def backoff(first: timedelta, most: timedelta, elapsed: timedelta) -> timedelta:
    """Return how long to wait when `elapsed` has passed since the beginning: about half of it, within bounds.

    Waits grow with the time passed, so nothing has to be counted or remembered.
    """
    return min(max(first, elapsed / 2), most)


def is_transient(error: TinesError) -> bool:
    """Whether a failed question to Tines may work later by itself.

    A page that is not Tines's, and a redirect, come from proxies and maintenance as often as from a wrong address.
    """
    return not isinstance(error, RefusedError) or error.kind in {Kind.UNREADABLE, Kind.MOVED}


def asked_to_wait(error: TinesError) -> timedelta:
    """Return how long Tines asked to wait: an hour at most, whatever it says."""
    return timedelta(seconds=min(max(error.retry_after or 0.0, 0.0), _LONGEST_WAIT_SECONDS))
