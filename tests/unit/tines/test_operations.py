"""Each operation sends exactly what the API documents, and reads what it answers."""

import json
from datetime import UTC, datetime

import httpx
import pytest
import respx
from pydantic import SecretStr

from handlers.models import StoryStatus, Team
from handlers.routes import Tenant
from handlers.tines import CHANGE_CONTROL_ENABLED, RefusedError, SyncDestination, TinesClient, TinesError

DESTINATION = {
    "id": 24,
    "destination_tenant_url": "https://prod.tines.example",
    "destination_team_id": 42,
    "origin_team_id": 7,
    "manual_sync_only": False,
    "subscriptions": [
        {"story": {"id": 9981, "name": "High-Priority Alerts"}, "status": "synced", "error_message": None},
        {"story": {"id": 9982, "name": "Change Requests"}, "status": "failed", "error_message": "no credential"},
    ],
}


def sent(route: respx.Route) -> object:
    """Return the JSON body of the latest call of a route."""
    return json.loads(route.calls.last.request.content)


async def create(
    client: TinesClient, destination: Tenant, *, same: bool = False, manual: bool = False
) -> SyncDestination:
    """Create the sync destination of the examples."""
    return await client.create_destination(
        destination=destination,
        same_tenant=same,
        destination_team_id=42,
        team_id=7,
        story_ids=(9981, 9982),
        manual=manual,
    )


async def test_create_for_another_tenant(client: TinesClient, tines: respx.MockRouter, prod: Tenant) -> None:
    """A create for another tenant sends the documented body with the key for publishing, and reads every field."""
    route = tines.post("/admin/sync_destinations").respond(201, json={"sync_destination": DESTINATION})
    made = await create(client, prod)
    assert sent(route) == {
        "destination_tenant_url": "https://prod.tines.example",
        "destination_tenant_api_key": "prod-publish-9876543210",
        "destination_team_id": 42,
        "team_id": 7,
        "story_ids": [9981, 9982],
    }
    assert (made.id, made.destination_team_id, made.origin_team_id) == (24, 42, 7)
    assert made.destination_tenant_url == "https://prod.tines.example"
    assert made.manual_sync_only is False
    assert made.story_ids == {9981, 9982}
    assert made.statuses() == (
        StoryStatus(story_id=9981, name="High-Priority Alerts", status="synced"),
        StoryStatus(story_id=9982, name="Change Requests", status="failed", error="no credential"),
    )


async def test_create_on_the_same_tenant(client: TinesClient, tines: respx.MockRouter, dev: Tenant) -> None:
    """A create on the same tenant sends its own URL and no key at all."""
    route = tines.post("/admin/sync_destinations").respond(201, json={"sync_destination": DESTINATION})
    await create(client, dev, same=True)
    assert sent(route) == {
        "destination_tenant_url": "https://dev.tines.example",
        "destination_team_id": 42,
        "team_id": 7,
        "story_ids": [9981, 9982],
    }


async def test_create_uses_the_reading_key_when_there_is_no_other(
    client: TinesClient, tines: respx.MockRouter, prod: Tenant
) -> None:
    """Without a key for publishing, the destination's only key is handed over."""
    route = tines.post("/admin/sync_destinations").respond(201, json={"sync_destination": DESTINATION})
    await create(client, prod.model_copy(update={"publish_key": None}))
    body = sent(route)
    assert isinstance(body, dict)
    assert body["destination_tenant_api_key"] == "prod-read-key-555"


async def test_create_manual(client: TinesClient, tines: respx.MockRouter, prod: Tenant) -> None:
    """`manual_sync_only` is sent when manual was chosen."""
    answer = {"sync_destination": DESTINATION | {"manual_sync_only": True}}
    route = tines.post("/admin/sync_destinations").respond(201, json=answer)
    made = await create(client, prod, manual=True)
    body = sent(route)
    assert isinstance(body, dict)
    assert body["manual_sync_only"] is True
    assert made.manual_sync_only is True


async def test_every_call_carries_the_key_and_stays_on_the_api(client: TinesClient, tines: respx.MockRouter) -> None:
    """The key travels as a bearer token, and JSON is asked for."""
    route = tines.get("/info").respond(json={"stack": {"name": "us1", "type": "shared", "region": "us-east-1"}})
    info = await client.info()
    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer dev-key-0123456789"
    assert request.headers["accept"] == "application/json"
    assert (info.stack.name, info.stack.type, info.stack.region) == ("us1", "shared", "us-east-1")


