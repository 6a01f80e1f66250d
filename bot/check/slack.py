"""Tries Slack: the tokens, the granted scopes, every channel, every user group and every person that routes name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.check.asking import Refusal, ask
from bot.check.findings import Finding
from bot.check.scopes import NEEDED_SCOPES, OPTIONAL_SCOPES, SCOPE_FEATURES
from bot.people import SlackPeople
from handlers.people import PeopleUnavailableError, Person
from handlers.routes import EVERYBODY, Route, Topology

_ANSWER_SECONDS: Final = 15.0  # seconds for one person: nobody has clicked and waits


_SHARED: Final = ("is_ext_shared", "is_pending_ext_shared")  # with people outside the organization


@dataclass(frozen=True, slots=True)
class SlackAnswers:
    """What Slack told: the findings, and who is in which group, for the policy."""

    findings: list[Finding] = field(default_factory=list)
    members: dict[str, frozenset[str]] = field(default_factory=dict)  # group id → user ids; unknown group: nobody
    unreadable: set[str] = field(default_factory=set)  # ids of groups that are disabled, unknown or refused
    people: dict[str, Person] = field(default_factory=dict)  # user id → person


async def check_slack(topology: Topology, client: AsyncWebClient, way: str) -> SlackAnswers:
    """Try everything on Slack that the routes name. When the bot token does not work, only that is reported.

    `way` says how Slack is reached.
    """
    answers = SlackAnswers()
    identity = await ask(client.auth_test())
    if isinstance(identity, Refusal):
        what = f"{identity.what}; reached {way}"
        answers.findings.append(Finding("Slack bot token", ok=False, what=what, advice=identity.advice))
    else:
        bot = identity.get("user", "the bot")
        answers.findings.append(
            Finding(
                "Slack bot token",
                ok=True,
                what=f"belongs to {bot} in {identity.get('team', 'the workspace')}; Slack is reached {way}",
            )
        )
        answers.findings.append(_scopes(identity))
        await _check_channels(topology, client, answers, bot)
        await _check_groups(topology, client, answers)
        await _check_people(topology, client, answers)
    return answers


def _scopes(identity: AsyncSlackResponse) -> Finding:
    granted = {scope.strip() for scope in identity.headers.get("x-oauth-scopes", "").split(",")} - {""}
    missing = sorted(NEEDED_SCOPES - granted)
    if missing:
        return Finding(
            "Slack scopes",
            ok=False,
            what=f"missing: {', '.join(_with_feature(scope) for scope in missing)}",
            advice="Update the app from its manifest in manifests/ and reinstall it.",
        )
    spare, without = sorted(granted - NEEDED_SCOPES - OPTIONAL_SCOPES), sorted(OPTIONAL_SCOPES - granted)
    told = ["complete"]
    told += [f"not granted, and only needed for {SCOPE_FEATURES[scope]}: {scope}" for scope in without]
    told += [f"not needed: {', '.join(spare)}"] if spare else []
    return Finding("Slack scopes", ok=True, what="; ".join(told))


def _with_feature(scope: str) -> str:
    """Return a scope with what does not work without it."""
    feature = SCOPE_FEATURES.get(scope)
    return f"{scope} ({feature})" if feature else scope


async def check_app_token(client: AsyncWebClient, token: SecretStr) -> Finding:
    """Try to open a Socket Mode connection."""
    subject = "Slack app token (Socket Mode)"
    answer = await ask(client.apps_connections_open(app_token=token.get_secret_value()))
    if isinstance(answer, Refusal):
        advice = "Make an app-level token with connections:write (Basic Information) and switch Socket Mode on."
        return Finding(subject, ok=False, what=answer.what, advice=advice if answer.code else answer.advice)
    return Finding(subject, ok=True, what="opens a connection")


async def _check_channels(topology: Topology, client: AsyncWebClient, answers: SlackAnswers, bot: str) -> None:
    uses: dict[str, list[str]] = {}
    for route in topology.routes.values():
        uses.setdefault(route.approval_channel, []).append(f"approvals of {route.name}")
        for channel in route.notify:
            uses.setdefault(channel, []).append(f"notified by {route.name}")
    for channel, why in uses.items():
        subject = f"Channel {channel} ({', '.join(why)})"
        answer = await ask(client.conversations_info(channel=channel))
        finding = _channel(subject, answer, bot)
        if finding.ok:
            finding = await _reads_back(channel, finding, client)
        answers.findings.append(finding)


def _channel(subject: str, answer: AsyncSlackResponse | Refusal, bot: str) -> Finding:
    if isinstance(answer, Refusal):
        return _refused(subject, answer)
    channel: Mapping[str, object] = answer.get("channel", {})
    name = f"#{channel.get('name', '')}"
    another = "name another channel in the route."
    problems = {
        "is_archived": (f"{name} is archived", f"Unarchive it in Slack, or {another}"),
        "is_read_only": (f"only some people may post in {name}", f"Allow the app to post there, or {another}"),
        "is_thread_only": (f"only replies may be posted in {name}", f"Allow the app to post there, or {another}"),
    }
    for flag, (what, advice) in problems.items():
        if channel.get(flag):
            return Finding(subject, ok=False, what=what, advice=advice)
    if not channel.get("is_member"):
        return Finding(subject, ok=False, what=f"the bot is not in {name}", advice=f"In {name}: /invite @{bot}")
    if any(channel.get(flag) for flag in _SHARED):
        what = f"{name} is shared with another organization, and the bot is in it"
        advice = "People there read every request. They can decide none. If that is not meant, name another channel."
        return Finding(subject, ok=True, what=what, advice=advice)
    return Finding(subject, ok=True, what=f"{name}, and the bot is in it")


async def _reads_back(channel: str, finding: Finding, client: AsyncWebClient) -> Finding:
    """Try to read a channel: the bot looks there for what it posted already, so that nothing is posted twice."""
    answer = await ask(client.conversations_history(channel=channel, limit=1))
    if isinstance(answer, Refusal):
        what = f"the bot is in it, but cannot read back what it posted: {answer.what}"
        return Finding(finding.subject, ok=False, what=what, advice=answer.advice)
    return finding


async def _check_groups(topology: Topology, client: AsyncWebClient, answers: SlackAnswers) -> None:
    uses = _entries(topology.routes.values(), "S", denied=True)
    if not uses:
        return
    listing = await ask(client.usergroups_list(include_disabled=True))
    if isinstance(listing, Refusal):
        answers.unreadable.update(uses)
        answers.findings.append(_refused("User groups", listing))
        return
    groups: list[dict[str, object]] = listing.get("usergroups", [])
    known = {group["id"]: group for group in groups}
    for group, why in uses.items():
        subject = f"User group {group} ({', '.join(why)})"
        if group not in known:
            answers.unreadable.add(group)
            answers.members[group] = frozenset()
            advice = "Take the id from the group's page under People: it starts with S."
            answers.findings.append(Finding(subject, ok=False, what="no such group in this workspace", advice=advice))
        elif known[group].get("date_delete"):
            answers.unreadable.add(group)
            answers.members[group] = frozenset()
            advice = "Enable it in Slack, or take it off the route."
            answers.findings.append(Finding(subject, ok=False, what="the group is disabled", advice=advice))
        else:
            answer = await ask(client.usergroups_users_list(usergroup=group))
            if isinstance(answer, Refusal):
                answers.unreadable.add(group)
                answers.findings.append(_refused(subject, answer))
                continue
            answers.members[group] = frozenset(answer.get("users", []))
            handle = f"@{known[group].get('handle', '')}"
            if answers.members[group] or all(use.startswith("denied of ") for use in why):
                what = f"{handle}, members: {len(answers.members[group])}"
                answers.findings.append(Finding(subject, ok=True, what=what))
            else:
                advice = "Add people to it in Slack, or take it off the route."
                answers.findings.append(Finding(subject, ok=False, what=f"{handle} has no members", advice=advice))


async def _check_people(topology: Topology, client: AsyncWebClient, answers: SlackAnswers) -> None:
    people = SlackPeople(client, timeout=_ANSWER_SECONDS)  # the same judgement as at a click
    for user, why in _entries(topology.routes.values(), "UW", denied=False).items():
        subject = f"Person {user} ({', '.join(why)})"
        try:
            answers.people[user] = person = await people.person(user, frozenset())
        except PeopleUnavailableError as error:
            answers.findings.append(Finding(subject, ok=False, what=str(error), advice="Check again in a minute."))
        else:
            answers.findings.append(_fit(subject, person))


def _fit(subject: str, person: Person) -> Finding:
    flaws = {
        "deactivated": person.deactivated,
        "a guest, unknown here or of another workspace": person.guest,
        "a bot": person.bot,
    }
    unfit = [flaw for flaw, there in flaws.items() if there]
    if unfit:
        what = f"is {' and '.join(unfit)}, and so never counts"
        return Finding(subject, ok=False, what=what, advice="Take the id off the route, or list somebody else.")
    return Finding(subject, ok=True, what="active member")


def _entries(routes: Iterable[Route], kinds: str, *, denied: bool) -> dict[str, list[str]]:
    """Return the policy entries whose id starts with one of `kinds`, each with the keys that list it."""
    uses: dict[str, list[str]] = {}
    for route in routes:
        lists = {"requesters": route.requesters, "approvers": route.approvers, "break_glass": route.break_glass}
        if denied:
            lists["denied"] = route.denied
        for key, entries in lists.items():
            for entry in entries:
                if entry != EVERYBODY and entry[0] in kinds:
                    uses.setdefault(entry, []).append(f"{key} of {route.name}")
    return uses


def _refused(subject: str, refusal: Refusal) -> Finding:
    return Finding(subject, ok=False, what=refusal.what, advice=refusal.advice)
