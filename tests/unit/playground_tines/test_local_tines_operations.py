"""What people do with a sync destination after it was made, on a local tenant, with every open question as a switch."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr

from bot.playground.tines import (
    PRESETS,
    Destination,
    Fault,
    Kind,
    LocalTines,
    ManualSync,
    RefusalError,
    RemovedCopies,
    Right,
    StatusForm,
    Switches,
    UrlForm,
    build_tines_app,
    create_destination,
    delete_destination,
    publish_story,
    update_destination,
)
from bot.playground.tines.pair import DEV_URL, PROD_URL, Pair
from handlers.routes import Tenant
from handlers.tines import RefusedError, RetryPolicy, TinesClient

ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def pair() -> Pair:
    """Two connected tenants."""
    return Pair()


@pytest.fixture
async def client(pair: Pair) -> AsyncIterator[TinesClient]:
    """Return the product's own client of `dev`."""
    async with _client(pair, "dev-owner") as client:
        yield client


def _client(pair: Pair, key: str, *, of_prod: bool = False) -> TinesClient:
    tines, url = (pair.prod, PROD_URL) if of_prod else (pair.dev, DEV_URL)
    tenant = Tenant(alias=tines.name, url=url, api_key=SecretStr(key))
    return TinesClient(tenant, transport=httpx.ASGITransport(build_tines_app(tines)), retry_policy=ONCE)


def _settled(pair: Pair, **changes: object) -> Destination:
    """Return a sync destination whose stories were synced."""
    destination = create_destination(pair.dev, pair.body(**changes))
    pair.world.settle_all()
    return destination


def _set(pair: Pair, **switches: object) -> None:
    """Turn switches of both tenants."""
    for tines in (pair.dev, pair.prod):
        tines.switches = replace(tines.switches, **switches)  # type: ignore[arg-type]  # a wrong name fails in replace


# --- updates and deletes ------------------------------------------------------------------------------------------------


async def test_an_update_takes_stories_in_and_out(pair: Pair, client: TinesClient) -> None:
    """A whole set with one more and one less is what is synced afterwards; the one that stays is not touched."""
    third = pair.dev.add_story(pair.team, "Third").id
    destination = _settled(pair)
    updated = await client.update_destination(destination.id, [pair.alerts, third])
    assert updated.story_ids == {pair.alerts, third}
    assert [(s.story_id, s.status) for s in updated.statuses()] == [(pair.alerts, "synced"), (third, "requires_sync")]


@pytest.mark.parametrize("kept", [True, False])
async def test_what_happens_to_a_removed_copy_is_a_switch(pair: Pair, client: TinesClient, *, kept: bool) -> None:
    """The copy of a story that is taken out stays as a story of its own, or goes: Tines does not document it."""
    _set(pair, removed_copies=RemovedCopies.DETACHED if kept else RemovedCopies.DELETED)
    destination = _settled(pair)
    await client.update_destination(destination.id, [pair.alerts])
    pair.world.settle_all()
    assert ("Phishing triage" in {story.name for story in pair.prod.stories.values()}) is kept
    assert [copy.detached for copy in pair.prod.copies] == ([False, True] if kept else [False])


async def test_a_detached_copy_is_not_touched_any_more(pair: Pair, client: TinesClient) -> None:
    """A story that is taken in again gets another copy, and the old one stays as it is."""
    destination = _settled(pair)
    await client.update_destination(destination.id, [pair.alerts])
    await client.update_destination(destination.id, [pair.alerts, pair.phishing])
    pair.world.settle_all()
    assert [story.name for story in pair.prod.stories.values()].count("Phishing triage") == 2


