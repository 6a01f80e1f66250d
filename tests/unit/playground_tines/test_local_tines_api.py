import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from bot.playground.tines import ErrorShape, ManualSync, Right
from bot.playground.tines.pair import DEV_URL, Pair
from bot.playground.tines.seed import many_stories

DESTINATIONS = "/admin/sync_destinations"


@pytest.fixture
def pair() -> Pair:
    """Two connected tenants."""
    return Pair()


@pytest.fixture
async def api(pair: Pair) -> AsyncIterator[httpx.AsyncClient]:
    """Speak to dev as its owner."""
    async with pair.client() as client:
        yield client


async def test_creates_shows_and_lists_a_destination(pair: Pair, api: httpx.AsyncClient) -> None:
    """A create answers 201 with the documented object, which show and list repeat."""
    created = await api.post(DESTINATIONS, json=pair.body())
    assert created.status_code == 201
    assert created.json() == {
        "sync_destination": {
            "id": 121,
            "destination_tenant_url": "https://prod.example",
            "destination_team_id": pair.target_team,
            "origin_team_id": pair.team,
            "manual_sync_only": False,
            "subscriptions": [
                {
                    "story": {"id": pair.alerts, "name": "High-Priority Alerts"},
                    "status": "requires_sync",
                    "error_message": None,
                },
                {
                    "story": {"id": pair.phishing, "name": "Phishing triage"},
                    "status": "requires_sync",
                    "error_message": None,
                },
            ],
        }
    }
    assert (await api.get(f"{DESTINATIONS}/121")).json() == created.json()
    listed = (await api.get(DESTINATIONS)).json()
    assert listed["sync_destinations"] == [created.json()["sync_destination"]]
    assert listed["meta"]["count"] == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("wrapped", [True, False])
async def test_updates_answer_wrapped_or_bare(
    pair: Pair, api: httpx.AsyncClient, method: str, *, wrapped: bool
) -> None:
    """Both methods update, and the switch says how the object comes back."""
    pair.dev.switches = replace(pair.dev.switches, update_wrapped=wrapped)
    await api.post(DESTINATIONS, json=pair.body())
    updated = await api.request(method, f"{DESTINATIONS}/121", json={"story_ids": [pair.phishing]})
    shown = updated.json()["sync_destination"] if wrapped else updated.json()
    assert [s["story"]["id"] for s in shown["subscriptions"]] == [pair.phishing]


async def test_deletes_with_a_body(pair: Pair, api: httpx.AsyncClient) -> None:
    """A delete takes keep_stories in its body, answers 204 with nothing, and the second time 404."""
    await api.post(DESTINATIONS, json=pair.body())
    pair.world.settle_all()
    deleted = await api.request("DELETE", f"{DESTINATIONS}/121", json={"keep_stories": True})
    assert (deleted.status_code, deleted.content) == (204, b"")
    pair.world.settle_all()
    assert len(pair.prod.stories) == 2
    assert (await api.delete(f"{DESTINATIONS}/121")).status_code == 404


async def test_triggers_answer_at_once_and_work_later(pair: Pair, api: httpx.AsyncClient) -> None:
    """Both triggers say that they began; the copies come with time."""
    await api.post(DESTINATIONS, json=pair.body(manual_sync_only=True))
    one = await api.post(f"{DESTINATIONS}/121/story/{pair.alerts}/sync")
    assert one.json() == {"story_sync_initiated": True}
    assert pair.prod.copies == []
    pair.world.settle_all()
    assert [copy.source_story_id for copy in pair.prod.copies] == [pair.alerts]
    every = await api.post(f"{DESTINATIONS}/121/manual_sync")
    assert every.json() == {"sync_initiated": True}
    pair.world.settle_all()
    assert [copy.versions for copy in pair.prod.copies] == [2, 1]
    assert (await api.post(f"{DESTINATIONS}/121/story/1/sync")).status_code == 404


async def test_older_tenants_do_not_show_manual_mode(pair: Pair, api: httpx.AsyncClient) -> None:
    """The field is absent where the tenant does not know it."""
    pair.dev.switches = replace(pair.dev.switches, manual_sync=ManualSync.IGNORED)
    created = await api.post(DESTINATIONS, json=pair.body(manual_sync_only=True))
    assert "manual_sync_only" not in created.json()["sync_destination"]


@pytest.mark.parametrize("key", ["", "nonsense", "prod-owner"])
async def test_a_wrong_key_is_refused_everywhere(pair: Pair, key: str) -> None:
    """No key, a made-up one and another tenant's are 401."""
    async with pair.client(key or "-") as client:
        if not key:
            del client.headers["Authorization"]
        for path in ("/info", "/stories", DESTINATIONS, "/no/such/path"):
            assert (await client.get(path)).status_code == 401


