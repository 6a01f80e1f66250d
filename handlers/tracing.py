"""One id through everything that a click leads to: Slack's request, the request's row, its jobs, the calls they make.

Without it a failed call at night cannot be told apart from a hundred others. The id is bound to the context, from
where every log line takes it; a row keeps it, so that a job finds it again after a restart or in another process.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

TRACE: Final = "trace"  # the name of the id on each line


@contextmanager
def traced(trace: str | None = None, **bound: object) -> Iterator[str]:
    """Put a trace id, and whatever else is given, on every line logged inside. Yields the id.

    Without `trace` the id already bound is kept, or a new one is made. The id is short enough to quote to a person.
    """
    trace = trace or current_trace() or f"{random.getrandbits(48):012x}"
    with structlog.contextvars.bound_contextvars(**{TRACE: trace}, **bound):
        yield trace


def current_trace() -> str | None:
    """Return the trace id that is bound now, or None."""
    trace = structlog.contextvars.get_contextvars().get(TRACE)
    return trace if isinstance(trace, str) else None
