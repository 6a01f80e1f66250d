import io
from collections import Counter
from pathlib import Path

from bot.playground.launch import ADA, BEN, GENERAL, RINA
from handlers.audit import CsvRows, Verified, jsonl_line, opened, select, verify
from handlers.execution.call_journal import CALLED
from handlers.models import State
from handlers.store.backup import back_up

from .conftest import OpenHarness
from .harness import FAILING, STORY, FlowHarness


async def test_everything_that_happens_is_recorded(open_harness: OpenHarness) -> None:
    """Asked, shown, refused, approved, sent, answered and each status: with actor, time and Slack ids, in one chain."""
    harness = await open_harness(route={"approvals": 2})
    request = await harness.asks(STORY, FAILING)
    await harness.approves(request, harness.ada)
    await harness.tom.types(GENERAL, f"cancel {request.id}")
    await harness.approves(request, harness.ben)
    await harness.rests(request, State.PARTIAL)
    events = await harness.events(request)
    by_kind = {kind: [event.actor for event in events if event.kind == kind] for kind in {e.kind for e in events}}
    assert by_kind["asked"] == [RINA]
    assert by_kind["shown"] == [ADA, BEN]
    assert by_kind["approved"] == [ADA, BEN]
    assert len(by_kind["refused"]) == 1
    for kind in ("create_begun", "created", "status", "partial"):
        assert set(by_kind[kind]) == {"tines-sync"}
    told = {event.data["status"] for event in events if event.kind == "status"}
    assert {"synced", "failed"} <= told
    times = [event.at for event in events]
    assert times == sorted(times)
    async with opened(harness.playground.settings.database_url) as reader:
        assert isinstance(await verify(reader), Verified)


async def test_no_secret_is_in_the_record(harness: FlowHarness) -> None:
    """An export after a sync that failed holds no token, no key and no signing secret, in either format."""
    request = await harness.asked_and_approved(STORY, FAILING)
    await harness.rests(request, State.PARTIAL)
    sheet = io.StringIO()
    rows = CsvRows(sheet)
    lines = ""
    async with opened(harness.playground.settings.database_url) as reader:
        async for event in select(reader):
            lines += jsonl_line(event)
            rows.add(event)
    assert request.id in lines
    assert request.id in sheet.getvalue()
    secrets = harness.playground.settings.known_secrets()
    assert len(secrets) >= 4
    for secret in secrets:
        assert secret not in lines
        assert secret not in sheet.getvalue()


async def test_history_shows_who_did_what(harness: FlowHarness) -> None:
    """`history ID` lists what happened, who did it, and why something was refused."""
    request = await harness.asks()
    await harness.tom.types(GENERAL, f"cancel {request.id}")
    await harness.rina.types(GENERAL, f"history {request.id}")
    shown = await harness.rina.sees_message(GENERAL, f"(?s){request.id}.*@rina.*@tom.*can cancel this")
    assert "refused" in harness.playground.slack.render(shown).casefold()


async def test_a_backup_while_the_bot_runs(harness: FlowHarness, tmp_path: Path) -> None:
    """A backup taken between a request and its approval holds the request and a whole record; the bot goes on."""
    request = await harness.asks()
    backup = back_up(harness.playground.settings.database_url, tmp_path / "copy.sqlite")
    assert backup.requests == 1
    async with opened(f"sqlite:///{backup.file}") as reader:
        assert isinstance(await verify(reader), Verified)
        copied = await reader.requests.get(request.id)
    assert copied is not None
    assert copied.state is State.PENDING
    await harness.approves(request)
    await harness.comes_to(request, State.SUCCEEDED)


async def test_every_call_to_tines_is_recorded(harness: FlowHarness) -> None:
    """From the review to the last look, the record holds as many calls as the tenant counted, in words in the history."""
    request = await harness.asks(STORY, FAILING)
    await harness.approval_message(request, pattern="Changes:")  # what was looked up for that is over
    earlier, before = len(harness.playground.dev.calls), len(await harness.events(request))
    await harness.approves(request)
    done = await harness.rests(request, State.PARTIAL)
    later = list(harness.playground.dev.calls)[earlier:]
    recorded: Counter[tuple[str, str]] = Counter()
    for event in (await harness.events(request))[before:]:
        if event.kind == CALLED and event.data["tenant"] == "dev":
            recorded[event.data["method"], event.data["path"]] += event.data.get("times", 1)
    listed, one = "/admin/sync_destinations", f"/admin/sync_destinations/{done.destination_id}"
    # the catalogue reads the whole tenant's stories for everybody who types, and what is compared is kept for all
    asked = Counter(
        (each.method, each.path)
        for each in later
        if not (each.path == "/stories" and not ("team_id" in each.query and "filter" in each.query))
        and not each.path.endswith("/export")
        and each.path != "/change_requests"
    )
    assert {path for _, path in asked} <= {listed, one, "/stories"}
    assert recorded == asked
    assert asked[("POST", listed)] == 1
    await harness.rina.types(GENERAL, f"history {request.id}")
    short = await harness.rina.sees_message(GENERAL, "called Tines: dev: create a sync destination → number")
    await harness.rina.clicks("Show technical steps", short, GENERAL)
    await harness.rina.sees_message(
        GENERAL,
        rf"(?s)@ada.*called Tines: dev: list sync destinations → \d+ sync destinations, \d+ ms"
        rf".*called Tines: dev: create a sync destination → number {done.destination_id}: 1 failed, 1 synced, \d+ ms",
    )
