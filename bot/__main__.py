"""The program `tines-sync`, also as `python -m bot`.

As the first process of a container nothing ends a program on SIGTERM that has not asked for it, and the libraries of
a command take a second to load: the signal is asked for before anything else.
"""

import os
import signal
from types import FrameType


def run() -> None:
    """Run the command line. Until a command takes over the signal, SIGTERM ends the process at once."""
    signal.signal(signal.SIGTERM, _end)

    from bot.cli import main  # noqa: PLC0415 - the signal comes first

    main(prog_name="tines-sync")


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    run()
