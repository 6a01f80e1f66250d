"""A database that says nothing: connections stay open, nothing fails, and no answer comes until it is let go."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import psycopg


class Stall(StrEnum):
    """What is the matter with the database."""

    FROZEN = "postgresql frozen"  # every process of the server that serves this database, and the one that takes calls
    LOCKED = "postgresql table locked"  # by a session that somebody left open
    BUSY = "sqlite write lock held"  # by another program


@contextmanager
def _frozen(url: str) -> Iterator[None]:
    with psycopg.connect(url, autocommit=True) as connection:
        served = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    postmaster = int((Path(folder) / "postmaster.pid").read_text().split()[0])
    stopped = [postmaster, *(pid for (pid,) in served)]
    try:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)


def _locks(connection: psycopg.Connection) -> bool:
    """Lock what listeners read; False when the bot, which reads it in another order, was in the way."""
    try:
        connection.execute("LOCK TABLE chain, requests, freezes IN ACCESS EXCLUSIVE MODE")
    except psycopg.errors.DeadlockDetected:
        return False
    return True


@contextmanager
def _locked(url: str) -> Iterator[None]:
    with psycopg.connect(url) as connection:
        while not _locks(connection):
            connection.rollback()
        yield
        connection.rollback()


@contextmanager
def _busy(url: str) -> Iterator[None]:
    file = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None, timeout=5, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


_WAYS: Final[Mapping[Stall, Callable[[str], AbstractContextManager[None]]]] = {
    Stall.FROZEN: _frozen,
    Stall.LOCKED: _locked,
    Stall.BUSY: _busy,
}


@asynccontextmanager
async def stalled(how: Stall, url: str) -> AsyncIterator[None]:
    """Let a database say nothing while the block runs. The bot runs in this process, so it must not be waited for."""
    way = _WAYS[how](url)
    await asyncio.to_thread(way.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(way.__exit__, None, None, None)