async def test_the_mode_is_changed(pair: Pair, client: TinesClient) -> None:
    """A destination that became manual does not sync by itself; one that became automatic does."""
    destination = _settled(pair)
    assert (await client.update_destination(destination.id, manual_sync_only=True)).manual_sync_only is True
    publish_story(pair.dev, pair.alerts)
    pair.world.settle_all()
    (alerts, _) = (await client.show_destination(destination.id)).statuses()
    assert alerts.status == "requires_sync"
    await client.update_destination(destination.id, manual_sync_only=False)
    publish_story(pair.dev, pair.alerts)
    pair.world.settle_all()
    assert (await client.show_destination(destination.id)).statuses()[0].status == "synced"


@pytest.mark.parametrize("older", [ManualSync.IGNORED, ManualSync.REFUSED])
async def test_older_tenants_have_no_mode(pair: Pair, client: TinesClient, older: ManualSync) -> None:
    """An older tenant never shows the mode, and ignores or refuses a change of it."""
    _set(pair, manual_sync=older)
    destination = _settled(pair)
    if older is ManualSync.REFUSED:
        with pytest.raises(RefusedError):
            await client.update_destination(destination.id, manual_sync_only=True)
    else:
        await client.update_destination(destination.id, manual_sync_only=True)
    assert (await client.show_destination(destination.id)).manual_sync_only is None
    assert not destination.manual_only


async def test_a_key_is_rotated(pair: Pair, client: TinesClient) -> None:
    """Syncs fail once the old key was revoked, and work again with the new one."""
    destination = _settled(pair)
    pair.prod.revoke("prod-editor")
    await client.manual_sync(destination.id)
    pair.world.settle_all()
    assert {status.status for status in (await client.show_destination(destination.id)).statuses()} == {"failed"}
    pair.prod.add_key("prod-newer", Right.PUBLISHER)
    await client.update_destination(destination.id, destination_tenant_api_key=SecretStr("prod-newer"))
    await client.manual_sync(destination.id)
    pair.world.settle_all()
    assert {status.status for status in (await client.show_destination(destination.id)).statuses()} == {"synced"}


@pytest.mark.parametrize("keep", [True, False])
async def test_a_delete_does_to_the_copies_what_was_said(pair: Pair, client: TinesClient, *, keep: bool) -> None:
    """Kept copies are stories of their own; others go, later and out of sight."""
    destination = _settled(pair)
    await client.delete_destination(destination.id, keep_stories=keep)
    assert await client.list_destinations() == ()
    assert len(pair.prod.stories) == 2
    pair.world.settle_all()
    assert len(pair.prod.stories) == (2 if keep else 0)


def test_kept_copies_above_the_plan_are_disabled(pair: Pair) -> None:
    """A plan for one story leaves one of two kept copies enabled."""
    _set(pair, most_stories=1)
    delete_destination(pair.dev, _settled(pair).id, {"keep_stories": True})
    assert sorted(story.disabled for story in pair.prod.stories.values()) == [False, True]


# --- syncs --------------------------------------------------------------------------------------------------------------


async def test_a_failing_sync_heals_when_its_credential_is_added(pair: Pair, client: TinesClient) -> None:
    """A story fails for want of a credential; once that is there, it is synced when a sync is asked for, not before."""
    pair.dev.stories[pair.alerts].credentials = ("pagerduty",)
    destination = _settled(pair)
    failed, synced = (await client.show_destination(destination.id)).statuses()
    assert (failed.status, synced.status) == ("failed", "synced")
    assert "CREDENTIAL.pagerduty" in str(failed.error)
    pair.prod.add_credential(pair.target_team, "pagerduty")
    pair.world.settle_all()
    assert (await client.show_destination(destination.id)).statuses()[0].status == "failed"
    assert await client.sync_story(destination.id, pair.alerts)
    pair.world.settle_all()
    assert (await client.show_destination(destination.id)).statuses()[0].status == "synced"
    pair.prod.remove_credential("pagerduty")
    assert await client.manual_sync(destination.id)
    pair.world.settle_all()
    assert (await client.show_destination(destination.id)).statuses()[0].status == "failed"


