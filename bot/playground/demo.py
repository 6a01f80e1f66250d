"""`tines-sync demo`: the whole product on this machine, with nothing to set up and nothing that leaves it."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import uvicorn
from starlette.applications import Starlette

from bot.logs import configure_logs
from bot.playground.coach import next_step
from bot.playground.launch import ADA, BEN, GENERAL, RINA, TOM, Playground, Setup, launched
from bot.playground.page import CastMember, build_page
from bot.playground.script import play
from bot.playground.serving import served
from bot.playground.slack import NO_RATES, STRICT_RATES
from bot.playground.tines import create_destination
from bot.playground.tines.seed import PROD_PUBLISH_KEY
from handlers.routes import Watch

CAST: Final = (
    CastMember(RINA, "requester"),
    CastMember(ADA, "approver"),
    CastMember(BEN, "approver"),
    CastMember(TOM, "observer"),
)
_FIRST_WORDS: Final = "Whoever has stories that are ready for production: please request the sync with `/tines-sync`."

_EARLIER: Final = ("CloudTrail: root login", "GuardDuty findings → cases", "Deploy Sigma rules to Splunk")
_WATCH: Final = Watch(every=timedelta(seconds=10), behind_after=timedelta(minutes=2))  # so that people see it happen


def run_demo(*, scripted: bool, port: int, socket_mode: bool) -> int:
    """Run the demo until it is interrupted, or the scripted play once. Returns the exit status."""
    configure_logs(as_json=False, level="warning")
    main = _scripted(socket_mode=socket_mode) if scripted else _interactive(port=port, socket_mode=socket_mode)
    with asyncio.Runner(
        loop_factory=uvicorn.Config(build_page, loop="auto", log_config=None).get_loop_factory()
    ) as runner:
        try:
            return runner.run(main)
        except OSError as error:
            sys.stderr.write(f"The demo cannot listen on port {port}: {error.strerror or error}. Try --port 0.\n")
            return 1


@asynccontextmanager
async def _launched(*, socket_mode: bool, strict: bool) -> AsyncIterator[Playground]:
    with tempfile.TemporaryDirectory(prefix="tines-sync-demo-") as folder:
        rates = STRICT_RATES if strict else NO_RATES
        setup = Setup(
            database_url=f"sqlite:///{folder}/demo.sqlite", socket_mode=socket_mode, rates=rates, watch=_WATCH
        )
        async with launched(setup) as playground:
            yield playground


def page_of(playground: Playground) -> Starlette:
    """Return the page of the demo."""
    tenants = {"dev": playground.dev, "prod": playground.prod}
    return build_page(playground.slack, cast=CAST, tenants=tenants, coach=partial(next_step, playground.slack))


def sync_earlier(playground: Playground, team: str, *names: str) -> list[int]:
    """Have stories of a team synced to its production team by hand before anybody looks, and return their ids."""
    dev, prod = playground.dev, playground.prod
    ids = {story.name: story.id for story in dev.stories.values()}
    stories = [ids[name] for name in names]
    body = {
        "destination_tenant_url": prod.url,
        "destination_tenant_api_key": PROD_PUBLISH_KEY,
        "destination_team_id": next(
            each.id for each in prod.teams.values() if each.name == f"{team.split(maxsplit=1)[0]} Production"
        ),
        "team_id": next(each.id for each in dev.teams.values() if each.name == team),
        "story_ids": stories,
    }
    create_destination(dev, body)
    playground.world.settle_all()
    return stories


def _something_to_compare(playground: Playground) -> None:
    """Have a story that was changed since its sync, and a credential that was removed: the next sync shows both."""
    changed = sync_earlier(playground, "Detection Engineering", *_EARLIER)[0]
    playground.dev.edit_action(changed, payload={"id": "<<receive_events.body.detail.id>>", "severity": "high"})
    playground.prod.remove_credential("github")


async def _scripted(*, socket_mode: bool) -> int:
    async with _launched(socket_mode=socket_mode, strict=False) as playground:
        return 0 if await play(playground, sys.stdout) else 1


async def _interactive(*, port: int, socket_mode: bool) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _launched(socket_mode=socket_mode, strict=True) as playground:
        _something_to_compare(playground)
        playground.slack.say(BEN, GENERAL, _FIRST_WORDS)
        page = page_of(playground)
        async with served(page, port=port) as url:
            sys.stdout.write(
                f"\n  tines-sync demo\n\n"
                f"  Open   {url}\n"
                f"  Then   type /tines-sync in #general as Rina, and review it in #tines-approvals as Ada.\n"
                f"  Stop   with Ctrl-C. Nothing is kept, and nothing leaves this machine.\n\n"
            )
            sys.stdout.flush()
            await stop.wait()
    return 0
