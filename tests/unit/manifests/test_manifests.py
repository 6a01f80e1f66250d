import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.check.scopes import METHOD_SCOPES, NEEDED_SCOPES, OPTIONAL_SCOPES, SURFACE_SCOPES

ROOT = Path(__file__).parents[3]
HTTP, SOCKET = "slack-http.json", "slack-socket-mode.json"
URL = "https://tines-sync.example.com/slack/events"
WEB_API = {name for name in dir(AsyncWebClient) if "_" in name and not name.startswith("_")} - {"api_call", "api_test"}


def manifest(name: str) -> dict[str, Any]:
    """Read one manifest."""
    content = json.loads((ROOT / "manifests" / name).read_text())
    assert isinstance(content, dict)
    return content


def code() -> Iterator[Path]:
    """Return the modules of the bot; the local Slack is not one of them."""
    for path in (ROOT / "bot").rglob("*.py"):
        if "playground" not in path.relative_to(ROOT).parts:
            yield path


def methods_called() -> set[str]:
    """Return every Web API method that the code speaks of, as an attribute or by its name in `api_call`."""
    named = {name.replace("_", ".").lower(): name for name in WEB_API}
    found = set()
    for path in code():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in WEB_API:
                found.add(node.attr)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "api_call":
                found |= {
                    named.get(argument.value.lower(), argument.value)
                    for argument in node.args
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                }
    return found


def test_scopes_of_every_method_are_known() -> None:
    """Every Web API method that the code calls is in the table of scopes, and the table has no other."""
    assert methods_called() == set(METHOD_SCOPES)


@pytest.mark.parametrize("name", [HTTP, SOCKET])
def test_scopes(name: str) -> None:
    """A manifest asks for every scope that the code needs, and for no other."""
    scopes = manifest(name)["oauth_config"]["scopes"]
    assert set(scopes) == {"bot", "bot_optional"}
    assert set(scopes["bot_optional"]) == OPTIONAL_SCOPES
    assert scopes["bot"] == sorted(scopes["bot"])
    assert set(scopes["bot"]) == NEEDED_SCOPES
    assert SURFACE_SCOPES < NEEDED_SCOPES


@pytest.mark.parametrize("name", [HTTP, SOCKET])
def test_surfaces(name: str) -> None:
    """Command with a usage hint, global shortcut, App Home and its event are switched on, within Slack's lengths."""
    content = manifest(name)
    features, settings = content["features"], content["settings"]
    (command,) = features["slash_commands"]
    assert command["command"] == "/tines-sync"
    assert command["usage_hint"]
    (shortcut,) = features["shortcuts"]
    assert (shortcut["type"], shortcut["callback_id"]) == ("global", "tines_sync_form")
    assert len(shortcut["name"]) <= 24
    assert len(content["display_information"]["description"]) <= 140
    assert features["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": True,
    }
    assert settings["event_subscriptions"]["bot_events"] == ["app_home_opened"]
    assert settings["interactivity"]["is_enabled"]


def test_http_addresses() -> None:
    """Over HTTP everything, options of menus included, is sent to the one address that the bot answers on."""
    content = manifest(HTTP)
    interactivity = content["settings"]["interactivity"]
    assert {
        content["features"]["slash_commands"][0]["url"],
        content["settings"]["event_subscriptions"]["request_url"],
        interactivity["request_url"],
        interactivity["message_menu_options_url"],
    } == {URL}
    assert content["settings"]["socket_mode_enabled"] is False


def test_socket_mode_has_no_address() -> None:
    """In Socket Mode no address from outside is named; everything else is the same."""
    content, http = manifest(SOCKET), manifest(HTTP)
    assert content["settings"]["socket_mode_enabled"] is True
    assert URL not in json.dumps(content)
    del http["features"]["slash_commands"][0]["url"]
    assert content["features"] == http["features"]
    assert content["oauth_config"] == http["oauth_config"]
    assert content["display_information"] == http["display_information"]
