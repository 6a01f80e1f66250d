"""What the process's environment says, and the `Settings` that everything is composed from.

Nothing here reads `os.environ` by itself: the environment is passed in, so that a test, the demo and production go
the same way.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.settings.faults import wrong
from bot.settings.values import check_secret, read_base_url
from handlers.network import Network, proxy_secrets
from handlers.routes import Topology

DEFAULT_CONFIG: Final = "tines-sync.toml"
DEFAULT_DATABASE: Final = "sqlite:///tines-sync.sqlite"
_DATABASE: Final = '"sqlite:///tines-sync.sqlite" or "postgresql://user:password@host/name"'


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
    scheme, separator, rest = url.strip().partition("://")
    if scheme == "postgres":  # as some hosts still hand it out
        scheme = "postgresql"
    if scheme == "sqlite" and rest.startswith("/") and rest not in {"/", "/:memory:"}:
        return f"sqlite://{rest}"
    if scheme == "postgresql" and separator and rest:
        return f"postgresql://{rest}"
    problem = "keeps nothing when the process ends" if scheme == "sqlite" else "is not a database the bot can use"
    raise wrong(problem, _DATABASE)


DatabaseUrl = Annotated[str, AfterValidator(_database)]


class DatabaseEnvironment(BaseSettings):
    """The one variable that `migrate` needs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True)

    database_url: DatabaseUrl = Field(default=DEFAULT_DATABASE, repr=False, description=_DATABASE)

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
    metrics: bool = Field(default=True, description="true or false: whether /metrics answers")

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
        prefix = {"slack_bot_token": "xoxb-", "slack_app_token": "xapp-"}.get(name, "")
        if not token.get_secret_value().strip().startswith(prefix):
            problem = f"does not start with {prefix}"
            raise wrong(problem, expected)
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
        secrets += self.network.secrets()
        password = urlsplit(self.database_url).password or ""
        values = {secret.get_secret_value() for secret in secrets if secret}
        return frozenset(values | {password, unquote(password)}) - {""}
