"""Ids and timestamps as Slack gives them out: each once, timestamps growing, missing block ids filled in."""

import copy
import itertools
import secrets
from collections.abc import Callable, Iterator
from typing import Final

from bot.playground.slack.blocks.checks import is_object, listed
from bot.playground.slack.blocks.tables import buttons_of
from bot.playground.slack.shapes import Json

_MICRO: Final = 1_000_000
NOT_ACTED_ON: Final = frozenset({"image", "plain_text", "mrkdwn"})


class Ids:
    """Gives out ids; message timestamps are unique over the whole workspace, though Slack promises it by channel."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._count = itertools.count(1)
        self._last = 0  # microseconds

    def ts(self) -> str:
        """Return a timestamp later than every other one, e.g. "1700000000.000100"."""
        self._last = max(self._last + 1, int(self._clock() * _MICRO))
        return f"{self._last // _MICRO}.{self._last % _MICRO:06d}"

    def new(self, prefix: str) -> str:
        """Return a new id, e.g. "V00000001"."""
        return f"{prefix}{next(self._count):08d}"

    def hash(self) -> str:
        """Return a new hash of a view: it changes with each update."""
        return f"{int(self._clock())}.{secrets.token_urlsafe(6)}"


def with_ids(blocks: list[Json]) -> list[Json]:
    """Return a copy of the blocks in which each block and each element has an id, made up where the app gave none."""
    filled = copy.deepcopy(blocks)
    for block in filled:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in elements_of(block):
            if element.get("type") not in NOT_ACTED_ON:
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return filled


def elements_of(block: Json) -> Iterator[Json]:
    """Yield the elements that stand in a block, wherever it holds them; not the parts of rich text."""
    if block.get("type") == "rich_text":
        return
    if block.get("type") == "data_table":
        yield from buttons_of(block)
        return
    yield from listed(block, "elements")
    for key in ("element", "accessory"):
        if is_object(block.get(key)):
            yield block[key]


def only_element(blocks: list[Json], action_id: str, value: object = None) -> tuple[Json, Json] | None:
    """Return the block and the element of this action, of several the one with the value; None unless it is the only one.

    An update renews the ids of a message's or view's blocks: a click from the moment before still finds its button by this.
    """
    found = [(block, each) for block in blocks for each in elements_of(block) if each.get("action_id") == action_id]
    if len(found) > 1:
        found = [(block, each) for block, each in found if each.get("value", "") == value]
    return found[0] if len(found) == 1 else None


def element_at(blocks: list[Json], block_id: str, action_id: str) -> tuple[Json, Json] | None:
    """Return the block and the element of these ids, or None."""
    for block in blocks:
        if block.get("block_id") == block_id:
            for element in elements_of(block):
                if element.get("action_id") == action_id:
                    return block, element
    return None
