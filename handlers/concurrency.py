"""Doing several things at once."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


async def side_by_side(*work: Coroutine[None, None, T]) -> list[T]:
    """Return the answers in the order of the work; the first error ends the rest of it and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except ExceptionGroup as errors:
        first = errors.exceptions[0]
    else:
        return [task.result() for task in tasks]
    raise first


async def both(one: Coroutine[None, None, T], other: Coroutine[None, None, U]) -> tuple[T, U]:
    """Return the answers of two kinds of work, done at the same time; the first error is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(one), group.create_task(other)
    except ExceptionGroup as errors:
        error = errors.exceptions[0]
    else:
        return first.result(), second.result()
    raise error
