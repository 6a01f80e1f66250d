"""How an URL is reached: through which proxy, and trusting which certificate authorities (CAs).

One place decides that for every call to Slack and to Tines, so that none of them goes another way than the others. A
tenant's own settings come first, then the standard variables of the environment:

- `HTTPS_PROXY`: the proxy for `https` URLs. Plain `http` URLs are only allowed to this machine and go directly.
- `NO_PROXY`: hosts that are reached directly: names (with their subdomains), addresses, networks (`10.0.0.0/8`), each
  with an optional port, or `*`.
- `SSL_CERT_FILE`: a file with the CAs to trust instead of those of the system.

Names in small letters win over the same in capitals, as with curl. `describe` says the decision in words.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

import certifi
from pydantic import SecretStr

from handlers.models import Frozen

HTTPS_PROXY: Final = "HTTPS_PROXY"
NO_PROXY: Final = "NO_PROXY"
SSL_CERT_FILE: Final = "SSL_CERT_FILE"
PROXY_EXPECTED: Final = '"http://proxy.example:3128", with user:password@ before the host where it requires them'
CA_EXPECTED: Final = "a file of PEM certificates, those of the CAs to trust"

_SETTING: Final = "its own setting"
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
_SEPARATORS: Final = re.compile(r"[,\s]+")


class NetworkError(ValueError):
    """A setting of the network cannot be used. The text says what is wrong, without any password."""


class Network(Frozen):
    """What the environment says about the network. The default is: directly, with the CAs of the system."""

    https_proxy: SecretStr | None = None
    no_proxy: str = ""
    ssl_cert_file: Path | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the standard variables; an empty one counts as not set. Raises `NetworkError`."""
        proxy, file = _variable(environ, HTTPS_PROXY), _variable(environ, SSL_CERT_FILE)
        return cls(
            https_proxy=read_proxy(proxy) if proxy else None,
            no_proxy=_variable(environ, NO_PROXY),
            ssl_cert_file=Path(file) if file else None,
        )

    def secrets(self) -> tuple[SecretStr, ...]:
        """Return the proxy's password, where it has one, to be masked."""
        return proxy_secrets(self.https_proxy)


class Egress(Frozen):
    """The way to one URL."""

    proxy: SecretStr | None = None  # a full URL, which may hold a password; None: directly
    proxy_from: str = ""  # who said so
    ca_file: Path | None = None  # None: the CAs of the system
    ca_from: str = ""
    encrypted: bool = True  # False: plain http, where no certificate is looked at

    @property
    def proxy_url(self) -> str | None:
        """The proxy for an HTTP client, password included; None to go directly. Never show or log it."""
        return self.proxy.get_secret_value() if self.proxy else None

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that trusts what is to be trusted here. Raises `NetworkError`. Reads files."""
        # without TLS there is no certificate to verify, and reading all CAs takes longer than a start may
        return ssl_context(self.ca_file) if self.encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def describe(self) -> str:
        """Say in words how the URL is reached, such as "through http://proxy.example:3128 (HTTPS_PROXY), …"."""
        way = f"through {proxy_shown(self.proxy)} ({self.proxy_from})" if self.proxy else "directly"
        if not self.encrypted:
            return f"{way}, without TLS"
        return f"{way}, trusting " + (f"{self.ca_file} ({self.ca_from})" if self.ca_file else "the CAs of the system")


def egress_for(url: str, network: Network, *, proxy: SecretStr | None = None, ca_file: Path | None = None) -> Egress:
    """Decide how a URL is reached; `proxy` and `ca_file` are the settings of the tenant it belongs to, if it has any."""
    encrypted = urlsplit(url).scheme != "http"
    way = ca = ""
    if proxy is not None:
        way = _SETTING
    elif encrypted and network.https_proxy is not None and not bypasses(url, network.no_proxy):
        proxy, way = network.https_proxy, HTTPS_PROXY
    if ca_file is not None:
        ca = _SETTING
    elif network.ssl_cert_file is not None:
        ca_file, ca = network.ssl_cert_file, SSL_CERT_FILE
    return Egress(proxy=proxy, proxy_from=way, ca_file=ca_file, ca_from=ca, encrypted=encrypted)


def bypasses(url: str, no_proxy: str) -> bool:
    """Whether `NO_PROXY` has a URL's host reached directly."""
    parts = urlsplit(url)
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)
    return any(_covers(entry, host, port) for entry in _SEPARATORS.split(no_proxy.strip().lower()) if entry)


def _covers(entry: str, host: str, port: int | None) -> bool:
    """Whether one entry of `NO_PROXY` is for a host and port."""
    if entry == "*":
        return True
    entry = entry.rpartition("://")[2]
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass  # a name, an address with a port, or two kinds of address
    try:
        parts = urlsplit(f"//{entry}")
        wanted, name = parts.port, (parts.hostname or "").removeprefix("*").strip(".")
    except ValueError:
        return False
    return bool(name) and wanted in {None, port} and (host == name or (host.endswith(f".{name}") and not _is_ip(host)))


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def read_proxy(text: str) -> SecretStr:
    """Read the URL of an HTTP proxy; without a scheme it is `http`. Raises `NetworkError`, which quotes nothing of it."""
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port_is_fine = parts.port != 0
    except ValueError:
        message = "is not a URL"
        raise NetworkError(message) from None
    if parts.scheme not in _PORTS:
        message = "is not an HTTP proxy; other kinds are not supported"
        raise NetworkError(message)
    if not parts.hostname or not port_is_fine or not text.isprintable() or re.search(r"[\s\\]", text):
        message = "is not a full URL"
        raise NetworkError(message)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        message = "has something after the host"
        raise NetworkError(message)
    return SecretStr(urlunsplit((parts.scheme, parts.netloc, "", "", "")))


def proxy_shown(proxy: SecretStr) -> str:
    """Return a proxy's URL without user and password."""
    parts = urlsplit(proxy.get_secret_value())
    return urlunsplit((parts.scheme, _host(parts), "", "", ""))


def proxy_secrets(proxy: SecretStr | None) -> tuple[SecretStr, ...]:
    """Return what must not be shown of a proxy: its password, if it has one."""
    password = urlsplit(proxy.get_secret_value()).password if proxy else None
    return (SecretStr(password),) if password else ()


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def ssl_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the CAs of a file, or those of the system. Raises `NetworkError`. Reads files."""
    if ca_file is None:
        context = ssl.create_default_context()
        if not context.cert_store_stats()["x509_ca"]:  # a slim container, which has none: those of Mozilla
            context.load_verify_locations(cafile=certifi.where())
        return context
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError:
        message = f"{ca_file} holds no certificate in PEM form"
    except OSError as error:
        message = f"{ca_file} cannot be read ({error.strerror})"
    except ValueError:
        message = "is not a path"
    raise NetworkError(message)


def is_certificate_error(error: BaseException) -> bool:
    """Whether an HTTP client's error comes from a certificate that was not accepted."""
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those behind it."""
    met: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in met:
        met.add(id(behind))
        yield behind
        behind = behind.__cause__ or behind.__context__


def _variable(environ: Mapping[str, str], name: str) -> str:
    """Return a variable's value; the name in small letters wins, also when it is empty: so one is switched off."""
    return environ.get(name.lower(), environ.get(name, "")).strip()
