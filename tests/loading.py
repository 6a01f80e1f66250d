"""Loads a catalogue and waits for it, which only tests and measurements do: the product has it loaded in the background."""

import asyncio

from handlers.catalogue import Catalogue


async def load(catalogue: Catalogue, tenant: str) -> None:
    """Load teams and stories of a tenant, however fresh they are, and wait for it. Raises `TinesError`."""
    await asyncio.shield(catalogue._teams[tenant].renew())  # noqa: SLF001 - the catalogue's own way to load
    await asyncio.shield(catalogue._stories[tenant].renew())  # noqa: SLF001
