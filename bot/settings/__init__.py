"""Configuration: environment variables and one TOML file, read once, into frozen values.

It prevents a bot that starts half configured and fails in front of people: `load_settings` either returns values that
were checked in full, or raises one `ConfigurationError` that lists every fault with its place, its line and what was
expected, so that nobody mends a file one error at a time.
"""

from bot.settings.environment import Environment, LogFormat, LogLevel, Settings
from bot.settings.faults import Fault
from bot.settings.load import load_database_url, load_settings
from bot.settings.partial import ConfigurationError, PartialSettings

__all__ = [
    "ConfigurationError",
    "Environment",
    "Fault",
    "LogFormat",
    "LogLevel",
    "PartialSettings",
    "Settings",
    "load_database_url",
    "load_settings",
]
