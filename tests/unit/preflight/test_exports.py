import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.playground.tines.faults import Fault, Kind
from bot.playground.tines.records import Action
from handlers.comparison import HIDDEN, Status
from handlers.preflight import Exports, Version
from handlers.routes import Tenant
from handlers.tines import TinesClient, TinesError

from .conftest import Tenants

ALERTS = "High-Priority Alerts"


def version(tenants: Tenants, name: str = ALERTS) -> Version:
    """Return a story's version as the tenant tells it now."""
    story = tenants.story(name)
    return Version("dev", story.id, story.edited_at)


async def test_each_version_is_fetched_once(tenants: Tenants) -> None:
    """However many ask, at once or later, a version is fetched once; an edited story is another version."""
    wanted = version(tenants)
    found = await asyncio.gather(*(tenants.exports.of(wanted) for _ in range(20)))
    again = await tenants.exports.of(wanted)
    assert {each.source_hash for each in (*found, again)} == {found[0].source_hash}
    assert tenants.exported() == 1
    tenants.passes(minutes=1)
    tenants.dev.edit_action(wanted.story_id, mode="extract")
    tenants.passes(minutes=1)
    assert (await tenants.exports.of(version(tenants))).source_hash != again.source_hash
    assert tenants.exported() == 2


async def test_a_story_that_was_edited_a_moment_ago_is_fetched_again(tenants: Tenants) -> None:
    """Tenants tell whole seconds: what was fetched within seconds of an edit may lack the next one of the same second."""
    story = tenants.story(ALERTS)
    tenants.dev.edit_action(story.id, mode="extract")
    first = await tenants.exports.of(version(tenants))
    tenants.dev.edit_action(story.id, mode="explode")
    second = await tenants.exports.of(version(tenants))
    assert first.source_hash != second.source_hash
    tenants.passes(seconds=6)
    for _ in range(2):
        assert (await tenants.exports.of(version(tenants))).source_hash == second.source_hash
    assert tenants.exported() == 3


async def test_a_tenant_that_tells_no_version_is_asked_each_time(tenants: Tenants) -> None:
    """Without the time of the last edit nobody knows whether a story is still what it was."""
    story = tenants.story(ALERTS)
    for _ in range(2):
        assert (await tenants.exports.of(Version("dev", story.id, None))).source_hash
    assert tenants.exported() == 2


async def test_a_few_are_fetched_side_by_side(tenants: Tenants) -> None:
    """At most eight exports of a tenant are under way at once, and all come."""
    under_way: list[int] = []
    names = [story.name for story in tenants.dev.stories.values()][:30]

    def counted(_tines: Any, _body: object) -> None:  # noqa: ANN401 - the tenant
        under_way.append(sum(not call.done for call in tenants.dev.calls))

    tenants.dev.faults.add(Fault(Kind.SLOW, path="/stories/*/export", times=None, seconds=0.02, meanwhile=counted))
    found = await asyncio.gather(*(tenants.exports.of(version(tenants, name)) for name in names))
    assert all(each.source_hash for each in found)
    assert 1 < max(under_way) <= 8


async def test_500_stories_are_fetched_once_each_below_the_rate(tenants: Tenants) -> None:
    """Of 500 stories every export is fetched once, and after a burst no more begin in a second than is allowed."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"name": "Story", "agents": [], "links": []})

    tenant = Tenant(alias="dev", url="https://dev.example", api_key=SecretStr("made-up-key"))
    async with TinesClient(tenant, transport=httpx.MockTransport(answer)) as client:
        exports = Exports({"dev": client}, lambda: tenants.now, per_second=1_000)
        begun = asyncio.get_running_loop().time()
        versions = [Version("dev", number, tenants.now - timedelta(days=1)) for number in range(500)]
        for _ in range(2):
            await asyncio.gather(*map(exports.of, versions))
        await exports.close()
    assert len(asked) == len(set(asked)) == 500
    assert asyncio.get_running_loop().time() - begun >= 0.45


async def test_whoever_stops_waiting_leaves_the_export_to_others(tenants: Tenants) -> None:
    """A click that cannot wait ends; the export goes on, and is there for the job that finishes the click."""
    tenants.dev.faults.add(Fault(Kind.SLOW, path="/stories/*/export", times=1, seconds=0.2))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(tenants.exports.of(version(tenants)), 0.01)
    assert (await tenants.exports.of(version(tenants))).source_hash
    assert tenants.exported() == 1


@pytest.mark.parametrize("status", [401, 403, 404, 422])
async def test_a_refused_export_cannot_be_compared(tenants: Tenants, status: int) -> None:
    """A key that may not export a story keeps it from being compared, and from nothing else."""
    tenants.dev.faults.add(Fault(Kind.ANSWER, path="/stories/*/export", times=1, status=status))
    refused = await tenants.exports.of(version(tenants))
    assert refused.source_hash is None
    assert "dev" in refused.problem
    assert (await tenants.exports.of(version(tenants))).source_hash


async def test_trouble_that_passes_is_raised(tenants: Tenants) -> None:
    """A tenant that does not answer now is no reason to go on without looking."""
    tenants.dev.faults.add(Fault(Kind.ANSWER, path="/stories/*/export", times=4, status=503))
    with pytest.raises(TinesError):
        await tenants.exports.of(version(tenants))


async def test_two_exports_are_compared(tenants: Tenants) -> None:
    """What is kept of two exports is enough to tell what would change."""
    one, other = await asyncio.gather(
        tenants.exports.of(version(tenants)), tenants.exports.of(version(tenants, "Change Control Requests"))
    )
    assert (await tenants.exports.compare(one, one, None, ())).status is Status.UNCHANGED
    assert (await tenants.exports.compare(one, other, None, ())).status is Status.CHANGED


async def test_no_secret_is_kept(tenants: Tenants) -> None:
    """Of a story with secrets in every place nothing secret is kept, hashed or told: changing them changes nothing."""
    story = tenants.story(ALERTS)
    kept = []
    for secret in ("k3yK9zQ4mW8xR2tY", "p0iU7bN5vC1aS6dF"):
        actions = (
            Action("Agents::WebhookAgent", "In", {"path": f"hook-{secret}", "secret": secret}),
            Action(
                "Agents::HTTPRequestAgent",
                "Out",
                {
                    "headers": {"Authorization": f"Bearer {secret}", "x-api-key": secret},
                    "url": f"https://user:{secret}@api.example/webhook/{secret}/{secret}",
                    "payload": {"password": secret, "form": [{"name": "token", "value": secret}]},
                },
            ),
            Action("Agents::EventTransformationAgent", "Script", {"payload": f"api_key = '{secret}'; {secret}"}),
        )
        row = tenants.dev.stories[story.id]
        row.content, row.description = actions, f"Call it with token={secret}"
        tenants.passes(minutes=1)
        row.edited_at = tenants.now
        exported = await tenants.exports.of(version(tenants))
        normalised = exported.story()
        assert normalised is not None
        text = json.dumps([[dict(each.content) for each in normalised.actions], dict(normalised.settings)])
        assert secret not in text
        assert HIDDEN in text
        kept.append(exported.source_hash)
    assert kept[0] == kept[1]
