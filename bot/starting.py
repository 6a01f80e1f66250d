"""What a start needs of this machine: a free address to listen on, and an SQLite file to itself.

Both are taken before anything else is begun, so that a start that cannot work ends with one line that says why.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

from handlers.store.files import private_file

_BIND_ADVICE: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.EADDRINUSE: "is taken: stop what listens there, or set {port} to another",
        errno.EACCES: "may not be used by this process: set {port} to one above 1023",
        errno.EPERM: "may not be used by this process: set {port} to one above 1023",
    }
)


class StartError(Exception):
    """The bot cannot start; the text says why and what to do."""


@contextmanager
def bound_to(
    host: str, port: int, *, names: tuple[str, str] = ("HOST", "PORT"), listens: bool = False
) -> Iterator[list[socket.socket]]:
    """Bind a port on every address of a host. Unless it `listens` at once, `listen` is called when there are answers.

    Until somebody listens, another process that starts at the same moment can bind the port as well.

    `names`: the variables that say host and port, for the words of the `StartError` that it raises.
    """
    with ExitStack() as stack:
        sockets = []
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (socket.gaierror, UnicodeError):
            message = f"{names[0]} {host!r} is not known here: set it to 0.0.0.0, or to an address of this machine"
            raise StartError(message) from None
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                bound = stack.enter_context(socket.socket(family, kind, protocol))
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                bound.bind(address)
                if listens:
                    bound.listen()
            except OSError as error:
                if error.errno == errno.EAFNOSUPPORT and len(found) > 1:
                    continue  # a name that has an address of a kind that this machine has not
                raise StartError(_cannot_bind(host, port, error, names)) from None
            sockets.append(bound)
        yield sockets


def listen(sockets: Iterable[socket.socket], backlog: int) -> None:
    """Let the public port take connections. Raises `StartError` when another process began to listen there first."""
    for each in sockets:
        try:
            each.listen(backlog)
        except OSError as error:
            host, port = each.getsockname()[:2]
            raise StartError(_cannot_bind(host, port, error, ("HOST", "PORT"))) from None


def _cannot_bind(host: str, port: int, error: OSError, names: tuple[str, str]) -> str:
    advice = _BIND_ADVICE.get(error.errno or 0)
    if advice is not None:
        return f"port {port} on {host} {advice.format(port=names[1])}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine: set {names[0]} to 0.0.0.0, or to one that is"
    return f"this process cannot listen on {host}, port {port}: {(error.strerror or 'unknown error').lower()}"


@contextmanager
def alone_on(file: str) -> Iterator[None]:
    """Hold a lock beside an SQLite file: two processes on it would take each other's jobs for a dead one's.

    Raises `StartError`, and `handlers.store.DatabaseFileError`.
    """
    path = Path(f"{file}.lock")
    lock = private_file(path)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = (
                f"another tines-sync uses {file}. For more than one process, set DATABASE_URL to a PostgreSQL database."
            )
            raise StartError(message) from None
        yield
    finally:
        os.close(lock)
