"""Sync destinations as they were last seen on Tines, and how watching each source tenant goes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.store import tables as t
from handlers.watching.known import WORST_FIRST, Health, KnownDestination, KnownStory, KnownTenant

_INSERT: Final[Mapping[str, Any]] = MappingProxyType({"postgresql": postgresql.insert, "sqlite": sqlite.insert})
_D: Final = t.destinations.c
_S: Final = t.subscriptions.c
_W: Final = t.watched_tenants.c
_WORST: Final = sa.case({health.value: number for number, health in enumerate(WORST_FIRST)}, value=_D.health, else_=9)
_MUTE: Final = frozenset({"muted_until", "muted_by", "mute_reason"})
_AT_ONCE: Final = 500  # rows of one statement

DUE: Final = sa.select(_W.tenant.label("key"), _W.next_run_at.label("at")).where(_W.next_run_at <= t.NOW)
"""The tenants to look at now."""


class DestinationsReader:
    """Watched sync destinations and tenants as they are in one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def tenant(self, tenant: str) -> KnownTenant | None:
        """Return how watching a tenant goes, None where nobody watches it."""
        return await self._tenant(sa.select(t.watched_tenants).where(_W.tenant == tenant))

    async def _tenant(self, query: sa.Select[Any]) -> KnownTenant | None:
        found = (await self._connection.execute(query)).mappings().one_or_none()
        return None if found is None else KnownTenant.model_validate(dict(found))

    async def tenants(self) -> tuple[KnownTenant, ...]:
        """Return how watching goes for every tenant that is watched, by alias."""
        rows = await self._connection.execute(sa.select(t.watched_tenants).order_by(_W.tenant))
        return tuple(KnownTenant.model_validate(dict(row)) for row in rows.mappings())

    async def of(self, source: str) -> dict[int, KnownDestination]:
        """Return every destination of a source tenant by id, with its stories."""
        stories: dict[int, list[KnownStory]] = {}
        rows = await self._connection.execute(sa.select(t.subscriptions).where(_S.source == source))
        for row in rows:
            # built without validation: what is in the row was validated before it was written
            stories.setdefault(row.destination_id, []).append(
                KnownStory.model_construct(
                    story_id=row.story_id, name=row.name, status=row.status, error=row.error, since=row.since
                )
            )
        found = await self._connection.execute(sa.select(t.destinations).where(_D.source == source))
        return {
            each["id"]: KnownDestination.model_validate({**each, "stories": tuple(stories.get(each["id"], ()))})
            for each in found.mappings()
        }

    async def get(self, source: str, destination_id: int) -> KnownDestination | None:
        """Return one destination, without its stories."""
        rows = await self._connection.execute(
            sa.select(t.destinations).where(_D.source == source, _D.id == destination_id)
        )
        found = rows.mappings().one_or_none()
        return None if found is None else KnownDestination.model_validate(dict(found))

    async def worst(
        self, directions: Collection[tuple[str, str]], *, limit: int, offset: int = 0
    ) -> tuple[tuple[KnownDestination, ...], int]:
        """Return the destinations of some directions (aliases of source and destination), worst first, and their number.

        Of those that are as bad, the one that has been so for longest comes first. They come without their stories.
        """
        if not directions:
            return (), 0
        where = _leading(directions)
        total = (
            await self._connection.execute(sa.select(sa.func.count()).select_from(t.destinations).where(where))
        ).scalar_one()
        rows = await self._connection.execute(
            sa.select(t.destinations)
            .where(where)
            .order_by(_WORST, _D.since, _D.source, _D.id)
            .limit(limit)
            .offset(offset)
        )
        return tuple(KnownDestination.model_validate(dict(row)) for row in rows.mappings()), total

    async def between(self, source: tuple[str, int], destination: tuple[str, int]) -> tuple[int, ...]:
        """Return the ids of the destinations that lead from one team to another; each is a tenant's alias and an id."""
        rows = await self._connection.execute(
            sa.select(_D.id, _D.source_team, _D.destination_team)
            .where(_leading([(source[0], destination[0])]))
            .order_by(_D.id)
        )
        wanted = (source[1], destination[1])
        return tuple(row.id for row in rows if (row.source_team["id"], row.destination_team["id"]) == wanted)

    async def counts(self) -> dict[tuple[str, str, Health], int]:
        """Return how many destinations there are by source tenant, destination tenant and health."""
        rows = await self._connection.execute(
            sa.select(_D.source, _D.destination, _D.health, sa.func.count()).group_by(
                _D.source, _D.destination, _D.health
            )
        )
        return {(row[0], row[1], Health(row[2])): row[3] for row in rows}

    async def oldest_failure(self) -> datetime | None:
        """Return since when the destination that failed first has failed, None when none has."""
        found = await self._connection.execute(sa.select(sa.func.min(_D.since)).where(_D.health == Health.FAILED.value))
        oldest: datetime | None = found.scalar_one_or_none()
        return oldest


