from pathlib import Path

import certifi
import pytest
from pydantic import SecretStr

from bot.settings import ConfigurationError, Fault, LogFormat, LogLevel, Settings, load_database_url, load_settings

EXAMPLE = Path(__file__).parents[3] / "tines-sync.example.toml"
BOT_TOKEN = "xoxb-1-very-secret"
GOOD = {
    "SLACK_BOT_TOKEN": BOT_TOKEN,
    "SLACK_SIGNING_SECRET": "signing-secret-1",
    "TINES_DEV_API_KEY": "dev-key-secret",
    "TINES_PROD_API_KEY": "prod-key-secret",
    "TINES_PROD_PUBLISH": "publish-key-secret",
    "TINES_SYNC_CONFIG": str(EXAMPLE),
}
SECRETS = {value for name, value in GOOD.items() if name != "TINES_SYNC_CONFIG"}


def faults(environ: dict[str, str]) -> tuple[Fault, ...]:
    """Return the faults that are reported for an environment."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    return caught.value.faults


def test_defaults() -> None:
    """With only the secrets and the file set, everything else has the documented default."""
    settings = load_settings(GOOD)
    assert settings.slack_bot_token.get_secret_value() == BOT_TOKEN
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.database_url == "sqlite:///tines-sync.sqlite"
    assert settings.host == "0.0.0.0"  # noqa: S104 - the documented default; nothing is bound here
    assert (settings.port, settings.metrics) == (3000, True)
    assert (settings.log_format, settings.log_level) == (LogFormat.AUTO, LogLevel.INFO)
    assert not settings.socket_mode


def test_everything_set() -> None:
    """Each variable is read under its own name, in any case where words are concerned."""
    settings = load_settings(
        {
            **GOOD,
            "SLACK_APP_TOKEN": "xapp-1-secret",
            "SLACK_API_URL": "http://127.0.0.1:9000/api",
            "DATABASE_URL": "postgresql://bot:pa%40ss-secret@db/tines",
            "HOST": "127.0.0.1",
            "PORT": "0",
            "LOG_FORMAT": "JSON",
            "LOG_LEVEL": "Debug",
            "METRICS": "false",
        }
    )
    assert settings.socket_mode
    assert settings.slack_api_url == "http://127.0.0.1:9000/api/"
    assert settings.database_url == "postgresql://bot:pa%40ss-secret@db/tines"
    assert (settings.host, settings.port, settings.metrics) == ("127.0.0.1", 0, False)
    assert (settings.log_format, settings.log_level) == (LogFormat.JSON, LogLevel.DEBUG)


def test_socket_mode_needs_no_signing_secret() -> None:
    """With an app token no request comes from outside, so that the signing secret may be left out."""
    environ = {name: value for name, value in GOOD.items() if name != "SLACK_SIGNING_SECRET"}
    assert load_settings({**environ, "SLACK_APP_TOKEN": "xapp-1-secret"}).slack_signing_secret is None
    assert [fault.where for fault in faults(environ)] == ["SLACK_SIGNING_SECRET"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", ""),
        ("SLACK_BOT_TOKEN", "xoxp-a-user-token"),
        ("SLACK_BOT_TOKEN", "xoxb-with a space"),
        ("SLACK_APP_TOKEN", "xoxb-not-an-app-token"),
        ("SLACK_SIGNING_SECRET", "short"),
        ("SLACK_API_URL", "http://slack.example/api/"),
        ("SLACK_API_URL", "slack.com/api"),
        ("DATABASE_URL", "mysql://u:pw-secret@h/d"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "tines-sync.sqlite"),
        ("PORT", "http"),
        ("PORT", "65536"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("METRICS", "perhaps"),
    ],
)
def test_faulty_variable(name: str, value: str) -> None:
    """A wrong variable is one fault that names it, says what was expected, and never quotes the value."""
    (fault,) = faults({**GOOD, name: value})
    assert fault.where == name
    assert fault.line is None
    assert fault.expected
    assert not value or value not in fault.problem


def test_all_at_once(tmp_path: Path) -> None:
    """Faults of the environment and of the file are reported together."""
    (tmp_path / "broken.toml").write_text("[tenants\n")
    found = faults({"PORT": "x", "TINES_SYNC_CONFIG": str(tmp_path / "broken.toml")})
    assert [fault.where for fault in found] == ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "PORT", "TOML"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql://h/d?sslmode=require", "postgresql://h/d?sslmode=require"),
        ("sqlite:////var/lib/bot.sqlite", "sqlite:////var/lib/bot.sqlite"),
        ("", "sqlite:///tines-sync.sqlite"),
    ],
)
def test_database_alone(given: str, read: str) -> None:
    """The database's URL is read without any of the rest, as a release step needs it."""
    assert load_database_url({"DATABASE_URL": given}) == read


