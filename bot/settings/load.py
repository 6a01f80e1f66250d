"""Reads the environment and the TOML file it names, and collects the faults of both.

It prevents mending one error at a time: the file is read even when the environment is at fault, and the other way
round.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from bot.settings.environment import DEFAULT_CONFIG, DatabaseEnvironment, Environment, Settings
from bot.settings.faults import Fault, problems
from bot.settings.partial import ConfigurationError, PartialSettings
from bot.settings.topology import NOTHING, read_parts
from handlers.network import CA_EXPECTED, HTTPS_PROXY, PROXY_EXPECTED, SSL_CERT_FILE, Network, NetworkError, ssl_context
from handlers.operations.registry import all_operations
from handlers.routes import Topology

_FILE: Final = "TINES_SYNC_CONFIG"

_E = TypeVar("_E", bound=DatabaseEnvironment)


def load_settings(
    environ: Mapping[str, str], folder: Path | None = None, *, operations: Collection[str] | None = None
) -> Settings:
    """Return checked settings from `environ` and the TOML file that it names.

    A relative path of the file starts at `folder` (by default the working directory). `operations` are the names that a
    route can have a policy for, by default those of the product. Raises `ConfigurationError`
    with every fault of both.
    """
    name = environ.get(_FILE, "").strip() or DEFAULT_CONFIG
    environment, faults = _read_environment(Environment, environ)
    topology, file_faults = _read_file(
        (folder or Path()) / name, name, environ, all_operations() if operations is None else operations
    )
    network, network_faults = _read_network(environ)
    faults += network_faults
    if environment is None or faults or file_faults:
        try:
            database_url = load_database_url(environ)
        except ConfigurationError:
            database_url = None
        partial = PartialSettings.parts(topology, environ, {fault.where for fault in faults}, database_url, network)
        raise ConfigurationError(faults + file_faults, name, partial)
    return Settings(**dict(environment), topology=topology, network=network)


def load_database_url(environ: Mapping[str, str]) -> str:
    """Return only where the database is. Raises `ConfigurationError`."""
    environment, faults = _read_environment(DatabaseEnvironment, environ)
    if environment is None:
        raise ConfigurationError(faults, environ.get(_FILE, "") or DEFAULT_CONFIG)
    return environment.database_url


def _read_environment(model: type[_E], environ: Mapping[str, str]) -> tuple[_E | None, list[Fault]]:
    try:
        return model.read(environ), []
    except ValidationError as error:
        found = problems(error, model)
    return None, [Fault(str(place[0]).upper(), None, problem, expected) for place, problem, expected in found]


def _read_network(environ: Mapping[str, str]) -> tuple[Network, list[Fault]]:
    try:
        network = Network.read(environ)
    except NetworkError as error:
        return Network(), [Fault(HTTPS_PROXY, None, str(error), PROXY_EXPECTED)]
    if network.ssl_cert_file is not None:
        try:
            ssl_context(network.ssl_cert_file)
        except NetworkError as error:
            without = network.model_copy(update={"ssl_cert_file": None})
            return without, [Fault(SSL_CERT_FILE, None, f"cannot be used: {error}", CA_EXPECTED)]
    return network, []


def _read_file(
    path: Path, name: str, environ: Mapping[str, str], operations: Collection[str]
) -> tuple[Topology, list[Fault]]:
    expected = f"a copy of tines-sync.example.toml at {name}, or its path in {_FILE}"
    if name.startswith("~"):
        problem = "starts with ~, which only a shell replaces"
        return NOTHING, [Fault(_FILE, None, problem, f"the full path: {_expanded(name, environ)}")]
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return NOTHING, [Fault(name, None, "is not a text file in UTF-8", expected)]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        return NOTHING, [Fault(name, None, f"cannot be read: {reason}", expected)]
    return read_parts(text, environ, path.parent, operations)


def _expanded(name: str, environ: Mapping[str, str]) -> str:
    """Return what a shell would make of a path that starts with ~."""
    home = environ.get("HOME", "")
    return f"{home}{name[1:]}" if home and name.startswith("~/") else str(Path(name).expanduser())
