"""`tines-sync manifest`: a manifest with the address filled in, wherever the program was installed to."""

import json

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from bot.manifests import HTTP, SOCKET_MODE, ManifestMissingError, manifest_path


def run(*arguments: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, ["manifest", *arguments])


@pytest.mark.parametrize(
    "url",
    [
        "https://bot.acme.test",
        "https://bot.acme.test/",
        "https://BOT.acme.test/slack/events",
        "https://bot.acme.test/slack/events/",
    ],
)
def test_for_http(url: str) -> None:
    """Every address in the manifest is the one that was given, and no placeholder is left."""
    result = run("--http", url)
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed["features"]["slash_commands"][0]["url"] == "https://bot.acme.test/slack/events"
    assert "example.com" not in result.stdout
    assert json.loads(manifest_path(HTTP).read_text()).keys() == printed.keys()


def test_for_socket_mode() -> None:
    """The manifest for Socket Mode is printed as it comes with the program."""
    result = run("--socket-mode")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(manifest_path(SOCKET_MODE).read_text())


@pytest.mark.parametrize("url", ["http://bot.acme.test", "bot.acme.test", "https://", "https://u:p@bot", "https://a/b"])
def test_a_bad_address(url: str) -> None:
    """An address that Slack could not send to is refused with what was expected."""
    result = run("--http", url)
    assert result.exit_code == 2
    assert "https://bot.example.com" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--socket-mode", "--http", "https://bot.acme.test"]])
def test_which_manifest(arguments: list[str]) -> None:
    """One of the two has to be said."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert "--http https://bot.example.com, --socket-mode" in result.stderr


def test_a_manifest_that_is_not_there() -> None:
    """An installation without the manifests says what to do."""
    with pytest.raises(ManifestMissingError, match="install it again"):
        manifest_path("none.json")
