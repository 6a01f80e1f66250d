"""The bot as it is run, `tines-sync serve` on SQLite or PostgreSQL, and what Slack sends it for a person's clicks."""

import json
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bot.operations.create_form import destination_block, source_block, stories_block
from bot.views import ids
from bot.views.carried import FormMeta
from tests.bench.cores import Process
from tests.bench.stub import ADA, APPROVERS, REQUESTERS, SOURCE_TEAM, Outside
from tests.bench.wire import SIGNING_SECRET

ROUTE: Final = "dev-to-prod"
EVENTS: Final = "/slack/events"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(slack_url: str, port: int) -> dict[str, str]:
    """Return what every variant is told."""
    return {
        "SLACK_BOT_TOKEN": "xoxb-made-up-token-of-the-bench",
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": slack_url,
        "PORT": str(port),
        "HOST": "127.0.0.1",
    }


@contextmanager
def serving(
    world: Outside, folder: Path, *, core: int, database: str = "", command: str = "serve"
) -> Iterator[tuple[Process, str]]:
    """Run the bot; yields its process and URL when it is ready."""
    port = free_port()
    config = folder / "tines-sync.toml"
    config.write_text(_config(world))
    env = environment(world.slack_url, port) | {
        "DATABASE_URL": database or f"sqlite:///{folder}/bench.sqlite",
        "TINES_SYNC_CONFIG": str(config),
        "DEV_KEY": "made-up-key-of-dev",
        "PROD_KEY": "made-up-key-of-prod",
        "LOG_FORMAT": "json",
    }
    log = folder / f"{command}-{port}.log"
    with Process([sys.executable, "-m", "bot", command], core=core, env=env, log=log, cwd=folder) as process:
        if command == "serve":
            process.wait_for_port(port)
        else:
            process.wait_for('"ready"')
        yield process, f"http://127.0.0.1:{port}"


def _config(world: Outside) -> str:
    return f"""
[tenants.dev]
url = "{world.dev_url}"
api_key = "env:DEV_KEY"
[tenants.prod]
url = "{world.prod_url}"
api_key = "env:PROD_KEY"
[routes.{ROUTE}]
source = "dev"
destination = "prod"
requesters = ["*"]
approvers = ["{APPROVERS}"]
approval_channel = "C0APPROVALS"
notify = ["C0SECOPS"]
"""


def trigger() -> str:
    """Return a new trigger."""
    return f"1.{secrets.token_hex(8)}"


def command_form(name: str, trigger_id: str, text: str = "", number: int = 0) -> dict[str, str]:
    """Return a slash command."""
    return {
        "token": "x",
        "team_id": "T1",
        "team_domain": "acme",
        "channel_id": "C0GENERAL",
        "channel_name": "general",
        "user_id": requester(number),
        "user_name": "rina",
        "command": name,
        "text": text,
        "api_app_id": "A1",
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.invalid/commands/T1/1/x",
        "trigger_id": trigger_id,
    }


def requester(number: int) -> str:
    """Return one of the people who ask."""
    return f"U0R{number % REQUESTERS:05d}"


def _payload(kind: str, user: str, **rest: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    payload = {
        "type": kind,
        "team": {"id": "T1", "domain": "acme"},
        "user": {"id": user, "username": "someone", "name": "someone", "team_id": "T1"},
        "api_app_id": "A1",
        "token": "x",
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": trigger(),
        **rest,
    }
    return {"payload": json.dumps(payload)}


def submission(number: int, *, stories: range = range(1, 4)) -> dict[str, str]:
    """Return the form, filled in and submitted; each number asks for another destination team."""
    destination = 1 + number % 999
    return _payload(
        "view_submission",
        requester(number),
        view=_form_view(
            {
                source_block(ROUTE): {ids.ACTION_SOURCE_TEAM: _one("external_select", f"team:{SOURCE_TEAM}", "Team 1")},
                stories_block(ROUTE, SOURCE_TEAM): {
                    ids.ACTION_STORIES: {
                        "type": "multi_external_select",
                        "selected_options": [_option(f"story:{100_000 + each}", f"Story {each}") for each in stories],
                    }
                },
                destination_block(ROUTE): {
                    ids.ACTION_DESTINATION_TEAM: _one("external_select", f"team:{destination}", f"Team {destination}")
                },
                ids.BLOCK_MODE: {ids.ACTION_MODE: _one("radio_buttons", "automatic", "Automatically")},
                ids.BLOCK_REASON: {ids.ACTION_REASON: {"type": "plain_text_input", "value": f"Ready, number {number}"}},
            }
        ),
        response_urls=[],
    )


def typing(query: str, number: int = 0) -> dict[str, str]:
    """Return what is sent while somebody types into the stories field."""
    block = stories_block(ROUTE, SOURCE_TEAM)
    return _payload(
        "block_suggestion",
        requester(number),
        container={"type": "view", "view_id": "V1"},
        view=_form_view({}),
        block_id=block,
        action_id=ids.ACTION_STORIES,
        value=query,
    )


def clicked(action_id: str, value: str) -> dict[str, str]:
    """Return an approver's click on a button of the approval message."""
    return _payload(
        "block_actions",
        ADA,
        container={"type": "message", "message_ts": "1.000100", "channel_id": "C0APPROVALS", "is_ephemeral": False},
        channel={"id": "C0APPROVALS", "name": "approvals"},
        message={"ts": "1.000100", "text": ""},
        state={"values": {}},
        actions=[{"type": "button", "action_id": action_id, "block_id": "b", "value": value, "action_ts": "1.0"}],
    )


def approval(private_metadata: str) -> dict[str, str]:
    """Return an approver's press of *Approve* in a review."""
    return _payload("view_submission", ADA, view=_view(ids.VIEW_REVIEW, {}, private_metadata), response_urls=[])


def _form_view(values: dict[str, Any]) -> dict[str, Any]:
    meta = FormMeta(route=ROUTE, team=SOURCE_TEAM, draft=secrets.token_hex(12)).dump()
    return _view(ids.VIEW_FORM, values, meta)


def _view(callback_id: str, values: dict[str, Any], private_metadata: str) -> dict[str, Any]:
    blocks = [
        {"type": "input", "block_id": block, "label": {"type": "plain_text", "text": "Field"}, "element": {}}
        for block in values
    ]
    return {
        "id": "V1",
        "team_id": "T1",
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": private_metadata,
        "hash": "1.x",
        "root_view_id": "V1",
        "title": {"type": "plain_text", "text": "Sync stories"},
        "state": {"values": values},
        "blocks": blocks,
    }


def _option(value: str, text: str) -> dict[str, Any]:
    return {"value": value, "text": {"type": "plain_text", "text": text}}


def _one(kind: str, value: str, text: str) -> dict[str, Any]:
    return {"type": kind, "selected_option": _option(value, text)}
