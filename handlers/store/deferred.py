"""Deferred commands: forms and decisions that were taken from Slack and are finished by a job."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.jobs import DEFERRED, Job
from handlers.store import tables as t
from handlers.store.jobs_ordered import OrderedJobs
from handlers.store.rows import DeferredCommand, read_deferred

_KEEP_DONE: Final = timedelta(hours=1)

DUE: Final = sa.select(t.deferred_commands.c.id.label("key"), t.deferred_commands.c.next_run_at.label("at")).where(
    t.deferred_commands.c.next_run_at <= t.NOW
)
"""The ids of deferred commands whose time has come."""


class DeferredReader:
    """Deferred commands as they are in one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def get(self, deferred_id: str) -> DeferredCommand | None:
        """Return a deferred command that is not done yet."""
        row = await self._connection.execute(
            sa.select(t.deferred_commands).where(
                t.deferred_commands.c.id == deferred_id, t.deferred_commands.c.next_run_at.is_not(None)
            )
        )
        found = row.mappings().one_or_none()
        return None if found is None else read_deferred(found)

    async def oldest_due(self) -> datetime | None:
        """Return since when the longest-due deferred command is due, None when all are done."""
        found = await self._connection.execute(
            sa.select(sa.func.min(t.deferred_commands.c.next_run_at)).where(
                t.deferred_commands.c.next_run_at.is_not(None)
            )
        )
        oldest: datetime | None = found.scalar_one_or_none()
        return oldest


class Deferred(DeferredReader):
    """Deferred commands, and what one transaction adds or finishes."""

    def __init__(self, connection: AsyncConnection, now: datetime, jobs: OrderedJobs) -> None:
        super().__init__(connection, now)
        self._jobs = jobs

    async def add(self, deferred_id: str, kind: str, actor: str, data: Mapping[str, Any]) -> None:
        """Keep a form or decision that still has to be checked."""
        await self._connection.execute(
            sa.insert(t.deferred_commands).values(
                id=deferred_id, kind=kind, actor=actor, data=dict(data), created_at=self._now, next_run_at=self._now
            )
        )
        self._jobs.add(Job(DEFERRED, deferred_id))

    async def finish(self, deferred_id: str, outcome: str) -> bool:
        """Mark a deferred command as done; False when somebody did so before. Forgets those that were done long ago."""
        await self._connection.execute(
            sa.delete(t.deferred_commands).where(
                t.deferred_commands.c.created_at < self._now - _KEEP_DONE, t.deferred_commands.c.next_run_at.is_(None)
            )
        )
        changed = await self._connection.execute(
            sa.update(t.deferred_commands)
            .where(t.deferred_commands.c.id == deferred_id, t.deferred_commands.c.next_run_at.is_not(None))
            .values(next_run_at=None, outcome=outcome)
            .returning(t.deferred_commands.c.id)
        )
        return changed.one_or_none() is not None