async def test_older_and_newer_tenants_are_read(client: TinesClient, tines: respx.MockRouter) -> None:
    """A missing `manual_sync_only`, nulls, unknown fields and unknown statuses are read, and shown as they are."""
    answer = {
        "id": 5,
        "destination_team_id": 1,
        "origin_team_id": 2,
        "destination_tenant_url": None,
        "colour": "green",
        "subscriptions": [
            {"story": {"id": 1, "name": None, "emoji": "x"}, "status": "paused", "error_message": None, "since": 3},
            {"story": {"id": 2, "name": "B"}, "status": None},
        ],
    }
    tines.get("/admin/sync_destinations/5").respond(json={"sync_destination": answer})
    shown = await client.show_destination(5)
    assert shown.manual_sync_only is None
    assert [(s.name, s.status, s.error) for s in shown.statuses()] == [("", "paused", None), ("B", "", None)]


async def test_no_subscriptions_is_no_story(client: TinesClient, tines: respx.MockRouter) -> None:
    """A destination whose subscriptions are null has no stories."""
    tines.get("/admin/sync_destinations/24").respond(json={"sync_destination": DESTINATION | {"subscriptions": None}})
    assert (await client.show_destination(24)).story_ids == frozenset()


async def test_probe_asks_for_one(client: TinesClient, tines: respx.MockRouter) -> None:
    """The probe of a key's rights asks for a single sync destination only."""
    route = tines.get("/admin/sync_destinations").respond(json={"sync_destinations": [], "meta": {}})
    await client.probe_destinations()
    assert dict(route.calls.last.request.url.params) == {"per_page": "1"}


@pytest.mark.parametrize("answer", [DESTINATION, {"sync_destination": DESTINATION}], ids=["bare", "wrapped"])
async def test_update_replaces_the_stories(
    client: TinesClient, tines: respx.MockRouter, answer: dict[str, object]
) -> None:
    """An update sends the whole set of stories, and its answer is read wrapped or bare."""
    route = tines.patch("/admin/sync_destinations/24").respond(json=answer)
    updated = await client.update_destination(24, [9982, 9981])
    assert sent(route) == {"story_ids": [9982, 9981]}
    assert updated.id == 24


async def test_an_update_sends_what_is_to_change_and_nothing_else(client: TinesClient, tines: respx.MockRouter) -> None:
    """Stories, mode and key can be changed each by itself; an empty set of stories is a change as well."""
    route = tines.patch("/admin/sync_destinations/24").respond(json=DESTINATION)
    await client.update_destination(24, manual_sync_only=False)
    assert sent(route) == {"manual_sync_only": False}
    await client.update_destination(24, destination_tenant_api_key=SecretStr("rotated-key-1"))
    assert sent(route) == {"destination_tenant_api_key": "rotated-key-1"}
    await client.update_destination(24, [])
    assert sent(route) == {"story_ids": []}


async def test_a_rotated_key_is_masked_in_the_answer(client: TinesClient, tines: respx.MockRouter) -> None:
    """A key that was only just sent is masked where Tines quotes it, in a refusal and in a good answer."""
    path = "/admin/sync_destinations/24"
    tines.patch(path).mock(
        side_effect=[
            httpx.Response(422, json={"error": "rotated-key-1 is not valid"}),
            httpx.Response(200, json=DESTINATION | {"destination_tenant_url": "https://rotated-key-1.example"}),
        ]
    )
    with pytest.raises(TinesError) as caught:
        await client.update_destination(24, destination_tenant_api_key=SecretStr("rotated-key-1"))
    assert caught.value.words == "[secret] is not valid"
    updated = await client.update_destination(24, destination_tenant_api_key=SecretStr("rotated-key-1"))
    assert updated.destination_tenant_url == "https://[secret].example"


@pytest.mark.parametrize("keep", [True, False])
async def test_delete_always_says_what_becomes_of_the_copies(
    client: TinesClient, tines: respx.MockRouter, *, keep: bool
) -> None:
    """A delete sends `keep_stories` either way, since leaving it out destroys the copies."""
    route = tines.delete("/admin/sync_destinations/24").respond(204)
    await client.delete_destination(24, keep_stories=keep)
    assert sent(route) == {"keep_stories": keep}


