"""Since when each tenant's key for publishing is the one that is configured, by a salted hash of it."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.store import tables as t


class ConfiguredKey(NamedTuple):
    """A tenant's key, as it was first seen."""

    fingerprint: str
    since: datetime


class KeysReader:
    """The configured keys as they are in one transaction."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def all(self) -> dict[str, ConfiguredKey]:
        """Return what is known of the keys, by tenant."""
        rows = await self._connection.execute(sa.select(t.configured_keys))
        return {row.tenant: ConfiguredKey(row.fingerprint, row.since) for row in rows}


class Keys(KeysReader):
    """The configured keys, and what one transaction notes of them."""

    async def put(self, tenant: str, fingerprint: str) -> None:
        """Note that another key is configured from now on."""
        await self._connection.execute(sa.delete(t.configured_keys).where(t.configured_keys.c.tenant == tenant))
        await self._connection.execute(
            sa.insert(t.configured_keys).values(tenant=tenant, fingerprint=fingerprint, since=self._now)
        )
