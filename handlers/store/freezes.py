"""Freezes: the routes on which nothing runs for now."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.policy import Freeze
from handlers.store import tables as t


class FreezesReader:
    """The frozen routes as they are in one transaction."""

    def __init__(self, connection: AsyncConnection, *, turn: int = 0) -> None:
        self._connection = connection
        self.turn = turn  # how many changes of freezes the process had made before

    async def get(self, route: str) -> Freeze | None:
        """Return who froze the route and why, or None."""
        return (await self.all()).get(route)

    async def all(self) -> dict[str, Freeze]:
        """Return every frozen route."""
        rows = await self._connection.execute(sa.select(t.freezes))
        return {row["route"]: Freeze.model_validate(dict(row)) for row in rows.mappings()}


class Freezes(FreezesReader):
    """The frozen routes, and what one transaction changes of them."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self.changed = False

    async def put(self, freeze: Freeze) -> None:
        """Freeze a route, or say anew why it is frozen."""
        self.changed = True
        said = freeze.model_dump()
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        await self._connection.execute(
            insert(t.freezes).values(said).on_conflict_do_update(index_elements=["route"], set_=said)
        )

    async def drop(self, route: str) -> None:
        """Unfreeze a route."""
        self.changed = True
        await self._connection.execute(sa.delete(t.freezes).where(t.freezes.c.route == route))