async def test_a_revoked_key_stops_working_and_can_come_back(pair: Pair, api: httpx.AsyncClient) -> None:
    """Revoking takes effect with the next call, and so does restoring."""
    pair.dev.revoke("dev-owner")
    assert (await api.get("/info")).status_code == 401
    pair.dev.restore("dev-owner")
    assert (await api.get("/info")).json()["stack"]["egress_ips"] == ["127.0.0.1"]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_key_without_the_right_sees_no_destinations(pair: Pair, status: int) -> None:
    """A reader may list stories, and gets the configured status for anything about destinations."""
    pair.dev.switches = replace(pair.dev.switches, denied_status=status)
    async with pair.client("dev-reader") as client:
        assert (await client.get("/stories")).status_code == 200
        assert (await client.get(DESTINATIONS, params={"per_page": 1})).status_code == status
        assert (await client.post(DESTINATIONS, json=pair.body())).status_code == status
    assert pair.dev.destinations == {}


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (ErrorShape.ERRORS, '{"errors": [{"message": "Story not found", "details": null}]}'),
        (ErrorShape.BARE_LIST, '[{"message": "Story not found", "details": null}]'),
        (ErrorShape.ERROR, '{"error": "Story not found"}'),
        (ErrorShape.MESSAGE, '{"message": "Story not found"}'),
        (ErrorShape.DETAIL, '{"detail": "Story not found"}'),
        (ErrorShape.TEXT, "Story not found"),
        (
            ErrorShape.HTML,
            "<html><head><title>404 Story not found</title></head><body><h1>Story not found</h1></body></html>",
        ),
        (ErrorShape.EMPTY, ""),
    ],
)
async def test_refusals_come_in_every_shape(pair: Pair, api: httpx.AsyncClient, shape: ErrorShape, text: str) -> None:
    """One refusal, eight bodies."""
    pair.dev.switches = replace(pair.dev.switches, error_shape=shape)
    refused = await api.get("/stories/1")
    assert (refused.status_code, refused.text) == (404, text)


async def test_a_body_that_is_not_json_is_refused(pair: Pair, api: httpx.AsyncClient) -> None:
    """Broken JSON is 400 and creates nothing."""
    refused = await api.post(DESTINATIONS, content=b'{"team_id": ')
    assert refused.status_code == 400
    assert pair.dev.destinations == {}


async def test_pages_follow_the_documented_meta(pair: Pair, api: httpx.AsyncClient) -> None:
    """45 stories are three pages of 20 by default, with absolute links that keep the filters."""
    many_stories(pair.dev, pair.team, 43)
    first = (await api.get("/stories", params={"team_id": pair.team})).json()
    assert len(first["stories"]) == 20
    assert first["meta"] == {
        "current_page": f"{DEV_URL}/api/v1/stories?team_id={pair.team}&per_page=20&page=1",
        "previous_page": None,
        "next_page": f"{DEV_URL}/api/v1/stories?team_id={pair.team}&per_page=20&page=2",
        "next_page_number": 2,
        "per_page": 20,
        "pages": 3,
        "count": 45,
    }
    last = (await api.get("/stories", params={"team_id": pair.team, "page": 3})).json()
    assert len(last["stories"]) == 5
    assert (last["meta"]["next_page"], last["meta"]["next_page_number"]) == (None, None)
    assert last["meta"]["previous_page"].endswith("page=2")
    seen = {
        story["id"]
        for page in (1, 2, 3)
        for story in (await api.get("/stories", params={"page": page})).json()["stories"]
    }
    assert len(seen) == 45


async def test_a_page_past_the_end_is_empty_and_no_error(pair: Pair, api: httpx.AsyncClient) -> None:
    """Page 99 of one is 200 with an empty list and the true count."""
    page = await api.get("/stories", params={"page": 99})
    assert (page.status_code, page.json()["stories"]) == (200, [])
    assert (page.json()["meta"]["count"], page.json()["meta"]["next_page_number"]) == (2, None)
    assert pair.dev.destinations == {}
    none = (await api.get(DESTINATIONS)).json()
    assert (none["sync_destinations"], none["meta"]["pages"]) == ([], 0)


