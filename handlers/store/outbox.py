"""Announcements and the lanes they travel in: written with the change they tell of, claimed lane by lane.

A message that was ordered cannot be missing, and a change that rolled back is not told.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from handlers.jobs import DELIVER, Job
from handlers.models import State
from handlers.store import tables as t
from handlers.store.claims import Claims
from handlers.store.rows import Posted

# Built once, by the database's name: to build such a statement costs more than to run it.
_ADD: Final[Mapping[str, postgresql.Insert | sqlite.Insert]] = MappingProxyType(
    {
        "postgresql": postgresql.insert(t.announcements).on_conflict_do_nothing(index_elements=["key"]),
        "sqlite": sqlite.insert(t.announcements).on_conflict_do_nothing(index_elements=["key"]),
    }
)
_ADD_LANE: Final[Mapping[str, postgresql.Insert | sqlite.Insert]] = MappingProxyType(
    {
        "postgresql": postgresql.insert(t.lanes).on_conflict_do_nothing(index_elements=["lane"]),
        "sqlite": sqlite.insert(t.lanes).on_conflict_do_nothing(index_elements=["lane"]),
    }
)

_NOTHING: Final = timedelta()


class LaneClaim(NamedTuple):
    """What whoever takes a lane has to know: how long until it may take a whole burst again, whoever spent it."""

    owed: timedelta


class Outbox(Claims):
    """Ordering announcements, and noting how far their delivery is."""

    def _insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """Return an insert that can say what to do about a row that is there already."""
        return postgresql.insert(table) if self._connection.dialect.name == "postgresql" else sqlite.insert(table)

    def _anew(self) -> dict[str, Any]:
        """Return what orders an announcement anew: also one that could not be delivered before."""
        return {"wanted": t.announcements.c.wanted + 1, "failure": None, "ordered_at": self.now}

    async def announce(
        self,
        key: str,
        kind: str,
        lane: str,
        *,
        request_id: str | None = None,
        thread_key: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Order a message to be shown. A key that exists already is left as it is: it was ordered before.

        A message of a thread goes to where the thread is, even if the configuration names another channel by now.
        """
        root = await self.announcement(thread_key) if thread_key is not None else None
        lane = lane if root is None else root.lane
        await self._connection.execute(
            _ADD[self._connection.dialect.name],
            {
                "key": key,
                "kind": kind,
                "lane": lane,
                "request_id": request_id,
                "thread_key": thread_key,
                "data": dict(data or {}),
                "wanted": 1,
                "created_at": self.now,
                "ordered_at": self.now,
            },
        )
        self.enqueue(Job(DELIVER, lane))

    async def touch(self, key: str) -> None:
        """Order an announcement to be shown as its request stands now. Nothing happens for a key not announced."""
        changed = await self._connection.execute(
            sa.update(t.announcements)
            .where(t.announcements.c.key == key)
            .values(self._anew())
            .returning(t.announcements.c.lane)
        )
        lane = changed.scalar_one_or_none()
        if lane is not None:
            self.enqueue(Job(DELIVER, lane))

    async def touch_waiting(self, route: str, prefix: str) -> None:
        """Order the messages of a route's waiting requests to be shown anew: those whose key is `prefix` and the id."""
        waiting = sa.select(sa.literal(prefix) + t.requests.c.id).where(
            t.requests.c.route == route, t.requests.c.state.in_([State.PENDING.value, State.APPROVED.value])
        )
        touched = await self._connection.execute(
            sa.update(t.announcements)
            .where(t.announcements.c.key.in_(waiting))
            .values(self._anew())
            .returning(t.announcements.c.lane)
        )
        for lane in dict.fromkeys(touched.scalars()):
            self.enqueue(Job(DELIVER, lane))

    async def update_announcement(self, key: str, **columns: Any) -> None:  # noqa: ANN401 - columns of announcements
        """Note how far a delivery is."""
        messages: tuple[Posted, ...] | None = columns.get("messages")
        if messages is not None:
            columns["messages"] = [posted.model_dump() for posted in messages]
        await self._connection.execute(sa.update(t.announcements).where(t.announcements.c.key == key).values(**columns))

    async def claim_lane(self, lane: str) -> LaneClaim | None:
        """Take a lane to deliver what it holds. None when it must wait, or another live executor has it."""
        await self._connection.execute(_ADD_LANE[self._connection.dialect.name], {"lane": lane})
        may_speak = sa.or_(t.lanes.c.not_before.is_(None), t.lanes.c.not_before <= self.now)
        taken = await self._claim(t.lanes, t.lanes.c.lane, lane, may_speak, told=t.lanes.c.whole_at)
        return None if taken is None else LaneClaim(max(_NOTHING, (taken.whole_at or self.now) - self.now))

    async def hold_lane(self, lane: str) -> bool:
        """Whether this process still has the lane, which nobody takes over until the transaction ends."""
        held = await self._connection.execute(
            sa.select(t.lanes.c.claimed_by).where(t.lanes.c.lane == lane).with_for_update()
        )
        return held.scalar_one_or_none() == self._executor

    async def release_lane(self, lane: str, *, wait: timedelta | None = None, owed: timedelta = _NOTHING) -> None:
        """Give a lane back, to be served again after `wait`, and tell the next one what is `owed` (see `LaneClaim`)."""
        not_before = None if wait is None else self.now + wait
        await self._connection.execute(
            sa.update(t.lanes)
            .where(t.lanes.c.lane == lane, t.lanes.c.claimed_by == self._executor)
            .values(claimed_by=None, not_before=not_before, whole_at=self.now + owed)
        )
