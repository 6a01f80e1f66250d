import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.check import Finding, check
from bot.check.render import findings_text
from bot.check.scopes import NEEDED_SCOPES
from bot.playground.serving import served
from bot.playground.slack import NO_RATES, AppInstall, Channel, LocalSlack, User, UserGroup, Workspace
from bot.playground.slack.faults import Fault, FaultKind
from bot.playground.tines import ErrorShape, Right, build_tines_app
from bot.playground.tines import Fault as TinesFault
from bot.playground.tines import Kind as TinesKind
from bot.playground.tines.seed import DEV_KEY, DEV_READER_KEY, PROD_KEY, PROD_PUBLISH_KEY, Seeded, seeded
from bot.settings import PartialSettings, Settings
from handlers.routes import Route, Tenant, Topology

BOT_TOKEN = "xoxb-local-check"
APP_TOKEN = "xapp-local-check"
SECRETS = (BOT_TOKEN, APP_TOKEN, DEV_KEY, DEV_READER_KEY, PROD_KEY, PROD_PUBLISH_KEY)
ROUTE = Route(
    name="up",
    source="dev",
    destination="prod",
    requesters=("*",),
    approvers=("S0APPROVERS", "U0ADA"),
    denied=("S0CONTRACTORS",),
    break_glass=("U0BOB",),
    approval_channel="C0APPROVALS",
    notify=("C0SECOPS", "C0APPROVALS"),
)


@dataclass
class Place:
    """A workspace and two tenants in which everything works, until a test breaks one thing."""

    slack: LocalSlack
    tines: Seeded = field(default_factory=seeded)
    route: Route = ROUTE
    bot_token: str = BOT_TOKEN
    app_token: str = APP_TOKEN
    keys: dict[str, str] = field(default_factory=lambda: {"dev": DEV_KEY, "prod": PROD_KEY})
    urls: dict[str, str] = field(default_factory=dict)  # in place of where a service really is

    @property
    def space(self) -> Workspace:
        """The workspace."""
        return self.slack.workspace

    def user(self, user_id: str) -> User:
        """Return a user that is there."""
        user = self.space.user(user_id)
        assert user is not None
        return user

    def group(self, group_id: str) -> UserGroup:
        """Return a user group that is there."""
        group = self.space.group(group_id)
        assert group is not None
        return group

    def channel(self, channel_id: str) -> Channel:
        """Return a channel that is there."""
        channel = self.space.channel(channel_id)
        assert channel is not None
        return channel

    def policy(self, **changes: object) -> None:
        """Change the route."""
        self.route = self.route.model_copy(update=changes)

    def settings(self, slack: str, dev: str, prod: str) -> Settings:
        """Return the settings that name this place."""
        urls = {"slack": slack, "dev": dev, "prod": prod} | self.urls
        tenants = {
            alias: Tenant(alias=alias, url=urls[alias], api_key=SecretStr(key)) for alias, key in self.keys.items()
        }
        tenants["prod"] = tenants["prod"].model_copy(update={"publish_key": SecretStr(PROD_PUBLISH_KEY)})
        return Settings(
            slack_bot_token=SecretStr(self.bot_token),
            slack_app_token=SecretStr(self.app_token),
            slack_api_url=f"{urls['slack']}/api/",
            topology=Topology(tenants=tenants, routes={self.route.name: self.route}),
        )

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Settings]:
        """Serve all three; yields the settings that point there."""
        async with AsyncExitStack() as stack:
            url, dev, prod = [
                await stack.enter_async_context(served(app))
                for app in (self.slack.asgi(), build_tines_app(self.tines.dev), build_tines_app(self.tines.prod))
            ]
            self.tines.register(dev, prod)
            yield self.settings(url, dev, prod)