async def test_delete_accepts_a_json_answer(client: TinesClient, tines: respx.MockRouter) -> None:
    """A delete that answers 200 with an object went through as well."""
    route = tines.delete("/admin/sync_destinations/24").respond(200, json={})
    await client.delete_destination(24, keep_stories=True)
    assert route.call_count == 1


@pytest.mark.parametrize("started", [True, False])
async def test_sync_of_every_story(client: TinesClient, tines: respx.MockRouter, *, started: bool) -> None:
    """A sync of every story tells whether Tines started it."""
    tines.post("/admin/sync_destinations/24/manual_sync").respond(json={"sync_initiated": started})
    assert await client.manual_sync(24) is started


async def test_sync_of_one_story(client: TinesClient, tines: respx.MockRouter) -> None:
    """A sync of one story names it in the path."""
    tines.post("/admin/sync_destinations/24/story/9982/sync").respond(json={"story_sync_initiated": True})
    assert await client.sync_story(24, 9982) is True


async def test_teams(client: TinesClient, tines: respx.MockRouter) -> None:
    """Teams come with id and name; groups are ignored."""
    route = tines.get("/teams").respond(
        json={"teams": [{"id": 7, "name": "SecOps", "groups": [{"id": 1, "name": "g"}]}], "meta": {}}
    )
    assert await client.teams() == (Team(id=7, name="SecOps"),)
    assert dict(route.calls.last.request.url.params) == {"scope": "standard", "page": "1", "per_page": "500"}


async def test_one_team(client: TinesClient, tines: respx.MockRouter) -> None:
    """A single team comes unwrapped."""
    tines.get("/teams/7").respond(json={"id": 7, "name": "SecOps"})
    assert await client.team(7) == Team(id=7, name="SecOps")


async def test_stories(client: TinesClient, tines: respx.MockRouter) -> None:
    """Stories are asked for with every filter given and none that was not, and are read with tags and times."""
    route = tines.get("/stories").respond(
        json={
            "stories": [
                {
                    "id": 1,
                    "name": "Alerts",
                    "team_id": 7,
                    "tags": ["edr", "p1"],
                    "edited_at": "2026-08-01T10:00:00Z",
                    "change_control_enabled": True,
                    "mode": "LIVE",
                },
                {"id": 2, "name": "Old", "tags": None, "edited_at": "yesterday"},
            ],
            "meta": {"next_page_number": None},
        }
    )
    first, second = await client.stories(
        team_id=7,
        search="al",
        filter=CHANGE_CONTROL_ENABLED,
        tags="edr",
        order="NAME",
    )
    assert dict(route.calls.last.request.url.params) == {
        "team_id": "7",
        "search": "al",
        "filter": "CHANGE_CONTROL_ENABLED",
        "tags": "edr",
        "order": "NAME",
        "page": "1",
        "per_page": "500",
    }
    assert first.change_control_enabled is True
    assert first.team_id == 7
    story = first.story()
    assert (story.id, story.name, story.tags) == (1, "Alerts", ("edr", "p1"))
    assert story.edited_at == datetime(2026, 8, 1, 10, tzinfo=UTC)
    assert (second.tags, second.edited_at, second.change_control_enabled) == ((), None, None)


async def test_one_page_of_stories(client: TinesClient, tines: respx.MockRouter) -> None:
    """A single page can be asked for with its own size, and tells how many there are."""
    route = tines.get("/stories").respond(
        json={
            "stories": [],
            "meta": {"next_page_number": 4, "pages": 9, "count": 81, "next_page": "https://evil.example"},
        }
    )
    page = await client.stories_page(3, per_page=10, search=None)
    assert dict(route.calls.last.request.url.params) == {"page": "3", "per_page": "10"}
    assert (page.meta.next_page_number, page.meta.pages, page.meta.count) == (4, 9, 81)


async def test_one_story(client: TinesClient, tines: respx.MockRouter) -> None:
    """A single story comes unwrapped, with what may keep it from being synced."""
    tines.get("/stories/1").respond(json={"id": 1, "name": "Alerts", "disabled": True, "locked": False})
    story = await client.story(1)
    assert (story.name, story.disabled, story.locked, story.change_control_enabled) == ("Alerts", True, False, None)


