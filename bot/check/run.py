"""Runs all checks: the database, Slack, then the tenants, then what the policy means with the members that Slack told of."""

from contextlib import AsyncExitStack
from typing import Final

from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.check.database import check_database
from bot.check.findings import Finding
from bot.check.slack import SlackAnswers, check_app_token, check_slack
from bot.check.tines import check_tenants
from bot.settings import Sound
from handlers.network import Network
from handlers.policy import policy_faults
from handlers.routes import Atlas
from handlers.tines import Patience, Timeouts, TinesCalls, TinesClient

_SLACK_TIMEOUT: Final = 15  # seconds a call
_TIMEOUTS: Final = Timeouts(read=15.0, whole=20.0)  # somebody is looking at an empty terminal
_PATIENCE: Final = Patience(attempts=2, total=10.0)


async def check(sound: Sound) -> list[Finding]:
    """Open the clients that a configuration asks for, run all checks, close the clients.

    Tries everything that it names. Changes nothing anywhere. Never raises for what does not work: that is a finding.
    """
    database = [await check_database(sound.database_url)] if sound.database_url is not None else []
    slack = await _ask_slack(sound)
    tenants = await _ask_tenants(sound.atlas, sound.network)
    return [*database, *slack.findings, *tenants, *_check_policies(sound.atlas, slack)]


async def _ask_slack(sound: Sound) -> SlackAnswers:
    if sound.slack_api_url is None:
        return SlackAnswers()
    token = sound.slack_bot_token
    client = AsyncWebClient(
        token=token.get_secret_value() if token else None,
        base_url=sound.slack_api_url,
        timeout=_SLACK_TIMEOUT,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)],
    )
    answers = await check_slack(sound.atlas, client) if token else SlackAnswers()
    if sound.slack_app_token is not None:
        answers.findings.append(await check_app_token(client, sound.slack_app_token))
    return answers


async def _ask_tenants(atlas: Atlas, network: Network) -> list[Finding]:
    async with AsyncExitStack() as stack:
        clients: dict[str, TinesCalls] = {}
        publishing: dict[str, TinesCalls] = {}
        for alias, tenant in atlas.tenants.items():
            client = TinesClient(tenant, network=network, timeouts=_TIMEOUTS, patience=_PATIENCE)
            clients[alias] = await stack.enter_async_context(client)
            if tenant.publish_key is not None:
                publisher = tenant.model_copy(update={"api_key": tenant.publish_key})
                client = TinesClient(publisher, network=network, timeouts=_TIMEOUTS, patience=_PATIENCE)
                publishing[alias] = await stack.enter_async_context(client)
        return await check_tenants(atlas, clients, publishing)


def _check_policies(atlas: Atlas, answers: SlackAnswers) -> list[Finding]:
    findings = []
    for route in atlas.routes.values():
        subject = f"Route {route.name}"
        faults = policy_faults(route, answers.members, answers.people, unreadable=answers.unreadable)
        advice = f"Change routes.{route.name} in the configuration, or the members of its groups in Slack."
        findings += [Finding(subject, ok=False, what=fault, advice=advice) for fault in faults]
        if not faults:
            approvals = "1 approval" if route.approvals == 1 else f"{route.approvals} approvals"
            findings.append(Finding(subject, ok=True, what=f"{route.source} to {route.destination}, {approvals}"))
    return findings
