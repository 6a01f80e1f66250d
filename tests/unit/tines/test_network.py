"""Every call of Slack and Tines takes the same decision: which proxy, which certificate authorities."""

import ssl
from pathlib import Path

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from handlers.network import (
    Egress,
    Network,
    NetworkError,
    bypasses,
    egress_for,
    is_certificate_error,
    proxy_secrets,
    proxy_shown,
    read_proxy,
    ssl_context,
)

URL = "https://acme.tines.com"
PROXY = SecretStr("http://proxy.example:3128")


def test_nothing_said_is_directly_with_the_systems_cas() -> None:
    """Without settings and variables a URL is reached directly, trusting the CAs of the system."""
    egress = egress_for(URL, Network())
    assert egress == Egress()
    assert egress.proxy_url is None
    assert egress.describe() == "directly, trusting the CAs of the system"


def test_the_environment_is_honoured() -> None:
    """`HTTPS_PROXY` and `SSL_CERT_FILE` say how every https URL is reached, and are named as the reason."""
    network = Network.read({"HTTPS_PROXY": "http://proxy.example:3128", "SSL_CERT_FILE": "/etc/ca.pem"})
    egress = egress_for(URL, network)
    assert egress.proxy_url == "http://proxy.example:3128"
    assert egress.ca_file == Path("/etc/ca.pem")
    assert egress.describe() == "through http://proxy.example:3128 (HTTPS_PROXY), trusting /etc/ca.pem (SSL_CERT_FILE)"


def test_a_tenants_own_settings_come_first() -> None:
    """A tenant's `proxy` and `ca_file` win over the environment, `NO_PROXY` included."""
    network = Network.read({"HTTPS_PROXY": "http://other:1", "NO_PROXY": "*", "SSL_CERT_FILE": "/etc/other.pem"})
    egress = egress_for(URL, network, proxy=PROXY, ca_file=Path("/etc/own.pem"))
    assert (
        egress.describe()
        == "through http://proxy.example:3128 (its own setting), trusting /etc/own.pem (its own setting)"
    )


def test_small_letters_win_and_can_switch_off() -> None:
    """A variable in small letters wins over the same in capitals, also when it is empty."""
    assert Network.read({"HTTPS_PROXY": "http://a", "https_proxy": "http://b"}).https_proxy == SecretStr("http://b")
    assert Network.read({"HTTPS_PROXY": "http://a", "https_proxy": ""}) == Network()
    assert Network.read({"HTTPS_PROXY": "  ", "SSL_CERT_FILE": "", "NO_PROXY": ""}) == Network()


def test_plain_http_never_goes_through_the_proxy_of_the_environment() -> None:
    """A tenant or Slack on this machine is not asked for at a proxy elsewhere, unless it has one of its own."""
    network = Network.read({"HTTPS_PROXY": "http://proxy.example:3128"})
    assert egress_for("http://127.0.0.1:8000", network).describe() == "directly, without TLS"
    assert egress_for("http://127.0.0.1:8000", network, proxy=PROXY).proxy == PROXY


@pytest.mark.parametrize(
    ("no_proxy", "url", "directly"),
    [
        ("*", URL, True),
        ("acme.tines.com", URL, True),
        ("tines.com", URL, True),
        (".tines.com", URL, True),
        ("*.tines.com", URL, True),
        (".tines.com", "https://tines.com", True),
        ("ines.com", URL, False),
        ("ACME.Tines.COM", URL, True),
        ("acme.tines.com", "https://ACME.tines.com.", True),
        ("acme.tines.com.", URL, True),
        ("a.example, acme.tines.com", URL, True),
        ("a.example acme.tines.com", URL, True),
        (",, ,", URL, False),
        ("", URL, False),
        ("acme.tines.com:443", URL, True),
        ("acme.tines.com:8443", URL, False),
        ("acme.tines.com:8443", URL + ":8443", True),
        ("acme.tines.com:port", URL, False),
        ("https://acme.tines.com", URL, True),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3:8443", True),
        ("10.1.2.3:8443", "https://10.1.2.3:8443", True),
        ("10.1.2.3:8443", "https://10.1.2.3", False),
        ("2.3", "https://10.1.2.3", False),
        ("::1", "https://[::1]:8443", True),
        ("[::1]:8443", "https://[::1]:8443", True),
        ("[::1]", "https://[::1]", True),
        ("fd00::/8", "https://[fd12::1]", True),
        ("10.0.0.0/8", "https://[fd12::1]", False),
        ("10.0.0.0/8", URL, False),
        ("[", URL, False),
        ("localhost", "https://localhost:1", True),
    ],
)
def test_no_proxy(no_proxy: str, url: str, *, directly: bool) -> None:
    """`NO_PROXY` names hosts with their subdomains, addresses and networks, each with an optional port."""
    assert bypasses(url, no_proxy) is directly
    network = Network.read({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": no_proxy})
    assert (egress_for(url, network).proxy is None) is directly


@given(st.text(max_size=60))
def test_any_no_proxy_is_understood_or_ignored(no_proxy: str) -> None:
    """Whatever stands in `NO_PROXY`, there is a decision."""
    assert bypasses(URL, no_proxy) in {True, False}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://proxy.example:3128/", "http://proxy.example:3128"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("https://proxy.example", "https://proxy.example"),
        (" http://rina:p%40ss@[::1]:3128 ", "http://rina:p%40ss@[::1]:3128"),
    ],
)
def test_proxies_are_read(text: str, url: str) -> None:
    """A proxy is a URL, also one that was written without a scheme."""
    assert read_proxy(text).get_secret_value() == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "socks5://rina:hunter2@proxy",
        "http://rina:hunter2@proxy:port",
        "http://rina:hunter2@proxy:0",
        "http://rina:hunter2@pro xy",
        "http://rina:hunter2@proxy/path",
        "http://rina:hunter2@proxy?x",
        "http://[rina:hunter2",
    ],
)
def test_other_proxies_are_refused_in_words(text: str) -> None:
    """What is no HTTP proxy is refused in words that quote nothing of it."""
    with pytest.raises(NetworkError) as caught:
        read_proxy(text)
    assert str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_proxys_password_is_never_shown() -> None:
    """User and password are left out of every text about a proxy, and are told as secrets to mask."""
    proxy = read_proxy("http://rina:hunter2hunter2@proxy.example:3128")
    egress = egress_for(URL, Network(https_proxy=proxy))
    assert proxy_shown(proxy) == "http://proxy.example:3128"
    assert "hunter2" not in egress.describe() + repr(egress) + str(egress)
    assert proxy_secrets(proxy) == Network(https_proxy=proxy).secrets() == (SecretStr("hunter2hunter2"),)
    assert proxy_secrets(None) == proxy_secrets(PROXY) == ()


def test_a_ca_file_is_the_only_one_trusted() -> None:
    """A CA file takes the place of the system's CAs."""
    context = ssl_context(Path(certifi.where()))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) > 10
    assert ssl_context(None).verify_mode is ssl.CERT_REQUIRED


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A CA file that is missing, no file, or holds no certificate is an error with its path."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path, why in ((tmp_path / "no.pem", "cannot be read"), (tmp_path, "cannot be read"), (empty, "no certificate")):
        with pytest.raises(NetworkError, match=why) as caught:
            egress_for(URL, Network(), ca_file=path).ssl_context()
        assert str(path) in str(caught.value)


def test_certificate_errors_are_recognized_behind_others() -> None:
    """An error of an HTTP client tells whether a certificate was at the bottom of it."""
    error = OSError("connect")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    assert is_certificate_error(error)
    assert not is_certificate_error(OSError("refused"))
