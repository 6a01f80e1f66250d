"""What the process's environment says, and the `Settings` that everything is composed from.

Nothing here reads `os.environ` by itself: the environment is passed in, so that a test, the demo and production go
the same way.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Self
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.settings.faults import wrong
from bot.settings.values import check_secret, read_base_url
from handlers.network import Network, proxy_secrets
from handlers.routes import Topology
from handlers.store import DatabaseUrlError
from handlers.store.database import parse_url

DEFAULT_CONFIG: Final = "tines-sync.toml"
DEFAULT_DATABASE: Final = "sqlite:///tines-sync.sqlite"
METRICS_PORT: Final = 9464  # as OpenTelemetry's exporter for Prometheus uses it
_QUOTES: Final = frozenset("\"'`\u201c\u201d\u2018\u2019\u201e")  # the last ones: curly
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "xoxb-": "a bot token",
        "xapp-": "an app-level token",
        "xoxp-": "a user token",
        "xox": "a token",
        "xapp": "a token",
    }
)
_SWAPPED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"slack_bot_token": ("xapp-", "SLACK_APP_TOKEN"), "slack_app_token": ("xoxb-", "SLACK_BOT_TOKEN")}
)
_DATABASE: Final = '"sqlite:///tines-sync.sqlite" or "postgresql://user:password@host/name"'


def _kind(value: str) -> str:
    """Return what a value is that starts as one of Slack's tokens, "" for any other."""
    return next((kind for start, kind in _KINDS.items() if value.startswith(start)), "")


class LogFormat(StrEnum):
    """How a log line is written."""

    AUTO = "auto"  # console on a terminal, JSON elsewhere
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least serious lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _database(url: str) -> str:
    url = url.strip()
    scheme, separator, rest = url.partition("://")
    backend, driver, _ = scheme.partition("+")
    if separator and driver:
        problem = "names a driver, which the bot chooses itself"
        raise wrong(
            problem, f"{'sqlite' if backend == 'sqlite' else 'postgresql'}://… without the + and what follows it"
        )
    try:
        parse_url(url)
    except DatabaseUrlError as error:
        raise wrong(error.problem, error.expected) from None
    # as some hosts still hand it out
    return f"postgresql://{rest}" if backend == "postgres" else url


DatabaseUrl = Annotated[str, AfterValidator(_database)]


def _not_quoted(value: object) -> object:
    """Refuse a value in quotes, which belong to a shell: Docker's --env-file passes them on."""
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES:
        problem = f"stands in quotes ({value[0]})"
        raise wrong(problem, "the value without them")
    return value


class DatabaseEnvironment(BaseSettings):
    """The one variable that `migrate` needs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True)

    database_url: DatabaseUrl = Field(default=DEFAULT_DATABASE, repr=False, description=_DATABASE)

    _no_quotes = field_validator("*", mode="before")(_not_quoted)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - never read by itself
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - never read by itself
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - never read by itself
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values only from what is passed in."""
        return (init_settings,)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables from `environ`; an empty one counts as not set. Raises pydantic's `ValidationError`."""
        source = EnvSettingsSource(cls)
        source.env_vars = {name.lower(): value for name, value in environ.items() if value.strip()}
        return cls(**source())


class Environment(DatabaseEnvironment):
    """The environment variables, under their own names in small letters."""

    slack_bot_token: SecretStr = Field(description='the bot token, "xoxb-…", from OAuth & Permissions')
    slack_app_token: SecretStr | None = Field(
        default=None,  # set: Socket Mode; not set: HTTP
        description='the app-level token for Socket Mode, "xapp-…", from Basic Information',
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None,  # None with Socket Mode only, where no request comes from outside
        validate_default=True,
        description="the signing secret, from Basic Information",
    )
    slack_api_url: Annotated[str, AfterValidator(read_base_url)] = Field(
        default="https://slack.com/api/", description='"https://slack.com/api/"'
    )
    host: str = Field(
        default="0.0.0.0",  # noqa: S104 - Slack's requests come from outside; HOST narrows it
        description='an address to listen on: "0.0.0.0"',
    )
    port: int = Field(default=3000, ge=0, le=65535, description="a port to listen on, 0 for any free one")
    tines_sync_config: Path = Field(default=Path(DEFAULT_CONFIG), description="the path of the TOML file")
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = Field(
        default=LogFormat.AUTO, description="auto, console or json"
    )
    log_level: Annotated[LogLevel, BeforeValidator(_lower)] = Field(
        default=LogLevel.INFO, description="debug, info, warning or error"
    )
    metrics: bool = Field(default=True, description="true or false: whether /metrics answers, on a port of its own")
    metrics_host: str = Field(default="127.0.0.1", description='an address to answer /metrics on: "127.0.0.1"')
    metrics_port: int | None = Field(
        default=None,  # None: the usual one where it is free, so that several processes start on one machine
        ge=0,
        le=65535,
        description=f"a port for /metrics, 0 for any free one; by default {METRICS_PORT} where it is free",
    )

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret")
    @classmethod
    def _is_a_token(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        name = info.field_name or ""
        expected = cls.model_fields[name].description or ""
        if token is None:
            if name == "slack_signing_secret" and info.data.get("slack_app_token") is None:
                problem = "is missing"
                raise wrong(problem, f"{expected}; or SLACK_APP_TOKEN for Socket Mode")
            return None
        value = token.get_secret_value().strip()
        prefix = {"slack_bot_token": "xoxb-", "slack_app_token": "xapp-"}.get(name)
        if prefix is not None and not value.startswith(prefix):
            others, other = _SWAPPED[name]
            problem = f"does not start with {prefix}"
            if value.startswith(others):
                problem = f"{problem} but with {others}: swapped with {other}?"
            elif kind := _kind(value):
                problem = f"{problem}: it is {kind}"
            raise wrong(problem, expected)
        if prefix is None and (kind := _kind(value)):
            problem = f"looks like {kind}"
            raise wrong(problem, f"{expected}: App Credentials, Signing Secret, 32 letters and digits")
        return check_secret(token.get_secret_value(), name.upper())

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is reached over Socket Mode instead of answering its HTTP requests."""
        return self.slack_app_token is not None


class Settings(Environment):
    """Everything the bot is told from outside. Secrets are `SecretStr`; `repr` shows none."""

    topology: Topology
    network: Network = Network()  # HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE

    def known_secrets(self) -> frozenset[str]:
        """Return every secret value, for the mask over the logs."""
        secrets = [self.slack_bot_token, self.slack_signing_secret, self.slack_app_token]
        for tenant in self.topology.tenants.values():
            secrets += [tenant.api_key, tenant.publish_key, *proxy_secrets(tenant.proxy)]
        return known_secrets([*secrets, *self.network.secrets()], self.database_url)


def known_secrets(secrets: Iterable[SecretStr | None], database_url: str | None) -> frozenset[str]:
    """Return the values of secrets, and the password of a database's URL as it is and as it stands there."""
    values = {secret.get_secret_value() for secret in secrets if secret}
    password = str(parse_url(database_url).password or "") if database_url else ""
    written = (database_url or "").partition("://")[2].partition("@")[0].partition(":")[2]
    return frozenset(values | {password, quote(password, safe=""), written if password else ""}) - {""}
