from bot.metrics import Metrics
from bot.socket_state import SocketState


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_ten_seconds_without_a_connection_are_too_long() -> None:
    """A moment between two connections is no trouble; ten seconds are, and the reason is told."""
    clock = Clock()
    state = SocketState(Metrics(), clock)
    state.starts()
    state.opened()
    assert state.wrong() == ""
    state.closed("too_many_websockets")
    clock.now += 9
    assert state.wrong() == ""
    clock.now += 1
    assert "too_many_websockets" in state.wrong()
    state.failed("link_disabled", advice="", next_in=1)
    assert "link_disabled" in state.wrong()
    state.opened()
    assert state.wrong() == ""


def test_a_connection_that_is_replaced_is_not_missed() -> None:
    """While another connection is open, the end of one changes nothing."""
    clock = Clock()
    state = SocketState(Metrics(), clock)
    state.starts()
    state.opened()
    state.opened()
    state.closed("warning")
    clock.now += 60
    assert state.wrong() == ""


def test_a_process_without_socket_mode_misses_nothing() -> None:
    """Where requests come over HTTP, no connection is looked for."""
    clock = Clock()
    state = SocketState(Metrics(), clock)
    clock.now += 1000
    assert state.wrong() == ""
