"""When each route that wants one gets its next weekly summary."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.store import tables as t

DUE: Final = sa.select(t.summaries.c.route.label("key"), t.summaries.c.next_run_at.label("at")).where(
    t.summaries.c.next_run_at <= t.NOW
)
"""The routes whose summary is due."""


class SummariesReader:
    """Weekly summaries as they are in one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def all(self) -> dict[str, datetime]:
        """Return when each route gets its next one."""
        rows = await self._connection.execute(sa.select(t.summaries))
        return {row.route: row.next_run_at for row in rows}


class Summaries(SummariesReader):
    """Weekly summaries, and what one transaction changes of them."""

    async def locked(self, route: str) -> datetime | None:
        """Return when a route's summary is due; nobody else tells it until the transaction ends."""
        found = await self._connection.execute(
            sa.select(t.summaries.c.next_run_at).where(t.summaries.c.route == route).with_for_update()
        )
        at: datetime | None = found.scalar_one_or_none()
        return at

    async def plan(self, moments: Mapping[str, datetime]) -> None:
        """Let these routes get their summaries next at these moments, and no others; one that is due stays so."""
        planned = await self.all()
        for route in planned.keys() - moments.keys():
            await self._connection.execute(sa.delete(t.summaries).where(t.summaries.c.route == route))
        for route, at in moments.items():
            if route not in planned:
                await self._connection.execute(sa.insert(t.summaries).values(route=route, next_run_at=at))
            elif planned[route] > self._now:
                await self.put_off(route, at)

    async def put_off(self, route: str, at: datetime) -> None:
        """Let a route get its summary at another moment."""
        await self._connection.execute(
            sa.update(t.summaries).where(t.summaries.c.route == route).values(next_run_at=at)
        )
