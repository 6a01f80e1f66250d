"""Runs all checks: Slack, then the tenants, then what the policy means with the members that Slack told of."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Final

from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.check.findings import Finding
from bot.check.slack import SlackAnswers, check_slack
from bot.check.tines import check_tenants
from bot.settings import Settings
from handlers.policy import policy_faults
from handlers.routes import Atlas
from handlers.tines import Patience, Timeouts, TinesCalls, TinesClient

_SLACK_TIMEOUT: Final = 15  # seconds a call
_TIMEOUTS: Final = Timeouts(read=15.0, whole=20.0)  # somebody is looking at an empty terminal
_PATIENCE: Final = Patience(attempts=2, total=10.0)
_NO_CLIENTS: Final[Mapping[str, TinesCalls]] = MappingProxyType({})


async def check(settings: Settings) -> list[Finding]:
    """Open the clients that the settings ask for, run all checks, close the clients."""
    slack = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=_SLACK_TIMEOUT,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)],
    )
    async with AsyncExitStack() as stack:
        clients: dict[str, TinesCalls] = {}
        publishing: dict[str, TinesCalls] = {}
        for alias, tenant in settings.atlas.tenants.items():
            client = TinesClient(tenant, timeouts=_TIMEOUTS, patience=_PATIENCE)
            clients[alias] = await stack.enter_async_context(client)
            if tenant.publish_key is not None:
                publisher = tenant.model_copy(update={"api_key": tenant.publish_key})
                client = TinesClient(publisher, timeouts=_TIMEOUTS, patience=_PATIENCE)
                publishing[alias] = await stack.enter_async_context(client)
        return await run_checks(settings, slack, clients, publishing)


async def run_checks(
    settings: Settings,
    slack_client: AsyncWebClient,
    tines_clients: Mapping[str, TinesCalls],
    publishing_clients: Mapping[str, TinesCalls] = _NO_CLIENTS,
) -> list[Finding]:
    """Try everything that the settings name, through the clients given. Changes nothing anywhere.

    `tines_clients` has one client for each tenant's alias; `publishing_clients` one with the publish key for those
    that have one. Never raises for something that does not work: that is a finding.
    """
    answers = await check_slack(settings.atlas, slack_client, settings.slack_app_token)
    tenants = await check_tenants(settings.atlas, tines_clients, publishing_clients)
    return [*answers.findings, *tenants, *_check_policies(settings.atlas, answers)]


def _check_policies(atlas: Atlas, answers: SlackAnswers) -> list[Finding]:
    findings = []
    for route in atlas.routes.values():
        subject = f"Route {route.name}"
        faults = policy_faults(route, answers.members, answers.people)
        advice = f"Change routes.{route.name} in the configuration, or the members of its groups in Slack."
        findings += [Finding(subject, ok=False, what=fault, advice=advice) for fault in faults]
        if not faults:
            approvals = "1 approval" if route.approvals == 1 else f"{route.approvals} approvals"
            findings.append(Finding(subject, ok=True, what=f"{route.source} to {route.destination}, {approvals}"))
    return findings
