"""What of a configuration is in order, so that it can be tried although something else is to be mended."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from pydantic import SecretStr

from bot.settings.environment import Environment, Settings, known_secrets
from bot.settings.faults import Fault
from bot.settings.values import read_base_url
from handlers.network import Network, proxy_secrets
from handlers.routes import Topology


@dataclass(frozen=True, slots=True)
class PartialSettings:
    """The parts that were read and hold no fault. None for what is at fault or not set."""

    topology: Topology  # the tenants and routes without a fault
    slack_bot_token: SecretStr | None
    slack_app_token: SecretStr | None
    slack_api_url: str | None
    database_url: str | None
    network: Network = field(default_factory=Network)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return settings without any fault."""
        return cls(
            settings.topology,
            settings.slack_bot_token,
            settings.slack_app_token,
            settings.slack_api_url,
            settings.database_url,
            settings.network,
        )

    @classmethod
    def parts(
        cls,
        topology: Topology,
        environ: Mapping[str, str],
        faulty: Collection[str],
        database_url: str | None,
        network: Network,
    ) -> Self:
        """Return what is in order of an environment in which the variables named `faulty` are not."""
        said = {name.upper(): value.strip() for name, value in environ.items()}

        def value_of(name: str) -> str:
            return "" if name in faulty else said.get(name, "")

        bot, app = value_of("SLACK_BOT_TOKEN"), value_of("SLACK_APP_TOKEN")
        usual: str = Environment.model_fields["slack_api_url"].default
        return cls(
            topology,
            SecretStr(bot) if bot else None,
            SecretStr(app) if app else None,
            None if "SLACK_API_URL" in faulty else read_base_url(value_of("SLACK_API_URL") or usual),
            database_url,
            network,
        )

    def known_secrets(self) -> frozenset[str]:
        """Return every secret value, for the mask over the logs."""
        secrets = [self.slack_bot_token, self.slack_app_token]
        for tenant in self.topology.tenants.values():
            secrets += [tenant.api_key, tenant.publish_key, *proxy_secrets(tenant.proxy)]
        return known_secrets([*secrets, *self.network.secrets()], self.database_url)


class ConfigurationError(Exception):
    """The configuration cannot be used. Carries every fault that was found, in the order of the file.

    `partial` is what can be tried all the same; None where only a part of the configuration was asked for.
    """

    def __init__(self, faults: Iterable[Fault], file: str, partial: PartialSettings | None = None) -> None:
        self.faults = tuple(faults)
        self.partial = partial
        self.file = file  # path of the TOML file, as it was given
        super().__init__(f"{len(self.faults)} faults in the configuration ({file} and the environment)")
