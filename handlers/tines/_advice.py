"""The words for each kind of trouble with Tines: one sentence about what happened, one about what to do.

It prevents the answer that helps nobody: a bare status code. Pure text, so that it can be read and mended in one place.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What went wrong, as far as it can be told from outside."""

    KEY = "key"  # 401
    FORBIDDEN = "forbidden"  # 403
    MISSING = "missing"  # 404
    INVALID = "invalid"  # 422
    OTHER = "other"  # any other 4xx
    LIMITED = "limited"  # 429
    SERVER = "server"  # 5xx
    UNREACHABLE = "unreachable"  # no connection: nothing was sent
    CERTIFICATE = "certificate"  # its certificate is not trusted: nothing was sent
    PROXY = "proxy"  # the proxy did not let the call through: nothing was sent
    TIMEOUT = "timeout"  # connected, but no whole answer in time
    BROKEN = "broken"  # the connection broke in the middle
    MOVED = "moved"  # a redirect; never followed, it could carry the key elsewhere
    UNREADABLE = "unreadable"  # an answer, but not one that the Tines API gives


_SENTENCES: Final[Mapping[Kind, str]] = {
    Kind.KEY: "{tenant} does not accept the bot's key",
    Kind.FORBIDDEN: "the key of {tenant} may not do this",
    Kind.MISSING: "not found, or the key of {tenant} may not see it",
    Kind.INVALID: "{tenant} did not accept the request",
    Kind.OTHER: "{tenant} refused",
    Kind.LIMITED: "too many requests to {tenant}",
    Kind.SERVER: "{tenant} returned an error",
    Kind.UNREACHABLE: "{tenant} cannot be reached",
    Kind.CERTIFICATE: "the certificate of {tenant} is not trusted",
    Kind.PROXY: "the proxy blocks the connection to {tenant}",
    Kind.TIMEOUT: "{tenant} did not answer in time",
    Kind.BROKEN: "the connection to {tenant} broke before it answered",
    Kind.MOVED: "the address of {tenant} points somewhere else",
    Kind.UNREADABLE: "{tenant} gave an answer that Tines would not give",
}

_ADVICE: Final[Mapping[Kind, str]] = {
    Kind.KEY: "The key may be mistyped, revoked or of another tenant: put a valid key of {tenant} into the configuration.",
    Kind.FORBIDDEN: "Story syncing is for tenant owners: give the key of {tenant} that right, or use the key of an owner.",
    Kind.MISSING: (
        "Check that it still exists on {tenant}, and that the key is a tenant owner's: "
        "Tines also says 404 to a key that may not see something."
    ),
    Kind.INVALID: (
        "Read what Tines says. Often a story has no change control, a team was deleted, or the key for "
        "publishing on the destination is not valid there."
    ),
    Kind.OTHER: "Read what Tines says, and fix the request or the configuration of {tenant}.",
    Kind.LIMITED: "Wait a moment and try again.",
    Kind.SERVER: "Try again in a few minutes. If it continues, check the Tines status page or ask Tines support.",
    Kind.UNREACHABLE: "Check the url of {tenant} in the configuration, and that this machine's network allows the connection.",
    Kind.CERTIFICATE: (
        "If its CA is a private one, put that CA's certificate into a file, and name the file in ca_file of {tenant} or in "
        "SSL_CERT_FILE; if a file is named there already, it lacks that CA. If not, check the url and the clock."
    ),
    Kind.PROXY: (
        "Check HTTPS_PROXY, NO_PROXY and the proxy of {tenant} in the configuration, user and password in them included, "
        "and that the proxy allows the connection."
    ),
    Kind.TIMEOUT: "Try again in a few minutes. If it continues, check whether {tenant} is slow in the browser too.",
    Kind.BROKEN: "Try again. If it happens often, check proxies and firewalls between the bot and {tenant}.",
    Kind.MOVED: "Put the address that the tenant has in a browser, with nothing behind the host, into the url of {tenant}.",
    Kind.UNREADABLE: "Check that the url of {tenant} is that of a Tines tenant, and that no login page or proxy stands before it.",
}


def sentence_for(kind: Kind, tenant: str, status: int | None) -> str:
    """Return what happened in one short sentence, with the HTTP status in front where there was one."""
    sentence = _SENTENCES[kind].format(tenant=tenant)
    if status is None:
        return sentence[:1].upper() + sentence[1:] if not sentence.startswith(tenant) else sentence
    return f"{status}: {sentence}"


def advice_for(kind: Kind, tenant: str, retry_after: float | None = None) -> str:
    """Return what the reader can do next. `retry_after` is the number of seconds that Tines asked to wait for."""
    if kind is Kind.LIMITED and retry_after is not None:
        return f"Try again in {retry_after:.0f} seconds."
    return _ADVICE[kind].format(tenant=tenant)
