from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.playground.tines import (
    Destination,
    ManualSync,
    RefusalError,
    create_destination,
    delete_destination,
    publish_story,
    rival_create,
    snapshot,
)
from bot.playground.tines.pair import Pair
from bot.playground.tines.syncing import update_destination


@pytest.fixture
def pair() -> Pair:
    """Two connected tenants."""
    return Pair()


Spoil = Callable[[Pair, dict[str, object]], None]


def _statuses(destination: Destination) -> list[str]:
    return [subscription.status for subscription in destination.subscriptions.values()]


def _errors(destination: Destination) -> list[str | None]:
    return [subscription.error_message for subscription in destination.subscriptions.values()]


def test_stories_arrive_on_the_other_tenant_one_after_the_other(pair: Pair) -> None:
    """Statuses wait at first, turn to synced in order, and the copies belong to the destination team."""
    destination = create_destination(pair.dev, pair.body())
    assert _statuses(destination) == ["requires_sync", "requires_sync"]
    assert pair.prod.stories == {}
    pair.dev.advance(2)
    assert _statuses(destination) == ["synced", "requires_sync"]
    pair.dev.advance(1)
    assert _statuses(destination) == ["synced", "synced"]
    assert {story.name for story in pair.prod.stories.values()} == {"High-Priority Alerts", "Phishing triage"}
    assert {story.team_id for story in pair.prod.stories.values()} == {pair.target_team}
    assert [copy.source_story_id for copy in pair.prod.copies] == [pair.alerts, pair.phishing]


def test_with_no_delay_the_answer_tells_the_outcome(pair: Pair) -> None:
    """A tenant that syncs at once shows synced stories in the create's own answer."""
    pair.dev.switches = replace(pair.dev.switches, sync_seconds=0)
    assert _statuses(create_destination(pair.dev, pair.body())) == ["synced", "synced"]


def test_a_tenant_syncs_to_itself_without_a_key(pair: Pair) -> None:
    """The caller's own URL needs no key, and the copies land in the other team."""
    body = pair.body(destination_tenant_url="https://dev.example", destination_team_id=pair.other_team)
    del body["destination_tenant_api_key"]
    destination = create_destination(pair.dev, body)
    pair.world.settle_all()
    assert _statuses(destination) == ["synced", "synced"]
    assert len([story for story in pair.dev.stories.values() if story.team_id == pair.other_team]) == 2


def _wrong_key(_pair: Pair, body: dict[str, object]) -> None:
    body["destination_tenant_api_key"] = "no such key"


def _revoked(pair: Pair, _body: dict[str, object]) -> None:
    pair.prod.revoke("prod-editor")


def _reader(_pair: Pair, body: dict[str, object]) -> None:
    body["destination_tenant_api_key"] = "prod-reader"


def _no_tenant(_pair: Pair, body: dict[str, object]) -> None:
    body["destination_tenant_url"] = "https://nobody.example"


def _no_team(_pair: Pair, body: dict[str, object]) -> None:
    body["destination_team_id"] = 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_wrong_key, "rejected the API key"),
        (_revoked, "rejected the API key"),
        (_reader, "may not publish"),
        (_no_tenant, "Could not connect to https://nobody.example"),
        (_no_team, "Team 1 could not be found"),
    ],
)
def test_a_destination_that_lets_nothing_in_shows_as_failed_stories(pair: Pair, spoil: Spoil, words: str) -> None:
    """Key, tenant and team of the destination are found wanting when the sync runs, with a reason on every story."""
    body = pair.body()
    spoil(pair, body)
    destination = create_destination(pair.dev, body)
    pair.world.settle_all()
    assert _statuses(destination) == ["failed", "failed"]
    assert all(words in (error or "") for error in _errors(destination))
    assert pair.prod.stories == {}


@pytest.mark.parametrize("spoil", [_wrong_key, _revoked, _reader, _no_tenant, _no_team])
def test_a_tenant_may_check_the_destination_at_once(pair: Pair, spoil: Spoil) -> None:
    """With that switch the same mistakes refuse the create, and nothing is left behind."""
    pair.dev.switches = replace(pair.dev.switches, checks_destination_at_create=True)
    body = pair.body()
    spoil(pair, body)
    with pytest.raises(RefusalError) as refused:
        create_destination(pair.dev, body)
    assert refused.value.status == 422
    assert pair.dev.destinations == {}


