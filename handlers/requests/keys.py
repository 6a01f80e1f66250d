"""Noting which keys are configured, so that people see since when a sync destination has an older one."""

from handlers.operations.keys import fingerprint, is_of
from handlers.routes import Topology
from handlers.store import Store


async def note_configured_keys(store: Store, topology: Topology) -> None:
    """Note each tenant's key for publishing that is another one than before. Raises `StoreUnavailableError`."""
    async with store.reading() as reader:
        known = await reader.keys.all()
    changed = [
        (alias, tenant.key_for_publishing)
        for alias, tenant in topology.tenants.items()
        if alias not in known or not is_of(tenant.key_for_publishing, known[alias].fingerprint)
    ]
    if changed:
        async with store.transaction() as transaction:
            for alias, key in changed:
                await transaction.keys.put(alias, fingerprint(key))