async def test_more_than_500_a_page_is_clamped_or_refused(pair: Pair, api: httpx.AsyncClient) -> None:
    """The switch decides between a page of 500 and a 422; nonsense counts as the default."""
    many_stories(pair.dev, pair.team, 600)
    page = (await api.get("/stories", params={"per_page": 1000})).json()
    assert (len(page["stories"]), page["meta"]["per_page"]) == (500, 500)
    pair.dev.switches = replace(pair.dev.switches, clamp_per_page=False)
    assert (await api.get("/stories", params={"per_page": 501})).status_code == 422
    assert (await api.get("/stories", params={"per_page": 500})).status_code == 200
    assert len((await api.get("/stories", params={"per_page": "-3", "page": "x"})).json()["stories"]) == 20


async def _names(api: httpx.AsyncClient, **params: str) -> list[str]:
    found = await api.get("/stories", params=params)
    return [story["name"] for story in found.json()["stories"]]


async def test_stories_are_searched_filtered_and_ordered(pair: Pair, api: httpx.AsyncClient) -> None:
    """Search matches the name in any case, tags must all be there, a filter and an order are one of a list."""
    pair.dev.advance(60)
    pair.dev.add_story(pair.other_team, "alert on MFA fatigue", change_control=False, actions=9)
    assert await _names(api, search="ALERT") == ["High-Priority Alerts", "alert on MFA fatigue"]
    assert await _names(api, tags="alerts,tier-1") == ["High-Priority Alerts"]
    assert await _names(api, **{"tags[]": "alerts"}) == ["High-Priority Alerts", "Phishing triage"]
    assert await _names(api, filter="CHANGE_CONTROL_ENABLED") == ["High-Priority Alerts", "Phishing triage"]
    assert await _names(api, filter="LOCKED") == []
    assert await _names(api, team_id=str(pair.other_team)) == ["alert on MFA fatigue"]
    assert (await _names(api, order="NAME"))[0] == "alert on MFA fatigue"
    assert (await _names(api, order="NAME_DESC"))[0] == "Phishing triage"
    assert (await _names(api, order="RECENTLY_EDITED"))[0] == "alert on MFA fatigue"
    assert (await _names(api, order="LEAST_RECENTLY_EDITED"))[-1] == "alert on MFA fatigue"
    assert (await _names(api, order="ACTION_COUNT_DESC"))[0] == "alert on MFA fatigue"
    assert (await api.get("/stories", params={"filter": "SYNCED"})).status_code == 422
    assert (await api.get("/stories", params={"order": "name"})).status_code == 422


async def test_a_story_carries_what_the_product_reads(pair: Pair, api: httpx.AsyncClient) -> None:
    """Id, name, tags, change control and times are there, unless the tenant is an older one."""
    story = (await api.get(f"/stories/{pair.alerts}")).json()
    assert story["name"] == "High-Priority Alerts"
    assert story["tags"] == ["alerts", "tier-1"]
    assert story["change_control_enabled"] is True
    assert story["edited_at"] == "2026-08-03T12:00:00Z"
    pair.dev.switches = replace(pair.dev.switches, shows_change_control=False, shows_edited_at=False)
    assert not {"change_control_enabled", "edited_at"} & set((await api.get(f"/stories/{pair.alerts}")).json())


async def test_teams_are_listed_and_shown_bare(pair: Pair, api: httpx.AsyncClient) -> None:
    """The list is wrapped, the single team is not, an unknown one is 404."""
    listed = (await api.get("/teams", params={"scope": "standard", "per_page": 1})).json()
    assert listed["teams"] == [{"id": pair.team, "name": "SecOps", "groups": []}]
    assert listed["meta"]["count"] == 2
    assert (await api.get(f"/teams/{pair.team}")).json()["name"] == "SecOps"
    assert (await api.get("/teams/1")).status_code == 404


async def test_an_export_names_credentials_and_resources(pair: Pair, api: httpx.AsyncClient) -> None:
    """References stand in the document as Tines writes them, and no value does."""
    story = pair.dev.stories[pair.alerts]
    story.credentials, story.resources = ("jira",), ("blocked_domains",)
    pair.dev.add_resource(pair.team, "blocked_domains", "evil.example")
    document = (await api.get(f"/stories/{pair.alerts}/export")).text
    assert "<<CREDENTIAL.jira>>" in document
    assert "<<RESOURCE.blocked_domains>>" in document
    assert "evil.example" not in document


