"""What an error of Tines means for going on: whether it may pass by itself, and how long Tines asked to wait."""

from datetime import timedelta
from typing import Final

from handlers.tines import Kind, RefusedError, TinesError

_LONGEST_WAIT_SECONDS: Final = 3600.0


def is_transient(error: TinesError) -> bool:
    """Whether a failed question to Tines may work later by itself.

    A page that is not Tines's, and a redirect, come from proxies and maintenance as often as from a wrong address.
    """
    return not isinstance(error, RefusedError) or error.kind in {Kind.UNREADABLE, Kind.MOVED}


def asked_to_wait(error: TinesError) -> timedelta:
    """Return how long Tines asked to wait: an hour at most, whatever it says."""
    return timedelta(seconds=min(max(error.retry_after or 0.0, 0.0), _LONGEST_WAIT_SECONDS))