async def test_export(client: TinesClient, tines: respx.MockRouter) -> None:
    """An export is the whole document, untouched, asked for so that two of them can be compared."""
    document = {"name": "Alerts", "agents": [{"options": {"url": "<<CREDENTIAL.jira>>"}}]}
    route = tines.get("/stories/9981/export").respond(json=document)
    assert await client.export_story(9981) == document
    assert dict(route.calls.last.request.url.params) == {"randomize_urls": "false", "clear_recipients": "true"}


async def test_credentials(client: TinesClient, tines: respx.MockRouter) -> None:
    """Credentials of a team come by slug, with who may read them."""
    route = tines.get("/user_credentials", params={"team_id": 42}).respond(
        json={"user_credentials": [{"id": 1, "name": "Jira", "slug": "jira", "team_id": 42, "read_access": "TEAM"}]}
    )
    (credential,) = await client.list_user_credentials(42)
    assert (credential.slug, credential.name, credential.read_access) == ("jira", "Jira", "TEAM")
    assert route.call_count == 1


async def test_resources_lose_their_value(client: TinesClient, tines: respx.MockRouter) -> None:
    """A resource's clear-text value is not kept anywhere in what is returned."""
    tines.get("/global_resources", params={"team_id": 42}).respond(
        json={
            "global_resources": [{"id": 1, "slug": "hosts", "value": "hunter2-in-clear", "team_id": 42}],
            "meta": None,
        }
    )
    (resource,) = await client.list_global_resources(42)
    assert (resource.slug, resource.team_id) == ("hosts", 42)
    assert "value" not in resource.model_dump()
    assert "hunter2" not in repr(resource)


async def test_credentials_tell_who_may_use_them(client: TinesClient, tines: respx.MockRouter) -> None:
    """A credential that several teams share tells which ones."""
    shared = {"id": 1, "slug": "jira", "team_id": 7, "read_access": "SPECIFIC_TEAMS", "shared_team_slugs": ["secops"]}
    tines.get("/user_credentials").respond(json={"user_credentials": [shared]})
    (credential,) = await client.list_user_credentials(42)
    assert (credential.team_id, credential.read_access, credential.shared_team_slugs) == (
        7,
        "SPECIFIC_TEAMS",
        ("secops",),
    )


async def test_change_requests(client: TinesClient, tines: respx.MockRouter) -> None:
    """Changes that are not live yet are asked for by team and status, and name their story however Tines writes it."""
    route = tines.get("/change_requests").respond(
        json={
            "change_requests": [
                {"id": 1, "status": "PENDING", "story_id": 9981, "user_id": 5, "updated_at": "2026-11-20T10:00:00Z"},
                {"id": 2, "status": "APPROVED", "story": {"id": 9982}},
            ],
            "meta": {},
        }
    )
    found = await client.change_requests(7)
    assert found is not None
    assert [(each.id, each.status, each.story_id, each.user_id) for each in found] == [
        (1, "PENDING", 9981, 5),
        (2, "APPROVED", 9982, None),
    ]
    assert route.calls.last.request.url.params.get_list("status[]") == ["PENDING", "APPROVED", "IN_PROGRESS"]
    assert route.calls.last.request.url.params.get_list("team_id[]") == ["7"]


async def test_older_tenants_have_no_change_requests(client: TinesClient, tines: respx.MockRouter) -> None:
    """404 for change requests means that they are not available; any other refusal is one."""
    tines.get("/change_requests").mock(side_effect=[httpx.Response(404), httpx.Response(403)])
    assert await client.change_requests(7) is None
    with pytest.raises(RefusedError):
        await client.change_requests(7)


async def test_calls_are_observed(dev: Tenant, tines: respx.MockRouter) -> None:
    """Each HTTP call is reported once, with method, outcome and how long it took."""
    seen: list[tuple[str, str, float]] = []
    ticks = iter([10.0, 10.5])
    tines.get("/info").respond(json={"stack": {}})
    transport = httpx.MockTransport(tines.async_handler)
    async with TinesClient(
        dev, transport=transport, observe=lambda *what: seen.append(what), clock=lambda: next(ticks)
    ) as client:
        await client.info()
    assert seen == [("GET", "200", 0.5)]


async def test_a_client_knows_its_tenant(client: TinesClient) -> None:
    """A client tells whose it is, and for how long a call of it can be under way."""
    assert client.alias == "dev"
    assert client.longest_call >= 60
