"""App Homes that people look at: which pages each shows, what of the record it was drawn from, and when to look again.

Nothing is written here when something changes. A home is due when the record has grown since it was drawn: a click
thus never waits for the homes of others, and a crash loses none of them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.jobs import HOME, Job
from handlers.models import Frozen
from handlers.store import tables as t
from handlers.store.jobs_ordered import OrderedJobs

_INSERT: Final[Mapping[str, postgresql.Insert | sqlite.Insert]] = MappingProxyType(
    {"postgresql": postgresql.insert(t.homes), "sqlite": sqlite.insert(t.homes)}
)
OPENED_FOR: Final = timedelta(days=1)
"""How long after it was opened a home is kept fresh."""
_ROUNDS: Final = sa.select(sa.func.coalesce(sa.func.sum(t.watched_tenants.c.rounds), 0)).scalar_subquery()
_FAILING: Final = sa.select(sa.func.count(t.watched_tenants.c.failing_since)).scalar_subquery()
_MARK: Final = (
    sa.cast(sa.select(t.chain.c.seq).scalar_subquery(), sa.Text)
    + ":"
    + sa.cast(_ROUNDS, sa.Text)
    + ":"
    + sa.cast(_FAILING, sa.Text)
)
_MAY_HAVE_CHANGED: Final = sa.and_(
    t.homes.c.next_run_at <= t.NOW,
    t.homes.c.opened_at > t.NOW - sa.literal(OPENED_FOR // timedelta(microseconds=1), sa.BigInteger),
    t.homes.c.drawn_from != _MARK,
)

DUE: Final = sa.select(t.homes.c.person.label("key"), t.homes.c.next_run_at.label("at")).where(_MAY_HAVE_CHANGED)
"""The people whose homes may have changed."""


class HomePages(Frozen):
    """Which page of each part a home shows, from 1."""

    waiting: int = 1
    mine: int = 1
    destinations: int = 1
    frozen: int = 1


class OpenHome(Frozen):
    """The home of somebody who opened it."""

    person: str  # Slack user id
    version: int  # counts how often the person opened it or turned a page
    pages: HomePages
    shown: str  # hash of what was published last; "" when it has to be published whatever it says
    unchanged: int  # looks in a row that found nothing new


class HomesReader:
    """Open homes as they are in one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def get(self, person: str) -> OpenHome | None:
        """Return the home of a person if something may have changed since it was drawn, and it may be drawn again."""
        row = (
            await self._connection.execute(
                sa.select(t.homes).where(t.homes.c.person == person, _MAY_HAVE_CHANGED), {"now": self._now}
            )
        ).one_or_none()
        if row is None:
            return None
        return OpenHome(
            person=row.person,
            version=row.version,
            pages=HomePages.model_validate(row.pages),
            shown=row.shown,
            unchanged=row.unchanged,
        )

    async def mark(self) -> str:
        """Return a mark that is another one after every change that a home may show."""
        mark: str = (await self._connection.execute(sa.select(_MARK))).scalar_one()
        return mark


class Homes(HomesReader):
    """Open homes, and what one transaction changes of them."""

    def __init__(self, connection: AsyncConnection, now: datetime, jobs: OrderedJobs) -> None:
        super().__init__(connection, now)
        self._jobs = jobs

    async def opened(self, person: str, pages: HomePages) -> None:
        """Note that a person looks at these pages of their home, and order it to be published."""
        values = {
            "opened_at": self._now,
            "pages": pages.model_dump(),
            "shown": "",
            "drawn_from": "",
            "unchanged": 0,
            "next_run_at": self._now,
        }
        await self._connection.execute(
            _INSERT[self._connection.dialect.name]
            .values(person=person, version=1, **values)
            .on_conflict_do_update(index_elements=["person"], set_={**values, "version": t.homes.c.version + 1})
        )
        self._jobs.add(Job(HOME, person))

    async def look(self, person: str) -> None:
        """Order a home to be looked at now, if it is open: the person changed something that it shows."""
        await self._connection.execute(
            sa.update(t.homes).where(t.homes.c.person == person).values(next_run_at=self._now, unchanged=0)
        )
        self._jobs.add(Job(HOME, person))

    async def drawn(self, home: OpenHome, *, mark: str, shown: str, unchanged: int, again_at: datetime) -> None:
        """Note what a home shows now, unless the person has opened it anew meanwhile; with no mark it stays due."""
        await self._connection.execute(
            sa.update(t.homes)
            .where(t.homes.c.person == home.person, t.homes.c.version == home.version)
            .values(drawn_from=mark, shown=shown, unchanged=unchanged, next_run_at=again_at)
        )