class Destinations(DestinationsReader):
    """Watched sync destinations and tenants, and what one transaction changes of them."""

    async def locked(self, tenant: str) -> KnownTenant | None:
        """Return how watching a tenant goes; nobody else writes down a round of it until the transaction ends."""
        return await self._tenant(sa.select(t.watched_tenants).where(_W.tenant == tenant).with_for_update())

    async def watch(self, origins: Mapping[str, str]) -> None:
        """Watch exactly these tenants (alias → address); a tenant of another address than before is another tenant."""
        known = {each.tenant: each for each in await self.tenants()}
        for alias, each in known.items():
            if alias in origins and each.origin != origins[alias]:
                await self._forget(alias)
            elif alias not in origins and each.next_run_at is not None:
                await self.change_tenant(alias, next_run_at=None)
            elif alias in origins and each.next_run_at is None:
                await self.change_tenant(alias, next_run_at=self._now)
        for alias, origin in origins.items():
            if alias not in known or known[alias].origin != origin:
                await self._connection.execute(
                    _INSERT[self._connection.dialect.name](t.watched_tenants)
                    .values(tenant=alias, origin=origin, next_run_at=self._now, told=[])
                    .on_conflict_do_nothing(index_elements=["tenant"])
                )

    async def _forget(self, tenant: str) -> None:
        await self._connection.execute(sa.delete(t.subscriptions).where(_S.source == tenant))
        await self._connection.execute(sa.delete(t.destinations).where(_D.source == tenant))
        await self._connection.execute(sa.delete(t.watched_tenants).where(_W.tenant == tenant))

    async def change_tenant(self, tenant: str, **columns: Any) -> None:  # noqa: ANN401 - columns of watched_tenants
        """Note how watching a tenant goes."""
        if columns.get("problem") is not None:
            columns["problem"] = columns["problem"].model_dump(mode="json")
        await self._connection.execute(sa.update(t.watched_tenants).where(_W.tenant == tenant).values(**columns))

    async def put(self, destinations: Sequence[KnownDestination]) -> None:
        """Write destinations as they are known now, without their stories; a mute stays as it is."""
        rows = [_row(each) for each in destinations]
        insert = _INSERT[self._connection.dialect.name](t.destinations)
        changed = {
            column.name: insert.excluded[column.name]
            for column in t.destinations.columns
            if column.name not in _MUTE and not column.primary_key
        }
        statement = insert.on_conflict_do_update(index_elements=["source", "id"], set_=changed)
        for start in range(0, len(rows), _AT_ONCE):
            await self._connection.execute(statement, rows[start : start + _AT_ONCE])

    async def put_stories(self, source: str, stories: Iterable[tuple[int, KnownStory]]) -> None:
        """Write stories of destinations, each with the id of its destination."""
        rows = [{"source": source, "destination_id": id_, **story.model_dump()} for id_, story in stories]
        insert = _INSERT[self._connection.dialect.name](t.subscriptions)
        statement = insert.on_conflict_do_update(
            index_elements=["source", "destination_id", "story_id"],
            set_={name: insert.excluded[name] for name in ("name", "status", "error", "since")},
        )
        for start in range(0, len(rows), _AT_ONCE):
            await self._connection.execute(statement, rows[start : start + _AT_ONCE])

    async def drop_stories(self, source: str, destination_id: int, story_ids: Collection[int]) -> None:
        """Forget stories that are no longer in a destination."""
        await self._connection.execute(
            sa.delete(t.subscriptions).where(
                _S.source == source, _S.destination_id == destination_id, _S.story_id.in_(story_ids)
            )
        )

    async def drop(self, source: str, destination_id: int) -> None:
        """Forget a destination that was deleted."""
        await self._connection.execute(
            sa.delete(t.subscriptions).where(_S.source == source, _S.destination_id == destination_id)
        )
        await self._connection.execute(sa.delete(t.destinations).where(_D.source == source, _D.id == destination_id))

    async def seen(self, source: str, at: datetime, *, but_not: Collection[int]) -> None:
        """Note when the destinations of a source tenant were seen, all but some."""
        await self._connection.execute(
            sa.update(t.destinations)
            .where(_D.source == source, _D.last_seen < at, _D.id.not_in(but_not))
            .values(last_seen=at)
        )

    async def mute(self, source: str, destination_id: int, *, until: datetime | None, by: str, reason: str) -> bool:
        """Tell nothing new of a destination until a moment; None: tell again. Whether the destination is known."""
        changed = await self._connection.execute(
            sa.update(t.destinations)
            .where(_D.source == source, _D.id == destination_id)
            .values(muted_until=until, muted_by=by, mute_reason=reason)
            .returning(_D.id)
        )
        return changed.one_or_none() is not None


def _leading(directions: Collection[tuple[str, str]]) -> sa.ColumnElement[bool]:
    return sa.or_(*(sa.and_(_D.source == source, _D.destination == destination) for source, destination in directions))


def _row(known: KnownDestination) -> dict[str, Any]:
    fields = {name: getattr(known, name) for name in KnownDestination.model_fields if name != "stories"}
    return {
        **fields,
        "source_team": known.source_team.model_dump(),
        "destination_team": known.destination_team.model_dump(),
        "health": known.health.value,
        "told": known.told.model_dump(mode="json"),
    }