@pytest.mark.parametrize("first", [True, False])
async def test_whether_a_manual_destination_syncs_at_first_is_a_switch(
    pair: Pair, client: TinesClient, *, first: bool
) -> None:
    """A new destination that is manual only syncs once, or waits until it is asked to."""
    _set(pair, initial_sync_when_manual=first)
    destination = _settled(pair, manual_sync_only=True)
    expected = "synced" if first else "requires_sync"
    assert {s.status for s in (await client.show_destination(destination.id)).statuses()} == {expected}


def test_a_personal_key_may_be_refused(pair: Pair) -> None:
    """Where personal keys are refused, syncs with one fail and say why."""
    pair.prod.add_key("ada-s-own-key", Right.OWNER, personal=True)
    _set(pair, refuses_personal_keys=True)
    destination = _settled(pair, destination_tenant_api_key="ada-s-own-key")
    assert {"personal API key" in str(s.error_message) for s in destination.subscriptions.values()} == {True}


async def test_a_weak_key_publishes_and_sees_no_credentials(pair: Pair) -> None:
    """A key that may only publish is refused the lists of credentials and resources."""
    pair.prod.add_key("prod-weak-key", Right.PUBLISHER)
    destination = _settled(pair, destination_tenant_api_key="prod-weak-key")
    assert {s.status for s in destination.subscriptions.values()} == {"synced"}
    async with _client(pair, "prod-weak-key", of_prod=True) as client:
        assert await client.teams()
        for listing in (client.list_user_credentials, client.list_global_resources):
            with pytest.raises(RefusedError):
                await listing(pair.target_team)


# --- how things are written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "written"),
    [
        (UrlForm.AS_SENT, "https://prod.example"),
        (UrlForm.DOT, "https://prod.example."),
        (UrlForm.WWW, "https://www.prod.example"),
        (UrlForm.CAPITALS, "https://PROD.EXAMPLE"),
        (UrlForm.PORT, "https://prod.example:443"),
        (UrlForm.OTHER_HOST, "https://tenant-7f3a.tines.example"),
        (UrlForm.NULL, ""),
    ],
)
async def test_the_tenants_url_is_written_back_in_many_ways(
    pair: Pair, client: TinesClient, form: UrlForm, written: str
) -> None:
    """However the URL is written back, the stories arrive at the same tenant."""
    _set(pair, url_form=form)
    _settled(pair)
    (listed,) = await client.list_destinations()
    assert listed.destination_tenant_url == written
    assert len(pair.prod.stories) == 2


@pytest.mark.parametrize("form", list(StatusForm))
async def test_statuses_are_written_in_many_ways(pair: Pair, client: TinesClient, form: StatusForm) -> None:
    """A status in another case is read as the same one."""
    _set(pair, status_form=form)
    destination = _settled(pair)
    async with pair.client() as raw:
        shown = (await raw.get(f"/admin/sync_destinations/{destination.id}")).json()["sync_destination"]
    assert shown["subscriptions"][0]["status"].lower() == "synced"
    assert (shown["subscriptions"][0]["status"] == "synced") is (form is StatusForm.DOCUMENTED)
    assert {s.status for s in (await client.show_destination(destination.id)).statuses()} == {"synced"}


async def test_listings_hold_odd_records(pair: Pair, client: TinesClient) -> None:
    """With the switch on, every listing has a record that cannot be read, and every destination such a subscription."""
    _set(pair, odd_records=True)
    _settled(pair)
    destinations = await client.list_destinations()
    assert (len(destinations), destinations.unreadable, destinations[0].unreadable) == (1, 1, 1)
    for listing in (client.teams(), client.stories(), client.list_user_credentials(pair.team)):
        found = await listing
        assert found.unreadable == 1
    assert len(await client.stories()) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 423, 425])