def test_credentials_do_not_travel(pair: Pair) -> None:
    """A story whose credential the destination team cannot read fails, names it, and works once it is there."""
    pair.dev.stories[pair.alerts].credentials = ("virustotal", "jira")
    pair.prod.add_credential(pair.prod.add_team("Elsewhere").id, "virustotal")
    pair.prod.add_credential(pair.target_team, "jira")
    destination = create_destination(pair.dev, pair.body())
    pair.world.settle_all()
    assert _statuses(destination) == ["failed", "synced"]
    assert _errors(destination)[0] == (
        "CREDENTIAL.virustotal could not be found in team SecOps Production on the destination tenant"
    )
    pair.prod.add_credential(pair.target_team, "virustotal")
    publish_story(pair.dev, pair.alerts)
    pair.world.settle_all()
    assert _statuses(destination) == ["synced", "synced"]
    assert _errors(destination) == [None, None]


def test_what_happens_to_a_story_after_the_create_counts(pair: Pair) -> None:
    """A story deleted, or without change control, or made to fail before its sync runs ends as failed."""
    third = pair.dev.add_story(pair.team, "Third").id
    destination = create_destination(pair.dev, pair.body(story_ids=[pair.alerts, pair.phishing, third]))
    pair.dev.delete_story(pair.alerts)
    pair.dev.set_change_control(pair.phishing, enabled=False)
    pair.dev.fail_story(third, "Something odd")
    pair.world.settle_all()
    assert _statuses(destination) == ["failed", "failed", "failed"]
    assert _errors(destination) == [
        "Story no longer exists on the origin tenant",
        "Change control is not enabled for this story",
        "Something odd",
    ]
    pair.dev.heal_story(third)
    publish_story(pair.dev, third)
    pair.world.settle_all()
    assert _statuses(destination)[2] == "synced"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"story_ids": []}, 422, "story_ids"),
        ({"story_ids": ["9101"]}, 422, "story_ids"),
        ({"team_id": True}, 422, "team_id"),
        ({"destination_tenant_url": "prod.example"}, 422, "destination_tenant_url"),
        ({"destination_tenant_url": "https://prod.example/api/v1"}, 422, "destination_tenant_url"),
        ({"destination_tenant_api_key": None}, 422, "api key"),
        ({"surprise": 1}, 422, "surprise"),
        ({"team_id": 1}, 404, "Team 1"),
        ({"story_ids": [1]}, 404, "Story 1"),
    ],
)
def test_a_create_that_makes_no_sense_is_refused(
    pair: Pair, changes: dict[str, object], status: int, words: str
) -> None:
    """Wrong types, unknown names and unknown things are refused with the field's name, and nothing is created."""
    with pytest.raises(RefusalError) as refused:
        create_destination(pair.dev, pair.body(**changes))
    assert refused.value.status == status
    assert words in f"{refused.value.message} {refused.value.details}"
    assert pair.dev.destinations == {}


def test_a_refusal_never_repeats_the_key(pair: Pair) -> None:
    """A key of the wrong type is not echoed."""
    with pytest.raises(RefusalError) as refused:
        create_destination(pair.dev, pair.body(destination_tenant_api_key=["very-secret"]))
    assert "very-secret" not in f"{refused.value.message} {refused.value.details}"


def test_a_story_needs_change_control_and_the_right_team(pair: Pair) -> None:
    """Stories without change control, or of another team, are refused at create."""
    elsewhere = pair.dev.add_story(pair.other_team, "Elsewhere").id
    with pytest.raises(RefusalError, match="does not belong"):
        create_destination(pair.dev, pair.body(story_ids=[elsewhere]))
    pair.dev.set_change_control(pair.phishing, enabled=False)
    with pytest.raises(RefusalError, match="Change control must be enabled"):
        create_destination(pair.dev, pair.body())


def test_manual_only_syncs_when_triggered(pair: Pair) -> None:
    """Nothing is synced by itself, a publish changes that in no way."""
    destination = create_destination(pair.dev, pair.body(manual_sync_only=True))
    publish_story(pair.dev, pair.alerts)
    pair.world.settle_all()
    assert _statuses(destination) == ["requires_sync", "requires_sync"]
    assert destination.manual_only


def test_manual_only_may_sync_once_at_first(pair: Pair) -> None:
    """With that switch a manual destination syncs at its creation, and a later publish needs a sync again."""
    pair.dev.switches = replace(pair.dev.switches, initial_sync_when_manual=True)
    destination = create_destination(pair.dev, pair.body(manual_sync_only=True))
    pair.world.settle_all()
    assert _statuses(destination) == ["synced", "synced"]
    publish_story(pair.dev, pair.alerts)
    pair.world.settle_all()
    assert _statuses(destination) == ["requires_sync", "synced"]


def test_older_tenants_know_no_manual_mode(pair: Pair) -> None:
    """One kind ignores the field, the other refuses it and takes the body without it."""
    pair.dev.switches = replace(pair.dev.switches, manual_sync=ManualSync.IGNORED)
    assert not create_destination(pair.dev, pair.body(manual_sync_only=True)).manual_only
    pair.dev.switches = replace(pair.dev.switches, manual_sync=ManualSync.REFUSED)
    with pytest.raises(RefusalError, match="manual_sync_only"):
        create_destination(pair.dev, pair.body(manual_sync_only=True))
    create_destination(pair.dev, pair.body())
    assert len(pair.dev.destinations) == 2


