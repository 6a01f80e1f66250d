"""Logging is the process's: whoever configures it for a test gives it back as it was."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def logging_as_before() -> Iterator[None]:
    """Leave the process's logging as it was found."""
    root, dbos = logging.getLogger(), logging.getLogger("dbos")
    before, level, handlers, propagate = list(root.handlers), root.level, list(dbos.handlers), dbos.propagate
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        dbos.handlers[:] = handlers
        dbos.propagate = propagate
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
