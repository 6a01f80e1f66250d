"""Two processes that start at the same moment do not get the same port."""

import pytest

from bot.starting import StartError, bound_to, listen


def test_a_port_that_is_listened_on_at_once_is_taken() -> None:
    """The port of the figures belongs to the first process from the moment it is bound."""
    with bound_to("127.0.0.1", 0, listens=True) as first:
        port = first[0].getsockname()[1]
        with (
            pytest.raises(StartError, match=f"port {port} on 127.0.0.1 is taken.*set METRICS_PORT to another"),
            bound_to("127.0.0.1", port, names=("METRICS_HOST", "METRICS_PORT"), listens=True),
        ):
            pass


def test_whoever_listens_first_has_the_port() -> None:
    """Bound by both before either answers, the public port is one's; the other one ends with what to do about it."""
    with bound_to("127.0.0.1", 0) as first:
        port = first[0].getsockname()[1]
        with bound_to("127.0.0.1", port) as second:
            listen(first, 10)
            with pytest.raises(StartError, match=f"port {port} on 127.0.0.1 is taken.*set PORT to another"):
                listen(second, 10)
