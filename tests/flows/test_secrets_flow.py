"""After a flow with hostile texts and with secrets in every answer of Tines, none has got out, and no text is live."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.logs import configure_logs
from bot.playground.launch import APPROVERS, GENERAL, RINA, Setup
from bot.playground.slack import Direction, live_mentions
from bot.playground.tines import Fault, Kind
from bot.playground.tines.seed import DEV_KEY, PROD_KEY, PROD_PUBLISH_KEY
from handlers.models import State

from .harness import SHORT_TIMES, FlowHarness, create_of, database, opened, result_of
from .quiet_logs import logging_as_before

SECRETS = (DEV_KEY, PROD_KEY, PROD_PUBLISH_KEY)
HOSTILE = (
    "<!channel>",
    "<!here|all of you>",
    "<@U0TOM>",
    "<!subteam^S0APPROVERS>",
    "<#C0SECRET>",
    "&lt;!everyone&gt;",
    "<https://evil.example|a harmless link>",
    "*bold* _italic_ ~gone~ `code` ```block```",
    "\u202eevil\u202c",
    "🧨 👩‍🚒 é ẞ 漢字",
    "null\x00byte",
    "{{.STORY.secret}}",
    "${jndi:ldap://evil.example}",
    "'; DROP TABLE requests; --",
)
ALL = " ".join(HOSTILE)


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Write the log with every detail, where the test can read it, and mask what production masks."""
    with logging_as_before():
        stream = io.StringIO()
        configure_logs(as_json=True, level="debug", secrets=SECRETS, stream=stream)
        yield stream


def everything_for_slack(harness: FlowHarness) -> Iterator[Any]:
    """Yield whatever Slack was given to show: the arguments of each call, and each answer to what it sent."""
    for exchange in harness.playground.slack.traffic:
        yield exchange.request if exchange.direction is Direction.TO_SLACK else exchange.answer


def files(folder: Path) -> bytes:
    """Return every byte on disk: the database with its write-ahead log."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def check_no_secret(harness: FlowHarness, folder: Path, log: str, figures: str) -> None:
    """Fail where any secret, or a part of one that would give it away, has got to."""
    slack = "\n".join(map(str, harness.playground.slack.traffic))
    for secret in SECRETS:
        assert secret not in slack
    tokens = (harness.playground.slack.app.bot_token, harness.playground.slack.app.signing_secret)
    for secret in (*SECRETS, *tokens):
        assert secret not in log
        assert secret not in figures
        assert secret.encode() not in files(folder)


async def figures_of(harness: FlowHarness) -> str:
    """Return what Prometheus is given."""
    figures = harness.playground.bot.figures
    assert figures is not None
    return (await figures()).decode()


async def test_hostile_flow(tmp_path: Path, out: io.StringIO) -> None:
    """From the form to the status list nothing that people or Tines wrote mentions, links or formats anything."""
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        dev, prod = harness.playground.dev, harness.playground.prod
        team = dev.add_team(f"Red <!channel> {HOSTILE[2]}")
        prod.add_team(f"Blue {HOSTILE[6]}")
        names = [f"{number} {text}" for number, text in enumerate(HOSTILE)]
        stories = [dev.add_story(team.id, name, tags=(HOSTILE[0],)) for name in names]
        for story in stories[:4]:
            dev.fail_story(story.id, f"{ALL} {DEV_KEY} {PROD_PUBLISH_KEY}")
        dev.fail_story(stories[4].id, ALL * 60 + PROD_PUBLISH_KEY)
        request = await harness.asks("All", source="Red", destination="Blue", reason=ALL, query="")
        assert len(create_of(request).stories) == len(HOSTILE)
        await harness.approves(request)
        done = await harness.rests(request, State.PARTIAL)
        for word in (f"status {done.id}", f"history {done.id}", "list", ALL, f"status {ALL}", f"freeze {ALL}"):
            await harness.ada.types(GENERAL, word)
        await harness.playground.slack.open_home(RINA)
        figures = await figures_of(harness)
        live = {mention for payload in everything_for_slack(harness) for mention in live_mentions(payload)}
        check_no_secret(harness, tmp_path, out.getvalue(), figures)
    assert {each for each in live if not _intended(each)} == set()
    assert f"<@{RINA}>" in live
    assert sum(1 for status in result_of(done).statuses if status.error) == 5


async def test_secrets_in_refusals(tmp_path: Path, out: io.StringIO) -> None:
    """A refusal of Tines that repeats keys is shown, logged and kept without them, whatever call it answers."""
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        request = await harness.asks(reason=f"Please {HOSTILE[0]}")
        words = f"denied {HOSTILE[0]} api_key={PROD_PUBLISH_KEY} Bearer {DEV_KEY}"
        harness.playground.dev.faults.add(
            Fault(Kind.ANSWER, "POST", "/admin/sync_destinations", status=422, message=words)
        )
        await harness.approves(request)
        failed = await harness.rests(request, State.FAILED)
        harness.playground.dev.faults.clear()
        harness.playground.dev.faults.add(Fault(Kind.ANSWER, status=403, message=words))
        harness.playground.prod.faults.add(Fault(Kind.ANSWER, status=500, message=words))
        await harness.rina.opens_form(GENERAL)
        await harness.rina.searches("Source team", "zzz")
        await harness.rina.searches("Destination team", "zzz")
        await harness.ada.types(GENERAL, f"status {request.id}")
        figures = await figures_of(harness)
        live = {mention for payload in everything_for_slack(harness) for mention in live_mentions(payload)}
        check_no_secret(harness, tmp_path, out.getvalue(), figures)
    assert failed.problem is not None
    assert "denied" in failed.problem.words
    assert {each for each in live if not _intended(each)} == set()


def _intended(mention: str) -> bool:
    """Whether the bot means to mention or link this: people and channels of the request, its thread, both tenants, stories."""
    people = rf"<@U0(?:RINA|ADA)>|<!subteam\^{APPROVERS}>|<#C0(?:APPROVALS|SECOPS)>|<!date\^.*>"
    links = r"<https://local\.slack\.com/archives/.*>|<http://127\.0\.0\.1:\d+\|Open (?:dev|prod)>"
    stories = r"<http://127\.0\.0\.1:\d+/stories/\d+(?:\|[^<>]*)?>"
    return re.fullmatch(f"{people}|{links}|{stories}", mention) is not None
