"""Files that a command writes: whole or not there, and never over something that nobody said may go.

It prevents an export that ended half way and looks like all there is, and a command typed twice that replaces what an
auditor was given.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click


@contextmanager
def written(target: Path, *, overwrite: bool, never: Path | None = None) -> Iterator[TextIO]:
    """Give a file to write to, which appears under its name when all of it is written, readable for its owner alone.

    Nothing is left behind when the block ends with an error. What is no ordinary file, such as a pipe, is written to
    directly. Raises `click.ClickException` when the file exists and may not be overwritten, is `never` to be, or cannot
    be written.
    """
    try:
        if target.exists() and not target.is_file():
            with target.open("w", encoding="utf-8", newline="") as sink:
                yield sink
            return
        _refuse_existing(target, overwrite=overwrite, never=never)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
        partial = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as sink:
                yield sink
                sink.flush()
                os.fsync(sink.fileno())
            _refuse_existing(target, overwrite=overwrite, never=never)  # it may have appeared meanwhile
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror}"
        raise click.ClickException(message) from None


def _refuse_existing(target: Path, *, overwrite: bool, never: Path | None) -> None:
    if not target.exists():
        return
    if never is not None and never.exists() and target.samefile(never):
        message = f"{target} is the database itself: choose another file"
        raise click.ClickException(message)
    if not overwrite:
        message = f"{target} exists already: choose another file, or overwrite it with --force"
        raise click.ClickException(message)
