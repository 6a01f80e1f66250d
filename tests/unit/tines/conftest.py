"""A tenant that answers as a test says, and a client that talks to it without any network and without waiting."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx

from handlers.routes import Tenant
from handlers.tines import RetryPolicy, TinesClient

URL = "https://dev.tines.example"
KEY = "dev-key-0123456789"
PUBLISH_KEY = "prod-publish-9876543210"


@pytest.fixture
def dev() -> Tenant:
    """Return the tenant that is called."""
    return Tenant.model_validate({"alias": "dev", "url": URL, "api_key": KEY})


@pytest.fixture
def prod() -> Tenant:
    """Return the tenant that stories are copied to."""
    return Tenant.model_validate(
        {
            "alias": "prod",
            "url": "https://prod.tines.example",
            "api_key": "prod-read-key-555",
            "publish_key": PUBLISH_KEY,
        }
    )


@pytest.fixture
def tines() -> Iterator[respx.MockRouter]:
    """Return the routes of the tenant; one that a test names must be called, one that it does not name must not."""
    router = respx.MockRouter(base_url=f"{URL}/api/v1", assert_all_called=True)
    yield router
    router.assert_all_called()


@pytest.fixture
def retry_policy() -> RetryPolicy:
    """Return a policy of three attempts with no wait between them."""
    return RetryPolicy(attempts=3, wait_initial=0.0, wait_max=0.0, wait_jitter=0.0)


@pytest.fixture
async def client(dev: Tenant, tines: respx.MockRouter, retry_policy: RetryPolicy) -> AsyncIterator[TinesClient]:
    """Return a client of the tenant."""
    async with TinesClient(
        dev, transport=httpx.MockTransport(tines.async_handler), retry_policy=retry_policy
    ) as client:
        yield client
