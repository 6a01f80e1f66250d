from pathlib import Path

import pytest

from bot.check import check
from bot.check.findings import Finding
from bot.settings import ConfigurationError, Settings, load_settings

from .test_check import APP_TOKEN, BOT_TOKEN, place

FILE = """
[tenants.dev]
url = "{dev}"
api_key = "env:DEV_KEY"
[tenants.prod]
url = "{prod}"
api_key = "env:NOT_SET_ANYWHERE"
[routes.up]
source = "dev"
destination = "prod"
requesters = ["*"]
approvers = ["U0ADA"]
approval_channel = "C0APPROVALS"
[routes.down]
source = "prod"
destination = "dev"
approvers = ["nobody"]
approval_channel = "C0APPROVALS"
"""


async def tried(folder: Path, **environ: str) -> tuple[list[str], list[Finding]]:
    """Check a file with two faults where everything else works; return where faults are, and what was found."""

    def faulty(settings: Settings) -> ConfigurationError:
        tenants = settings.topology.tenants
        (folder / "faulty.toml").write_text(FILE.format(dev=tenants["dev"].url, prod=tenants["prod"].url))
        said = {
            "TINES_SYNC_CONFIG": "faulty.toml",
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": settings.slack_api_url,
            "DATABASE_URL": f"sqlite:///{folder}/none.sqlite",
            "DEV_KEY": tenants["dev"].api_key.get_secret_value(),
        }
        with pytest.raises(ConfigurationError) as error:
            load_settings(said | environ, folder)
        return error.value

    async with place().served() as settings:
        error = faulty(settings)
        assert error.partial is not None
        return [fault.where for fault in error.faults], await check(error.partial)


async def test_what_has_no_fault_is_tried(tmp_path: Path) -> None:
    """Faults in one tenant and one route keep neither the others, nor Slack, nor the database from being tried."""
    faults, findings = await tried(tmp_path)
    assert "tenants.prod.api_key" in faults
    assert [finding for finding in findings if not finding.ok] == []
    assert [finding.subject for finding in findings] == [
        "Database",
        "Slack bot token",
        "Slack scopes",
        "Channel C0APPROVALS (approvals of up)",
        "Person U0ADA (approvers of up)",
        "Slack app token (Socket Mode)",
        "Tenant dev",
        "Tenant dev, sync destinations",
        "Tenant dev, teams",
        "Route up",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "missing"),
    [
        ("SLACK_BOT_TOKEN", "no-token-at-all", "Slack bot token"),
        ("SLACK_APP_TOKEN", "no-token-at-all", "Slack app token (Socket Mode)"),
        ("SLACK_API_URL", "no address", "Slack bot token"),
        ("DATABASE_URL", "mysql://u@h/d", "Database"),
    ],
)
async def test_what_is_at_fault_is_not_tried(tmp_path: Path, variable: str, value: str, missing: str) -> None:
    """A variable at fault is told once, as a fault; everything else is tried."""
    faults, findings = await tried(tmp_path, **{variable: value})
    subjects = [finding.subject for finding in findings]
    assert variable in faults
    assert missing not in subjects
    assert "Tenant dev" in subjects
