"""Which key a sync destination was last sent, without keeping the key.

Keys come from the configuration only and are write-only in Tines, so nobody can look which one a destination has. What
can be compared is a salted hash of the key that was sent last: it is on the row of the request that sent it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from pydantic import SecretStr

from handlers.models import Frozen, Request
from handlers.operations.following import SyncResult
from handlers.routes import Tenant


class KeyStanding(Frozen):
    """Which key of a tenant a destination was sent."""

    name: str  # of the configured key; never the key
    sent_at: datetime | None = None  # when a key was last sent from here; None: never
    older: bool = False  # whether another one is configured now
    configured_at: datetime | None = None  # since when this one is configured, as far as is known


def fingerprint(key: SecretStr, salt: str | None = None) -> str:
    """Return a salted hash of a key, as `salt$hash`: equal keys cannot be recognized without knowing one of them."""
    salt = salt or secrets.token_hex(8)
    digest = hmac.new(salt.encode(), key.get_secret_value().encode(), hashlib.sha256).hexdigest()
    return f"{salt}${digest}"


def is_of(key: SecretStr, kept: str) -> bool:
    """Whether a kept fingerprint is that of a key."""
    salt = kept.partition("$")[0]
    return bool(salt) and hmac.compare_digest(fingerprint(key, salt), kept)


def key_name(tenant: Tenant) -> str:
    """Return how a tenant's key for publishing is called in the configuration; never the key."""
    return f"{'publish_key' if tenant.publish_key is not None else 'api_key'} of {tenant.alias}"


def standing(
    destination_id: int, tenant: Tenant, requests: Iterable[Request], configured_at: datetime | None
) -> KeyStanding:
    """Return which key a destination of a tenant was sent last; `requests` are those that may have sent one."""
    sent = [
        (request.attempted_at, kept)
        for request in requests
        if request.attempted_at is not None and (kept := _sent_by(request, destination_id))
    ]
    if not sent:
        return KeyStanding(name=key_name(tenant), configured_at=configured_at)
    at, kept = max(sent)
    older = not is_of(tenant.key_for_publishing, kept)
    return KeyStanding(name=key_name(tenant), sent_at=at, older=older, configured_at=configured_at)


def _sent_by(request: Request, destination_id: int) -> str:
    """Return the fingerprint of the key that a request sent to a destination, "" when it sent none."""
    result = request.result
    if isinstance(result, SyncResult):
        return result.key if result.destination_id == destination_id else ""
    sent = getattr(result, "sent", ())
    return str(getattr(result, "key", "")) if destination_id in sent else ""