def test_a_publish_brings_the_new_version(pair: Pair) -> None:
    """An automatic destination updates the same copy instead of making another."""
    create_destination(pair.dev, pair.body())
    pair.world.settle_all()
    pair.dev.edit_story(pair.alerts, name="Highest-Priority Alerts", tags=("new",))
    publish_story(pair.dev, pair.alerts)
    pair.world.settle_all()
    copy = pair.prod.copies[0]
    assert (copy.versions, pair.prod.stories[copy.story_id].name) == (2, "Highest-Priority Alerts")
    assert pair.prod.stories[copy.story_id].tags == ("new",)
    assert len(pair.prod.stories) == 2


def test_an_update_replaces_the_whole_set(pair: Pair) -> None:
    """Stories left out are unsubscribed, new ones synced, kept ones left alone; an empty set is possible."""
    third = pair.dev.add_story(pair.team, "Third").id
    destination = create_destination(pair.dev, pair.body())
    pair.world.settle_all()
    update_destination(pair.dev, destination.id, {"story_ids": [pair.phishing, third]})
    assert {s.story_id: s.status for s in destination.subscriptions.values()} == {
        pair.phishing: "synced",
        third: "requires_sync",
    }
    pair.world.settle_all()
    assert _statuses(destination) == ["synced", "synced"]
    update_destination(pair.dev, destination.id, {"story_ids": []})
    assert destination.subscriptions == {}


def test_a_story_taken_away_meanwhile_is_not_synced(pair: Pair) -> None:
    """A sync that was on its way for an unsubscribed story, or a deleted destination, brings nothing."""
    destination = create_destination(pair.dev, pair.body())
    update_destination(pair.dev, destination.id, {"story_ids": [pair.alerts]})
    pair.world.settle_all()
    assert [copy.source_story_id for copy in pair.prod.copies] == [pair.alerts]
    second = create_destination(pair.dev, pair.body())
    delete_destination(pair.dev, second.id, {"keep_stories": True})
    pair.world.settle_all()
    assert len(pair.prod.copies) == 1


def test_the_key_can_be_rotated(pair: Pair) -> None:
    """An update with a key changes only the key, and syncs work with the new one."""
    destination = create_destination(pair.dev, pair.body(destination_tenant_api_key="old"))
    pair.world.settle_all()
    update_destination(pair.dev, destination.id, {"destination_tenant_api_key": "prod-editor"})
    publish_story(pair.dev, pair.alerts)
    pair.world.settle_all()
    assert _statuses(destination) == ["synced", "failed"]


def test_deleting_destroys_copies_later_unless_told_otherwise(pair: Pair) -> None:
    """Without keep_stories the copies vanish after a while; with it they stay."""
    kept, lost = create_destination(pair.dev, pair.body()), create_destination(pair.dev, pair.body())
    pair.world.settle_all()
    assert len(pair.prod.stories) == 4
    delete_destination(pair.dev, kept.id, {"keep_stories": True})
    delete_destination(pair.dev, lost.id, None)
    assert pair.dev.destinations == {}
    assert len(pair.prod.stories) == 4
    pair.world.settle_all()
    assert len(pair.prod.stories) == 2
    assert {copy.destination_id for copy in pair.prod.copies} == {kept.id}


def test_the_same_create_twice_makes_two(pair: Pair) -> None:
    """There is no idempotency: a rival or a repeated call makes a second destination."""
    create_destination(pair.dev, pair.body())
    rival_create(pair.dev, pair.body())
    assert len(pair.dev.destinations) == 2


def test_the_snapshot_tells_all_but_secrets(pair: Pair) -> None:
    """What a page draws has teams, stories, destinations, copies and faults, and not one key."""
    create_destination(pair.dev, pair.body())
    pair.world.settle_all()
    text = f"{snapshot(pair.dev)} {snapshot(pair.prod)} {pair.dev!r} {pair.dev.keys} {pair.dev.destinations}"
    text = text.replace("'dev-owner': Key", "Key").replace("'dev-reader': Key", "Key")  # the table's own index
    assert not [key for key in (*pair.dev.keys, *pair.prod.keys) if key in text]
    assert snapshot(pair.prod)["copies"] == [
        {
            "origin": "dev",
            "destination_id": 121,
            "source_story_id": story,
            "story_id": copy,
            "team_id": pair.target_team,
            "versions": 1,
            "at": at,
            "detached": False,
        }
        for story, copy, at in (
            (pair.alerts, 9501, "2026-08-03T12:00:02Z"),
            (pair.phishing, 9502, "2026-08-03T12:00:02Z"),
        )
    ]