def test_faulty_database_alone() -> None:
    """A faulty database URL read alone is reported in the same way."""
    with pytest.raises(ConfigurationError) as caught:
        load_database_url({"DATABASE_URL": "oracle://x"})
    assert [fault.where for fault in caught.value.faults] == ["DATABASE_URL"]


def test_nothing_else_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the environment passed in counts: not the process's own, and no variable named after a field."""
    monkeypatch.setenv("PORT", "4444")
    monkeypatch.setenv("ATLAS", "{}")
    assert load_settings({**GOOD, "ATLAS": "{}"}).port == 3000
    settings = load_settings(GOOD)
    assert Settings(**dict(settings)) == settings


def test_secrets_stay_inside() -> None:
    """No secret is in the representation of the settings; all are known to the mask over the logs."""
    settings = load_settings(
        {**GOOD, "SLACK_APP_TOKEN": "xapp-1-secret", "DATABASE_URL": "postgresql://u:pa%40ss-secret@db/x"}
    )
    shown = repr(settings) + str(settings) + repr(settings.topology)
    assert settings.known_secrets() == SECRETS | {"xapp-1-secret", "pa%40ss-secret", "pa@ss-secret"}
    assert not [secret for secret in settings.known_secrets() if secret in shown]


def test_settings_do_not_change() -> None:
    """Settings are frozen: nothing that was checked can become something else."""
    settings = load_settings(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "port", 1)  # noqa: B010 - as code that escaped the type checker would


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "cannot be read: No such file"), (b"\xff\xfe", "is not a text file in UTF-8")],
)
def test_unreadable_file(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """A file that is not there, or not text, is a fault that says how to get one."""
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    (fault,) = faults({**GOOD, "TINES_SYNC_CONFIG": str(path)})
    assert fault.where == str(path)
    assert problem in fault.problem
    assert "tines-sync.example.toml" in fault.expected


def test_relative_file(tmp_path: Path) -> None:
    """The file's default name is looked for in the folder given; a byte-order mark does no harm."""
    (tmp_path / "tines-sync.toml").write_bytes(b"\xef\xbb\xbf" + EXAMPLE.read_bytes())
    environ = {name: value for name, value in GOOD.items() if name != "TINES_SYNC_CONFIG"}
    assert "dev-to-prod" in load_settings(environ, tmp_path).topology.routes


def test_impossible_path() -> None:
    """A path that no file can have is a fault, not a crash."""
    (fault,) = faults({**GOOD, "TINES_SYNC_CONFIG": "a\0b"})
    assert "not a path" in fault.problem


def test_the_network_is_read() -> None:
    """`HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` are settings like all others, and a proxy's password is a secret."""
    proxy = "http://bot:proxy-password@proxy.example:3128"
    settings = load_settings({**GOOD, "https_proxy": proxy, "NO_PROXY": "localhost", "SSL_CERT_FILE": certifi.where()})
    assert settings.network.https_proxy == SecretStr(proxy)
    assert settings.network.no_proxy == "localhost"
    assert settings.network.ssl_cert_file == Path(certifi.where())
    assert "proxy-password" in settings.known_secrets()
    assert "proxy-password" not in repr(settings)


def test_a_network_that_cannot_be_is_a_fault() -> None:
    """A proxy of another kind and a CA file that is missing are faults of the variable, without the password."""
    (proxy,) = faults({**GOOD, "HTTPS_PROXY": "socks5://bot:proxy-password@proxy.example"})
    assert proxy.where == "HTTPS_PROXY"
    assert "proxy-password" not in repr(proxy)
    (ca_file,) = faults({**GOOD, "SSL_CERT_FILE": "/nowhere/ca.pem"})
    assert ca_file.where == "SSL_CERT_FILE"
    assert "/nowhere/ca.pem cannot be read" in ca_file.problem