async def test_credentials_and_resources_of_a_team(pair: Pair, api: httpx.AsyncClient) -> None:
    """A team sees its own and the global ones; a resource's value is in clear text, and masked in the record."""
    pair.dev.add_credential(pair.team, "jira")
    pair.dev.add_credential(pair.other_team, "okta")
    pair.dev.add_credential(pair.other_team, "slack_bot", everywhere=True)
    pair.dev.add_resource(pair.team, "blocked_domains", "evil.example")
    mine = (await api.get("/user_credentials", params={"team_id": pair.team})).json()["user_credentials"]
    assert [(row["slug"], row["read_access"]) for row in mine] == [("jira", "TEAM"), ("slack_bot", "GLOBAL")]
    assert len((await api.get("/user_credentials")).json()["user_credentials"]) == 3
    resources = (await api.get("/global_resources", params={"team_id": pair.team})).json()["global_resources"]
    assert [(row["slug"], row["value"]) for row in resources] == [("blocked_domains", "evil.example")]
    assert "evil.example" not in str(list(pair.dev.calls))


async def test_too_many_calls_are_refused_for_the_rest_of_the_minute(pair: Pair, api: httpx.AsyncClient) -> None:
    """Each key has its own budget, which is fresh again a minute later."""
    pair.dev.switches = replace(pair.dev.switches, rate_limit=2)
    assert [(await api.get("/info")).status_code for _ in range(3)] == [200, 200, 429]
    async with pair.client("dev-reader") as other:
        assert (await other.get("/info")).status_code == 200
    pair.dev.advance(60)
    assert (await api.get("/info")).status_code == 200


async def test_an_unknown_path_is_404_in_the_tenants_shape(api: httpx.AsyncClient) -> None:
    """Also what does not exist is answered as the tenant answers."""
    assert (await api.get("/nothing")).json() == {"errors": [{"message": "Not Found", "details": None}]}


async def test_every_call_is_recorded_without_keys(pair: Pair, api: httpx.AsyncClient) -> None:
    """The record tells who asked what and what came of it, and holds no key wherever one was put."""
    await api.post(DESTINATIONS, json=pair.body())
    await api.get("/stories", params={"search": "dev-owner"})
    await api.post(DESTINATIONS, content=b"not json, but prod-editor")
    created, searched, broken = pair.dev.calls
    assert (created.method, created.path, created.status, created.key) == ("POST", DESTINATIONS, 201, "dev owner")
    assert created.asked == pair.body(destination_tenant_api_key="•••")
    assert json.loads(created.answered)["sync_destination"]["id"] == 121
    assert pair.dev.calls.of("POST", DESTINATIONS) == [created, broken]
    assert (searched.query, broken.status) == ("search=•••", 400)
    text = str(list(pair.dev.calls))
    assert "dev-owner" not in text
    assert "prod-editor" not in text


async def test_a_subscriber_sees_each_call_arrive_and_end(pair: Pair, api: httpx.AsyncClient) -> None:
    """A page can draw a call while it runs; after the block nothing is kept for it."""
    with pair.dev.calls.subscribe() as feed:
        await api.get("/info")
        begun, ended = await anext(feed), await anext(feed)
    assert (begun.number, begun.done, begun.status) == (1, False, None)
    assert (ended.number, ended.done, ended.status) == (1, True, 200)
    await api.get("/info")
    assert len(pair.dev.calls) == 2


async def test_the_record_is_bounded(pair: Pair) -> None:
    """A long demo does not fill the memory: old calls go, a slow reader loses its oldest."""
    with pair.dev.calls.subscribe() as feed:
        for number in range(2001):
            call = pair.dev.calls.begin(
                at=pair.world.now(), tenant="dev", method="GET", path=f"/{number}", query="", asked=None
            )
        assert (await anext(feed)).path == "/1001"
    assert len(pair.dev.calls) == 2000
    assert call.number == 2001


async def test_an_editor_may_publish_but_not_administer(pair: Pair) -> None:
    """The key handed to the source tenant needs no more than an editor's right."""
    pair.dev.add_key("dev-editor", Right.EDITOR)
    async with pair.client("dev-editor") as client:
        assert (await client.get(DESTINATIONS)).status_code == 404
    async with pair.client() as client:
        await client.post(DESTINATIONS, json=pair.body(destination_tenant_api_key="prod-editor"))
    pair.world.settle_all()
    assert len(pair.prod.copies) == 2


async def test_a_browser_that_follows_a_link_to_a_story_reads_what_it_is(pair: Pair, api: httpx.AsyncClient) -> None:
    """The address of a story shows it as plain text, without a key, and says where there is none."""
    pair.dev.stories[pair.alerts].name = "<script>alert(1)</script>"
    page = await api.get(f"{DEV_URL}/stories/{pair.alerts}", headers={"Authorization": ""})
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.text.startswith("<script>alert(1)</script>\n")
    assert "Team: SecOps" in page.text
    assert (await api.get(f"{DEV_URL}/stories/7")).status_code == 404
    assert list(pair.dev.calls) == []
