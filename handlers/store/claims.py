"""Who works on what: rows are claimed by a process, for as long as it renews its lease.

Claims keep apart what must not happen at the same time in two processes. They hold no lock: a process that dies lets
its lease end, and what it had claimed is free. So they are asked again right before every effect.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.jobs import ADVANCE, DEFERRED, Job
from handlers.models import Request
from handlers.store import tables as t
from handlers.store.reading import Reader


class Claims(Reader):
    """Claims on requests and deferred commands, and the jobs of one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime, *, executor: str) -> None:
        super().__init__(connection, now)
        self._executor = executor
        self.jobs: dict[Job, None] = {}  # a set that keeps its order

    def enqueue(self, job: Job) -> None:
        """Hand a job over with this transaction."""
        self.jobs[job] = None

    def advance(self, request_id: str) -> None:
        """Hand over the job that looks at a request."""
        self.enqueue(Job(ADVANCE, request_id))

    async def claim_request(self, request_id: str) -> Request | None:
        """Take a request to work on it. None when it is gone or another live executor has it."""
        if await self._claim(t.requests, t.requests.c.id, request_id) is None:
            return None
        return await self.request(request_id, lock=True)

    async def hold_request(self, request: Request) -> Request | None:
        """Return a claimed request, locked, if it is still claimed by this process and where it was; else None.

        Asked before every effect and every change that follows one: another process may have taken the request over.
        """
        held = await self._connection.execute(
            sa.select(t.requests.c.claimed_by).where(t.requests.c.id == request.id).with_for_update()
        )
        if held.scalar_one_or_none() != self._executor:
            return None
        current = await self.request(request.id)
        if current is None or (current.state, current.revision) != (request.state, request.revision):
            return None
        return current

    async def release_request(self, request_id: str) -> None:
        """Give a claimed request back."""
        await self._release(t.requests, t.requests.c.id, request_id)

    async def add_deferred(self, deferred_id: str, kind: str, actor: str, data: Mapping[str, Any]) -> None:
        """Keep a form or decision that still has to be checked."""
        await self._connection.execute(
            sa.insert(t.deferred_commands).values(
                id=deferred_id, kind=kind, actor=actor, data=dict(data), created_at=self.now, next_run_at=self.now
            )
        )
        self.enqueue(Job(DEFERRED, deferred_id))

    async def claim_requests(self, request_ids: Collection[str]) -> frozenset[str]:
        """Take those of some requests that are still due and that nobody else works on, or is just about to take.

        Several processes that look at the same rows at the same moment divide them among themselves.
        """
        free = (
            sa.select(t.requests.c.id)
            .where(
                t.requests.c.id.in_(request_ids),
                t.requests.c.next_run_at <= self.now,
                self._free(t.requests.c.claimed_by),
            )
            .with_for_update(skip_locked=True)
        )
        claimed = await self._connection.execute(
            sa.update(t.requests)
            .where(t.requests.c.id.in_(free))
            .values(claimed_by=self._executor)
            .returning(t.requests.c.id)
        )
        return frozenset(claimed.scalars())

    async def claim_deferred(self, deferred_id: str) -> bool:
        """Take a deferred command to check it."""
        return (
            await self._claim(
                t.deferred_commands,
                t.deferred_commands.c.id,
                deferred_id,
                t.deferred_commands.c.next_run_at.is_not(None),
            )
            is not None
        )

    async def finish_deferred(self, deferred_id: str, outcome: str) -> bool:
        """Mark a deferred command as done; False when somebody did so before."""
        changed = await self._connection.execute(
            sa.update(t.deferred_commands)
            .where(t.deferred_commands.c.id == deferred_id, t.deferred_commands.c.next_run_at.is_not(None))
            .values(next_run_at=None, claimed_by=None, outcome=outcome)
            .returning(t.deferred_commands.c.id)
        )
        return changed.one_or_none() is not None

    async def _claim(
        self,
        table: sa.Table,
        key: sa.Column[str],
        value: str,
        *conditions: sa.ColumnElement[bool],
        told: sa.Column[Any] | None = None,
    ) -> sa.Row[Any] | None:
        """Take a row, and return what is asked of it; None when it is not free, or not as the conditions say."""
        claimed = await self._connection.execute(
            sa.update(table)
            .where(key == value, self._free(table.c.claimed_by), *conditions)
            .values(claimed_by=self._executor)
            .returning(key if told is None else told)
        )
        taken: sa.Row[Any] | None = claimed.one_or_none()
        return taken

    def _free(self, claimed_by: sa.Column[str]) -> sa.ColumnElement[bool]:
        """Whether nobody else alive has a row."""
        alive = sa.select(t.executors.c.id).where(t.executors.c.lease_until > self.now)
        return sa.or_(claimed_by.is_(None), claimed_by == self._executor, claimed_by.not_in(alive))

    async def _release(self, table: sa.Table, key: sa.Column[str], value: str) -> None:
        await self._connection.execute(
            sa.update(table).where(key == value, table.c.claimed_by == self._executor).values(claimed_by=None)
        )
