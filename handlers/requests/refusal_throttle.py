"""Refusals that would come again with every key: a search field asks for its options while somebody types.

Each is an event once, so that the attempt is on record; the same one again within the hour is not, or a person who
types a long name would fill the record that people read.
"""

from datetime import datetime, timedelta
from typing import Final

from handlers.requests.services import Services, refuse

_WHILE: Final = timedelta(hours=1)
_MOST: Final = 1000  # refusals that are remembered


class RefusalThrottle:
    """Records the same refusal of the same person once in a while."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._recorded: dict[tuple[str, str, str], datetime] = {}  # oldest first

    async def refuse(self, actor: str, reason: str, *, what: str, route: str = "") -> None:
        """Record a refusal of an attempt at `what`, unless that was done a while ago at most."""
        now = self._services.store.clock()
        key = (actor, what, reason)
        before = self._recorded.get(key)
        if before is not None and now - before < _WHILE:
            return
        self._recorded.pop(key, None)
        self._recorded[key] = now  # before it is written: keys are typed faster than rows are
        while len(self._recorded) > _MOST:
            del self._recorded[next(iter(self._recorded))]
        try:
            await refuse(self._services, actor, (reason,), what=what, route=route)
        except BaseException:
            self._recorded.pop(key, None)  # it is tried again with the next key
            raise
