"""No key leaves through an error, a repr or a status, whatever Tines or the network says."""

import asyncio
import traceback

import httpx
import pytest

from handlers.routes import Tenant
from handlers.tines import RetryPolicy, TinesClient, TinesError

OWN = "dev-key-0123456789"
PUBLISH = "prod-publish-9876543210"


def tenant_that_echoes(request: httpx.Request) -> httpx.Response:
    """Answer with everything that was received."""
    echo = f"{request.headers['authorization']} {request.content.decode()}"
    return httpx.Response(422, json={"errors": [{"message": "invalid", "details": echo}]})


async def create(client: TinesClient, prod: Tenant) -> None:
    """Create a sync destination, with the key for publishing in the body."""
    await client.create_destination(
        destination=prod, same_tenant=False, destination_team_id=1, team_id=2, story_ids=[3], manual=False
    )


def told(error: BaseException) -> str:
    """Return all that logs or people could see of an error."""
    problem = error.problem() if isinstance(error, TinesError) else ""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error) + repr(problem)


async def test_echoed_keys_are_masked(dev: Tenant, prod: Tenant) -> None:
    """Both keys are blotted out of Tines's words when it echoes them."""
    async with TinesClient(dev, transport=httpx.MockTransport(tenant_that_echoes)) as client:
        with pytest.raises(TinesError) as caught:
            await create(client, prod)
    assert OWN not in told(caught.value)
    assert PUBLISH not in told(caught.value)
    assert "Bearer [secret]" in caught.value.words


async def test_keys_in_a_status_are_masked(dev: Tenant, prod: Tenant) -> None:
    """A story's error message that quotes a key is masked as well, and its name is left alone."""
    destination = {
        "id": 1,
        "destination_team_id": 1,
        "origin_team_id": 2,
        "subscriptions": [
            {"story": {"id": 3, "name": "A"}, "status": "failed", "error_message": f"{PUBLISH} may not {OWN}"},
            {"story": {"id": 4, "name": "B"}, "status": "synced", "error_message": None},
        ],
    }
    answer = httpx.Response(201, json={"sync_destination": destination})
    async with TinesClient(dev, transport=httpx.MockTransport(lambda _: answer)) as client:
        made = await client.create_destination(
            destination=prod, same_tenant=False, destination_team_id=1, team_id=2, story_ids=[3, 4], manual=False
        )
    assert [status.error for status in made.statuses()] == ["[secret] may not [secret]", None]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(201, text=f"created with {PUBLISH}"),
        httpx.Response(201, json={"sync_destination": {"id": PUBLISH, "origin_team_id": OWN}}),
        httpx.Response(201, html=f"<title>{PUBLISH}</title>"),
        httpx.Response(302, headers={"Location": f"https://elsewhere.example/?key={PUBLISH}"}),
        httpx.ReadError(f"lost {OWN} {PUBLISH}"),
        httpx.LocalProtocolError(f"Illegal header value b'Bearer {OWN}'"),
    ],
    ids=["text", "fields", "page", "redirect", "reset", "illegal header"],
)
async def test_no_answer_brings_a_key_out(dev: Tenant, prod: Tenant, answer: httpx.Response | Exception) -> None:
    """Neither an unreadable answer, nor a redirect, nor the network's own words bring a key out."""

    def tenant(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with TinesClient(dev, transport=httpx.MockTransport(tenant)) as client:
        with pytest.raises(TinesError) as caught:
            await create(client, prod)
    assert OWN not in told(caught.value)
    assert PUBLISH not in told(caught.value)


async def test_a_key_with_a_line_break_is_not_quoted(dev: Tenant) -> None:
    """A key that no header can carry is a clear error that does not show it, over a real connection."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        broken = dev.model_validate({"alias": "dev", "url": url, "api_key": "topsecret\nvalue"})
        async with TinesClient(broken, retry_policy=RetryPolicy(attempts=1)) as client:
            with pytest.raises(TinesError) as caught:
                await client.info()
    assert "line break" in caught.value.words
    assert "topsecret" not in told(caught.value)


async def test_values_of_resources_are_not_quoted(dev: Tenant) -> None:
    """A listing of resources that cannot be read does not show their clear-text values in the error."""
    answer = httpx.Response(200, json={"global_resources": "hunter2-in-clear"})
    async with TinesClient(dev, transport=httpx.MockTransport(lambda _: answer)) as client:
        with pytest.raises(TinesError) as caught:
            await client.list_global_resources(1)
    assert "hunter2" not in told(caught.value)


async def test_a_client_does_not_show_its_key(dev: Tenant) -> None:
    """Neither the client's repr nor that of its parts shows the key."""
    async with TinesClient(dev, transport=httpx.MockTransport(tenant_that_echoes)) as client:
        assert OWN not in repr(client) + repr(vars(client))
