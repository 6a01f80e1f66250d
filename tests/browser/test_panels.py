from collections.abc import Callable

import pytest
from playwright.async_api import expect

from bot.playground.tines import Kind, create_destination

from .conftest import OpenWindow
from .harness import ROBIN, BrowserHarness

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_tenants_are_shown(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """The panel tells of each tenant's teams, stories and sync destinations, and which copies arrived."""
    page = await windows(at(ROBIN))
    await page.get_by_role("button", name="Tines tenants").click()
    dev = page.get_by_role("region", name="Tenant dev")
    await expect(dev).to_contain_text("Sync destinations0")
    await dev.get_by_text("Stories (2)").click()
    await expect(dev.get_by_role("rowheader", name="Phishing triage")).to_be_visible()
    await dev.get_by_label("Filter stories of dev").fill("tier-1")
    await expect(dev.get_by_role("rowheader")).to_have_text(["High-Priority Alerts"])
    async with harness.tenants.client() as client:
        assert (await client.post("/admin/sync_destinations", json=harness.tenants.body())).status_code == 201
    await expect(dev).to_contain_text("SecOps → prod: SecOps Production")
    harness.tenants.world.settle_all()
    async with harness.tenants.client() as client:
        await client.get("/admin/sync_destinations")
    await expect(dev.locator(".status")).to_have_text(["synced", "synced"])
    prod = page.get_by_role("region", name="Tenant prod")
    await expect(prod).to_contain_text("Phishing triagein SecOps Production · from dev · version 1")


async def test_a_fault_is_switched_on_and_off(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """A switch makes the tenant fail, shows that it is on, and makes it well again."""
    page = await windows(at(ROBIN))
    await page.get_by_role("button", name="Tines tenants").click()
    switch = page.get_by_role("region", name="Tenant prod").get_by_role("switch", name="Internal errors (500)")
    async with page.expect_response("**/api/faults"):
        await switch.click()
    await expect(switch).to_be_checked()
    async with harness.tenants.client() as client:
        assert (await client.get("/teams")).status_code == 200
    (fault,) = harness.tenants.prod.faults.active().values()
    assert fault.kind is Kind.ANSWER
    await page.reload()
    await expect(switch).to_be_checked()
    async with page.expect_response("**/api/faults"):
        await switch.click()
    assert harness.tenants.prod.faults.active() == {}


async def test_a_story_is_made_to_fail(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """A story switched to fail is the one whose sync fails, with words that say who did it."""
    page = await windows(at(ROBIN))
    await page.get_by_role("button", name="Tines tenants").click()
    dev = page.get_by_role("region", name="Tenant dev")
    await dev.get_by_text("Stories (2)").click()
    async with page.expect_response("**/api/faults"):
        await dev.get_by_role("switch", name="Syncing Phishing triage fails").click()
    create_destination(harness.tenants.dev, harness.tenants.body())
    harness.tenants.world.settle_all()
    (destination,) = harness.tenants.dev.destinations.values()
    statuses = {sub.name: (sub.status, sub.error_message) for sub in destination.subscriptions.values()}
    assert statuses["High-Priority Alerts"] == ("synced", None)
    assert statuses["Phishing triage"][0] == "failed"
    assert "playground" in str(statuses["Phishing triage"][1])


async def test_slack_fails_too(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """The switches of Slack make its Web API answer badly until they are switched off."""
    page = await windows(at(ROBIN))
    await page.get_by_role("button", name="Tines tenants").click()
    switch = page.get_by_role("region", name="Slack", exact=True).get_by_role("switch", name="Too many requests (429)")
    async with page.expect_response("**/api/faults"):
        await switch.click()
    assert (await harness.app.client.post("/api/auth.test")).status_code == 429
    async with page.expect_response("**/api/faults"):
        await switch.click()
    assert (await harness.app.client.post("/api/auth.test")).status_code == 200


async def test_the_traffic(harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]) -> None:
    """Each request and answer appears as it happens, can be found and read, and no key or token stands in it."""
    page = await windows(at(ROBIN))
    await harness.app.post("Before the panel was opened")
    await page.get_by_role("button", name="Traffic").click()
    rows = page.get_by_role("list", name="Requests and answers").get_by_role("listitem")
    await expect(rows.first).to_contain_text("chat.postMessage")
    async with harness.tenants.client() as client:
        await client.post("/admin/sync_destinations", json=harness.tenants.body())
    await expect(rows.first).to_contain_text("POST /admin/sync_destinations")
    await expect(rows.first).to_contain_text("201")
    await rows.first.locator("summary").click()
    await expect(rows.first.locator("pre").first).to_contain_text('"destination_tenant_api_key": "•••"')
    await page.get_by_label("Filter the traffic").fill("chat.post")
    await expect(rows.filter(visible=True)).to_have_count(1)
    text = await page.locator("#panel-traffic").inner_text()
    assert "prod-editor" not in text
    assert harness.slack.app.bot_token not in text


async def test_credentials_copies_and_stories_are_changed(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """A credential is added and removed on a tenant, a copy is edited there, and a change waits to be published."""
    prod = harness.tenants.prod
    create_destination(harness.tenants.dev, harness.tenants.body())
    harness.tenants.world.settle_all()
    harness.tenants.world.advance(60)
    page = await windows(at(ROBIN))
    await page.get_by_role("button", name="Tines tenants").click()
    card = page.get_by_role("region", name="Tenant prod")
    await card.get_by_text("Credentials (0)").click()
    await card.get_by_label("Slug of a credential for prod").fill("jira")
    await card.get_by_role("button", name="Add credential").click()
    await expect(card.get_by_text("Credentials (1)")).to_be_visible()
    assert [row.slug for row in prod.credentials] == ["jira"]
    await card.get_by_role("button", name="Remove credential jira of prod").click()
    await expect(card.get_by_text("Credentials (0)")).to_be_visible()
    assert prod.credentials == []
    await card.get_by_role("button", name="Edit the copy of Phishing triage in SecOps Production").click()
    await expect(card).to_contain_text("edited here")
    dev = page.get_by_role("region", name="Tenant dev")
    await dev.get_by_text("Stories (2)").click()
    await dev.get_by_role("button", name="Make a change of Phishing triage").click()
    await expect(dev.get_by_role("row", name="Phishing triage")).to_contain_text("not published")
    await dev.get_by_role("button", name="Publish the change of Phishing triage").click()
    await expect(dev.get_by_role("button", name="Make a change of Phishing triage")).to_be_visible()
    assert [change.status for change in harness.tenants.dev.change_requests] == ["PUSHED"]
