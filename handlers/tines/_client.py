"""The client of one tenant: opens and closes the connections, and hands them to the operations.

It prevents a key from going anywhere but to its tenant: redirects are never followed, and of the environment only what
`handlers.network` decided counts, no `.netrc` file for one.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

import httpx
from pydantic import SecretStr

from handlers.network import Egress, Network, egress_for
from handlers.routes import Tenant
from handlers.tines._calls import TinesCalls
from handlers.tines._mask import Mask
from handlers.tines._transport import Endpoint, Observe, RetryPolicy, Timeouts, Transport

_LIMITS: Final = httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=30.0)
_TIMEOUTS: Final = Timeouts()
_RETRY_POLICY: Final = RetryPolicy()
_NETWORK: Final = Network()


class TinesClient(TinesCalls):
    """All operations on one tenant, over kept-alive HTTP/1.1 connections. Close it with `aclose` or `async with`.

    `observe(method, outcome, seconds)` is called once for each HTTP call, repeated ones included; `outcome` is the status
    ("201") or how it failed without one ("timeout", "unreachable", "broken", "unreadable"). `secrets` are all that must not
    be shown although this tenant says it: those of every other tenant. Raises `NetworkError` when the CA file cannot be used.
    """

    def __init__(
        self,
        tenant: Tenant,
        *,
        secrets: Iterable[SecretStr] = (),
        network: Network = _NETWORK,
        transport: httpx.AsyncBaseTransport | None = None,
        timeouts: Timeouts = _TIMEOUTS,
        retry_policy: RetryPolicy = _RETRY_POLICY,
        observe: Observe | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        # as bytes: a key with letters outside of ASCII is refused by the tenant, not by an encoding error here
        headers = (
            (b"Authorization", b"Bearer " + tenant.api_key.get_secret_value().encode()),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"gzip"),  # which can be unpacked in bounded parts
            (b"User-Agent", b"tines-sync"),
        )
        self._connections = transport or _connections(
            egress_for(tenant.url, network, proxy=tenant.proxy, ca_file=tenant.ca_file)
        )
        endpoint = Endpoint(tenant.url, headers, self._connections, timeouts)
        mask = Mask.of({*tenant.secrets(), *secrets})
        super().__init__(Transport(tenant.alias, mask, endpoint, retry_policy, clock, observe))

    def with_deadline(self, seconds: float) -> TinesCalls:
        """Return the same operations for somebody who waits.

        Each call is tried once, and all calls end within `seconds` from now. A call that did not raises `RetryableError`,
        or `UnknownOutcomeError` for one that changes something. Shares the connections; needs no closing.
        """
        return TinesCalls(self._transport.with_deadline(asyncio.get_running_loop().time() + seconds))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _connections(egress: Egress) -> httpx.AsyncBaseTransport:
    """Return the connections to a tenant. Of the environment only what `egress` says counts."""
    context = egress.ssl_context()
    return httpx.AsyncHTTPTransport(
        verify=context, proxy=_proxy(egress, context), limits=_LIMITS, trust_env=False, http1=True, http2=False
    )


def _proxy(egress: Egress, context: ssl.SSLContext) -> httpx.Proxy | None:
    if egress.proxy_url is None:
        return None
    # the proxy's own certificate, where it has one, is trusted like the tenant's
    return httpx.Proxy(egress.proxy_url, ssl_context=context if egress.proxy_url.startswith("https:") else None)