async def test_a_stray_refusal_comes_once(pair: Pair, client: TinesClient, status: int) -> None:
    """A look at a sync destination is refused, although everything is well, and the next one is not."""
    destination = _settled(pair)
    preset = next(each for each in PRESETS if each.name == f"stray_{status}")
    pair.dev.faults.add(preset.fault)
    with pytest.raises(RefusedError) as caught:
        await client.show_destination(destination.id)
    assert caught.value.status == status
    assert (await client.show_destination(destination.id)).id == destination.id


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("lost_update", "PATCH", "/admin/sync_destinations/21"),
        ("lost_delete", "DELETE", "/admin/sync_destinations/21"),
        ("lost_sync", "POST", "/admin/sync_destinations/21/manual_sync"),
        ("lost_sync", "POST", "/admin/sync_destinations/21/story/9001/sync"),
    ],
)
def test_the_answer_of_every_operation_can_get_lost(name: str, method: str, path: str) -> None:
    """Each write has a fault by which it is applied and its answer lost, and that strikes nothing else."""
    fault = next(each for each in PRESETS if each.name == name).fault
    assert (fault.kind, fault.times) == (Kind.RESET_AFTER, 1)
    assert fault.matches(method, path)
    assert not fault.matches("POST", "/admin/sync_destinations")
    assert not fault.matches("GET", path)


async def test_somebody_changes_the_set_meanwhile(pair: Pair, client: TinesClient) -> None:
    """A fault can do to a sync destination what a colleague does between two calls."""
    destination = _settled(pair)

    def empties(tines: LocalTines, _body: object) -> None:
        update_destination(tines, destination.id, {"story_ids": []})

    pair.dev.faults.add(Fault(Kind.NONE, "PATCH", times=1, meanwhile=empties))
    await client.update_destination(destination.id, manual_sync_only=True)
    assert (await client.show_destination(destination.id)).story_ids == frozenset()


# --- exports and change requests ----------------------------------------------------------------------------------------


def _agents(document: dict[str, object]) -> list[dict[str, object]]:
    agents = document["agents"]
    assert isinstance(agents, list)
    return agents


def _without(agent: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in agent.items() if name not in names}


async def test_an_export_looks_like_a_story(pair: Pair, client: TinesClient) -> None:
    """An export has actions in order, links by position, a webhook with path and secret, and references by slug."""
    story = pair.dev.stories[pair.alerts]
    story.credentials, story.resources, story.sub_stories = ("pagerduty",), ("hosts",), ("phishing_triage",)
    document = await client.export_story(pair.alerts)
    agents = _agents(document)
    text = str(agents)
    assert [agent["name"] for agent in agents][:2] == ["Receive Events", "Pick What Matters"]
    assert all(reference in text for reference in ("CREDENTIAL.pagerduty", "RESOURCE.hosts", "STORY.phishing_triage"))
    options = agents[0]["options"]
    assert isinstance(options, dict)
    assert len(str(options["path"])) == len(str(options["secret"])) == 32
    links = document["links"]
    assert isinstance(links, list)
    assert [link["receiver"] for link in links] == list(range(1, len(agents)))
    assert document["recipients"] == []


async def test_only_the_time_of_an_export_changes_by_itself(pair: Pair, client: TinesClient) -> None:
    """Two exports of one story differ in `exported_at` alone, unless webhooks are randomized."""
    first = await client.export_story(pair.alerts)
    pair.world.advance(60)
    second = await client.export_story(pair.alerts)
    assert first["exported_at"] != second["exported_at"]
    assert _without(first, "exported_at") == _without(second, "exported_at")
    async with pair.client() as raw:
        random = (await raw.get(f"/stories/{pair.alerts}/export")).json()
    assert random["agents"][0]["options"] != _agents(second)[0]["options"]
    assert random["recipients"] != []


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_copy_has_guids_and_webhooks_of_its_own(pair: Pair, client: TinesClient, *, keeps: bool) -> None:
    """A synced copy does the same under other guids and secrets; whether it names its origin is a switch."""
    _set(pair, keeps_origin_identifier=keeps)
    pair.dev.stories[pair.alerts].origin_identifier = "origin-1"
    _settled(pair)
    (copy_id,) = [copy.story_id for copy in pair.prod.copies if copy.source_story_id == pair.alerts]
    source = await client.export_story(pair.alerts)
    async with _client(pair, "prod-owner", of_prod=True) as prod:
        copy = await prod.export_story(copy_id)
    assert source["guid"] != copy["guid"]
    assert {agent["guid"] for agent in _agents(source)}.isdisjoint(agent["guid"] for agent in _agents(copy))
    assert _agents(source)[0]["options"] != _agents(copy)[0]["options"]
    assert [_without(agent, "guid") for agent in _agents(source)[1:]] == [
        _without(agent, "guid") for agent in _agents(copy)[1:]
    ]
    assert (copy["origin_story_identifier"] == "origin-1") is keeps