def place() -> Place:
    """Return a place in which everything works."""
    workspace = Workspace(
        name="Acme",
        users=[User("U0ADA", "ada"), User("U0BOB", "bob"), User("U0EVE", "eve"), User("U0BOT", "bot", is_bot=True)],
        groups=[UserGroup("S0APPROVERS", "approvers", ["U0ADA", "U0BOB"]), UserGroup("S0CONTRACTORS", "contractors")],
        channels=[Channel("C0APPROVALS", "approvals"), Channel("C0SECOPS", "secops", private=True)],
    )
    app = AppInstall(bot_token=BOT_TOKEN, app_token=APP_TOKEN, scopes=NEEDED_SCOPES)
    return Place(LocalSlack(workspace=workspace, app=app, rates=NO_RATES))


async def findings_in(where: Place) -> list[Finding]:
    """Check a place; no secret may be in what is found."""
    async with where.served() as settings:
        findings = await check(PartialSettings.of(settings))
    shown = findings_text(findings) + repr(findings)
    assert not [secret for secret in SECRETS if secret in shown]
    return findings


def closed_port() -> str:
    """Return an address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_everything_works() -> None:
    """Where all is well, each thing that the configuration names was tried once and found in order."""
    findings = await findings_in(place())
    assert [finding.subject for finding in findings] == [
        "Database",
        "Slack bot token",
        "Slack scopes",
        "Channel C0APPROVALS (approvals of up, notified by up)",
        "Channel C0SECOPS (notified by up)",
        "User group S0APPROVERS (approvers of up)",
        "User group S0CONTRACTORS (denied of up)",
        "Person U0ADA (approvers of up)",
        "Person U0BOB (break_glass of up)",
        "Slack app token (Socket Mode)",
        "Tenant dev",
        "Tenant dev, sync destinations",
        "Tenant dev, teams",
        "Tenant prod",
        "Tenant prod, sync destinations",
        "Tenant prod, teams",
        "Tenant prod, publish key",
        "Route up",
    ]
    assert [finding for finding in findings if not finding.ok or finding.advice] == []


async def test_nothing_is_changed() -> None:
    """A check only reads: both tenants and the workspace are as before."""
    where = place()
    await findings_in(where)
    assert not where.tines.dev.destinations
    assert {call.method for tines in (where.tines.dev, where.tines.prod) for call in tines.calls} == {"GET"}
    assert {exchange.name for exchange in where.slack.traffic} <= {
        "auth.test",
        "apps.connections.open",
        "conversations.history",
        "conversations.info",
        "usergroups.list",
        "usergroups.users.list",
        "users.info",
    }


def _archive(where: Place) -> None:
    where.channel("C0SECOPS").archived = True


def _leave_public(where: Place) -> None:
    where.channel("C0APPROVALS").bot_in = False


def _leave_private(where: Place) -> None:
    where.channel("C0SECOPS").bot_in = False


def _make_read_only(where: Place) -> None:
    where.channel("C0APPROVALS").read_only = True


def _make_thread_only(where: Place) -> None:
    where.channel("C0SECOPS").thread_only = True


def _unreadable(where: Place) -> None:
    where.slack.faults.inject("conversations.history", Fault(FaultKind.ERROR, times=None, code="ekm_access_denied"))


def _lose_scopes(where: Place) -> None:
    where.slack.app.scopes -= {"im:write", "commands"}


def _lose_history(where: Place) -> None:
    where.slack.app.scopes -= {"channels:history"}


def _lose_scope(where: Place) -> None:
    where.slack.app.scopes -= {"im:history"}


def _lose_group_scope(where: Place) -> None:
    where.slack.app.scopes -= {"usergroups:read"}


def _fail_members(where: Place) -> None:
    where.slack.faults.inject("usergroups.users.list", Fault(FaultKind.ERROR, times=None, code="fatal_error"))


def _fail_users(where: Place) -> None:
    where.slack.faults.inject("users.info", Fault(FaultKind.SERVER_ERROR, times=None))


def _bad_gateway(where: Place) -> None:
    where.slack.faults.inject("conversations.info", Fault(FaultKind.BAD_GATEWAY, times=None))


def _disable_group(where: Place) -> None:
    where.group("S0APPROVERS").disabled = True


def _empty_group(where: Place) -> None:
    where.group("S0APPROVERS").members.clear()


def _forget_denied_group(where: Place) -> None:
    where.space.groups.pop()


def _deactivate(where: Place) -> None:
    where.user("U0ADA").deleted = True


def _make_guest(where: Place) -> None:
    where.user("U0BOB").is_ultra_restricted = True


def _list_bot(where: Place) -> None:
    where.policy(approvers=("S0APPROVERS", "U0BOT"))


def _list_nobody(where: Place) -> None:
    where.policy(approvers=("S0APPROVERS", "U0NOBODY"))


def _raise_quorum(where: Place) -> None:
    where.policy(approvals=3)


def _wrong_app_token(where: Place) -> None:
    where.app_token = "xapp-somebody-elses"


def _wrong_key(where: Place) -> None:
    where.keys["dev"] = "not-a-key-of-dev"


def _reader_at_the_source(where: Place) -> None:
    where.keys["dev"] = DEV_READER_KEY


def _revoke_publish_key(where: Place) -> None:
    where.tines.prod.revoke(PROD_PUBLISH_KEY)


def _no_teams(where: Place) -> None:
    where.tines.prod.teams.clear()


def _no_tenant(where: Place) -> None:
    where.urls["prod"] = closed_port()


def _no_destinations(where: Place) -> None:
    where.tines.dev.faults.add(TinesFault(TinesKind.ANSWER, path="/admin/*", status=503))


def _no_team_list(where: Place) -> None:
    where.tines.dev.faults.add(TinesFault(TinesKind.ANSWER, path="/teams*", status=403, message="not for you"))


REINSTALL = "Update the app from its manifest in manifests/ and reinstall it."
CASES: list[tuple[Callable[[Place], None], str, str, str]] = [
    (_archive, "Channel C0SECOPS", "#secops is archived", "Unarchive it"),
    (_leave_public, "Channel C0APPROVALS", "the bot is not in #approvals", "/invite @"),
    (_leave_private, "Channel C0SECOPS", "channel_not_found", "A private channel is seen only once the bot is in it"),
    (_lose_scope, "Slack scopes", "missing: im:history", REINSTALL),
    (_lose_scopes, "Slack scopes", "missing: commands (/tines-sync and the shortcut), im:write (direct", REINSTALL),
    (_lose_history, "Channel C0APPROVALS", "cannot read back what it posted: Slack says missing_scope", REINSTALL),
    (_make_read_only, "Channel C0APPROVALS", "only some people may post in #approvals", "Allow the app to post there"),
    (_make_thread_only, "Channel C0SECOPS", "only replies may be posted in #secops", "name another channel"),
    (
        _unreadable,
        "Channel C0APPROVALS",
        "cannot read back what it posted: Slack says ekm_access_denied",
        "docs.slack.dev",
    ),
    (_lose_group_scope, "User groups", "missing_scope (needs usergroups:read)", REINSTALL),
    (_fail_members, "User group S0APPROVERS", "fatal_error", "docs.slack.dev"),
    (_fail_users, "Person U0ADA", "Slack", "Check again in a minute."),
    (_bad_gateway, "Channel C0APPROVALS", "the answer is not one of Slack's", "SLACK_API_URL"),
    (_disable_group, "User group S0APPROVERS", "the group is disabled", "Enable it"),
    (_empty_group, "User group S0APPROVERS", "@approvers has no members", "Add people to it"),
    (_empty_group, "Route up", "Nobody is in the approver group S0APPROVERS", "routes.up"),
    (_forget_denied_group, "User group S0CONTRACTORS", "no such group", "starts with S"),
    (_deactivate, "Person U0ADA", "is deactivated", "Take the id off the route"),
    (_make_guest, "Person U0BOB", "a guest", "Take the id off the route"),
    (_list_bot, "Person U0BOT", "a bot", "Take the id off the route"),
    (_list_nobody, "Person U0NOBODY", "unknown here", "Take the id off the route"),
    (_raise_quorum, "Route up", "3 approvals", "routes.up"),
    (_wrong_app_token, "Slack app token", "invalid_auth", "connections:write"),
    (_wrong_key, "Tenant dev", "401", ""),
    (_reader_at_the_source, "Tenant dev, sync destinations", "40", ""),
    (_revoke_publish_key, "Tenant prod, publish key", "401", ""),
    (_no_teams, "Tenant prod, teams", "the key sees no team", "Give the key's owner a team"),
    (_no_destinations, "Tenant dev, sync destinations", "503", ""),
    (_no_team_list, "Tenant dev, teams", "not for you", ""),
    (_no_tenant, "Tenant prod", "cannot be reached", ""),
]


@pytest.mark.parametrize(("harm", "subject", "what", "advice"), CASES, ids=lambda value: getattr(value, "__name__", ""))
async def test_what_does_not_work(harm: Callable[[Place], None], subject: str, what: str, advice: str) -> None:
    """Each thing that can be wrong is found where it is, said in words, and comes with what to do about it."""
    where = place()
    harm(where)
    findings = await findings_in(where)
    found = [finding for finding in findings if not finding.ok and finding.subject.startswith(subject)]
    assert what in found[0].what
    assert found[0].advice
    assert advice in found[0].advice
    assert all(finding.advice for finding in findings if not finding.ok)


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "account_inactive"])
async def test_bad_bot_token(code: str) -> None:
    """With a bot token that does not work, that alone is said of Slack; the rest is still tried."""
    where = place()
    where.slack.faults.inject("auth.test", Fault(FaultKind.ERROR, times=None, code=code))
    findings = await findings_in(where)
    slack = [finding for finding in findings if finding.subject.startswith(("Slack", "Channel", "User", "Person"))]
    assert [finding.subject for finding in slack] == ["Slack bot token", "Slack app token (Socket Mode)"]
    assert code in slack[0].what
    assert "SLACK_BOT_TOKEN" in slack[0].advice
    assert {finding.subject for finding in findings} > {"Tenant dev", "Tenant prod", "Route up"}


@pytest.mark.parametrize("code", ["ratelimited", "rate_limited"])
async def test_a_slack_that_asks_for_a_pause(code: str) -> None:
    """A rate limit comes with what to do, whichever way Slack spells it."""
    where = place()
    where.slack.faults.inject("auth.test", Fault(FaultKind.ERROR, times=None, code=code))
    findings = await findings_in(where)
    assert findings[1].advice == "Wait a minute and check again."


async def test_slack_out_of_reach() -> None:
    """A Slack that cannot be reached is said as such, with what to look at."""
    where = place()
    where.urls["slack"] = closed_port()
    findings = await findings_in(where)
    assert "Slack cannot be reached" in findings[1].what
    assert "SLACK_API_URL" in findings[1].advice
    assert not findings[1].ok


async def test_rate_limits_are_waited_out() -> None:
    """A 429 with Retry-After is waited out, not reported."""
    where = place()
    where.slack.faults.inject("usergroups.list", Fault(FaultKind.RATE_LIMITED, retry_after=0))
    assert all(finding.ok for finding in await findings_in(where))


async def test_not_tines() -> None:
    """A URL behind which something else answers is said so, and nothing else is tried there."""
    where = place()
    where.tines.prod.switches = replace(where.tines.prod.switches, error_shape=ErrorShape.HTML)
    where.keys["prod"] = "not-a-key-of-prod"
    findings = await findings_in(where)
    assert [finding.ok for finding in findings if finding.subject in {"Tenant prod", "Tenant prod, teams"}] == [False]


async def test_destination_needs_no_owner() -> None:
    """A key that only reads is enough at a destination, and this is said."""
    where = place()
    where.tines.prod.add_key("local-prod-reader-key", Right.READER)
    where.keys["prod"] = "local-prod-reader-key"
    findings = await findings_in(where)
    assert all(finding.ok for finding in findings)
    assert [finding.what for finding in findings if finding.subject == "Tenant prod, sync destinations"] == [
        "not for this key, which only a source of a route needs"
    ]


async def test_a_channel_shared_with_others() -> None:
    """A channel in which people of another organization read along works, and is told as such."""
    where = place()
    where.channel("C0SECOPS").ext_shared = True
    (found,) = [finding for finding in await findings_in(where) if finding.subject.startswith("Channel C0SECOPS")]
    assert found.ok
    assert "shared with another organization" in found.what
    assert "People there read every request" in found.advice


async def test_how_each_is_reached() -> None:
    """Slack's line and each tenant's say through which proxy it is reached and which CAs are trusted."""
    findings = {finding.subject: finding.what for finding in await findings_in(place())}
    for subject in ("Slack bot token", "Tenant dev", "Tenant prod"):
        assert findings[subject].endswith("reached directly, without TLS")


async def test_a_route_to_the_same_tenant() -> None:
    """A route whose source is its destination works, and is told as such: it may be a slip."""
    where = place()
    where.policy(destination="dev")
    (found,) = [finding for finding in await findings_in(where) if finding.subject == "Route up"]
    assert found.ok
    assert "Source and destination are the same tenant" in found.what


async def test_spare_scopes() -> None:
    """More scopes than needed work, but are named, so that somebody can take them away."""
    where = place()
    where.slack.app.scopes |= {"pins:write"}
    (found,) = [finding for finding in await findings_in(where) if finding.subject == "Slack scopes"]
    assert found == Finding(
        "Slack scopes",
        ok=True,
        what="complete; not granted, and only needed for posting the whole diff of a request into its thread: files:write; "
        "not needed: pins:write",
    )


async def test_route_without_groups_or_socket_mode() -> None:
    """What the configuration does not name is not tried."""
    where = place()
    where.policy(approvers=("*",), denied=(), break_glass=(), notify=())
    async with where.served() as settings:
        findings = await check(PartialSettings.of(settings.model_copy(update={"slack_app_token": None})))
    assert not [found for found in findings if found.subject.startswith(("User", "Person", "Slack app"))]
    assert all(found.ok for found in findings)


CONFIG = """
[tenants.dev]
url = "{dev}"
api_key = "env:DEV"
[tenants.prod]
url = "{prod}"
api_key = "env:PROD"
[routes.up]
source = "dev"
destination = "prod"
requesters = ["*"]
approvers = ["S0APPROVERS"]
approval_channel = "C0SECOPS"
"""


@pytest.mark.parametrize(
    ("harm", "status", "verdict"), [(None, 0, "Everything works."), (_archive, 1, "1 problem; everything else works.")]
)
async def test_command(harm: Callable[[Place], None] | None, status: int, verdict: str, tmp_path: Path) -> None:
    """`tines-sync check` prints the report on standard output and exits 0 only when everything works."""
    where = place()
    if harm:
        harm(where)
    async with where.served() as settings:
        urls = {alias: tenant.url for alias, tenant in settings.topology.tenants.items()}
        (tmp_path / "tines-sync.toml").write_text(CONFIG.format(**urls))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "check",
            cwd=tmp_path,
            env={
                "PYTHONPATH": str(Path(__file__).parents[3]),
                "SLACK_BOT_TOKEN": BOT_TOKEN,
                "SLACK_SIGNING_SECRET": "local-signing-secret",
                "SLACK_API_URL": settings.slack_api_url,
                "DEV": DEV_KEY,
                "PROD": PROD_KEY,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert (process.returncode, err) == (status, b"")
    assert out.decode().rstrip().endswith(verdict)
