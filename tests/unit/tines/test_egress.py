"""A tenant behind a private CA, or only reachable through a proxy, is reached over real connections."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from handlers.network import Network
from handlers.routes import Tenant
from handlers.tines import Kind, RetryableError, RetryPolicy, TinesClient

TLS = Path(__file__).parent / "tls"  # a CA of these tests, and a certificate of it for dev.tines.example and localhost
CA = TLS / "ca.pem"
ONCE = RetryPolicy(attempts=1)
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{"stack":{"name":"us1"}}'

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def tines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one call as `/info` does."""
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
    except asyncio.IncompleteReadError:
        pass  # a client that did not like the certificate
    finally:
        writer.close()


@asynccontextmanager
async def listening(serve: Serve, *, tls: bool = False) -> AsyncIterator[int]:
    """Serve on a free port of this machine."""
    context = None
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(TLS / "server.pem")
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


class Proxy:
    """An HTTP proxy that leads every tunnel to one port, whatever host was asked for."""

    def __init__(self, port: int, refusal: bytes = b"") -> None:
        self._port = port
        self._refusal = refusal
        self.asked: list[str] = []  # heads of what arrived

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one `CONNECT`, and pass on both ways."""
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if self._refusal:
            writer.write(self._refusal)
            await writer.drain()
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def tenant(url: str, *, ca_file: Path | None = None, proxy: str | None = None) -> Tenant:
    """Return the tenant at a URL."""
    key = SecretStr("dev-key-0123456789")
    return Tenant(alias="dev", url=url, api_key=key, ca_file=ca_file, proxy=SecretStr(proxy) if proxy else None)


async def stack_of(tenant: Tenant, network: Network) -> str:
    """Ask a tenant for the name of its stack."""
    async with TinesClient(tenant, network=network, retry_policy=ONCE) as client:
        return (await client.info()).stack.name


async def refused(tenant: Tenant, network: Network) -> RetryableError:
    """Return the error of a tenant that cannot be reached, told as surely not sent, also for a write."""
    async with TinesClient(tenant, network=network, retry_policy=ONCE) as client:
        with pytest.raises(RetryableError):
            await client.manual_sync(1)
        with pytest.raises(RetryableError) as caught:
            await client.info()
    return caught.value


async def test_a_private_ca_is_trusted_where_it_is_named() -> None:
    """A tenant behind a private CA is reached with its own `ca_file`, and with `SSL_CERT_FILE`."""
    async with listening(tines, tls=True) as port:
        url = f"https://localhost:{port}"
        assert await stack_of(tenant(url, ca_file=CA), Network()) == "us1"
        assert await stack_of(tenant(url), Network.read({"SSL_CERT_FILE": str(CA)})) == "us1"


async def test_an_unknown_ca_is_an_error_with_advice_about_cas() -> None:
    """A certificate that nobody here trusts says so, and how to have its CA trusted."""
    async with listening(tines, tls=True) as port:
        error = await refused(tenant(f"https://localhost:{port}"), Network())
    problem = error.problem()
    assert error.kind is Kind.CERTIFICATE
    assert problem.what == "The certificate of dev is not trusted"
    assert "ca_file of dev" in problem.advice
    assert "SSL_CERT_FILE" in problem.advice
    assert "certificate verify failed" in problem.words.lower()


@pytest.mark.parametrize("own", [True, False])
async def test_a_proxy_is_the_way_out(*, own: bool) -> None:
    """A tenant that only a proxy can reach is reached through it, as its setting or `HTTPS_PROXY` say."""
    async with listening(tines, tls=True) as port:
        proxy = Proxy(port)
        async with listening(proxy.serve) as way:
            address = f"http://rina:hunter2hunter2@127.0.0.1:{way}"
            dev = tenant("https://dev.tines.example", ca_file=CA, proxy=address if own else None)
            assert await stack_of(dev, Network.read({} if own else {"HTTPS_PROXY": address})) == "us1"
    assert [each.split("\r\n")[0] for each in proxy.asked] == ["CONNECT dev.tines.example:443 HTTP/1.1"]
    assert "proxy-authorization: basic" in proxy.asked[0].lower()
    assert "dev-key" not in proxy.asked[0]


async def test_no_proxy_is_reached_directly() -> None:
    """A host that `NO_PROXY` names is reached directly."""
    async with listening(tines, tls=True) as port:
        network = Network.read({"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "localhost"})
        assert await stack_of(tenant(f"https://localhost:{port}", ca_file=CA), network) == "us1"


async def test_a_proxy_that_refuses_is_named() -> None:
    """A proxy that wants a password says so; what it was asked to pass on never reached the tenant."""
    proxy = Proxy(0, b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    async with listening(proxy.serve) as way:
        network = Network.read({"HTTPS_PROXY": f"http://rina:hunter2hunter2@127.0.0.1:{way}"})
        error = await refused(tenant("https://dev.tines.example"), network)
    assert error.kind is Kind.PROXY
    assert error.words == "407 Proxy Authentication Required"
    assert "HTTPS_PROXY" in error.problem().advice
    assert "hunter2" not in repr(error.problem())
