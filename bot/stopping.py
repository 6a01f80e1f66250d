"""The last bound on a stop: a process is gone in time, whatever it still waits for.

A database that says nothing holds up the threads of its drivers, and Python waits for threads before it ends. What is
cut off here is as safe as under `kill -9`: it was committed, or somebody else looks at its row again.
"""

import os
import threading
from typing import Final

import structlog

MOST_SECONDS: Final = 22.0  # of the 25 that a stop may take
_CUT_OFF: Final = 1  # exit status


def end_in_time(seconds: float = MOST_SECONDS) -> None:
    """End this process after some seconds, unless it has ended by then."""
    timer = threading.Timer(seconds, _end)
    timer.daemon = True  # it holds up nothing itself
    timer.start()


def _end() -> None:
    structlog.get_logger(__name__).warning("the stop was too slow; what is left is resumed later")
    os._exit(_CUT_OFF)