async def test_an_edited_copy_differs_until_the_next_sync(pair: Pair, client: TinesClient) -> None:
    """Somebody edits a copy on the destination; the next sync overwrites it."""
    destination = _settled(pair)
    copy = pair.prod.copies[0]
    pair.world.advance(60)
    pair.prod.edit_action(copy.story_id, "Only New Ones", rules=[])
    assert pair.prod.stories[copy.story_id].edited_at > copy.at
    async with _client(pair, "prod-owner", of_prod=True) as prod:
        assert _agents(await prod.export_story(copy.story_id))[2]["options"] == {"rules": []}
        await client.sync_story(destination.id, copy.source_story_id)
        pair.world.settle_all()
        assert _agents(await prod.export_story(copy.story_id))[2]["options"] != {"rules": []}
    with pytest.raises(KeyError):
        pair.prod.edit_action(copy.story_id, "no such action")


async def test_a_change_waits_for_review(pair: Pair, client: TinesClient) -> None:
    """A change that is not live is listed for its team until it is pushed."""
    change = pair.dev.hold_change(pair.alerts, user_id=5)
    found = await client.change_requests(pair.team)
    assert found is not None
    assert [(each.story_id, each.status, each.user_id) for each in found] == [(pair.alerts, "PENDING", 5)]
    assert await client.change_requests(pair.other_team) == ()
    pair.dev.close_change(change.id, "APPROVED")
    assert len(await client.change_requests(pair.team) or ()) == 1
    publish_story(pair.dev, pair.alerts)
    assert await client.change_requests(pair.team) == ()
    async with pair.client() as raw:
        assert (await raw.get("/change_requests")).json()["change_requests"] == []
        assert (await raw.get(f"/change_requests/{change.id}")).json()["status"] == "PUSHED"
        assert (await raw.get("/change_requests/1")).status_code == 404


async def test_only_the_newest_change_of_a_story_is_shown(pair: Pair, client: TinesClient) -> None:
    """A push is hidden behind a draft that is newer, as Tines documents it."""
    pair.dev.close_change(pair.dev.hold_change(pair.alerts).id)
    pair.dev.hold_change(pair.alerts)
    assert await client.change_requests(pair.team, ["PUSHED"]) == ()
    assert len(await client.change_requests(pair.team) or ()) == 1


async def test_older_tenants_know_no_change_requests(pair: Pair, client: TinesClient) -> None:
    """With the switch off, change requests are not available."""
    _set(pair, change_requests=False)
    pair.dev.hold_change(pair.alerts)
    assert await client.change_requests(pair.team) is None


def test_a_mode_that_a_body_names_wrongly_is_refused(pair: Pair) -> None:
    """An update is as strict about types as a create."""
    with pytest.raises(RefusalError):
        update_destination(pair.dev, _settled(pair).id, {"manual_sync_only": "yes"})


def test_switches_start_as_documented() -> None:
    """Without any switch turned, a tenant does what Tines documents."""
    switches = Switches()
    assert (switches.url_form, switches.status_form) == (UrlForm.AS_SENT, StatusForm.DOCUMENTED)
    assert not switches.odd_records
