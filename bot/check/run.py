"""Runs all checks: the database, Slack, then the tenants, then what the policy means with the members that Slack told of."""

from contextlib import AsyncExitStack
from typing import Final

from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.check.database import check_database
from bot.check.findings import Finding
from bot.check.slack import SlackAnswers, check_app_token, check_slack
from bot.check.tines import check_tenants
from bot.settings import PartialSettings
from handlers.network import CA_EXPECTED, SSL_CERT_FILE, Network, NetworkError, egress_for
from handlers.policy import policy_faults
from handlers.routes import Topology
from handlers.tines import RetryPolicy, Timeouts, TinesCalls, TinesClient

_SLACK_TIMEOUT: Final = 15  # seconds a call
_TIMEOUTS: Final = Timeouts(read=15.0, whole=20.0)  # somebody is looking at an empty terminal
_RETRY_POLICY: Final = RetryPolicy(attempts=2, total=10.0)


async def check(partial: PartialSettings) -> list[Finding]:
    """Open the clients that a configuration asks for, run all checks, close the clients.

    Tries everything that it names. Changes nothing anywhere. Never raises for what does not work: that is a finding.
    """
    database = [await check_database(partial.database_url)] if partial.database_url is not None else []
    slack = await _ask_slack(partial)
    tenants = await _ask_tenants(partial.topology, partial.network)
    return [*database, *slack.findings, *tenants, *_check_policies(partial.topology, slack)]


async def _ask_slack(partial: PartialSettings) -> SlackAnswers:
    if partial.slack_api_url is None:
        return SlackAnswers()
    token = partial.slack_bot_token
    egress = egress_for(partial.slack_api_url, partial.network)
    try:
        trusted = egress.ssl_context()
    except NetworkError as error:
        found = Finding("Slack", ok=False, what=f"{SSL_CERT_FILE}: {error}", advice=f"Set it to {CA_EXPECTED}.")
        return SlackAnswers([found])
    client = AsyncWebClient(
        token=token.get_secret_value() if token else None,
        base_url=partial.slack_api_url,
        timeout=_SLACK_TIMEOUT,
        ssl=trusted,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)],
    )
    client.proxy = (
        egress.proxy_url
    )  # set afterwards: the library takes None for leave to look at the environment itself
    answers = await check_slack(partial.topology, client, egress.describe()) if token else SlackAnswers()
    if partial.slack_app_token is not None:
        answers.findings.append(await check_app_token(client, partial.slack_app_token))
    return answers


async def _ask_tenants(topology: Topology, network: Network) -> list[Finding]:
    async with AsyncExitStack() as stack:
        clients: dict[str, TinesCalls] = {}
        publishing: dict[str, TinesCalls] = {}
        for alias, tenant in topology.tenants.items():
            client = TinesClient(
                tenant, secrets=topology.secrets(), network=network, timeouts=_TIMEOUTS, retry_policy=_RETRY_POLICY
            )
            clients[alias] = await stack.enter_async_context(client)
            if tenant.publish_key is not None:
                publisher = tenant.model_copy(update={"api_key": tenant.publish_key})
                client = TinesClient(
                    publisher,
                    secrets=topology.secrets(),
                    network=network,
                    timeouts=_TIMEOUTS,
                    retry_policy=_RETRY_POLICY,
                )
                publishing[alias] = await stack.enter_async_context(client)
        ways = {
            alias: egress_for(tenant.url, network, proxy=tenant.proxy, ca_file=tenant.ca_file).describe()
            for alias, tenant in topology.tenants.items()
        }
        return await check_tenants(topology, clients, publishing, ways)


def _check_policies(topology: Topology, answers: SlackAnswers) -> list[Finding]:
    findings = []
    for route in topology.routes.values():
        subject = f"Route {route.name}"
        faults = policy_faults(route, answers.members, answers.people, unreadable=answers.unreadable)
        advice = f"Change routes.{route.name} in the configuration, or the members of its groups in Slack."
        findings += [Finding(subject, ok=False, what=fault, advice=advice) for fault in faults]
        if not faults:
            approvals = "1 approval" if route.approvals == 1 else f"{route.approvals} approvals"
            what = f"{route.source} to {route.destination}, {approvals}"
            if route.source == route.destination:
                what += ". Source and destination are the same tenant: stories are synced between two of its teams"
            findings.append(Finding(subject, ok=True, what=what))
    return findings
