"""Which key a sync destination has, told without keeping the key."""

from datetime import timedelta
from typing import Final

import pytest
from pydantic import SecretStr

from handlers.models import Request, State
from handlers.operations.following import SyncResult
from handlers.operations.keys import fingerprint, is_of, standing
from handlers.operations.rotate_key import RotateResult
from handlers.requests import note_configured_keys
from handlers.routes import Tenant, Topology
from handlers.store import Store
from handlers.store.database import open_engine, parse_url
from tests.unit.requests.harness import Clock
from tests.unit.views.harness import NOW, a_request

OLD, NEW = SecretStr("the old key"), SecretStr("the new key")
PROD: Final = Tenant(alias="prod", url="https://prod.example", api_key=SecretStr("k" * 12), publish_key=NEW)


def created(key: str, hours: int) -> Request:
    """Return a request that made destination 24 with a key."""
    result = SyncResult(destination_id=24, key=key)
    return a_request(State.SUCCEEDED, result=result, attempted_at=NOW + timedelta(hours=hours))


def rotated(key: str, hours: int, *sent: int) -> Request:
    """Return a request that sent a key to destinations."""
    result = RotateResult(destination_id=sent[0], text="", key=key, sent=sent)
    return a_request(State.PARTIAL, result=result, attempted_at=NOW + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("requests", "hours", "older"),
    [
        ([], None, False),
        ([created("", 1)], None, False),  # from before keys were noted, or adopted
        ([created(fingerprint(OLD), 1)], 1, True),
        ([created(fingerprint(NEW), 1)], 1, False),
        ([created(fingerprint(OLD), 1), rotated(fingerprint(NEW), 2, 24)], 2, False),
        ([rotated(fingerprint(NEW), 2, 23, 24, 25), created(fingerprint(OLD), 1)], 2, False),
        ([created(fingerprint(OLD), 1), rotated(fingerprint(NEW), 2, 23)], 1, True),  # others only
        ([created(fingerprint(NEW), 1), rotated(fingerprint(OLD), 2, 24)], 2, True),  # it was configured back
    ],
)
def test_the_key_that_was_sent_last_counts(requests: list[Request], hours: int | None, *, older: bool) -> None:
    """A destination has an older key when the last one that was sent to it is not the one that is configured."""
    found = standing(24, PROD, requests, NOW)
    assert found.sent_at == (None if hours is None else NOW + timedelta(hours=hours))
    assert (found.older, found.name, found.configured_at) == (older, "publish_key of prod", NOW)


def test_a_kept_fingerprint_tells_only_whoever_knows_the_key() -> None:
    """Two fingerprints of one key differ, each is recognised with the key, and neither holds it."""
    one, other = fingerprint(OLD), fingerprint(OLD)
    assert one != other
    assert is_of(OLD, one)
    assert is_of(OLD, other)
    assert not is_of(NEW, one)
    assert not is_of(OLD, "")
    assert OLD.get_secret_value() not in one


async def test_it_is_noted_since_when_a_key_is_configured(prepared_database: str) -> None:
    """A start notes keys that are new, and leaves alone those that are the same."""
    clock = Clock()
    store = Store(open_engine(parse_url(prepared_database)), lambda _: None, clock=clock)
    tenants = {"prod": PROD, "dev": PROD.model_copy(update={"alias": "dev"})}
    try:
        await note_configured_keys(store, Topology(tenants=tenants, routes={}))
        first = clock.now
        clock.passes(hours=1)
        tenants["prod"] = PROD.model_copy(update={"publish_key": OLD})
        for _ in range(2):
            await note_configured_keys(store, Topology(tenants=tenants, routes={}))
            async with store.reading() as reader:
                known = await reader.keys.all()
            assert {alias: key.since for alias, key in known.items()} == {
                "dev": first,
                "prod": first + timedelta(hours=1),
            }
            clock.passes(hours=1)
    finally:
        await store.close()
